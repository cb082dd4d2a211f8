"""The stage gates: criteria of a run at 2K, 5K and 10K steps."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.alerts import (
    CRITICAL,
    DIVERGENCE,
    NON_FINITE,
    SATURATION,
    WARNING,
    Alert,
    threshold,
)
from launch.diagnosis.criteria import Criterion, row
from launch.diagnosis.gate_input import NORM_MAX, NORMS, GateInput, Rule, average, below
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.measures import thirds, trend
from launch.diagnosis.series import EMPTY, Curve, Series, get
from launch.diagnosis.value_rules import (
    actor_loss_size,
    actor_q_2k,
    actor_q_5k,
    actor_q_later,
    actor_q_max,
    critic_loss_mean,
    critic_loss_trend,
    gradient_max,
    gradient_mean,
    td_error_trend,
    twin_gap,
)


def logged_alert(series: Series, alert: Alert, limits: VerdictLimits) -> Curve:
    """The alert as it was logged, empty where it must not decide.

    A logged alert compares with the limit of the run that wrote it, by default the default. Where
    its measurement was logged too, or the limit now lies higher, it tells nothing.
    """
    if get(series, alert.measurement).steps.size:
        return EMPTY
    if threshold(alert, limits) > threshold(alert, VerdictLimits()):
        return EMPTY
    return get(series, alert.tag)


def largest_norms(series: Series) -> list[Curve]:
    """The curves that hold the largest gradient norm before clipping, as far as logged."""
    found = (get(series, tag) for tag in (NORM_MAX, *NORMS))
    return [values for values in found if values.steps.size]


def _times(view: GateInput, alert: Alert) -> float | None:
    """Count the log points where an alert's condition held; None where nothing tells."""
    measured = [get(view.series, alert.measurement)]
    if alert.measurement == NORM_MAX:
        measured = largest_norms(view.series)
    limit = threshold(alert, view.limits)
    counts = [float((c.values > limit).sum()) for c in measured if c.steps.size]
    logged = logged_alert(view.series, alert, view.limits)
    counts += [float((logged.values > 0).sum())] if logged.steps.size else []
    return max(counts, default=None)


def _alerted(view: GateInput, alerts: tuple[Alert, ...]) -> Criterion:
    """Count conditions that call for an alert, by their measurements or as logged alerts.

    A gradient of WARNING size depends on the size of the rewards: it counts for the driving task.
    """
    counted = [alert for alert in alerts if view.driving or alert is not WARNING]
    counts = [n for n in (_times(view, alert) for alert in counted) if n is not None]
    return below(view, "alerts fired", sum(counts) if counts else None, 0.5)


def no_gradient_alerts(view: GateInput) -> Criterion:
    """No gradient alert."""
    return _alerted(view, (WARNING, CRITICAL))


def no_alerts(view: GateInput) -> Criterion:
    """No alert of any kind; that of saturation by a rule of its own."""
    return _alerted(view, (WARNING, CRITICAL, DIVERGENCE, NON_FINITE))


def saturation(view: GateInput) -> Criterion:
    """The policy's actions are not all at their bounds late, where tanh passes no gradient."""
    values = get(view.series, "health/action_saturation")
    if not values.steps.size:
        values = logged_alert(view.series, SATURATION, view.limits)
    means = thirds(values)
    measured = average(values) if means is None else means[1]
    name = "action_saturation, last third's mean"
    return below(view, name, measured, view.limits.saturation)


def episode_length(view: GateInput) -> Criterion:
    """Mean episode length."""
    measured = average(get(view.series, "train/episode_length"))
    limit = view.limits.episode_length
    criterion = Criterion(view.stage, "episode_length, mean", measured, limit, ">")
    return row(criterion, view.limits, has_relative=False)


def episode_drop(view: GateInput) -> Criterion:
    """Episode length does not fall: last third over first, beyond what chance explains."""
    values = get(view.series, "train/episode_length")
    measured = trend(values)
    if measured is not None and measured < view.limits.episode_drop and not _clear_drop(values):
        measured = view.limits.episode_drop
    name, limit = "episode_length, last third / first third", view.limits.episode_drop
    return row(Criterion(view.stage, name, measured, limit, ">="), view.limits, False)


def _clear_drop(values: Curve) -> bool:
    """True where the means of the outer thirds differ by over two standard errors."""
    third = values.steps.size // 3
    first, last = values.values[:third], values.values[-third:]
    error = np.sqrt((first.var(ddof=1) + last.var(ddof=1)) / third) if third > 1 else 0.0
    return bool(first.mean() - last.mean() > 2.0 * error)


def evaluation_progress(view: GateInput) -> Criterion:
    """Evaluations get better, by this gate or over the whole run where more of it is known.

    Where there are none, or they have levelled out, training returns do: a policy that drives at
    its first evaluation has nowhere to rise.
    """
    found = [_progress(view, series) for series in (view.series, view.whole)]
    return next((criterion for criterion in found if criterion.passed), found[0])


_FEW = 6  # points below which a small gain is chance


def _progress(view: GateInput, series: Series) -> Criterion:
    tags = ("eval/return", "eval/route_completion", "train/episode_reward")
    gains = [(tag, *_gain(get(series, tag))) for tag in tags]
    known = [found for found in gains if found[1] is not None] or gains[:1]
    tag, gain, ratio = known[0]
    if ratio is not None and abs(ratio) <= view.limits.plateau_ratio:
        counted = [known[0], known[-1]]
        enough = [found for found in counted if get(series, found[0]).steps.size >= _FEW]
        tag, gain, ratio = max(enough or counted, key=lambda found: found[2] or 0.0)
    criterion = Criterion(
        view.stage,
        f"{tag}, later minus earlier",
        gain,
        0.0,
        ">",
        relative_name="per largest |value|",
        relative_measured=ratio,
        relative_limit=view.limits.progress_ratio,
        core=True,
    )
    return row(criterion, view.limits)


def _gain(values: Curve) -> tuple[float | None, float | None]:
    """Mean of the last third less that of the first, and the same per largest size; of the ends
    where there are fewer than six points."""
    if values.steps.size < 2:
        return None, None
    first, last = thirds(values) or (float(values.values[0]), float(values.values[-1]))
    size = float(np.abs(values.values).max())
    return last - first, (last - first) / size if size else None


_FROM_5K: tuple[Rule, ...] = (
    actor_q_5k,
    actor_loss_size,
    critic_loss_mean,
    td_error_trend,
    twin_gap,
    episode_length,
    episode_drop,
    no_alerts,
    saturation,
    gradient_mean,
    gradient_max,
)
GATES: dict[str, tuple[Rule, ...]] = {
    "2K": (actor_q_2k, actor_q_max, no_gradient_alerts, critic_loss_trend),
    "5K": _FROM_5K,
    "10K": (*_FROM_5K, evaluation_progress),
}
LATER: tuple[Rule, ...] = (actor_q_later,)
#: Rules with a limit of the driving task and no relative form.
DRIVING = frozenset((episode_length, episode_drop, gradient_mean, gradient_max))
THROUGHOUT = frozenset(
    (
        actor_q_2k,
        actor_q_5k,
        actor_q_max,
        actor_loss_size,
        no_gradient_alerts,
        no_alerts,
        gradient_max,
    )
)
