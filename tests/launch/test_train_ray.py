"""Trainings on Ray clusters from the command line: real processes, and kill -9 of each kind."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_support import (
    TINY_DRIVE,
    TOY,
    as_flags,
    below,
    column,
    finished,
    last_step,
    logged,
    process,
    wait_for,
)

from launch.train import main
from launch.training import checkpoint

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="the extra [scale] is not installed"
    ),
]
MODES = {
    "rounds": [],
    "overlap": ["--overlap", "--max_lag=8"],
    "policies": ["--overlap", "--max_lag=8", "--policy_on_collectors"],
}
COLLECTOR = b"ray::Host"
PATIENCE = 400.0  # seconds: Ray alone takes half a minute to start on a busy machine
TOY_RUN = as_flags(**{**TOY, "steps": 300, "simulators": 2, "checkpoint_every": 100})
TOY_RUN += ["--update_ratio=0.5", "--final_episodes=0", "--action_repeat=1"]


def on_ray(*words: str, address: str = "local") -> subprocess.Popen:
    return process(*words, f"--ray_address={address}")


def gone(numbers: list[int], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while any(Path(f"/proc/{number}").exists() for number in numbers):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("mode", MODES)
def test_a_collector_with_a_stand_in_is_killed(tmp_path: Path, mode: str) -> None:
    run = tmp_path / "run"
    words = [*TINY_DRIVE, *MODES[mode], "--collectors=2", "--update_ratio=0.5", "--steps=160"]
    child = on_ray(*words, "--final_episodes=0", "--norecord_video", f"--run_dir={run}")
    wait_for(lambda: last_step(run) >= 40, child, PATIENCE)
    started = below(child.pid)
    _, second = below(child.pid, COLLECTOR)
    simulators = below(second, b"envs.standin")
    assert len(simulators) == 1
    os.kill(second, signal.SIGKILL)
    assert gone(simulators)
    code, out, err = finished(child, PATIENCE)
    assert code == 0, err
    assert "The actor died" in out
    assert "updates/s" in err
    assert "slowest collector" in err
    assert gone(started)
    assert column(run, "env/sim_faults")[-1] >= 1.0
    assert column(run, "agent/total_iterations")[-1] == 70.0
    assert set(column(run, "time/slowest_simulator")) <= {0.0, 1.0}
    assert max(column(run, "time/slowest_step_seconds")) > 0.0
    if mode != "rounds":
        assert max(column(run, "agent/policy_lag_max")) <= 8.0
    assert checkpoint.find(run).name == "step-000000160"


@pytest.mark.parametrize("mode", MODES)
def test_the_learner_is_killed_and_its_run_resumed(tmp_path: Path, mode: str) -> None:
    run = tmp_path / "run"
    child = on_ray(*TOY_RUN, *MODES[mode], f"--run_dir={run}")
    wait_for(lambda: last_step(run) >= 140, child, PATIENCE)
    collectors = below(child.pid, COLLECTOR)
    assert len(collectors) == 2
    child.kill()
    finished(child)
    assert gone(collectors)
    again = process(f"--resume={run}", f"--env={TOY['env']}")
    code, out, err = finished(again, PATIENCE)
    assert code == 0, err
    assert "at step 100" in out or "at step 200" in out
    assert "came out differently" not in out
    assert column(run, "agent/total_iterations")[-1] == 140.0
    if mode == "rounds":
        straight = tmp_path / "straight"
        assert main([*TOY_RUN, f"--run_dir={straight}"]) == 0
        assert logged(run) == logged(straight)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def head() -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of a cluster of two CPUs, and what started it and ends when one of its does."""
    # Not one that the system hands out: asking it whether somebody listens could answer itself.
    port = next(number for number in range(21000, 22000) if not listening(number))
    words = ["start", "--head", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    words += ["--node-ip-address=127.0.0.1", "--disable-usage-stats", "--block"]
    started = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 120.0
    while not listening(port):
        assert time.monotonic() < until
        time.sleep(0.5)
    yield f"127.0.0.1:{port}", started
    for number in below(started.pid):
        os.kill(number, signal.SIGKILL)
    started.kill()
    started.wait()


def test_the_cluster_s_head_is_killed(tmp_path: Path, head: tuple[str, subprocess.Popen]) -> None:
    run, (address, cluster) = tmp_path / "run", head
    words = [*TOY_RUN, *MODES["policies"], "--steps=100000", f"--run_dir={run}"]
    child = on_ray(*words, address=address)
    wait_for(lambda: last_step(run) >= 140, child, PATIENCE)
    (gcs,) = below(cluster.pid, b"gcs_server")
    os.kill(gcs, signal.SIGKILL)
    code, _, _ = finished(child, PATIENCE)
    assert code != 0
    step = int(checkpoint.find(run).name.removeprefix("step-"))
    assert step % 100 == 0
    words = [
        f"--env={TOY['env']}",
        f"--steps={step + 50}",
    ]  # names its code, as the checkpoint does
    again = on_ray(f"--resume={run}", *words)
    code, _, err = finished(again, PATIENCE)
    assert code == 0, err
    assert checkpoint.find(run).name == f"step-{step + 50:09d}"
