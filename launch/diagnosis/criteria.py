"""The row of a verdict's table and how its two forms decide."""

from __future__ import annotations

import dataclasses

from launch.diagnosis.limits import VerdictLimits


@dataclasses.dataclass(frozen=True)
class Criterion:
    """One row: a rule, its absolute and its relative form, and what was measured.

    stage: "any", "whole run", "2K", "5K", "10K" or "later". relation holds between measured and
    limit, and between relative_measured and relative_limit. measured and relative_measured are
    None where scalars are missing or the form does not exist; passed is None where nothing could
    be measured.
    core: a GO needs this row measured. note: one line for a person.
    """

    stage: str
    name: str
    measured: float | None
    limit: float | None
    relation: str
    relative_name: str = ""
    relative_measured: float | None = None
    relative_limit: float | None = None
    passed: bool | None = None
    core: bool = False
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """decision is GO, NO-GO or UNDECIDED; reasons are one line each, the gravest first.

    stage: the gate that was judged; last_step: of the run; start: the step of the first update
    where gates count from it, else 0.
    """

    decision: str
    stage: str
    last_step: int
    reasons: tuple[str, ...]
    rows: tuple[Criterion, ...]
    start: int = 0


def _holds(measured: float | None, limit: float | None, relation: str) -> bool | None:
    if measured is None or limit is None:
        return None
    tests = {
        "<": measured < limit,
        "<=": measured <= limit,
        ">": measured > limit,
        ">=": measured >= limit,
    }
    return bool(tests[relation])


def _decide(absolute: bool | None, relative: bool | None, form: str) -> bool | None:
    """auto: relative where measured, else absolute."""
    if form == "absolute":
        return absolute
    if form == "relative":
        return relative
    if form == "both":
        known = [held for held in (absolute, relative) if held is not None]
        return all(known) if known else None
    return absolute if relative is None else relative


def row(criterion: Criterion, limits: VerdictLimits, has_relative: bool = True) -> Criterion:
    """The criterion with `passed` decided by limits.form and a note that says what was measured.

    has_relative=False: the rule has one form only, which counts under every limits.form.
    """
    absolute = _holds(criterion.measured, criterion.limit, criterion.relation)
    relative = _holds(criterion.relative_measured, criterion.relative_limit, criterion.relation)
    passed = _decide(absolute, relative, limits.form) if has_relative else absolute
    return dataclasses.replace(criterion, passed=passed, note=criterion.note or _note(criterion))


def _note(c: Criterion) -> str:
    parts = []
    if c.measured is not None:
        parts.append(f"{c.name} {c.measured:.4g} (wanted {c.relation} {c.limit:.4g})")
    if c.relative_measured is not None:
        parts.append(
            f"{c.relative_name} {c.relative_measured:.4g} (wanted {c.relation} "
            f"{c.relative_limit:.4g})"
        )
    return "; ".join(parts) or f"{c.name}: not measured"
