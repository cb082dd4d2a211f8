"""Trainings with several simulators from the command line: real processes, real signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_support import as_flags, finished, last_step, logged, process, stand_ins, wait_for
from test_train_carla import FLAGS
from test_train_resume import _at

from envs.config import EnvConfig, with_options
from envs.process import server as servers
from envs.process.server import Server
from launch.train import main
from launch.training import checkpoint

THREE = as_flags(simulators=3, steps=1500, eval_every=400, checkpoint_every=150, update_ratio=0.5)


@pytest.mark.slow
def test_killed_and_resumed_it_is_the_run_that_was_never_interrupted(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    assert main([*THREE, f"--run_dir={straight}"]) == 0
    child = process(*THREE, f"--run_dir={broken}")
    wait_for(_at(broken, 500), child)
    child.kill()
    finished(child)
    child = process(f"--resume={broken}")
    wait_for(_at(broken, 1000), child)
    child.send_signal(signal.SIGINT)
    code, _, err = finished(child)
    assert code == 130, err
    capfd.readouterr()
    assert main([f"--resume={broken}"]) == 0
    assert "came out differently" not in capfd.readouterr().out
    assert logged(broken) == logged(straight)
    ours, theirs = (checkpoint.find(folder) for folder in (broken, straight))
    assert ours.name == theirs.name == "step-000001500"
    for name, _ in checkpoint._files(theirs):
        if name != "loop.json":
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


@pytest.mark.slow
def test_one_of_two_stand_ins_dies_and_the_other_s_episode_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    run = tmp_path / "run"
    words = [*FLAGS, "--simulators=2", "--update_ratio=0.1", f"--run_dir={run}"]
    child = process(*words)
    wait_for(lambda: last_step(run) >= 30, child)
    first, second = stand_ins(child.pid)
    os.kill(second, signal.SIGKILL)
    at = last_step(run)
    wait_for(lambda: last_step(run) >= at + 60, child)
    (replaced,) = set(stand_ins(child.pid)) - {first}
    assert replaced != second
    child.send_signal(signal.SIGINT)
    code, _, err = finished(child)
    assert code == 130, err
    faults = [line for line in logged(run) if "env/sim_faults" in line][-1]
    assert float(faults.split(",")[-1]) <= 1.0  # none where it died between two episodes

    steps = int(checkpoint.find(run).name.removeprefix("step-")) + 20
    assert main([f"--resume={run}", f"--steps={steps}"]) == 0
    assert "came out differently" not in capfd.readouterr().out


@pytest.mark.slow
def test_side_by_side_a_killed_stand_in_is_replaced_and_the_run_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    run = tmp_path / "run"
    words = [*FLAGS, "--simulators=2", "--overlap", "--max_lag=4", "--steps=100"]
    words += ["--episode_steps=60", "--final_episodes=1", "--norecord_video", f"--run_dir={run}"]
    child = process(*words)
    wait_for(lambda: last_step(run) >= 30, child)
    os.kill(stand_ins(child.pid)[1], signal.SIGKILL)
    code, out, err = finished(child)
    assert code == 0, err
    assert "overlap: this run does not repeat itself" in out
    lines = [line.split(",") for line in logged(run)]
    lags = [float(value) for _, tag, value in lines if tag == "agent/policy_lag_max"]
    assert lags
    assert max(lags) <= 4
    (updates,) = [value for _, tag, value in lines if tag == "agent/total_iterations"][-1:]
    assert float(updates) == 100 - 20
    assert checkpoint.find(run).name == "step-000000100"
    assert main([f"--resume={run}", "--nooverlap", "--steps=130"]) == 2
    assert "--overlap=False: the run to resume has True" in capfd.readouterr().err


@pytest.fixture
def two_servers() -> Iterator[list[Server]]:
    small = with_options(EnvConfig(), npc_vehicles=0)
    started: list[Server] = []
    try:
        for _ in range(2):
            started.append(servers.start(small))
        yield started
    finally:
        for server in started:
            server.kill()


@pytest.mark.slow
def test_running_servers_are_used_and_left_running(
    tmp_path: Path, two_servers: list[Server], capfd: pytest.CaptureFixture
) -> None:
    addresses = ",".join(f"{server.host}:{server.port}" for server in two_servers)
    words = [*FLAGS, f"--servers={addresses}", "--norecord_video", "--steps=60"]
    words += ["--final_episodes=0", "--npc_vehicles=0"]
    run, before = tmp_path / "run", stand_ins(os.getpid())
    assert main([*words, f"--run_dir={run}"]) == 0
    assert stand_ins(os.getpid()) == before
    out = capfd.readouterr().out
    assert f"waiting for the simulators at {addresses.replace(',', ', ')}" in out
    assert checkpoint.read_config(checkpoint.find(run)).loop.simulators == 2
    assert all(server.alive() for server in two_servers)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--servers=one:2000,two"], "--servers = 'two': expected host:port"),
        (["--servers=one:2000,two:99999"], "--servers = 'two:99999': expected host:port"),
        (["--servers=one:2000,one:2000"], "expected each server once"),
        (
            ["--servers=one:2000,two:2000", "--simulators=3"],
            "--simulators = 3: expected 2, one for each of --servers",
        ),
        (["--servers=one:2000", "--host=two"], "--host=two: --servers names all servers"),
        (["--simulators=2", "--host=two"], "--host=two: one server for 2 simulators"),
        (["--servers=one:2000", "--server_command=x"], "--server_command: no command when"),
        (["--servers=one:2000", "--env=Pendulum-v1"], "expected none for Pendulum-v1"),
        (["--overlap", "--env=Pendulum-v1"], "--overlap: Pendulum-v1 steps in this process"),
        (["--ray_address=nowhere"], "--ray_address = 'nowhere': expected auto, local or host:port"),
        (["--ray_address=auto", "--collectors=0"], "--simulators = 0: expected at least 1"),
        (["--policy_on_collectors"], "--policy_on_collectors: only with --ray_address and --ov"),
        (["--max_lag=0"], "--max_lag = 0: expected at least 1"),
        (["--simulators=0"], "--simulators = 0: expected at least 1"),
        (["--update_ratio=0"], "update_ratio"),
    ],
)
def test_servers_that_do_not_fit_are_told_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture, words: list[str], message: str
) -> None:
    assert main([*words, f"--run_dir={tmp_path / 'run'}"]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert not (tmp_path / "run").exists()
