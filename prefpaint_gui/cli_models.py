"""`prefpaint models`: which models there are, where they lie, and how they come and go. No Qt."""

import json
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from prefpaint_gui.cli_output import JsonOption, YesOption, agreed, show_progress
from prefpaint_gui.inpainters import model_store
from training.inpainting.builtin_models import CARD
from training.inpainting.checkpoint_files import FAMILY_TITLES
from training.inpainting.hub_plan import DownloadPlan, bytes_on_disk
from training.inpainting.model_entry import HUB_PAGE, ModelEntry, hub_id_of, size_text
from training.inpainting.model_store import ModelStore

models = typer.Typer(
    help="List, add, download and remove the models that holes are filled with.\n\n"
    "The network is used by `download` and `add ID` alone: they ask the hub what there is, and "
    "download after you agree.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@models.command("list", epilog="Example: prefpaint models list --json")
def list_command(as_json: JsonOption = False) -> None:
    """Show every model: its name, family, size, licence and where it lies.

    `fill --model` takes the name; of a reward model, `fill --reward`. Built-in models come first;
    the next ones are offered for download; below them stands what you have added or downloaded
    yourself.
    """
    store = model_store()
    entries = store.entries()
    _print_notice(store)
    if as_json:
        print(json.dumps([_as_json(entry) for entry in entries], indent=2, ensure_ascii=False))
        return
    cells = [("name", "family", "size", "licence", "where")]
    cells += [
        (
            entry.name,
            "-" if entry.is_builtin else FAMILY_TITLES[entry.family],
            "-" if entry.size_bytes is None else size_text(entry.size_bytes),
            entry.licence,
            _where(entry),
        )
        for entry in entries
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        texts = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(texts).rstrip())
    for entry in entries:
        if entry.provenance:
            print(f"\n{entry.name}: {entry.provenance} See {Path(entry.source) / CARD}")
    print(f"\nDownloads lie in {store.folder}")


@models.command(epilog="Example: prefpaint models add ~/checkpoints/realistic-inpainting")
def add(
    model: Annotated[
        str,
        typer.Argument(
            metavar="PATH-or-ID",
            show_default=False,
            help="A folder in diffusers' layout, or a .safetensors file with a whole Stable "
            "Diffusion 1, 2 or XL model. A hub id, or the name of an offered model, is downloaded.",
        ),
    ],
    yes: YesOption = False,
) -> None:
    """Give a model on this computer a short name, under which it is listed from now on.

    Nothing is copied or moved: the model stays yours, where it is. The path works without this
    as well: fill --model PATH. What is not on this computer is fetched as by download.
    """
    store = model_store()
    path = Path(model).expanduser()
    kept = store.listed(model)
    if not path.exists() and hub_id_of(kept.source if kept else model):
        _download(store, model, yes, full_precision=False)
        return
    entry = store.add(path)
    _print_notice(store)
    print(f"{entry.name} ({_described(entry)}) is listed; it stays in {entry.location}")


@models.command(epilog="Example: prefpaint models download prefpaint-v1.0")
def download(
    model: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            show_default=False,
            help="A hub id (OWNER/NAME, as on https://huggingface.co) or the name of an offered "
            "model.",
        ),
    ],
    yes: YesOption = False,
    full_precision: Annotated[
        bool,
        typer.Option(
            "--full-precision",
            help="Take 32-bit weights even where 16-bit ones, half the size, are to be had; for "
            "training from them.",
        ),
    ] = False,
) -> None:
    """Fetch a model from the Hugging Face hub, after showing its size, licence and place.

    Only what filling needs is fetched: safetensors rather than pickled weights, never programs.
    Ctrl+C stops it; the same command goes on from there. Models that ask for an account use your
    own `hf auth login`.
    """
    _download(model_store(), model, yes, full_precision)


@models.command(epilog="Example: prefpaint models remove sd-1.5-inpainting")
def remove(
    name: Annotated[
        str, typer.Argument(metavar="NAME", show_default=False, help="As `models list` shows it.")
    ],
    yes: YesOption = False,
) -> None:
    """Delete a downloaded model, or take one that you added off the list.

    What you added by path is never deleted, only forgotten. Offered models stay on the list, to be
    downloaded again.
    """
    store = model_store()
    entry = store.listed(name)
    _print_notice(store)
    folder = store.folder / entry.name if entry and entry.is_downloaded else None
    if folder and not agreed(f"Delete {folder}?", yes):
        print("Nothing was removed.")
        return
    store.remove(name)
    if folder:
        print(f"{folder} is deleted")
    else:
        print(f"{name} is off the list; {entry.source if entry else name} stays as it is")


def _download(store: ModelStore, model: str, yes: bool, full_precision: bool) -> None:
    kept = store.downloaded(model, half_precision=not full_precision)
    _print_notice(store)
    if kept:
        print(f"{kept.name} is already here, in {kept.location}")
        return
    cancel = threading.Event()  # never set: Ctrl+C ends the child process by itself
    plan = store.plan(model, cancel, half_precision=not full_precision)
    _show_plan(plan, store.place_of(plan))
    if not agreed("Download it?", yes):
        print("Nothing was downloaded.")
        return
    with show_progress("Downloading") as on_event:
        entry = store.download(model, on_event, cancel, plan=plan)
    print(f"{entry.name} ({_described(entry)}) is ready in {entry.location}")


def _as_json(entry: ModelEntry) -> dict[str, object]:
    return {**asdict(entry), "location": str(entry.location) if entry.location else None}


def _where(entry: ModelEntry) -> str:
    if entry.is_builtin:
        return "built in"
    return {
        "ready": str(entry.location),
        "absent": f"not here yet: prefpaint models download {entry.name}",
        "unfinished": f"unfinished: prefpaint models download {entry.name}",
        "missing": f"gone from {entry.source}",
    }[entry.state]


def _described(entry: ModelEntry) -> str:
    size = size_text(entry.size_bytes) if entry.size_bytes else "size unknown"
    return f"{FAMILY_TITLES[entry.family]}, {size}"


def _show_plan(plan: DownloadPlan, folder: Path) -> None:
    here = bytes_on_disk(plan, folder)
    already = f", {size_text(here)} already here" if here else ""
    rows = [
        ("model", f"{HUB_PAGE}{plan.hub_id}"),
        *(("and from", address) for address in plan.other_addresses),
        ("size", f"{size_text(plan.size_bytes)}{already}"),
        ("licence", plan.licence or "not stated: see the page above"),
        ("to", str(folder)),
    ]
    for name, value in rows:
        print(f"{name:<10}{value}")
    if plan.is_pickled:
        print("Some weights exist only as pickles; they will be read as plain numbers or not.")


def _print_notice(store: ModelStore) -> None:
    if store.notice:
        print(f"prefpaint: {store.notice}", file=sys.stderr)
