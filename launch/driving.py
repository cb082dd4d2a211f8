"""Compare what makes a policy drive: the preset against itself, one choice made otherwise.

Started by `td3jax driving` or `python -m launch.driving`. Trains the preset on the stand-in, with a
random start, and so with one choice made otherwise, one run after another, and writes episodes.csv,
summary.csv and driving.png. Finished runs are kept and interrupted ones resumed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.studies.driving import ARMS, train_flags, write_results
from launch.studies.study import TRAIN_ARGS, conduct

COMMAND = Command(
    "driving",
    __doc__,
    "td3jax driving --arms=preset,no_shift --seeds=1 -- --npc_vehicles=0",
    (
        Flag("out_dir", str, "runs/driving", "folder of runs and results"),
        Flag("arms", tuple, tuple(ARMS), "arms to train", choices=tuple(ARMS)),
        Flag("seeds", int, 2, "seeds of each arm", low=1),
        TRAIN_ARGS,
    ),
    rest=TRAIN_ARGS.name,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    extra = COMMAND.value(given, TRAIN_ARGS.name)
    runs = [
        (f"{arm}-seed{seed}", [*train_flags(arm, seed), *extra])
        for seed in range(COMMAND.value(given, "seeds"))
        for arm in COMMAND.value(given, "arms")
    ]
    code, _ = conduct("driving", Path(COMMAND.value(given, "out_dir")), runs, write_results)
    return code


if __name__ == "__main__":
    sys.exit(main())
