"""`prefpaint rate`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from prefpaint_gui.cli_output import JsonOption, Windows
from prefpaint_gui.paths import data_folder
from prefpaint_gui.state.rater import rater_name
from training.errors import PrefPaintError
from training.preferences.agreement import Agreement, alpha_word, measure_agreement
from training.preferences.store import PreferenceStore
from training.prompts.paper_folder import check_folder, list_prompts


def rate(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", show_default=False, help="Folder of prompts to rate."),
    ],
    rater: Annotated[
        str | None,
        typer.Option(metavar="NAME", show_default=False, help="Who rates; asked for if left out."),
    ] = None,
    agreement: Annotated[
        bool, typer.Option("--agreement", help="Print how far the raters agree; no window.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Rate reconstructions in three criteria, by keyboard alone.

    DIR holds `inpaint/<prompt>_<i>.png`, `masks/<prompt>_mask.png` and
    `masks_color/<prompt>_mask_color.png`. Every rating is kept at once; the next start goes on
    where this one stopped.
    """
    check_folder(folder)
    if agreement:
        print_agreement(folder, as_json)
        return 0
    if as_json:
        raise PrefPaintError("--json prints the agreement. Add --agreement.")
    windows: Windows = context.obj
    return windows.rating(folder, None if rater is None else rater_name(rater))


def print_agreement(folder: Path, as_json: bool) -> None:
    """Krippendorff's alpha for each criterion, over all ratings of this folder's prompts."""
    listing = list_prompts(folder)
    with PreferenceStore(data_folder()) as store:
        found = measure_agreement(store.collection_opinions(listing.collection))
    if as_json:
        counts = {"prompts": len(listing.prompts), "set_aside": list(listing.set_aside)}
        print(json.dumps({**counts, **asdict(found)}, indent=2))
        return
    _print_words(found)


def _print_words(found: Agreement) -> None:
    if not found.raters:
        print("Nobody has rated these prompts yet.")
        return
    for name, count in found.raters.items():
        print(f"{name}: {count} pictures rated")
    if len(found.raters) < 2:
        print("It takes a second rater to tell how far they agree.")
        return
    print("Krippendorff's alpha, ordinal (from 0.80 reliable, from 0.67 tentative):")
    for one in found.criteria:
        alpha = "-" if one.alpha is None else f"{one.alpha:.3f}"
        print(
            f"{one.criterion:<26}{alpha:>7}  {alpha_word(one.alpha):<10} "
            f"{one.pictures} pictures, {one.ratings} ratings"
        )
