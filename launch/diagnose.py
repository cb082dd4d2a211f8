"""Judge any run from its event files and name the likely cause: `python -m launch.diagnose`.

Exit codes: 0 GO; 1 NO-GO; 2 nothing to judge (unreadable, or too little for a verdict).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from absl import app, flags

from launch.causes import LIKELY, Cause, rank_causes
from launch.criteria import Verdict
from launch.limits import VerdictLimits, parse_limits
from launch.report import run_notes, write_report
from launch.runs import read_run
from launch.tags import read_tag_map
from launch.verdicts import GO, NO_GO, STAGES, judge

_LOGDIR = flags.DEFINE_string(
    "logdir", None, "run folder, folder of TensorBoard event files, one event file, or metrics.csv"
)
_OUT = flags.DEFINE_string(
    "out", None, "folder for report.md, report.json and plots; default: diagnosis/ in the logdir"
)
_TAG_MAP = flags.DEFINE_string(
    "tag_map", None, "JSON file {their tag: our tag} for event files of another library"
)
_LIMITS = flags.DEFINE_multi_string(
    "limits", [], "name=value or a JSON file of limits (launch/limits.py); may be repeated"
)
_STAGE = flags.DEFINE_enum(
    "stage", None, list(STAGES), "gate to judge; default: the highest that the run reached"
)

EXIT = {GO: 0, NO_GO: 1}
NOTHING = 2


def summary(verdict: Verdict, causes: tuple[Cause, ...]) -> list[str]:
    """What is printed: verdict, reasons, causes with their evidence, in one screen."""
    lines = [f"{verdict.decision} ({verdict.last_step:,} steps, {verdict.stage} gate)"]
    lines += [f"  {reason}" for reason in verdict.reasons]
    likely = [c for c in causes if c.score >= LIKELY]
    for cause in likely:
        lines.append(f"likely cause, score {cause.score:.2f}: {cause.title}")
        lines += [f"  for: {text}" for text in cause.evidence_for]
        lines += [f"  against: {text}" for text in cause.evidence_against]
        if cause.missing:
            lines.append(f"  not logged: {', '.join(cause.missing)}")
        lines.append(f"  try first: {cause.advice}")
    if not likely and verdict.decision == NO_GO:
        best = causes[0]
        lines.append(f"no signature matches; nearest: {best.name} ({best.score:.2f})")
    return lines


def diagnose(
    logdir: Path,
    out: Path | None = None,
    tag_map: Mapping[str, str] | None = None,
    limits: VerdictLimits | None = None,
    stage: str | None = None,
) -> tuple[Verdict, tuple[Cause, ...], Path]:
    """Read, judge, explain and write the report; returns verdict, causes, path of report.md.

    Raises events.Unreadable, a ValueError of one line, when nothing can be judged.
    """
    run = read_run(logdir, tag_map)
    verdict = judge(run.series, limits, run.facts, stage)
    causes = rank_causes(run.series, run.facts, limits)
    base = logdir if logdir.is_dir() else logdir.parent
    folder = out or base / "diagnosis"
    path = write_report(
        folder, verdict, causes, run.series, config=run.config, notes=run_notes(run)
    )
    return verdict, causes, path


def main(argv: list[str]) -> int:
    """Entry point; returns the exit code."""
    if len(argv) > 1 or not _LOGDIR.value:
        print("diagnose: name the run with --logdir FOLDER (see --help)", file=sys.stderr)
        return NOTHING
    try:
        tag_map = read_tag_map(Path(_TAG_MAP.value)) if _TAG_MAP.value else None
        limits = parse_limits(_LIMITS.value)
        out = Path(_OUT.value) if _OUT.value else None
        logdir = Path(_LOGDIR.value)
        verdict, causes, path = diagnose(logdir, out, tag_map, limits, _STAGE.value)
    except ValueError as error:
        print(f"diagnose: {error}", file=sys.stderr)
        return NOTHING
    except OSError as error:
        print(f"diagnose: cannot write the report: {error}; name a folder with --out",
              file=sys.stderr)  # fmt: skip
        return NOTHING
    print("\n".join([*summary(verdict, causes), f"report: {path}"]))
    return EXIT.get(verdict.decision, NOTHING)


if __name__ == "__main__":
    app.run(lambda argv: sys.exit(main(argv)))
