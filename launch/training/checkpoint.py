"""Checkpoints: the whole state of a run at a step boundary, in a folder that appears whole.

checkpoints/step-000002500/
  state.msgpack   train state (flax serialisation)
  loop.json       counters, random generators, tallies, spaces
  episode.npz     actions, rewards and last observation of the episode under way
  replay/         the buffer, unless save_replay is off
  config.json     the run's configuration
  manifest.json   sizes of all files, checksums of the small ones
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import serialization

from launch.config.run import RunConfig, read_config_file, to_json
from launch.errors import BadCheckpoint, LaunchError
from launch.training.folder import CHECKPOINTS, CONFIG
from td3jax.agent import TrainState, init
from td3jax.config import Spaces
from td3jax.replay.buffer import ReplayBuffer

STATE, LOOP, EPISODE, REPLAY = "state.msgpack", "loop.json", "episode.npz", "replay"
BEST = "best"  # beside the numbered checkpoints: that of the best evaluation
MANIFEST, VERSION = "manifest.json", 2
_NAME = re.compile(r"step-(\d{9,})")


class Snapshot(NamedTuple):
    """What a checkpoint holds besides configuration and buffer.

    loop: JSON-able. episode: {"actions": (T, A), "rewards": (T,), "image", "vector"}, empty
    between episodes.
    """

    step: int
    state: TrainState
    loop: dict[str, Any]
    episode: dict[str, np.ndarray]


class DiskTrouble(LaunchError):
    """A checkpoint could not be written; the ones before it are untouched."""


def save(folder: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None) -> Path:
    """Writes folder/checkpoints/step-N and removes all but the newest few. Raises DiskTrouble."""
    path = folder / CHECKPOINTS / f"step-{snapshot.step:09d}"
    _write_in(folder, path, config, snapshot, buffer)
    for old in all_checkpoints(folder)[: -config.loop.keep_checkpoints]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def save_best(folder: Path, config: RunConfig, snapshot: Snapshot) -> Path:
    """Writes folder/checkpoints/best, without a buffer, over the last. Raises DiskTrouble."""
    path = folder / CHECKPOINTS / BEST
    _write_in(folder, path, config, snapshot, None)
    return path


def _write_in(
    folder: Path, path: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None
) -> None:
    parent = path.parent
    try:
        parent.mkdir(exist_ok=True)
        write(path, config, snapshot, buffer)
    except OSError as error:
        raise DiskTrouble(
            f"{path}: the checkpoint cannot be written ({error.strerror or error}); "
            f"{_kept(parent)}; make room, then --resume={folder}"
        ) from error


def write(path: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None) -> None:
    """Writes a folder beside `path`, syncs it and puts it in its place; OSError leaves nothing."""
    for left in path.parent.glob(".part-*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    part = path.parent / f".part-{path.name}"
    try:
        part.mkdir()
        _write(part, config, snapshot, buffer)
        if path.exists():
            shutil.rmtree(path)
        part.rename(path)
        _sync(path.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _kept(parent: Path) -> str:
    newest = all_checkpoints(parent.parent)[-1:]
    return f"the one before, {newest[0].name}, is intact" if newest else "there is none before it"


def _write(part: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None) -> None:
    _put(part / STATE, serialization.to_bytes(jax.device_get(snapshot.state)))
    spaces = snapshot.state.spaces
    loop = {
        "version": VERSION,
        "step": snapshot.step,
        "spaces": {"image": spaces.image, "vector": spaces.vector, "action": spaces.action},
        **snapshot.loop,
    }
    _put(part / LOOP, json.dumps(loop, indent=1).encode())
    _put(part / CONFIG, to_json(config).encode())
    with open(part / EPISODE, "wb") as file:
        np.savez(file, **snapshot.episode)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    if buffer is not None:
        buffer.save(part / REPLAY)
    _put(part / MANIFEST, json.dumps(_manifest(part), indent=1).encode())
    _sync(part)


def _put(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            yield path.relative_to(folder).as_posix(), path


def _manifest(folder: Path) -> dict[str, Any]:
    table = {}
    for name, path in _files(folder):
        small = not name.startswith(REPLAY)
        table[name] = {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if small else None,
        }
    return table


def all_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    parent = folder / CHECKPOINTS
    found = parent.iterdir() if parent.is_dir() else iter(())
    return sorted(path for path in found if _NAME.fullmatch(path.name))


def find(path: Path) -> Path:
    """The checkpoint meant by a run folder, its checkpoints folder or a checkpoint's own."""
    if not path.is_dir():
        raise BadCheckpoint(f"{path}: no such folder")
    if (path / MANIFEST).is_file() or _NAME.fullmatch(path.name):
        return path
    found = all_checkpoints(path.parent if path.name == CHECKPOINTS else path)
    if not found:
        raise BadCheckpoint(f"{path}: holds no checkpoint")
    return found[-1]


def verify(path: Path) -> None:
    """Raises BadCheckpoint, naming the file, where one is missing, cut short or changed."""
    table = _json(path / MANIFEST)
    for name, facts in table.items():
        file = path / name
        try:
            size = file.stat().st_size
            known = facts["sha256"]
            good = known is None or hashlib.sha256(file.read_bytes()).hexdigest() == known
        except OSError as error:
            raise _corrupt(file, error.strerror or str(error)) from error
        if size != facts["bytes"]:
            raise _corrupt(file, f"{size:,} bytes instead of {facts['bytes']:,}")
        if not good:
            raise _corrupt(file, "its content has changed")


def _corrupt(file: Path, why: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"{file}: corrupt checkpoint ({why}); remove {file.parent} to go back to the one before"
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _corrupt(file, error.strerror or str(error)) from error
    except ValueError as error:
        raise _corrupt(file, f"not JSON: {error}") from error
    if not isinstance(table, dict):
        raise _corrupt(file, "not a JSON object")
    return table


def read_config(path: Path) -> RunConfig:
    """The configuration in a checkpoint."""
    return read_config_file(path / CONFIG, RunConfig())


def read_spaces(path: Path) -> Spaces:
    """The shapes that the checkpoint's agent was made for."""
    table = _json(path / LOOP)["spaces"]
    image = tuple(table["image"]) if table["image"] else None
    return Spaces(image=image, vector=table["vector"], action=table["action"])


def read(path: Path, config: RunConfig, spaces: Spaces) -> Snapshot:
    """Train state, counters and episode; verifies the files first.

    BadCheckpoint where the agent of `config` has other parts or shapes.
    """
    verify(path)
    loop = _json(path / LOOP)
    if loop.get("version") != VERSION:
        raise _corrupt(path / LOOP, f"format {loop.get('version')}, this program reads {VERSION}")
    if read_spaces(path) != spaces:
        raise BadCheckpoint(
            f"{path}: made for {read_spaces(path)}, but the environment has {spaces}"
        )
    try:
        with np.load(path / EPISODE, allow_pickle=False) as arrays:
            episode = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _corrupt(path / EPISODE, str(error)) from error
    return Snapshot(int(loop["step"]), _read_state(path / STATE, config, spaces), loop, episode)


def _read_state(file: Path, config: RunConfig, spaces: Spaces) -> TrainState:
    template = jax.eval_shape(lambda: init(config.agent, spaces, jax.random.PRNGKey(0)))
    try:
        raw = serialization.msgpack_restore(file.read_bytes())
    except Exception as error:  # whatever the unpacker makes of foreign bytes
        raise _corrupt(file, str(error)) from error
    wanted, found = _shapes(serialization.to_state_dict(template)), _shapes(raw)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise BadCheckpoint(
                f"{file}: of an agent with another configuration: {name} is "
                f"{found.get(name, 'absent')}, expected {wanted.get(name, 'absent')}"
            )
    state: TrainState = serialization.from_state_dict(template, raw)
    return state


def _shapes(tree: Any) -> dict[str, str]:
    """Type and shape of every array in a state dictionary, by path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{leaf.dtype}{leaf.shape}"
        for path, leaf in leaves
    }
