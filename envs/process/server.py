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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from envs.config import EnvConfig
from envs.errors import ServerUnreachable
from envs.process import abandoned, ready
from envs.process.ready import Say

#: First ports of blocks, one for each server of ours on this machine: RPC, streams and the port
#: after them, then those of Traffic Managers.
PORTS = range(12000, 29000, 50)
TM_PORT_OFFSET = 3
CLOSE_SECONDS = 5.0
_LAST_LINES = 3


class Server:
    """A running server process that is ours. `port` is its RPC port on 127.0.0.1.

    hold: a file whose lock keeps other servers of ours off its block of ports. stop_words: a
    command that ends what outlives the process.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: int,
        log: Path | None,
        hold: IO[bytes],
        stop_words: Sequence[str] = (),
    ) -> None:
        self.process = process
        self.port = port
        self.log = log
        self._hold = hold
        self._stop_words = stop_words

    def alive(self) -> bool:
        """Tell whether the process still runs."""
        return self.process.poll() is None

    def megabytes(self) -> float:
        """Resident memory of the process, 0 when it is gone."""
        return resident_megabytes(self.process.pid)

    def stop(self) -> None:
        """End the process group: politely, then for good. A hung server is killed too."""
        kill_group(self.process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(CLOSE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the process group at once and wait for it."""
        kill_group(self.process, signal.SIGKILL)
        self.process.wait()
        if not self._hold.closed:
            with open_log(self.log) as log:
                if abandoned.run_stop(self._stop_words, log):
                    abandoned.clear_note(self._hold)
        self._hold.close()


def start(config: EnvConfig, say: Say = lambda line: None) -> Server:
    """Start the server of the configuration and wait until it accepts connections.

    say: gets lines about what the stand-in does meanwhile, and about servers that a dead process
    of ours had left, which are ended first. Output goes to a file, never to a pipe: nobody reads
    it later, and a full pipe stops a server.
    """
    abandoned.stop_abandoned(say)
    port, hold = held_port()
    try:
        return _start(config, port, hold, say)
    except BaseException:
        hold.close()
        raise


def _start(config: EnvConfig, port: int, hold: IO[bytes], say: Say) -> Server:
    log = Path(config.server.server_log) if config.server.server_log else None
    command = config.server.server_command
    if not command:
        return _start_standin(config, port, hold, log, say)
    stop = _words(config.server.server_stop_command, port, config)
    process = _process(_words(command, port, config), log)
    abandoned.write_note(hold, process.pid, stop)
    server = Server(process, port, log, hold, stop)
    with _killed_on_failure(server):
        ready.await_port(server.host, port, server.alive, config.server.connect_timeout)
    return server


def _words(command: str, port: int, config: EnvConfig) -> list[str]:
    """Split a command and fill in {port} and {town}; other braces are its own."""
    values = {"{port}": str(port), "{town}": config.task.town}
    words = shlex.split(command)
    for name, value in values.items():
        words = [word.replace(name, value) for word in words]
    return words


def _start_standin(
    config: EnvConfig, port: int, hold: IO[bytes], log: Path | None, say: Say
) -> Server:
    channel, theirs = os.pipe()
    words = [sys.executable, "-m", "envs.standin", "--port", str(port)]
    words += ["--town", config.task.town, "--exit-with-parent", str(os.getpid())]
    words += ["--ready-fd", str(theirs)]
    try:
        try:
            process = _process(words, log, theirs)
        finally:
            os.close(theirs)
        server = Server(process, port, log, hold)
        with _killed_on_failure(server):
            ready.await_word(channel, server.alive, say)
    finally:
        os.close(channel)
    return server


def _process(words: list[str], log: Path | None, *descriptors: int) -> subprocess.Popen[bytes]:
    with open_log(log) as output:
        try:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerUnreachable(f"cannot start {words[0]!r}: {error.strerror}") from error


@contextlib.contextmanager
def _killed_on_failure(server: Server) -> Iterator[None]:
    """For the time of its start; a server that does not live at the end is a failure too."""
    try:
        yield
        if not server.alive():
            code = server.process.returncode
            raise ServerUnreachable(f"the server ended at once with code {code}")
    except ServerUnreachable as error:
        server.kill()
        raise ServerUnreachable(f"{error}; {last_words(server.log)}") from error
    except BaseException:
        server.kill()
        raise


def last_words(log: Path | None) -> str:
    """The end of the output of server and client, and where the rest of it is."""
    if log is None:
        return "set server_log to a file to see its output"
    lines = [line.strip() for line in log.read_text(errors="replace").split("\n")]
    said = [line for line in lines if line][-_LAST_LINES:]
    return f"its last words, in {log}: {' | '.join(said) or '(none)'}"


def open_log(path: Path | None) -> IO[bytes]:
    """The file to append output to; the null device without a path."""
    if path is None:
        return open(os.devnull, "wb")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def held_port() -> tuple[int, IO[bytes]]:
    """Return the first port of a free block, and a locked file that keeps others of ours off it.

    The lock goes with the process, whatever ends it.
    """
    folder = abandoned.hold_folder()
    drawn = list(PORTS)
    random.SystemRandom().shuffle(drawn)
    for port in drawn:
        hold = abandoned.open_hold(folder / str(port))
        if (
            abandoned.lock(hold)
            and abandoned.read_note(hold) is None
            and all(_is_free(port + k) for k in range(TM_PORT_OFFSET + 1))
        ):
            return port, hold
        hold.close()
    raise ServerUnreachable(
        f"no free ports in {PORTS.start} to {PORTS.stop}: end servers that are not needed, "
        "td3jax doctor --clean ends those that killed runs have left"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


def kill_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process that leads its own group, and to all of that group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process; 0 when it is gone or the system does not say."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
