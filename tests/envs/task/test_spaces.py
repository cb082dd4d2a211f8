"""Spaces without a simulator, and what an action may be."""

from __future__ import annotations

import numpy as np
import pytest

from envs.config import EnvConfig, with_options
from envs.task import observation, privileged, spaces
from envs.task.expert import Car, Expert
from tests.envs.task.task_support import LINE, cruising


@pytest.mark.parametrize(
    "options", [{}, {"waypoint_count": 4}, {"frame_stack": 2}, {"red_green": True}]
)
def test_the_space_holds_what_the_observation_is_made_of(options):
    config = with_options(EnvConfig(), **options)
    first = observation.frame(np.zeros((168, 168, 4), np.uint8), config.sensors)
    stack = observation.FrameStack(first, config.sensors.frame_stack)
    made = {"image": stack.image, "vector": observation.vector(cruising(), LINE, config.task)}
    assert spaces.observation_space(config).contains(made)


def test_without_pictures_there_is_the_vector_alone():
    space = spaces.observation_space(with_options(EnvConfig(), image_size=0))
    assert list(space) == ["vector"]


def test_actions_are_clipped_and_wrong_ones_refused():
    np.testing.assert_array_equal(spaces.checked_action([2.0, -0.5]), np.float32([1.0, -0.5]))
    assert spaces.checked_action([0.0, 0.0]).dtype == np.float32
    for wrong in ([0.0], [[0.0, 0.0]], [0.0, np.nan], [np.inf, 0.0]):
        with pytest.raises(ValueError, match="expected 2 finite numbers"):
            spaces.checked_action(wrong)


def test_videos_are_shown_as_fast_as_it_was():
    held = with_options(EnvConfig(), action_ticks=4)
    facts = {"render_modes": ["rgb_array"], "render_fps": 5.0, "frame_channels": 1}
    assert spaces.metadata(held) == facts


def test_what_is_known_is_part_of_the_observation_where_asked_for():
    config = with_options(EnvConfig(), privileged=True, image_size=0)
    ego = cruising()
    made = {
        "vector": observation.vector(ego, LINE, config.task),
        "privileged": privileged.vector(privileged.Scene(ego, LINE, config.task)),
        "expert": Expert(Car(), 8.33).decide(ego, LINE, 0.05).label,
    }
    assert spaces.observation_space(config).contains(made)
