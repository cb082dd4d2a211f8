"""Returns behind Stable-Baselines3's rolling means, which in a short run hide what is learned."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.series import Curve, Series, align

_WINDOW = 100  # episodes that a mean looks back
_MEANS = ("rollout/ep_rew_mean", "rollout/ep_len_mean")
_COUNT = "time/episodes"


def without_rolling_means(series: Series) -> dict[str, Curve]:
    """The series with the means of a run's first episodes taken apart; others as they are.

    Up to 100 episodes the mean is one of all episodes, from which each new one's share follows.
    """
    full = dict(series)
    for tag in _MEANS:
        if tag in full and _COUNT in full:
            steps, means, counts = align(full[tag], full[_COUNT])
            if steps.size == full[tag].steps.size and counts.size and counts[-1] <= _WINDOW:
                full[tag] = _apart(full[tag], means, counts)
    return full


def _apart(values: Curve, means: np.ndarray, counts: np.ndarray) -> Curve:
    sums, ends = np.diff(means * counts, prepend=0.0), np.diff(counts, prepend=0.0)
    usable = ends > 0
    return Curve(values.steps[usable], sums[usable] / ends[usable], values.wall[usable])
