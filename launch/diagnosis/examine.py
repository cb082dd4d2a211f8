"""A run with the verdict on it and its causes, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from launch.diagnosis.causes import Cause, rank_causes
from launch.diagnosis.criteria import Verdict
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.read.logs import Run, read_run
from launch.diagnosis.verdict import judge


class Diagnosis(NamedTuple):
    """A run, the verdict on it, and the causes by their score."""

    run: Run
    verdict: Verdict
    causes: tuple[Cause, ...]


def examine(
    run_dir: Path,
    tag_map: Mapping[str, str] | None = None,
    limits: VerdictLimits | None = None,
    stage: str | None = None,
) -> Diagnosis:
    """Read, judge and explain a run; raises Unreadable, a ValueError of one line."""
    run = read_run(run_dir, tag_map)
    verdict = judge(run.series, limits, run.facts, stage)
    return Diagnosis(run, verdict, rank_causes(run.series, run.facts, limits))
