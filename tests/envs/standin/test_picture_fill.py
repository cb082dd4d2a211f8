"""Polygons and crowns in pictures, pixel by pixel, against OpenCV's distance to a polygon."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.standin.picture.faces import SHIFT
from envs.standin.picture.fill import fill, stamp
from envs.standin.picture.foliage import Crowns

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
    fill(points, np.array([len(hull)]), np.array([7], np.uint32), 0, 1, 0, out)
    for y in range(SIZE):
        for x in range(SIZE):
            inwards = cv2.pointPolygonTest(exact, (float(x), float(y)), True)
            if inwards > 0.01:
                assert out[y, x] == 7
            if inwards < -1.0:
                assert out[y, x] == 0


def test_a_post_thinner_than_a_pixel_has_no_gaps() -> None:
    post = np.array(
        [
            [
                [5 * ONE + 3, 0],
                [5 * ONE + 5, 0],
                [9 * ONE + 5, 19 * ONE],
                [9 * ONE + 3, 19 * ONE],
                [0, 0],
            ]
        ],
        np.int32,
    )
    out = np.zeros((20, 20), np.uint32)
    fill(post, np.array([4]), np.array([1], np.uint32), 0, 1, 0, out)
    assert (out.sum(axis=1) >= 1).all()
    assert out.sum() <= 40


def test_later_polygons_cover_earlier_ones() -> None:
    square = np.array([[[0, 0], [160, 0], [160, 160], [0, 160], [0, 0]]] * 2, np.int32)
    square[1] //= 2
    out = np.zeros((12, 12), np.uint32)
    fill(square, np.array([4, 4]), np.array([1, 2], np.uint32), 0, 2, 0, out)
    assert (out[:6, :6] == 2).all()
    assert (out[7:11, 7:11] == 1).all()
    assert (out[11] == 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(corner, min_size=3, max_size=5), st.integers(1, SIZE - 1))
def test_rows_filled_apart_are_those_of_the_whole(corners: list[tuple], cut: int) -> None:
    hull = cv2.convexHull(np.array(corners, np.int32))[:, 0]
    points = np.zeros((1, 5, 2), np.int32)
    points[0, : len(hull)] = hull
    count, value = np.array([len(hull)]), np.array([9], np.uint16)
    whole, parts = np.zeros((2, SIZE, SIZE), np.uint16)
    fill(points, count, value, 0, 1, 0, whole)
    fill(points, count, value, 0, 1, 0, parts[:cut])
    fill(points, count, value, 0, 1, cut, parts[cut:])
    assert np.array_equal(whole, parts)


def crowns(picture: np.ndarray) -> Crowns:
    """One kind in two sizes, of which the first is the one given."""
    small = np.zeros((1, 1), np.uint32)
    texels = np.concatenate([picture.ravel(), small.ravel()])
    size = len(picture)
    return Crowns(texels, np.array([[0, size * size]]), np.array([size, 1]))


def test_a_stamp_keeps_holes() -> None:
    picture = np.full((4, 4), 0x5A000000, np.uint32)  # too thin to be seen
    picture[1:, :2] = 0xFF2864C8
    out = np.zeros((10, 12), np.uint16)
    stamp(crowns(picture), 0, np.array([2.0, 1.0]), np.array([10.0, 9.0]), 5, 0, out)
    assert (out[3:9, 2:6] == 5).all()
    assert (out > 0).sum() == 24


def test_a_small_stamp_takes_the_small_picture() -> None:
    out = np.zeros((10, 12), np.uint16)
    full = np.full((8, 8), 0xFF000000, np.uint32)
    stamp(crowns(full), 0, np.array([2.0, 1.0]), np.array([5.0, 4.0]), 5, 0, out)
    assert not out.any()


def test_a_stamp_beyond_the_edges_draws_what_is_inside() -> None:
    full = np.full((8, 8), 0xFF000000, np.uint32)
    out = np.zeros((6, 6), np.uint16)
    stamp(crowns(full), 0, np.array([-3.0, 4.0]), np.array([2.0, 54.0]), 7, 0, out)
    assert (out[4:, :2] == 7).all()
    assert not out[:4].any()
    assert not out[:, 2:].any()
    below = np.zeros((3, 6), np.uint16)
    stamp(crowns(full), 0, np.array([-3.0, 4.0]), np.array([2.0, 54.0]), 7, 3, below)
    assert np.array_equal(below, out[3:])
