"""What a person is told in one line, with the exit code that goes with it."""

from __future__ import annotations

FAILED = 1  # the simulator is gone for good, the disk is full, ...
BAD_INPUT = 2  # a flag, preset, file or checkpoint that cannot be used
NO_GO = 3  # the run stopped itself: NO-GO, or a value that is not finite
INTERRUPTED = 130  # by SIGINT
TERMINATED = 143  # by SIGTERM


class LaunchError(Exception):
    """Something that a person can mend; `str(error)` is one line saying what and how."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class BadInput(LaunchError):
    """A wrong flag, preset, configuration file, environment or folder."""

    exit_code = BAD_INPUT


class NonFinite(LaunchError):
    """An observation, reward, action or scalar that is nan or inf."""

    exit_code = NO_GO
