"""Wake a Traffic Manager that waits forever.

In 0.9.16 `world.tick()` and the Traffic Manager's thread wait for each other on condition variables
whose flags are set outside the lock (`TrafficManagerLocal::SynchronousTick` and `Run`): a
notification that falls between the test of a flag and the wait is lost, and both wait for good.
The thread of the Traffic Manager's own RPC server is not among them, and leaving synchronous mode
sets the flag and notifies once more.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgpack

LOG = logging.getLogger(__name__)
PATIENCE = 3.0  # s; a Traffic Manager needs milliseconds for a step
LOOK_SECONDS = 0.5  # between two looks at whether a tick is under way
REQUEST = 0  # of msgpack-rpc: [0, id, method, arguments]


class Waker:
    """A thread that looks after the ticks of one world and the Traffic Manager at `port`.

    `count` says how often it had to help. After that the step may have been planned twice, so the
    traffic of that episode need not repeat.
    """

    def __init__(self, world: Any, port: int, patience: float = PATIENCE) -> None:
        self.count = 0
        self._world = world
        self._port = port
        self._patience = patience
        self._frame: int | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="traffic-waker", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def watching(self, frame: int) -> Iterator[None]:
        """Watch the body, a `world.tick()` of a world that is at `frame`."""
        self._frame = frame
        try:
            yield
        finally:
            self._frame = None

    def end(self) -> None:
        """Stop looking; waits a moment for a question that is under way."""
        self._ended.set()
        self._thread.join(LOOK_SECONDS)

    def _watch(self) -> None:
        stuck, since = None, 0.0
        look = min(LOOK_SECONDS, self._patience / 2)
        while not self._ended.wait(look):
            frame, asked = self._frame, time.monotonic()
            if frame is None or not self._waits_for_traffic(frame):
                stuck = None
                continue
            now = time.monotonic()
            if stuck != frame or now - asked > look:
                stuck, since = frame, now
            elif now - since >= self._patience:
                since = now
                self._wake(frame)

    def _waits_for_traffic(self, frame: int) -> bool:
        """Return whether the step after `frame` has come and the server is free to answer.

        Else the tick, or the Traffic Manager with its questions, waits for the server.
        """
        try:
            if self._world.get_snapshot().frame <= frame:
                return False
            self._world.get_settings()
        except RuntimeError:
            return False
        return True

    def _wake(self, frame: int) -> None:
        try:
            notify_again(self._port)
        except OSError as error:
            LOG.warning("the Traffic Manager is stuck after frame %d: %s", frame, error)
        else:
            self.count += 1
            LOG.warning("the Traffic Manager was stuck after frame %d: woken", frame)


def notify_again(port: int) -> None:
    """Make the synchronous Traffic Manager at this port of this machine look at its flag.

    OSError when there is none. One that is not stuck would plan a step more than it was asked for.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
        unpacker = msgpack.Unpacker()
        for number, mode in enumerate((False, True)):
            request = (REQUEST, number, "set_synchronous_mode", (mode,))
            connection.sendall(msgpack.packb(request))
        answers = 0
        while answers < 2:
            data = connection.recv(4096)
            if not data:
                raise ConnectionError(f"the Traffic Manager at port {port} closed its connection")
            unpacker.feed(data)
            answers += sum(1 for _ in unpacker)
