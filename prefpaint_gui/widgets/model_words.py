"""What is said of models and downloads."""

import math
from dataclasses import dataclass
from pathlib import Path

from prefpaint_gui.state.jobs import RunningProgress
from prefpaint_gui.state.library import Offer
from training.inpainting.checkpoint_files import FAMILY_TITLES
from training.inpainting.model_entry import HUB_PAGE, ModelEntry, size_text


@dataclass(frozen=True)
class RowWords:
    """title and state: the first line of a row. facts, place: the second and the third."""

    title: str
    state: str
    facts: str
    place: str


def row_words(entry: ModelEntry, *, is_used: bool, is_coming: bool) -> RowWords:
    """is_used: fills are made with it now. is_coming: it is being downloaded."""
    states = {
        "ready": "In use" if is_used else "Ready",
        "absent": "Not on this computer",
        "unfinished": "Not complete",
        "missing": "Not where it was",
    }
    state = "Downloading" if is_coming else states[entry.state]
    return RowWords(entry.title, state, _facts(entry), _place(entry))


def _facts(entry: ModelEntry) -> str:
    family = FAMILY_TITLES[entry.family]
    size = size_text(entry.size_bytes) if entry.size_bytes else None
    if entry.is_builtin:
        family = "Continues the photo’s own texture" if size is None else "Small diffusion model"
    plain = entry.is_builtin or entry.licence[:1].isupper()
    licence = entry.licence if plain else f"licence: {entry.licence}"
    return " · ".join(part for part in (family[0].upper() + family[1:], size, licence) if part)


def _place(entry: ModelEntry) -> str:
    if entry.is_builtin:
        return " · ".join(filter(None, ("Part of PrefPaint", entry.provenance)))
    return {
        "ready": short_path(entry.location or Path()),
        "absent": f"{HUB_PAGE}{entry.source}",
        "unfinished": f"{HUB_PAGE}{entry.source}",
        "missing": f"There is nothing at {short_path(Path(entry.source))} now",
    }[entry.state]


def short_path(path: Path) -> str:
    """With ~ for the person's own folder."""
    home = Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else str(path)


def offer_rows(offer: Offer) -> list[tuple[str, str]]:
    """Name and value of what the person agrees to."""
    here = f", {size_text(offer.bytes_here)} of it already here" if offer.bytes_here else ""
    return [
        ("From", f"{HUB_PAGE}{offer.plan.hub_id}"),
        *(("And from", address) for address in offer.plan.other_addresses),
        ("Size", size_text(offer.plan.size_bytes) + here),
        ("Licence", offer.plan.licence or "not stated: see the page above"),
        ("To", short_path(offer.folder)),
    ]


def offer_note(offer: Offer) -> str:
    """What else there is to know of it."""
    if offer.plan.is_pickled:
        return "Some weights exist only as pickles; they will be read as plain numbers or not."
    return ""


def progress_words(progress: RunningProgress, offer: Offer) -> str:
    """How much has arrived, and how long the rest will take."""
    if progress.share >= 1:
        return "Making it ready…"
    total = offer.plan.size_bytes
    arrived = f"{size_text(round(progress.share * total))} of {size_text(total)}"
    if progress.seconds_left is None:
        return arrived
    return f"{arrived} · {time_left(progress.seconds_left)}"


def time_left(seconds: float) -> str:
    if seconds < 60:
        return f"{max(1, math.ceil(seconds))} s left"
    if seconds < 3600:
        return f"{math.ceil(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"


def removal_words(entry: ModelEntry) -> tuple[str, str, str]:
    """The question, what becomes of the files, and the word of the button."""
    if not entry.is_downloaded:
        where = short_path(Path(entry.source))
        return (
            f"Take {entry.title} off the list?",
            f"No file is deleted: what lies at {where} stays as it is.",
            "Take off the list",
        )
    size = f" ({size_text(entry.size_bytes)})" if entry.size_bytes else ""
    if entry.state == "unfinished":
        size = ""
    return (
        f"Delete {entry.title}?",
        f"The downloaded files{size} are deleted. They can be downloaded again.",
        "Delete",
    )
