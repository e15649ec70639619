"""What a run writes beside its checkpoint."""

import json
from pathlib import Path

import pytest

from tests.training.full_disk import full_disk
from training.errors import PrefPaintError
from training.run_log import LOG, RunLog


def test_a_full_disk_costs_no_line_when_a_run_goes_on(tmp_path: Path) -> None:
    log = RunLog(tmp_path, "step")
    for step in range(60):
        log.write({"step": step, "loss": 1 / 3})
    log.close()
    before = (tmp_path / LOG).read_bytes()
    with full_disk(), pytest.raises(PrefPaintError, match="Free some space"):
        log.keep(50)
    assert (tmp_path / LOG).read_bytes() == before
    log.keep(50)
    lines = (tmp_path / LOG).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(50))
