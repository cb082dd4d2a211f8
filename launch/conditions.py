"""Make runs of known condition and judge them: the confusion table of `td3jax diagnose`.

Started by `td3jax conditions` or `python -m launch.conditions`. Run it in a checkout: the logs that
are kept are test data, and others' trainers are scripts there. Runs that are kept are not made
again.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE
from launch.studies.conditions.judging import judge_all, split_report
from launch.studies.conditions.manifest import TUNE, read_manifest, write_manifest
from launch.studies.conditions.plan import OURS, planned
from launch.studies.conditions.runs import keep, make

COMMAND = Command(
    "conditions",
    __doc__,
    "td3jax conditions --noheld_out",
    (
        Flag("data_dir", str, "tests/launch/data/conditions", "folder of the kept logs"),
        Flag("make", bool, False, "train the runs that are not kept there"),
        Flag(
            "python",
            str,
            "",
            "with --make: interpreter with the extra bench and tensorboard, for others' trainers "
            "[empty: ours alone]",
        ),
        Flag("held_out", bool, True, "judge the runs that are held out too"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    folder = Path(COMMAND.value(given, "data_dir"))
    if COMMAND.value(given, "make"):
        _make_missing(folder, COMMAND.value(given, "python"))
    entries = read_manifest(folder)
    if not COMMAND.value(given, "held_out"):
        entries = [entry for entry in entries if entry.split == TUNE]
    print("\n".join(split_report(judge_all(folder, entries))))
    return DONE


def _make_missing(folder: Path, python: str) -> None:
    runs = planned()
    for run in runs:
        if (folder / run.name).is_dir() or not (run.source == OURS or python):
            continue
        made = Path(tempfile.mkdtemp(prefix="td3jax-")) / run.name
        try:
            make(run, made, python)
            keep(run, made, folder / run.name)
        finally:
            shutil.rmtree(made.parent)
        print(f"made {run.name}", flush=True)
        write_manifest(folder, runs)


if __name__ == "__main__":
    sys.exit(main())
