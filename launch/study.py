"""One run of a study: `launch.train` in a process of its own, once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def finished(folder: Path) -> bool:
    """Whether the run in this folder has come to its end."""
    return (folder / "report.json").exists()


def train_run(folder: Path, words: Sequence[str]) -> int:
    """Trains with these flags unless finished, resuming where it stopped; the exit code."""
    if finished(folder):
        return 0
    where = f"--resume={folder}" if (folder / "checkpoints").exists() else f"--run_dir={folder}"
    command = [sys.executable, "-m", "launch.train", where, *words]
    return subprocess.run(command, check=False).returncode
