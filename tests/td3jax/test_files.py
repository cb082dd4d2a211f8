"""A folder is replaced whole, whatever happens in between."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from td3jax.files import ASIDE, PART, whole_folder

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, text: str) -> None:
    with whole_folder(path) as part:
        (part / "file").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_made_and_replaced(tmp_path):
    path = tmp_path / "deep" / "folder"
    for text in ("one", "two"):
        write(path, text)
        assert (path / "file").read_text() == text
        assert names(path.parent) == ["folder"]


def _fail_half_way(path: Path) -> None:
    with whole_folder(path) as part:
        (part / "file").write_text("two")
        raise RuntimeError("half way")


def test_an_exception_leaves_the_old_one_and_nothing_beside_it(tmp_path):
    path = tmp_path / "folder"
    write(path, "one")
    with pytest.raises(RuntimeError, match="half way"):
        _fail_half_way(path)
    assert (path / "file").read_text() == "one"
    assert names(tmp_path) == ["folder"]


KILLED = """
import os, sys
from pathlib import Path
from td3jax.files import whole_folder

path, moment, plain, calls = Path(sys.argv[1]), int(sys.argv[2]), Path.rename, []

def rename(self, target):
    calls.append(target)
    if len(calls) == moment:
        os.kill(os.getpid(), 9)
    return plain(self, target)

Path.rename = rename
with whole_folder(path) as part:
    (part / "file").write_text("two")
"""


@pytest.mark.parametrize("moment", [1, 2])
def test_a_kill_at_either_rename_leaves_a_whole_folder(tmp_path, moment):
    path = tmp_path / "folder"
    write(path, "one")
    words = [sys.executable, "-c", KILLED, str(path), str(moment)]
    done = subprocess.run(words, cwd=ROOT, timeout=60)
    assert done.returncode == -9
    left = path if path.exists() else path.with_name(ASIDE + "folder")
    assert (left / "file").read_text() == "one"
    assert (path.with_name(PART + "folder") / "file").read_text() == "two"
    write(path, "three")
    assert (path / "file").read_text() == "three"
    assert names(tmp_path) == ["folder"]


def test_a_folder_left_aside_comes_back_when_the_next_write_fails(tmp_path):
    path = tmp_path / "folder"
    write(path, "one")
    shutil.move(path, path.with_name(ASIDE + "folder"))
    with pytest.raises(RuntimeError, match="full"), whole_folder(path):
        raise RuntimeError("full")
    assert (path / "file").read_text() == "one"
