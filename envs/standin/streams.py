"""The streaming port: subscribers by stream id, each on a connection of its own."""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Sequence

from envs.standin.outbox import Buffer, Outbox
from envs.standin.wire import LENGTH, STREAM_ID, token

#: A subscriber that lets this much pile up loses messages: it has stopped reading.
MAX_BACKLOG_BYTES = 64 * 1024 * 1024
#: How long a tick waits for a subscription that a client has announced.
ANNOUNCED_WAIT_S = 1.0
#: The id of the world snapshot stream, constant for the life of the server.
WORLD_STREAM = 1

_SEND_BUFFER_BYTES = 8 * 1024 * 1024
_READ_WRITE = select.EPOLLIN | select.EPOLLOUT


class _Subscriber:
    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.outbox = Outbox(sock)
        self.greeting = b""
        self.stream_id: int | None = None


class StreamHub:
    """Accepts subscriptions and publishes messages to them; never blocks on a subscriber.

    Connections to streams that nobody feeds stay open and silent, because a client reconnects at
    once, without pause, when the server closes one.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        self._poll = select.epoll()
        self._poll.register(listener.fileno(), select.EPOLLIN)
        self._connections: dict[int, _Subscriber] = {}
        self._streams: dict[int, list[_Subscriber]] = {}
        self._announced: dict[int, int] = {}
        self._next_stream = WORLD_STREAM + 1

    def fileno(self) -> int:
        """Readable when `service` has something to do."""
        return self._poll.fileno()

    def new_stream(self) -> int:
        """A stream id that was never used before."""
        self._next_stream += 1
        return self._next_stream - 1

    def token(self, stream_id: int) -> bytes:
        """Return the address at which a client finds the stream."""
        return token(stream_id, self.port)

    def announce(self, stream_id: int) -> None:
        """Notes that a client asked for the token, so a subscription is about to come."""
        self._announced[stream_id] = self._announced.get(stream_id, 0) + 1

    def await_announced(self) -> None:
        """Serves this port until every announced subscription has arrived, for a short while."""
        if not self._announced:
            return
        deadline = time.monotonic() + ANNOUNCED_WAIT_S
        while self._announced:
            left = deadline - time.monotonic()
            if left <= 0:
                self._announced.clear()
                return
            self.service(left)

    def has_subscribers(self, stream_id: int) -> bool:
        """Tell whether anybody listens to the stream."""
        return stream_id in self._streams

    @property
    def connections(self) -> int:
        """Open connections, subscribed or not."""
        return len(self._connections)

    def publish(self, stream_id: int, parts: Sequence[Buffer], droppable: bool) -> None:
        """Send one message to every subscriber of the stream.

        A droppable message is left out for a subscriber that has not read the last one.
        """
        subscribers = self._streams.get(stream_id)
        if not subscribers:
            return
        size = sum(memoryview(part).nbytes for part in parts)
        message = [LENGTH.pack(size), *parts]
        for subscriber in tuple(subscribers):
            pending = subscriber.outbox.pending
            if pending and (droppable or pending + size > MAX_BACKLOG_BYTES):
                continue
            self._send(subscriber, message)

    def service(self, timeout: float = 0.0) -> None:
        """Handles what the port has waiting: connections, subscriptions, departures."""
        for descriptor, event in self._poll.poll(timeout):
            if descriptor == self._listener.fileno():
                self._accept()
                continue
            subscriber = self._connections.get(descriptor)
            if subscriber is None:
                continue
            if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self._read(subscriber)
            if event & select.EPOLLOUT and descriptor in self._connections:
                self._flush(subscriber)

    def close(self) -> None:
        """Close every connection and the listening socket."""
        for subscriber in tuple(self._connections.values()):
            self._drop(subscriber)
        self._poll.close()
        self._listener.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            print(f"standin: cannot accept a subscriber: {error}", file=sys.stderr)
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._connections[sock.fileno()] = _Subscriber(sock)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _read(self, subscriber: _Subscriber) -> None:
        try:
            data = subscriber.socket.recv(4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(subscriber)
        elif subscriber.stream_id is None:
            subscriber.greeting += data
            if len(subscriber.greeting) >= STREAM_ID.size:
                self._subscribe(subscriber)

    def _subscribe(self, subscriber: _Subscriber) -> None:
        (stream_id,) = STREAM_ID.unpack_from(subscriber.greeting)
        subscriber.stream_id = stream_id
        self._streams.setdefault(stream_id, []).append(subscriber)
        waiting = self._announced.get(stream_id, 0)
        if waiting > 1:
            self._announced[stream_id] = waiting - 1
        else:
            self._announced.pop(stream_id, None)

    def _send(self, subscriber: _Subscriber, message: list[Buffer]) -> None:
        try:
            subscriber.outbox.send(message)
        except OSError:
            self._drop(subscriber)
            return
        if subscriber.outbox.pending:
            self._poll.modify(subscriber.socket.fileno(), _READ_WRITE)

    def _flush(self, subscriber: _Subscriber) -> None:
        try:
            empty = subscriber.outbox.flush()
        except OSError:
            self._drop(subscriber)
            return
        if empty:
            self._poll.modify(subscriber.socket.fileno(), select.EPOLLIN)

    def _drop(self, subscriber: _Subscriber) -> None:
        self._connections.pop(subscriber.socket.fileno(), None)
        if subscriber.stream_id is not None:
            peers = self._streams.get(subscriber.stream_id, [])
            if subscriber in peers:
                peers.remove(subscriber)
            if not peers:
                self._streams.pop(subscriber.stream_id, None)
        subscriber.socket.close()
