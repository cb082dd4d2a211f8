"""Ports of servers that start at once: no two of ours draw the same ones."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from envs.errors import ServerUnreachable
from envs.process import server
from envs.supervised import TM_PORTS

ROOT = Path(__file__).resolve().parents[2]
_FIRST = 28_000


@pytest.fixture
def two_blocks(monkeypatch):
    monkeypatch.setattr(server, "PORTS", range(_FIRST, _FIRST + 100, 50))


def test_a_block_is_held_until_its_server_has_ended(two_blocks):
    (one, first), (two, second) = server.held_port(), server.held_port()
    assert {one, two} == {_FIRST, _FIRST + 50}
    with pytest.raises(ServerUnreachable, match="no free ports"):
        server.held_port()
    first.close()
    again, third = server.held_port()
    assert again == one
    second.close()
    third.close()


def test_a_block_that_somebody_uses_is_left_alone(two_blocks):
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", _FIRST + server.TM_PORT_OFFSET))
        port, hold = server.held_port()
        hold.close()
    assert port == _FIRST + 50


def test_the_death_of_a_process_sets_its_block_free(two_blocks):
    code = f"""
from envs.process import server
server.PORTS = range({_FIRST}, {_FIRST} + 100, 50)
held = [server.held_port() for _ in range(2)]
print("held", flush=True)
input()
"""
    words = [sys.executable, "-c", code]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(ServerUnreachable):
            server.held_port()
        child.kill()
        child.wait()
    server.held_port()[1].close()


def test_blocks_have_room_for_every_port_of_a_server():
    assert server.PORTS.step >= server.TM_PORT_OFFSET + TM_PORTS
