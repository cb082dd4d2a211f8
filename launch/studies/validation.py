"""The staged protocol: train, judge, and only then train further.

Each stage resumes the run where the last one ended.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from launch.diagnosis.causes import LIKELY
from launch.diagnosis.criteria import Verdict
from launch.diagnosis.examine import examine
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.read.columns import Unreadable
from launch.diagnosis.report import criteria_table, report_on
from launch.diagnosis.verdict import GO, NO_GO, STAGES
from launch.errors import BAD_INPUT, DONE
from launch.errors import NO_GO as NO_GO_CODE
from launch.files import markdown_table, write_whole
from launch.page.write import write_run_page

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
        found = examine(run_dir, limits=limits, stage=stage)
    except Unreadable as error:
        return Gate(stage, code, None, (), str(error))
    report_on(found, run_dir / f"gate_{stage}")
    likely = tuple(cause.name for cause in found.causes if cause.score >= LIKELY)
    return Gate(stage, code, found.verdict, likely)


def run_protocol(
    run_dir: Path,
    stages: Sequence[str],
    train: Train,
    limits: VerdictLimits,
    say: Callable[[str], None],
) -> list[Gate]:
    """The stages in order, until one is not GO; validate.md, validate.json and the page of the run
    after each."""
    gates: list[Gate] = []
    for stage in stages:
        gate = run_gate(stage, run_dir, bool(gates), train, limits)
        gates.append(gate)
        say("\n".join(gate_lines(gate)))
        if run_dir.is_dir():  # training may have refused its flags and left nothing
            _write(run_dir, gates, stages, limits)
        if not gate.passed:
            break
    return gates


def gate_lines(gate: Gate) -> list[str]:
    """Return a gate's printed lines: decision, reasons and criteria."""
    if gate.verdict is None:
        why = f"training exited {gate.exit_code}, its reason stands above" if gate.exit_code else ""
        return [f"gate {gate.stage}: no verdict: {'; '.join(filter(None, (why, gate.error)))}"]
    lines = [f"gate {gate.stage}: {gate.verdict.decision} (training exited {gate.exit_code})"]
    lines += [f"  {reason}" for reason in gate.verdict.reasons]
    lines += [f"  likely cause: {name}" for name in gate.causes]
    rows = [row for row in gate.verdict.rows if row.stage in ("any", gate.stage)]
    return [*lines, *("  " + line.replace("\\|", "|") for line in criteria_table(rows))]


def exit_code(last: Gate) -> int:
    """The exit code of a protocol by its last gate; training's own where training failed."""
    if last.passed:
        return DONE
    if last.verdict is not None and last.verdict.decision == NO_GO:
        return NO_GO_CODE
    return last.exit_code or BAD_INPUT


def _write(
    run_dir: Path, gates: Sequence[Gate], stages: Sequence[str], limits: VerdictLimits
) -> None:
    done = {gate.stage: gate for gate in gates}
    rows = [(stage, f"{STAGES[stage]:,}", *_outcome(done.get(stage))) for stage in stages]
    lines = ["# Staged validation", ""]
    lines += markdown_table(("gate", "steps", "verdict", "reason"), rows)
    for gate in gates:
        if gate.verdict is not None:
            lines += ["", f"## {gate.stage}", "", *criteria_table(gate.verdict.rows)]
    write_whole(run_dir / "validate.md", "\n".join(lines) + "\n")
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
    write_whole(run_dir / "validate.json", json.dumps(table, indent=1) + "\n")
    write_run_page(run_dir, limits)


def _outcome(gate: Gate | None) -> tuple[str, str]:
    if gate is None:
        return "not run", "-"
    if gate.verdict is None:
        return "no verdict", gate.error
    return gate.verdict.decision, gate.verdict.reasons[0]
