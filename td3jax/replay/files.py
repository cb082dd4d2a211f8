"""The replay buffer on disk: a folder of .npy files, oldest first, and state.json beside them."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from td3jax.files import whole_folder
from td3jax.replay.returns import RewardTransform
from td3jax.replay.ring import RUNNING, TRUNCATED, Ring

Array = np.ndarray[Any, Any]

_VERSION = 1
_LATER = "stratum"  # an array that older files lack: all 0
_CHUNK_BYTES = 32 << 20


def save(ring: Ring, rewards: RewardTransform, folder: Path) -> None:
    """Write a folder that appears whole; OSError leaves the old one."""
    with whole_folder(folder) as part:
        _write(ring, rewards, part)


def _write(ring: Ring, rewards: RewardTransform, folder: Path) -> None:
    oldest = (ring.head - ring.size) % ring.slots
    before = min(ring.history, int(ring.age[oldest])) if ring.size or ring.open else 0
    count = before + ring.size + int(ring.open)
    start = (oldest - before) % ring.slots
    for name, array in _arrays(ring).items():
        _write_rows(folder / f"{name}.npy", array, start, count, ring.slots)
    links = np.take(ring.link, np.arange(oldest, oldest + ring.size), mode="wrap")
    ends = links[links >= 0].tolist()
    if ring.frames is not None:
        frames = map(ring.finals.frame, ends)
        _write_each(folder / "final_frames.npy", "|u1", (len(ends), *ring.frames.shape[1:]), frames)
    if ring.vector is not None:
        vectors = map(ring.finals.vector, ends)
        _write_each(folder / "final_vectors.npy", "<f4", (len(ends), ring.vector.shape[1]), vectors)
    state = {
        "version": _VERSION,
        "before": before,
        "size": ring.size,
        "open": ring.open,
        "ends": len(ends),
        "returns": rewards.state(),
    }
    (folder / "state.json").write_text(json.dumps(state, indent=1) + "\n")


def _arrays(ring: Ring) -> dict[str, Array]:
    arrays = {"frames": ring.frames, "vector": ring.vector, "action": ring.action}
    arrays |= {"reward": ring.reward, "end": ring.end, "age": ring.age, "stratum": ring.stratum}
    return {name: array for name, array in arrays.items() if array is not None}


def _write_rows(path: Path, array: Array, start: int, count: int, slots: int) -> None:
    """`count` rows of a ring from slot `start` on, in chunks."""
    rows = max(1, _CHUNK_BYTES // (array.nbytes // len(array)))

    def chunks() -> Any:
        done = 0
        while done < count:
            at = (start + done) % slots
            size = min(rows, count - done, slots - at)
            yield array[at : at + size]
            done += size

    _write_each(path, array.dtype.newbyteorder("<").str, (count, *array.shape[1:]), chunks())


def _write_each(path: Path, kind: str, shape: tuple[int, ...], parts: Any) -> None:
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).data)
        file.flush()
        os.fsync(file.fileno())


def load(ring: Ring, rewards: RewardTransform, folder: Path) -> None:
    """Replace the ring's content; ValueError, nothing changed, unless everything fits."""
    try:
        state = json.loads((folder / "state.json").read_text())
        if state["version"] != _VERSION:
            raise ValueError(f"format {state['version']}, this program reads {_VERSION}")
        before, size, ends = (int(state[name]) for name in ("before", "size", "ends"))
        rewards_state = [float(value) for value in state["returns"]]
        files = _open_all(ring, folder, before + size + bool(state["open"]), ends)
        try:
            _fill(ring, files, before, size, bool(state["open"]), ends)
        finally:
            for file, _ in files.values():
                file.close()
        rewards.restore(rewards_state)
    except (
        OSError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"{folder}: not a replay buffer of this agent ({reason})") from None


_Files = dict[str, tuple[io.BufferedReader, int]]


def _open_all(ring: Ring, folder: Path, count: int, ends: int) -> _Files:
    """Open files, each with the place of its first row, after checking types and sizes."""
    expected = {name: (count, a.shape[1:], a.dtype) for name, a in _arrays(ring).items()}
    for name in ("frames", "vector"):
        if name in expected:
            final = "final_frames" if name == "frames" else "final_vectors"
            expected[final] = (ends, *expected[name][1:])
    if not (folder / f"{_LATER}.npy").exists():
        del expected[_LATER]
    files: _Files = {}
    try:
        for name, (rows, shape, kind) in expected.items():
            path = folder / f"{name}.npy"
            file = path.open("rb")
            files[name] = (file, 0)
            found, fortran, found_kind = _header(file, path)
            if (found, fortran, found_kind) != ((rows, *shape), False, kind):
                wanted = f"{kind} {(rows, *shape)}"
                raise ValueError(f"{path.name} holds {found_kind} {found}, not {wanted}")
            size = file.tell() + rows * int(np.prod(shape, dtype=np.int64)) * kind.itemsize
            if path.stat().st_size != size:
                raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {size}")
            files[name] = (file, file.tell())
    except BaseException:
        for file, _ in files.values():
            file.close()
        raise
    return files


def _header(file: io.BufferedReader, path: Path) -> tuple[Any, bool, Any]:
    """Return shape, order and type of the array in a file."""
    try:
        npy.read_magic(file)
        return npy.read_array_header_1_0(file)
    except Exception as error:  # numpy parses it as Python, with errors of all kinds
        raise ValueError(f"{path.name}: {error}") from error


def _read(files: _Files, name: str, row: int, out: Array) -> Array:
    """Rows of a file from `row` on into a contiguous array."""
    file, start = files[name]
    if out.nbytes:
        file.seek(start + row * (out.nbytes // len(out)))
        if file.readinto(out.view(np.uint8).reshape(-1).data) != out.nbytes:
            raise EOFError(f"{name}.npy ends early")
    return out


def _fill(ring: Ring, files: _Files, before: int, size: int, is_open: bool, ends: int) -> None:
    count = before + size + int(is_open)
    end = _read(files, "end", 0, np.empty(count, np.uint8))[before : before + size]
    age = _read(files, "age", 0, np.empty(count, np.uint8))
    is_end = end != RUNNING
    if end.max(initial=0) > TRUNCATED or int(is_end.sum()) != ends or before > ring.history:
        raise ValueError("episode ends do not match")
    skip = max(0, size - ring.capacity)  # keep the newest
    oldest = before + skip
    kept_before = min(ring.history, int(age[oldest])) if oldest < count else 0
    first, kept = oldest - kept_before, size - skip
    if first < 0:
        raise ValueError("the oldest stack has no frames")
    for name, array in _arrays(ring).items():
        if name in files:
            _read(files, name, first, array[: count - first])
        else:
            array[: count - first] = 0
    ring.head, ring.size, ring.open = kept_before + kept, kept, is_open
    _fill_finals(ring, files, np.flatnonzero(is_end[skip:]) + kept_before, int(is_end[:skip].sum()))


def _fill_finals(ring: Ring, files: _Files, slots: Array, row: int) -> None:
    """The last observations of the episodes that end at these slots; `row` is the first's."""
    ring.finals.clear()
    ring.link[: ring.head] = -1
    frame = None if ring.frames is None else np.empty_like(ring.frames[:1])
    vector = None if ring.vector is None else np.empty_like(ring.vector[:1])
    for i, slot in enumerate(slots.tolist()):
        if frame is not None:
            _read(files, "final_frames", row + i, frame)
        if vector is not None:
            _read(files, "final_vectors", row + i, vector)
        ring.link[slot] = ring.finals.store(
            None if frame is None else frame[0], None if vector is None else vector[0]
        )
