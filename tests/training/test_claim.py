"""A folder belongs to the settings that it was begun with."""

from pathlib import Path

import pytest

from training.checkpoints import claim
from training.errors import PrefPaintError


def test_how_settings_are_written_does_not_matter_but_what_they_say_does(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    claim(file, {"seed": 1, "model": "base"})
    file.write_text('{"model": "base", "seed": 1, "clip": null}')
    claim(file, {"seed": 1, "model": "base"})
    with pytest.raises(PrefPaintError, match=r"begun with other settings \(seed\)\. Name another"):
        claim(file, {"seed": 2, "model": "base"})
    file.write_text("{")
    with pytest.raises(PrefPaintError, match=r"other settings \(they cannot be read\)"):
        claim(file, {"seed": 1, "model": "base"})
