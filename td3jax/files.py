"""Folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from td3jax.options import suggestion

PART, ASIDE = ".part-", ".old-"


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` to fill; filled, it takes the place of `path`.

    An exception in the block leaves the old folder as it was, and nothing beside it. The old one
    is moved aside before it is removed, so after a kill at any moment `standing` finds it or the
    new one, and the next call gives it its name again.
    """
    part, aside = (path.with_name(prefix + path.name) for prefix in (PART, ASIDE))
    path.parent.mkdir(parents=True, exist_ok=True)
    put_back(path)
    try:
        part.mkdir()
        yield part
        sync(part)
        if path.exists():
            path.rename(aside)
        part.rename(path)
        sync(path.parent)
    except BaseException:
        if aside.exists() and not path.exists():
            aside.rename(path)
        shutil.rmtree(part, ignore_errors=True)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def standing(path: Path) -> Path:
    """Return where the folder `path` is now: aside, where a kill came while it was replaced."""
    aside = path.with_name(ASIDE + path.name)
    return aside if aside.is_dir() and not path.exists() else path


def put_back(path: Path) -> None:
    """Mend what a killed process left of `path`: the old folder gets its name, a part goes.

    Only for the process that alone writes there.
    """
    aside = path.with_name(ASIDE + path.name)
    if aside.is_dir() and not path.exists():
        aside.rename(path)
    for left in (aside, path.with_name(PART + path.name)):
        shutil.rmtree(left, ignore_errors=True)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def neighbour(path: Path) -> str:
    """Return "; did you mean X?" of what lies beside a path that is not there, or nothing."""
    beside = path.parent.iterdir() if path.parent.is_dir() else iter(())
    return suggestion(path.name, (one.name for one in beside))
