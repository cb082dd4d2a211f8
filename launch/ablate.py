"""Run fault x remedy on the lane toy and in the stand-in town, with seeds and intervals.

Started by `td3jax ablate` or `python -m launch.ablate`. Runs every arm of the chosen groups on its
seeds and writes one row a run to results.csv and points of the Q curves to curves.csv, then the
tables and the figures. Finished runs are kept, so that it can be stopped and started again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import logging

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE
from launch.studies.ablation.arms import groups

COMMAND = Command(
    "ablate",
    __doc__,
    "td3jax ablate --groups=core --seeds=3",
    (
        Flag("out_dir", str, "runs/ablation", "folder of the results"),
        Flag("groups", tuple, tuple(groups()), "groups of arms", choices=tuple(groups())),
        Flag("seeds", int, 0, "seeds of each arm; 0 = as many as the arm asks for", low=0),
        Flag("report", bool, False, "no runs: tables and figures of those that are there"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    # jax is imported once the flags are known to be right
    from launch.studies.ablation.results import arms_of, report, run_missing
    from launch.training.machine import devices

    logging.set_verbosity(logging.WARNING)  # rliable reports every interval that it begins
    # One thread gives the same bits on any number of cores.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    devices()
    out = Path(COMMAND.value(given, "out_dir"))
    out.mkdir(parents=True, exist_ok=True)
    if not COMMAND.value(given, "report"):
        run_missing(arms_of(COMMAND.value(given, "groups")), COMMAND.value(given, "seeds"), out)
    report(out)
    print(f"results: {out}/results.csv; tables and figures beside it, table.md first")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
