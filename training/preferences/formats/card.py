"""The data card, README.md in every export: what is there, what is not, and where it comes from."""

from training.preferences.records import Signal
from training.preferences.tally import Tally

NOT_STATED = "not stated"
LICENCES = {
    NOT_STATED: "",
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "CC0 1.0": "cc0-1.0",
}
"""What the person may choose, and its short name on Hugging Face."""
SAID: dict[Signal, tuple[str, str]] = {
    "up": ("thumb up", "thumbs up"),
    "down": ("thumb down", "thumbs down"),
    "accept": ("accepted into the photo", "accepted into the photo"),
    "order": ("explicit order of a strip", "explicit orders of a strip"),
    "best": ("answer to “which is best?”", "answers to “which is best?”"),
    "none": ("“none of these”", "“none of these”"),
    "rating": ("rating in three criteria", "ratings in three criteria"),
    "skip": ("prompt passed over", "prompts passed over"),
}
"""Each signal in words, once and many times."""


def said_words(signals: dict[Signal, int]) -> str:
    """Such as "3 thumbs up, 1 explicit order of a strip"."""
    counts = [(signals.get(signal, 0), words) for signal, words in SAID.items()]
    return ", ".join(f"{count} {words[count != 1]}" for count, words in counts if count)


def counted(count: int, one: str, many: str) -> str:
    """Such as "1 strip" or "2,000 strips"."""
    return f"{count:,} {one if count == 1 else many}"


def data_card(
    tally: Tally, licence: str, what_is_what: str, *, is_whole: bool, photos: int = 0
) -> str:
    """README.md. what_is_what: the format's own part.

    is_whole: whether what identifies is kept, as an archive for `import` needs it. photos: how many
    whole photos are there.
    """
    models = ", ".join(f"{name} ({count:,})" for name, count in sorted(tally.models.items()))
    rewards = ", ".join(sorted(tally.reward_models)) or "none"
    beyond = "The photos beyond the region around each hole"
    if photos:
        beyond += f", but for {counted(photos, 'photo that is', 'photos that are')} here whole"
        what_is_what += _PHOTOS_WHOLE if is_whole else _PHOTOS
    private = (_PRIVATE_WHOLE if is_whole else _PRIVATE).format(beyond=beyond)
    return _CARD.format(
        front=f"license: {LICENCES[licence]}\n" if LICENCES[licence] else "",
        strips=counted(tally.strips, "strip", "strips"),
        candidates=counted(tally.candidates, "fill", "fills"),
        photos=counted(len(tally.photos), "photo", "photos"),
        opinions=counted(tally.opinions, "opinion", "opinions"),
        persons=counted(len(tally.persons), "person", "people"),
        said=said_words(tally.signals),
        first=tally.first[:10],
        last=tally.last[:10],
        skipped=(
            f"\n{counted(tally.skipped, 'strip was', 'strips were')} left out because pictures "
            "were missing or altered on disk, or figures no numbers.\n"
            if tally.skipped
            else ""
        ),
        what_is_what=what_is_what,
        models=models,
        rewards=rewards,
        licence=(
            "The person who exported this stated no licence: ask before you use it."
            if licence == NOT_STATED
            else f"{licence}, chosen by the person who exported this."
        ),
        private=private,
    )


_CARD = """---
{front}pretty_name: Preferences collected with PrefPaint
tags: [image-inpainting, preferences]
---
# Preferences collected with PrefPaint

{strips} of fills for holes in {photos}, {candidates} in all, and {opinions} of {persons} on them,
given from {first} to {last}: {said}.
{skipped}
## How it was collected

In PrefPaint, a desktop editor. A person masked a part of a photo, several fills were made, and they
were shown side by side, best first by the reward model or by what had been learned of the person's
taste, or in no order when they were being rated; the person said something of some of them, or
nothing. So position and the figures beside a fill may have swayed what was said: `rank` is
the place at which a fill stood (the first time, where answers moved it); `reward` and `trust` are
the reward model's, on whose scale the person may have seen figures bent to their own taste.

Every opinion is a person's, as it was given: no score was made up from a thumb or an order, and
nothing here was said by a model.

## What is what

{what_is_what}

## Provenance

Fills by model: {models}. Reward model on screen: {rewards}.

## What is not here

{private}

## Licence

{licence} The pictures are parts of photographs, which may have rights and people of their own.
"""
_PHOTOS = """

- `photos/photo-<n>.png`: the whole photos that the person had kept, pixels alone; they show what
  lay under the masks too. `photos/regions.json`: for each `prompt_id`, its photo and the top, left,
  height and width of its region there."""
_PHOTOS_WHOLE = """
- `images/<photo_sha256>.png`: the whole photos that the person had kept, pixels alone."""
_PRIVATE = """\
- Names and places of files, EXIF and other data of the photos: the pictures are pixels alone.
- {beyond}, and what lay under the mask.
- Names of people: they are rater-1, rater-2, ...; photos are photo-1, photo-2, ...
- The personal reward that PrefPaint learns from these opinions."""
_PRIVATE_WHOLE = """\
- Names and places of the photos, EXIF and other data of theirs: the pictures are pixels alone.
- {beyond}.
- The personal reward that PrefPaint learns from these opinions; it is learned again after `import`.

**What is here and in no other format**, because `import` needs it: the names under which people
gave their opinions, what lay under the masks, a hash of the pixels of each photo (`photo_sha256`,
by which somebody who has the photo can recognise it), and the names of the prompts in collections
that were rated. Keep this archive for yourself; publish one of the other formats."""
