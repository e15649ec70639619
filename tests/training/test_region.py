"""What is cut out of a photo, and that pasting back touches the hole and its feather alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import PrefPaintError
from training.inpainting.region import (
    MIN_PADDING,
    grow,
    make_request,
    paste,
    paste_weight,
    split_holes,
)
from training.inpainting.request import Box, Mask


@st.composite
def masks(draw: st.DrawFn, longest: int = 40) -> Mask:
    """A mask with one to four rectangles, some of them touching."""
    height, width = draw(st.integers(2, longest)), draw(st.integers(2, longest))
    mask = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(1, 4))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        mask[top : top + draw(st.integers(1, 8)), left : left + draw(st.integers(1, 8))] = True
    return mask


def noise(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


@given(
    mask=masks(),
    feather=st.integers(0, 6),
    padding=st.none() | st.integers(0, 10),
    channels=st.sampled_from([3, 4]),
)
def test_paste_changes_nothing_outside_mask_and_feather(
    mask: Mask, feather: int, padding: int | None, channels: int
) -> None:
    photo = noise(*mask.shape, channels)
    untouched = photo.copy()
    try:
        request = make_request(photo, mask, job_id=1, seeds=(0,), padding=padding, feather=feather)
    except PrefPaintError:  # nothing is left to continue from
        return
    fill = noise(*request.image.shape[:2], 3, seed=1)
    result = paste(photo, mask, feather, request.box, fill)

    rows, columns = np.indices(mask.shape)
    masked = np.argwhere(mask)
    distance = np.sqrt(((np.stack([rows, columns], -1)[:, :, None] - masked) ** 2).sum(-1).min(-1))
    outside = distance > feather
    np.testing.assert_array_equal(result[outside], photo[outside])
    np.testing.assert_array_equal(photo, untouched)
    inside = mask[request.box.slices]
    np.testing.assert_array_equal(result[request.box.slices][inside][:, :3], fill[inside])
    if channels == 4:
        assert (result[mask][:, 3] == 255).all()


@given(mask=masks(), feather=st.integers(0, 6), channels=st.sampled_from([3, 4]))
def test_pasting_the_photo_onto_itself_changes_no_colour(
    mask: Mask, feather: int, channels: int
) -> None:
    photo = noise(*mask.shape, channels)
    whole = Box(0, 0, *mask.shape)
    result = paste(photo, mask, feather, whole, photo[..., :3])
    np.testing.assert_array_equal(result[..., :3], photo[..., :3])


@given(mask=masks(longest=60), padding=st.none() | st.integers(0, 12))
def test_split_boxes_are_disjoint_and_hold_every_hole(mask: Mask, padding: int | None) -> None:
    covered = np.zeros(mask.shape, int)
    for box in split_holes(mask, padding):
        assert mask[box.slices].any()
        covered[box.slices] += 1
    assert covered.max() == 1
    assert (covered[mask] == 1).all()


def test_far_holes_get_boxes_of_their_own_and_near_ones_share() -> None:
    mask = np.zeros((100, 2000), bool)
    mask[40:50, 100:110] = mask[40:50, 1800:1810] = True
    near, far = split_holes(mask)
    assert (near.left, near.width) == (100 - MIN_PADDING, 10 + 2 * MIN_PADDING)
    assert far.left == 1800 - MIN_PADDING
    mask[40:50, 150:160] = True
    assert len(split_holes(mask)) == 2


def test_request_of_far_holes_has_a_part_for_each() -> None:
    mask = np.zeros((100, 2000), bool)
    mask[40:50, 100:110] = mask[40:50, 1800:1810] = True
    photo = noise(100, 2000, 3)
    request = make_request(photo, mask, job_id=7, seeds=(3, 4))
    assert (request.job_id, request.seeds) == (7, (3, 4))
    assert len(request.parts) == 2
    np.testing.assert_array_equal(request.image, photo[request.box.slices])
    np.testing.assert_array_equal(request.hole, mask[request.box.slices])
    parts = np.zeros_like(request.hole)
    for part in request.parts:
        parts[part.slices] = True
    assert parts[request.hole].all()
    assert not parts.all()


@given(mask=masks(), pixels=st.integers(0, 5))
def test_growing_and_feathering_reach_equally_far(mask: Mask, pixels: int) -> None:
    weight = paste_weight(mask, pixels)
    assert (weight[mask] == 1).all()
    np.testing.assert_array_equal(weight > 0, paste_weight(grow(mask, pixels), 0) > 0)


def test_unknown_colours_under_full_transparency_are_part_of_the_hole() -> None:
    photo = noise(60, 60, 4)
    photo[..., 3] = 255
    photo[:5, :5, 3] = 0
    mask = np.zeros((60, 60), bool)
    mask[30:34, 30:34] = True
    request = make_request(photo, mask, job_id=1, seeds=(0,))
    assert request.image.shape == (60, 60, 3)
    assert request.hole[:5, :5].all()
    assert request.hole.sum() == 25 + 16


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.zeros((50, 60), bool), "The mask is empty"),
        (np.ones((50, 60), bool), "nothing to continue from"),
        (np.ones((60, 50), bool), "50 × 60 pixels but the photo is 60 × 50"),
    ],
    ids=["empty", "full", "another size"],
)
def test_a_mask_that_cannot_be_filled_is_one_sentence(mask: Mask, sentence: str) -> None:
    with pytest.raises(PrefPaintError, match=sentence):
        make_request(noise(50, 60, 3), mask, job_id=1, seeds=(0,))


def test_no_padding_around_a_solid_hole_leaves_nothing_to_continue() -> None:
    mask = np.zeros((50, 60), bool)
    mask[10:20, 10:20] = True
    with pytest.raises(PrefPaintError, match="increase the padding"):
        make_request(noise(50, 60, 3), mask, job_id=1, seeds=(0,), padding=0)
