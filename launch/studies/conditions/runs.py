"""Make a run of known condition, and keep what a verdict reads of it as a small folder."""

from __future__ import annotations

import csv
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from launch.errors import LaunchError
from launch.studies.conditions.plan import CLEANRL, OURS, Planned

_SCRIPTS = {name: f"launch/studies/conditions/{name}_run.py" for name in ("sb3", "cleanrl")}
_LEFT_OUT = ("time/", "env/")
_DIGITS = 5


def commands(run: Planned, folder: str, python: str = "python") -> list[list[str]]:
    """The command lines that make a run in a folder; `python` has what its source needs."""
    if run.source != OURS:
        words = [f"--out={folder}", f"--seed={run.seed}", *run.words]
        if run.onset:
            words.append(f"--change_at={run.onset}")
        return [[python, _SCRIPTS[run.source], *words]]
    train = [python, "-m", "launch.train"]
    lines = [[*train, f"--run_dir={folder}", f"--seed={run.seed}", *run.words]]
    if run.second:
        lines.append([*train, f"--resume={folder}", *run.second])
    return lines


def make(run: Planned, folder: Path, python: str) -> None:
    """Train, in processes of their own; LaunchError where one fails.

    python: the interpreter with torch and stable-baselines3, for runs that are not ours.
    """
    for command in commands(run, str(folder), sys.executable if run.source == OURS else python):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and not _went_wrong(folder, run):
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            again = shlex.join(command)
            raise LaunchError(
                f"{run.name}: exit code {done.returncode}: {last}; to see all of it: {again}"
            )


def _went_wrong(folder: Path, run: Planned) -> bool:
    """A run of ours that ends itself on values that are not finite has a log all the same."""
    return run.source == OURS and (folder / "metrics.csv").is_file()


def keep(run: Planned, made: Path, kept: Path) -> None:
    """Write the log of a finished run, in few digits and as its source writes it, to `kept`."""
    kept.mkdir(parents=True, exist_ok=True)
    if run.source == OURS:
        _keep_config(made, kept)
        _wide(_read_long(made / "metrics.csv"), kept / "metrics.csv")
    elif run.source == CLEANRL:
        (file,) = made.glob("*tfevents*")
        shutil.copy(file, kept / "events.tfevents")
    else:
        shutil.copy(made / "progress.csv", kept / "progress.csv")


def _keep_config(made: Path, kept: Path) -> None:
    config = json.loads((made / "config.json").read_text())
    parts = {name: config[name] for name in ("agent", "replay", "loop")}
    (kept / "config.json").write_text(json.dumps(parts) + "\n")


def _read_long(path: Path) -> dict[int, dict[str, float]]:
    rows: dict[int, dict[str, float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(int(row["step"]), {})[row["tag"]] = float(row["value"])
    return rows


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.{_DIGITS}g}"


def _wide(rows: dict[int, dict[str, float]], path: Path) -> None:
    tags = sorted({tag for row in rows.values() for tag in row if not tag.startswith(_LEFT_OUT)})
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("step", *tags))
        for step in sorted(rows):
            writer.writerow((step, *(_short(rows[step].get(tag)) for tag in tags)))
