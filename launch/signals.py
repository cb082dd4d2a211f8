"""Ctrl-C and SIGTERM: stop at the next step boundary; a second Ctrl-C stops at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class StopRequest:
    """`number` is the signal that asked for a stop, or None."""

    def __init__(self) -> None:
        self.number: int | None = None

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
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Handles SIGINT and SIGTERM for as long as the block runs."""
    request = StopRequest()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, request.handle) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
