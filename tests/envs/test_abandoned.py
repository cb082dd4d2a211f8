"""Servers that a killed process of ours leaves: found by the next start and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from envs.config import EnvConfig, with_options
from envs.errors import ServerUnreachable
from envs.process import abandoned
from envs.process import server as servers
from tests.envs.waiting import soon

ROOT = Path(__file__).resolve().parents[2]
#: Listens at its first argument for ever, as a process of its own session, as a container does.
LISTENER = (
    "import os, socket, sys, time\n"
    "at = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "open(sys.argv[2], 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
)
OWNER = """
import sys, time
from envs.config import EnvConfig, with_options
from envs.process import server
command, stop = sys.argv[1:]
config = with_options(EnvConfig(), server_command=command, server_stop_command=stop)
print(server.start(config).port, flush=True)
time.sleep(600)
"""


@pytest.fixture
def own_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def killed_owner(folder: Path, command: str, stop: str = "") -> int:
    """Start a server in a process of ours, kill that process, and return the server's port."""
    words = [sys.executable, "-c", OWNER, command, stop]
    owner = subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert owner.stdout is not None
    port = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()
    return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def command_of(folder: Path) -> str:
    program = folder / "listener.py"
    program.write_text(LISTENER)
    return f"{sys.executable} {program} {{port}} {folder}/pid"


def test_a_server_outlives_its_killed_starter_until_the_next_start(own_folder):
    port = killed_owner(own_folder, command_of(own_folder))
    assert listens(port)
    said: list[str] = []
    assert abandoned.stop_abandoned(said.append) == 0
    assert soon(lambda: not listens(port), seconds=20.0)
    assert said == [
        f"ended a server that a run had left: process {(own_folder / 'pid').read_text()}"
    ]
    assert abandoned.stop_abandoned(said.append) == 0


def test_a_container_is_ended_by_the_stop_command_that_was_noted(own_folder):
    """The process that was started only waits; what serves is in a session of its own."""
    detached = f"sh -c 'setsid {command_of(own_folder)} & sleep 600'"
    stop = f"sh -c 'kill -9 $(cat {own_folder}/pid); echo {{port}} > {own_folder}/stopped'"
    port = killed_owner(own_folder, detached, stop)
    assert listens(port)
    said: list[str] = []
    config = with_options(EnvConfig(), server_command=f"{sys.executable} -c pass")
    with pytest.raises(ServerUnreachable, match="ended at once"):
        servers.start(config, said.append)
    assert soon(lambda: not listens(port), seconds=20.0)
    assert int((own_folder / "stopped").read_text()) == port
    assert len(said) == 1
    assert str(own_folder / "stopped") in said[0]


def test_the_note_goes_with_the_server(own_folder):
    config = with_options(EnvConfig(), server_command=command_of(own_folder))
    server = servers.start(config)
    (file,) = (path for path in abandoned.hold_folder().iterdir() if path.stat().st_size)
    assert file.name == str(server.port)
    assert list(abandoned.notes()) == []  # its owner lives
    server.stop()
    assert file.stat().st_size == 0


def test_a_stop_command_that_cannot_run_is_tried_again_later(own_folder):
    file = abandoned.hold_folder() / "12000"
    file.write_text('{"pid": 0, "started": 0, "stop_words": ["/no/such/program"]}')
    said: list[str] = []
    assert [abandoned.stop_abandoned(said.append) for _ in range(2)] == [1, 1]
    assert said == 2 * ["cannot end a server that a run had left; run this: /no/such/program"]


def test_a_process_that_only_has_the_number_is_left_alone(own_folder):
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as bystander:
        note = f'{{"pid": {bystander.pid}, "started": 1, "stop_words": []}}'
        (abandoned.hold_folder() / "12000").write_text(note)
        assert abandoned.stop_abandoned(lambda line: None) == 0
        assert bystander.poll() is None
        bystander.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("text", ["{", "[]", '{"pid": 1}', '{"pid": "x", "started": 0}'])
def test_a_note_that_is_cut_is_no_note(own_folder, text):
    (abandoned.hold_folder() / "12000").write_text(text)
    assert abandoned.stop_abandoned(lambda line: None) == 0


def test_a_folder_of_somebody_else_is_refused(own_folder, monkeypatch):
    elsewhere = own_folder / "elsewhere"
    elsewhere.mkdir()
    (own_folder / f"td3jax-ports-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(ServerUnreachable, match="set TMPDIR"):
        servers.held_port()


def test_nobody_else_may_write_notes(own_folder):
    folder = own_folder / f"td3jax-ports-{os.getuid()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    assert abandoned.hold_folder().stat().st_mode & 0o777 == 0o700
