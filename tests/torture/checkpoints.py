"""Damaged checkpoints: resumed from, evaluated and loaded, or refused in one line.

In some the checksums are made anew, so that the damage goes past them.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flax import serialization

import td3jax
from launch.cli import guarded
from launch.config.run import RunConfig, resolve
from launch.config.run_flags import from_checkpoint
from launch.config.tree import replace_leaves
from launch.errors import BAD_INPUT, DONE, NO_GO
from launch.signals import StopRequest
from launch.training import checkpoint
from launch.training.loop import train
from launch.training.session import open_session
from td3jax.checkpoint import MANIFEST
from tests.torture.mutation import spoil_bytes, spoil_tree
from tests.torture.outcome import Outcome

_NAME = "torture"
_TRUSTED = 0.7


def fuzz(run: Path, envs: Callable[[], Any], count: int, seed: int, scratch: Path) -> Outcome:
    """Damage copies of a run's newest checkpoint and use each; the run itself stays whole."""
    rng, outcome = random.Random(seed), Outcome()
    source = checkpoint.find(run)
    stored = checkpoint.read_config(source)
    for number in range(count):
        folder = scratch / f"run-{number}"
        copy = folder / "checkpoints" / source.name
        shutil.copytree(source, copy)
        shutil.copy(run / "metrics.csv", folder)
        what = damage(copy, rng)
        with outcome.attempt(f"{number}: {what}"):
            use(folder, stored, envs)
        shutil.rmtree(folder)
    return outcome


def damage(path: Path, rng: random.Random) -> str:
    """Spoil one file of a checkpoint; returns what was done."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    file = rng.choice(files)
    data, name = file.read_bytes(), file.relative_to(path).as_posix()
    ways: list[Callable[[], bytes]] = [lambda: spoil_bytes(data, rng)]  # and as what they say
    if file.suffix == ".json":
        ways += [lambda: json.dumps(_spoiled(json.loads(data), rng)).encode()] * 3
    if file.suffix == ".msgpack":
        tree = serialization.msgpack_restore(data)
        ways.append(lambda: serialization.msgpack_serialize(_spoiled(tree, rng)))
    try:
        file.write_bytes(rng.choice(ways)())
    except (OverflowError, TypeError, ValueError):  # nothing that such a file can hold
        file.unlink()
    trusted = file.name != MANIFEST and rng.random() < _TRUSTED
    if trusted:
        (path / MANIFEST).write_text(json.dumps(checkpoint._manifest(path)))
    return f"{name}{', checksums anew' if trusted else ''}"


def _spoiled(tree: Any, rng: random.Random) -> Any:
    return spoil_tree(tree, rng, rng.choice((1, 1, 2, 5)))


def use(folder: Path, stored: RunConfig, envs: Callable[[], Any]) -> None:
    """Resume from it and train a few steps, and load its policy; both may be refused."""
    for body in (lambda: _resume(folder, stored, envs), lambda: _load(folder)):
        told = io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
            code = guarded(_NAME, body)
        lines = [line for line in told.getvalue().splitlines() if line.startswith(_NAME)]
        if code not in (DONE, BAD_INPUT, NO_GO) or len(lines) != (code != DONE):
            raise AssertionError(f"exit code {code}: {lines}")


def _resume(folder: Path, stored: RunConfig, envs: Callable[[], Any]) -> int:
    """Train three steps; another configuration than the run's is read and not tried."""
    path = checkpoint.find(folder, lambda line: None)
    resolve(from_checkpoint({}, checkpoint.read_config(path)))
    session = open_session(stored, folder, envs(), StopRequest(), path)
    with contextlib.closing(session):
        session.config = replace_leaves(stored, {"steps": session.step + 3})
        train(session)
    return DONE


def _load(folder: Path) -> int:
    td3jax.load(folder)
    return DONE
