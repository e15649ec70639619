"""`prefpaint-train align --method dpo`: pairs that people made, and no reward model."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import torch
from pyarrow import parquet

from tests.training.photos import write_photos
from tests.training.preferences import keep_accepts
from tests.training.tiny_alignment import CONFIG, make_policy, read_log, sized_prompts
from tests.training.tiny_alignment import write_prompts as write_holes
from tests.training.tiny_models import save_pipeline
from training.alignment import preferences as preferences_module
from training.alignment import run as run_module
from training.alignment.align import align
from training.alignment.pairs import PreferencePair, read_pairs
from training.alignment.preferences import PairEncoder, preference_updates
from training.alignment.rollouts import SizedPrompt
from training.errors import PrefPaintError
from training.preferences.export import Format, export
from training.preferences.store import PreferenceStore

DPO = replace(CONFIG, method="dpo", divergence=0.0, accumulation=1, preference_beta=500.0)


def exported(folder: Path, form: Format, count: int = 2) -> Path:
    """Pairs of a person who accepted the second of three fills: two pairs a strip."""
    keep_accepts(folder / "store", count)
    with PreferenceStore(folder / "store") as store:
        export(store, folder / form, form)
    return folder / form


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[PreferencePair]:
    folder = tmp_path_factory.mktemp("pairs")
    found, set_aside = read_pairs(exported(folder, "pairs"), 64)
    assert not set_aside
    return found


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> list[SizedPrompt]:
    return sized_prompts(tmp_path_factory.mktemp("prompts"))


@pytest.mark.parametrize("form", ["paper", "datasets"])
def test_every_export_gives_the_same_pairs(
    form: Format, tmp_path: Path, pairs: list[PreferencePair]
) -> None:
    found, _ = read_pairs(exported(tmp_path, form), 64)
    assert len(found) == len(pairs) == 4

    def seen(among: list[PreferencePair]) -> set[bytes]:
        read = [pair.read() for pair in among]
        for pictures in read:
            assert (pictures.masked[pictures.hole] == 255).all()
            np.testing.assert_array_equal(
                pictures.chosen[~pictures.hole], pictures.rejected[~pictures.hole]
            )
        return {p.chosen.tobytes() + p.rejected.tobytes() + p.masked.tobytes() for p in read}

    assert seen(found) == seen(pairs)


def test_orders_known_by_construction_are_pairs_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(tmp_path / "photos", count=1)
    words = ("pairs", tmp_path / "photos", "--out", tmp_path / "made", "--count", 2)
    assert command(monkeypatch, *words, "--workers", 1) == 0
    found, _ = read_pairs(tmp_path / "made", 64)
    over = [pair for pair in found if pair.key.split(": ")[0] == found[0].key.split(": ")[0]]
    assert len({pair.read().chosen.tobytes() for pair in over}) == 1  # the original
    assert len({pair.read().rejected.tobytes() for pair in over}) == len(over)
    assert len(found) > 4


def test_both_of_a_pair_share_noise_and_time(
    pairs: list[PreferencePair], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, seen = make_policy(), []
    predict = preferences_module.predict

    def watched(unet, inputs, times, *words):
        seen.append((inputs, times))
        return predict(unet, inputs, times, *words)

    monkeypatch.setattr(preferences_module, "predict", watched)
    encoded = [PairEncoder(policy.model)(pair) for pair in pairs]
    (*_, update) = preference_updates(policy, encoded, DPO, 0, slice(0, 4), 4)
    assert update.loss.item() == pytest.approx(np.log(2))  # the policy is what it began as
    alphas = policy.model.scheduler("ddim").alphas_cumprod
    assert len(seen) == 2 * DPO.updated_steps
    for noisy, times in seen:
        chosen, rejected = noisy.chunk(2)
        assert torch.equal(*times.chunk(2))
        signal = alphas[times[:4]].sqrt().view(-1, 1, 1, 1)
        apart = torch.cat([pair.chosen - pair.rejected for pair in encoded])
        torch.testing.assert_close(chosen - rejected, signal * apart, atol=1e-5, rtol=1e-4)


def test_it_learns_to_tell_the_chosen_from_the_rejected(pairs: list[PreferencePair]) -> None:
    """With the same noise over again."""
    policy = make_policy()
    encoded = [PairEncoder(policy.model)(pair) for pair in pairs]
    optimiser = torch.optim.AdamW(policy.parameters, lr=1e-3)
    updates = []
    for _ in range(15):
        for update in preference_updates(policy, encoded, DPO, 0, slice(0, 4), 4):
            update.loss.backward()
            updates.append(update)
        optimiser.step()
        optimiser.zero_grad()
    assert updates[-1].loss < 0.7 * updates[0].loss
    assert updates[-1].figures["accuracy"] == 1


def test_a_killed_run_goes_on_to_the_same_end(
    tmp_path: Path,
    pairs: list[PreferencePair],
    prompts: list[SizedPrompt],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_module, "CHECKPOINT_EVERY", 2)
    whole, resumed = make_policy(), make_policy()
    align(whole, None, prompts, DPO, tmp_path / "whole", lambda _: None, pairs=pairs)

    def pull_the_plug(share: float) -> None:
        if share == 0.75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        align(make_policy(), None, prompts, DPO, tmp_path / "cut", pull_the_plug, pairs=pairs)
    align(resumed, None, prompts, DPO, tmp_path / "cut", lambda _: None, pairs=pairs)
    log = read_log(tmp_path / "whole")
    assert log == read_log(tmp_path / "cut")
    assert set(log[0]) == {"iteration", "loss", "accuracy", "divergence", "unet_calls"}
    assert set(log[-1]) - set(log[0]) == {"brightness", "contrast", "diversity"}  # of a sheet
    for name, value in whole.state().items():
        assert torch.equal(value, resumed.state()[name])
    with pytest.raises(PrefPaintError, match=r"other settings \(the pairs\)"):
        align(make_policy(), None, prompts, DPO, tmp_path / "cut", lambda _: None, pairs=pairs[1:])


def test_the_command_makes_what_the_app_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    words = (save_pipeline(tmp_path / "base"), write_holes(tmp_path / "prompts"))
    options = ("--iterations", 1, "--steps", 2, "--prompts-each", 2, "--out", out)
    dpo = ("--method", "dpo", "--pairs", exported(tmp_path, "pairs"))
    assert command(monkeypatch, "align", *words, *options, *dpo) == 0
    assert (out / "pytorch_lora_weights.safetensors").exists()
    assert len(list((out / "sheets").glob("*.png"))) == 2
    assert list(out.glob("events.out.tfevents.*"))


def test_what_holds_no_pairs_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = (save_pipeline(tmp_path / "base"), write_holes(tmp_path / "prompts"))
    words = ("align", *words, "--out", tmp_path / "out", "--method", "dpo")
    (tmp_path / "empty").mkdir()
    good = exported(tmp_path, "pairs", 4)
    bad, other = (tmp_path / name / "data" for name in ("bad", "other"))
    for folder in (bad, other):
        folder.mkdir(parents=True)
    (bad / "train.parquet").write_bytes(b"no parquet")
    parquet.write_table(pyarrow.table({"text": ["a"]}), other / "train.parquet")
    for options, says in (
        ((), "go together"),
        (("--pairs", tmp_path / "gone"), "gone is not a folder"),
        (("--pairs", tmp_path / "empty"), "nor labels"),
        (("--pairs", bad.parent), "train.parquet cannot be read"),
        (("--pairs", other.parent), "has no column mask"),
        (("--pairs", good, "--prompts-each", 9), "takes 9 pairs, there are 8"),
        (("--pairs", good, "--prompts-each", 2, "--patience", 2), "dpo has none"),
    ):
        assert command(monkeypatch, *words, *options) == 2
        assert says in capsys.readouterr().err.replace("\n", " ")
        assert not (tmp_path / "out" / "log.jsonl").exists()


def test_what_cannot_be_learned_from_is_named_in_the_folder_of_its_own_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    out, good = tmp_path / "out", exported(tmp_path, "pairs")
    words = (save_pipeline(tmp_path / "base"), write_holes(tmp_path / "prompts"))
    words = ("align", *words, "--method", "dpo", "--pairs", good)
    words = (*words, "--iterations", 1, "--steps", 2, "--prompts-each", 1)
    assert command(monkeypatch, *words, "--out", out) == 0
    before = sorted(path.name for path in out.iterdir())
    file = next(good.glob("data/*.parquet"))
    rows = parquet.read_table(file).to_pylist()
    rows[0]["chosen"]["bytes"] = b"no picture"
    parquet.write_table(pyarrow.Table.from_pylist(rows[:2]), file)
    assert command(monkeypatch, *words, "--out", out) == 2
    assert "other settings (the pairs)" in capsys.readouterr().err.replace("\n", " ")
    assert sorted(path.name for path in out.iterdir()) == before
    assert command(monkeypatch, *words, "--out", tmp_path / "new") == 0
    assert "1 labels or prompts were set aside" in caplog.text
    (named,) = (tmp_path / "new").glob("set-aside-*.txt")
    assert "pair 0 of group 0" in named.read_text()
    rows[0] = rows[1] | {"mask": {"bytes": b"", "path": None}}
    parquet.write_table(pyarrow.Table.from_pylist([rows[0]]), file)
    with pytest.raises(PrefPaintError, match="no pair of which one is better"):
        read_pairs(good, 64)


def command(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run `prefpaint-train` with these words; gives its exit status."""
    from training.__main__ import main

    monkeypatch.setattr(sys, "argv", ["prefpaint-train", *map(str, words)])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)
