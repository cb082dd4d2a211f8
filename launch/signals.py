"""Ctrl-C and SIGTERM: stop at the next step boundary; a second Ctrl-C stops at once."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from types import FrameType


class StopRequest:
    """`number` is the signal that asked for a stop, or None; `forward` is called for each."""

    def __init__(self, forward: Callable[[], None] | None = None) -> None:
        self.number: int | None = None
        self._forward = forward

    def __bool__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for SIGTERM, as a shell reports them."""
        return 128 + (self.number or 0)

    @property
    def name(self) -> str:
        """The signal's name."""
        return signal.Signals(self.number).name if self.number else ""

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: remember the first, abort on the second SIGINT."""
        if self._forward is not None:
            self._forward()
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number


@contextlib.contextmanager
def stop_on_signals(forward: Callable[[], None] | None = None) -> Iterator[StopRequest]:
    """Handle SIGINT and SIGTERM for as long as the block runs."""
    request = StopRequest(forward)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, request.handle) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_child(command: Sequence[str]) -> int:
    """Run a program of ours to its end; returns its exit code, or that of the signal to stop.

    A signal is passed on, and the program is awaited: training saves a checkpoint before it ends.
    """
    child = subprocess.Popen(command)
    try:
        # A terminal sends Ctrl-C to the child as well, and a second one would abort it.
        with stop_on_signals(child.terminate) as stop:
            code = child.wait()
    except BaseException:
        child.kill()
        child.wait()
        raise
    if stop:
        return stop.exit_code
    return code if code >= 0 else 128 - code
