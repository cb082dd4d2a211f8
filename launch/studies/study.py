"""A study: runs of `launch.train`, each in a process of its own, and tables of what came out."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

Row = Mapping[str, object]


def train_run(folder: Path, words: Sequence[str]) -> int:
    """Trains with these flags, resuming where it stopped; the exit code."""
    where = f"--resume={folder}" if (folder / "checkpoints").exists() else f"--run_dir={folder}"
    command = [sys.executable, "-m", "launch.train", where, *words]
    return subprocess.run(command, check=False).returncode


def conduct(
    command: str,
    out: Path,
    runs: Iterable[tuple[str, Sequence[str]]],
    write: Callable[[Path], Sequence[Row]],
) -> tuple[int, Sequence[Row]]:
    """Trains the runs (folder's name, flags) that are not finished, writing the results after each.

    Returns (exit code, the results' rows) and prints them, or the first run that failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows: Sequence[Row] = ()
    for name, words in runs:
        if _finished(out / name):
            continue
        code = train_run(out / name, words)
        if code:
            print(f"{command}: {name} ended with exit code {code}")
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


def write_points(path: Path, header: Sequence[str], points: Iterable[Sequence[object]]) -> None:
    """A CSV file with a header."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *points])


def write_rows(path: Path, rows: Sequence[Row], first: str) -> None:
    """A CSV file of rows with the same columns; without any rows a header of the first alone."""
    header = list(rows[0]) if rows else [first]
    write_points(path, header, [[row[name] for name in header] for row in rows])
