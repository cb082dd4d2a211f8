"""Mutated messages of a real session, sent to a running stand-in.

Every message is answered, and no answer tells of an error that the server did not foresee; bytes
that are no message cost their connection alone. `python -m tests.torture messages` runs it.
"""

from __future__ import annotations

import random
import socket
from typing import Any

import msgpack

from envs.standin.methods import TABLE
from tests.torture.mutation import spoil_bytes, spoil_tree
from tests.torture.outcome import Outcome
from tests.torture.session import Sent, read

_PATIENCE_S = 120.0
_AS_BYTES, _UNCHANGED = 0.1, 0.3
#: Arguments for methods that no client calls: an actor and two vectors.
_PLAUSIBLE = [20, [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
_FIRST_TOWN = "Town01"


class Wire:
    """A connection that is made anew where the server has dropped it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._number = 0
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S)
        self._unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=1 << 28)

    def call(self, method: str, arguments: list[Any]) -> Any:
        """Return the result; ConnectionError, TimeoutError or ValueError where there is none."""
        self._number += 1
        self._socket.sendall(msgpack.packb([0, self._number, method, [[False], *arguments]]))
        while True:
            for kind, number, error, result in self._unpacker:
                if (kind, number, error) != (1, self._number, None):
                    raise ValueError(f"answer {kind}, {number}, {error}")
                return result
            data = self._socket.recv(1 << 18)
            if not data:
                self._open()
                raise ConnectionError("the server dropped the connection")
            self._unpacker.feed(data)

    def throw(self, data: bytes) -> None:
        """Send bytes on a connection of their own, and wait until the server has hung up."""
        with socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S) as other:
            try:
                other.sendall(data)
                other.shutdown(socket.SHUT_WR)
                while other.recv(1 << 18):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Actors:
    """The actors of the recorded session as the ones of today."""

    def __init__(self) -> None:
        self._now: dict[int, int] = {}

    def note(self, sent: Sent, result: Any) -> None:
        """Remember the actor that a request made."""
        if sent.made is not None and result[0][0] == 1:
            self._now[sent.made] = result[0][1][0]

    def today(self, value: Any) -> Any:
        """Return the value with today's actor ids."""
        if isinstance(value, list):
            return [self.today(item) for item in value]
        return self._now.get(value, value) if type(value) is int else value


def _foreseen(result: Any) -> None:
    if "internal error" in str(result):
        raise AssertionError(str(result)[:300])


def fuzz(port: int, count: int, seed: int) -> Outcome:
    """Send `count` mutated messages, among others that are not; the world is fresh afterwards."""
    rng, outcome, wire = random.Random(seed), Outcome(), Wire(port)
    session = read()
    called = {sent.method for sent in session}
    session += [Sent(name, _PLAUSIBLE, None) for name in sorted(set(TABLE) - called)]
    while outcome.tried < count:
        share = (count - outcome.tried) / len(session)
        _play(session, rng, wire, outcome, count, keep=min(1.0, share))
    _tidy(wire)
    wire.close()
    return outcome


def _play(
    session: list[Sent], rng: random.Random, wire: Wire, outcome: Outcome, count: int, keep: float
) -> None:
    actors = Actors()
    _tidy(wire)
    for sent in session:
        if outcome.tried == count:
            return
        if sent.made is None and rng.random() > keep:
            continue
        arguments = actors.today(sent.arguments)
        if rng.random() < _UNCHANGED or sent.made is not None:
            result = wire.call(sent.method, arguments)
            _foreseen(result)
            actors.note(sent, result)
        spoiled = spoil_tree([sent.method, arguments], rng, rng.choice((1, 1, 1, 2, 3, 6)))
        method, arguments = _parts(spoiled, sent.method)
        with outcome.attempt(f"{method}{str(arguments)[:300]}"):
            if rng.random() < _AS_BYTES:
                request = msgpack.packb([0, 1, method, [[False], *arguments]])
                wire.throw(spoil_bytes(request, rng))
            else:
                _foreseen(wire.call(method, arguments))


def _parts(spoiled: list[Any], method: str) -> tuple[str, list[Any]]:
    """Return method and arguments of what mutation left of them."""
    if len(spoiled) < 2 or not isinstance(spoiled[1], list):
        return method, spoiled
    return spoiled[0] if isinstance(spoiled[0], str) else method, spoiled[1]


def _tidy(wire: Wire) -> None:
    """A fresh world and the settings of the start."""
    for method, arguments in (
        ("stop_recorder", []),
        ("stop_replayer", [False]),
        ("set_replayer_time_factor", [1.0]),
        ("set_replayer_ignore_hero", [False]),
        ("set_replayer_ignore_spectator", [True]),
        ("load_new_episode", [_FIRST_TOWN, True, 65535]),
    ):
        wire.call(method, arguments)
