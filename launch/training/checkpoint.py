"""Checkpoints: the whole state of a run at a step boundary, in a folder that appears whole.

checkpoints/step-000002500/
  state.msgpack   train state (flax serialisation)
  loop.json       counters, random generators, tallies, spaces
  episode.npz     actions, rewards and last observation of each simulator's episode under way
  replay/         the buffer, unless save_replay is off
  config.json     the run's configuration
  manifest.json   sizes of all files, checksums of the small ones
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import serialization

from launch.config.run import RunConfig, read_config_file, to_json
from launch.errors import LaunchError
from launch.training.folder import METRICS
from td3jax.algorithm import Algorithm
from td3jax.checkpoint import (
    BEST,
    CHECKPOINTS,
    CONFIG,
    LOOP,
    MANIFEST,
    STATE,
    all_checkpoints,
    corrupt,
    find,
    name_of,
    read_json,
    read_spaces,
    read_state,
    run_folder,
    spaces_table,
    verify,
)
from td3jax.config import Spaces
from td3jax.errors import BadCheckpoint
from td3jax.files import ASIDE, PART, put_back, standing, whole_folder, write_synced
from td3jax.replay.buffer import ReplayBuffer

__all__ = [
    "BEST",
    "EPISODE",
    "LOOP",
    "REPLAY",
    "STATE",
    "DiskTrouble",
    "Snapshot",
    "all_checkpoints",
    "corrupt",
    "find",
    "read",
    "read_config",
    "read_spaces",
    "run_folder",
    "save",
    "save_best",
    "set_aside",
    "verify",
    "write",
]

EPISODE, REPLAY, VERSION = "episode.npz", "replay", 3
_BEFORE_SIMULATORS = 2  # the version that knew one simulator
Course = dict[str, np.ndarray]


class Snapshot(NamedTuple):
    """A checkpoint's contents besides configuration and buffer.

    loop: JSON-able. courses: of each simulator {"actions": (T, A), "rewards": (T,), "image",
    "vector"}, empty between episodes.
    """

    step: int
    state: Any
    spaces: Spaces
    loop: dict[str, Any]
    courses: list[Course]


class DiskTrouble(LaunchError):
    """A checkpoint could not be written; the ones before it are untouched."""


def save(folder: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None) -> Path:
    """Write folder/checkpoints/step-N and remove all but the newest few. Raises DiskTrouble."""
    path = folder / CHECKPOINTS / name_of(snapshot.step)
    _write_in(folder, path, config, snapshot, buffer)
    for old in all_checkpoints(folder)[: -config.loop.keep_checkpoints]:
        shutil.rmtree(old, ignore_errors=True)
    return path


def save_best(folder: Path, config: RunConfig, snapshot: Snapshot) -> Path:
    """Write folder/checkpoints/best, without a buffer, over the last. Raises DiskTrouble."""
    path = folder / CHECKPOINTS / BEST
    _write_in(folder, path, config, snapshot, None)
    return path


def set_aside(folder: Path, resumed: Path) -> Path | None:
    """Move the checkpoints that came after `resumed` out of the way of the branch that begins.

    They go into folder/abandoned-N, `best` too where it is newer, with a copy of metrics.csv.
    Returns that folder; None where there are none.
    """
    step = step_in(resumed)
    numbered = name_of(step)
    newer = [p for p in all_checkpoints(folder) if p.name.removeprefix(ASIDE) > numbered]
    best = standing(folder / CHECKPOINTS / BEST)
    if best.is_dir() and _newer(best, step):
        newer.append(best)
    if not newer:
        return None
    taken = {path.name for path in folder.glob("abandoned-*")}
    number = next(n for n in itertools.count(1) if f"abandoned-{n}" not in taken)
    target = folder / f"abandoned-{number}"
    (target / CHECKPOINTS).mkdir(parents=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.copy(folder / METRICS, target / METRICS)
    for path in newer:
        path.rename(target / CHECKPOINTS / path.name.removeprefix(ASIDE))
    return target


def _newer(path: Path, step: int) -> bool:
    """Tell whether a checkpoint came after a step; one that cannot be read may have."""
    try:
        return step_in(path) > step
    except BadCheckpoint:
        return True


def step_in(path: Path) -> int:
    """Return a checkpoint's step; BadCheckpoint where its loop.json has none."""
    step = read_json(path / LOOP).get("step")
    if not isinstance(step, int):
        raise corrupt(path / LOOP, f"step {step!r}")
    return step


def _write_in(
    folder: Path, path: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None
) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        write(path, config, snapshot, buffer)
    except OSError as error:
        raise DiskTrouble(
            f"{path}: the checkpoint cannot be written ({error.strerror or error}); "
            f"{_way_out(folder)}"
        ) from error


def write(path: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None) -> None:
    """Write a folder beside `path`, sync it and put it in its place; OSError leaves nothing."""
    for prefix in (PART, ASIDE):  # of a process that was killed
        for left in path.parent.glob(prefix + "*"):
            put_back(left.with_name(left.name.removeprefix(prefix)))
    with whole_folder(path) as part:
        _write(part, config, snapshot, buffer)


def _way_out(folder: Path) -> str:
    newest = all_checkpoints(folder)[-1:]
    if not newest:
        return "there is none before it: make room, then start a new run"
    return f"the one before, {newest[0].name}, is intact: make room, then --resume={folder}"


def _write(part: Path, config: RunConfig, snapshot: Snapshot, buffer: ReplayBuffer | None) -> None:
    write_synced(part / STATE, serialization.to_bytes(jax.device_get(snapshot.state)))
    loop = {
        "version": VERSION,
        "step": snapshot.step,
        "spaces": spaces_table(snapshot.spaces),
        **snapshot.loop,
    }
    write_synced(part / LOOP, json.dumps(loop, indent=1).encode())
    write_synced(part / CONFIG, to_json(config).encode())
    with open(part / EPISODE, "wb") as file:
        np.savez(file, **_flat(snapshot.courses))  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    if buffer is not None:
        buffer.save(part / REPLAY)
    write_synced(part / MANIFEST, json.dumps(_manifest(part), indent=1).encode())


def _flat(courses: Sequence[Course]) -> Course:
    """One table of arrays, named by simulator and part: "0/actions"."""
    pairs = enumerate(courses)
    return {f"{index}/{name}": array for index, course in pairs for name, array in course.items()}


def _courses(flat: Course, count: int) -> list[Course]:
    courses: list[Course] = [{} for _ in range(count)]
    for key, array in flat.items():
        index, _, name = key.partition("/")
        courses[int(index)][name] = array
    return courses


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


def read_config(path: Path) -> RunConfig:
    """The configuration in a checkpoint."""
    return read_config_file(path / CONFIG, RunConfig())


def read(path: Path, config: RunConfig, spaces: Spaces, algorithm: Algorithm) -> Snapshot:
    """Return train state, counters and episodes; verify the files first.

    Raises BadCheckpoint where the agent of `config` has other parts or shapes.
    """
    verify(path)
    loop = read_json(path / LOOP)
    if loop.get("version") not in (VERSION, _BEFORE_SIMULATORS):
        raise corrupt(path / LOOP, f"format {loop.get('version')}, this program reads {VERSION}")
    if read_spaces(path) != spaces:
        raise BadCheckpoint(
            f"{path}: made for {read_spaces(path)}, but the environment has {spaces}; give --env "
            "and its options as in the run's config.json"
        )
    try:
        with np.load(path / EPISODE, allow_pickle=False) as arrays:
            flat = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise corrupt(path / EPISODE, str(error)) from error
    try:
        if loop["version"] == _BEFORE_SIMULATORS:
            loop, flat = _of_one_simulator(loop, flat)
        courses = _courses(flat, len(loop["simulators"]))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise corrupt(path / LOOP, repr(error)) from error
    key = jax.random.PRNGKey(0)
    state = read_state(path, lambda: algorithm.init(config.agent, spaces, key))
    return Snapshot(step_in(path), state, spaces, loop, courses)


def _of_one_simulator(loop: dict[str, Any], flat: Course) -> tuple[dict[str, Any], Course]:
    """Return a checkpoint of the version before as this version has it."""
    ticket, under_way = int(loop["episode"]), bool(flat)
    simulator = {
        "episode": ticket,
        "faults": loop["faults"],
        "rng": loop["exploration_rng"],
        "noise": loop["exploration_noise"],
    }
    made = {"tickets": ticket + under_way, "simulators": [simulator]}
    learner = {"credit": "0", **loop["learner"]}
    return {**loop, **made, "learner": learner}, _flat([flat])
