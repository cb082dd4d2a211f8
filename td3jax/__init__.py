"""Stable TD3 from pixels: pure functions of (config, state, batch).

Names are imported on first use, so that reading options or a log does not import jax.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from td3jax.agent import TrainState, act, init, update, update_many
    from td3jax.batch import Batch
    from td3jax.config import AgentConfig, ReplayConfig, Spaces

__version__ = "0.2.0"

_HOMES = {
    "AgentConfig": "config",
    "Batch": "batch",
    "ReplayConfig": "config",
    "Spaces": "config",
    "TrainState": "agent",
    "act": "agent",
    "init": "agent",
    "update": "agent",
    "update_many": "agent",
}

__all__ = [
    "AgentConfig",
    "Batch",
    "ReplayConfig",
    "Spaces",
    "TrainState",
    "act",
    "init",
    "update",
    "update_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
