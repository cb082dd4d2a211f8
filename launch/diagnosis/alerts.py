"""Alerts of a log point, from the measurements of an update and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from launch.diagnosis.limits import VerdictLimits


class Alert(NamedTuple):
    """One alert: it fires where `measurement` is above `limit`, a field of VerdictLimits.

    limit: None for a measurement that is a flag itself.
    """

    tag: str
    measurement: str
    limit: str | None = None


WARNING = Alert("alerts/gradient_explosion_warning", "gradients/norm_max", "gradient_warning")
CRITICAL = Alert("alerts/gradient_explosion_critical", "gradients/norm_max", "gradient_critical")
DIVERGENCE = Alert("alerts/q_divergence", "health/bound_ratio", "bound_stop")
SATURATION = Alert("alerts/action_saturation", "health/action_saturation", "saturation")
NON_FINITE = Alert("alerts/non_finite", "health/non_finite")
ALERTS = (WARNING, CRITICAL, DIVERGENCE, SATURATION, NON_FINITE)


def threshold(alert: Alert, limits: VerdictLimits) -> float:
    """The value above which an alert's measurement fires it."""
    return float(getattr(limits, alert.limit)) if alert.limit else 0.0


def alerts(scalars: Mapping[str, float], limits: VerdictLimits) -> dict[str, float]:
    """Each alert whose measurement is among the scalars, as 0.0 or 1.0."""
    return {
        alert.tag: float(float(scalars[alert.measurement]) > threshold(alert, limits))
        for alert in ALERTS
        if alert.measurement in scalars
    }
