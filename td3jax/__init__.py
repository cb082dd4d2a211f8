"""Stable TD3 from pixels: pure functions of (config, state, batch).

Names are imported on first use, so that reading options or a log does not import jax.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from td3jax.agent import act, update, update_many, values
    from td3jax.algorithm import ALGORITHMS, Algorithm
    from td3jax.batch import Batch
    from td3jax.config import AgentConfig, ReplayConfig, Spaces
    from td3jax.conv import compiler_options
    from td3jax.networks import Networks
    from td3jax.policy import Policy, load
    from td3jax.replay.buffer import ReplayBuffer
    from td3jax.state import TrainState
    from td3jax.td3 import TD3, Rules, init

__version__ = "0.2.0"

_HOMES = {
    "ALGORITHMS": "algorithm",
    "TD3": "td3",
    "AgentConfig": "config",
    "Algorithm": "algorithm",
    "Batch": "batch",
    "Networks": "networks",
    "Policy": "policy",
    "ReplayBuffer": "replay.buffer",
    "ReplayConfig": "config",
    "Rules": "td3",
    "Spaces": "config",
    "TrainState": "state",
    "act": "agent",
    "compiler_options": "conv",
    "init": "td3",
    "load": "policy",
    "update": "agent",
    "update_many": "agent",
    "values": "agent",
}

__all__ = [
    "ALGORITHMS",
    "TD3",
    "AgentConfig",
    "Algorithm",
    "Batch",
    "Networks",
    "Policy",
    "ReplayBuffer",
    "ReplayConfig",
    "Rules",
    "Spaces",
    "TrainState",
    "__version__",
    "act",
    "compiler_options",
    "init",
    "load",
    "update",
    "update_many",
    "values",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
