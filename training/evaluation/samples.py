"""The fills of one model for a set of prompts, made once and kept, and what judges say of them."""

import hashlib
import json
import threading
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from training.checkpoints import claim
from training.errors import PrefPaintError
from training.evaluation.contenders import Contender
from training.evaluation.full_reference import psnr, ssim
from training.evaluation.measures import Array
from training.files import replaced_when_complete, write_png
from training.inpainting.diffusion.loading import load_inpainter
from training.inpainting.request import Box, InpaintRequest, Pixels
from training.inpainting.settings import DeviceName, DiffusionSettings
from training.prompts.incomplete import IncompletePhoto
from training.prompts.photos import photo_name, read_rgb
from training.reward.ensemble import Reward, reward_models
from training.reward.view import white_hole

SETTINGS, SCORES = "settings.json", "scores.npz"
FILLING = 0.9
"""Share of the time that goes into filling; the rest is scoring."""


@dataclass(frozen=True)
class Sampling:
    """settings: how the models fill; match_colour is off, as each is to show what it makes itself.

    samples: the largest S. Every model makes one fill more, for another to be compared with.
    """

    samples: int = 10
    seed: int = 0
    settings: DiffusionSettings = field(
        default_factory=lambda: DiffusionSettings(match_colour=False)
    )

    def seeds(self, prompt: str) -> list[int]:
        """Of the fills of a prompt; the same for every model, whatever the other prompts are."""
        words = (f"{self.seed}/{prompt}/{number}" for number in range(1 + self.samples))
        return [int.from_bytes(hashlib.sha256(w.encode()).digest()[:4]) for w in words]


@dataclass(frozen=True, eq=False)
class Judged:
    """What one judge says. fills: (prompts, 1 + samples). originals: (prompts,) where known."""

    fills: Array
    originals: Array | None


@dataclass(frozen=True, eq=False)
class Features:
    """fills: (prompts, 1 + samples, d), of an encoder. originals: (prompts, d)."""

    fills: npt.NDArray[np.float32]
    originals: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Filled:
    """The fills of one model, and what was measured of each.

    photos: that the prompts are cut from. psnr, ssim: (prompts, 1 + samples). These and features
    need the original of every prompt.
    """

    name: str
    folder: Path
    prompts: tuple[str, ...]
    photos: tuple[str, ...]
    reward: Judged
    judge: Judged | None
    features: Features | None
    psnr: Array | None
    ssim: Array | None

    def fill(self, prompt: int, number: int) -> Pixels:
        """(height, width, 3)."""
        return read_rgb(_fill_file(self.folder, self.prompts[prompt], number))


def check_prompts(prompts: Sequence[IncompletePhoto]) -> None:
    """Raise PrefPaintError for the first with nothing to fill, nothing known, or of two sizes."""
    for prompt in prompts:
        hole, pictures = prompt.mask, [prompt.masked, prompt.original]
        if not hole.any() or hole.all():
            what = "nothing is" if not hole.any() else "everything is"
            raise PrefPaintError(f"{prompt.mask_file}: {what} masked in it. Leave the prompt out.")
        if any(p is not None and p.shape[:2] != hole.shape for p in pictures):
            raise PrefPaintError(
                f"The mask, the masked photo and the original of {prompt.prompt} are not of one "
                "size. Make the prompt again, or leave it out."
            )


def fill_prompts(
    model: Contender,
    reward: Reward,
    judge: Reward | None,
    prompts: Sequence[IncompletePhoto],
    sampling: Sampling,
    out: Path,
    device: DeviceName,
    on_progress: Callable[[float], None],
) -> Filled:
    """Fill every prompt and score the fills; `<prompt>_<number>.png` and the scores lie in `out`.

    What lies there already is used, so an interrupted run goes on; nothing is loaded where nothing
    is missing. judge: one that alignment never saw.

    Raises PrefPaintError when the model cannot fill or does not fit into the memory, when a judge
    gives no numbers, and when `out` holds fills of another model or with other settings.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / ".lock", timeout=0):
            key = _claim(out, model, prompts, sampling)
            _fill_missing(model, prompts, sampling, out, device, on_progress)
            return _score(model, reward, judge, prompts, sampling, out, key, on_progress)
    except Timeout as error:
        raise PrefPaintError(f"Another process fills in {out}. Wait for it, or end it.") from error
    except OSError as error:
        raise PrefPaintError(f"{out} cannot be written ({error.strerror or error}).") from error


def _fill_file(folder: Path, prompt: str, number: int) -> Path:
    return folder / f"{prompt}_{number}.png"


def _claim(
    out: Path, model: Contender, prompts: Sequence[IncompletePhoto], sampling: Sampling
) -> str:
    """Keep beside the fills what they depend on, or raise PrefPaintError where it is another."""
    shown = hashlib.sha256()
    for prompt in sorted(prompts, key=lambda p: p.prompt):
        for content in (prompt.prompt.encode(), prompt.mask.tobytes(), prompt.masked.tobytes()):
            shown.update(hashlib.sha256(content).digest())
    settings = {name: v for name, v in asdict(sampling.settings).items() if name != "loras"}
    words = {
        "model": model.digest,
        "prompts": shown.hexdigest(),
        "seed": sampling.seed,
        "settings": settings,
    }
    return claim(out / SETTINGS, words)


def _fill_missing(
    model: Contender,
    prompts: Sequence[IncompletePhoto],
    sampling: Sampling,
    out: Path,
    device: DeviceName,
    on_progress: Callable[[float], None],
) -> None:
    missing = [(prompt, files) for prompt in prompts if (files := _missing(prompt, sampling, out))]
    found = len(prompts) - len(missing)
    on_progress(FILLING * found / len(prompts))  # at once, so that it does not count for the pace
    if not missing:
        return
    inpainter = load_inpainter(model.path, model.name, device=device, loras=model.loras)
    for done, (prompt, files) in enumerate(missing, start=found + 1):
        for candidate in inpainter.generate(
            _request(prompt, tuple(files), sampling.settings), lambda _: None, threading.Event()
        ):
            write_png(files[candidate.seed], candidate.pixels)
        on_progress(FILLING * done / len(prompts))


def _missing(prompt: IncompletePhoto, sampling: Sampling, out: Path) -> dict[int, Path]:
    """The files of the fills that are still to be made, by seed."""
    return {
        seed: file
        for number, seed in enumerate(sampling.seeds(prompt.prompt))
        if not (file := _fill_file(out, prompt.prompt, number)).exists()
    }


def _request(
    prompt: IncompletePhoto, seeds: tuple[int, ...], settings: DiffusionSettings
) -> InpaintRequest:
    """The prompt as one region; of what is in its hole no model sees anything but white."""
    hole = prompt.mask
    whole = Box(0, 0, *hole.shape)
    masked = white_hole(prompt.masked, hole)
    return InpaintRequest(0, masked, hole, seeds, whole, (whole,), settings)


def _score(
    model: Contender,
    reward: Reward,
    judge: Reward | None,
    prompts: Sequence[IncompletePhoto],
    sampling: Sampling,
    out: Path,
    key: str,
    on_progress: Callable[[float], None],
) -> Filled:
    names = tuple(prompt.prompt for prompt in prompts)
    judges = {"reward": reward} | ({} if judge is None else {"judge": judge})
    digests = {name: digest_of(one) for name, one in judges.items()}
    key += json.dumps([names, sampling.samples, digests, _originals_digest(prompts)])
    scores = _read_scores(out / SCORES, key)
    if scores is None:
        rows: list[dict[str, Array]] = []
        is_known = all(prompt.original is not None for prompt in prompts)
        for done, prompt in enumerate(prompts):
            rows.append(_score_prompt(prompt, judges, sampling.samples, out, is_known))
            on_progress(FILLING + (1 - FILLING) * (done + 1) / len(prompts))
        scores = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        for name in judges:
            if not np.isfinite(scores[name]).all():
                raise PrefPaintError(
                    f"The {name} gives no numbers for fills of {model.name}. Use another."
                )
        with replaced_when_complete(out / SCORES) as file:
            np.savez(file, allow_pickle=False, key=np.array(key), **scores)
    on_progress(1)
    photos = tuple(photo_name(Path(p.photo)) if p.photo else p.prompt for p in prompts)
    return _filled(model.name, out, names, photos, scores)


def _filled(
    name: str,
    out: Path,
    prompts: tuple[str, ...],
    photos: tuple[str, ...],
    scores: dict[str, Array],
) -> Filled:
    """The last of what is scored of a prompt is its original, where that is known."""
    is_known = "psnr" in scores

    def judged(word: str) -> Judged:
        rows = scores[word]
        return Judged(rows[:, :-1], rows[:, -1]) if is_known else Judged(rows, None)

    features = scores["features"].astype(np.float32)
    return Filled(
        name,
        out,
        prompts,
        photos,
        judged("reward"),
        judged("judge") if "judge" in scores else None,
        Features(features[:, :-1], features[:, -1]) if is_known else None,
        scores.get("psnr"),
        scores.get("ssim"),
    )


def _score_prompt(
    prompt: IncompletePhoto,
    judges: dict[str, Reward],
    samples: int,
    out: Path,
    is_known: bool,
) -> dict[str, Array]:
    hole, masked = prompt.mask, prompt.masked
    fills = [read_rgb(_fill_file(out, prompt.prompt, number)) for number in range(1 + samples)]
    original = prompt.original if is_known else None
    pictures = fills if original is None else [*fills, original]
    rows = {
        name: np.array([score.reward for score in one.score(masked, hole, pictures)])
        for name, one in judges.items()
    }
    *_, last = judges.values()
    rows["features"] = reward_models(last)[0].embeddings(hole, pictures)
    if original is not None:
        rows["psnr"] = np.array([psnr(fill, original, hole) for fill in fills])
        rows["ssim"] = np.array([ssim(fill, original, hole) for fill in fills])
    return rows


def _read_scores(file: Path, key: str) -> dict[str, Array] | None:
    """What was measured before of the same fills by the same judges; None where it was not."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            if str(stored["key"]) != key:
                return None
            return {name: stored[name] for name in stored.files if name != "key"}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def _originals_digest(prompts: Sequence[IncompletePhoto]) -> str:
    digest = hashlib.sha256()
    for prompt in prompts:
        original = prompt.original
        content = b"" if original is None else original.tobytes()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def digest_of(judge: Reward) -> str:
    """Of all that its scores depend on."""
    digest = hashlib.sha256()
    for model in reward_models(judge):
        digest.update(repr((model.network.config, model.mean, model.deviation)).encode())
        for name, tensor in model.network.state_dict().items():
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
