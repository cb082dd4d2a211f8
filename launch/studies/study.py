"""A study: runs of `launch.train`, each in a process of its own, and tables of what came out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from launch.config.flags import Flag
from launch.signals import run_child

Record = Mapping[str, object]
TRAIN_ARGS = Flag(
    "train_args", tuple, (), "further flags of td3jax train; those after -- are added to them"
)


def train_run(folder: Path, words: Sequence[str]) -> int:
    """Train with these flags, resuming where it stopped; returns the exit code."""
    where = f"--resume={folder}" if (folder / "checkpoints").exists() else f"--run_dir={folder}"
    command = [sys.executable, "-m", "launch.train", where, *words]
    return run_child(command)


def conduct(
    command: str,
    out: Path,
    runs: Iterable[tuple[str, Sequence[str]]],
    write: Callable[[Path], Sequence[Record]],
) -> tuple[int, Sequence[Record]]:
    """Train the runs (folder's name, flags) that are not finished, writing the results after each.

    Returns (exit code, the results' rows) and prints them, or the first run that failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: Sequence[Record] = ()
    for name, words in runs:
        if _finished(out / name):
            continue
        code = train_run(out / name, words)
        if code:
            print(
                f"{command}: {name} ended with exit code {code}, its reason stands above; "
                "the same command goes on with it"
            )
            return code, ()
        rows = write(out)
    rows = rows or write(out)
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))
    return 0, rows


def _finished(folder: Path) -> bool:
    return (folder / "report.json").exists()


def finished_runs(out: Path, name: str) -> list[tuple[str, Path]]:
    """(seed, folder) of each finished run in a folder called NAME-seedSEED."""
    folders = filter(_finished, sorted(out.glob(f"{name}-seed*")))
    return [(folder.name.rpartition("seed")[2], folder) for folder in folders]
