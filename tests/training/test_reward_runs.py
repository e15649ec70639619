"""How a reward run goes: settings, freezing, early stop, several processes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from accelerate import Accelerator, DistributedType
from PIL import Image
from safetensors.torch import load_file

from tests.prefpaint_gui.tiny_reward import save_tiny_reward
from tests.training.several_processes import in_one, in_two
from tests.training.test_labelled import of_both_splits, write_labels, write_prompts
from training.errors import PrefPaintError
from training.prompts.photos import read_rgb
from training.reward import trainer
from training.reward.clip_encoder import ClipEncoder
from training.reward.config import RewardTrainingConfig, read_config
from training.reward.embedding import Embedder
from training.reward.encoders import EncoderConfig
from training.reward.evaluation import PairAccuracy
from training.reward.groups import Group
from training.reward.labelled import read_labelled
from training.reward.losses import PAIR_WEIGHTS
from training.reward.model import load_reward
from training.reward.network import RewardNetwork
from training.reward.trainer import StepDone, train_reward

CLIP = EncoderConfig(
    kind="clip",
    image_size=64,
    clip={
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "patch_size": 16,
        "projection_dim": 16,
    },
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    write_labels(folder, write_prompts(folder, of_both_splits(8)))
    return folder


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other pictures under the names of `data`, as two people's exports may have them."""
    folder = tmp_path_factory.mktemp("twin")
    write_labels(folder, write_prompts(folder, of_both_splits(8)[::-1]))
    return folder


def weights(network: RewardNetwork) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def frozen_run(data: list[Path], out: Path, **changes: object) -> RewardNetwork:
    settings = {"steps": 4, "batch_size": 4, "warmup_steps": 1, "checkpoint_every": 2}
    config = RewardTrainingConfig(
        **{**settings, "bf16": False, "augment": False, "freeze": 0.7, "encoder": CLIP, **changes}
    )
    return train_reward(data, data, out, config, lambda _: None).network


def test_frozen_layers_stay_and_are_computed_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    before = weights(RewardNetwork(CLIP))
    seen: list[int] = []
    frozen = ClipEncoder.frozen

    def counted(self: ClipEncoder, images: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        if self.training:
            seen.append(len(images))
        return frozen(self, images, holes)

    monkeypatch.setattr(ClipEncoder, "frozen", counted)
    network = frozen_run([data], tmp_path / "kept", steps=6)
    assert sum(seen) <= 8 * 4  # eight prompts of three pictures and a masked photo, at most once
    kept = {name for name, tensor in weights(network).items() if torch.equal(tensor, before[name])}
    below = ("embeddings.", "pre_layrnorm.", *(f"encoder.layers.{number}." for number in range(3)))
    assert {name for name in before if any(part in name for part in below)} <= kept
    assert not {name for name in kept if "encoder.layers.3.mlp" in name or "psi" in name}


def test_labelled_pictures_are_learned_as_they_are_scored(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[Group] = []
    rewards = Embedder.rewards

    def kept(self: Embedder, groups: list[Group]) -> torch.Tensor:
        learned.extend(groups)
        return rewards(self, groups)

    monkeypatch.setattr(Embedder, "rewards", kept)
    frozen_run([data], tmp_path / "run", steps=1, encoder=replace(CLIP, resample="bicubic"))
    assert len(learned) == 4
    names = [prompt.name for prompt in read_labelled(data, 64, "train").prompts]
    for group in learned:
        fill = read_rgb(data / "inpaint" / f"{names[group.index or 0]}_1.png")
        scored = Image.fromarray(fill).resize((64, 64), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(group.pictures[1], np.asarray(scored))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"gradient_checkpointing": True},
        {"freeze": 1.0, "encoder": EncoderConfig(image_size=64, widths=(8, 8), embedding_size=16)},
    ],
)
def test_saving_work_or_memory_changes_nothing(
    changes: dict[str, object],
    data: Path,
    twin: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kept activations and recomputed gradients give what plain training gives."""
    saved = weights(frozen_run([data, twin], tmp_path / "saved", **changes))
    rewards = Embedder.rewards

    def recomputed(self: Embedder, groups: list[Group]) -> torch.Tensor:
        self._keep = False
        return rewards(self, groups)

    monkeypatch.setattr(Embedder, "rewards", recomputed)
    plain = weights(frozen_run([data, twin], tmp_path / "plain", **changes))
    for name, tensor in plain.items():
        torch.testing.assert_close(saved[name], tensor, rtol=1e-4, atol=1e-6)


def test_a_run_that_no_longer_improves_ends_with_its_best(data: Path, tmp_path: Path) -> None:
    steps: list[StepDone] = []
    config = RewardTrainingConfig(
        steps=40,
        batch_size=4,
        warmup_steps=1,
        checkpoint_every=2,
        patience=2,
        bf16=False,
        learning_rate=0.0,
        encoder=CLIP,
    )
    train_reward([data], [data], tmp_path / "run", config, steps.append)
    assert len(steps) == 6  # the first measurement is the best, two more are not better
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4, 6]
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))


def test_a_run_that_never_gets_an_order_right_ends_with_its_best(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = PairAccuracy("all", 0.0, 0.0, 0.0, 1)
    monkeypatch.setattr(trainer, "pair_accuracies", lambda *_, **__: [wrong])
    frozen_run([data], tmp_path / "run", patience=1)
    assert (tmp_path / "run" / "best.pt").exists()


def test_a_loss_that_is_no_number_stops_the_run_before_it_is_kept(
    data: Path, tmp_path: Path
) -> None:
    with pytest.raises(PrefPaintError, match="Lower learning_rate"):
        frozen_run([data], tmp_path / "run", learning_rate=1e30)
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_run_goes_on_with_the_prompts_and_the_start_that_it_began_with(
    data: Path, twin: Path, tmp_path: Path
) -> None:
    start = save_tiny_reward(tmp_path / "start.safetensors")
    frozen_run([data], tmp_path / "run", start=start, freeze=0.0)
    with pytest.raises(PrefPaintError, match=r"other settings \(the prompts, "):
        frozen_run([data, twin], tmp_path / "run", start=start, freeze=0.0)
    other = load_reward(start)
    other.mean = 1.0
    other.save(start)
    with pytest.raises(PrefPaintError, match=r"other settings \(start\)"):
        frozen_run([data], tmp_path / "run", start=start, freeze=0.0)


def test_a_share_of_the_start_is_brought_back(data: Path, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_tiny_reward(start)
    changes = {"start": start, "freeze": 0.0}
    learned, mixed = (
        weights(frozen_run([data], tmp_path / "run", of_start=share, **changes))
        for share in (0.0, 0.25)
    )
    for name, value in weights(load_reward(start).network).items():
        assert torch.allclose(mixed[name], 0.75 * learned[name] + 0.25 * value, atol=1e-6)
    assert any(not torch.allclose(mixed[name], learned[name], atol=1e-5) for name in mixed)
    with pytest.raises(PrefPaintError, match="`of_start` is a share of `start`"):
        frozen_run([data], tmp_path / "other", of_start=0.5)
    resnet = EncoderConfig(kind="resnet", image_size=64, widths=(8, 8))
    begun = tmp_path / "resnet.safetensors"
    replace(load_reward(start), network=RewardNetwork(resnet)).save(begun)
    with pytest.raises(PrefPaintError, match="Of a resnet `of_start` has no meaning"):
        frozen_run([data], tmp_path / "none", of_start=0.5, start=begun)


RUN = "steps = 4\nbatch_size = 3\nwarmup_steps = 1\ncheckpoint_every = 2\nbf16 = false\n"
SMALL_RUN = RUN + "[encoder]\nimage_size = 64\nwidths = [8, 8, 8, 8]\nembedding_size = 16\n"
CLIP_RUN = (
    RUN
    + """freeze = 0.5
augment = false
patience = 2
gradient_checkpointing = true
[encoder]
kind = "clip"
image_size = 64
[encoder.clip]
hidden_size = 32
intermediate_size = 32
num_hidden_layers = 4
num_attention_heads = 2
patch_size = 16
projection_dim = 16
"""
)


def command(data: Path, settings: str, out: Path, *more: str) -> list[str]:
    file = out.with_suffix(".toml")
    file.write_text(settings)
    files = ["--validation", str(data), "--config", str(file), "--out", str(out)]
    return ["reward", str(data), *files, *more]


def assert_alike(one: Path, other: Path) -> None:
    losses = [
        [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]
        for out in (one, other)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    found = [load_file(out / "reward.safetensors") for out in (one, other)]
    assert found[0].keys() == found[1].keys()
    names = [name for name in found[0] if not name.startswith("trust.")]
    apart = torch.cat([(found[1][name] - found[0][name]).abs().flatten() for name in names])
    # Adam turns rounding into a step where a gradient is next to nothing; elsewhere they agree.
    assert float(apart.median()) < 1e-7
    assert float(apart.quantile(0.99)) < 1e-5
    moments = [gradients(out) for out in (one, other)]  # Adam takes no notice of a factor
    assert float((moments[1] - moments[0]).norm()) < 1e-3 * float(moments[0].norm())


def gradients(run: Path) -> torch.Tensor:
    """Their running means."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)["optimiser"]["state"]
    return torch.cat([state[place]["exp_avg"].flatten() for place in sorted(state)])


def test_two_processes_give_what_one_gives(data: Path, tmp_path: Path) -> None:
    """The network whole in each or split, also where one began alone and both go on."""
    small, clip = tmp_path / "small", tmp_path / "clip"
    in_one([command(data, SMALL_RUN, small), command(data, CLIP_RUN, clip)])
    begun = tmp_path / "begun"
    file = begun.with_suffix(".toml")
    file.write_text(SMALL_RUN)
    with pytest.raises(KeyboardInterrupt):
        train_reward([data], [data], begun, read_config(file), stop_after(2))
    in_two(
        [
            command(data, SMALL_RUN, tmp_path / "two"),
            command(data, SMALL_RUN, tmp_path / "split", "--shard"),
            command(data, CLIP_RUN, tmp_path / "clip-split", "--shard"),
            command(data, SMALL_RUN, begun, "--shard"),
        ]
    )
    for other in (tmp_path / "two", tmp_path / "split", begun):
        assert_alike(small, other)
    assert_alike(clip, tmp_path / "clip-split")
    kept = torch.load(tmp_path / "split" / "checkpoint.pt", weights_only=True)
    assert (
        kept["network"].keys() == weights(load_reward(small / "reward.safetensors").network).keys()
    )


def stop_after(steps: int) -> Callable[[StepDone], None]:
    def stop(done: StepDone) -> None:
        if done.step == steps:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize(
    ("processes", "batch_size", "sentence"),
    [
        (1, 4, "--shard splits the network among processes, and there is one"),
        (8, 4, "in each of 8 processes at every step, and a step has 4"),
        (64, 80, "in each of 64"),
    ],
)
def test_a_network_is_split_only_where_every_process_has_a_prompt(
    processes: int,
    batch_size: int,
    sentence: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Accelerator, "num_processes", processes)
    config = RewardTrainingConfig(batch_size=batch_size, encoder=CLIP)
    with pytest.raises(PrefPaintError, match=sentence):
        train_reward([data], [data], tmp_path / "run", config, lambda _: None, shard=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("attribute", "value", "kind", "sentence"),
    [
        ("distributed_type", DistributedType.FSDP, "small", r"set up for FSDP\. Models are split"),
        ("num_processes", 2, "resnet", "A resnet learns in one process"),
    ],
)
def test_processes_that_would_not_give_what_one_gives_are_refused(
    attribute: str,
    value: object,
    kind: Literal["small", "resnet"],
    sentence: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Accelerator, attribute, value)
    config = RewardTrainingConfig(encoder=EncoderConfig(kind=kind, image_size=64, widths=(8, 8)))
    with pytest.raises(PrefPaintError, match=sentence):
        train_reward([data], [data], tmp_path / "run", config, lambda _: None)
    assert not (tmp_path / "run").exists()


def test_settings_come_from_a_file_and_the_line_goes_first(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("steps = 7\nseed = 3\n[encoder]\nwidths = [8, 8]\n")
    config = read_config(file, seed=5, steps=None)
    assert (config.steps, config.seed, config.encoder.widths) == (7, 5, (8, 8))
    for content in ("stepps = 7", "steps = ", "[encoder]\nwidht = 3"):
        file.write_text(content)
        with pytest.raises(PrefPaintError, match=r"settings\.toml holds no settings"):
            read_config(file)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ('objective = "regresion"', "objective"),
        ('steps = "many"', "steps"),
        ("checkpoint_every = 0", "checkpoint_every"),
        ("freeze = 70", "freeze"),
        ("[pair_weights]\neye = -1", "pair_weights.eye"),
        ("[pair_weights]\neyes = 1", "pair_weights.eyes"),
        ("[encoder]\nwidths = []", "encoder.widths"),
        ("[encoder]\nwidht = 3", "encoder.widht"),
    ],
)
def test_a_setting_that_cannot_be_is_named(content: str, key: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(content)
    with pytest.raises(PrefPaintError, match=rf"settings\.toml holds no settings.*: {key}"):
        read_config(file)


def test_some_weights_of_pairs_leave_the_others_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('start = "paper.safetensors"\n[pair_weights]\neye = 5\n')
    config = read_config(file)
    assert config.pair_weights == {**PAIR_WEIGHTS, "eye": 5}
    assert config.start == Path("paper.safetensors")
