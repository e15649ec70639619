"""A model's own fills beside the originals: what a reward must know before a policy meets it."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training.alignment.originals import known_original, through_autoencoder
from training.alignment.rollouts import ETA, draw_fills, size_prompt
from training.alignment.run_folder import weights_digest
from training.checkpoints import claim
from training.errors import PrefPaintError
from training.files import replaced_when_complete
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.scaling import resize
from training.inpainting.patchmatch import fill_hole, settings_for
from training.prompts.incomplete import IncompletePhoto
from training.reward.pairs import MANIFEST, VIEW_SIZE, write_view
from training.reward.view import view_of

SETTINGS = "settings.json"


@dataclass(frozen=True)
class SamplePairs:
    """samples: fills of each prompt. steps: of DDIM with eta 1. size: of the pictures."""

    samples: int = 3
    steps: int = 30
    size: int = VIEW_SIZE
    seed: int = 0


def write_sample_pairs(
    model: DiffusionModel,
    prompts: Sequence[IncompletePhoto],
    settings: SamplePairs,
    out: Path,
    on_progress: Callable[[float], None],
) -> None:
    """Write what a reward sees of each prompt: its original, fills by the model and one by
    PatchMatch, as `prefpaint-train reward` reads them: originals are better. All go through the
    model's autoencoder, so that a reward cannot learn its traces, which no policy can change.

    An interrupted run goes on where it was. Raises PrefPaintError for a prompt without its
    original, two prompts of one name, a folder of another model or other settings, or a full disk.
    """
    for name, count in Counter(prompt.prompt for prompt in prompts).items():
        if count > 1:
            raise PrefPaintError(f"Two prompts are called {name}. Leave one of them out.")
    lines = []
    try:
        words = {**asdict(settings), "model": weights_digest([model.unet.state_dict()])}
        claim(out / SETTINGS, words)
        for number, prompt in enumerate(prompts):
            if not (out / "masks" / f"{prompt.prompt}_mask.png").exists():
                _write_prompt(model, prompt, number, settings, out)
            kinds = ["original", *["sample"] * settings.samples, "patchmatch"]
            recipes = [{"kind": kind} for kind in kinds]
            row = {"name": prompt.prompt, "photo": prompt.photo, "recipes": recipes}
            lines.append(json.dumps(row))
            on_progress((number + 1) / len(prompts))
        with replaced_when_complete(out / MANIFEST) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
    except OSError as error:
        raise PrefPaintError(
            f"{out} cannot be written ({error.strerror or error}). Free some space; it goes on."
        ) from error


def _write_prompt(
    model: DiffusionModel, prompt: IncompletePhoto, number: int, settings: SamplePairs, out: Path
) -> None:
    side, samples = model.native_side, settings.samples
    image, sized = resize(known_original(prompt), side, side), size_prompt(prompt, side)
    hole, first = sized.hole, settings.seed + number * samples
    fills = draw_fills(model, [sized], samples, first, steps=settings.steps, eta=ETA).pictures
    *_, (_, _, exemplar) = fill_hole(image, hole, 0, settings_for(0))
    original, exemplar = (through_autoencoder(model, one, hole) for one in (image, exemplar))
    view = view_of(hole, [original, *fills, exemplar], settings.size)
    write_view(prompt.prompt, view, out)
