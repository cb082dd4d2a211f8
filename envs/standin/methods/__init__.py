"""RPC methods by subject; importing this package fills the table."""

from envs.standin.methods import (
    batch,
    bones,
    debug,
    environment,
    episode,
    lifecycle,
    lights,
    recorder,
    streaming,
    traffic_manager,
    vehicles,
    walkers,
)
from envs.standin.methods.registry import TABLE, call

__all__ = [
    "TABLE",
    "batch",
    "bones",
    "call",
    "debug",
    "environment",
    "episode",
    "lifecycle",
    "lights",
    "recorder",
    "streaming",
    "traffic_manager",
    "vehicles",
    "walkers",
]
