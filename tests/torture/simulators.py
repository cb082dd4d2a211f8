"""Trainings whose stand-in is killed or frozen at random times: they go on with a new one."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from tests.launch.run_support import (
    TINY_DRIVE,
    finished,
    last_step,
    logged,
    process,
    stand_ins,
    wait_for,
)
from tests.torture.outcome import Outcome

_FLAGS = (*TINY_DRIVE, "--steps=1000000", "--update_ratio=0.1")
_PATIENCE_S = 1800.0  # for a start and some steps, on a machine that others use too
_STEPS = 20  # that a training must make after each fault
#: Shorter waits for a simulator that no longer answers than the usual ones.
_HASTE = ("--tick_timeout=4", "--final_episodes=0")


def fuzz(count: int, seed: int, scratch: Path) -> Outcome:
    """Kill or freeze the stand-in of one long training `count` times."""
    rng, outcome = random.Random(seed), Outcome()
    run = scratch / "simulators"
    words = [*_FLAGS, *_HASTE, f"--run_dir={run}"]
    child = process(*words, start_new_session=True)
    wait_for(lambda: last_step(run) >= _STEPS, child, _PATIENCE_S)
    for number in range(count):
        kind = rng.choice((signal.SIGKILL, signal.SIGSTOP))
        with outcome.attempt(f"{number}: {kind.name}"):
            time.sleep(rng.uniform(0.0, 2.0))
            wait_for(lambda: stand_ins(child.pid), child, _PATIENCE_S)
            hurt = stand_ins(child.pid)[-1]
            os.kill(hurt, kind)
            at = last_step(run)
            wait_for(lambda at=at: last_step(run) >= at + _STEPS, child, _PATIENCE_S)
            if stand_ins(child.pid)[-1] == hurt:
                raise AssertionError("the same server")
        if child.poll() is not None:
            return outcome
    child.send_signal(signal.SIGINT)
    code, _, err = finished(child, _PATIENCE_S)
    if code != 130:
        outcome.lost.append(f"exit code {code}: {err[-300:]}")
    faults = [line for line in logged(run) if "env/sim_faults" in line][-1]
    outcome.notes.append(f"{float(faults.split(',')[-1]):.0f} faults counted")
    return outcome
