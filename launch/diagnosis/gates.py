"""The stage gates: criteria of a run at 2K, 5K and 10K steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.measures import (
    REPLAY_SCALE,
    known_ratio,
    known_scale,
    over,
    return_scale,
    reward_size,
    root_of_loss,
    scale_name,
    td_error,
    thirds,
    trend,
)
from launch.diagnosis.series import EMPTY, Curve, Series, align, curve, get

NORMS = tuple(
    f"gradients/{net}_{part}_norm" for net in ("actor", "critic") for part in ("cnn", "mlp")
)
NORM_MAX = "gradients/norm_max"
_Q_TABLE_STEPS = (50_000, 500_000)  # Q up to 500, 2,000 and then 5,000
_Q_TABLE_TOPS = (500.0, 2_000.0, 5_000.0)


class GateInput(NamedTuple):
    """The scalars up to a gate's step, and the limits.

    whole: the scalars of the run, where more of it may be looked at. driving: limits in units of
    the driving task's reward apply.
    """

    stage: str
    series: Series
    limits: VerdictLimits
    whole: Series
    driving: bool = True


Rule = Callable[[GateInput], Criterion]


def _top(values: Curve) -> float | None:
    return float(values.values.max()) if values.steps.size else None


def _mean(values: Curve) -> float | None:
    return float(values.values.mean()) if values.steps.size else None


def _size(values: Curve) -> Curve:
    return Curve(values.steps, np.abs(values.values), values.wall)


def _below(
    view: GateInput,
    name: str,
    measured: float | None,
    limit: float,
    relative: tuple[str, float | None, float] | None = None,
    core: bool = False,
) -> Criterion:
    """Criterion of a value below a limit; with a relative form the limit is one of driving."""
    title, value, bound = relative or ("", None, None)
    asked = view.limits.form in ("absolute", "both")
    if relative and not (view.driving or asked):
        measured = None
    criterion = Criterion(view.stage, name, measured, limit, "<", title, value, bound, core=core)
    return row(criterion, view.limits, relative is not None)


def _per_scale(view: GateInput, values: Curve) -> Curve:
    return over(values, known_scale(view.series, values.steps, view.limits))


def _per_error_scale(view: GateInput, values: Curve) -> Curve:
    """Errors per scale: early ones have the size of rewards, of which returns tell as much as Q."""
    scale = known_scale(view.series, values.steps, view.limits)
    returns = return_scale(view.series, values.steps, view.limits)
    if scale is not None and returns is not None and not reward_size(view.series).steps.size:
        scale = np.maximum(scale, returns)
    return over(values, scale)


def _ratio_limit(view: GateInput) -> float:
    """The limit of |Q| / scale; the returns seen are the rougher scale."""
    replay = scale_name(view.series) == REPLAY_SCALE
    return view.limits.q_ratio if replay else view.limits.return_ratio


def _actor_q(view: GateInput, limit: float) -> Criterion:
    values = _size(get(view.series, "debug/actor_q_mean"))
    ratio = _top(known_ratio(view.series, "debug/actor_q_mean", view.limits))
    relative = (f"actor Q mean / {scale_name(view.series)}", ratio, _ratio_limit(view))
    return _below(view, "actor_q_mean, largest", _top(values), limit, relative, core=True)


def actor_q_later(view: GateInput) -> Criterion:
    """|actor_q_mean| past 10K steps against the table of Q by steps trained."""
    values = get(view.series, "debug/actor_q_mean")
    late = values.part(int(np.searchsorted(values.steps, 10_000, side="right")))
    index = np.searchsorted(_Q_TABLE_STEPS, late.steps)
    share = curve(late.steps, np.abs(late.values) / np.array(_Q_TABLE_TOPS)[index])
    ratio = _top(_per_scale(view, late)) if late.steps.size else None
    relative = (f"actor Q mean / {scale_name(view.series)}", ratio, _ratio_limit(view))
    return _below(view, "actor_q_mean / top of its range for the steps", _top(share), 1.0, relative)


def actor_q_2k(view: GateInput) -> Criterion:
    """|actor_q_mean| throughout."""
    return _actor_q(view, view.limits.q_mean_2k)


def actor_q_5k(view: GateInput) -> Criterion:
    """|actor_q_mean| throughout."""
    return _actor_q(view, view.limits.q_mean_5k)


def actor_q_max(view: GateInput) -> Criterion:
    """The largest actor_q_max."""
    ratio = _top(known_ratio(view.series, "debug/actor_q_max", view.limits, extremes=True))
    relative = ("actor Q max / replay extremes", ratio, _ratio_limit(view))
    top = _top(get(view.series, "debug/actor_q_max"))
    return _below(view, "actor_q_max, largest", top, view.limits.q_max_2k, relative)


def actor_loss(view: GateInput) -> Criterion:
    """|actor_loss| throughout."""
    values = get(view.series, "train/actor_loss")
    ratio = _top(_per_scale(view, values))
    relative = (f"|actor loss| / {scale_name(view.series)}", ratio, _ratio_limit(view))
    limit = view.limits.actor_loss
    return _below(view, "|actor_loss|, largest", _top(_size(values)), limit, relative)


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
    return _below(view, "alerts fired", sum(counts) if counts else None, 0.5)


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
    measured = _mean(values) if means is None else means[1]
    name = "action_saturation, last third's mean"
    return _below(view, name, measured, view.limits.saturation)


def _falls_or_is_small(view: GateInput, error: Curve) -> tuple[str, float | None, float]:
    """Relative form of a falling error: per Q scale it falls, or is small anyway.

    Errors grow for a while in healthy runs, where better policies find larger rewards.
    """
    shares = _per_error_scale(view, error)
    ratio, means = trend(shares), thirds(shares)
    if ratio is not None and means is not None:
        ratio = min(ratio, view.limits.trend * means[1] / view.limits.error_level)
    name = f"the same per {scale_name(view.series)}, or late share / {view.limits.error_level:g}"
    return name, ratio, view.limits.trend


def critic_loss_trend(view: GateInput) -> Criterion:
    """The critic's loss falls; relative: its root, per Q scale."""
    values = get(view.series, "train/critic_loss")
    root = root_of_loss(view.series)
    name = "critic_loss, last third / first third"
    relative = _falls_or_is_small(view, root)
    return _below(view, name, trend(values), view.limits.trend, relative)


def critic_loss_mean(view: GateInput) -> Criterion:
    """The critic's loss on average."""
    values = get(view.series, "train/critic_loss")
    root = root_of_loss(view.series)
    ratio = _mean(_per_error_scale(view, root))
    relative = (f"root of it / {scale_name(view.series)}", ratio, view.limits.critic_loss_ratio)
    limit = view.limits.critic_loss
    return _below(view, "critic_loss, mean", _mean(values), limit, relative, core=True)


def td_error_trend(view: GateInput) -> Criterion:
    """The TD error falls."""
    values = td_error(view.series)
    name = "td_error, last third / first third"
    relative = _falls_or_is_small(view, values)
    return _below(view, name, trend(values), view.limits.trend, relative)


def twin_gap(view: GateInput) -> Criterion:
    """|Q1 - Q2| on average."""
    steps, one, two = align(get(view.series, "debug/q1_mean"), get(view.series, "debug/q2_mean"))
    gap = curve(steps, np.abs(one - two))
    relative = ("per replay scale", _mean(_per_scale(view, gap)), view.limits.twin_gap_ratio)
    return _below(view, "|Q1 - Q2|, mean", _mean(gap), view.limits.twin_gap, relative)


def _encoder_norm(view: GateInput) -> tuple[str, Curve]:
    """The actor encoder's gradient norm; all of the actor's where there is no encoder."""
    for tag in ("gradients/actor_cnn_norm", "gradients/actor_norm"):
        values = get(view.series, tag)
        if values.values.any():
            return tag.removeprefix("gradients/"), values
    return "actor_cnn_norm", get(view.series, "gradients/actor_cnn_norm")


def gradient_mean(view: GateInput) -> Criterion:
    """The actor encoder's gradient on average."""
    name, values = _encoder_norm(view)
    return _below(view, f"{name}, mean", _mean(values), view.limits.gradient_mean)


def gradient_max(view: GateInput) -> Criterion:
    """The actor encoder's gradient throughout."""
    name, values = _encoder_norm(view)
    return _below(view, f"{name}, largest", _top(values), view.limits.gradient_max)


def episode_length(view: GateInput) -> Criterion:
    """Mean episode length."""
    measured = _mean(get(view.series, "train/episode_length"))
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


def _progress(view: GateInput, series: Series) -> Criterion:
    tags = ("eval/return", "eval/route_completion", "train/episode_reward")
    gains = [(tag, *_gain(get(series, tag))) for tag in tags]
    known = [found for found in gains if found[1] is not None] or gains[:1]
    tag, gain, ratio = known[0]
    if ratio is not None and abs(ratio) <= view.limits.plateau_ratio:
        tag, gain, ratio = max(known[0], known[-1], key=lambda found: found[2] or 0.0)
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
    actor_loss,
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
    (actor_q_2k, actor_q_5k, actor_q_max, actor_loss, no_gradient_alerts, no_alerts, gradient_max)
)
