"""report.md and report.json of a run: verdict, likely causes, evaluation, plots."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.diagnosis.causes import LIKELY, Cause
from launch.diagnosis.criteria import Criterion, Verdict
from launch.diagnosis.examine import Diagnosis, examine
from launch.diagnosis.facts import facts_from_config
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.measures import power_law
from launch.diagnosis.plots import plot_all
from launch.diagnosis.read.logs import Run
from launch.diagnosis.series import Series, get
from launch.diagnosis.tags import derive_scalars, nearest_names
from launch.files import markdown_table, write_whole


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _limit(relation: str, limit: float | None) -> str:
    return "-" if limit is None else f"{relation} {_number(limit)}"


_TITLES = ("gate", "criterion", "measured", "wanted", "relative form", "measured", "wanted", "")


def criteria_table(rows: Sequence[Criterion]) -> list[str]:
    """Markdown lines: the criteria that were measured as a table, the names of the others below."""
    measured = [row for row in rows if row.passed is not None]
    lines = markdown_table(_TITLES, map(_cells, measured)) if measured else []
    gates: dict[str, list[str]] = {}
    for row in rows:
        if row.passed is None:
            gates.setdefault(row.name, []).append(row.stage)
    if gates:
        names = "; ".join(f"{name} ({', '.join(stages)})" for name, stages in gates.items())
        count = len(rows) - len(measured)
        lines += [*([""] if lines else []), f"Not measured, {count} of {len(rows)}: {names}."]
    return lines


def _cells(c: Criterion) -> tuple[str, ...]:
    return (
        c.stage,
        c.name,
        _number(c.measured),
        _limit(c.relation, c.limit),
        c.relative_name or "-",
        _number(c.relative_measured),
        _limit(c.relation, c.relative_limit),
        "pass" if c.passed else "FAIL",
    )


def _cause_lines(cause: Cause) -> list[str]:
    lines = [f"### {cause.title}", "", f"Score {cause.score:.2f} (`{cause.name}`)."]
    if cause.explained_by:
        lines[-1] += f" Follows from `{cause.explained_by}`."
    lines.append("")
    for title, items in (
        ("For", cause.evidence_for),
        ("Against", cause.evidence_against),
        ("Not logged", cause.missing),
    ):
        lines += [f"- {title}: {item}" for item in items]
    return [*lines, f"- Try first: {cause.advice}", ""]


def cause_section(causes: Sequence[Cause], bad: bool) -> list[str]:
    """Markdown lines: the likely causes in full, the others as one table."""
    likely = [c for c in causes if c.score >= LIKELY]
    lines = ["## Likely cause" if likely else "## Causes", ""]
    if not likely:
        text = "No signature matches" + (
            "; see the failed criteria and the scalars that are missing." if bad else "."
        )
        lines += [text, ""]
    for cause in likely:
        lines += _cause_lines(cause)
    rest = [c for c in causes if c.score < LIKELY]
    if rest:
        titles = ("other signatures", "score", "strongest evidence against")
        cells = ((c.name, f"{c.score:.2f}", (c.evidence_against or ("-",))[0]) for c in rest)
        lines += markdown_table(titles, cells)
        lines.append("")
    return lines


def _markdown(
    verdict: Verdict,
    causes: Sequence[Cause],
    evaluation: Mapping[str, Any] | None,
    plots: Sequence[Path],
    notes: Sequence[str],
) -> str:
    lines = [f"# {verdict.decision}", ""]
    lines += [f"{verdict.last_step:,} steps, judged by the {verdict.stage} gate.", ""]
    lines += [*(f"- {reason}" for reason in verdict.reasons), ""]
    if notes:
        lines += ["## Notes", "", *(f"- {note}" for note in notes), ""]
    lines += cause_section(causes, verdict.decision == "NO-GO")
    lines += ["## Criteria", "", *criteria_table(verdict.rows), ""]
    if evaluation:
        values = ((name, _plain(value)) for name, value in evaluation.items())
        lines += ["## Evaluation", "", *markdown_table(("metric", "value"), values)]
        lines.append("")
    if plots:
        lines += ["## Plots", "", *(f"![{p.stem}]({p.name})" for p in plots), ""]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return _number(float(value)) if isinstance(value, int | float) else str(value)


def _jsonable(value: Any) -> Any:
    """JSON has no nan or inf: they become null and text."""
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, str | int | bool | None):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else str(number)


def _growth_note(series: Series, config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    law = power_law(get(series, "debug/actor_q_mean"), facts_from_config(config or {}))
    return None if law is None else law._asdict()


def write_report(
    out_dir: Path,
    verdict: Verdict,
    causes: Sequence[Cause],
    series: Series,
    config: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write report.md, report.json and the plots to `out_dir`; returns the path of report.md.

    evaluation: metrics of a final evaluation {name: number}, shown as they are. notes: further
    lines, such as warnings of the reader. Each file appears whole or not at all.
    """
    full, _ = derive_scalars(series)
    out_dir.mkdir(parents=True, exist_ok=True)
    plots = plot_all(full, out_dir, config)
    table = {
        "decision": verdict.decision,
        "stage": verdict.stage,
        "last_step": verdict.last_step,
        "reasons": verdict.reasons,
        "likely_causes": [c.name for c in causes if c.score >= LIKELY],
        "causes": [dataclasses.asdict(c) for c in causes],
        "criteria": [dataclasses.asdict(row) for row in verdict.rows],
        "actor_q_growth": _growth_note(full, config),
        "evaluation": evaluation,
        "config": config,
        "plots": [path.name for path in plots],
        "notes": list(notes),
    }
    text = json.dumps(_jsonable(table), indent=1, allow_nan=False)
    write_whole(out_dir / "report.json", text + "\n")
    path = out_dir / "report.md"
    write_whole(path, _markdown(verdict, causes, evaluation, plots, notes))
    return path


def run_warnings(run: Run) -> tuple[str, ...]:
    """Lines to read before the verdict: damage, and the scalars that were ignored."""
    lines = list(run.warnings)
    near = nearest_names(run.foreign)
    if run.foreign:
        count = len(run.foreign) + len(run.series) - len(run.derived)
        names = ", ".join([*near, *(tag for tag in run.foreign if tag not in near)][:8])
        lines.append(f"{len(run.foreign)} of {count} scalars are unknown here, not used: {names}")
    if near:
        lines.append(f"if some are ours by another name, --tag_map a file with {json.dumps(near)}")
    return tuple(lines)


def run_notes(run: Run) -> tuple[str, ...]:
    """Notes on how a run was read, the gravest first."""
    computed = [tag for tag in run.derived if tag not in run.theirs]
    derived = "computed from other scalars: " + ", ".join(computed)
    return (*run_warnings(run), *own_names(run), *([derived] if computed else []))


def own_names(run: Run, told: str | None = None) -> list[str]:
    """A line with the log's own names of its scalars, or of those that a text mentions."""
    pairs = [
        f"{tag} is {theirs}" for tag, theirs in run.theirs.items() if told is None or tag in told
    ]
    return [f"in this log {', '.join(pairs)}"] if pairs else []


def report_run(
    run_dir: Path,
    out_dir: Path | None = None,
    evaluation: Mapping[str, Any] | None = None,
    limits: VerdictLimits | None = None,
) -> Diagnosis:
    """Read a run folder's event files and config.json, judge, name causes, write the report.

    The one call for the end of training: flush the event writer first. out_dir: default run_dir.
    Raises events.Unreadable (a ValueError, one line) when no scalars can be read.
    """
    found = examine(run_dir, limits=limits)
    report_on(found, out_dir or run_dir, evaluation)
    return found


def report_on(found: Diagnosis, folder: Path, evaluation: Mapping[str, Any] | None = None) -> Path:
    """Write the report of a run that was examined; return the path of report.md."""
    run, verdict, causes = found
    return write_report(folder, verdict, causes, run.series, run.config, evaluation, run_notes(run))
