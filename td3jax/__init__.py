"""Stable TD3 from pixels: pure, jitted functions of (config, state, batch)."""

from td3jax.agent import TrainState, act, init, update, update_many
from td3jax.batch import Batch
from td3jax.config import AgentConfig, ReplayConfig, Spaces

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
