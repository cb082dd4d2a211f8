"""The exit codes of every command, and errors that are told in one line with such a code."""

from __future__ import annotations

DONE = 0
FAILED = 1  # the simulator is gone for good, the disk is full, ...
BAD_INPUT = 2  # a flag, preset, file or checkpoint that cannot be used; a log too short to judge
NO_GO = 3  # NO-GO, a value that is not finite, a published figure or a check that does not hold
INTERRUPTED = 130  # by SIGINT
TERMINATED = 143  # by SIGTERM

EXIT_CODES = {
    DONE: "done, or GO",
    FAILED: "failed",
    BAD_INPUT: "bad input, or too little to judge",
    NO_GO: "NO-GO, a value that is not finite, or a bar or check that does not hold",
    INTERRUPTED: "stopped by SIGINT",
    TERMINATED: "stopped by SIGTERM",
}


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
