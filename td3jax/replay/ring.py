"""Storage of the replay buffer: every observation once, in rings of numpy arrays.

Slot t holds one observation (its newest frame, and all its numbers in one row: vector, privileged,
expert) and the transition that leaves it;
the observation that follows is in slot t + 1. The last observation of an episode, which no
transition leaves, is kept aside in `Finals`, so N transitions always fit whatever the episodes'
lengths. S - 1 slots beyond the oldest transition keep the frames that its stack reaches back to.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from td3jax.config import Spaces

Array = np.ndarray[Any, Any]
Observation = dict[str, Array]

RUNNING, TERMINATED, TRUNCATED = 0, 1, 2
_CHUNK_BYTES = 1 << 17
_MAX_AGE = 255


def memory_limit() -> int:
    """Bytes of memory that this machine or this process's control group has."""
    limit = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(limit, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such file, or the word "max"
        return limit


class Finals:
    """The last observations of episodes; a row is free once its transition is."""

    def __init__(self, shape: tuple[int, ...] | None, width: int | None) -> None:
        self._shape, self._width = shape, width
        row_bytes = (math.prod(shape) if shape else 0) + 4 * (width or 0)
        self._rows = max(1, _CHUNK_BYTES // row_bytes)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._frames: list[Array] = []
        self._vectors: list[Array] = []
        self._free: list[int] = []
        self._count = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(chunk.nbytes for chunk in (*self._frames, *self._vectors))

    def store(self, frame: Array | None, vector: Array | None) -> int:
        """Keep a copy; returns its row."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        chunk, place = divmod(row, self._rows)
        if frame is not None:
            self._frames[chunk][place] = frame
        if vector is not None:
            self._vectors[chunk][place] = vector
        return row

    def _grow(self) -> None:
        if self._shape is not None:
            self._frames.append(np.empty((self._rows, *self._shape), np.uint8))
        if self._width is not None:
            self._vectors.append(np.empty((self._rows, self._width), np.float32))
        self._free = list(range(self._count, self._count + self._rows))[::-1]
        self._count += self._rows

    def free(self, row: int) -> None:
        """Give a row back."""
        self._free.append(row)

    def frame(self, row: int) -> Array:
        """Return a frame, uint8, shaped as Spaces.frame."""
        return self._frames[row // self._rows][row % self._rows]

    def vector(self, row: int) -> Array:
        """Return a vector, float32 (V,)."""
        return self._vectors[row // self._rows][row % self._rows]


class Ring:
    """The arrays and the place of the newest observation; no sampling, no reward rules."""

    def __init__(self, spaces: Spaces, capacity: int, folder: Path | None) -> None:
        self.spaces, self.capacity = spaces, capacity
        self.history = spaces.stack - 1 if spaces.image else 0
        if self.history >= _MAX_AGE:
            raise ValueError(f"image stack of {self.history + 1} frames: expected at most 255")
        self.slots = capacity + 1 + self.history
        columns = _columns(spaces)
        need = sum(self.slots * width * np.dtype(kind).itemsize for width, kind in columns.values())
        if folder is None and need > memory_limit():
            raise MemoryError(
                f"replay capacity {capacity:,} needs {need / 1e9:.1f} GB, this machine has "
                f"{memory_limit() / 1e9:.1f} GB: lower the capacity or give a replay path"
            )
        arrays = {
            name: _allocate(self.slots * width, kind, folder)
            for name, (width, kind) in columns.items()
        }
        self.frames = arrays["frames"].reshape(self.slots, *spaces.frame) if spaces.frame else None
        width = sum(spaces.numbers.values()) or None
        self.vector = arrays["vector"].reshape(self.slots, -1) if width else None
        self.action = arrays["action"].reshape(self.slots, -1)
        self.reward, self.end = arrays["reward"], arrays["end"]
        self.age, self.link = arrays["age"], arrays["link"]
        self.stratum = arrays["stratum"]
        self.finals = Finals(spaces.frame, width)
        self.head = 0  # slot of the newest observation
        self.size = 0  # transitions, in the slots before head
        self.open = False  # an episode is under way

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, in memory or mapped."""
        rings = [self.frames, self.vector, self.action, self.reward]
        rings += [self.end, self.age, self.link, self.stratum]
        return sum(a.nbytes for a in rings if a is not None) + self.finals.nbytes

    def begin(self, frame: Array | None, vector: Array | None, stratum: int = 0) -> None:
        """Write the first observation of an episode."""
        self._put(frame, vector, stratum)
        self.age[self.head] = 0
        self.open = True

    def add(
        self,
        action: Array,
        reward: float,
        end: int,
        frame: Array | None,
        vector: Array | None,
        stratum: int = 0,
    ) -> None:
        """Write a transition from the newest observation to the given one."""
        if self.size == self.capacity:
            self.drop_oldest()
        now = self.head
        self.action[now], self.reward[now], self.end[now] = action, reward, end
        self.head = (now + 1) % self.slots
        self.size += 1
        if end == RUNNING:
            self.link[now] = -1
            self.age[self.head] = min(int(self.age[now]) + 1, _MAX_AGE)
            self._put(frame, vector, stratum)
        else:
            self.link[now] = self.finals.store(frame, vector)
            self.open = False

    def drop_oldest(self) -> None:
        """Forget the oldest transition."""
        row = int(self.link[(self.head - self.size) % self.slots])
        if row >= 0:
            self.finals.free(row)
        self.size -= 1

    def close_episode(self) -> None:
        """Truncate the episode under way at its newest transition; without one, drop it."""
        if self.open and self.age[self.head] > 0 and self.size > 0:
            last = (self.head - 1) % self.slots
            frame = None if self.frames is None else self.frames[self.head]
            vector = None if self.vector is None else self.vector[self.head]
            self.end[last] = TRUNCATED
            self.link[last] = self.finals.store(frame, vector)
        self.open = False

    def members(self, stratum: int) -> Array:
        """Return the places of the transitions from a stratum's observations, 0 the oldest."""
        first = (self.head - self.size) % self.slots
        until_end = min(self.size, self.slots - first)
        runs = (self.stratum[first : first + until_end], self.stratum[: self.size - until_end])
        return np.flatnonzero(np.concatenate(runs) == stratum)

    def _put(self, frame: Array | None, vector: Array | None, stratum: int) -> None:
        self.stratum[self.head] = stratum
        if self.frames is not None:
            self.frames[self.head] = frame
        if self.vector is not None:
            self.vector[self.head] = vector


def _columns(spaces: Spaces) -> dict[str, tuple[int, type]]:
    """Width and type of each array, per slot."""
    columns: dict[str, tuple[int, type]] = {}
    if spaces.frame is not None:
        columns["frames"] = (math.prod(spaces.frame), np.uint8)
    if spaces.numbers:
        columns["vector"] = (sum(spaces.numbers.values()), np.float32)
    columns |= {"action": (spaces.action, np.float32), "reward": (1, np.float32)}
    columns |= {"end": (1, np.uint8), "age": (1, np.uint8), "link": (1, np.int32)}
    return columns | {"stratum": (1, np.uint8)}


def _allocate(count: int, kind: type, folder: Path | None) -> Array:
    """Memory that costs nothing until written, or a nameless file that ends with the process."""
    if folder is None:
        return np.zeros(count, kind)
    folder.mkdir(parents=True, exist_ok=True)
    size = count * np.dtype(kind).itemsize
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)  # else a full disk kills the process later
        except OSError as error:
            raise OSError(f"{folder}: no room for {size / 1e9:.1f} GB of replay: {error}") from None
        return np.memmap(file, kind, mode="r+", shape=(count,))
