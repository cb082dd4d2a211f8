"""GO, NO-GO or UNDECIDED: one set of rules for the live run, the staged protocol and diagnosis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from launch.diagnosis.alerts import CRITICAL, NON_FINITE
from launch.diagnosis.criteria import Criterion, Verdict, row
from launch.diagnosis.facts import RunFacts
from launch.diagnosis.gate_input import NORM_MAX, NORMS, GateInput
from launch.diagnosis.gates import DRIVING, GATES, LATER, THROUGHOUT, logged_alert
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.measures import first_update, growth, late_start, sustained
from launch.diagnosis.scales import (
    bound_curve,
    held,
    known_ratio,
    over,
    return_scale,
    scale_name,
    with_discount,
)
from launch.diagnosis.series import Curve, Series, get
from launch.diagnosis.tags import derive_scalars, last_step
from launch.diagnosis.whole_run import whole_run_rows

__all__ = [
    "FINITE_GROUPS",
    "GO",
    "NO_GO",
    "STAGES",
    "UNDECIDED",
    "Criterion",
    "Verdict",
    "VerdictLimits",
    "judge",
    "no_go_rows",
]

GO, NO_GO, UNDECIDED = "GO", "NO-GO", "UNDECIDED"
STAGES = {"2K": 2_000, "5K": 5_000, "10K": 10_000}
FINITE_GROUPS = ("train/", "debug/", "gradients/")
_SCALES = {
    "replay scale": "replay Q or the reward's size",
    "largest return seen": "the largest return seen",
}
_ENOUGH = 0.95  # of a stage's steps: the last log point may lie a little before the end


def _one_form(
    name: str, measured: float | None, limit: float, note: str, limits: VerdictLimits
) -> Criterion:
    return row(Criterion("any", name, measured, limit, "<", note=note), limits, False)


def non_finite(series: Series, limits: VerdictLimits) -> Criterion:
    """No nan or inf among losses, values and gradients."""
    found: list[tuple[int, str]] = []
    seen = 0
    for tag, values in series.items():
        if tag.startswith(FINITE_GROUPS):
            seen += 1
            bad = np.flatnonzero(~np.isfinite(values.values))
            found += [(int(values.steps[i]), f"{tag} is {values.values[i]}") for i in bad[:1]]
    flags = [(tag, get(series, tag)) for tag in (NON_FINITE.measurement, NON_FINITE.tag)]
    for tag, flag in flags:
        fired = np.flatnonzero(flag.values > 0)
        found += [(int(flag.steps[i]), f"{tag} was set") for i in fired[:1]]
    first = min(found, default=(0, ""))
    note = f"{first[1]} at step {first[0]:,}" if found else ""
    known = seen or any(flag.steps.size for _, flag in flags)
    measured = float(len(found)) if known else None
    return _one_form("non-finite scalars", measured, 0.5, note, limits)


def critical_gradient(series: Series, limits: VerdictLimits) -> Criterion:
    """No gradient norm beyond the critical limit; by the alert where no norm tells."""
    worst, note, seen = 0.0, "", False
    for tag in (NORM_MAX, *NORMS):
        values = get(series, tag)
        seen = seen or bool(values.steps.size)
        if values.steps.size and values.values.max() > worst:
            worst = float(values.values.max())
            at = int(values.steps[int(np.argmax(values.values > limits.gradient_critical))])
            note = f"{tag} passes {limits.gradient_critical:.4g} at step {at:,}, up to {worst:.4g}"
    alarm = logged_alert(series, CRITICAL, limits)
    fired = np.flatnonzero(alarm.values > 0)
    if fired.size and worst <= limits.gradient_critical:
        worst = np.inf
        note = f"{CRITICAL.tag} fired at step {int(alarm.steps[fired[0]]):,}"
    measured = worst if seen or alarm.steps.size else None
    over = worst >= limits.gradient_critical
    name = "gradient norm, largest"
    return _one_form(name, measured, limits.gradient_critical, note if over else "", limits)


def _first_over(values: Curve, limit: float) -> int:
    return int(values.steps[int(np.argmax(values.values >= limit))])


def _q_ratio(series: Series, limits: VerdictLimits) -> Criterion:
    """The actor's Q stays of the order of replay Q."""
    ratio = sustained(known_ratio(series, "debug/actor_q_mean", limits), limits.stop_points)
    scale = scale_name(series)
    measured = float(ratio.values.max()) if ratio.steps.size else None
    note = ""
    if measured is not None and measured >= limits.ratio_stop:
        at = _first_over(ratio, limits.ratio_stop)
        note = (
            f"actor Q is {measured:,.0f} times {_SCALES[scale]}, beyond "
            f"{limits.ratio_stop:g}, held by step {at:,}"
        )
    return _one_form(f"actor Q / {scale}, held", measured, limits.ratio_stop, note, limits)


def _q_bound(series: Series, limits: VerdictLimits, facts: RunFacts) -> Criterion:
    """No Q exceeds what the rewards allow."""
    worst, note, measured = 0.0, "", None
    for tag in ("debug/actor_q_mean", "debug/q1_mean", "debug/target_q_mean"):
        ratio = sustained(bound_curve(series, tag, limits, facts), limits.stop_points)
        if not ratio.steps.size:
            continue
        measured = worst = max(worst, float(ratio.values.max()))
        if ratio.values.max() >= limits.bound_stop and not note:
            note = (
                f"{tag} is {ratio.values.max():,.3g} times the largest return that the rewards "
                f"allow, held by step {_first_over(ratio, limits.bound_stop):,}"
            )
    return _one_form("Q / largest return, held", measured, limits.bound_stop, note, limits)


def _out_of_scale(
    series: Series, tag: str, at: np.ndarray, limits: VerdictLimits, facts: RunFacts
) -> np.ndarray:
    """True at each step where |tag| is out of proportion to replay Q or the return."""
    if tag == "debug/actor_q_mean":
        ratio, limit = known_ratio(series, tag, limits), limits.growth_ratio
    else:
        ratio, limit = bound_curve(series, tag, limits, facts), 1.0
        if not ratio.steps.size:
            values = get(series, tag)
            scale = return_scale(series, values.steps, limits)
            ratio, limit = over(values, scale), limits.growth_ratio
    if ratio.steps.size:
        return held(ratio, at) >= limit
    return np.abs(held(get(series, tag), at)) >= limits.growth_absolute


def _q_growth(series: Series, limits: VerdictLimits, facts: RunFacts) -> Criterion:
    """No Q grows exponentially, log point after log point, out of proportion."""
    measured, note = None, ""
    for tag in ("debug/actor_q_mean", "debug/q1_mean", "debug/target_q_mean"):
        factor = growth(get(series, tag), limits.growth_points)
        if not factor.steps.size:
            continue
        wild = _out_of_scale(series, tag, factor.steps, limits, facts)
        counted = Curve(factor.steps, np.where(wild, factor.values, 1.0), factor.wall)
        top = float(counted.values.max())
        if top >= limits.growth_factor and not note:
            at = _first_over(counted, limits.growth_factor)
            note = (
                f"{tag} grows exponentially: up to {top:,.0f} times within "
                f"{limits.growth_points} log points, first seen at step {at:,}"
            )
        measured = max(measured or 1.0, top)
    return _one_form("growth of Q out of scale", measured, limits.growth_factor, note, limits)


def no_go_rows(
    series: Series, limits: VerdictLimits | None = None, facts: RunFacts | None = None
) -> tuple[Criterion, ...]:
    """The rules that end a run at any time; `passed` is False where one is broken."""
    limits, facts = limits or VerdictLimits(), facts or RunFacts()
    return (
        non_finite(series, limits),
        _q_growth(series, limits, facts),
        _q_ratio(series, limits),
        _q_bound(series, limits, facts),
        critical_gradient(series, limits),
    )


def _within(series: Series, start: int, stop: int | None) -> dict[str, Curve]:
    """The series from a step on, up to another (of the predecessor: episodes of that number)."""
    cut = {tag: values.since(start) if start else values for tag, values in series.items()}
    return cut if stop is None else {tag: values.until(stop) for tag, values in cut.items()}


def _is_driving(series: Series, facts: RunFacts) -> bool:
    """True for the driving task: by config.json, else by the parts of its reward."""
    if facts.driving is not None:
        return facts.driving
    return any(tag.startswith("reward/") for tag in series)


def _stage(updates: int) -> str | None:
    reached = [name for name, steps in STAGES.items() if updates >= _ENOUGH * steps]
    return reached[-1] if reached else None


def judge(
    series: Series,
    limits: VerdictLimits | None = None,
    facts: RunFacts | None = None,
    stage: str | None = None,
) -> Verdict:
    """Judge a run by its scalars (names as in docs/scalars.md).

    stage: "2K", "5K" or "10K" judges that gate and those before it; None judges the highest gate
    that the run reached, or the first where it reached none, and the run as a whole. Gates count
    steps from the first update where that comes late.
    """
    limits, facts = limits or VerdictLimits(), facts or RunFacts()
    if stage is not None and stage not in STAGES:
        raise ValueError(f"stage = {stage!r}: expected one of {', '.join(STAGES)}")
    limits = with_discount(limits, facts)
    full, _ = derive_scalars(series)
    start, step = late_start(full, limits, facts), last_step(full)
    gate = stage or _stage(step - start) or "2K"
    seen = full if stage is None else _within(full, 0, start + STAGES[gate])
    rows = list(no_go_rows(seen, limits, facts))
    rows += whole_run_rows(seen, start, limits, facts)
    later = _within(seen, start, None)
    driving = _is_driving(full, facts)
    for name, steps in STAGES.items():
        part = _within(full, start, start + steps)
        view = GateInput(name, part, limits, later, driving)
        rules = [rule for rule in GATES[name] if driving or rule not in DRIVING]
        reached = step - start >= _ENOUGH * steps
        rows += [rule(view) for rule in rules if reached or rule in THROUGHOUT]
        if name == gate:
            break
    if stage is None and step - start > STAGES["10K"]:
        rows += [rule(GateInput("later", full, limits, full, driving)) for rule in LATER]
    decision, reasons = _decide(rows, gate, step, start)
    first = first_update(full, facts)
    if decision == UNDECIDED and first is not None and start == 0 and first >= STAGES[gate]:
        reasons = [f"the first update came at step {first:,}, after the {gate} gate"]
    return Verdict(decision, gate, step, tuple(reasons), tuple(rows), start)


def _decide(rows: Sequence[Criterion], gate: str, step: int, start: int) -> tuple[str, list[str]]:
    failed = [f"{_at(r)}{r.note}" for r in rows if r.passed is False]
    if failed:
        return NO_GO, failed
    if step <= 0:
        return UNDECIDED, ["no scalar was logged at a step above 0, so there is nothing to judge"]
    if step - start < _ENOUGH * STAGES[gate]:
        since = f" after the first update at {start:,}" if start else ""
        few = f"{step - start:,} steps{since} are too few for the {gate} gate"
        return UNDECIDED, [f"{few}; nothing failed so far"]
    missing = [r.name for r in rows if r.core and r.stage == gate and r.passed is None]
    if missing:
        return UNDECIDED, [f"not measured: {name}" for name in missing]
    unknown = sum(r.passed is None for r in rows)
    note = f" ({unknown} could not be measured)" if unknown else ""
    since = f", counted from the first update at step {start:,}" if start else ""
    return GO, [f"every criterion measured up to the {gate} gate holds{note}{since}"]


def _at(criterion: Criterion) -> str:
    return "" if criterion.stage in ("any", "whole run") else f"{criterion.stage}: "
