"""Measure speed against Stable-Baselines3, SBX and fixed bars, in one table.

Started by `td3jax benchmark` or `python -m launch.benchmark`. It measures and does not judge: a bar
that is missed on a busy machine is a row of the table, not an exit code.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.benchmarks.rows import BenchmarkRow, explain_rest, table, write_json
from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE, BadInput

SUITES = ("update", "replay", "act", "loop", "standin", "gpu", "scaling")
COMMAND = Command(
    "benchmark",
    __doc__,
    "td3jax benchmark --suite=update --json=update.json",
    (
        Flag("suite", tuple, SUITES[:-1], "suites to measure; may be repeated", choices=SUITES),
        Flag("json", str, "", "file for the rows as a JSON list"),
        Flag("rounds", int, 7, "turns of each contestant", low=1),
        Flag("cores", int, 2, "CPU cores to use", low=1),
        Flag("plots", str, "", "folder for the plots of the suite scaling"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    path = Path(given["json"]).resolve() if given.get("json") else None
    plots = Path(given["plots"]) if given.get("plots") else None
    if path is not None and not path.parent.is_dir():
        raise BadInput(f"--json={given['json']}: there is no folder {path.parent}")
    cores = COMMAND.value(given, "cores")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    rows: list[BenchmarkRow] = []
    for suite in COMMAND.value(given, "suite"):
        module = importlib.import_module(f"launch.benchmarks.suites.{suite}")
        extra = {"plots": plots} if suite == "scaling" else {}
        rows += explain_rest(module.run(COMMAND.value(given, "rounds"), **extra))
        if path is not None:  # after each suite: a long run keeps what it has
            write_json(path, rows)
    print(table(rows))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
