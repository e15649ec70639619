"""`prefpaint-train evaluate` from end to end on models of a few thousand weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from resources import SAMPLE_PHOTO
from tests.prefpaint_gui.tiny_reward import save_tiny_reward
from tests.training.tiny_models import make_pipeline, save_pipeline
from training.alignment.policy import Policy
from training.cli import app
from training.errors import PrefPaintError
from training.evaluation import samples as samples_module
from training.evaluation.contenders import Contender
from training.evaluation.samples import Sampling, fill_prompts
from training.inpainting.diffusion.model import DiffusionModel
from training.inpainting.settings import DiffusionSettings
from training.prompts.incomplete import make_prompts, read_prompts
from training.prompts.photos import read_rgb
from training.reward.model import load_reward

SETTINGS = DiffusionSettings(steps=2, match_colour=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base/, other/, lora/pytorch_lora_weights.safetensors, reward.safetensors and prompts/."""
    folder = tmp_path_factory.mktemp("made")
    save_pipeline(folder / "base")
    save_pipeline(folder / "other", seed=1)
    model = DiffusionModel(make_pipeline(), torch.device("cpu"), torch.float32)
    policy = Policy(model, "lora", 2, 0)
    for parameter in policy.parameters:
        torch.nn.init.normal_(parameter, 0, 0.3)
    (folder / "lora").mkdir()
    policy.save(folder / "lora")
    save_tiny_reward(folder / "reward.safetensors")
    make_prompts([SAMPLE_PHOTO], "blobs", 3, 64, 0, folder / "prompts", lambda _: None)
    return folder


@pytest.fixture(scope="module")
def done(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run with three models and a judge wrote; to be read alone."""
    out = tmp_path_factory.mktemp("done") / "out"
    lora = made / "lora" / "pytorch_lora_weights.safetensors"
    result = _run(
        made, out, f"base={made / 'base'}", str(made / "other"), f"with lora={made / 'base'}+{lora}"
    )
    assert "The report is" in result.output
    return out


def _run(made: Path, out: Path, *words: str, prompts: Path | None = None) -> Result:
    line = ["evaluate", "--prompts", str(prompts or made / "prompts"), "--out", str(out)]
    line += ["--samples", "3", "--steps", "2", "--device", "cpu"]
    if "--judge" not in words:
        line += ["--judge", str(made / "reward.safetensors")]
    result = CliRunner().invoke(app, [*line, *words], catch_exceptions=True)
    if isinstance(result.exception, PrefPaintError | KeyboardInterrupt):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def _report(out: Path) -> dict:
    return json.loads((out / "report.json").read_text())


def test_the_report_tells_of_every_model_and_its_pictures_open(done: Path) -> None:
    report, text = _report(done), (done / "report.md").read_text()
    assert list(report["models"]) == ["base", "other", "with lora"]
    assert report["base"] == "base"
    assert list(report["against_base"]) == ["other", "with lora"]
    assert report["models"]["other"]["judge"]["win_rate"].keys() == {"1", "3"}
    for name in ("win-rates.png", "heat-map.png", "rewards.png", "sheet-1.png"):
        assert f"]({name})" in text
        with Image.open(done / name) as picture:
            picture.verify()
    assert "favour blur" in text
    assert "by drawing photos anew" in text
    for who in ("reward", "judge"):
        rates = report["heat_maps"][who]
        for row in rates:
            assert rates[row][row]["value"] == 0.5
            for column in rates:
                assert rates[row][column]["value"] + rates[column][row]["value"] == pytest.approx(1)


def test_a_fill_changes_the_hole_alone_and_models_and_seeds_differ(made: Path, done: Path) -> None:
    for prompt in read_prompts(made / "prompts"):
        seen = {}
        for name in ("base", "other", "with lora"):
            for number in range(4):
                fill = read_rgb(done / "fills" / name / f"{prompt.prompt}_{number}.png")
                np.testing.assert_array_equal(fill[~prompt.mask], prompt.masked[~prompt.mask])
                seen[name, number] = fill.tobytes()
        assert len(set(seen.values())) == len(seen)


def test_again_nothing_is_loaded_and_the_figures_are_the_same(
    made: Path, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for another base, a smaller S, or without the judge."""
    shutil.copytree(done, tmp_path / "out")
    monkeypatch.setattr(samples_module, "load_inpainter", None)
    models = (f"base={made / 'base'}", str(made / "other"))
    _run(made, tmp_path / "out", *models)
    again, before = _report(tmp_path / "out"), _report(done)
    assert again["against_base"]["other"] == before["against_base"]["other"]
    result = _run(made, tmp_path / "out", *models, "--base", "other", "--samples", "2")
    assert "base over other" in result.output
    assert _report(tmp_path / "out")["samples"] == 2


def test_an_interrupted_run_goes_on(
    made: Path, done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = samples_module.write_png, []

    def interrupted(path: Path, pixels: np.ndarray) -> None:
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path)
        real(path, pixels)

    monkeypatch.setattr(samples_module, "write_png", interrupted)
    model = f"base={made / 'base'}"
    line = ["evaluate", model, "--prompts", str(made / "prompts"), "--out", str(tmp_path / "out")]
    line += ["--samples", "3", "--steps", "2", "--device", "cpu"]
    stopped = CliRunner().invoke(app, line)
    assert stopped.exit_code != 0
    fills = tmp_path / "out" / "fills" / "base"
    assert len(list(fills.glob("*.png"))) == 5
    monkeypatch.setattr(samples_module, "write_png", real)
    times = {path: path.stat().st_mtime_ns for path in written}
    _run(made, tmp_path / "out", model)
    assert times == {path: path.stat().st_mtime_ns for path in written}
    for path in fills.glob("*.png"):
        expected = read_rgb(done / "fills" / "base" / path.name)
        np.testing.assert_allclose(read_rgb(path).astype(int), expected, atol=1)


def test_fills_of_other_weights_or_settings_are_never_mixed(
    made: Path, done: Path, tmp_path: Path
) -> None:
    shutil.copytree(done / "fills" / "base", tmp_path / "fills" / "base")
    before = (tmp_path / "fills" / "base" / "settings.json").read_bytes()
    for words, which in (
        ((f"base={made / 'other'}",), "model"),
        ((f"base={made / 'base'}", "--seed", "1"), "seed"),
    ):
        with pytest.raises(PrefPaintError, match=rf"begun with other settings \({which}\)"):
            _run(made, tmp_path, *words)
    assert (tmp_path / "fills" / "base" / "settings.json").read_bytes() == before


def test_without_originals_what_needs_them_is_left_out(made: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    shutil.copytree(made / "prompts", prompts)
    next((prompts / "originals").iterdir()).unlink()
    _run(made, tmp_path / "out", str(made / "base"), "--samples", "1", prompts=prompts)
    report, text = _report(tmp_path / "out"), (tmp_path / "out" / "report.md").read_text()
    assert report["models"]["base"]["kid"] is None
    assert report["models"]["base"]["psnr"] is None
    assert "are left out: they need the original of every prompt" in text


def test_bad_words_are_refused_before_anything_is_filled(made: Path, tmp_path: Path) -> None:
    base, out = str(made / "base"), tmp_path / "out"
    reward = str(made / "reward.safetensors")
    lora = made / "lora" / "pytorch_lora_weights.safetensors"
    for words, sentence in (
        ((base, "--base", "nobody"), "No model is called nobody"),
        ((base, f"base={made / 'other'}"), "Two models are called base"),
        ((f"../up={base}",), "cannot be a model's name"),
        ((base, f"wrong={reward}"), "is a reward model, not an inpainting model"),
        ((base, f"wrong={lora}"), "is a LoRA, not a model"),
        ((base, f"wrong={base}+{reward}"), "holds no LoRA"),
        ((base, "missing=nowhere"), "There is nothing at nowhere"),
        ((base, "--eta", "1"), "has no eta"),
        ((base, "--reward", reward, "--judge", reward), "no independent judge"),
    ):
        with pytest.raises(PrefPaintError, match=sentence):
            _run(made, out, *words)
    assert not out.exists()


def test_a_prompt_without_a_hole_is_named(made: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    shutil.copytree(made / "prompts", prompts)
    mask = next((prompts / "masks").iterdir())
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(mask)
    with pytest.raises(PrefPaintError, match=f"{mask.name}: nothing is masked"):
        _run(made, tmp_path / "out", str(made / "base"), prompts=prompts)


def test_a_full_memory_is_one_sentence_and_the_fills_so_far_stay(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = DiffusionModel.start, []

    def full(self: DiffusionModel, *words: object) -> object:
        calls.append(words)
        if len(calls) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return real(self, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(DiffusionModel, "start", full)
    with pytest.raises(PrefPaintError, match="does not fit into the memory"):
        _run(made, tmp_path, str(made / "base"))
    assert len(list((tmp_path / "fills" / "base").glob("*.png"))) == 4


def test_an_ensemble_judges_as_its_mean(made: Path, tmp_path: Path) -> None:
    rewards = tmp_path / "rewards"
    rewards.mkdir()
    for number in range(2):
        shutil.copy(made / "reward.safetensors", rewards / f"{number}.safetensors")
    words = ("--reward", str(rewards), "--samples", "1")
    _run(made, tmp_path / "out", str(made / "base"), *words)
    one = _report(tmp_path / "out")["models"]["base"]
    assert one["reward"]["mean"]["value"] == one["judge"]["mean"]["value"]


def test_other_originals_are_measured_anew(made: Path, done: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "prompts", tmp_path / "prompts")
    shutil.copytree(done, tmp_path / "out")
    original = next((tmp_path / "prompts" / "originals").iterdir())
    Image.fromarray(255 - read_rgb(original)).save(original)
    _run(made, tmp_path / "out", f"base={made / 'base'}", prompts=tmp_path / "prompts")
    psnr = [_report(out)["models"]["base"]["psnr"]["value"] for out in (done, tmp_path / "out")]
    assert psnr[0] != psnr[1]


def test_what_is_found_done_is_told_once_before_the_rest(
    made: Path, done: Path, tmp_path: Path
) -> None:
    shutil.copytree(done / "fills" / "base", tmp_path / "base")
    prompts = read_prompts(made / "prompts")
    (tmp_path / "base" / f"{prompts[-1].prompt}_0.png").unlink()
    reward, told = load_reward(made / "reward.safetensors"), []
    model, sampling = Contender("base", made / "base"), Sampling(3, 0, SETTINGS)
    fill_prompts(model, reward, None, prompts, sampling, tmp_path / "base", "cpu", told.append)
    assert told[:2] == [pytest.approx(0.6), pytest.approx(0.9)]
