"""The lane toy as a gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import jax
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs import lane_toy
from envs.lane_toy import HORIZON, LaneToy, ToyConfig


@pytest.mark.parametrize(
    "options", [{}, {"size": 16, "sparse": True}, {"vector": False}, {"privileged": True}]
)
def test_gymnasium_s_checker_passes(options: dict[str, Any]) -> None:
    check_env(gymnasium.make("td3jax/LaneToy-v0", render_mode="rgb_array", **options).unwrapped)


def test_steps_are_those_of_the_pure_functions() -> None:
    config = ToyConfig(size=16)
    env = LaneToy(config, render_mode="rgb_array")
    observation, _ = env.reset(seed=3)
    for action in (np.array([0.5, 1.0], np.float32), np.array([-1.0, 0.2], np.float32)):
        before, pictures = env._state, observation["image"]
        observation, reward, terminated, truncated, _ = env.step(action)
        after, expected, ended = lane_toy.step(config, before, action)
        assert reward == pytest.approx(float(expected), abs=1e-6)
        assert (terminated, truncated) == (bool(ended), False)
        np.testing.assert_allclose(observation["vector"], lane_toy.vector(after), atol=1e-6)
        newest = np.asarray(lane_toy.render(config, after), int)
        assert abs(observation["image"][..., -1].astype(int) - newest).max() <= 1
        np.testing.assert_array_equal(observation["image"][..., :-1], pictures[..., 1:])
        np.testing.assert_array_equal(env.render()[..., 0], observation["image"][..., -1])


def test_the_expert_stays_in_the_lane_to_the_time_limit_and_full_lock_does_not() -> None:
    env = LaneToy()

    def drive(policy) -> tuple[int, float, bool, bool]:
        env.reset(seed=5)
        steps, total, terminated, truncated = 0, 0.0, False, False
        while not (terminated or truncated):
            _, reward, terminated, truncated, _ = env.step(policy())
            steps, total = steps + 1, total + reward
        return steps, total, terminated, truncated

    jitted = jax.jit(lane_toy.expert)
    steps, total, terminated, truncated = drive(lambda: np.asarray(jitted(env._state)))
    assert (steps, terminated, truncated) == (HORIZON, False, True)
    lost, less, terminated, truncated = drive(lambda: np.array([1.0, 1.0], np.float32))
    assert lost < HORIZON
    assert (terminated, truncated) == (True, False)
    assert less < total


def test_a_seed_gives_one_start() -> None:
    env = LaneToy()
    first, again, other = (env.reset(seed=seed)[0]["image"] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_options_reach_it_through_make() -> None:
    env = gymnasium.make("td3jax/LaneToy-v0", size=84, vector=False)
    assert isinstance(env.unwrapped, LaneToy)
    assert env.observation_space == gymnasium.spaces.Dict(
        {"image": gymnasium.spaces.Box(0, 255, (84, 84, 4), np.uint8)}
    )


def test_what_only_training_may_know_is_of_the_state() -> None:
    env = LaneToy(ToyConfig(size=16, privileged=True))
    observation, info = env.reset(seed=1)
    for _ in range(3):
        state = env._state
        place = [float(state.y), np.sin(float(state.psi))]
        np.testing.assert_allclose(observation["privileged"][:2], place, atol=1e-6)
        np.testing.assert_array_equal(observation["privileged"][2:], observation["vector"])
        np.testing.assert_allclose(observation["expert"], lane_toy.expert(state), atol=1e-6)
        assert info == {"stratum": int(abs(float(state.y)) > 0.5)}
        observation, _, _, _, info = env.step(np.array([1.0, 1.0], np.float32))
