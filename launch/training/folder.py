"""The folder of a run: a new one each time, locked while it is in use."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from launch.errors import BadInput

METRICS, SIMULATOR_LOG = "metrics.csv", "simulator.log"
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "carla", "gymnasium")


def new_run_folder(parent: Path, name: str) -> Path:
    """Make parent/NAME-001, or the next number that is free; never one that exists."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        taken = (_number(path.name, clean) for path in parent.iterdir())
        number = max(taken, default=0) + 1
        while True:
            folder = parent / f"{clean}-{number:03d}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
            number += 1
    except OSError as error:
        raise BadInput(f"{parent}: no run folder can be made there ({error.strerror})") from error


def _number(name: str, clean: str) -> int:
    match = re.fullmatch(re.escape(clean) + r"-(\d{3,})", name)
    return int(match.group(1)) if match else 0


def exact_run_folder(folder: Path) -> Path:
    """Make the given folder; BadInput where it holds more than the log of a failed start."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(path.name != SIMULATOR_LOG for path in folder.iterdir()):
            raise BadInput(f"{folder}: holds a run already; --resume={folder} continues it")
    except OSError as error:
        raise BadInput(f"{folder}: cannot be made ({error.strerror})") from error
    return folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process out of the run; BadInput where one is in already."""
    with open(folder / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(f"{folder}: another process is training in it") from error
        yield


def note_start(folder: Path, devices: str = "") -> None:
    """Add command line, machine, versions, commit and time of this start to sessions.jsonl.

    devices: what jax computes on.
    """
    row = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": [Path(sys.executable).name, *sys.orig_argv[1:]],
        "host": platform.node(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "devices": devices,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "commit": commit_of(Path(__file__).parent),
    }
    path = folder / "sessions.jsonl"
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _processor() -> str:
    """The processor's name as Linux tells it, else its kind."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def commit_of(folder: Path) -> str | None:
    """The commit of a checkout, "-dirty" where it was changed; None elsewhere.

    `git describe --dirty` would write to the checkout's index.
    """
    commit = _git(folder, "describe", "--always")
    if commit is None:
        return None
    changed = _git(folder, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if changed else commit


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
