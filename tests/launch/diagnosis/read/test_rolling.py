"""Stable-Baselines3's rolling means taken apart into the returns that they are made of."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.read.rolling import without_rolling_means
from launch.diagnosis.series import curve

RETURNS = np.linspace(-1500.0, -200.0, 60)


def log(returns: np.ndarray, every: int = 1) -> dict:
    """A log of every `every`-th episode of 200 steps, with means of the last 100 episodes."""
    counts = np.arange(every, returns.size + 1, every)
    means = [returns[max(count - 100, 0) : count].mean() for count in counts]
    steps = 200 * counts
    return {
        "rollout/ep_rew_mean": curve(steps, means),
        "time/episodes": curve(steps, counts),
        "train/actor_loss": curve(steps, np.ones(counts.size)),
    }


def test_returns_come_back_one_by_one_and_in_blocks():
    single = without_rolling_means(log(RETURNS))["rollout/ep_rew_mean"]
    np.testing.assert_allclose(single.values, RETURNS)
    blocks = without_rolling_means(log(RETURNS, 4))["rollout/ep_rew_mean"]
    np.testing.assert_allclose(blocks.values, RETURNS.reshape(-1, 4).mean(axis=1))
    np.testing.assert_array_equal(blocks.steps, 800 * np.arange(1, 16))


def test_longer_runs_and_runs_without_a_count_stay_as_they_are():
    long = log(np.linspace(-1500.0, -200.0, 150))
    assert without_rolling_means(long) == long
    bare = {tag: values for tag, values in log(RETURNS).items() if tag != "time/episodes"}
    assert without_rolling_means(bare) == bare
