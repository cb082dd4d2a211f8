"""Whole trainings killed at random times and resumed: in the end the run that nobody killed."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from launch.training import checkpoint
from tests.launch.run_support import as_flags, finished, logged, process
from tests.torture.outcome import Outcome

_FLAGS = as_flags(steps=900, eval_every=300, checkpoint_every=150)
_PATIENCE_S = 1800.0  # for a run of half a minute, on a machine that others use too
_CLOCK = "metrics_bytes"  # depends on the digits of times


def fuzz(count: int, seed: int, scratch: Path) -> Outcome:
    """Kill trainings `count` times altogether; each run is compared with an untouched one."""
    rng, outcome = random.Random(seed), Outcome()
    straight = scratch / "straight"
    seconds = _timed(straight)
    number = 0
    while outcome.tried < count:
        run = scratch / f"killed-{number}"
        kills = min(count - outcome.tried, rng.choice((1, 2, 4)))
        times = [rng.uniform(0.0, seconds) for _ in range(kills)]
        with outcome.attempt(f"run {number} of seed {seed}, killed after {times} s"):
            _killed(run, times)
            same(run, straight)
        outcome.tried += kills - 1
        shutil.rmtree(run, ignore_errors=True)
        number += 1
    outcome.notes.append(f"{number} runs")
    return outcome


def _timed(run: Path) -> float:
    """Train without a kill, once to compile and once for the time that it takes then."""
    for folder in (run.with_name("first"), run):
        began = time.monotonic()
        code, _, err = finished(process(*_FLAGS, f"--run_dir={folder}"), _PATIENCE_S)
        if code:
            raise RuntimeError(err)
    return time.monotonic() - began


def _killed(run: Path, times: list[float]) -> None:
    """Start, kill after each of the times, and go on to the end."""
    for seconds in times:
        child = process(*_words(run), start_new_session=True)
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        finished(child)
    code, _, err = finished(process(*_words(run)), _PATIENCE_S)
    if code:
        raise RuntimeError(f"exit code {code}: {err[-300:]}")


def _words(run: Path) -> list[str]:
    """Resume where a checkpoint is; a run that was killed before its first begins anew."""
    if checkpoint.all_checkpoints(run):
        return [f"--resume={run}"]
    shutil.rmtree(run, ignore_errors=True)
    return [*_FLAGS, f"--run_dir={run}"]


def same(run: Path, straight: Path) -> None:
    """Raise where two finished runs differ in more than the clock's digits."""
    if logged(run) != logged(straight):
        raise AssertionError("metrics.csv differs")
    for name in (checkpoint.find(straight).name, checkpoint.BEST):
        ours, theirs = run / "checkpoints" / name, straight / "checkpoints" / name
        for file in sorted(path for path in theirs.rglob("*") if path.is_file()):
            here, there = ours / file.relative_to(theirs), file
            if _content(here) != _content(there):
                raise AssertionError(f"{name}/{file.relative_to(theirs)} differs")


def _content(file: Path) -> Any:
    if file.name == checkpoint.LOOP:
        table = json.loads(file.read_text())
        table.pop(_CLOCK)
        return table
    if file.name == "manifest.json":
        table = json.loads(file.read_text())
        table.pop(checkpoint.LOOP)
        return table
    return file.read_bytes()
