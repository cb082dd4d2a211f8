"""The check of a running loop: feed scalars at each log step, ask for a reason to stop."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np

from launch.diagnosis.facts import RunFacts
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.scales import REPLAY_EXTREMES, REPLAY_SIZES
from launch.diagnosis.series import Curve
from launch.diagnosis.tags import derive_scalars
from launch.diagnosis.verdict import FINITE_GROUPS, no_go_rows

_EXTREME_REWARDS = ("debug/reward_max", "debug/reward_min")
_WATCHED = frozenset(
    (
        "train/actor_loss",
        "train/q1_value",
        "train/q2_value",
        "debug/actor_q_mean",
        "debug/reward_mean",
        "debug/reward_std",
        "debug/effective_discount",
        "debug/done_ratio",
        "gradients/norm_max",
        "gradients/actor_cnn_norm",
        "gradients/actor_mlp_norm",
        "gradients/critic_cnn_norm",
        "gradients/critic_mlp_norm",
        "alerts/gradient_explosion_critical",
        "alerts/non_finite",
        "health/non_finite",
        *REPLAY_SIZES,
        *REPLAY_EXTREMES,
        *_EXTREME_REWARDS,
    )
)


class LiveChecker:
    """The NO-GO rules of `verdict.no_go_rows` on a bounded window of a running series.

        watch = LiveChecker(limits, facts)
        watch.feed(step, {"debug/actor_q_mean": 12.0, ...})   # at each log step, any subset
        reason = watch.no_go()                                # one line, or None

    Costs about a millisecond per log step; memory does not grow. Once a reason is found it
    stays. Values may be Python floats, numpy or jax scalars.
    """

    def __init__(self, limits: VerdictLimits | None = None, facts: RunFacts | None = None) -> None:
        self._limits = limits or VerdictLimits()
        self._facts = facts or RunFacts()
        wanted = (self._limits.scale_points, self._limits.growth_points, self._limits.stop_points)
        self._window = sum(wanted) + 1
        self._points: dict[str, deque[tuple[int, float]]] = {}
        self._extremes: dict[str, float] = {}
        self._fresh = False
        self._reason: str | None = None

    def feed(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add the scalars logged at environment step `step`."""
        for tag, raw in scalars.items():
            if tag not in _WATCHED and not tag.startswith(FINITE_GROUPS):
                continue
            value = float(raw)
            if not math.isfinite(value) and tag.startswith(FINITE_GROUPS):
                self._reason = self._reason or f"{tag} is {value} at step {step:,}"
            if tag in _WATCHED and math.isfinite(value):
                self._store(tag, step, value)
        self._fresh = True

    def _store(self, tag: str, step: int, value: float) -> None:
        if tag in _EXTREME_REWARDS:
            self._extremes[tag] = value = max(self._extremes.get(tag, 0.0), abs(value))
        window = self._points.setdefault(tag, deque(maxlen=self._window))
        window.append((step, value))

    def no_go(self) -> str | None:
        """Return the reason to stop the run, in one line; None while there is none."""
        if self._reason is None and self._fresh:
            series, _ = derive_scalars(
                {tag: _curve(points) for tag, points in self._points.items()}
            )
            rows = no_go_rows(series, self._limits, self._facts)
            self._reason = next((row.note for row in rows if row.passed is False), None)
        self._fresh = False
        return self._reason


def _curve(points: deque[tuple[int, float]]) -> Curve:
    table = np.array(points)
    return Curve(table[:, 0].astype(np.int64), table[:, 1], np.zeros(len(table)))
