"""The staged protocol: train 2K, 5K and 10K steps, each a gate for the next.

`python -m launch.validate --run_dir=DIR [-- flags of launch.train]`. Each stage resumes the run
where the last one ended. Exit codes: 0 all gates GO; 1 a gate is not GO; 2 bad use; training's own
exit code where it failed without leaving scalars.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import app, flags

from launch.diagnosis.causes import LIKELY, rank_causes
from launch.diagnosis.criteria import Verdict
from launch.diagnosis.limits import VerdictLimits, parse_limits
from launch.diagnosis.read.events import Unreadable
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.report import criteria_table, run_notes, write_report, write_text
from launch.diagnosis.verdict import GO, STAGES, judge

Train = Callable[[int, Path, bool], int]


@dataclasses.dataclass(frozen=True)
class Gate:
    """One stage as it went: training's exit code, the verdict (None without scalars), causes."""

    stage: str
    exit_code: int
    verdict: Verdict | None
    causes: tuple[str, ...]
    error: str = ""

    @property
    def passed(self) -> bool:
        """GO, and training ended normally."""
        return self.exit_code == 0 and self.verdict is not None and self.verdict.decision == GO


def train_command(steps: int, run_dir: Path, resume: bool, extra: Sequence[str]) -> list[str]:
    """The command of one stage; the stage itself judges, so training must not stop on its own."""
    command = [sys.executable, "-m", "launch.train", f"--steps={steps}", f"--run_dir={run_dir}"]
    if resume:
        command.append(f"--resume={run_dir}")
    return [*command, *extra]


def run_gate(stage: str, run_dir: Path, resume: bool, train: Train, limits: VerdictLimits) -> Gate:
    """Train up to the stage's steps, judge, and write the report into the run folder."""
    code = train(STAGES[stage], run_dir, resume)
    try:
        run = read_run(run_dir)
    except Unreadable as error:
        return Gate(stage, code, None, (), str(error))
    verdict = judge(run.series, limits, run.facts, stage)
    causes = rank_causes(run.series, run.facts, limits)
    write_report(
        run_dir / f"gate_{stage}",
        verdict,
        causes,
        run.series,
        run.config,
        notes=run_notes(run),
    )
    return Gate(stage, code, verdict, tuple(c.name for c in causes if c.score >= LIKELY))


def run_protocol(
    run_dir: Path,
    stages: Sequence[str],
    train: Train,
    limits: VerdictLimits,
    say: Callable[[str], None],
) -> list[Gate]:
    """The stages in order, until one is not GO; validate.md and validate.json after each."""
    gates: list[Gate] = []
    for stage in stages:
        gate = run_gate(stage, run_dir, bool(gates), train, limits)
        gates.append(gate)
        say("\n".join(gate_lines(gate)))
        _write(run_dir, gates, stages)
        if not gate.passed:
            break
    return gates


def gate_lines(gate: Gate) -> list[str]:
    """What is printed of a gate: decision, reasons and its criteria."""
    if gate.verdict is None:
        return [f"gate {gate.stage}: no verdict, training exited {gate.exit_code}: {gate.error}"]
    lines = [f"gate {gate.stage}: {gate.verdict.decision} (training exited {gate.exit_code})"]
    lines += [f"  {reason}" for reason in gate.verdict.reasons]
    lines += [f"  likely cause: {name}" for name in gate.causes]
    rows = [row for row in gate.verdict.rows if row.stage in ("any", gate.stage)]
    return [*lines, *("  " + line.replace("\\|", "|") for line in criteria_table(rows))]


def _write(run_dir: Path, gates: Sequence[Gate], stages: Sequence[str]) -> None:
    lines = ["# Staged validation", "", "| gate | steps | verdict | reason |", "|---|---|---|---|"]
    done = {gate.stage: gate for gate in gates}
    for stage in stages:
        gate = done.get(stage)
        verdict = gate.verdict if gate else None
        decision = verdict.decision if verdict else ("not run" if gate is None else "no verdict")
        reason = verdict.reasons[0] if verdict else (gate.error if gate else "-")
        escaped = reason.replace("|", "\\|")
        lines.append(f"| {stage} | {STAGES[stage]:,} | {decision} | {escaped} |")
    for gate in gates:
        if gate.verdict is not None:
            lines += ["", f"## {gate.stage}", "", *criteria_table(gate.verdict.rows)]
    write_text(run_dir / "validate.md", "\n".join(lines) + "\n")
    table = [
        {
            "stage": gate.stage,
            "exit_code": gate.exit_code,
            "decision": gate.verdict.decision if gate.verdict else None,
            "reasons": gate.verdict.reasons if gate.verdict else [gate.error],
            "likely_causes": gate.causes,
            "passed": gate.passed,
        }
        for gate in gates
    ]
    write_text(run_dir / "validate.json", json.dumps(table, indent=1) + "\n")


def define_flags() -> None:
    """The command line; defined when run, so that other scripts' flags may have the same names."""
    flags.DEFINE_string("run_dir", None, "folder of the run; must not exist or be empty")
    flags.DEFINE_list("stages", list(STAGES), "gates to run")
    flags.DEFINE_multi_string("limits", [], "name=value or a JSON file of limits; may be repeated")


def main(argv: list[str]) -> int:
    """Entry point; returns the exit code."""
    chosen = flags.FLAGS
    try:
        limits = parse_limits(chosen.limits)
        unknown = [stage for stage in chosen.stages if stage not in STAGES]
        if unknown or not chosen.stages:
            raise ValueError(f"--stages: {unknown or 'none'}; choose from {', '.join(STAGES)}")
        if not chosen.run_dir:
            raise ValueError("name a new folder with --run_dir FOLDER (see --help)")
        run_dir = Path(chosen.run_dir)
        if run_dir.exists() and (not run_dir.is_dir() or any(run_dir.iterdir())):
            raise ValueError(f"{run_dir}: exists already; choose a new --run_dir")
    except ValueError as error:
        print(f"validate: {error}", file=sys.stderr)
        return 2

    def train(steps: int, folder: Path, resume: bool) -> int:
        return subprocess.run(train_command(steps, folder, resume, argv[1:])).returncode

    stages = sorted(chosen.stages, key=lambda stage: STAGES[stage])
    gates = run_protocol(run_dir, stages, train, limits, lambda text: print(text, flush=True))
    last = gates[-1]
    if last.verdict is None:
        return last.exit_code or 2
    print(f"report: {run_dir / 'validate.md'}")
    return 0 if last.passed else 1


if __name__ == "__main__":
    define_flags()
    app.run(lambda argv: sys.exit(main(argv)))
