"""The agent's part of a checkpoint folder: finding it, verifying it, reading its state.

A run folder holds checkpoints/step-000002500/, checkpoints/best/ and so on; each holds
  state.msgpack   the train state (flax serialisation)
  loop.json       counters and spaces
  config.json     the run's configuration
  manifest.json   sizes of all files, checksums of the small ones
beside what only resuming needs.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import jax
import numpy as np
from flax import serialization

from td3jax.config import Spaces
from td3jax.errors import BadCheckpoint
from td3jax.files import ASIDE, neighbour, standing

CHECKPOINTS, BEST = "checkpoints", "best"
STATE, LOOP, CONFIG, MANIFEST = "state.msgpack", "loop.json", "config.json", "manifest.json"
_NAME = re.compile(r"step-(\d{9,})")
_KEPT_METRICS = ("actor_metrics/", "health/")  # of a state; which ones follows from the options
State = TypeVar("State")


def name_of(step: int) -> str:
    """Return the folder name of a numbered checkpoint."""
    return f"step-{step:09d}"


def all_checkpoints(run: Path) -> list[Path]:
    """Return the numbered checkpoints of a run folder, oldest first."""
    parent = run / CHECKPOINTS
    found = parent.iterdir() if parent.is_dir() else iter(())
    names = {path.name.removeprefix(ASIDE) for path in found}
    return [standing(parent / name) for name in sorted(names) if _NAME.fullmatch(name)]


def run_folder(path: Path) -> Path | None:
    """Return the run folder that a checkpoint lies in; None where it was copied elsewhere."""
    return path.parent.parent if path.parent.name == CHECKPOINTS else None


def find(path: Path, tell: Callable[[str], None] = warnings.warn) -> Path:
    """Return the checkpoint meant by a run folder, its checkpoints folder or its own.

    Of several it is the newest that verifies; `tell` is told of each that does not. Raises
    BadCheckpoint where there is none.
    """
    path = standing(path)
    if not path.is_dir():
        raise BadCheckpoint(f"{path}: no such folder{neighbour(path)}")
    if (path / MANIFEST).is_file() or _NAME.fullmatch(path.name.removeprefix(ASIDE)):
        return path
    found = all_checkpoints(path.parent if path.name == CHECKPOINTS else path)
    if not found:
        raise BadCheckpoint(
            f"{path}: holds no checkpoint; name a run that has been saved, or one of its "
            "checkpoints"
        )
    for checkpoint in reversed(found):
        try:
            verify(checkpoint)
        except BadCheckpoint as error:
            if checkpoint == found[0]:
                raise
            tell(f"passed over: {error}")
        else:
            return checkpoint
    raise AssertionError("the last of them returns or raises")


def verify(path: Path) -> None:
    """Raise BadCheckpoint, naming the file, where one is missing, cut short or changed."""
    table = read_json(path / MANIFEST)
    for name, facts in table.items():
        file, bytes_, known = path / name, *_facts(path, name, facts)
        try:
            size = file.stat().st_size
            good = known is None or hashlib.sha256(file.read_bytes()).hexdigest() == known
        except OSError as error:
            raise corrupt(file, error.strerror or str(error)) from error
        if size != bytes_:
            raise corrupt(file, f"{size:,} bytes instead of {bytes_:,}")
        if not good:
            raise corrupt(file, "its content has changed")
    for name in (STATE, LOOP, CONFIG):
        if name not in table:
            raise corrupt(path / MANIFEST, f"it does not name {name}")


def _facts(path: Path, name: str, facts: Any) -> tuple[int, str | None]:
    """Return size and checksum of a file that the manifest names, which lies within `path`."""
    inside = not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    if inside and isinstance(facts, dict):
        size, known = facts.get("bytes"), facts.get("sha256")
        if isinstance(size, int) and (known is None or isinstance(known, str)):
            return size, known
    raise corrupt(path / MANIFEST, f"entry {name!r}: {facts!r}")


def corrupt(file: Path, why: str) -> BadCheckpoint:
    """Return the error that names a broken file and the way out."""
    return BadCheckpoint(
        f"{file}: corrupt checkpoint ({why}); a run folder stands for its newest whole one"
    )


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file; raise BadCheckpoint where it is none."""
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise corrupt(file, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise corrupt(file, f"not JSON: {error}") from error
    if not isinstance(table, dict):
        raise corrupt(file, "not a JSON object")
    return table


def spaces_table(spaces: Spaces) -> dict[str, Any]:
    """Return the spaces as loop.json has them."""
    return {
        "image": spaces.image,
        "vector": spaces.vector,
        "action": spaces.action,
        "frame_channels": spaces.frame_channels,
        "privileged": spaces.privileged,
        "expert": spaces.expert,
    }


def read_spaces(path: Path) -> Spaces:
    """Return the shapes that the checkpoint's agent was made for."""
    file = path / LOOP
    try:
        return Spaces(**read_json(file)["spaces"])
    except (KeyError, TypeError, ValueError) as error:
        raise corrupt(file, f"spaces: {error}") from error


def read_state(path: Path, make: Callable[[], State]) -> State:
    """Return the train state, in the form of what `make` returns, which is only traced.

    Metrics that it lacks, of an older program or with other options, are 0. Raises BadCheckpoint
    where the state is of an agent with other parts or shapes.
    """
    template, file = jax.eval_shape(make), path / STATE
    form = serialization.to_state_dict(template)
    try:
        raw = serialization.msgpack_restore(file.read_bytes())
    except Exception as error:  # whatever the unpacker makes of foreign bytes
        raise corrupt(file, str(error)) from error
    wanted = _shapes(form)
    for name in wanted.keys() - _shapes(raw).keys():
        group, _, metric = name.partition("/")
        if name.startswith(_KEPT_METRICS) and isinstance(raw.get(group), dict):
            raw[group][metric] = np.zeros((), np.float32)
    for name in _shapes(raw).keys() - wanted.keys():
        group, _, metric = name.partition("/")
        if name.startswith(_KEPT_METRICS):
            del raw[group][metric]
    found = _shapes(raw)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise BadCheckpoint(
                f"{file}: of an agent with another configuration: {name} is "
                f"{found.get(name, 'absent')}, expected {wanted.get(name, 'absent')}; leave out "
                "flags that change networks or optimisers"
            )
    # Parts of an optimiser that hold no array differ with its options, as with weight decay.
    arrays = _by_path(raw)
    filled = jax.tree_util.tree_map_with_path(lambda at, _: arrays[_name(at)], form)
    state: State = serialization.from_state_dict(template, filled)
    return state


def _shapes(tree: Any) -> dict[str, str]:
    """Return type and shape of every array in a state dictionary, by path."""
    return {
        name: f"{leaf.dtype}{leaf.shape}" if hasattr(leaf, "dtype") else type(leaf).__name__
        for name, leaf in _by_path(tree).items()
    }


def _by_path(tree: Any) -> dict[str, Any]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
