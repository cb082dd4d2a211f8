"""Recordings: what happened to the actors of a world, tick by tick, as msgpack maps in a file.

The first map is the header: format, version, map, date. One map for each tick follows: "time" (s
since the start), "ids" and "poses" of what moves (bytes of <u4 (N,) and <f4 (N, 6): m, degrees),
"spectator" (its pose), and where there are any "created" ([id, description, pose, parent]),
"destroyed" (ids), "hits" (pairs of actor ids, 0 for the town), "lights" (a state for each light)
and "flags" ([vehicle, lights]), the last two only when they changed.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from envs.standin.actors import Actor, Kind
from envs.standin.rpc import RpcFailure
from envs.standin.world import World

FORMAT, VERSION = "standin-recording", 1
_FOLDER = Path(tempfile.gettempdir()) / "standin-recordings"
Frame = dict[str, Any]


def path_of(name: str) -> Path:
    """Return a recording's path: a bare name goes into one folder, as on the real server."""
    if not name:
        raise RpcFailure("a recording needs a file name")
    if any(mark in name for mark in "/\\:"):
        return Path(name)
    return _FOLDER / name


class Recorder:
    """Writes each tick of one world; what a killed server leaves is read up to its last tick."""

    def __init__(self, path: Path, world: World, map_name: str) -> None:
        """Raise RpcFailure where the file cannot be written."""
        self.path = path
        _refuse_foreign(path)
        try:
            if path.parent == _FOLDER:
                _FOLDER.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
        except OSError as error:
            raise RpcFailure(f"start_recorder: cannot write '{path}': {error.strerror}") from error
        self._packer = msgpack.Packer()
        self._began = world.elapsed
        self._known: set[int] = set()
        self._lights = b""
        self._flags: dict[int, int] = {}
        date = time.strftime("%x %X")
        self._write({"format": FORMAT, "version": VERSION, "map": map_name, "date": date})
        self.note(world)

    def note(self, world: World) -> None:
        """Write the world as it is after a tick. Raises OSError."""
        actors = world.actors
        created = [actor for actor in actors.values() if actor.id not in self._known]
        destroyed = [actor_id for actor_id in self._known if actor_id not in actors]
        self._known = set(actors)
        moving = [a for a in actors.values() if a.kind in (Kind.VEHICLE, Kind.WALKER)]
        poses = np.array([world.pose_of(actor) for actor in moving], "<f4")
        frame: Frame = {
            "time": world.elapsed - self._began,
            "ids": np.array([actor.id for actor in moving], "<u4").tobytes(),
            "poses": poses.tobytes(),
            "spectator": list(world.spectator.pose),
        }
        if created:
            frame["created"] = [_created(world, actor) for actor in created]
        if destroyed:
            frame["destroyed"] = destroyed
        if world.contacts:
            frame["hits"] = [[hit.first, max(hit.second, 0)] for hit in world.contacts]
        lights = world.lights.state.tobytes()
        if lights != self._lights:
            frame["lights"] = self._lights = lights
        flags = [[a, b] for a, b in world.light_flags.items() if self._flags.get(a, 0) != b]
        if flags:
            frame["flags"] = flags
            self._flags = dict(world.light_flags)
        self._write(frame)

    def _write(self, message: Frame) -> None:
        self._file.write(self._packer.pack(message))

    def flush(self) -> None:
        """Make what was written readable."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _refuse_foreign(path: Path) -> None:
    """Raise RpcFailure where the file is there and no recording: it is somebody's."""
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            start = file.read(64)
        if FORMAT.encode() not in start:
            raise RpcFailure(f"start_recorder: '{path}' is there and no recording; name another")
    elif path.exists() and not path.is_file():
        raise RpcFailure(f"start_recorder: '{path}' is no file")


def _created(world: World, actor: Actor) -> list[Any]:
    return [actor.id, actor.description, list(world.pose_of(actor)), actor.parent]


@dataclass(frozen=True)
class Recording:
    """Contents of a file; `frames` is never empty."""

    path: Path
    header: Frame
    frames: list[Frame]

    @property
    def seconds(self) -> float:
        """From the first frame to the last."""
        return float(self.frames[-1]["time"])

    def head(self) -> str:
        """Version, map and date, as every query begins."""
        header = self.header
        return f"Version: {header['version']}\nMap: {header['map']}\nDate: {header['date']}\n"

    def names(self) -> dict[int, str]:
        """Blueprint of every actor that ever existed, by id."""
        return {row[0]: row[1][1] for frame in self.frames for row in frame.get("created", ())}


def read(name: str) -> Recording:
    """The recording of that name; RpcFailure, one line, where there is none that can be read."""
    path = path_of(name)
    try:
        with path.open("rb") as file:
            messages = list(msgpack.Unpacker(file, strict_map_key=False))
    except OSError as error:
        raise RpcFailure(f"recording '{path}' cannot be read: {error.strerror}") from error
    except (ValueError, msgpack.UnpackException) as error:
        raise RpcFailure(f"'{path}' is not a recording of this server") from error
    header = messages[0] if messages and isinstance(messages[0], dict) else {}
    # The unpacker takes the bytes of a frame that was cut short for numbers.
    frames = list(itertools.takewhile(lambda frame: isinstance(frame, dict), messages[1:]))
    if header.get("format") != FORMAT or not frames:
        raise RpcFailure(f"'{path}' is not a recording of this server")
    if header.get("version") != VERSION:
        raise RpcFailure(f"'{path}' is a recording of another version of this server")
    whole = len(frames)
    for number, frame in enumerate(frames):
        try:
            _check_frame(frame)
        except (KeyError, TypeError, ValueError) as error:
            if number == 0 or number + 1 < len(frames):
                raise RpcFailure(f"'{path}': frame {number} is damaged: {error!r}") from error
            whole = number  # the last may have been cut short
    frames = frames[:whole]
    return Recording(path, header, frames)


def _check_frame(frame: Frame) -> None:
    """Raise where a frame is not as the module's text has it; a recording is only data."""
    moving = len(frame["ids"]) // 4
    if not (isinstance(frame["ids"], bytes) and isinstance(frame["poses"], bytes)):
        raise TypeError("ids and poses are bytes")
    if len(frame["ids"]) != 4 * moving or len(frame["poses"]) != 24 * moving:
        raise ValueError("ids and poses of different numbers of actors")
    _check_numbers([frame["time"]], 1)
    _check_numbers(frame["spectator"], 6)
    for identity, (definition, type_id, attributes), pose, parent in frame.get("created", ()):
        _check_ids([identity, definition, parent])
        _check_numbers(pose, 6)
        for name, kind, value in attributes:
            _check_ids([kind])
            _check_texts([name, value])
        _check_texts([type_id])
    _check_ids(frame.get("destroyed", ()))
    for pair in (*frame.get("hits", ()), *frame.get("flags", ())):
        first, second = pair
        _check_ids([first, second])
    if not isinstance(frame.get("lights", b""), bytes):
        raise TypeError("lights are bytes")


def _check_numbers(values: Sequence[Any], count: int) -> None:
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise ValueError(f"{count} finite numbers are expected")


def _check_ids(values: Sequence[Any]) -> None:
    if not all(isinstance(value, int) and 0 <= value < 2**32 for value in values):
        raise ValueError("ids are whole numbers of 32 bits")


def _check_texts(values: Sequence[Any]) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError("names are texts")


def poses_of(frame: Frame) -> dict[int, np.ndarray]:
    """Pose (6,) of everything that moves, by recorded id."""
    ids = np.frombuffer(frame["ids"], "<u4").tolist()
    poses = np.frombuffer(frame["poses"], "<f4").astype(float).reshape(-1, 6)
    return dict(zip(ids, poses, strict=True))
