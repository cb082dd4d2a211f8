"""Judge any run from its event files, and name the likely cause.

Started by `td3jax diagnose` or `python -m launch.diagnose`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.diagnosis.causes import LIKELY, Cause
from launch.diagnosis.criteria import Verdict
from launch.diagnosis.examine import Diagnosis, examine
from launch.diagnosis.limits import VerdictLimits, parse_limits
from launch.diagnosis.report import own_names, report_on, run_warnings
from launch.diagnosis.tags import read_tag_map
from launch.diagnosis.verdict import GO, NO_GO, STAGES
from launch.errors import BAD_INPUT, DONE, BadInput
from launch.errors import NO_GO as NO_GO_CODE
from launch.page.write import PAGE, write_diagnosis_page

EXIT_CODE = {GO: DONE, NO_GO: NO_GO_CODE}  # of an undecided run: BAD_INPUT
NEAR = 0.2  # below this score a signature is not even near
COMMAND = Command(
    "diagnose",
    __doc__,
    "td3jax diagnose runs/carla-001",
    (
        Flag(
            "run_dir",
            str,
            "",
            "run folder, folder of TensorBoard event files, one such file, or a CSV",
            also=("logdir",),
        ),
        Flag(
            "out_dir",
            str,
            "",
            "folder for report.html, report.md, report.json and plots [diagnosis/ in a run of "
            "ours, else diagnosis-NAME/ here]",
            also=("out",),
        ),
        Flag("tag_map", str, "", "JSON file {their tag: our tag} for logs of another library"),
        Flag("limits", tuple, (), "name=value, or a JSON file of limits; may be repeated"),
        Flag(
            "stage",
            str,
            "",
            "gate to judge [the highest that the run reached]",
            choices=tuple(STAGES),
        ),
    ),
    positional="run_dir",
)


def summary(found: Diagnosis) -> list[str]:
    """Lines to print: how it was read, verdict, reasons, causes with their evidence."""
    verdict, causes = found.verdict, found.causes
    lines = [f"note: {line}" for line in run_warnings(found.run)]
    lines.append(f"{verdict.decision} ({verdict.last_step:,} steps, {verdict.stage} gate)")
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
        nearest = f"; nearest: {best.name} ({best.score:.2f})" if best.score >= NEAR else ""
        lines.append(f"no signature matches{nearest}")
    shown = "\n".join(line for line in lines if not line.startswith("  not logged: "))
    return lines + [f"note: {line}" for line in own_names(found.run, shown)]


def write_diagnosis(found: Diagnosis, folder: Path, source: Path) -> Path:
    """Write the report and the page of it; return the path of report.md."""
    path = report_on(found, folder)
    write_diagnosis_page(folder, found, source)
    return path


def diagnose(
    run_dir: Path,
    out_dir: Path | None = None,
    tag_map: Mapping[str, str] | None = None,
    limits: VerdictLimits | None = None,
    stage: str | None = None,
) -> tuple[Verdict, tuple[Cause, ...], Path]:
    """Examine a run and write the report; returns verdict, causes, path of report.md.

    out_dir: default diagnosis/ beside the files that are read.
    """
    found = examine(run_dir, tag_map, limits, stage)
    base = run_dir if run_dir.is_dir() else run_dir.parent
    path = write_diagnosis(found, out_dir or base / "diagnosis", run_dir)
    return found.verdict, found.causes, path


def report_folder(run_dir: Path) -> Path:
    """The folder of the report where none is named: the logs of somebody else are left alone."""
    if (run_dir / "config.json").is_file():
        return run_dir / "diagnosis"
    return Path(f"diagnosis-{run_dir.resolve().name or 'run'}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    if not given.get("run_dir"):
        raise BadInput("name the run: td3jax diagnose FOLDER (or --run_dir=FOLDER; see --help)")
    run_dir = Path(given["run_dir"])
    out_dir = Path(given["out_dir"]) if given.get("out_dir") else report_folder(run_dir)
    try:
        tag_map = read_tag_map(Path(given["tag_map"])) if given.get("tag_map") else None
        limits = parse_limits(COMMAND.value(given, "limits"))
        found = examine(run_dir, tag_map, limits, given.get("stage"))
        path = write_diagnosis(found, out_dir, run_dir)
    except ValueError as error:
        raise BadInput(str(error)) from error
    except OSError as error:
        raise BadInput(
            f"the report cannot be written: {error}; name a folder with --out_dir"
        ) from error
    print("\n".join([*summary(found), f"report: {path}", f"page: {path.with_name(PAGE)}"]))
    return EXIT_CODE.get(found.verdict.decision, BAD_INPUT)


if __name__ == "__main__":
    sys.exit(main())
