"""Errors that a person can act on; `str(error)` is one line saying what is wrong."""

from __future__ import annotations


class BadCheckpoint(ValueError):
    """A checkpoint that is missing, broken or of another agent."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
