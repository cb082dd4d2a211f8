"""Non-blocking writes with a queue for what the socket does not take at once."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Sequence

Buffer = bytes | bytearray | memoryview


class Outbox:
    """Bytes on their way to one socket, in order."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._queue: deque[memoryview] = deque()
        self.pending = 0

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Send or queue the buffers. Raises OSError when the peer is gone."""
        if self._queue:
            self._enqueue(buffers, 0)
            return
        try:
            sent = self._socket.sendmsg(buffers)
        except (BlockingIOError, InterruptedError):
            sent = 0
        self._enqueue(buffers, sent)

    def flush(self) -> bool:
        """Send what is queued; True when nothing is left. Raises OSError when the peer is gone."""
        while self._queue:
            head = self._queue[0]
            try:
                sent = self._socket.send(head)
            except (BlockingIOError, InterruptedError):
                return False
            self.pending -= sent
            if sent < len(head):
                self._queue[0] = head[sent:]
                return False
            self._queue.popleft()
        return True

    def _enqueue(self, buffers: Sequence[Buffer], skip: int) -> None:
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            if skip >= len(view):
                skip -= len(view)
                continue
            # A copy: the caller may reuse its buffer for the next step.
            self._queue.append(memoryview(bytes(view[skip:])))
            self.pending += len(view) - skip
            skip = 0
