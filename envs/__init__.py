"""The driving environment over the CARLA client, and a stand-in server for it.

Importing this package registers `td3jax/Carla-v0` and `td3jax/LaneToy-v0` with gymnasium; from
elsewhere `gymnasium.make("envs:td3jax/Carla-v0")` imports it first. Names are imported on first
use, so neither carla nor jax is imported until it is needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.carla_env import CarlaEnv
    from envs.config import (
        EnvConfig,
        RewardConfig,
        SensorConfig,
        ServerConfig,
        TaskConfig,
        TrafficConfig,
        with_options,
    )
    from envs.errors import (
        EnvError,
        ServerBusy,
        ServerUnreachable,
        SimulatorFault,
        SimulatorUnavailable,
        UnknownBlueprint,
        UnknownMap,
        UnknownWeather,
        WrongVersion,
    )
    from envs.lane_toy import LaneToy, ToyConfig
    from envs.supervised import SupervisedCarlaEnv

_HOMES = {
    "CarlaEnv": "carla_env",
    "EnvConfig": "config",
    "EnvError": "errors",
    "LaneToy": "lane_toy",
    "RewardConfig": "config",
    "SensorConfig": "config",
    "ServerBusy": "errors",
    "ServerConfig": "config",
    "ServerUnreachable": "errors",
    "SimulatorFault": "errors",
    "SimulatorUnavailable": "errors",
    "SupervisedCarlaEnv": "supervised",
    "TaskConfig": "config",
    "ToyConfig": "lane_toy",
    "TrafficConfig": "config",
    "UnknownBlueprint": "errors",
    "UnknownMap": "errors",
    "UnknownWeather": "errors",
    "WrongVersion": "errors",
    "with_options": "config",
}

__all__ = [
    "CarlaEnv",
    "EnvConfig",
    "EnvError",
    "LaneToy",
    "RewardConfig",
    "SensorConfig",
    "ServerBusy",
    "ServerConfig",
    "ServerUnreachable",
    "SimulatorFault",
    "SimulatorUnavailable",
    "SupervisedCarlaEnv",
    "TaskConfig",
    "ToyConfig",
    "TrafficConfig",
    "UnknownBlueprint",
    "UnknownMap",
    "UnknownWeather",
    "WrongVersion",
    "with_options",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


try:
    import gymnasium
except ImportError:  # a log is judged without environments
    pass
else:
    gymnasium.register("td3jax/Carla-v0", entry_point="envs.registration:carla")
    gymnasium.register("td3jax/LaneToy-v0", entry_point="envs.registration:lane_toy")
