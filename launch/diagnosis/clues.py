"""Clues for and against a cause, their weighing, and the evidence that a run offers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from launch.diagnosis.facts import RunFacts
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.measures import td_error
from launch.diagnosis.scales import bound_curve, q_scale, ratio_curve, return_scale
from launch.diagnosis.series import Curve, Series, align, get


@dataclasses.dataclass(frozen=True)
class Clue:
    """One observation: strength in [-1, 1] for or against, None where scalars are missing.

    needs: the scalars that it takes. An optional clue that is missing costs nothing.
    """

    weight: float
    strength: float | None
    text: str
    needs: tuple[str, ...] = ()
    optional: bool = False


def weigh(clues: Sequence[Clue]) -> float:
    """Score in [0, 1]: the weighted mean strength; a missing clue adds half its weight below."""
    measured = [c for c in clues if c.strength is not None]
    missing = [c for c in clues if c.strength is None and not c.optional]
    total = sum(c.weight for c in measured) + 0.5 * sum(c.weight for c in missing)
    if total == 0.0:
        return 0.0
    return float(np.clip(sum(c.weight * (c.strength or 0.0) for c in measured) / total, 0.0, 1.0))


def grade(value: float | None, against: float, in_favour: float) -> float | None:
    """-1 at `against` to 1 at `in_favour` (either may be the larger), linear in the logarithm."""
    if value is None or np.isnan(value):
        return None
    low, high = np.log(against), np.log(in_favour)
    return float(np.clip(2.0 * (np.log(max(value, 1e-300)) - low) / (high - low) - 1.0, -1.0, 1.0))


def level(
    value: float | None, too_low: float, low: float, high: float, too_high: float
) -> float | None:
    """1 between `low` and `high`, falling to -1 at `too_low` and at `too_high`."""
    below, above = grade(value, too_low, low), grade(value, too_high, high)
    return None if below is None or above is None else min(below, above)


def only_against(strength: float | None) -> float | None:
    """The strength where it speaks against, else 0."""
    return None if strength is None else min(strength, 0.0)


def only_for(strength: float | None) -> float | None:
    """The strength where it speaks in favour, else 0."""
    return None if strength is None else max(strength, 0.0)


def unless_against(strength: float | None) -> float | None:
    """The strength where it speaks in favour; None, not counted, where its absence says nothing."""
    return strength if strength is not None and strength > 0.0 else None


def show(value: float | None) -> str:
    """A number for a sentence; "unknown" where there is none."""
    return "unknown" if value is None else f"{value:.3g}"


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The scalars of a run, its settings and the limits, with measurements that clues share."""

    series: Series
    facts: RunFacts
    limits: VerdictLimits

    def get(self, tag: str) -> Curve:
        """The finite points of `tag`."""
        return get(self.series, tag)

    def peak(self, *tags: str) -> float | None:
        """The largest |value| of any of the tags."""
        tops = [float(np.abs(c.values).max()) for c in map(self.get, tags) if c.steps.size]
        return max(tops, default=None)

    def late(self, tag: str) -> float | None:
        """Median of the last third."""
        return _late(self.get(tag))

    def rise(self, tag: str, floor: float | None = None) -> float | None:
        """Median |value| of the last third over that of the first, which is at least `floor`.

        floor: default limits.q_floor. Zeros ahead of the first other value are placeholders.
        """
        sizes = np.abs(self.get(tag).values)
        sizes = sizes[np.argmax(sizes > 0) :] if sizes.any() else sizes[:0]
        if sizes.size < 2:
            return None
        first = max(float(sizes[0]), self.limits.q_floor if floor is None else floor)
        return float(np.median(sizes[-max(sizes.size // 3, 1) :])) / first

    def over_scale(self, tag: str) -> float | None:
        """The largest |tag| / replay scale."""
        ratio = ratio_curve(self.series, tag, self.limits)
        return float(ratio.values.max()) if ratio.steps.size else None

    def over_bound(self, tag: str) -> float | None:
        """The largest |tag| / largest return that the rewards allow."""
        ratio = bound_curve(self.series, tag, self.limits, self.facts)
        return float(ratio.values.max()) if ratio.steps.size else None

    def over_returns(self, *tags: str) -> float | None:
        """The largest |value| / largest return seen, of the first of the tags that was logged."""
        for values in map(self.get, tags):
            scale = return_scale(self.series, values.steps, self.limits)
            if values.steps.size and scale is not None:
                return float((np.abs(values.values) / scale).max())
        return None

    def per_scale(self, values: Curve) -> Curve:
        """|values| / replay scale; empty without replay Q."""
        scale = q_scale(self.series, values.steps, self.limits)
        if scale is None:
            return values.part(0, 0)
        return Curve(values.steps, np.abs(values.values) / scale, values.wall)

    def late_per_scale(self, tag: str) -> float | None:
        """Median of the last third of |tag| / replay scale."""
        return _late(self.per_scale(self.get(tag)))

    def late_ratio(self, top: str, bottom: str) -> float | None:
        """Median of the last third of |top| / |bottom|; None where both are zero or missing."""
        _, one, two = align(self.get(top), self.get(bottom))
        usable = np.abs(two) > 0
        if not usable.any():
            return None
        ratios = np.abs(one[usable]) / np.abs(two[usable])
        return float(np.median(ratios[-max(ratios.size // 3, 1) :]))

    def late_gap(self, top: str, bottom: str) -> float | None:
        """Median of the last third of (top - bottom) / replay scale."""
        steps, one, two = align(self.get(top), self.get(bottom))
        scale = q_scale(self.series, steps, self.limits)
        if scale is None or not steps.size:
            return None
        gaps = (one - two) / scale
        return float(np.median(gaps[-max(gaps.size // 3, 1) :]))

    def moves(self, tag: str) -> float | None:
        """Range of `tag` over the largest replay scale."""
        values = self.get(tag)
        scale = q_scale(self.series, values.steps, self.limits)
        if scale is None or values.steps.size < 3:
            return None
        return float(np.ptp(values.values) / scale.max())

    def step_reward(self) -> float | None:
        """Mean |return| of the training episodes per step of theirs: the size of a reward."""
        _, returns, lengths = align(
            self.get("train/episode_reward"), self.get("train/episode_length")
        )
        usable = lengths > 0
        return float((np.abs(returns[usable]) / lengths[usable]).mean()) if usable.any() else None

    def rate(self, network: str) -> float | None:
        """The learning rate of "actor" or "critic": as logged, else as the settings have it."""
        logged = self.late(f"agent/{network}_lr")
        if logged is not None:
            return logged
        own = self.facts.actor_rate if network == "actor" else None
        return self.facts.learning_rate if own is None else own

    def td_share(self) -> float | None:
        """Late TD error over the replay scale; root of the critic's loss where that is missing."""
        values = td_error(self.series)
        if not values.steps.size:
            loss = self.get("train/critic_loss")
            values = Curve(loss.steps, np.sqrt(np.abs(loss.values) / 2.0), loss.wall)
        return _late(self.per_scale(values))

    def improvement(self) -> float | None:
        """Gain of returns, last third over first, in standard errors; None below nine points."""
        for tag in ("eval/return", "train/episode_reward"):
            values = self.get(tag).values
            if values.size >= 9:
                third = values.size // 3
                first, last = values[:third], values[-third:]
                error = np.sqrt((first.var(ddof=1) + last.var(ddof=1)) / third)
                return float((last.mean() - first.mean()) / max(error, 1e-9))
        return None


def _late(values: Curve) -> float | None:
    if not values.steps.size:
        return None
    return float(np.median(values.values[-max(values.steps.size // 3, 1) :]))
