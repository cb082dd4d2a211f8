"""Alerts from measurements, and how a logged alert and a limit of the user go together."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic_runs

from launch.diagnosis.alerts import ALERTS, alerts
from launch.diagnosis.limits import VerdictLimits, parse_limits
from launch.diagnosis.live import LiveChecker
from launch.diagnosis.series import Curve, Series, curve
from launch.diagnosis.verdict import judge, no_go_rows

MEASURED = {
    "gradients/norm_max": 3e4,
    "health/bound_ratio": 2.5,
    "health/action_saturation": 0.5,
    "health/non_finite": 0.0,
}


def fired(scalars: dict[str, float], limits: VerdictLimits) -> set[str]:
    return {tag.removeprefix("alerts/") for tag, value in alerts(scalars, limits).items() if value}


def row_of(rows, name: str):
    """The row of the latest gate whose name starts so."""
    return [row for row in rows if row.name.startswith(name)][-1]


def critical(series: Series, *limits: str) -> bool | None:
    """Tell whether the gradient is below its critical limit."""
    return row_of(no_go_rows(series, parse_limits(limits)), "gradient norm").passed


def with_peak(tag: str, norm: float, alert: bool) -> dict[str, Curve]:
    """A healthy run with one large norm under this tag, and the alert that was logged for it."""
    series = synthetic_runs.healthy()
    steps = series["debug/q1_mean"].steps
    at = np.arange(steps.size) == 30
    series[tag] = curve(steps, np.where(at, norm, 1.0))
    for name in ("warning", "critical"):
        flag = np.where(at, float(alert), 0.0)
        series[f"alerts/gradient_explosion_{name}"] = curve(steps, flag)
    return series


def test_alerts_compare_measurements_with_the_limits():
    assert set(alerts(MEASURED, VerdictLimits())) == {alert.tag for alert in ALERTS}
    assert fired(MEASURED, VerdictLimits()) == {"gradient_explosion_warning", "q_divergence"}
    wide = parse_limits(["gradient_warning=1e6", "bound_stop=3", "saturation=0.4"])
    assert fired(MEASURED, wide) == {"action_saturation"}
    assert fired({**MEASURED, "health/non_finite": 1.0}, wide) == {
        "action_saturation",
        "non_finite",
    }
    narrow = parse_limits(["gradient_critical=2e4"])
    assert "gradient_explosion_critical" in fired(MEASURED, narrow)


def test_an_alert_without_its_measurement_is_left_out():
    assert alerts({"health/bound_ratio": 9.0}, VerdictLimits()) == {"alerts/q_divergence": 1.0}
    assert alerts({}, VerdictLimits()) == {}


@pytest.mark.parametrize("tag", ["gradients/norm_max", "gradients/critic_mlp_norm"])
def test_a_logged_alert_does_not_overrule_the_limit_of_the_user(tag):
    series = with_peak(tag, 2e5, alert=True)
    assert critical(series) is False
    assert critical(series, "gradient_critical=1e7") is True
    rows = judge(series, parse_limits(["gradient_critical=1e7", "gradient_warning=1e7"])).rows
    assert row_of(rows, "alerts fired").passed


def test_the_live_check_keeps_to_the_limit_of_the_user_too():
    point = {"gradients/norm_max": 2e5, "alerts/gradient_explosion_critical": 1.0}
    for limits, stops in (([], True), (["gradient_critical=1e7"], False)):
        watch = LiveChecker(parse_limits(limits))
        watch.feed(100, point)
        assert (watch.no_go() is not None) is stops


def test_the_norm_decides_where_the_alert_used_a_narrower_limit():
    series = with_peak("gradients/norm_max", 20.0, alert=True)
    assert critical(series) is True
    assert row_of(judge(series).rows, "alerts fired").passed


def test_a_lower_limit_finds_norms_that_no_alert_was_logged_for():
    series = with_peak("gradients/norm_max", 200.0, alert=False)
    assert critical(series, "gradient_critical=100") is False
    rows = judge(series, parse_limits(["gradient_warning=100"])).rows
    assert row_of(rows, "alerts fired").passed is False


def test_alerts_decide_where_nothing_else_was_logged():
    steps = np.arange(100, 5001, 100)
    flag = (steps == 3000).astype(float)
    series = {"alerts/gradient_explosion_critical": curve(steps, flag)}
    assert critical(series) is False
    assert critical(series, "gradient_critical=1e7") is None
    broken = {"alerts/non_finite": curve(steps, flag)}
    assert row_of(no_go_rows(broken), "non-finite").passed is False
    broken = {"health/non_finite": curve(steps, flag)}
    assert row_of(no_go_rows(broken), "non-finite").passed is False
