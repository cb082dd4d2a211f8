"""The lens: larger in the middle, the same field of view, no aliasing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from envs.config import EnvConfig, SensorConfig, with_options
from envs.task.lens import edges, shown, through_lens
from envs.task.observation import frame

NOISE = np.random.default_rng(0).integers(0, 256, (168, 168, 4), np.uint8)


def gradient(length: int) -> np.ndarray:
    """A picture whose columns go from dark to light."""
    return np.tile(np.linspace(0.0, 255.0, length).astype(np.uint8), (length, 1))


@pytest.mark.parametrize("magnification", [2.0, 3.0])
def test_edges_stay_and_the_middle_is_magnified_as_asked(magnification):
    edges = shown(np.array([-1.0, 0.0, 1.0]), magnification)
    assert edges.tolist() == [-1.0, 0.0, 1.0]
    step = 1e-4
    assert shown(np.array([step]), magnification)[0] == pytest.approx(step / magnification, 1e-4)
    places = shown(np.linspace(-1.0, 1.0, 99), magnification)
    assert (np.diff(places) > 0.0).all()
    np.testing.assert_allclose(places, -places[::-1], atol=1e-12)


def shares(size: int, length: int, magnification: float) -> np.ndarray:
    """How much of each of the camera's pixels is in each of ours, (size, length)."""
    ends = edges(size, length, magnification)
    pixels = np.arange(length)
    overlaps = np.minimum(ends[1:, None], pixels + 1.0) - np.maximum(ends[:-1, None], pixels)
    return np.maximum(overlaps, 0.0) / np.diff(ends)[:, None]


@pytest.mark.parametrize(("size", "length", "magnification"), [(48, 252, 3.0), (84, 168, 2.0)])
def test_each_pixel_is_the_mean_of_the_area_it_shows(size, length, magnification):
    part = shares(size, length, magnification)
    np.testing.assert_allclose(part.sum(axis=1), 1.0)
    assert (part.sum(axis=0) > 0.0).all()
    picture = np.random.default_rng(1).integers(0, 256, (length, length), np.uint8)
    seen = through_lens(picture, size, magnification).astype(float)
    assert np.abs(seen - part @ picture @ part.T).max() <= 0.5 + 1e-6


def test_the_corners_of_the_field_are_in_the_corners():
    picture = np.zeros((252, 252), np.uint8)
    for row, column in ((0, 0), (0, 240), (240, 0), (240, 240)):
        picture[row : row + 12, column : column + 12] = 255
    seen = through_lens(picture, 48, 3.0)
    assert seen[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [255] * 4
    assert seen[8:-8, 8:-8].max() == 0


def test_a_car_in_the_middle_is_three_times_as_large():
    """21 pixels of 252 are 4 of 48, and 12 behind the lens; the same beside the road are fewer."""
    picture = np.zeros((252, 252), np.uint8)
    picture[116:137, 116:137] = 255
    assert (through_lens(picture, 48, 3.0) > 127).sum(axis=1).max() == pytest.approx(12, abs=1)
    aside = np.roll(picture, 100, axis=1)
    assert (through_lens(aside, 48, 3.0) > 127).sum(axis=1).max() < 4


def test_a_pattern_finer_than_a_pixel_is_its_mean():
    stripes = np.zeros((252, 252), np.uint8)
    stripes[:, ::2] = 200
    edge = through_lens(stripes, 48, 3.0)[:, :4].astype(int)
    assert np.abs(edge - 100).max() <= 10


def test_without_a_lens_nothing_changes():
    picture = cv2.cvtColor(NOISE, cv2.COLOR_BGRA2GRAY)
    plain = cv2.resize(picture, (84, 84), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(frame(NOISE, SensorConfig())[..., 0], plain)
    magnified = frame(NOISE, SensorConfig(lens=2.0))[..., 0]
    assert (magnified.shape, magnified.dtype) == ((84, 84), np.uint8)
    assert not np.array_equal(magnified, plain)


def test_left_stays_left():
    seen = through_lens(gradient(168), 84, 2.0).astype(int)
    assert (np.diff(seen, axis=1) >= 0).all()
    assert (seen[:, 0] < 10).all()
    assert (seen[:, -1] > 245).all()


def test_a_camera_too_coarse_for_the_lens_is_refused():
    with pytest.raises(ValueError, match="camera_width = 168: expected at least 252, lens times"):
        with_options(EnvConfig(), lens=3.0)
    fits = with_options(EnvConfig(), lens=3.0, camera_width=252, camera_height=252)
    assert fits.sensors.lens == 3.0
