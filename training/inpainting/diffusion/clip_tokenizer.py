"""CLIP's tokenizer, which models of one file do not bring along; see resources/tokenizer."""

import gzip

from transformers import CLIPTokenizer

from resources import FOLDER

START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = 49152 - 256 - 2
"""As many as CLIP takes from the list."""
LONGEST_PROMPT = 77


def make_tokenizer(pad: str = END) -> CLIPTokenizer:
    """The tokenizer of 49,408 tokens. pad: what fills up short prompts; OpenCLIP's is "!"."""
    packed = (FOLDER / "tokenizer" / "clip-merges.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode().split("\n")[1 : MERGES + 1]  # the first is a title
    merges = [tuple(line.split()) for line in lines]
    letters = _letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges)]
    vocab = {token: number for number, token in enumerate([*words, START, END])}
    return CLIPTokenizer(
        vocab=vocab,
        merges=merges,  # type: ignore[arg-type]  # a list of pairs, whatever transformers declares
        pad_token=pad,
        model_max_length=LONGEST_PROMPT,
    )


def _letters() -> list[str]:
    """One for each byte, in CLIP's order: those that print themselves, then 256 and on."""
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(code) for code in (*printing, *range(256, 512 - len(printing)))]
