"""report.md and report.json of a run: verdict, likely causes, evaluation, plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.series import Series
from launch.verdicts import Verdict, VerdictLimits


def write_report(
    out_dir: Path,
    verdict: Verdict,
    causes: Sequence[Any],
    series: Series,
    config: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> Path:
    """Write report.md, report.json and the plots to `out_dir`; returns the path of report.md.

    evaluation: metrics of a final evaluation {name: number}, shown as they are. Each file appears
    whole or not at all.
    """
    raise NotImplementedError


def report_run(
    run_dir: Path,
    out_dir: Path | None = None,
    evaluation: Mapping[str, Any] | None = None,
    limits: VerdictLimits | None = None,
) -> Verdict:
    """Read a run folder's event files and config.json, judge, name causes, write the report.

    The one call for the end of training: flush the event writer first. out_dir: default run_dir.
    Raises events.Unreadable (a ValueError, one line) when no scalars can be read.
    """
    raise NotImplementedError
