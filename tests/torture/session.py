"""The requests of a real session with the stand-in, as the client sent them.

`python -m tests.torture.session` records them anew: it calls every public method of the real
client through a proxy, and keeps a few different requests of each RPC method, in their order.
"""

from __future__ import annotations

import gzip
import selectors
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgpack

from envs.standin.api_table.__main__ import TABLES, results_of, running_server
from envs.standin.methods import TABLE

FILE = Path(__file__).with_name("data") / "session.msgpack.gz"
_OF_A_METHOD = 24
_OF_LARGE = 2
_LARGE = 20_000  # bytes: maps
_SPAWNS = ("spawn_actor", "spawn_actor_with_parent")


class Sent(NamedTuple):
    """A request: method, arguments after the metadata, and the id of the actor that it made."""

    method: str
    arguments: list[Any]
    made: int | None


def read() -> list[Sent]:
    """Return the recorded requests."""
    rows = msgpack.unpackb(gzip.decompress(FILE.read_bytes()), strict_map_key=False)
    return [Sent(*row) for row in rows]


class Proxy:
    """Passes a server's RPC connections on and notes what is said."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.sent: list[list[Any]] = []
        self.answers: dict[tuple[int, int], Any] = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        for number in range(10**9):
            client, _ = self.listener.accept()
            threading.Thread(target=self._pass, args=(client, number), daemon=True).start()

    def _pass(self, client: socket.socket, number: int) -> None:
        server = socket.create_connection(("127.0.0.1", self.server))
        selector = selectors.DefaultSelector()
        for here, there, asks in ((client, server, True), (server, client, False)):
            here.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(here, selectors.EVENT_READ, (there, asks, _unpacker()))
        try:
            while True:
                for key, _ in selector.select():
                    there, asks, unpacker = key.data
                    data = key.fileobj.recv(1 << 18)  # type: ignore[union-attr]
                    if not data:
                        return
                    unpacker.feed(data)
                    for message in unpacker:
                        self._note(number, asks, message)
                    there.sendall(data)
        except OSError:
            pass
        finally:
            client.close()
            server.close()

    def _note(self, connection: int, asks: bool, message: list[Any]) -> None:
        if asks:
            self.sent.append([connection, *message[1:]])
        else:
            self.answers[connection, message[1]] = message[3]


def _unpacker() -> msgpack.Unpacker:
    return msgpack.Unpacker(strict_map_key=False, max_buffer_size=1 << 28)


def _kept(proxy: Proxy) -> list[Sent]:
    """Return some requests of each method that differ."""
    seen: set[bytes] = set()
    counts: Counter[tuple[str, bool]] = Counter()
    kept = []
    for connection, number, method, arguments in proxy.sent:
        packed = msgpack.packb([method, arguments])
        large = len(packed) > _LARGE
        spawns = method in _SPAWNS
        known = packed in seen and method != "tick_cue"
        if known or counts[method, large] >= (_OF_LARGE if large else _OF_A_METHOD):
            continue
        seen.add(packed)
        counts[method, large] += 1
        answer = proxy.answers.get((connection, number))
        made = answer[0][1][0] if spawns and answer and answer[0][0] == 1 else None
        kept.append(Sent(method, arguments[1:], made))
    return kept


def record() -> list[Sent]:
    """Run errands, call the client's public methods, and return what went over the wire."""
    with running_server() as port:
        proxy = Proxy(port)
        words = [sys.executable, "-m", "tests.torture.errands", str(proxy.port)]
        subprocess.run(words, check=True, timeout=120)
        for name, table in TABLES.items():
            results_of(name, proxy.port)
            print(f"{name}: {len(table)} methods, {len(proxy.sent)} requests so far", flush=True)
    return _kept(proxy)


def main() -> int:
    """Write the file; name the methods that no client calls."""
    kept = record()
    FILE.write_bytes(gzip.compress(msgpack.packb([list(row) for row in kept]), 9, mtime=0))
    missing = sorted(set(TABLE) - {row.method for row in kept})
    print(f"{len(kept)} requests, {FILE.stat().st_size} bytes; not called: {', '.join(missing)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
