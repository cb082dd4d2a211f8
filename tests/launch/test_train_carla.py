"""The driving task from the command line: real client, stand-in server, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_support import (
    ROOT,
    TINY_DRIVE,
    children,
    finished,
    last_step,
    logged,
    process,
    stand_ins,
    wait_for,
)

from launch import evaluate
from launch.train import main

FLAGS = [*TINY_DRIVE, "--steps=2000", "--final_episodes=1", "--eval_steps=35"]


@pytest.mark.slow
def test_a_dead_server_is_survived_and_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = process(*FLAGS, f"--run_dir={run}")
    wait_for(lambda: last_step(run) >= 30, child)
    os.kill(stand_ins(child.pid)[0], signal.SIGKILL)
    at = last_step(run)
    wait_for(lambda: last_step(run) >= at + 40, child)
    started = children(child.pid)
    assert len(started) >= 2
    child.send_signal(signal.SIGINT)
    code, out, err = finished(child)
    assert code == 130, err
    assert "stopped by SIGINT" in out
    until = time.monotonic() + 5.0
    while (left := [pid for pid in started if Path(f"/proc/{pid}").exists()]) and (
        time.monotonic() < until
    ):
        time.sleep(0.05)
    assert left == []
    lines = logged(run)
    faults = [line for line in lines if "env/sim_faults" in line][-1]
    assert float(faults.split(",")[-1]) >= 1.0
    parts = ("efficiency", "lane_keeping", "comfort", "safety", "progress")
    for part in parts:
        assert any(f",reward/{part}_share," in line for line in lines), part
    for name in ("train/collisions_per_episode", "train/lane_invasions_per_episode"):
        assert any(f",{name}," in line for line in lines), name

    steps = int(out.split(" at step ")[1].split(";")[0].replace(",", "")) + 20
    assert main([f"--resume={run}", f"--steps={steps}"]) == 0
    table = json.loads((run / "evaluation.json").read_text())
    assert 0.0 <= table["summary"]["success_low"] <= table["summary"]["success_high"] <= 1.0
    ticks = 4 * table["episodes"][0]["length"]  # the preset holds an action for four
    assert 25 < ticks < 35 + 4
    assert (run / "evaluation.mp4").stat().st_size > 10_000


@pytest.mark.slow
def test_a_simulator_that_does_not_start_leaves_its_log(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    run = tmp_path / "run"
    words = [f"--server_command={sys.executable} -c 1/0", f"--run_dir={run}"]
    for _ in range(2):  # a folder with nothing but a log is as good as an empty one
        assert main(words) == 1
        out, err = capfd.readouterr()
        assert err.count("\n") == 1
        assert out == (
            "loading jax, then waiting for the simulator, which --server_command starts\n"
        )
        assert f"its last words, in {run / 'simulator.log'}: " in err
        assert "ZeroDivisionError" in err
    assert (run / "simulator.log").read_text().count("ZeroDivisionError: division by zero") == 2


def test_flags_and_the_first_line_do_not_wait_for_imports() -> None:
    script = "import sys; from launch.train import main; main(['--help']); print(*sys.modules)"
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert "launch.train" in loaded
    assert {"jax", "carla", "numba", "cv2", "matplotlib"}.isdisjoint(loaded)


def test_the_expert_is_evaluated(tmp_path: Path) -> None:
    out = tmp_path / "expert.json"
    words = ["--policy=expert", "--episodes=1", "--eval_steps=60", "--npc_vehicles=0"]
    assert evaluate.main([*words, f"--out={out}"]) == 0
    (episode,) = json.loads(out.read_text())["episodes"]
    assert episode["collisions"] == 0
    assert episode["distance_m"] > 3.0
