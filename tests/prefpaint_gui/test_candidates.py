"""Candidates in the real window: order, preview, thumbs, accept, cancel."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QPropertyAnimation, Qt
from PySide6.QtGui import QColor, QEnterEvent
from PySide6.QtWidgets import QApplication

from prefpaint_gui.photo_io import pixel_hash
from prefpaint_gui.widgets.card_picture import view_of_hole
from tests.prefpaint_gui.conftest import Bench
from tests.prefpaint_gui.fakes import red_of
from training.inpainting.region import make_request

CONTROL = Qt.KeyboardModifier.ControlModifier
BEST_FIRST = sorted(range(4), key=red_of, reverse=True)


def middle_colour(bench: Bench) -> QColor:
    """The canvas in the middle of the mask."""
    height, width = bench.program.document.size
    image = bench.program.window.canvas.grab().toImage()
    return image.pixelColor(bench.at(width / 2, height / 2))


def test_cards_stand_best_first_with_rank_reward_trust_and_seed(painted: Bench):
    painted.generate()
    cards = painted.program.window.strip.cards
    assert painted.seeds == BEST_FIRST
    assert [cards[seed].badge.text() for seed in BEST_FIRST] == ["1", "2", "3", "4"]
    first = cards[BEST_FIRST[0]]
    assert first.reward.text() == f"+{red_of(BEST_FIRST[0]) / 100:.2f}"
    assert first.trust.trust == pytest.approx(red_of(BEST_FIRST[0]) / 255)
    assert first.seed_label.text() == f"seed {BEST_FIRST[0]}"


def test_candidates_nearer_than_their_bounds_are_a_tie(painted: Bench):
    reds = [red_of(seed) / 100 for seed in BEST_FIRST]
    painted.scorer.bound = (reds[0] - reds[1]) / 2 + 1e-6
    painted.generate()
    cards = painted.program.window.strip.cards
    badges = [cards[seed].badge for seed in BEST_FIRST]
    assert [badge.text() for badge in badges][:2] == ["1 ≈ 2", "2 ≈ 1"]
    assert "number 2" in badges[0].toolTip()
    assert "number 1" in badges[1].toolTip()
    assert badges[2].text().startswith("3")


def test_placeholders_wait_until_candidates_come(painted: Bench):
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    assert painted.seeds == [0, 1, 2, 3]
    assert all(card.waiting.isVisible() for card in painted.program.window.strip.cards.values())
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    assert not any(c.waiting.isVisible() for c in painted.program.window.strip.cards.values())


def test_cards_glide_to_their_rank(painted: Bench):
    strip = painted.program.window.strip
    strip.animated = True
    painted.generate()
    running = QPropertyAnimation.State.Running
    painted.until(
        lambda: all(glide.state() != running for glide in strip.findChildren(QPropertyAnimation))
    )
    assert painted.seeds == BEST_FIRST


def test_the_best_is_shown_in_place_until_one_is_chosen(painted: Bench):
    painted.generate()
    assert middle_colour(painted).red() == red_of(BEST_FIRST[0])
    painted.key(Qt.Key.Key_3)
    assert middle_colour(painted).red() == red_of(BEST_FIRST[2])
    card = painted.program.window.strip.cards[BEST_FIRST[1]]
    entering = QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5))
    QApplication.sendEvent(card, entering)
    assert middle_colour(painted).red() == red_of(BEST_FIRST[1])
    QApplication.sendEvent(card, QEvent(QEvent.Type.Leave))
    assert middle_colour(painted).red() == red_of(BEST_FIRST[2])
    painted.qtbot.mouseClick(card, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert painted.program.candidates.selected == BEST_FIRST[1]
    painted.key(Qt.Key.Key_Escape)
    assert painted.program.candidates.shown is None


def test_a_card_chosen_by_key_is_scrolled_into_sight(painted: Bench):
    painted.program.options.update(count=8)
    painted.program.window.resize(900, 700)
    painted.generate()
    painted.key(Qt.Key.Key_8)
    strip = painted.program.window.strip
    card = strip.cards[painted.program.candidates.ranked[7].seed]
    assert strip.rect().contains(card.mapTo(strip, card.rect().center()))


@pytest.mark.parametrize("hole", [(100, 200), (200, 100), (20, 20), (498, 12), (12, 498)])
def test_a_card_shows_the_whole_hole(hole: tuple[int, int]):
    height, width = 500, 500
    mask = np.zeros((height, width), bool)
    mask[1 : 1 + hole[0], 1 : 1 + hole[1]] = True
    image = np.zeros((height, width, 3), np.uint8)
    request = make_request(image, mask, job_id=1, seeds=(0,), padding=1)
    view = view_of_hole(request, height, width)
    assert view.top <= 1
    assert view.left <= 1
    assert 1 + hole[0] <= view.top + view.height <= height
    assert 1 + hole[1] <= view.left + view.width <= width


@pytest.mark.parametrize("key", [Qt.Key.Key_Backslash, Qt.Key.Key_Tab])
def test_a_held_key_shows_the_photo_as_it_was(painted: Bench, key: Qt.Key):
    painted.generate()
    canvas = painted.program.window.canvas
    original = painted.program.document.pixels[45, 60]
    painted.qtbot.keyPress(canvas, key)
    assert canvas.is_comparing
    alone = canvas.grab().toImage()
    painted.program.options.update(show_regions=False)
    assert canvas.grab().toImage() == alone  # no frame either
    painted.program.options.update(show_regions=True)
    painted.program.window.commands["actual"].trigger()
    assert middle_colour(painted) == QColor(*(int(value) for value in original))
    painted.qtbot.keyRelease(canvas, key)
    assert middle_colour(painted).red() == red_of(BEST_FIRST[0])


def test_a_preview_is_not_in_the_photo(painted: Bench):
    before = painted.program.document.pixels.copy()
    painted.generate()
    painted.key(Qt.Key.Key_2)
    assert np.array_equal(painted.program.document.pixels, before)


def test_accept_undo_and_accept_another(painted: Bench):
    document, before = painted.program.document, painted.program.document.pixels
    painted.generate()
    painted.key(Qt.Key.Key_Return)
    assert document.pixels[45, 60, 0] == red_of(BEST_FIRST[0])
    assert not document.mask.any()
    painted.until(lambda: painted.store.answers == [(BEST_FIRST[0], "accept")])
    painted.key(Qt.Key.Key_Z, CONTROL)
    assert np.array_equal(document.pixels, before)
    painted.until(lambda: painted.store.answers == [])
    painted.key(Qt.Key.Key_2)
    painted.key(Qt.Key.Key_Return)
    assert document.pixels[45, 60, 0] == red_of(BEST_FIRST[1])
    painted.until(lambda: painted.store.answers == [(BEST_FIRST[1], "accept")])
    painted.key(Qt.Key.Key_Z, CONTROL)
    painted.key(Qt.Key.Key_Y, CONTROL)
    painted.until(lambda: painted.store.answers == [(BEST_FIRST[1], "accept")])


def test_thumbs_are_kept_at_once_and_can_be_taken_back(painted: Bench):
    painted.generate()
    cards = painted.program.window.strip.cards
    best = cards[BEST_FIRST[0]]
    painted.key(Qt.Key.Key_Up)
    painted.until(lambda: painted.store.answers == [(BEST_FIRST[0], "up")])
    assert best.thumbs["up"].isChecked()
    painted.key(Qt.Key.Key_Down)
    painted.until(lambda: painted.store.answers == [(BEST_FIRST[0], "down")])
    assert not best.thumbs["up"].isChecked()
    painted.qtbot.mouseClick(best.thumbs["down"], Qt.MouseButton.LeftButton)
    painted.until(lambda: painted.store.answers == [])
    assert not best.thumbs["down"].isChecked()


def test_a_record_holds_all_that_was_on_screen(painted: Bench):
    painted.generate()
    painted.key(Qt.Key.Key_Up)
    painted.until(lambda: bool(painted.store.kept))
    (presentation, _) = next(iter(painted.store.kept.values()))
    assert [shown.seed for shown in presentation.candidates] == BEST_FIRST
    assert [shown.rank for shown in presentation.candidates] == [1, 2, 3, 4]
    assert presentation.reward_model == "redness"
    assert presentation.hole.shape == presentation.image.shape[:2]
    assert len(presentation.photo_sha256) == 64


def test_all_strips_of_a_photo_are_kept_under_one_hash(painted: Bench):
    for _ in range(2):
        painted.generate()
        painted.key(Qt.Key.Key_Return)
        painted.mask_rectangle()
    painted.until(lambda: len(painted.store.kept) == 2)
    hashes = [shown.photo_sha256 for shown, _ in painted.store.kept.values()]
    assert hashes == [pixel_hash(painted.program.document.photo.pixels)] * 2


def test_a_store_that_fails_is_told_and_work_goes_on(painted: Bench):
    painted.store.error = "The preferences could not be written."
    painted.generate()
    painted.key(Qt.Key.Key_Up)
    painted.until(painted.program.window.banner.isVisible)
    painted.key(Qt.Key.Key_Return)
    assert painted.program.document.is_modified


def test_cancel_frees_the_window_at_once_and_keeps_what_came(painted: Bench):
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    window, candidates = painted.program.window, painted.program.candidates
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(candidates.ranked) == 4)
    assert window.top_bar.cancel.isVisible()
    painted.key(Qt.Key.Key_Escape)
    assert not painted.program.session.is_busy
    assert not window.top_bar.cancel.isVisible()
    painted.until(painted.inpainter.cancelled.is_set)
    assert len(candidates.ranked) == 4
    assert not window.banner.isVisible()


def test_two_generates_in_a_row_do_not_mix(painted: Bench):
    painted.inpainter.gate.clear()
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.inpainter.requests) == 1)
    painted.program.session.generate()
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    assert {filled.seed for filled in painted.program.candidates.ranked} == {4, 5, 6, 7}
    jobs = {filled.job_id for filled in painted.program.candidates.ranked}
    assert jobs == {painted.inpainter.requests[-1].job_id}


def test_generating_again_takes_fresh_seeds_until_the_question_changes(painted: Bench):
    session, document = painted.program.session, painted.program.document
    painted.generate()
    assert session.next_seeds == (4, 5, 6, 7)
    assert painted.program.window.panel.next_seeds.text() == "Generate takes seeds 4–7."
    painted.drag((5, 5))
    assert session.next_seeds == (0, 1, 2, 3)
    document.undo()
    assert session.next_seeds == (4, 5, 6, 7)
    painted.program.options.update(seed=100, count=1)
    assert session.next_seeds == (100,)


def test_a_draft_is_marked_and_its_final_takes_its_place(painted: Bench):
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    cards = painted.program.window.strip.cards
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(painted.program.candidates.ranked) == 4)
    before = dict(cards)
    assert all(card.draft.isVisible() for card in cards.values())
    painted.inpainter.gate.set()
    painted.until(lambda: not painted.program.session.is_busy)
    assert cards == before
    assert not any(card.draft.isVisible() for card in cards.values())


def test_a_draft_is_never_accepted_silently(painted: Bench):
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    document, candidates = painted.program.document, painted.program.candidates
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(candidates.ranked) == 4)
    before = document.pixels
    painted.key(Qt.Key.Key_2)
    painted.key(Qt.Key.Key_Return)
    assert document.pixels is before
    assert "full-resolution" in painted.program.window.status.notice.text()
    painted.inpainter.gate.set()
    painted.until(lambda: document.is_modified)
    assert document.pixels[45, 60].tolist() == [red_of(BEST_FIRST[1]), 9, 200]


def test_a_draft_left_by_cancel_is_finished_before_it_is_accepted(painted: Bench):
    painted.inpainter.drafts = True
    painted.inpainter.gate.clear()
    document, candidates = painted.program.document, painted.program.candidates
    painted.key(Qt.Key.Key_Return, CONTROL)
    painted.until(lambda: len(candidates.ranked) == 4)
    painted.key(Qt.Key.Key_Escape)
    painted.inpainter.gate.set()
    painted.key(Qt.Key.Key_Return)
    painted.until(lambda: document.is_modified)
    assert document.pixels[45, 60].tolist() == [red_of(BEST_FIRST[0]), 9, 200]
    assert painted.inpainter.requests[-1].seeds == (BEST_FIRST[0],)


def test_a_stroke_hides_the_preview_and_is_kept_by_accept(painted: Bench):
    painted.generate()
    painted.program.options.update(brush_size=8)
    painted.drag((5, 5))
    assert painted.program.candidates.shown is None
    painted.key(Qt.Key.Key_1)
    painted.key(Qt.Key.Key_Return)
    assert painted.program.document.mask[5, 5]
    assert not painted.program.document.mask[45, 60]


def test_enter_in_a_number_field_accepts_nothing(painted: Bench):
    painted.generate()
    seed = painted.program.window.panel.seed
    seed.setFocus()
    painted.qtbot.keyClicks(seed, "12")
    painted.qtbot.keyClick(seed, Qt.Key.Key_Return)
    assert not painted.program.document.is_modified
    assert painted.program.candidates.selected == BEST_FIRST[0]


def test_an_error_while_filling_is_told_and_the_next_try_clears_it(painted: Bench):
    banner = painted.program.window.banner
    painted.inpainter.error = "PatchMatch found nothing to take from."
    painted.generate()
    assert banner.text.text() == painted.inpainter.error
    painted.inpainter.error = None
    painted.generate()
    assert not banner.isVisible()
