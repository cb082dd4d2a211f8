"""The input of a gate's rules, and the parts that the rules share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from launch.diagnosis.criteria import Criterion, row
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.scales import known_scale, over
from launch.diagnosis.series import Curve, Series

NORMS = tuple(
    f"gradients/{net}_{part}_norm" for net in ("actor", "critic") for part in ("cnn", "mlp")
)
NORM_MAX = "gradients/norm_max"


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


def largest(values: Curve) -> float | None:
    """The largest value; None of an empty curve."""
    return float(values.values.max()) if values.steps.size else None


def average(values: Curve) -> float | None:
    """The mean value; None of an empty curve."""
    return float(values.values.mean()) if values.steps.size else None


def sizes(values: Curve) -> Curve:
    """The curve of |values|."""
    return Curve(values.steps, np.abs(values.values), values.wall)


def below(
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


def per_scale(view: GateInput, values: Curve) -> Curve:
    """|values| over the Q scale or the returns seen; empty without either."""
    return over(values, known_scale(view.series, values.steps, view.limits))
