"""Trainings whose stand-in is killed or frozen at random times: they go on with a new one."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from tests.launch.run_support import finished, logged, process, wait_for
from tests.torture.outcome import Outcome

_FLAGS = (
    "--conv_channels=4",
    "--conv_kernels=8",
    "--conv_strides=8",
    "--feature_size=16",
    "--hidden_sizes=8,8",
    "--batch_size=8",
    "--capacity=1000",
    "--learning_starts=20",
    "--log_every=10",
    "--npc_vehicles=3",
    "--episode_steps=25",
    "--steps=1000000",
    "--update_ratio=0.1",
)
_STEPS = 20  # that a training must make after each fault
#: Shorter waits for a simulator that no longer answers than the usual ones.
_HASTE = ("--tick_timeout=4", "--final_episodes=0")


def _server(pid: int) -> int:
    """Return the process of the stand-in that a training has started last."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [int(c) for c in children if b"envs.standin" in _command(c)]
    if not found:
        raise LookupError("no server")
    return found[-1]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _last_step(run: Path) -> int:
    file = run / "metrics.csv"
    lines = file.read_text().splitlines()[1:-1] if file.exists() else []
    return int(lines[-1].split(",")[0]) if lines else 0


def fuzz(count: int, seed: int, scratch: Path) -> Outcome:
    """Kill or freeze the stand-in of one long training `count` times."""
    rng, outcome = random.Random(seed), Outcome()
    run = scratch / "simulators"
    words = [*_FLAGS, *_HASTE, f"--run_dir={run}"]
    child = process(*words, start_new_session=True)
    wait_for(lambda: _last_step(run) >= _STEPS, child)
    for number in range(count):
        kind = rng.choice((signal.SIGKILL, signal.SIGSTOP))
        with outcome.attempt(f"{number}: {kind.name}"):
            time.sleep(rng.uniform(0.0, 2.0))
            hurt = _server(child.pid)
            os.kill(hurt, kind)
            at = _last_step(run)
            wait_for(lambda at=at: _last_step(run) >= at + _STEPS, child)
            if _server(child.pid) == hurt:
                raise AssertionError("the same server")
        if child.poll() is not None:
            return outcome
    child.send_signal(signal.SIGINT)
    code, _, err = finished(child)
    if code != 130:
        outcome.lost.append(f"exit code {code}: {err[-300:]}")
    faults = [line for line in logged(run) if "env/sim_faults" in line][-1]
    outcome.notes.append(f"{float(faults.split(',')[-1]):.0f} faults counted")
    return outcome
