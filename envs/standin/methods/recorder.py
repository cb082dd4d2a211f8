"""Calls of the recorder and replayer, which this server does not have."""

from __future__ import annotations

from typing import Any

from envs.standin.methods.registry import value, void
from envs.standin.rpc import RpcFailure
from envs.standin.simulation import Simulation


@value(
    "start_recorder",
    "show_recorder_file_info",
    "show_recorder_collisions",
    "show_recorder_actors_blocked",
    "replay_file",
)
def refused(sim: Simulation, *arguments: Any) -> str:
    """There is no recorder."""
    raise RpcFailure("the recorder is not supported by this server")


@void(
    "stop_recorder",
    "stop_replayer",
    "set_replayer_time_factor",
    "set_replayer_ignore_hero",
    "set_replayer_ignore_spectator",
)
def idle(sim: Simulation, *arguments: Any) -> None:
    """Nothing is being recorded or replayed, so there is nothing to stop."""
