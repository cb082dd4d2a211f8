"""The pixel loops of pictures against OpenCV's distance to a polygon and numpy's own sampling."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.standin.picture.faces import SHIFT
from envs.standin.picture.fill import fill, pixels, stamp

SIZE, ONE = 24, 1 << SHIFT
coordinate = st.integers(-8 * ONE, (SIZE + 8) * ONE)
corner = st.tuples(coordinate, coordinate)


@settings(max_examples=200, deadline=None)
@given(st.lists(corner, min_size=3, max_size=5))
def test_a_polygon_takes_its_inside_and_at_most_a_pixel_more(corners: list[tuple]) -> None:
    hull = cv2.convexHull(np.array(corners, np.int32))[:, 0]
    points = np.zeros((1, 5, 2), np.int32)
    points[0, : len(hull)] = hull
    exact = (hull / ONE).astype(np.float32)
    out = np.zeros((SIZE, SIZE), np.uint32)
    fill(points, np.array([len(hull)]), np.array([7], np.uint32), 0, 1, out)
    for y in range(SIZE):
        for x in range(SIZE):
            inwards = cv2.pointPolygonTest(exact, (float(x), float(y)), True)
            if inwards > 0.01:
                assert out[y, x] == 7
            if inwards < -1.0:
                assert out[y, x] == 0


def test_a_post_thinner_than_a_pixel_has_no_gaps() -> None:
    post = np.array([[[5 * ONE + 3, 0], [5 * ONE + 5, 0], [9 * ONE + 5, 19 * ONE],
                      [9 * ONE + 3, 19 * ONE], [0, 0]]], np.int32)
    out = np.zeros((20, 20), np.uint32)
    fill(post, np.array([4]), np.array([1], np.uint32), 0, 1, out)
    assert (out.sum(axis=1) >= 1).all()
    assert out.sum() <= 40


def test_later_polygons_cover_earlier_ones() -> None:
    square = np.array([[[0, 0], [160, 0], [160, 160], [0, 160], [0, 0]]] * 2, np.int32)
    square[1] //= 2
    out = np.zeros((12, 12), np.uint32)
    fill(square, np.array([4, 4]), np.array([1, 2], np.uint32), 0, 2, out)
    assert (out[:6, :6] == 2).all()
    assert (out[7:11, 7:11] == 1).all()
    assert (out[11] == 0).all()


def test_a_stamp_keeps_holes_and_mixes_haze() -> None:
    picture = np.zeros((4, 4, 4), np.uint8)
    picture[1:, :2] = (200, 100, 40, 255)
    picture[0] = (1, 2, 3, 90)  # too thin to be seen
    out = np.zeros((10, 12, 4), np.uint8)
    haze = int(np.array([100, 200, 240, 255], np.uint8).view(np.uint32)[0])
    stamp(pixels(picture), 2.0, 1.0, 8.0, 8.0, 0.25, haze, pixels(out))
    expected = 0.75 * np.array([200, 100, 40]) + 0.25 * np.array([100, 200, 240])
    assert np.abs(out[3:9, 2:6, :3] - expected).max() <= 2.0
    assert (out[3:9, 2:6, 3] == 255).all()
    out[3:9, 2:6] = 0
    assert not out.any()


def test_a_stamp_beyond_the_edges_draws_what_is_inside() -> None:
    picture = np.full((8, 8), 0xFF0000FF, np.uint32)
    out = np.zeros((6, 6), np.uint32)
    stamp(picture, -3.0, 4.0, 5.0, 50.0, 0.0, 0, out)
    assert (out[4:, :2] == 0xFF0000FF).all()
    assert not out[:4].any()
    assert not out[:, 2:].any()
