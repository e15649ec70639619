"""Filling and scoring without a window: from files to files. No Qt, no torch."""

import json
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from prefpaint_gui.contact_sheet import Tile, contact_sheet
from prefpaint_gui.photo_io import Photo, photo_from_pixels, read_mask, read_photo, write_photo
from training.errors import PrefPaintError
from training.inpainting.region import make_request, paste
from training.inpainting.request import Event, Inpainter, InpaintRequest, Mask, Pixels
from training.inpainting.settings import DiffusionSettings
from training.ranking import RankedFill, best_first, generate_and_score
from training.reward.score import Scorer, ranks

RANKING, CONTACT_SHEET = "ranking.json", "contact-sheet.png"


@dataclass(frozen=True)
class FillRow:
    """One object of ranking.json. file: name within the folder; seconds: processor time.

    bound: how far the reward can be off; fills nearer than their bounds together are a tie.
    """

    rank: int
    file: str
    seed: int
    reward: float
    trust: float
    model: str
    seconds: float
    bound: float


@dataclass(frozen=True)
class ScoreRow:
    """How one given fill was judged. file: as the caller named it."""

    rank: int
    file: str
    reward: float
    trust: float
    bound: float


def fill_photo(
    photo_path: Path,
    mask_path: Path,
    out: Path,
    inpainter: Inpainter,
    scorer: Scorer,
    *,
    seeds: tuple[int, ...],
    padding: int | None,
    feather: int,
    settings: DiffusionSettings,
    on_event: Callable[[Event], None],
    cancel: threading.Event,
) -> list[FillRow]:
    """Fill the mask once for each seed and write the results to the folder `out`, best first.

    Writes 01.png, 02.png, ... at the photo's size, ranking.json and contact-sheet.png, in place of
    an earlier run's. The folder is changed only once everything is there. padding, feather: see
    make_request. Raises PrefPaintError, Cancelled.
    """
    photo, mask = _read(photo_path, mask_path)
    request = _request(photo, mask, mask_path, seeds, padding, feather, settings)
    with _output_folder(
        out, _names(settings.keep or len(seeds)), inputs=(photo_path, mask_path)
    ) as folder:
        fills = best_first(generate_and_score(request, inpainter, scorer, on_event, cancel))
        rows, tiles = [], []
        places = ranks([fill.score for fill in fills])
        for rank, fill in enumerate(fills, 1):
            row = _fill_row(rank, fill)
            pixels = paste(photo.pixels, mask, feather, request.box, fill.candidate.pixels)
            write_photo(folder / row.file, pixels, photo)
            rows.append(row)
            tiles.append(_tile(row, places[rank - 1].words, pixels[request.box.slices][..., :3]))
        sheet = photo_from_pixels(contact_sheet(request.image, request.hole, tiles))
        write_photo(folder / CONTACT_SHEET, sheet.pixels, sheet)
        text = json.dumps([asdict(row) for row in rows], indent=2) + "\n"
        (folder / RANKING).write_text(text, encoding="utf-8")
    return rows


def score_fills(
    photo_path: Path,
    mask_path: Path,
    fill_paths: Sequence[Path],
    scorer: Scorer,
    cancel: threading.Event,
) -> list[ScoreRow]:
    """Rank fills of one photo made by any program, best first.

    Each fill has the photo's size; only what it has within the mask is judged, in the photo's own
    surroundings. Raises PrefPaintError, Cancelled.
    """
    photo, mask = _read(photo_path, mask_path)
    request = _request(photo, mask, mask_path, seeds=(), padding=None, feather=0)
    pixels = []
    for path in fill_paths:
        fill = read_photo(path)
        if fill.size != photo.size:
            raise PrefPaintError(
                f"The fill {path} is {fill.size[0]} × {fill.size[1]} pixels but the photo is "
                f"{photo.size[0]} × {photo.size[1]}. Make them the same size."
            )
        region = fill.pixels[request.box.slices][..., :3]
        pixels.append(np.where(request.hole[..., None], region, request.image))
    scores = scorer.score(request.image, request.hole, pixels, cancel)
    judged = sorted(zip(fill_paths, scores, strict=True), key=lambda one: -one[1].reward)
    return [
        ScoreRow(rank, str(path), float(score.reward), float(score.trust), float(score.bound))
        for rank, (path, score) in enumerate(judged, 1)
    ]


def _read(photo_path: Path, mask_path: Path) -> tuple[Photo, Mask]:
    photo = read_photo(photo_path)
    return photo, read_mask(mask_path, photo.size)


def _request(
    photo: Photo,
    mask: Mask,
    mask_path: Path,
    seeds: tuple[int, ...],
    padding: int | None,
    feather: int,
    settings: DiffusionSettings | None = None,
) -> InpaintRequest:
    try:
        return make_request(
            photo.pixels,
            mask,
            job_id=1,
            seeds=seeds,
            padding=padding,
            feather=feather,
            settings=settings,
        )
    except PrefPaintError as error:  # which does not know the mask's name
        raise PrefPaintError(f"{mask_path}: {error}") from error


def _fill_row(rank: int, fill: RankedFill) -> FillRow:
    return FillRow(
        rank=rank,
        file=f"{rank:02d}.png",
        seed=fill.candidate.seed,
        reward=float(fill.score.reward),
        trust=float(fill.score.trust),
        model=fill.candidate.model,
        seconds=round(float(fill.candidate.seconds), 3),
        bound=float(fill.score.bound),
    )


def _tile(row: FillRow, rank: str, pixels: Pixels) -> Tile:
    notes = (f"reward {row.reward:+.2f}", f"trust {row.trust:.0%}   seed {row.seed}")
    plain = rank.replace("≈", "~")  # which Pillow's own font has
    return Tile(np.ascontiguousarray(pixels), plain, notes)


@contextmanager
def _output_folder(out: Path, names: list[str], inputs: tuple[Path, ...]) -> Iterator[Path]:
    """A hidden folder in `out` to write to; its files move to `out` if the block succeeds.

    The ranking is the first of the old files to go and the last of the new ones to come, so there
    is never a ranking that speaks of other pictures.
    """
    existed = out.exists()
    unfinished = out / f".prefpaint-{uuid.uuid4().hex[:12]}.tmp"
    try:
        previous = _previous_outputs(out, names, inputs) if existed else []
        unfinished.mkdir(parents=True)
        yield unfinished
        for path in previous:
            path.unlink()
        for path in sorted(unfinished.iterdir()):  # digits and "contact" come before "ranking"
            path.rename(out / path.name)
    except OSError as error:
        raise PrefPaintError(
            f"{out} cannot be written ({error.strerror}). Free some space or choose another folder."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not existed:
            with suppress(OSError):  # it is not empty when all went well
                out.rmdir()


def _names(count: int) -> list[str]:
    """The files that a run of so many candidates writes."""
    return [*(f"{rank:02d}.png" for rank in range(1, count + 1)), CONTACT_SHEET, RANKING]


def _previous_outputs(out: Path, names: list[str], inputs: tuple[Path, ...]) -> list[Path]:
    """What an earlier run left in the folder, its ranking first; it makes room for this one's.

    Raises PrefPaintError when a file that is to be written exists and no earlier run wrote it, or
    it is now the photo or mask to be read: no file of the person's is ever replaced.
    """
    ranked = _ranked_files(out)
    read = {path.resolve() for path in inputs}
    written = [out / name for name in ([RANKING, CONTACT_SHEET, *ranked] if ranked else [])]
    previous = [path for path in written if path.exists() and path.resolve() not in read]
    for path in (out / name for name in names):
        if path.exists() and path not in previous:
            raise PrefPaintError(
                f"{path} exists and no earlier fill wrote it. Name another folder for the fills."
            )
    return previous


def _ranked_files(out: Path) -> list[str]:
    """Names that the ranking of an earlier fill lists; none when there is no such ranking."""
    try:
        rows = json.loads((out / RANKING).read_text(encoding="utf-8"))
        names = [FillRow(**row).file for row in rows]
    except (FileNotFoundError, ValueError, TypeError):
        return []
    return [name for name in names if re.fullmatch(r"\d\d\.png", name)]
