"""The framing of TensorBoard event files: length, checksum, payload, checksum.

Format: TFRecord, https://www.tensorflow.org/tutorials/load_data/tfrecord (uint64 length, masked
crc32c of the length, payload, masked crc32c of the payload; little endian).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

CHUNK = 4 << 20
_HEADER, _FOOTER = 12, 4
_LENGTH = struct.Struct("<Q")
_MASK_DELTA = np.uint32(0xA282EAD8)


class Block(NamedTuple):
    """Intact payloads of one stretch of a file, and what was wrong with it (one line, or None)."""

    payloads: list[bytes]
    damaged: int
    fault: str | None


def _crc_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1)
    return table.astype(np.uint32)


_TABLE = _crc_table()


def masked_crc(data: np.ndarray) -> np.ndarray:
    """Masked crc32c of each row of uint8 (N, L); uint32 (N,)."""
    crc = np.full(data.shape[0], 0xFFFFFFFF, np.uint32)
    for column in data.T:
        crc = _TABLE[(crc ^ column) & 0xFF] ^ (crc >> np.uint32(8))
    crc ^= np.uint32(0xFFFFFFFF)
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + _MASK_DELTA


def _rows(buffer: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    return buffer[starts[:, None] + np.arange(length)]


def _stored_crc(buffer: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(_rows(buffer, starts, 4)).view("<u4").reshape(-1)


def _walk(data: bytes, most: int) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Starts and lengths of whole records, where the rest begins, whether a length is absurd."""
    starts: list[int] = []
    lengths: list[int] = []
    at, end = 0, len(data)
    while at + _HEADER <= end:
        (length,) = _LENGTH.unpack_from(data, at)
        if length > most:
            return np.array(starts, np.int64), np.array(lengths, np.int64), at, True
        after = at + _HEADER + length + _FOOTER
        if after > end:
            break
        starts.append(at)
        lengths.append(length)
        at = after
    return np.array(starts, np.int64), np.array(lengths, np.int64), at, False


def _payload_ok(buffer: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    good = np.ones(starts.size, bool)
    for length in np.unique(lengths):
        which = np.flatnonzero(lengths == length)
        step = max(1, CHUNK // max(int(length), 1))
        for part in np.split(which, range(step, which.size, step)):
            body = starts[part] + _HEADER
            good[part] = masked_crc(_rows(buffer, body, int(length))) == _stored_crc(
                buffer, body + length
            )
    return good


def _check(data: bytes, starts: np.ndarray, lengths: np.ndarray) -> tuple[list[bytes], int, int]:
    """Payloads with right checksums, how many were damaged, records before the first bad header."""
    buffer = np.frombuffer(data, np.uint8)
    header = masked_crc(_rows(buffer, starts, 8)) == _stored_crc(buffer, starts + 8)
    whole = starts.size if header.all() else int(np.argmin(header))
    good = _payload_ok(buffer, starts[:whole], lengths[:whole])
    first = starts[:whole][good] + _HEADER
    payloads = [
        data[at : at + size]
        for at, size in zip(first.tolist(), lengths[:whole][good].tolist(), strict=True)
    ]
    return payloads, int(whole - good.sum()), whole


def _header_ok(rest: bytes) -> bool:
    """True where the length of a record that is not complete yet can be trusted."""
    if len(rest) < _HEADER:
        return True
    head = np.frombuffer(rest[:_HEADER], np.uint8)
    return bool(masked_crc(head[None, :8])[0] == head[8:].view("<u4")[0])


def read_blocks(path: Path) -> Iterator[Block]:
    """The records of an event file, a few MB at a time; the last block names a fault, if any.

    Reading stops at a damaged length, as nothing behind it can be trusted. OSError as `open`.
    """
    most = path.stat().st_size
    rest, offset = b"", 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            data = rest + chunk
            starts, lengths, used, absurd = _walk(data, most)
            payloads, damaged, whole = _check(data, starts, lengths)
            if absurd or whole < starts.size:
                at = offset + (used if whole == starts.size else int(starts[whole]))
                yield Block(payloads, damaged, f"damaged record at byte {at:,}, stopped there")
                return
            yield Block(payloads, damaged, None)
            rest, offset = data[used:], offset + used
            if not _header_ok(rest):
                yield Block([], 0, f"damaged record at byte {offset:,}, stopped there")
                return
    if rest:
        yield Block([], 0, f"last record cut short at byte {offset:,}")
