"""Which strips of an export are learned from, which end the training and which measure it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from training.prompts.photos import Split

HELD_OUT = 0.2
"""Share of the strips that stop the training early, and again of those that measure it."""

FEWEST_HELD_OUT = 10
"""Strips: on fewer an accuracy says next to nothing."""
FEWEST = round(FEWEST_HELD_OUT / HELD_OUT)
ENOUGH = (
    f"Enough is {FEWEST} strips with an order: a fifth of them, {FEWEST_HELD_OUT} at least, "
    "measures the result and is never learned from. On fewer an accuracy says next to nothing."
)


def divide(photos: Mapping[str, str]) -> dict[str, Split]:
    """The split of each strip. photos: the photo of each, by the strip's name.

    An export is small, so shares are kept as well as whole photos allow, instead of left to chance:
    a photo is never on two sides, the one with most strips is learned from, and those with few are
    held out first, because an accuracy is the surer the more photos it is from.
    """
    counts = Counter(photos.values())
    by_size = sorted(counts, key=lambda photo: (counts[photo], _shuffled(photo)))
    splits: dict[str, Split] = {}
    held_out: dict[Split, float] = dict.fromkeys(("test", "validation"), HELD_OUT * len(photos))
    for photo in by_size[:-1]:
        splits[photo] = "train"
        for part, room in held_out.items():
            if room > 0:
                splits[photo] = part
                held_out[part] = room - counts[photo]
                break
    splits |= dict.fromkeys(by_size[-1:], "train")
    return {strip: splits[photo] for strip, photo in photos.items()}


def join_photos(exports: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The photo of each strip of several exports, for all of them to be divided together.

    Photos of one name are taken for one; and because an export may number them anew, so is a photo
    of two names that has a strip in both.
    """
    joined: dict[str, str] = {}
    for photos in exports:
        known = {photo: joined[strip] for strip, photo in photos.items() if strip in joined}
        for strip, photo in photos.items():
            joined.setdefault(strip, known.get(photo, photo))
    return joined


def lacking(photos: Sequence[str]) -> str:
    """What is missing before a reward can learn from an export and be measured: one sentence, ""
    when it is enough. photos: of each strip that tells an order."""
    missing = FEWEST - len(photos)
    if missing > 0:
        strips = "1 more strip" if missing == 1 else f"{missing} more strips"
        return f"Tell what you like on {strips}: with a thumb, by accepting, or by an order."
    splits = list(divide({str(number): photo for number, photo in enumerate(photos)}).values())
    if min(splits.count("validation"), splits.count("test")) < FEWEST_HELD_OUT:
        return (
            "Too few photos: a fifth of the strips has to be of photos that are not learned from. "
            "Repair others, too."
        )
    return ""


def _shuffled(photo: str) -> str:
    return hashlib.sha256(photo.encode()).hexdigest()
