"""The models that are compared: how they are named, and what tells that one is still the same."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.errors import PrefPaintError
from training.inpainting.checkpoint_files import check_lora, identify

FOLDER_NAME = re.compile(r"[\w][\w .-]*")


@dataclass(frozen=True)
class Contender:
    """An inpainting model, a folder or .safetensors file, with LoRAs that are added to it."""

    name: str
    path: Path
    loras: tuple[Path, ...] = ()

    def check(self) -> None:
        """Raise PrefPaintError unless the files can fill and fit together."""
        info = identify(self.path)
        for lora in self.loras:
            check_lora(lora, info.family)

    @property
    def digest(self) -> str:
        """Of the content of all files: other weights at the same path are another model."""
        digest = hashlib.sha256()
        for path in (self.path, *self.loras):
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in (file for file in files if file.is_file()):
                with file.open("rb") as opened:
                    digest.update(hashlib.file_digest(opened, "sha256").digest())
        return digest.hexdigest()


def read_contenders(words: Sequence[str]) -> list[Contender]:
    """From what is said on the command line: PATH, NAME=PATH, or with BASE+LORA for the path.

    Raises PrefPaintError for two of one name, a name that cannot be a folder's, and files that
    cannot fill.
    """
    contenders = [_read_contender(word) for word in words]
    names = [contender.name for contender in contenders]
    for contender in contenders:
        if names.count(contender.name) > 1:
            raise PrefPaintError(
                f"Two models are called {contender.name}. Name them, such as "
                f"before={contender.path}."
            )
        contender.check()
    return contenders


def find_base(name: str | None, contenders: Sequence[Contender]) -> str:
    """The name of the model that the others are compared with: the first, where none is given."""
    names = [contender.name for contender in contenders]
    if name is not None and name not in names:
        raise PrefPaintError(f"No model is called {name}. Choose one of: {', '.join(names)}.")
    return name or names[0]


def _read_contender(word: str) -> Contender:
    name, is_named, rest = word.partition("=")
    if not is_named or Path(word).exists():
        name, rest = "", word
    path, *loras = [Path(rest)] if Path(rest).exists() else [Path(p) for p in rest.split("+")]
    last = loras[-1] if loras else path
    name = name or (last.stem if last.suffix == ".safetensors" else last.resolve().name)
    if not FOLDER_NAME.fullmatch(name):
        raise PrefPaintError(
            f"{word}: {name!r} cannot be a model's name. Use letters, digits, spaces, - and _."
        )
    return Contender(name, path, tuple(loras))
