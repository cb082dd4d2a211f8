"""Run folders: numbered, never reused, locked."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from launch.errors import BadInput
from launch.training.folder import commit_of, exact_run_folder, locked, new_run_folder, note_start


def test_each_run_gets_the_next_number(tmp_path: Path) -> None:
    names = [new_run_folder(tmp_path / "runs", "carla").name for _ in range(3)]
    assert names == ["carla-001", "carla-002", "carla-003"]
    (tmp_path / "runs" / "carla-001").rmdir()
    assert new_run_folder(tmp_path / "runs", "carla").name == "carla-004"
    assert new_run_folder(tmp_path / "runs", "carla-x").name == "carla-x-001"


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    assert new_run_folder(tmp_path, "../a b/c").name == "a-b-c-001"
    assert new_run_folder(tmp_path, "..").name == "run-001"


def test_runs_that_start_together_get_different_folders(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_run_folder(tmp_path, "x"), range(24)))
    assert len(set(folders)) == 24


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(BadInput, match="no run folder can be made there"):
        new_run_folder(tmp_path / "runs", "x")


def test_an_exact_folder_must_be_empty(tmp_path: Path) -> None:
    assert exact_run_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "a" / "b" / "metrics.csv").write_text("")
    with pytest.raises(BadInput, match="holds a run already; --resume="):
        exact_run_folder(tmp_path / "a" / "b")


def test_only_one_process_trains_in_a_run(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom launch.training.folder import locked\n"
        "try:\n    with locked(Path(sys.argv[1])):\n        print('in')\n"
        "except Exception as error:\n    print(error)\n"
    )

    def other() -> str:
        words = [sys.executable, "-c", program, str(tmp_path)]
        root = Path(__file__).resolve().parents[3]
        return subprocess.run(words, capture_output=True, text=True, cwd=root, check=True).stdout

    with locked(tmp_path):
        assert "another process is training in it" in other()
    assert other() == "in\n"


def test_each_start_is_noted(tmp_path: Path) -> None:
    note_start(tmp_path)
    note_start(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "sessions.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    assert rows[0]["versions"]["jax"]


def test_a_commit_is_named_and_the_checkout_left_as_it_is(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    assert commit_of(tmp_path) is None
    git("init")
    file, index = tmp_path / "file", tmp_path / ".git" / "index"
    file.write_text("a")
    git("add", "file")
    git("commit", "-m", "first")
    os.utime(file, (1, 1))  # git would note the file's new time in the index
    before = index.read_bytes()
    commit = commit_of(tmp_path)
    assert commit is not None
    assert not commit.endswith("-dirty")
    file.write_text("b")
    assert commit_of(tmp_path) == f"{commit}-dirty"
    assert index.read_bytes() == before
