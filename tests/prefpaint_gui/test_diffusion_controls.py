"""What a diffusion model is asked: model, prompts, sampling, how many; kept and used again."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from prefpaint_gui.app import build_window
from prefpaint_gui.backends import real_backends
from prefpaint_gui.settings import Settings, load_settings
from prefpaint_gui.state.models import PATCHMATCH
from prefpaint_gui.state.options import OptionValues, Tool
from prefpaint_gui.widgets import file_dialogs
from tests.prefpaint_gui.conftest import ABSENT, DIFFUSION, Bench
from tests.prefpaint_gui.fakes import fake_backends
from training.inpainting.settings import DiffusionSettings

CONTROL = Qt.KeyboardModifier.ControlModifier
ASKED = DiffusionSettings(
    *("a red door", "people", 12, 4.5, "ddim", 0.35),
    match_colour=False,
    loras=(Path("/styles/red.safetensors"),),
)


@pytest.fixture
def diffusing(painted: Bench) -> Bench:
    """The diffusion model is chosen, and the middle of a photo masked."""
    painted.use_diffusion()
    return painted


def choose(bench: Bench, combo: object, text: str) -> None:
    """Choose an entry of a list with the keyboard, as its first letters do."""
    bench.qtbot.keyClicks(combo, text)
    bench.qtbot.keyClick(combo, Qt.Key.Key_Return)


# --- the model ------------------------------------------------------------------------------------


def test_patchmatch_is_the_default_and_has_no_diffusion_controls(painted: Bench):
    window = painted.program.window
    assert window.panel.model.currentText() == PATCHMATCH.title
    assert not window.top_bar.prompts.isVisible()
    assert not window.panel.sampling.isVisible()
    painted.use_diffusion()
    assert window.top_bar.prompts.isVisible()
    assert window.panel.sampling.isVisible()
    assert not window.top_bar.name.isVisible()


def test_a_model_that_is_not_on_this_computer_cannot_be_chosen(diffusing: Bench):
    combo = diffusing.program.window.panel.model
    items = combo.model()
    assert isinstance(items, QStandardItemModel)
    assert [items.item(row).isEnabled() for row in range(3)] == [True, True, False]
    diffusing.program.options.update(model=ABSENT.name)
    assert combo.currentText() == PATCHMATCH.title


def test_an_order_goes_to_its_model_and_the_other_one_is_closed(painted: Bench):
    painted.generate()
    assert not painted.inpainter.is_closed
    painted.use_diffusion()
    painted.generate()
    assert painted.inpainter.is_closed
    painted.generate()
    assert painted.made == [PATCHMATCH.name, DIFFUSION.name]


def test_a_patchmatch_order_carries_no_settings_of_a_hidden_prompt(painted: Bench):
    painted.program.options.update(settings=ASKED, explore=8)
    painted.generate()
    assert painted.inpainter.requests[-1].settings == DiffusionSettings()
    assert painted.inpainter.requests[-1].seeds == (0, 1, 2, 3)


def test_the_built_in_model_is_offered_from_the_start():
    assert real_backends().models()[0] == PATCHMATCH


# --- the prompt -----------------------------------------------------------------------------------


def test_typing_a_prompt_fires_no_shortcut_and_enter_generates(diffusing: Bench):
    program, prompts = diffusing.program, diffusing.program.window.top_bar.prompts
    mask = program.document.mask.copy()
    prompts.prompt.setFocus()
    diffusing.qtbot.keyClicks(prompts.prompt, "embixu 1[]\\")
    diffusing.qtbot.keyClicks(prompts.negative, "bleu")
    assert program.options.values.tool is Tool.BRUSH
    assert (program.document.mask == mask).all()
    assert not program.window.canvas.is_comparing
    diffusing.qtbot.keyClick(prompts.prompt, Qt.Key.Key_Return)
    diffusing.until(lambda: not program.session.is_busy and bool(diffusing.inpainter.requests))
    asked = diffusing.inpainter.requests[-1].settings
    assert (asked.prompt, asked.negative_prompt) == ("embixu 1[]\\", "bleu")


def test_escape_leaves_the_prompt_and_cancels_nothing(diffusing: Bench):
    diffusing.inpainter.gate.clear()
    prompt = diffusing.program.window.top_bar.prompts.prompt
    prompt.setFocus()
    diffusing.qtbot.keyClick(prompt, Qt.Key.Key_Return)
    diffusing.qtbot.keyClick(prompt, Qt.Key.Key_Escape)
    assert diffusing.program.session.is_busy
    assert diffusing.program.window.canvas.hasFocus()


def test_the_answer_is_kept_with_the_prompt(diffusing: Bench):
    diffusing.program.options.update(settings=ASKED)
    diffusing.generate()
    diffusing.key(Qt.Key.Key_Up)
    diffusing.until(lambda: bool(diffusing.store.kept))
    (presentation, _) = next(iter(diffusing.store.kept.values()))
    assert presentation.prompt == "a red door"


def test_a_seed_that_is_given_up_for_others_says_so(diffusing: Bench):
    diffusing.inpainter.gate.clear()
    diffusing.program.options.update(explore=6, count=2)
    diffusing.key(Qt.Key.Key_Return, CONTROL)
    cards = diffusing.program.window.strip.cards
    diffusing.until(lambda: len(diffusing.program.candidates.dropped) == 4)
    assert {seed: card.reward.text() for seed, card in cards.items()} == {
        **dict.fromkeys(range(4), "Dropped early"),
        **dict.fromkeys((4, 5), "Filling…"),
    }
    assert [seed for seed, card in cards.items() if card.waiting.isVisible()] == [4, 5]
    diffusing.inpainter.gate.set()
    diffusing.until(lambda: not diffusing.program.session.is_busy)
    assert sorted(cards) == [4, 5]


# --- the sampling ---------------------------------------------------------------------------------


def test_the_controls_set_what_the_model_is_asked(diffusing: Bench):
    panel, sampling = diffusing.program.window.panel, diffusing.program.window.panel.sampling
    assert not sampling.eta.isVisible()
    choose(diffusing, sampling.sampler, "DD")
    assert sampling.eta.isVisible()
    sampling.steps_slider.setValue(12)
    sampling.guidance_slider.setValue(9)
    sampling.eta.setValue(0.35)
    panel.padding.setValue(20)
    panel.feather.setValue(2)
    diffusing.generate()
    asked = diffusing.inpainter.requests[-1].settings
    assert asked == replace(ASKED, prompt="", negative_prompt="", match_colour=True, loras=())
    assert sampling.steps.value() == 12
    assert sampling.guidance.value() == 4.5


def test_lora_files_and_colour_match_are_asked_of_the_model(
    diffusing: Bench, monkeypatch: pytest.MonkeyPatch
):
    sampling = diffusing.program.window.panel.sampling
    bar = diffusing.program.window.panel.verticalScrollBar()
    bar.setValue(bar.maximum())
    paths = [Path("/styles/red.safetensors"), Path("/styles/night.safetensors")]
    for path in [*paths, paths[0], None]:
        monkeypatch.setattr(file_dialogs, "ask_lora", lambda _, path=path: path)
        diffusing.qtbot.mouseClick(sampling.loras.add, Qt.MouseButton.LeftButton)
    choose(diffusing, sampling.colours, "Le")
    diffusing.generate()
    asked = diffusing.inpainter.requests[-1].settings
    assert (asked.loras, asked.match_colour) == (tuple(paths), False)
    assert diffusing.made[-1] == "tiny + red.safetensors + night.safetensors"
    diffusing.qtbot.mouseClick(sampling.loras.removes[0], Qt.MouseButton.LeftButton)
    diffusing.generate()
    assert diffusing.inpainter.requests[-1].settings.loras == (paths[1],)
    assert diffusing.made[-1] == "tiny + night.safetensors"
    assert len(sampling.loras.removes) == 1


def test_a_lora_file_that_was_written_anew_is_read_anew(diffusing: Bench, tmp_path: Path):
    lora = tmp_path / "mine.safetensors"
    lora.write_bytes(b"first")
    diffusing.program.options.update_settings(loras=(lora,))
    for content in (b"first", b"first", b"the second"):
        if lora.read_bytes() != content:
            lora.write_bytes(content)
        diffusing.generate()
    assert diffusing.made[-2:] == ["tiny + mine.safetensors"] * 2
    assert len(diffusing.inpainter.requests) == 3


def test_the_settings_of_a_model_that_is_gone_are_not_said_to_be_used(diffusing: Bench):
    diffusing.generate()
    options, window = diffusing.program.options, diffusing.program.window
    options.set_models([PATCHMATCH])
    diffusing.key(Qt.Key.Key_U)
    assert "no longer here" in window.banner.text.text()
    assert options.model == PATCHMATCH


def test_eta_is_not_asked_of_a_sampler_without_it(diffusing: Bench):
    diffusing.program.options.update(settings=replace(ASKED, sampler="euler"))
    diffusing.generate()
    assert diffusing.inpainter.requests[-1].settings.eta == 0


def test_guidance_between_two_places_of_the_slider_is_kept(diffusing: Bench):
    sampling = diffusing.program.window.panel.sampling
    sampling.guidance.setValue(7.3)
    assert diffusing.program.options.values.settings.guidance == 7.3
    sampling.guidance.setValue(1)
    assert sampling.guidance.text() == "Off"


def test_exploring_starts_many_and_shows_the_few_that_are_kept(diffusing: Bench):
    program = diffusing.program
    program.window.panel.sampling.explore.setValue(8)
    assert program.window.panel.next_seeds.text() == (
        "Generate takes seeds 0–7 and keeps the best 4."
    )
    diffusing.inpainter.gate.clear()
    diffusing.key(Qt.Key.Key_Return, CONTROL)
    assert list(program.window.strip.cards) == list(range(8))
    diffusing.until(lambda: bool(diffusing.inpainter.requests))
    request = diffusing.inpainter.requests[-1]
    assert (request.seeds, request.settings.keep) == (tuple(range(8)), 4)
    diffusing.inpainter.gate.set()
    diffusing.until(lambda: not program.session.is_busy)
    assert sorted(program.window.strip.cards) == [4, 5, 6, 7]


def test_the_wish_to_explore_outlasts_a_larger_count(diffusing: Bench):
    options, explore = diffusing.program.options, diffusing.program.window.panel.sampling.explore
    assert explore.text() == "Off"
    explore.setValue(6)
    options.update(count=8)
    assert explore.text() == "Off"
    assert options.order_settings.keep is None
    options.update(count=2)
    assert explore.value() == 6
    assert options.order_settings.keep == 2
    explore.setValue(2)
    options.update(count=1)
    assert options.order_settings.keep is None


def test_the_wheel_changes_only_the_control_that_was_chosen(diffusing: Bench):
    steps = diffusing.program.window.panel.sampling.steps
    middle = steps.rect().center()
    roll = QWheelEvent(
        QPointF(middle),
        QPointF(steps.mapToGlobal(middle)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(steps, roll)
    assert steps.value() == 30
    steps.setFocus()
    QApplication.sendEvent(steps, roll)
    assert steps.value() == 31


# --- kept and used again --------------------------------------------------------------------------


def test_everything_is_there_again_at_the_next_start(qtbot: QtBot, tmp_path: Path):
    values = OptionValues(
        count=3,
        padding=40,
        feather=5,
        seed=77,
        model=DIFFUSION.name,
        settings=ASKED,
        explore=9,
        show_regions=False,
    )
    backends = fake_backends(models=lambda: [PATCHMATCH, DIFFUSION])
    file = tmp_path / "settings.json"
    for settings in (Settings(), None):
        program = build_window(backends, settings or load_settings(file), file)
        qtbot.addWidget(program.window)
        if settings is not None:
            program.options.update(**vars(values))
        program.window.close()
    assert program.options.values == values


def make_one_and_change_all(bench: Bench) -> int:
    """Returns the seed of the second candidate, which was made with other settings."""
    options = bench.program.options
    options.update(settings=ASKED, padding=30, feather=3, seed=40, explore=8, count=3)
    bench.generate()
    other = DiffusionSettings("other")
    options.update(settings=other, padding=None, feather=0, seed=0, count=5, model="patchmatch")
    return bench.program.candidates.ranked[1].seed


def has_settings_of(bench: Bench, seed: int) -> bool:
    """Whether Generate makes that candidate again, first of all."""
    values = bench.program.options.values
    restored = (values.settings, values.padding, values.feather, values.model)
    bench.generate()
    request = bench.inpainter.requests[-1]
    return (
        restored == (ASKED, 30, 3, DIFFUSION.name)
        and request.settings == ASKED
        and request.seeds[0] == seed
        and len(request.seeds) == bench.program.options.values.count == 3
    )


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_the_menu_of_a_card_brings_its_settings_back(diffusing: Bench):
    seed = make_one_and_change_all(diffusing)
    strip = diffusing.program.window.strip
    card, corner = strip.cards[seed], QPoint(20, 20)
    reason = QContextMenuEvent.Reason.Mouse
    QApplication.sendEvent(card, QContextMenuEvent(reason, corner, card.mapToGlobal(corner)))
    (menu,) = strip.findChildren(QMenu)
    (use,) = [action for action in menu.actions() if action.text() == "Use these settings"]
    use.trigger()
    menu.close()
    prompts = diffusing.program.window.top_bar.prompts
    assert prompts.isVisible()
    assert (prompts.prompt.text(), prompts.negative.text()) == ("a red door", "people")
    sampling = diffusing.program.window.panel.sampling
    assert sampling.colours.currentText() == "Leave as made"
    assert len(sampling.loras.removes) == 1
    assert has_settings_of(diffusing, seed)


def test_a_key_brings_the_settings_of_the_shown_candidate_back(diffusing: Bench):
    seed = make_one_and_change_all(diffusing)
    diffusing.key(Qt.Key.Key_2)
    diffusing.key(Qt.Key.Key_U)
    assert has_settings_of(diffusing, seed)


def test_the_settings_of_a_patchmatch_candidate_leave_the_prompt_alone(painted: Bench):
    painted.generate()
    painted.use_diffusion()
    painted.program.options.update(settings=ASKED, seed=9)
    painted.key(Qt.Key.Key_1)
    painted.key(Qt.Key.Key_U)
    assert painted.program.options.model == PATCHMATCH
    assert painted.program.options.values.settings == ASKED
    assert painted.program.session.next_seeds[0] == painted.program.candidates.ranked[0].seed


def test_the_same_settings_twice_still_make_the_candidate_first(diffusing: Bench):
    diffusing.generate()
    diffusing.key(Qt.Key.Key_1)
    diffusing.key(Qt.Key.Key_U)
    seed = diffusing.program.candidates.ranked[0].seed
    assert diffusing.program.session.next_seeds[0] == seed


def test_the_device_is_chosen_in_the_menu_kept_and_used_from_the_next_order_on(painted: Bench):
    painted.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    painted.until(lambda: not painted.program.session.is_busy)
    actions = painted.program.window.commands.devices
    assert actions["auto"].isChecked()
    actions["cpu"].trigger()
    assert not actions["auto"].isChecked()
    painted.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    painted.until(lambda: painted.devices == ["auto", "cpu"])
    assert painted.program.settings.device == "cpu"
