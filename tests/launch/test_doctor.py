"""`td3jax doctor` as a person starts it: lines, exit codes, Ctrl-C, a machine without a GPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import carla
import pytest
from run_support import ROOT

from envs.checkup import CHECKS, Complaint, Finding
from envs.config import EnvConfig
from envs.process import abandoned
from envs.process import server as servers
from launch import doctor, own_machine
from launch.command import main


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    running = servers.start(EnvConfig())
    yield running
    running.stop()


def start(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "td3jax", "doctor", f"--runs_dir={folder}/runs", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_server_that_another_process_runs_passes(server, tmp_path):
    """As the engineer starts it beside a server of their own."""
    process = start(tmp_path, f"--port={server.port}", f"--tm_port={server.port + 3}")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), out
    lines = out.splitlines()
    names = ["packages", "jax", "disk", "memory", "left servers", *CHECKS, "left as found"]
    assert [line.split(":")[0] for line in lines[:-1]] == [f"ok    {name}" for name in names]
    assert lines[-1] == f"all {len(names)} checks hold"


def test_ctrl_c_ends_it_with_130_and_leaves_nothing(server, tmp_path):
    process = start(tmp_path, f"--port={server.port}", f"--tm_port={server.port + 3}")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ok    clock"):  # in synchronous mode, and vehicles are being spawned
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "doctor: stopped by SIGINT; the server is as it was found\n"
    world = carla.Client(server.host, server.port).get_world()
    world.wait_for_tick(10.0)
    assert not world.get_settings().synchronous_mode
    assert len(world.get_actors().filter("vehicle.*")) == 0


def test_without_a_server_it_starts_and_ends_one(monkeypatch, capsys, tmp_path):
    started: list[servers.Server] = []
    real = servers.start

    def recorded(config, say):
        started.append(real(config, say))
        return started[-1]

    monkeypatch.setattr(servers, "start", recorded)
    monkeypatch.setattr(doctor, "examine_machine", lambda runs, look: iter(()))
    assert main(["doctor", f"--runs_dir={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert "stand-in: starting on port" in out
    assert "ok    ticks: " in out
    assert len(started) == 1
    assert not started[0].alive()


def test_a_failing_check_is_exit_3_and_those_after_it_are_told(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(doctor, "examine_machine", lambda runs, look: iter(()))
    assert main(["doctor", "--port=1", "--connect_timeout=0.5"]) == 3
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("FAIL  server: no CARLA server at 127.0.0.1:1")
    assert out[2] == "-     round trip: not checked, for server fails"
    assert out[-1] == (
        f"of 9 checks 1 failed, {len(CHECKS) - 1} not made: each line with FAIL says what to do"
    )


@pytest.mark.parametrize(
    ("words", "wrong"), [("--port=70000", "--port=70000"), ("--port=60000", "--tm_port=66000")]
)
def test_a_port_out_of_range_is_one_line(words, wrong, capsys):
    assert main(["doctor", words]) == 2
    assert capsys.readouterr().err == f"doctor: {wrong}: expected a port below 65535\n"


def test_jax_that_does_not_start_is_told_by_its_last_line(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "no_such_platform")
    with pytest.raises(Complaint, match=r"jax does not compute: .*no_such_platform"):
        own_machine.accelerator(lambda: True)


def test_a_gpu_that_jax_does_not_see_is_told(monkeypatch):
    found = {"platform": "cpu", "devices": "cpu:0 cpu", "seconds": 0.1}
    monkeypatch.setattr(own_machine, "_probe", lambda look: found)
    monkeypatch.setattr(own_machine, "_has_nvidia", lambda: True)
    with pytest.raises(Complaint, match=r"there is an NVIDIA GPU: pip install 'td3jax\[cuda12\]'"):
        own_machine.accelerator(lambda: True)


def test_jax_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(own_machine, "JAX_SECONDS", 0.2)
    with pytest.raises(Complaint, match=r"waited 0.2 s for a first computation"):
        own_machine.accelerator(lambda: True)


def test_a_full_disk_and_a_full_memory_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(own_machine, "LEAST_DISK", 1e9)
    monkeypatch.setattr(own_machine, "LEAST_MEMORY", 1e9)
    found: list[Finding] = [
        f for f in own_machine.examine_machine(tmp_path / "runs", lambda: True) if f.name != "jax"
    ]
    told = {f.name: f.text for f in found if not f.ok}
    assert set(told) == {"disk", "memory"}
    assert "choose another folder by --runs_dir" in told["disk"]
    assert "end other programs" in told["memory"]


def test_memory_is_read_as_the_kernel_writes_it():
    text = "MemTotal:       24000000 kB\nMemFree: 100 kB\nMemAvailable:   2000000 kB\n"
    assert own_machine.free_gigabytes(text) == 2.048


@pytest.mark.slow
def test_what_killed_runs_have_left_is_told_and_ended_when_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    note = {"pid": 0, "started": 0, "stop_words": ["touch", f"{tmp_path}/ended"]}
    (abandoned.hold_folder() / "12000").write_text(json.dumps(note))
    told = doctor._left_servers(clean=False)
    assert told.ok is False
    assert f"touch {tmp_path}/ended: --clean ends them" in told.text
    assert not (tmp_path / "ended").exists()
    assert doctor._left_servers(clean=True).ok
    assert (tmp_path / "ended").exists()
    assert doctor._left_servers(clean=False).ok
