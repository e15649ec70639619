"""Which pixels a brush and a rectangle cover."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prefpaint_gui.state.strokes import SMALLEST_RADIUS, capsule, painted_box, rectangle
from training.inpainting.request import Box

coordinates = st.floats(-20, 60, allow_nan=False, width=32)
points = st.tuples(coordinates, coordinates)


def distance(x: float, y: float, start: tuple[float, float], end: tuple[float, float]) -> float:
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    share = 0.0
    if length:
        share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length
    share = min(1.0, max(0.0, share))
    return math.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])


@given(points, points, st.floats(0.5, 12))
def test_a_capsule_covers_the_pixels_whose_centre_is_under_the_brush(start, end, radius):
    height, width = 30, 40
    drawn = capsule(start, end, radius, height, width)
    covered = np.zeros((height, width), bool)
    if drawn is not None:
        covered[drawn[0].slices] = drawn[1]
    for y in range(height):
        for x in range(width):
            away = distance(x + 0.5, y + 0.5, start, end) - max(radius, SMALLEST_RADIUS)
            if abs(away) > 1e-3:  # on the very edge, rounding decides
                assert covered[y, x] == (away < 0)


@given(st.floats(0, 40, exclude_max=True), st.floats(0, 30, exclude_max=True))
def test_the_smallest_brush_covers_the_pixel_that_it_touches(x, y):
    drawn = capsule((x, y), (x, y), 0.5, 30, 40)
    assert drawn is not None
    box, covered = drawn
    assert covered[int(y) - box.top, int(x) - box.left]


def test_a_brush_outside_the_photo_covers_nothing():
    assert capsule((-30, -30), (-30, 100), 5, 30, 40) is None


def test_a_rectangle_takes_every_pixel_that_it_touches_in_any_direction():
    assert rectangle((10.2, 5.9), (3.5, 2.1), 30, 40) == Box(2, 3, 4, 8)
    assert rectangle((-5, -5), (100, 100), 30, 40) == Box(0, 0, 30, 40)
    assert rectangle((50, 50), (60, 60), 30, 40) is None


def test_the_painted_box_is_the_smallest_one():
    mask = np.zeros((30, 40), bool)
    assert painted_box(mask) is None
    mask[4, 7] = mask[9, 20] = True
    assert painted_box(mask) == Box(4, 7, 6, 14)
