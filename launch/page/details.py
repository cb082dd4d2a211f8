"""What is folded at the end of a page: gates, causes, figures of evaluations, all scalars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from launch.diagnosis.axes import plain
from launch.diagnosis.causes import Cause
from launch.diagnosis.criteria import Criterion
from launch.diagnosis.report import run_notes
from launch.diagnosis.series import Series
from launch.page.subject import Evaluation, Subject

TOLD = 0.1  # score of a cause whose evidence is told in full


class Rows(NamedTuple):
    """A table: its heading, column titles and rows of text. failed: indices of bad rows."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    failed: tuple[int, ...] = ()


def gate_tables(subject: Subject) -> list[Rows]:
    """The staged gates, and the criteria that could be measured, the broken ones first."""
    tables = []
    if subject.gates:
        rows = [
            (
                str(gate.get("stage", "")),
                str(gate.get("decision") or "no verdict"),
                "; ".join(map(str, gate.get("reasons") or ())),
            )
            for gate in subject.gates
        ]
        bad = tuple(i for i, gate in enumerate(subject.gates) if not gate.get("passed"))
        tables.append(Rows("Staged validation", ("gate", "verdict", "reasons"), rows, bad))
    if subject.found:
        measured = [row for row in subject.found.verdict.rows if row.passed is not None]
        measured.sort(key=lambda row: bool(row.passed))
        count = sum(row.passed is False for row in measured)
        header = ("gate", "criterion", "measured", "wanted", "relative to", "measured", "wanted")
        title = f"Criteria: {len(measured) - count} hold, {count} broken"
        tables.append(Rows(title, header, list(map(_criterion, measured)), tuple(range(count))))
    return [table for table in tables if table.rows]


def _criterion(row: Criterion) -> tuple[str, ...]:
    return (
        row.stage,
        row.name,
        _number(row.measured),
        _limit(row.relation, row.limit) if row.measured is not None else "",
        row.relative_name if row.relative_measured is not None else "",
        _number(row.relative_measured),
        _limit(row.relation, row.relative_limit) if row.relative_measured is not None else "",
    )


def _limit(relation: str, limit: float | None) -> str:
    return "" if limit is None else f"{relation} {plain(limit)}"


def _number(value: object) -> str:
    return plain(float(value)) if isinstance(value, int | float) else ""


def told_causes(subject: Subject) -> list[Cause]:
    """The causes for which something speaks, the likeliest first."""
    causes = subject.found.causes if subject.found else ()
    return [cause for cause in causes if cause.score >= TOLD]


def other_causes(subject: Subject) -> Rows | None:
    """The causes against which more speaks; None where there is none."""
    causes = subject.found.causes if subject.found else ()
    rest = [cause for cause in causes if cause.score < TOLD]
    rows = [(c.title, f"{c.score:.2f}", (c.evidence_against or ("",))[0]) for c in rest]
    header = ("signature", "score", "strongest evidence against")
    return Rows("Other signatures", header, rows) if rows else None


def other_tables(subject: Subject) -> list[Rows]:
    """Every figure of the evaluations, every scalar, and the notes on how the log was read."""
    tables = []
    if subject.policies:
        tables.append(_evaluations(subject.policies))
    if subject.found:
        notes = [(note,) for note in run_notes(subject.found.run)]
        tables += [_scalars(subject.found.run.series), Rows("How the log was read", (), notes)]
    return [table for table in tables if table.rows]


def _evaluations(policies: Mapping[str, Evaluation]) -> Rows:
    summaries = [evaluation.table["summary"] for evaluation in policies.values()]
    names = dict.fromkeys(name for summary in summaries for name in summary)
    rows = [(name, *(_number(summary.get(name)) for summary in summaries)) for name in names]
    return Rows("Figures of the evaluations", ("figure", *policies), rows)


def _scalars(series: Series) -> Rows:
    rows = []
    for tag in sorted(series):
        values = series[tag].values[np.isfinite(series[tag].values)]
        if values.size:
            ends = (values[0], values[-1], values.min(), values.max())
            rows.append((tag, str(series[tag].steps.size), *(plain(float(end)) for end in ends)))
    return Rows("Scalars", ("tag", "points", "first", "last", "least", "largest"), rows)
