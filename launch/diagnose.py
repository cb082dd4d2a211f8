"""Judge any run from its event files and name the likely cause: `python -m launch.diagnose`.

Exit codes: 0 GO; 1 NO-GO; 2 nothing to judge (unreadable, or too little for a verdict).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from absl import app, flags

from launch.diagnosis.causes import LIKELY, Cause, rank_causes
from launch.diagnosis.criteria import Verdict
from launch.diagnosis.limits import VerdictLimits, parse_limits
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.report import run_notes, write_report
from launch.diagnosis.tags import read_tag_map
from launch.diagnosis.verdict import GO, NO_GO, STAGES, judge

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


def define_flags() -> None:
    """The command line; defined when run, so that other scripts' flags may have the same names."""
    flags.DEFINE_string(
        "logdir", None, "run folder, folder of TensorBoard event files, one such file, or a CSV"
    )
    flags.DEFINE_string(
        "out", None, "folder for report.md, report.json, plots; default: diagnosis/ in the logdir"
    )
    flags.DEFINE_string(
        "tag_map", None, "JSON file {their tag: our tag} for event files of another library"
    )
    flags.DEFINE_multi_string("limits", [], "name=value or a JSON file of limits; may be repeated")
    flags.DEFINE_enum(
        "stage", None, list(STAGES), "gate to judge; default: the highest that the run reached"
    )


def main(argv: list[str]) -> int:
    """Entry point; returns the exit code."""
    chosen = flags.FLAGS
    if len(argv) > 1 or not chosen.logdir:
        print("diagnose: name the run with --logdir FOLDER (see --help)", file=sys.stderr)
        return NOTHING
    try:
        tag_map = read_tag_map(Path(chosen.tag_map)) if chosen.tag_map else None
        limits = parse_limits(chosen.limits)
        out = Path(chosen.out) if chosen.out else None
        verdict, causes, path = diagnose(Path(chosen.logdir), out, tag_map, limits, chosen.stage)
    except ValueError as error:
        print(f"diagnose: {error}", file=sys.stderr)
        return NOTHING
    except OSError as error:
        print(
            f"diagnose: cannot write the report: {error}; name a folder with --out", file=sys.stderr
        )
        return NOTHING
    print("\n".join([*summary(verdict, causes), f"report: {path}"]))
    return EXIT.get(verdict.decision, NOTHING)


if __name__ == "__main__":
    define_flags()
    app.run(lambda argv: sys.exit(main(argv)))
