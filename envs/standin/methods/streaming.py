"""Calls about streams."""

from __future__ import annotations

from envs.standin.methods.registry import value, void
from envs.standin.rpc import RpcFailure
from envs.standin.simulation import Simulation

_MAX_STREAM = 2**32


@value("get_sensor_token")
def get_sensor_token(sim: Simulation, stream_id: int) -> list[bytes]:
    """Return the address of a stream; a subscription is about to follow."""
    if not isinstance(stream_id, int) or not 0 <= stream_id < _MAX_STREAM:
        raise ValueError(f"stream id {stream_id} is none of 32 bits")
    sim.hub.announce(stream_id)
    return [sim.hub.token(stream_id)]


@void("enable_sensor_for_ros", "disable_sensor_for_ros")
def ros(sim: Simulation, stream_id: int) -> None:
    """There is no ROS bridge; accepted without effect."""


@value("is_sensor_enabled_for_ros")
def is_sensor_enabled_for_ros(sim: Simulation, stream_id: int) -> bool:
    """Never."""
    return False


@void("enable_gbuffers")
def enable_gbuffers(sim: Simulation, actor_id: int, enabled: bool) -> None:
    """G-buffers belong to the real server's renderer."""
    raise RpcFailure("enable_gbuffers: G-buffers are not supported by this server")


@value("are_gbuffers_enabled")
def are_gbuffers_enabled(sim: Simulation, actor_id: int) -> bool:
    """Never."""
    return False


@value("get_gbuffer_token")
def get_gbuffer_token(sim: Simulation, actor_id: int, buffer_id: int) -> bytes:
    """A stream that stays silent."""
    return sim.hub.token(0)
