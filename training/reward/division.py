"""Which strips of an export are learned from, which end the training and which measure it."""

import hashlib
from collections import Counter
from collections.abc import Mapping

from training.prompts.photos import Split

HELD_OUT = 0.2
"""Share of the strips that stop the training early, and again of those that measure it."""


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
        part = next((name for name, room in held_out.items() if room > 0), "train")
        splits[photo] = part
        if part in held_out:
            held_out[part] -= counts[photo]
    splits |= dict.fromkeys(by_size[-1:], "train")
    return {strip: splits[photo] for strip, photo in photos.items()}


def _shuffled(photo: str) -> str:
    return hashlib.sha256(photo.encode()).hexdigest()
