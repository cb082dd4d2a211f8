"""Train 2K, 5K and 10K steps, each a gate for the next.

Started by `td3jax validate` or `python -m launch.validate`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.diagnosis.limits import parse_limits
from launch.diagnosis.verdict import STAGES
from launch.errors import BadInput
from launch.page.write import PAGE
from launch.signals import run_child
from launch.studies.study import TRAIN_ARGS
from launch.studies.validation import exit_code, run_protocol, train_command

COMMAND = Command(
    "validate",
    __doc__,
    "td3jax validate --run_dir=runs/staged -- --seed=1",
    (
        Flag("run_dir", str, "", "folder of the run, which must be new or empty"),
        Flag("stages", tuple, tuple(STAGES), "gates to run", choices=tuple(STAGES)),
        Flag("limits", tuple, (), "name=value, or a JSON file of limits; may be repeated"),
        TRAIN_ARGS,
    ),
    rest=TRAIN_ARGS.name,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    if not given.get("run_dir"):
        raise BadInput("name a new folder with --run_dir=FOLDER (see --help)")
    run_dir, extra = Path(given["run_dir"]), COMMAND.value(given, TRAIN_ARGS.name)
    if run_dir.exists() and (not run_dir.is_dir() or any(run_dir.iterdir())):
        raise BadInput(f"{run_dir}: exists already; choose a new --run_dir")
    stages = sorted(COMMAND.value(given, "stages"), key=lambda stage: STAGES[stage])
    if not stages:
        raise BadInput(f"--stages: none; choose from {', '.join(STAGES)}")
    try:
        limits = parse_limits(COMMAND.value(given, "limits"))
    except ValueError as error:
        raise BadInput(str(error)) from error

    def train(steps: int, folder: Path, resume: bool) -> int:
        return run_child(train_command(steps, folder, resume, extra))

    gates = run_protocol(run_dir, stages, train, limits, lambda text: print(text, flush=True))
    if run_dir.is_dir():
        print(f"report: {run_dir / 'validate.md'}\npage: {run_dir / PAGE}")
    return exit_code(gates[-1])


if __name__ == "__main__":
    sys.exit(main())
