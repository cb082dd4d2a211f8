"""Kill a process at every file operation of a checkpoint's writing, and look at what is left.

`python tests/launch/training/crash_points.py` prints a row for each kind of write. It fails
where a kill left no whole checkpoint, lost `best`, or stood in the way of the next write.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from launch.config.run import RunConfig
from launch.config.tree import replace_leaves
from launch.training import checkpoint
from launch.training.checkpoint import Snapshot
from td3jax import ReplayBuffer, ReplayConfig, Spaces

SPACES = Spaces(image=None, vector=2, action=1)
CONFIG = replace_leaves(RunConfig(), {"keep_checkpoints": 2})
OPERATIONS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}


def snapshot(step: int) -> Snapshot:
    """A state whose content tells its step."""
    state = {"weights": np.full(3, step, np.float32)}
    return Snapshot(step, state, SPACES, {"metrics_bytes": 0}, [])


def buffer() -> ReplayBuffer:
    """One with an episode of three transitions."""
    made = ReplayBuffer(ReplayConfig(capacity=10), SPACES, 0.99)
    observation = {"vector": np.zeros(2, np.float32)}
    made.begin(observation)
    for step in range(3):
        made.add(np.zeros(1, np.float32), 1.0, observation, False, step == 2)
    return made


def save(folder: Path, step: int) -> None:
    """Write a numbered checkpoint; older ones than the last two go."""
    checkpoint.save(folder, CONFIG, snapshot(step), buffer())


def best(folder: Path, step: int) -> None:
    """Write `best`."""
    checkpoint.save_best(folder, CONFIG, snapshot(step))


def branch(folder: Path, step: int) -> None:
    """Go on from an older checkpoint and save."""
    checkpoint.set_aside(folder, folder / "checkpoints" / "step-000000010")
    save(folder, step)


#: Kind of write, its step, and the steps that may be the newest afterwards.
KINDS: dict[str, tuple[Callable[[Path, int], None], int, set[int]]] = {
    "new": (save, 30, {20, 30}),
    "same step again": (save, 20, {20}),
    "best": (best, 30, {20}),
    "branch": (branch, 15, {10, 15, 20}),
}


def killed_at(number: int, write: Callable[[Path, int], None], folder: Path, step: int) -> bool:
    """Run `write` in a forked child that dies at a file operation; False where it has fewer."""
    child = os.fork()
    if not child:
        count = 0

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal count
            if event in OPERATIONS:
                count += 1
                if count > number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        write(folder, step)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    return bool(status)


def left_whole(folder: Path, steps: set[int]) -> None:
    """Raise where no whole checkpoint of these steps, or no `best`, is found and written over."""
    found = checkpoint.find(folder, lambda line: None)
    checkpoint.verify(found)
    assert checkpoint.step_in(found) in steps, found
    buffer().load(found / checkpoint.REPLAY)
    moved = next(folder.glob("abandoned-*/checkpoints/best"), None)
    kept = checkpoint.find(moved or folder / "checkpoints" / "best")
    checkpoint.verify(kept)
    assert checkpoint.step_in(kept) in (20, 30)
    save(folder, 40)
    assert checkpoint.step_in(checkpoint.find(folder)) == 40
    assert not [path for path in (folder / "checkpoints").iterdir() if path.name.startswith(".")]


def try_kind(kind: str, scratch: Path) -> int:
    """Kill a kind of write at each of its operations; returns how many there are."""
    write, step, steps = KINDS[kind]
    base = scratch / "base"
    base.mkdir()
    for earlier in (10, 20):
        save(base, earlier)
    best(base, 20)
    number = 0
    while True:
        folder = scratch / f"run-{number}"
        shutil.copytree(base, folder)
        if not killed_at(number, write, folder, step):
            return number
        try:
            left_whole(folder, steps)
        except Exception as error:
            error.add_note(f"{kind}: killed at file operation {number}")
            raise
        shutil.rmtree(folder)
        number += 1


def main() -> int:
    """Try all kinds; returns the exit code."""
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as scratch:
            print(f"{kind}: {try_kind(kind, Path(scratch))} kills survived", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
