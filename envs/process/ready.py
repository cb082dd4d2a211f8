"""Waiting until a server that was just started is ready, however long its machine takes."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable

from envs.errors import ServerUnreachable

READY = b"ready"
#: Without a word for so long the stand-in counts as hung; altogether it may take this long.
SILENT_SECONDS, START_SECONDS = 300.0, 3600.0
_LOOK_SECONDS = 0.2
_BUSY = "end other programs, or start again when the machine is idle"
Alive = Callable[[], bool]
Say = Callable[[str], None]


def await_word(channel: int, alive: Alive, say: Say) -> None:
    """Return at the line READY from a pipe, or when the server is dead; say all other lines.

    Raises ServerUnreachable when it makes no progress.
    """
    started = heard = time.monotonic()
    rest = b""
    while alive():
        if select.select([channel], [], [], _LOOK_SECONDS)[0]:
            data = os.read(channel, 4096)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line == READY:
                    return
                say(line.decode(errors="replace"))
            if not data:  # it has closed the pipe and is about to end
                time.sleep(_LOOK_SECONDS)
            heard = time.monotonic()
        now = time.monotonic()
        if now - heard > SILENT_SECONDS:
            raise ServerUnreachable(
                f"the server has made no progress for {SILENT_SECONDS:g} s: {_BUSY}"
            )
        if now - started > START_SECONDS:
            raise ServerUnreachable(f"the server was not ready within {START_SECONDS:g} s: {_BUSY}")


def listens(host: str, port: int, seconds: float) -> bool:
    """Return whether something accepts a connection at host and port within `seconds`."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=seconds):
        return True
    return False


def await_port(host: str, port: int, alive: Alive, seconds: float) -> None:
    """Return when the port accepts connections, or when the server is dead.

    Raises ServerUnreachable after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while alive():
        if listens(host, port, 1.0):
            return
        if time.monotonic() > deadline:
            raise ServerUnreachable(
                f"the server was not ready within {seconds:g} s: raise connect_timeout"
            )
        time.sleep(0.05)
