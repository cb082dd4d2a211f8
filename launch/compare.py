"""Compare runs: curves with intervals, settings that differ, tests.

Started by `td3jax compare` or `python -m launch.compare`. Runs with the same settings but for the
seed are one group. Prints tables and writes a page.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.comparison import compare, read_entry
from launch.config.flags import Command, Flag
from launch.errors import DONE, BadInput
from launch.files import markdown_table
from launch.page.comparing import ending_table, settings_table, write_comparison_page
from launch.page.pairing import paired_table

COMMAND = Command(
    "compare",
    __doc__,
    "td3jax compare runs/carla-001 runs/carla-002 runs/carla-003",
    (
        Flag("runs", tuple, (), "run folders or logs, those of the reference first"),
        Flag("out", str, "comparison.html", "page to write"),
    ),
    positional="runs",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    runs, out = COMMAND.value(given, "runs"), Path(COMMAND.value(given, "out"))
    if len(runs) < 2:
        raise BadInput("name two runs or more: td3jax compare RUN RUN ... (see --help)")
    if not out.parent.is_dir():
        raise BadInput(f"{out}: there is no folder {out.parent}")
    found = compare([read_entry(Path(run)) for run in runs])
    for table in (ending_table(found), paired_table(found), settings_table(found)):
        if table.rows:
            print(*markdown_table(table.header, table.rows), "", sep="\n")
    print(f"page: {write_comparison_page(out, found)}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
