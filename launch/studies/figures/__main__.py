"""Draw the figures of the documentation.

Started by `python -m launch.studies.figures` in a checkout: the logs are test data there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE
from launch.studies.figures.curves import draw_curves
from launch.studies.figures.flow import draw_flow
from launch.studies.figures.leak import draw_leak

COMMAND = Command(
    "figures",
    __doc__,
    "python -m launch.studies.figures",
    (
        Flag("out_dir", str, "docs/figures", "folder of the figures"),
        Flag("logs", str, "tests/launch/data/conditions", "folder of the kept logs"),
        Flag("ablation", str, "docs/ablation", "folder of the ablation's results"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    out, logs, ablation = (Path(COMMAND.value(given, flag.name)) for flag in COMMAND.flags)
    out.mkdir(parents=True, exist_ok=True)
    made = [draw_flow(out), draw_leak(ablation, out), *draw_curves(logs, out)]
    print(*made, sep="\n")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
