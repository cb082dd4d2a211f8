"""The watched process that holds the simulator client, seen from the parent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from envs.errors import EnvError, SimulatorFault, rebuild
from envs.process import server as servers

LOOK_SECONDS = 0.5  # between two looks at whether the server is still there


class Child:
    """A running `python -m envs.process.worker`; a call has a deadline, a late child is killed.

    lost: it has died or missed a deadline, so that only `kill` makes sense.
    """

    def __init__(self, log: str) -> None:
        self.lost = False
        self._channel, theirs = Pipe()
        with theirs, servers.open_log(Path(log) if log else None) as output:
            module = "envs.process.worker"
            words = [sys.executable, "-m", module, str(theirs.fileno()), str(os.getpid())]
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=_surroundings(),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def send(self, name: str, *arguments: Any) -> None:
        """Send a request; SimulatorFault when the process is gone."""
        try:
            self._channel.send((name, arguments))
        except OSError as error:
            raise SimulatorFault(f"the client process {self._fate()} before {name}") from error

    def receive(self, name: str, seconds: float, healthy: Callable[[], bool]) -> Any:
        """Return the answer to the last request.

        Raises the environment's own error, or SimulatorFault when the process died, `healthy`
        says no, or `seconds` have passed. After a SimulatorFault only `kill` makes sense.
        """
        try:
            self._await(name, seconds, healthy)
            answer = self._channel.recv()
        except SimulatorFault:
            self.lost = True
            raise
        except (EOFError, OSError) as error:
            self.lost = True
            raise SimulatorFault(f"the client process {self._fate()} during {name}") from error
        if answer[0] == "ok":
            return answer[1]
        raise rebuild(answer[1], answer[2])

    def _fate(self) -> str:
        """Describe its end for the message: "died of SIGSEGV" or "ended with code 1"."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "closed its channel"
        if code < 0:
            return f"died of {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def _await(self, name: str, seconds: float, healthy: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not self._channel.poll(min(LOOK_SECONDS, max(deadline - time.monotonic(), 0.0))):
            if not healthy():
                raise SimulatorFault(f"the simulator server died during {name}")
            if time.monotonic() >= deadline:
                raise SimulatorFault(f"{name} took longer than {seconds:g} s: killed the client")

    def end(self, patience: float) -> None:
        """Let the process remove its actors, for at most `patience` seconds."""
        with contextlib.suppress(OSError, EnvError, subprocess.TimeoutExpired):
            self.send("close")
            self._process.wait(patience)
        self.kill()

    def kill(self) -> None:
        """End the process now, whatever it does."""
        self._channel.close()
        servers.kill_group(self._process, signal.SIGKILL)
        self._process.wait()


def _surroundings() -> dict[str, str]:
    """Our variables, with a home: the client keeps files of maps there and fails without one."""
    home = os.environ.get("HOME", "")
    if not os.access(home, os.W_OK):
        home = os.path.join(tempfile.gettempdir(), f"td3jax-{os.getuid()}")
    return {**os.environ, "HOME": home}
