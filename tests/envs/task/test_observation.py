"""The observation: the vector by hand, frames, the stack."""

from __future__ import annotations

import numpy as np
import pytest

from envs.config import SensorConfig
from envs.task import observation
from envs.task.route import RoutePosition
from tests.envs.task.task_support import LINE, TASK, cruising


def test_fault_10_the_vector_has_one_length_and_stays_in_bounds():
    for ego in (cruising(), cruising(speed=90.0, x=500.0, y=-500.0)):
        vector = observation.vector(ego, LINE, TASK)
        assert vector.shape == (23,)
        assert vector.dtype == np.float32
        assert np.abs(vector).max() <= 1.0
    assert observation.vector_size(TASK) == 23


def test_the_vector_by_hand():
    """On a straight at 10 m, 2 m to the right: waypoints every 5 m, each over its distance."""
    ego = cruising(x=10.0, y=2.0, position=RoutePosition(10.0, 10.0, lateral=2.0, heading=0.0))
    vector = observation.vector(ego, LINE, TASK)
    assert vector[:3] == pytest.approx([0.5, 0.5, 0.0])
    along = 5.0 * np.arange(1, 11)
    np.testing.assert_allclose(vector[3::2], np.ones(10), atol=1e-6)
    np.testing.assert_allclose(vector[4::2], -2.0 / along, atol=1e-6)


def test_waypoints_come_back_in_metres():
    ego = cruising(x=80.0, y=1.0, position=RoutePosition(80.0, 80.0, lateral=1.0, heading=0.0))
    ahead = observation.waypoints(observation.vector(ego, LINE, TASK), TASK)
    np.testing.assert_allclose(ahead[:4], [(5, -1), (10, -1), (15, -1), (20, -1)], atol=1e-5)
    np.testing.assert_allclose(ahead[5:], [(20, 5.0 * i - 1) for i in range(2, 7)], atol=1e-5)


def frames(values, channels):
    return [np.full((84, 84, channels), value, np.uint8) for value in values]


def test_the_stack_has_the_newest_frames_and_starts_with_the_first_one():
    first, *later = frames(range(6), 1)
    stack = observation.FrameStack(first, 4)
    assert stack.image[0, 0].tolist() == [0, 0, 0, 0]
    for frame in later:
        stack.push(frame)
    assert stack.image[0, 0].tolist() == [2, 3, 4, 5]


def test_a_stack_of_two_channels_drops_whole_frames():
    first, second = (np.concatenate(frames(pair, 1), axis=-1) for pair in ((1, 2), (3, 4)))
    stack = observation.FrameStack(first, 3)
    stack.push(second)
    assert stack.image[0, 0].tolist() == [1, 2, 1, 2, 3, 4]


def test_a_frame_is_opencv_s_grey_averaged_over_areas():
    picture = np.zeros((168, 168, 4), np.uint8)
    picture[::2, :, :3] = 200
    small = observation.frame(picture, SensorConfig())
    assert small.shape == (84, 84, 1)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, 100)


@pytest.mark.parametrize(
    ("bgr", "expected"),
    [((80, 80, 80), 128), ((0, 0, 255), 255), ((0, 255, 0), 0), ((255, 0, 100), 178)],
)
def test_red_less_green_by_hand(bgr, expected):
    """128 + (red - green) / 2, rounded, beside the grey of the same frame, which is last."""
    picture = np.full((168, 168, 4), (*bgr, 255), np.uint8)
    seen = observation.frame(picture, SensorConfig(red_green=True))
    assert seen.shape == (84, 84, 2)
    np.testing.assert_allclose(seen[..., 0].astype(int), expected, atol=1)
    np.testing.assert_array_equal(seen[..., 1:], observation.frame(picture, SensorConfig()))
