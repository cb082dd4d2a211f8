"""MessagePack-RPC as the CARLA client speaks it: requests in, wrapped responses out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

#: Largest single request; a client sends at most a map or a texture.
MAX_REQUEST_BYTES = 64 * 1024 * 1024
#: Largest number of arrays in a request: an empty one is a byte on the wire and 56 in memory.
MAX_REQUEST_ARRAYS = 1_000_000

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
        self._arrays = 0
        self._unpacker = msgpack.Unpacker(
            raw=False,
            unicode_errors="replace",
            max_buffer_size=MAX_REQUEST_BYTES,
            list_hook=self._count_array,
        )

    def _count_array(self, array: list[Any]) -> list[Any]:
        self._arrays += 1
        if self._arrays > MAX_REQUEST_ARRAYS:
            raise ValueError("too many arrays")
        return array

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
            self._arrays = 0
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


def encode_response(number: int, result: Any) -> bytes:
    """Return the bytes of a response; its error field stays nil, as some clients abort on it.

    A result that MessagePack cannot carry becomes a failure response.
    """
    try:
        return msgpack.packb([1, number, None, result], unicode_errors="replace")
    except (OverflowError, TypeError, ValueError) as error:
        return encode_response(number, failure(f"the answer cannot be sent: {error}"))


Handler = Callable[..., Any]
