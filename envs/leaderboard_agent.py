"""An agent for CARLA's Leaderboard 2 that drives a policy of ours.

The evaluator is given this file and, as its configuration, a run folder:

  leaderboard_evaluator.py --agent=.../envs/leaderboard_agent.py --agent-config=runs/carla-001 ...

It imports nothing of the Leaderboard before the evaluator asks for the agent's class.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

ENTRY_POINT = "Td3Agent"
_HERE = Path(__file__).resolve().parent
if __name__ == Path(__file__).stem:
    # Loaded by its path, as the evaluator does, which has put this folder first. The folder of the
    # evaluator's own script comes next, and holds another package `envs`.
    sys.path[:] = [str(_HERE.parent), *(path for path in sys.path if Path(path) != _HERE)]


def get_entry_point() -> str:
    """Return the name of the agent's class, as the evaluator asks for it."""
    return ENTRY_POINT


def __getattr__(name: str) -> Any:
    if name != ENTRY_POINT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("envs.leaderboard_driver").agent_class()
