"""How an export is divided, and when it is enough."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training.reward.division import FEWEST, FEWEST_HELD_OUT, divide, lacking


@given(st.text("abcdefghijkl", max_size=80))
def test_a_photo_is_on_one_side_and_most_is_learned_from(of_strips: str):
    photos = {str(number): photo for number, photo in enumerate(of_strips)}
    splits = divide(photos)
    assert set(splits) == set(photos)
    sides = {(photos[strip], split) for strip, split in splits.items()}
    assert len(sides) == len(set(photos.values()))
    counts = Counter(splits.values())
    largest = max(Counter(photos.values()).values(), default=0)
    for held_out in ("test", "validation"):
        assert counts[held_out] <= 0.2 * len(photos) + largest
    assert divide(dict(reversed(photos.items()))) == splits


def test_shares_are_kept_where_each_strip_has_a_photo_of_its_own():
    counts = Counter(divide({str(number): f"photo {number}" for number in range(50)}).values())
    assert counts == {"train": 30, "validation": 10, "test": 10}


@given(st.text("abcdefghijklmnopqrstuvwxyz", max_size=120))
def test_enough_means_that_there_is_enough_to_measure(photos: str):
    if not lacking(photos):
        counts = Counter(divide({str(n): photo for n, photo in enumerate(photos)}).values())
        assert min(counts["test"], counts["validation"]) >= FEWEST_HELD_OUT
    elif len(photos) < FEWEST:
        assert str(FEWEST - len(photos)) in lacking(photos)
    else:
        assert "Too few photos" in lacking(photos)
