"""Calls that are accepted without effect, or refused, because there is nothing to act on."""

from __future__ import annotations

from typing import Any

from envs.standin.methods.registry import value, void
from envs.standin.rpc import RpcFailure
from envs.standin.simulation import Simulation


@void(
    "draw_debug_shape",
    "clear_debug_shape",
    "clear_debug_string",
    "update_lights_state",
    "update_day_night_cycle",
    "set_annotations_traverse_translucency",
    "set_ignored_vehicles",
)
def accepted(sim: Simulation, *arguments: Any) -> None:
    """Debug drawing and street lights change nothing that a client can see here."""


@void("send")
def send(sim: Simulation, *arguments: Any) -> None:
    """V2X messages have no receiver."""
    raise RpcFailure("send: V2X sensors are not supported by this server")


@void("apply_color_texture_to_objects", "apply_float_color_texture_to_objects")
def texture(sim: Simulation, *arguments: Any) -> None:
    """Objects have plain colours."""
    raise RpcFailure("apply_texture: textures are not supported by this server")


@value("get_imui_gravity")
def get_imui_gravity(sim: Simulation) -> float:
    """Gravity in the IMU's frame, m/s^2."""
    return sim.world.imu_gravity


@void("set_imui_gravity")
def set_imui_gravity(sim: Simulation, gravity: float) -> None:
    """Changes what IMUs call gravity."""
    sim.world.imu_gravity = max(-1e3, min(1e3, float(gravity)))
