"""Ending with the process that started this one."""

from __future__ import annotations

import ctypes
import os
import signal

_SET_DEATH_SIGNAL = 1


def end_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when process `parent`, its parent, dies, or has died."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
