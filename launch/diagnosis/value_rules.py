"""Rules of the stage gates on values, losses and gradients."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.criteria import Criterion
from launch.diagnosis.gate_input import GateInput, average, below, largest, per_scale, sizes
from launch.diagnosis.measures import root_of_loss, td_error, thirds, trend
from launch.diagnosis.scales import (
    REPLAY_SCALE,
    known_ratio,
    known_scale,
    over,
    return_scale,
    reward_size,
    scale_name,
)
from launch.diagnosis.series import Curve, align, curve, get

_Q_TABLE_STEPS = (50_000, 500_000)  # Q up to 500, 2,000 and then 5,000

_Q_TABLE_TOPS = (500.0, 2_000.0, 5_000.0)


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
    values = sizes(get(view.series, "debug/actor_q_mean"))
    ratio = largest(known_ratio(view.series, "debug/actor_q_mean", view.limits))
    relative = (f"actor Q mean / {scale_name(view.series)}", ratio, _ratio_limit(view))
    return below(view, "actor_q_mean, largest", largest(values), limit, relative, core=True)


def actor_q_later(view: GateInput) -> Criterion:
    """|actor_q_mean| past 10K steps against the table of Q by steps trained."""
    values = get(view.series, "debug/actor_q_mean")
    late = values.part(int(np.searchsorted(values.steps, 10_000, side="right")))
    index = np.searchsorted(_Q_TABLE_STEPS, late.steps)
    share = curve(late.steps, np.abs(late.values) / np.array(_Q_TABLE_TOPS)[index])
    ratio = largest(per_scale(view, late)) if late.steps.size else None
    relative = (f"actor Q mean / {scale_name(view.series)}", ratio, _ratio_limit(view))
    return below(
        view, "actor_q_mean / top of its range for the steps", largest(share), 1.0, relative
    )


def actor_q_2k(view: GateInput) -> Criterion:
    """|actor_q_mean| throughout."""
    return _actor_q(view, view.limits.q_mean_2k)


def actor_q_5k(view: GateInput) -> Criterion:
    """|actor_q_mean| throughout."""
    return _actor_q(view, view.limits.q_mean_5k)


def actor_q_max(view: GateInput) -> Criterion:
    """The largest actor_q_max."""
    ratio = largest(known_ratio(view.series, "debug/actor_q_max", view.limits, extremes=True))
    relative = ("actor Q max / replay extremes", ratio, _ratio_limit(view))
    top = largest(get(view.series, "debug/actor_q_max"))
    return below(view, "actor_q_max, largest", top, view.limits.q_max_2k, relative)


def actor_loss_size(view: GateInput) -> Criterion:
    """|actor_loss| throughout."""
    values = get(view.series, "train/actor_loss")
    ratio = largest(per_scale(view, values))
    relative = (f"|actor loss| / {scale_name(view.series)}", ratio, _ratio_limit(view))
    limit = view.limits.actor_loss
    return below(view, "|actor_loss|, largest", largest(sizes(values)), limit, relative)


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
    return below(view, name, trend(values), view.limits.trend, relative)


def critic_loss_mean(view: GateInput) -> Criterion:
    """The critic's loss on average."""
    values = get(view.series, "train/critic_loss")
    root = root_of_loss(view.series)
    ratio = average(_per_error_scale(view, root))
    relative = (f"root of it / {scale_name(view.series)}", ratio, view.limits.critic_loss_ratio)
    limit = view.limits.critic_loss
    return below(view, "critic_loss, mean", average(values), limit, relative, core=True)


def td_error_trend(view: GateInput) -> Criterion:
    """The TD error falls."""
    values = td_error(view.series)
    name = "td_error, last third / first third"
    relative = _falls_or_is_small(view, values)
    return below(view, name, trend(values), view.limits.trend, relative)


def twin_gap(view: GateInput) -> Criterion:
    """|Q1 - Q2| on average."""
    steps, one, two = align(get(view.series, "debug/q1_mean"), get(view.series, "debug/q2_mean"))
    gap = curve(steps, np.abs(one - two))
    relative = ("per replay scale", average(per_scale(view, gap)), view.limits.twin_gap_ratio)
    return below(view, "|Q1 - Q2|, mean", average(gap), view.limits.twin_gap, relative)


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
    return below(view, f"{name}, mean", average(values), view.limits.gradient_mean)


def gradient_max(view: GateInput) -> Criterion:
    """The actor encoder's gradient throughout."""
    name, values = _encoder_norm(view)
    return below(view, f"{name}, largest", largest(values), view.limits.gradient_max)
