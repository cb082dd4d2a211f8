"""The server: two listening sockets and one loop."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import sys
import time

from envs.standin.methods import call
from envs.standin.outbox import Outbox
from envs.standin.rpc import BrokenStream, Decoder, Request, encode_response
from envs.standin.simulation import Simulation
from envs.standin.streams import StreamHub

_CHUNK = 1 << 18
#: A client that neither reads its answers nor stops asking is cut off here.
_MAX_UNREAD_ANSWERS = 256 * 1024 * 1024
#: Longest that a Traffic Manager waits for settings while its client changes the episode.
_HOLD_S = 1.0
_READ_WRITE = select.EPOLLIN | select.EPOLLOUT


class _Connection:
    """A client's connection.

    A Traffic Manager asks for the settings before each step, and reads the state of its client's
    episode once it has them. In between two episodes there is none, and the client dies. So that
    question waits, from a change of the episode until the client has asked about the new one.
    """

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.hold_until: float | None = None
        self.held: list[Request] = []
        self.socket = sock
        self.number = number
        self.decoder = Decoder()
        self.outbox = Outbox(sock)


def bound(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Sockets on the port and the next one, which refuse clients. Raises OSError."""
    first = _bound(host, port)
    try:
        second = _bound(host, port + 1)
    except OSError:
        first.close()
        raise
    return first, second


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def listen(*sockets: socket.socket) -> None:
    """Take clients from now on. Raises OSError where another server came first."""
    for sock in sockets:
        sock.listen(128)


class Server:
    """Serves requests, subscriptions and, in asynchronous mode, the passing of time."""

    def __init__(self, listener: socket.socket, hub: StreamHub, simulation: Simulation) -> None:
        self._listener = listener
        self._hub = hub
        self._simulation = simulation
        self._poll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._accepted = 0
        self._running = True
        self._busy = False
        self._next_tick = time.monotonic()
        for descriptor in (listener.fileno(), hub.fileno()):
            self._poll.register(descriptor, select.EPOLLIN)
        self._wake, self._waker = socket.socketpair()
        for sock in (self._wake, self._waker):
            sock.setblocking(False)
        self._poll.register(self._wake.fileno(), select.EPOLLIN)

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT end `run`."""
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def stop(self) -> None:
        """Make `run` return after what it is doing."""
        self._running = False

    def run(self) -> None:
        """Serves until stopped; then closes everything."""
        try:
            while self._running:
                for descriptor, event in self._poll.poll(self._patience()):
                    self._handle(descriptor, event)
                self._end_holds()
                self._pass_time()
                self._busy = self._simulation.work()
        finally:
            self._close()

    def _patience(self) -> float:
        if self._busy:
            return 0.0
        times = [at for each in self._connections.values() if (at := each.hold_until) is not None]
        if self._simulation.period() is not None:
            times.append(self._next_tick)
        return max(0.0, min(times) - time.monotonic()) if times else -1.0

    def _pass_time(self) -> None:
        """In asynchronous mode, ticks when it is time."""
        period = self._simulation.period()
        if period is None:
            return
        now = time.monotonic()
        if now >= self._next_tick:
            self._simulation.tick()
            self._simulation.finish_tick()
            self._next_tick = max(self._next_tick + period, now)

    def _handle(self, descriptor: int, event: int) -> None:
        if descriptor == self._listener.fileno():
            self._accept()
        elif descriptor == self._hub.fileno():
            self._hub.service()
        elif descriptor == self._wake.fileno():
            self._running = False
        elif descriptor in self._connections:
            connection = self._connections[descriptor]
            if event & select.EPOLLOUT:
                self._flush(connection)
            if event & ~select.EPOLLOUT and descriptor in self._connections:
                self._read(connection)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            print(f"standin: cannot accept a client: {error}", file=sys.stderr)
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted += 1
        self._connections[sock.fileno()] = _Connection(sock, self._accepted)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        try:
            connection.decoder.feed(data)
            for request in connection.decoder.requests():
                self._serve(connection, request)
        except BrokenStream as error:
            print(f"standin: dropping a client: {error}", file=sys.stderr)
            self._drop(connection)
            return
        except OSError:
            self._drop(connection)
            return
        if connection.outbox.pending > _MAX_UNREAD_ANSWERS:
            self._drop(connection)
        elif connection.outbox.pending:
            self._poll.modify(connection.socket.fileno(), _READ_WRITE)

    def _serve(self, connection: _Connection, request: Request) -> None:
        """Answer a request, or hold it back; see `_Connection`."""
        if connection.hold_until is not None and request.method == "get_episode_settings":
            connection.held.append(request)
            return
        self._simulation.caller = connection.number
        result = call(self._simulation, request.method, request.arguments)
        connection.outbox.send([encode_response(request.number, result)])
        self._simulation.start_pictures()
        if request.method == "load_new_episode":
            connection.hold_until = time.monotonic() + _HOLD_S
        elif request.method == "get_episode_info":
            self._release(connection)

    def _release(self, connection: _Connection) -> None:
        connection.hold_until = None
        held, connection.held = connection.held, []
        for request in held:
            self._serve(connection, request)

    def _end_holds(self) -> None:
        now = time.monotonic()
        for connection in tuple(self._connections.values()):
            if connection.hold_until is not None and connection.hold_until <= now:
                try:
                    self._release(connection)
                except OSError:
                    self._drop(connection)

    def _flush(self, connection: _Connection) -> None:
        try:
            if connection.outbox.flush():
                self._poll.modify(connection.socket.fileno(), select.EPOLLIN)
        except OSError:
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._connections.pop(connection.socket.fileno(), None)
        connection.socket.close()
        self._simulation.forget_caller(connection.number)

    def _close(self) -> None:
        for connection in tuple(self._connections.values()):
            self._drop(connection)
        self._hub.close()
        self._poll.close()
        with contextlib.suppress(ValueError):
            signal.set_wakeup_fd(-1)
        for sock in (self._listener, self._wake, self._waker):
            sock.close()
