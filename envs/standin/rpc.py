"""MessagePack-RPC as the CARLA client speaks it: requests in, wrapped responses out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

#: Largest single request; a client sends at most a map or a texture.
MAX_REQUEST_BYTES = 64 * 1024 * 1024

VOID_DONE: list[Any] = [[False]]


class RpcFailure(Exception):
    """A request that cannot be served; its text becomes the client's RuntimeError."""


class BrokenStream(Exception):
    """Bytes that are no MessagePack-RPC request; the connection is beyond use."""


@dataclass(frozen=True)
class Request:
    """One call: `arguments` are what follows the metadata element."""

    number: int
    method: str
    arguments: list[Any]


def success(value: Any) -> list[Any]:
    """`Response<T>` that carries a value."""
    return [[1, value]]


def failure(text: str) -> list[Any]:
    """`Response<T>` that carries an error text."""
    return [[0, [text]]]


def void_failure(text: str) -> list[Any]:
    """`Response<void>` that carries an error text."""
    return [[True, [text]]]


class Decoder:
    """Splits a byte stream into requests."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(
            raw=False, unicode_errors="replace", max_buffer_size=MAX_REQUEST_BYTES
        )

    def feed(self, data: bytes) -> None:
        """Add received bytes. Raises BrokenStream when too many are waiting."""
        try:
            self._unpacker.feed(data)
        except msgpack.BufferFull as error:
            raise BrokenStream(f"request larger than {MAX_REQUEST_BYTES} bytes") from error

    def requests(self) -> Iterator[Request]:
        """Yield every complete request. Raises BrokenStream on anything else."""
        while True:
            try:
                message = next(self._unpacker)
            except StopIteration:
                return
            except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
                raise BrokenStream(f"not MessagePack: {type(error).__name__}") from error
            request = _as_request(message)
            if request is not None:
                yield request


def _as_request(message: Any) -> Request | None:
    if not isinstance(message, list) or not message:
        raise BrokenStream("message is not an array")
    if message[0] == 2 and len(message) == 3:
        return None
    if len(message) != 4 or message[0] != 0:
        raise BrokenStream("message is not a request")
    _, number, method, params = message
    valid = isinstance(number, int) and isinstance(method, str) and isinstance(params, list)
    if not valid or not 0 <= number < 2**32:
        raise BrokenStream("request fields have the wrong types")
    return Request(number, method, params[1:])


_packer = msgpack.Packer(unicode_errors="replace")


def encode_response(number: int, result: Any) -> bytes:
    """The bytes of a response; the error field stays nil because some clients abort on it."""
    return _packer.pack([1, number, None, result])


Handler = Callable[..., Any]
