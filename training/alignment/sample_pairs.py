"""A model's own fills beside the originals: what a reward must know before a policy meets it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from training.alignment.rollouts import draw_fills, size_prompt
from training.errors import PrefPaintError
from training.files import replaced_when_complete, write_png
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.diffusion.scaling import resize
from training.inpainting.patchmatch import fill_hole, settings_for
from training.inpainting.request import Mask, Pixels
from training.prompts.incomplete import IncompletePhoto
from training.reward.pairs import MANIFEST


def write_sample_pairs(
    model: DiffusionModel,
    prompts: Sequence[IncompletePhoto],
    samples: int,
    steps: int,
    seed: int,
    out: Path,
    on_progress: Callable[[float], None],
    *,
    decoded: bool,
) -> None:
    """Write the prompts at the model's size, each with its original, `samples` fills by the model
    and one by PatchMatch, as `prefpaint-train reward` reads them: originals are better.

    decoded: bring originals and PatchMatch's fills through the model's autoencoder too, so that a
    reward cannot learn the decoder's traces, which no policy can change. An interrupted run goes on
    where it was. Raises PrefPaintError for a prompt without its original, or a full disk.
    """
    side = model.native_side
    lines = []
    try:
        for folder in ("inpaint", "masks", "masks_color"):
            (out / folder).mkdir(parents=True, exist_ok=True)
        for number, prompt in enumerate(prompts):
            last = out / "masks" / f"{prompt.prompt}_mask.png"
            if not last.exists():
                original = prompt.original
                if original is None:
                    raise PrefPaintError(
                        f"{prompt.folder / 'originals'} lacks {prompt.prompt}. Use prompts made by "
                        "`prefpaint-train prompts`."
                    )
                image, sized = resize(original, side, side), size_prompt(prompt, side)
                hole, first = sized.hole, seed + number * samples
                fills = draw_fills(model, [sized], samples, first, steps=steps, eta=1.0).pictures
                *_, (_, _, exemplar) = fill_hole(image, hole, 0, settings_for(0))
                others = [image, exemplar]
                if decoded:
                    others = [through_autoencoder(model, other, hole) for other in others]
                for index, picture in enumerate([others[0], *fills, others[1]]):
                    write_png(out / "inpaint" / f"{prompt.prompt}_{index}.png", picture)
                write_png(out / "masks_color" / f"{prompt.prompt}_mask_color.png", sized.masked)
                write_png(last, hole.astype(np.uint8) * 255)
            kinds = ["original", *["sample"] * samples, "patchmatch"]
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


def through_autoencoder(model: DiffusionModel, image: Pixels, hole: Mask) -> Pixels:
    """The image, its hole as the model's autoencoder gives it back."""
    coded = model.decode(model.encode_picture(np.array(image)))[0]
    return np.where(hole[..., None], coded, image)
