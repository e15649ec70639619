"""`prefpaint fill` and `prefpaint score`. No Qt; torch only in processes of its own."""

import threading
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from prefpaint_gui.cli_output import JsonOption, print_rows, show_progress
from prefpaint_gui.headless import CONTACT_SHEET, RANKING, fill_photo, score_fills
from prefpaint_gui.inpainters import PATCHMATCH, make_inpainter, reward_path
from resources import SAMPLE_MASK, SAMPLE_PHOTO
from training.errors import PrefPaintError
from training.inpainting.settings import DeviceName, DiffusionSettings, DtypeName, SamplerName
from training.reward.scorer import ProcessScorer

_LOOKS, _RANKING, _OUTPUT = "What is filled", "How it is ranked", "Output"
_DIFFUSION = "For diffusion models"
_DEFAULTS = DiffusionSettings()

MaskOption = Annotated[
    Path | None,
    typer.Option(
        metavar="MASK",
        show_default=False,
        rich_help_panel=_LOOKS,
        help="Picture of the photo's size: white is hole (128 of 255 or brighter). "
        "Where it has transparency, opaque is hole instead.",
    ),
]
RewardOption = Annotated[
    str,
    typer.Option(
        metavar="builtin|NAME|FILE",
        rich_help_panel=_RANKING,
        help="The reward model: the built-in one, a downloaded one (prefpaint models list), or a "
        ".safetensors file from prefpaint-train.",
    ),
]


def fill(
    photo: Annotated[
        Path | None, typer.Argument(metavar="PHOTO", show_default=False, help="Photo to repair.")
    ] = None,
    mask: MaskOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default=False,
            rich_help_panel=_OUTPUT,
            help="Folder for the results. Those of an earlier fill are replaced; no other file "
            "ever is. With --sample it may be left out: sample-fills.",
        ),
    ] = None,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample", rich_help_panel=_LOOKS, help="Fill the sample photo with its mask."
        ),
    ] = False,
    candidates: Annotated[
        int,
        typer.Option(
            min=1, max=99, metavar="K", rich_help_panel=_LOOKS, help="How many fills to make."
        ),
    ] = 4,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=999_999_999,
            metavar="N",
            rich_help_panel=_LOOKS,
            help="Seed of the first fill; the next ones take N+1, N+2, ... "
            "The same seed gives the same fill.",
        ),
    ] = 0,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME|PATH",
            rich_help_panel=_LOOKS,
            help="What makes the fills: patchmatch, a name of `prefpaint models list`, a diffusers "
            "folder, or a .safetensors file.",
        ),
    ] = PATCHMATCH,
    padding: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="PX",
            rich_help_panel=_LOOKS,
            show_default="half the hole's longer side, at least 64",
            help="Pixels around the hole that the fill is made from.",
        ),
    ] = None,
    feather: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="PX",
            rich_help_panel=_LOOKS,
            help="Pixels outside the mask over which the fill fades into the photo.",
        ),
    ] = 0,
    prompt: Annotated[
        str,
        typer.Option(rich_help_panel=_DIFFUSION, help="What to see; empty continues the photo."),
    ] = "",
    negative_prompt: Annotated[
        str, typer.Option(rich_help_panel=_DIFFUSION, help="What not to see.")
    ] = "",
    steps: Annotated[
        int, typer.Option(min=1, max=999, rich_help_panel=_DIFFUSION, help="Denoising steps.")
    ] = _DEFAULTS.steps,
    guidance: Annotated[
        float,
        typer.Option(
            min=0.0,
            rich_help_panel=_DIFFUSION,
            help="How strongly the prompt counts; 1 or less is off.",
        ),
    ] = _DEFAULTS.guidance,
    sampler: Annotated[
        SamplerName, typer.Option(rich_help_panel=_DIFFUSION, help="How the steps are taken.")
    ] = _DEFAULTS.sampler,
    eta: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            rich_help_panel=_DIFFUSION,
            help="With --sampler ddim: share of noise that each step draws anew.",
        ),
    ] = _DEFAULTS.eta,
    explore: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=999,
            metavar="N",
            rich_help_panel=_DIFFUSION,
            show_default="as many as --candidates",
            help="Start N fills and drop the weak ones on the way, by their reward.",
        ),
    ] = None,
    lora: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            rich_help_panel=_DIFFUSION,
            help="LoRA in a .safetensors file; may be given several times.",
        ),
    ] = None,
    device: Annotated[
        DeviceName, typer.Option(rich_help_panel=_DIFFUSION, help="Where to compute.")
    ] = "auto",
    dtype: Annotated[
        DtypeName, typer.Option(rich_help_panel=_DIFFUSION, help="Precision to compute in.")
    ] = "auto",
    compiled: Annotated[
        bool,
        typer.Option(
            "--compile",
            rich_help_panel=_DIFFUSION,
            help="torch.compile the model: the first fill waits for it, later ones are faster.",
        ),
    ] = False,
    reward: RewardOption = "builtin",
    as_json: JsonOption = False,
) -> None:
    """Fill a hole several times and write the fills, the best one first.

    DIR receives 01.png (the best), 02.png, ... at the photo's size, ranking.json (rank, file, seed,
    reward, trust, model, seconds of processor time, bound) and contact-sheet.png.
    Pixels outside the mask and its feather stay the photo's own, bit for bit.
    """
    photo, mask, out = _inputs(photo, mask, out, sample)
    if explore is not None and explore < candidates:
        raise PrefPaintError(f"--explore {explore} is fewer than --candidates {candidates}.")
    if explore is not None and model == PATCHMATCH:
        raise PrefPaintError("--explore is for diffusion models: name one with --model.")
    settings = DiffusionSettings(
        prompt=prompt,
        negative_prompt=negative_prompt,
        steps=steps,
        guidance=guidance,
        sampler=sampler,
        eta=eta,
        keep=None if explore is None else candidates,
        loras=tuple(lora or ()),
    )
    judge = reward_path(reward)
    with (
        closing(make_inpainter(model, judge, settings.loras, device, dtype, compiled)) as inpainter,
        closing(ProcessScorer(judge)) as scorer,
    ):
        inpainter.start()  # while the reward model is read, which also finds a damaged one early
        cancel = threading.Event()  # never set: Ctrl+C ends the processes by itself
        scorer.preload(cancel)
        with show_progress("Filling") as on_event:
            rows = fill_photo(
                photo,
                mask,
                out,
                inpainter,
                scorer,
                seeds=tuple(range(seed, seed + (explore or candidates))),
                padding=padding,
                feather=feather,
                settings=settings,
                on_event=on_event,
                cancel=cancel,
            )
    print_rows([asdict(row) for row in rows], as_json)
    if not as_json:
        count = "1 fill" if len(rows) == 1 else f"{len(rows)} fills"
        print(f"{count}, {RANKING} and {CONTACT_SHEET} are in {out}")


def score(
    photo: Annotated[
        Path, typer.Argument(metavar="PHOTO", show_default=False, help="The photo with the hole.")
    ],
    fills: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILL...", show_default=False, help="Filled photos of the same size."
        ),
    ],
    mask: MaskOption = None,
    reward: RewardOption = "builtin",
    as_json: JsonOption = False,
) -> None:
    """Rank fills that any program made, the best one first.

    Only what a fill has within the mask is judged, in the photo's own surroundings. Each gets a
    rank, a reward (higher is better; 0 is the average fill of the reward model's training, 1 one
    standard deviation above it) and a trust (0-1).
    """
    if mask is None:
        raise PrefPaintError("Name the mask: --mask MASK.")
    with closing(ProcessScorer(reward_path(reward))) as scorer:
        rows = score_fills(photo, mask, fills, scorer, threading.Event())
    print_rows([asdict(row) for row in rows], as_json)


def _inputs(
    photo: Path | None, mask: Path | None, out: Path | None, sample: bool
) -> tuple[Path, Path, Path]:
    if sample:
        if photo is not None or mask is not None:
            raise PrefPaintError("--sample brings its own photo and mask. Leave yours out.")
        return SAMPLE_PHOTO, SAMPLE_MASK, out or Path("sample-fills")
    if photo is None or mask is None or out is None:
        raise PrefPaintError(
            "Name the photo, its mask and a folder: prefpaint fill PHOTO --mask MASK --out DIR"
        )
    return photo, mask, out
