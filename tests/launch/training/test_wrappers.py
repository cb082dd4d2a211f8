"""Environments as the agent sees them."""

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import RepeatAction

from launch.config.run import RunConfig
from launch.config.tree import replace_leaves
from launch.errors import BadInput
from launch.training.environments import make_env, spaces_of, start_episode
from launch.training.observations import grey
from launch.training.wrappers import UnitActions, agent_observations
from td3jax.config import Spaces


class Pictures(gymnasium.Env):
    """Pictures of one brightness, which is ten times the step's number."""

    observation_space = gymnasium.spaces.Box(0, 255, (96, 96, 3), np.uint8)
    action_space = gymnasium.spaces.Box(
        np.array([-1.0, 0.0, 0.0], np.float32), np.array([1.0, 1.0, 4.0], np.float32)
    )

    def __init__(self) -> None:
        self.number, self.seen = 0, None

    def _picture(self) -> np.ndarray:
        return np.full((96, 96, 3), 10 * self.number, np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.number = 1
        return self._picture(), {}

    def step(self, action):
        self.number, self.seen = self.number + 1, action
        return self._picture(), 1.0, False, False, {}


def test_a_stack_begins_with_the_first_picture_and_ends_with_the_newest() -> None:
    env = agent_observations(UnitActions(Pictures()))
    observation, _ = env.reset(seed=0)
    assert observation["image"].shape == (84, 84, 4)
    assert observation["image"].dtype == np.uint8
    assert observation["image"][40, 40].tolist() == [10, 10, 10, 10]
    kept = observation
    for _ in range(2):
        observation, *_ = env.step(np.zeros(3, np.float32))
    assert observation["image"][0, 0].tolist() == [10, 10, 20, 30]
    assert kept["image"][0, 0].tolist() == [10, 10, 10, 10]
    observation, _ = env.reset()
    assert observation["image"][0, 0].tolist() == [10, 10, 10, 10]


def test_repeated_actions_sum_rewards_and_stop_with_the_episode() -> None:
    env = RepeatAction(gymnasium.wrappers.TimeLimit(Pictures(), 6), 4)
    env.reset()
    action = np.array([0.5, 0.0, 1.0], np.float32)
    picture, reward, terminated, truncated, _ = env.step(action)
    assert (picture[0, 0, 0], reward, terminated, truncated) == (50, 4.0, False, False)
    picture, reward, terminated, truncated, _ = env.step(action)
    assert (picture[0, 0, 0], reward, terminated, truncated) == (70, 2.0, False, True)
    assert env.unwrapped.seen is action


def test_action_repeat_is_for_gymnasium_alone() -> None:
    with pytest.raises(ValueError, match="action_repeat = 4: expected 1 for carla"):
        replace_leaves(RunConfig(), {"action_repeat": 4})
    env = make_env(replace_leaves(RunConfig(), {"env": "InvertedPendulum-v5", "action_repeat": 2}))
    start_episode(env, 0)
    assert env.step(np.zeros(1, np.float32))[1] == 2.0


def test_actions_are_scaled_onto_the_bounds() -> None:
    inner = Pictures()
    env = UnitActions(inner)
    assert env.action_space == gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
    env.reset()
    for action, expected in (
        ([-1, -1, -1], [-1, 0, 0]),
        ([0, 0, 0.5], [0, 0.5, 3]),
        ([1, 1, 1], [1, 1, 4]),
    ):
        env.step(np.array(action, np.float32))
        assert inner.seen.tolist() == expected
        assert inner.seen.dtype == np.float32


def test_grey_takes_every_kind_of_picture() -> None:
    for shape in ((84, 84), (84, 84, 1), (30, 200, 3)):
        assert grey(np.full(shape, 7, np.uint8)).shape == (84, 84)
    red = np.zeros((96, 96, 3), np.uint8)
    red[..., 0] = 255
    assert grey(red)[0, 0] == 76  # ITU-R BT.601: 0.299


def test_vectors_are_float32() -> None:
    env = agent_observations(gymnasium.make("MountainCarContinuous-v0"))
    observation, _ = env.reset(seed=0)
    assert observation["vector"].dtype == np.float32
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Pendulum-v1", Spaces(None, 3, 1)),
        ("HalfCheetah-v5", Spaces(None, 17, 6)),
        ("CarRacing-v3", Spaces((84, 84, 4), None, 3)),
    ],
)
def test_environments_by_name(name: str, expected: Spaces) -> None:
    env = make_env(replace_leaves(RunConfig(), {"env": name}))
    assert spaces_of(env) == expected
    first, _ = start_episode(env, 3)
    again, _ = start_episode(env, 3)
    other, _ = start_episode(env, 4)
    for key in first:
        assert np.array_equal(first[key], again[key])
    assert any(not np.array_equal(first[key], other[key]) for key in first)
    env.close()


@pytest.mark.parametrize("name", ["CartPole-v1", "Nothing-v0", "no/such/thing"])
def test_what_does_not_fit_is_said_in_one_line(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        make_env(replace_leaves(RunConfig(), {"env": name}))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
