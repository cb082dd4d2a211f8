"""Endpoints of one run, from its curves and probes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from launch.studies.ablation.probes import LeakProbe

EXPLODED = 10.0  # times the largest return that the rewards allow
SLOPE_FROM = 200  # actor updates
LATE_FROM = 1000

Array = np.ndarray[Any, Any]


def slope(values: Array, first: int) -> float:
    """Least-squares slope of log |values| against log t, t = first, ... (1 = first value)."""
    t = np.arange(1, values.size + 1)[first - 1 :]
    if t.size < 2:
        return float("nan")
    with np.errstate(divide="ignore"):
        size = np.log(np.maximum(np.abs(values[first - 1 :]), 1e-30))
    return float(np.polyfit(np.log(t), size, 1)[0])


def first_above(values: Array, bound: float) -> float:
    """The first actor update with |value| > bound, or nan."""
    above = np.flatnonzero(~(np.abs(values) <= bound))
    return float(above[0] + 1) if above.size else float("nan")


def _largest(values: Any) -> float:
    """The largest size; infinite once a value is not finite."""
    sizes = np.abs(np.asarray(values))
    return float(sizes.max()) if np.isfinite(sizes).all() else float("inf")


def _late_mean(values: Array) -> float:
    return float(values[-max(1, values.size // 15) :].mean())


def endpoints_of(
    curves: dict[str, Array], probes: Sequence[LeakProbe], q_bound: float
) -> dict[str, float]:
    """peak is log10(largest |actor Q| / largest return); gap is in units of that return.

    gap and purity are the worst of all probes, from before the first update on; the others are
    those of the last probe. *_late are means over the last fifteenth of the run.
    """
    actor_q = curves["actor_q"]
    last, start = probes[-1], probes[0]
    exploded_at = first_above(actor_q, EXPLODED * q_bound)
    return {
        "exploded": float(not np.isnan(exploded_at)),
        "exploded_at": exploded_at,
        "peak": float(np.log10(_largest(actor_q) / q_bound)),
        "slope": slope(actor_q, SLOPE_FROM),
        "late_slope": slope(actor_q, LATE_FROM),
        "gap": _largest([p.gap for p in probes]) / q_bound,
        "purity": float(np.nanmax([p.purity for p in probes])),
        "saturation": float(last.saturation),
        "slack": float(last.slack),
        "feature_ratio": float(last.feature_norm / start.feature_norm),
        "action_gradient": float(last.action_gradient),
        "actor_q_late": _late_mean(actor_q),
        "replay_q_late": _late_mean(curves["replay_q"]),
        "critic_loss_late": _late_mean(curves["critic_loss"]),
        "cnn_norm_start": float(curves["cnn_norm"][0]),
        "cnn_norm_late": _late_mean(curves["cnn_norm"]),
        "mlp_norm_start": float(curves["mlp_norm"][0]),
        "mlp_norm_late": _late_mean(curves["mlp_norm"]),
    }
