"""Alignment in two processes, the model whole in each or split, against the same in one."""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.training.preferences import keep_accepts
from tests.training.several_processes import in_one, in_two
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
from training.alignment.config import Method
from training.errors import PrefPaintError
from training.preferences.export import export
from training.preferences.store import PreferenceStore

METHODS: tuple[Method, ...] = get_args(Method)
OPTIONS = "--prompts-each 3 --samples 2 --steps 4 --updated-steps 3 --rank 4 --learning-rate 1e-3 "
OPTIONS += "--accumulation 2 --divergence 0.1 --ema-decay 0.1"
"""An odd number of prompts, so that the parts differ in size."""
LORA = "pytorch_lora_weights.safetensors"
UNET = "pipeline/unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What runs begin with; and every method's, in one process, in `one`."""
    folder = tmp_path_factory.mktemp("runs")
    make_reward().save(folder / "reward.safetensors")
    keep_accepts(folder / "store", 2)
    with PreferenceStore(folder / "store") as store:
        export(store, folder / "pairs", "pairs")
    save_pipeline(folder / "base")
    write_prompts(folder / "prompts", 4)
    in_one([command(folder, method, "one") for method in METHODS])
    return folder


def command(
    folder: Path, method: Method, out: str, *more: str, name: str = "", iterations: int = 2
) -> list[str]:
    """In `out` / `name`, the method's as a rule."""
    words = ["align", str(folder / "base"), str(folder / "prompts"), "--method", method]
    words += ["--reward", str(folder / "reward.safetensors"), *OPTIONS.split(), "--no-alarms"]
    words += ["--iterations", str(iterations), "--out", str(folder / out / (name or method))]
    own = {"paper": ["--grouped", "--patience", "1"], "dpo": ["--pairs", str(folder / "pairs")]}
    return [*words, *own.get(method, []), *more]


def assert_alike(one: Path, two: Path, file: str = LORA) -> None:
    for first, second in zip(read_log(one), read_log(two), strict=True):
        seen = {name: second[name] for name in first}  # a run's last line may have a sheet's looks
        assert seen == pytest.approx(first, rel=1e-3, abs=1e-4)
    apart = distances(load_file(one / file), load_file(two / file))
    # Adam turns rounding into a step where a gradient is next to nothing.
    assert float(apart.median()) < 1e-6
    assert float(apart.quantile(0.99)) < 1e-4
    moments = [gradients(folder) for folder in (one, two)]
    assert float(distances(*moments).norm()) < 0.01 * float(
        torch.cat([*moments[0].values()]).norm()
    )


def distances(one: Mapping[str, Tensor], two: Mapping[str, Tensor]) -> Tensor:
    assert one.keys() == two.keys()
    return torch.cat([(one[name] - two[name]).abs().flatten() for name in one])


def gradients(folder: Path) -> dict[str, Tensor]:
    """Their running means: Adam's steps would be the same with all of them twice as large."""
    state = torch.load(folder / "checkpoint.pt", weights_only=True)["optimiser"]["state"]
    return {str(place): kept["exp_avg"].flatten() for place, kept in state.items()}


def test_two_processes_give_what_one_gives(folder: Path) -> None:
    in_two([command(folder, method, "two") for method in METHODS])
    for method in METHODS:
        assert_alike(folder / "one" / method, folder / "two" / method)
        assert len(list((folder / "two" / method).glob("events.out.tfevents.*"))) == 1


def test_a_split_model_gives_what_a_whole_one_gives(folder: Path) -> None:
    """And a run goes on with the other: dpo whole, then split; nft of the full UNet reversed."""
    whole = ["--trained", "full", "--gradient-checkpointing"]
    in_one(
        [
            command(folder, "nft", "one", *whole, name="full"),
            command(folder, "dpo", "split", iterations=1),
        ]
    )
    in_two(
        [
            command(folder, "paper", "split", "--shard"),
            command(folder, "dpo", "split", "--shard"),
            command(folder, "nft", "split", *whole, "--shard", name="full", iterations=1),
        ]
    )
    begun = torch.load(folder / "split" / "full" / "checkpoint.pt", weights_only=True)["policy"]
    made = load_file(folder / "split" / "full" / UNET)
    assert all(torch.equal(value, begun[f"smooth/{name}"]) for name, value in made.items())
    in_one([command(folder, "nft", "split", *whole, name="full")])
    assert_alike(folder / "one" / "paper", folder / "split" / "paper")
    assert_alike(folder / "one" / "dpo", folder / "split" / "dpo")
    assert_alike(folder / "one" / "full", folder / "split" / "full", UNET)


def test_one_process_has_nobody_to_split_with() -> None:
    with pytest.raises(PrefPaintError, match="--shard splits the model among processes"):
        make_policy().shard(torch.device("cpu"))


def test_a_model_split_by_accelerate_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accelerate import Accelerator, DistributedType

    prompts = sized_prompts(tmp_path / "prompts")
    monkeypatch.setattr(Accelerator, "distributed_type", DistributedType.FSDP)
    with pytest.raises(PrefPaintError, match=r"set up for FSDP\. Models are split"):
        align(make_policy(), make_reward(), prompts, CONFIG, tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()
