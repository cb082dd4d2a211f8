"""The scales that Q is measured by: replay Q and rewards, returns seen, largest possible return."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from launch.diagnosis.facts import RunFacts
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.series import EMPTY, Curve, Series, align, get

REPLAY_SIZES = tuple(
    f"debug/{name}_{stat}" for name in ("q1", "q2", "target_q") for stat in ("mean", "std")
)

REPLAY_EXTREMES = (
    "debug/q1_max",
    "debug/q2_max",
    "debug/target_q_max",
    "debug/q1_min",
    "debug/q2_min",
    "debug/target_q_min",
)


def held(values: Curve, steps: np.ndarray, before: float = 0.0) -> np.ndarray:
    """The last value at or before each step; `before` where there is none yet."""
    index = np.searchsorted(values.steps, steps, side="right") - 1
    padded = np.concatenate([[before], values.values])
    return padded[index + 1]


def _recent_max(values: Curve, points: int) -> Curve:
    padded = np.concatenate([np.zeros(points - 1), np.abs(values.values)])
    return Curve(values.steps, sliding_window_view(padded, points).max(axis=1), values.wall)


def reward_size(series: Series) -> Curve:
    """Root mean square of the rewards in each batch; empty without debug/reward_mean."""
    mean, std = get(series, "debug/reward_mean"), get(series, "debug/reward_std")
    return Curve(mean.steps, np.hypot(mean.values, held(std, mean.steps)), mean.wall)


def q_size(series: Series, name: str) -> Curve:
    """Root mean square of "q1", "q2" or "target_q" over the batch; |mean| without a spread."""
    mean, std = get(series, f"debug/{name}_mean"), get(series, f"debug/{name}_std")
    return Curve(mean.steps, np.hypot(mean.values, held(std, mean.steps)), mean.wall)


def q_scale(
    series: Series, steps: np.ndarray, limits: VerdictLimits, extremes: bool = False
) -> np.ndarray | None:
    """The magnitude that Q should have at each step: recent replay and target Q, or rewards.

    extremes: use the largest values of the batches too. None when neither replay nor target Q was
    logged.
    """
    sizes = [q_size(series, name) for name in ("q1", "q2", "target_q")]
    sizes += [get(series, tag) for tag in REPLAY_EXTREMES] if extremes else []
    known = [c for c in sizes if c.steps.size]
    if not known:
        return None
    scale = np.full(steps.size, limits.q_floor)
    for values in [*known, reward_size(series)]:
        if values.steps.size:
            scale = np.maximum(scale, held(_recent_max(values, limits.scale_points), steps))
    return scale


REPLAY_SCALE = "replay scale"

RETURNS = (("train/episode_reward", "train/episode_length"), ("eval/return", "eval/length"))


def bootstrap_discount(series: Series, limits: VerdictLimits, facts: RunFacts) -> float:
    """The discount of Q behind the rewards of a target: gamma^n for n-step returns.

    From config.json, else from effective_discount / (1 - done_ratio), else the default.
    """
    if facts.discount is not None:
        return min(facts.discount ** (facts.n_step or 1), 1.0 - 1e-6)
    _, effective, done = align(
        get(series, "debug/effective_discount"), get(series, "debug/done_ratio")
    )
    if effective.size:
        gamma = float(np.median(effective / np.maximum(1.0 - done, 1e-6)))
        if 0.0 < gamma < 1.0:
            return gamma
    return limits.discount ** (facts.n_step or 1)


def return_bound(
    series: Series, steps: np.ndarray, limits: VerdictLimits, facts: RunFacts
) -> np.ndarray | None:
    """The largest return that the rewards seen so far allow: max |reward| / (1 - gamma^n).

    The rewards of a batch are sums of n steps.
    """
    best = np.zeros(steps.size)
    for tag in ("debug/reward_max", "debug/reward_min"):
        values = get(series, tag)
        if values.steps.size:
            top = np.maximum.accumulate(np.abs(values.values))
            best = np.maximum(best, held(Curve(values.steps, top, values.wall), steps))
    if not best.size or best[-1] <= 0.0:
        return None
    return np.where(best > 0.0, best, np.inf) / (1.0 - bootstrap_discount(series, limits, facts))


def return_scale(series: Series, steps: np.ndarray, limits: VerdictLimits) -> np.ndarray | None:
    """The largest discounted return that the episodes seen so far speak for, at each step.

    An episode of return R and length L earned |R| / L a step, over 1 / (1 - gamma) steps where
    that is more than L. None where no return was logged.
    """
    scale = np.zeros(steps.size)
    found = False
    for tag, length_tag in RETURNS:
        values, lengths = get(series, tag), get(series, length_tag)
        if not values.steps.size:
            continue
        found = True
        size = np.abs(values.values)
        if lengths.steps.size:
            length = np.maximum(held(lengths, values.steps, float(lengths.values[0])), 1.0)
            size = size * np.maximum(1.0, 1.0 / (1.0 - limits.discount) / length)
        top = np.maximum.accumulate(size)
        scale = np.maximum(scale, held(Curve(values.steps, top, values.wall), steps, top[0]))
    return np.maximum(scale, limits.q_floor) if found else None


def known_scale(
    series: Series, steps: np.ndarray, limits: VerdictLimits, extremes: bool = False
) -> np.ndarray | None:
    """The Q scale; the returns seen where no Q of replayed actions was logged."""
    scale = q_scale(series, steps, limits, extremes)
    return return_scale(series, steps, limits) if scale is None else scale


def scale_name(series: Series) -> str:
    """The name of the scale that `known_scale` takes."""
    known = any(q_size(series, name).steps.size for name in ("q1", "q2", "target_q"))
    return REPLAY_SCALE if known else "largest return seen"


def over(values: Curve, scale: np.ndarray | None) -> Curve:
    """|values| / scale; empty without a scale."""
    if scale is None:
        return EMPTY
    return Curve(values.steps, np.abs(values.values) / scale, values.wall)


def ratio_curve(series: Series, tag: str, limits: VerdictLimits, extremes: bool = False) -> Curve:
    """|tag| over the Q scale; empty where either is missing."""
    values = get(series, tag)
    return over(values, q_scale(series, values.steps, limits, extremes))


def known_ratio(series: Series, tag: str, limits: VerdictLimits, extremes: bool = False) -> Curve:
    """|tag| over the Q scale or the returns seen; empty where both are missing."""
    values = get(series, tag)
    return over(values, known_scale(series, values.steps, limits, extremes))


def bound_curve(series: Series, tag: str, limits: VerdictLimits, facts: RunFacts) -> Curve:
    """|tag| over the largest possible return; empty where either is missing."""
    values = get(series, tag)
    return over(values, return_bound(series, values.steps, limits, facts))


def with_discount(limits: VerdictLimits, facts: RunFacts) -> VerdictLimits:
    """The limits with the run's own gamma as their default, where it is known and below 1."""
    if facts.discount is None or not 0.0 <= facts.discount < 1.0:
        return limits
    return dataclasses.replace(limits, discount=float(facts.discount))
