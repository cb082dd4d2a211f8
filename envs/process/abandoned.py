"""Servers that outlived the process that started them, as containers and scripts of CARLA do.

Who holds a block of ports keeps a note in the locked file of how its server is ended. A note in a
file that nobody locks belongs to a process that is dead: the next start of ours ends that server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shlex
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from envs.errors import ServerUnreachable

STOP_SECONDS = 60.0  # for a stop command


@dataclasses.dataclass(frozen=True)
class Note:
    """How a server is ended: its process group, known again by its leader's start, and a command.

    started: clock ticks after the machine's start; 0 = there is no such process.
    """

    pid: int
    started: int
    stop_words: tuple[str, ...] = ()


def hold_folder() -> Path:
    """Return the folder of this user's locked files, readable and writable by nobody else.

    The notes in it name commands to run, so a folder of somebody else is refused.
    """
    folder = Path(tempfile.gettempdir()) / f"td3jax-ports-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ServerUnreachable(
            f"{folder} is not a folder of this user: remove it, or set TMPDIR to a folder of yours"
        )
    folder.chmod(0o700)
    return folder


def open_hold(path: Path) -> IO[bytes]:
    """Open a block's file without touching the note that its holder may have in it."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b")


def lock(hold: IO[bytes]) -> bool:
    """Lock a block's file until it is closed; False where somebody has it."""
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def started_at(pid: int) -> int:
    """Return a process's start in clock ticks after the machine's; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return 0 if fields[0] == "Z" else int(fields[19])
    except (OSError, IndexError, ValueError):
        return 0


def write_note(hold: IO[bytes], pid: int, stop_words: Sequence[str]) -> None:
    """Note in a locked file how the server of this process is ended."""
    note = Note(pid, started_at(pid), tuple(stop_words))
    clear_note(hold)
    hold.write(json.dumps(dataclasses.asdict(note)).encode())
    hold.flush()


def clear_note(hold: IO[bytes]) -> None:
    """Forget the note: its server has ended."""
    hold.seek(0)
    hold.truncate()


def read_note(hold: IO[bytes]) -> Note | None:
    """Return the note of a locked file, if it has a whole one."""
    hold.seek(0)
    try:
        table = json.loads(hold.read())
        return Note(int(table["pid"]), int(table["started"]), tuple(map(str, table["stop_words"])))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def notes() -> Iterator[tuple[IO[bytes], Note]]:
    """Yield the locked file and note of every server whose starter is dead."""
    for path in sorted(hold_folder().iterdir()):
        if not path.name.isdigit() or not path.stat().st_size:
            continue
        with open_hold(path) as hold:
            note = read_note(hold) if lock(hold) else None
            if note is not None:
                yield hold, note


def stop_abandoned(say: Callable[[str], None]) -> int:
    """End every server whose starter is dead; return the number of those that cannot be ended.

    say: gets a line for each.
    """
    stuck = 0
    for hold, note in notes():
        if end(hold, note):
            say(f"ended a server that a run had left: {describe(note)}")
        else:
            stuck += 1
            say(f"cannot end a server that a run had left; run this: {describe(note)}")
    return stuck


def describe(note: Note) -> str:
    """Return how the server of a note is ended, in one line."""
    return shlex.join(note.stop_words) or f"process {note.pid}"


def end(hold: IO[bytes], note: Note) -> bool:
    """End the server of a note; the note stays, and False is returned, where the command fails."""
    if note.started and started_at(note.pid) == note.started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(note.pid, signal.SIGKILL)
    if not run_stop(note.stop_words, subprocess.DEVNULL):
        return False
    clear_note(hold)
    return True


def run_stop(words: Sequence[str], output: int | IO[bytes]) -> bool:
    """Run a stop command, if there is one; return whether it could be run to its end."""
    if not words:
        return True
    try:
        subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=STOP_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return True
