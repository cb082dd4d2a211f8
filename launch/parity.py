"""Compare learning curves with those of the TD3 paper.

Started by `td3jax parity` or `python -m launch.parity`. Trains InvertedPendulum,
InvertedDoublePendulum, Hopper and HalfCheetah, one run after another, and writes curves.csv,
summary.csv and one PNG for each environment beside the published curves. Finished runs are kept and
interrupted ones resumed, so it can be run in parts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE, NO_GO
from launch.studies.parity import TASKS, train_flags, write_results
from launch.studies.study import TRAIN_ARGS, conduct

_ENVS = tuple(task.env for task in TASKS)
COMMAND = Command(
    "parity",
    __doc__,
    "td3jax parity --envs=InvertedPendulum-v5 --seeds=1",
    (
        Flag("out_dir", str, "runs/parity", "folder of runs and results"),
        Flag("envs", tuple, _ENVS, "environments to train", choices=_ENVS),
        Flag("seeds", int, 0, "seeds of each; 0 = 5 for the pendulums, else 3", low=0),
        TRAIN_ARGS,
    ),
    rest=TRAIN_ARGS.name,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    tasks = [task for task in TASKS if task.env in COMMAND.value(given, "envs")]
    extra = COMMAND.value(given, TRAIN_ARGS.name)
    runs = [
        (f"{task.env}-seed{seed}", [*train_flags(task, seed), *extra])
        for task in tasks
        for seed in range(COMMAND.value(given, "seeds") or task.seeds)
    ]
    out = Path(COMMAND.value(given, "out_dir"))
    code, rows = conduct("parity", out, runs, lambda out: write_results(out, tasks))
    if code:
        return code
    return DONE if all(row["holds"] for row in rows) else NO_GO


if __name__ == "__main__":
    sys.exit(main())
