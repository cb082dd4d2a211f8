"""Servers and client processes that die, hang or never come up: real signals, real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import carla
import numpy as np
import pytest

from envs import supervised
from envs.config import EnvConfig, with_options
from envs.errors import ServerUnreachable, SimulatorFault, SimulatorUnavailable
from envs.process import ready
from envs.process import server as servers
from envs.process.child import Child
from envs.supervised import SupervisedCarlaEnv
from tests.envs.waiting import soon

ROOT = Path(__file__).resolve().parents[2]
SMALL = with_options(
    EnvConfig(), npc_vehicles=3, episode_steps=40, tick_timeout=5.0, connect_timeout=60.0
)
STEER = np.array([0.1, 0.5], np.float32)
NOT_A_SERVER = f"{sys.executable} -c pass"


@pytest.fixture(scope="module")
def env() -> Iterator[SupervisedCarlaEnv]:
    made = SupervisedCarlaEnv(SMALL)
    yield made
    made.close()


def pids(env: SupervisedCarlaEnv) -> dict[str, int]:
    assert env.server is not None
    assert env.child is not None
    return {"server": env.server.process.pid, "child": env.child.pid}


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_a_hung_client_of_the_standin_is_not_waited_for_long(env, monkeypatch):
    env.reset(seed=1)
    old, faults = pids(env), env.faults
    monkeypatch.setattr(supervised, "STANDIN_STEP", 1.0)
    os.kill(pids(env)["child"], signal.SIGSTOP)
    with pytest.raises(SimulatorFault, match="step took longer than 1 s: killed the client"):
        env.step(STEER)
    assert all(gone(pid) for pid in old.values())
    monkeypatch.undo()
    _, info = env.reset(seed=1)
    assert info["sim_faults"] == faults + 1
    env.step(STEER)


@pytest.mark.parametrize(
    ("victim", "number"),
    [
        ("server", signal.SIGKILL),
        pytest.param("child", signal.SIGSTOP, marks=pytest.mark.slow),
        pytest.param("server", signal.SIGSTOP, marks=pytest.mark.slow),
        pytest.param("child", signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_what_dies_or_hangs_in_a_step_is_a_fault_and_is_replaced(env, monkeypatch, victim, number):
    monkeypatch.setattr(supervised, "MARGIN", 0.5)
    env.reset(seed=1)
    old, faults = pids(env), env.faults
    env.step(STEER)
    os.kill(old[victim], number)
    env.step_async(STEER) if number == signal.SIGSTOP else None
    started = time.monotonic()
    with pytest.raises(SimulatorFault):
        env.step_wait() if number == signal.SIGSTOP else [env.step(STEER) for _ in range(3)]
    assert time.monotonic() - started < 2.0 * SMALL.server.tick_timeout + 5.0
    assert env.faults == faults + 1
    assert all(gone(pid) for pid in old.values())
    monkeypatch.undo()
    _, info = env.reset()
    assert info["sim_faults"] == faults + 1
    *_, info = env.step(STEER)
    assert info["frame"] == 1


@pytest.mark.slow
def test_a_fault_after_the_action_was_sent(env):
    env.reset(seed=1)
    env.step_async(STEER)
    os.kill(pids(env)["child"], signal.SIGKILL)
    with pytest.raises(SimulatorFault):
        [env.step_wait(), env.step(STEER)]
    observation, _ = env.reset()
    assert env.observation_space.contains(observation)


@pytest.mark.slow
def test_a_crash_loop_ends_though_every_reset_works():
    env = SupervisedCarlaEnv(with_options(SMALL, restarts_per_hour=1))
    try:
        for _ in range(2):
            env.reset(seed=1)
            os.kill(pids(env)["child"], signal.SIGKILL)
            with pytest.raises(SimulatorFault):
                [env.step(STEER) for _ in range(3)]
        with pytest.raises(SimulatorUnavailable, match="gave up after 1 restarts within an hour"):
            env.reset()
    finally:
        env.close()


@pytest.mark.parametrize("home", [None, "/proc/none"])
def test_the_client_always_has_a_home_that_it_can_write_to(monkeypatch, home):
    """It keeps files of maps there; without the variable it dies, and where it cannot it fails."""
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    child = Child("")
    try:
        environment = Path(f"/proc/{child.pid}/environ")
        assert soon(lambda: bool(environment.read_bytes()))  # it has none before its program starts
        words = environment.read_bytes().split(b"\0")
        (given,) = [word.removeprefix(b"HOME=") for word in words if word.startswith(b"HOME=")]
    finally:
        child.kill()
    assert os.access(Path(given.decode()).parent, os.W_OK)


def test_a_server_that_never_comes_up():
    env = SupervisedCarlaEnv(with_options(SMALL, server_command=NOT_A_SERVER))
    with pytest.raises(ServerUnreachable, match="ended at once with code 0"):
        env.reset(seed=1)
    env.close()


def test_a_failed_start_tells_the_last_words_of_the_server(tmp_path):
    log, talk = tmp_path / "simulator.log", 'import sys; print("no licence"); sys.exit(3)'
    command = f"{sys.executable} -c '{talk}'"
    env = SupervisedCarlaEnv(with_options(SMALL, server_command=command, server_log=str(log)))
    text = f"ended at once with code 3; its last words, in {log}: no licence"
    with pytest.raises(ServerUnreachable, match=re.escape(text)):
        env.reset(seed=1)
    env.close()


def test_a_server_that_leaves_its_starter_s_group_is_ended_by_the_stop_command(tmp_path):
    """As a container does: the process that was started only waits for it."""
    left = tmp_path / "server-{port}"
    command = (
        f"{sys.executable} -c 'import subprocess, sys; "
        f'subprocess.Popen([sys.executable, "-m", "envs.standin", "--port", "{{port}}", "--town", '
        f'"{{town}}"], start_new_session=True).wait()\' {left}'
    ).replace("\\'", "'")
    stop = "pkill -f -- 'envs.standin --port {port}'"
    config = with_options(SMALL, server_command=command, server_stop_command=stop)
    env = SupervisedCarlaEnv(config)
    env.reset(seed=1)
    port = env.server.port
    socket.create_connection(("127.0.0.1", port), timeout=5.0).close()
    env.close()
    until = time.monotonic() + 10.0
    while subprocess.run(["pgrep", "-f", f"envs.standin --port {port}"]).returncode == 0:
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("command", "message"),
    [("sh -c 'x", "No closing quotation"), ("   ", "expected a command")],
)
@pytest.mark.parametrize("name", ["server_command", "server_stop_command"])
def test_a_command_that_is_none_is_told_by_name(name, command, message):
    with pytest.raises(ValueError, match=message) as caught:
        with_options(SMALL, **{name: command})
    assert name in str(caught.value)


def test_braces_of_a_command_are_its_own():
    config = with_options(SMALL, server_command="x", town="Town02")
    words = servers._words("run '{\"a\": {}}' {0} {port} {town}", 7, config)
    assert words == ["run", '{"a": {}}', "{0}", "7", "Town02"]


def test_the_standin_takes_clients_once_it_is_started_and_tells_what_it_waited_for():
    said: list[str] = []
    server = servers.start(SMALL, said.append)
    try:
        socket.create_connection((server.host, server.port), timeout=5.0).close()
        assert (said[0], said[-1]) == (f"starting on port {server.port}", "building Town01")
    finally:
        server.kill()


def test_a_server_that_says_nothing_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(ready, "SILENT_SECONDS", 0.3)
    channel, theirs = os.pipe()
    try:
        with pytest.raises(ServerUnreachable, match=r"made no progress for 0\.3 s"):
            ready.await_word(channel, lambda: True, print)
    finally:
        os.close(channel)
        os.close(theirs)


@pytest.mark.slow
def test_a_server_that_no_longer_comes_up():
    env = SupervisedCarlaEnv(with_options(SMALL, restarts_per_hour=2, restart_backoff=0.01))
    try:
        env.reset(seed=1)
        os.kill(pids(env)["server"], signal.SIGKILL)
        with pytest.raises(SimulatorFault):
            [env.step(STEER) for _ in range(3)]
        env.config = with_options(env.config, server_command=NOT_A_SERVER)
        with pytest.raises(SimulatorUnavailable, match="ended at once"):
            env.reset()
    finally:
        env.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "restarts"),
    [
        pytest.param({"restart_megabytes": 1}, [True, True], marks=pytest.mark.slow),
        pytest.param({"restart_megabytes": 100_000}, [False, False], marks=pytest.mark.slow),
        ({"restart_episodes": 2}, [False, True]),
    ],
    ids=["memory above the limit", "memory below it", "episodes"],
)
def test_a_planned_restart_falls_between_episodes_and_is_no_fault(limit, restarts):
    env = SupervisedCarlaEnv(with_options(SMALL, **limit))
    try:
        env.reset(seed=1)
        for restarted in restarts:
            before = pids(env)
            for _ in range(3):
                observation, *_ = env.step(STEER)
            assert pids(env) == before
            again, _ = env.reset()
            assert again["image"].shape == observation["image"].shape
            for name, pid in pids(env).items():
                assert (pid != before[name]) == restarted, name
                assert gone(before[name]) == restarted
        env.step(STEER)
        assert env.faults == 0
    finally:
        env.close()


def test_no_process_outlives_close(env):
    env.reset(seed=1)
    running = pids(env)
    env.close()
    assert all(gone(pid) for pid in running.values())


def test_no_process_outlives_a_killed_parent():
    script = (
        "from envs.config import EnvConfig, with_options\n"
        "from envs.supervised import SupervisedCarlaEnv\n"
        "env = SupervisedCarlaEnv(with_options(EnvConfig(), npc_vehicles=0))\n"
        "env.reset(seed=1)\n"
        "print(env.server.process.pid, env.child.pid, flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as parent:
        assert parent.stdout is not None
        running = [int(word) for word in parent.stdout.readline().split()]
        assert len(running) == 2
        assert not any(gone(pid) for pid in running)
        parent.kill()
    assert soon(lambda: all(gone(pid) for pid in running))


@pytest.mark.slow
def test_a_foreign_server_is_left_clean_and_free_after_a_killed_client():
    server = servers.start(SMALL)
    try:
        env = SupervisedCarlaEnv(with_options(SMALL, host=server.host, port=server.port))
        env.reset(seed=1)
        assert env.server is None
        client = carla.Client(server.host, server.port)
        client.set_timeout(10.0)
        world = client.get_world()
        assert world.get_settings().synchronous_mode
        assert env.child is not None
        os.kill(env.child.pid, signal.SIGKILL)
        with pytest.raises(SimulatorFault):
            [env.step(STEER) for _ in range(3)]
        assert server.alive()
        env.close()
        assert not world.get_settings().synchronous_mode
        world.wait_for_tick(5.0)
        kinds = [actor.type_id for actor in world.get_actors()]
        assert not [kind for kind in kinds if kind.startswith(("vehicle.", "sensor."))]
    finally:
        server.kill()
