"""Alignment in two processes, against the same in one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.align_commands import run_commands
from tests.training.preferences import keep_accepts
from tests.training.tiny_alignment import (
    CONFIG,
    make_policy,
    make_reward,
    read_log,
    sized_prompts,
    write_prompts,
)
from tests.training.tiny_models import save_pipeline
from training.alignment.align import align
from training.errors import PrefPaintError
from training.preferences.export import export
from training.preferences.store import PreferenceStore

METHODS = ("paper", "nft", "dpo")


def test_two_processes_give_what_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every method, with an odd number of prompts, so that the parts differ in size."""
    make_reward().save(tmp_path / "reward.safetensors")
    keep_accepts(tmp_path / "store", 2)
    with PreferenceStore(tmp_path / "store") as store:
        export(store, tmp_path / "pairs", "pairs")
    base, prompts = save_pipeline(tmp_path / "base"), write_prompts(tmp_path / "prompts", 4)
    options = "--prompts-each 3 --samples 2 --iterations 2 --steps 4 --updated-steps 3 --rank 4"
    options += " --learning-rate 1e-3 --accumulation 2 --divergence 0.1 --ema-decay 0.1"
    more = {
        "paper": ["--grouped", "--patience", "1"],
        "nft": [],
        "dpo": ["--pairs", str(tmp_path / "pairs")],
    }

    def commands(folder: Path) -> list[list[str]]:
        words = ["align", str(base), str(prompts), "--reward", str(tmp_path / "reward.safetensors")]
        return [
            [
                *words,
                *options.split(),
                *more[method],
                "--method",
                method,
                "--out",
                f"{folder / method}",
            ]
            for method in METHODS
        ]

    monkeypatch.setattr(sys, "argv", [])
    run_commands(commands(tmp_path / "one"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    words = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    words += ["-m", "tests.training.align_commands", json.dumps(commands(tmp_path / "two"))]
    subprocess.run([sys.executable, *words], check=True, env=environment, timeout=300)
    for method in METHODS:
        logs = [read_log(tmp_path / out / method) for out in ("one", "two")]
        for one, two in zip(*logs, strict=True):
            assert two == pytest.approx(one, rel=1e-3, abs=1e-4)
        files = [
            tmp_path / out / method / "pytorch_lora_weights.safetensors" for out in ("one", "two")
        ]
        one, two = map(load_file, files)
        apart = torch.cat([(one[name] - two[name]).abs().flatten() for name in one])
        # Adam turns rounding into a step where a gradient is next to nothing.
        print(method, float(apart.median()), float(apart.quantile(0.99)), float(apart.max()))
        assert float(apart.median()) < 1e-6
        assert float(apart.quantile(0.99)) < 1e-4
        assert len(list((tmp_path / "two" / method).glob("events.out.tfevents.*"))) == 1


def test_a_model_split_among_processes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accelerate import Accelerator, DistributedType

    prompts = sized_prompts(tmp_path / "prompts")
    monkeypatch.setattr(Accelerator, "distributed_type", DistributedType.FSDP)
    with pytest.raises(PrefPaintError, match="does not split a model"):
        align(make_policy(), make_reward(), prompts, CONFIG, tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()
