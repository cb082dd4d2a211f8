"""Compiles all machine code before the server takes its first client."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence

from envs.standin.compiled import CALLS, Call
from envs.standin.parent import end_with_parent

Say = Callable[[str], None]

#: Processes that compile side by side at most; each takes a quarter of a gigabyte.
_MOST_PROCESSES = 4
_SAY_SECONDS = 5.0
#: How long another server may compile before this one does so itself, beside it.
_PATIENCE = 600.0


def warm_up(say: Say) -> None:
    """Load all machine code; where the machine has none yet, compile it.

    Of several servers that start at once one compiles; the others wait, and find it on disk.
    """
    with _alone(say):
        for done, call in enumerate(CALLS, 1):
            if call.prepare():
                _compile(CALLS[done:], say)
                break
        for call in CALLS:
            call.prepare()


def folder_to_lock() -> str | None:
    """A folder that servers share where they share machine code; None where they cannot."""
    return min((call.folder for call in CALLS if call.folder), default=None)


@contextlib.contextmanager
def _alone(say: Say) -> Iterator[None]:
    """Wait until no other server compiles for the same folder."""
    folder = folder_to_lock()
    if folder is None:
        yield
        return
    lock = os.open(folder, os.O_RDONLY)
    try:
        _wait_for(lock, say)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int, say: Say) -> None:
    until, tell = time.monotonic() + _PATIENCE, _seldom(say)
    while time.monotonic() < until:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("waiting for another server, which compiles for this machine")
            time.sleep(0.1)
        except OSError:  # a file system without locks
            return
        else:
            return


def _compile(calls: Sequence[Call], say: Say) -> None:
    """Compiles side by side with other processes, whose work is then found on disk."""
    kept = all(call.folder for call in calls)
    say("compiling for this machine, once: half a minute, or more where it is busy" if kept else
        "compiling, a minute or two, at each start: no folder to keep it in can be written to; "
        "NUMBA_CACHE_DIR names one")  # fmt: skip
    others = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES) - 1 if kept else 0
    left, tell = _queue(len(calls)), _seldom(say)
    helpers = [_helper(calls, left) for _ in range(others)]
    for index in _taken(left):
        tell(f"compiling for this machine: {index} of {len(calls)} functions done")
        calls[index].prepare()
    os.close(left)
    for helper in helpers:
        os.waitpid(helper, 0)


def _seldom(say: Say) -> Say:
    """`say`, but at most every few seconds."""
    last = time.monotonic()

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _SAY_SECONDS:
            last = time.monotonic()
            say(text)

    return tell


def _queue(count: int) -> int:
    """A pipe full of numbers, from which several processes take."""
    source, sink = os.pipe()
    os.write(sink, bytes(range(count)))
    os.close(sink)
    return source


def _taken(queue: int) -> Iterator[int]:
    while number := os.read(queue, 1):
        yield number[0]


def _helper(calls: Sequence[Call], queue: int) -> int:
    parent = os.getpid()
    helper = os.fork()
    if helper:
        return helper
    with contextlib.suppress(BaseException):
        end_with_parent(parent)
        for index in _taken(queue):
            calls[index].prepare()
    os._exit(0)
