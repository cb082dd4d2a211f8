"""A disk that is full at each kind of write of a run: one line, and the last checkpoint resumes.

The disk is a small tmpfs, so this needs the right to mount.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from launch import evaluate
from launch import train as command
from launch.cli import guarded
from launch.config.run import to_json
from launch.errors import FAILED
from launch.files import write_whole
from launch.page.subject import of_folder
from launch.page.write import PAGE, write_page
from launch.training import checkpoint
from launch.training.evaluation import run_episodes
from launch.training.evaluation_file import write_evaluation
from launch.training.finish import report
from launch.training.folder import note_start
from launch.training.loop import train
from launch.training.policies import greedy
from launch.training.session import Session
from launch.training.video import Video, kept
from td3jax import ReplayBuffer
from tests.launch.run_support import as_flags, session, tiny
from tests.torture.outcome import Outcome

_SIZE = "16m"
_ROWS = 500  # more than fit into what a file has left of its last page
Body = Callable[[], int]


class CannotMount(Exception):
    """This process may not mount a file system."""


def fill(scratch: Path) -> Outcome:
    """Fill the disk before each kind of write. Raises CannotMount."""
    outcome = Outcome()
    with _disk(scratch / "disk") as disk:
        config = tiny(steps=60, checkpoint_every=20, eval_every=0, final_episodes=0)
        run = session(config, disk / "run")
        with contextlib.redirect_stderr(io.StringIO()):
            train(run)
            run.keep_best({"eval/return": 0.0})
        for name, write in _writes(run, disk).items():
            with outcome.attempt(name):
                _tried(disk, run.folder, "train", _as_command(write))
        run.close()
        for name, body in _commands(run.folder, disk).items():
            with outcome.attempt(name):
                _tried(disk, run.folder, name.partition(" ")[0], body)
        with outcome.attempt("resumed at the end"):
            code, err = _told(lambda: command.main([f"--resume={run.folder}", *_LATER]))
            if code:
                raise AssertionError(err)
    return outcome


_LATER = ("--steps=80", "--final_episodes=0")


def _writes(run: Session, disk: Path) -> dict[str, Callable[[], object]]:
    """Every kind of write of a training."""
    folder, env = run.folder, run.env
    policy = greedy(run.algorithm, run.learner.state)
    results = run_episodes(env, policy, 1, 0)
    mapped = dataclasses.replace(run.config.replay, capacity=10**7, replay_path=str(disk))
    subject = of_folder(folder, None)

    def again() -> None:
        run.saved = None
        run.save()

    def record() -> None:
        random = np.random.default_rng(0)
        with kept(Video(folder / "evaluation.mp4", 20.0)) as video:
            assert video is not None
            for _ in range(20):
                video.add(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))

    return {
        "checkpoint": again,
        "best": lambda: run.keep_best({"eval/return": run.best + 1.0}),
        "replay in files": lambda: ReplayBuffer(mapped, run.buffer.spaces, 0.99),
        "metrics.csv, events": lambda: [run.log({"train/x": 0.1}) for _ in range(_ROWS)],
        "config.json": lambda: write_whole(folder / "config.json", to_json(run.config)),
        "sessions.jsonl": lambda: [note_start(folder) for _ in range(10)],
        "report": lambda: report(run),
        "evaluation.json": lambda: write_evaluation(folder / "evaluation.json", {}, results, env),
        "page": lambda: write_page(folder / PAGE, subject),
        "video": record,
    }


def _commands(folder: Path, disk: Path) -> dict[str, Body]:
    """Whole commands that begin on a full disk."""
    new = as_flags(steps=60, final_episodes=0)
    return {
        "train anew": lambda: command.main([*new, f"--run_dir={disk / 'new'}"]),
        "train resumed": lambda: command.main([f"--resume={folder}", *_LATER]),
        "evaluate": lambda: evaluate.main([str(folder), "--episodes=1"]),
    }


def _tried(disk: Path, folder: Path, name: str, body: Body) -> None:
    """Raise unless a full disk is told in one line and leaves the newest checkpoint as it was."""
    newest = checkpoint.all_checkpoints(folder)[-1]
    with _full(disk):
        code, err = _told(body)
    lines = [line for line in err.splitlines() if line.startswith(f"{name}: ")]
    if code != FAILED or len(lines) != 1 or "No space left" not in lines[0]:
        raise AssertionError(f"exit code {code}: {err}")
    if "Traceback" in err or "Exception ignored" in err:
        raise AssertionError(err)
    if str(disk) not in lines[0]:
        raise AssertionError(f"names no file: {lines[0]}")
    checkpoint.verify(newest)
    if checkpoint.find(folder) != newest:
        raise AssertionError(f"{checkpoint.find(folder)} is not {newest}")
    left = [path for path in folder.rglob(".*") if path.name != ".lock"]
    if left:
        raise AssertionError(f"left behind: {left}")


def _as_command(write: Callable[[], object]) -> Body:
    def body() -> int:
        write()
        return 0

    return lambda: guarded("train", body)


def _told(body: Body) -> tuple[int, str]:
    """Return exit code and what was said on stderr."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        code = body()
    return code, err.getvalue().replace("\r", "\n")


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk of its own at a folder."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotMount("there is no mount") from error
    if done.returncode:
        raise CannotMount(done.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def _full(disk: Path) -> Iterator[None]:
    """Fill a disk to its last byte; what fills it is removed again."""
    filler = disk / "filler"
    try:
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        yield
    finally:
        filler.unlink()
