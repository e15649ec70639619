"""A folder of small prompts in the paper's layout."""

from pathlib import Path

import numpy as np
from PIL import Image

from training.prompts.paper_folder import PictureFiles


def write_prompts(folder: Path, names: list[str], pictures: int = 3) -> None:
    """Noise of 48 x 40 pixels; the hole of picture i is filled with a red of 20 * i."""
    for part in ("inpaint", "masks", "masks_color"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    hole = np.zeros((40, 48), bool)
    hole[10:30, 12:36] = True
    for number, name in enumerate(names):
        files = PictureFiles(folder, name)
        photo = np.random.default_rng(number).integers(0, 256, (40, 48, 3), np.uint8)
        Image.fromarray(hole).save(files.mask_file)
        Image.fromarray(np.where(hole[..., None], np.uint8(255), photo)).save(files.masked_file)
        for index in range(pictures):
            fill = photo.copy()
            fill[hole] = (20 * index, 0, 0)
            Image.fromarray(fill).save(files.fill_file(str(index)))
