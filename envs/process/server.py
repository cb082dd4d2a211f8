"""Starting a simulator server as a process of its own, and ending it with all its children."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from envs.config import EnvConfig
from envs.errors import ServerUnreachable

PORTS = range(12000, 29000, 10)
CLOSE_SECONDS = 5.0


class Server:
    """A running server process that is ours. `port` is its RPC port on 127.0.0.1."""

    host = "127.0.0.1"

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path | None) -> None:
        self.process = process
        self.port = port
        self.log = log

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def megabytes(self) -> float:
        """Resident memory of the process, 0 when it is gone."""
        return resident_megabytes(self.process.pid)

    def stop(self) -> None:
        """Ends the process group: politely, then for good. A hung server is killed too."""
        kill_group(self.process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(CLOSE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends the process group at once and waits for it."""
        kill_group(self.process, signal.SIGKILL)
        self.process.wait()


def start(config: EnvConfig) -> Server:
    """Starts the server of the configuration and waits until it accepts connections.

    Its output goes to a file, never to a pipe: nobody reads it, and a full pipe stops a server.
    """
    port = free_port(config.traffic.tm_port_offset)
    command = config.server.server_command
    town = config.task.town
    words = shlex.split(command.format(port=port, town=town)) if command else _standin(port, town)
    log = Path(config.server.server_log) if config.server.server_log else None
    with open_log(log) as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerUnreachable(f"cannot start {words[0]!r}: {error.strerror}") from error
    server = Server(process, port, log)
    try:
        _wait_until_ready(server, config.server.connect_timeout)
    except BaseException:
        server.kill()
        raise
    return server


def _standin(port: int, town: str) -> list[str]:
    module = [sys.executable, "-m", "envs.standin", "--port", str(port), "--exit-with-parent"]
    return [*module, "--town", town]


def _wait_until_ready(server: Server, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        if not server.alive():
            code, words = server.process.returncode, last_line(server.log)
            raise ServerUnreachable(f"the server ended at once with code {code}: {words}")
        with (
            contextlib.suppress(OSError),
            socket.create_connection((server.host, server.port), timeout=1.0),
        ):
            return
        if time.monotonic() > deadline:
            raise ServerUnreachable(
                f"the server was not ready within {timeout:g} s: raise connect_timeout"
            )
        time.sleep(0.05)


def last_line(log: Path | None) -> str:
    """The last words of a process that wrote to a log."""
    if log is None:
        return "set server_log to a file to see its output"
    lines = log.read_text(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def open_log(path: Path | None) -> IO[bytes]:
    """The file to append output to; the null device without a path."""
    if path is None:
        return open(os.devnull, "wb")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def free_port(offset: int) -> int:
    """A port whose two neighbours and Traffic Manager port are free as well."""
    drawn = list(PORTS)
    random.SystemRandom().shuffle(drawn)
    for port in drawn:
        if all(_is_free(p) for p in (port, port + 1, port + 2, port + offset)):
            return port
    raise ServerUnreachable(f"no free ports in {PORTS.start} to {PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


def kill_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Sends a signal to a process that leads its own group, and to all of that group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process; 0 when it is gone or the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
