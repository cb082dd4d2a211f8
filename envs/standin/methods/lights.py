"""Calls about traffic lights."""

from __future__ import annotations

import math
from typing import Any

from envs.standin.lights import UNKNOWN
from envs.standin.methods.registry import value, void
from envs.standin.simulation import Simulation

_LONGEST = 1e6


@void("set_traffic_light_state")
def set_state(sim: Simulation, actor_id: int, state: int) -> None:
    """Show a colour."""
    index = sim.world.lights.index.get(actor_id)
    if index is not None and 0 <= state <= UNKNOWN:
        sim.world.lights.set_state(index, state)


def _set_duration(sim: Simulation, actor_id: int, column: int, seconds: float) -> None:
    index = sim.world.lights.index.get(actor_id)
    if index is not None and math.isfinite(seconds):
        sim.world.lights.durations[index, column] = max(0.0, min(float(seconds), _LONGEST))


@void("set_traffic_light_green_time")
def set_green_time(sim: Simulation, actor_id: int, seconds: float) -> None:
    """Seconds of green."""
    _set_duration(sim, actor_id, 0, seconds)


@void("set_traffic_light_yellow_time")
def set_yellow_time(sim: Simulation, actor_id: int, seconds: float) -> None:
    """Seconds of yellow."""
    _set_duration(sim, actor_id, 1, seconds)


@void("set_traffic_light_red_time")
def set_red_time(sim: Simulation, actor_id: int, seconds: float) -> None:
    """Seconds of red for all before the next group has green."""
    _set_duration(sim, actor_id, 2, seconds)


@void("freeze_all_traffic_lights")
def freeze_all(sim: Simulation, frozen: bool) -> None:
    """Stop or resumes all cycles."""
    sim.world.lights.frozen = bool(frozen)


@void("freeze_traffic_light")
def freeze_one(sim: Simulation, actor_id: int, frozen: bool) -> None:
    """Stop or resumes all cycles, as the real server does."""
    if actor_id in sim.world.lights.index:
        sim.world.lights.frozen = bool(frozen)


@void("reset_traffic_light_group")
def reset_group(sim: Simulation, actor_id: int) -> None:
    """The light's junction starts its cycle anew."""
    index = sim.world.lights.index.get(actor_id)
    if index is not None:
        sim.world.lights.reset_group(index)


@void("reset_all_traffic_lights")
def reset_all(sim: Simulation) -> None:
    """All junctions start their cycle anew."""
    sim.world.lights.reset()


@value("get_group_traffic_lights")
def get_group(sim: Simulation, actor_id: int) -> list[int]:
    """Ids of the lights at the same junction."""
    index = sim.world.lights.index.get(actor_id)
    return [] if index is None else sim.world.lights.group(index)


@value("get_light_boxes")
def get_light_boxes(sim: Simulation, actor_id: int) -> list[Any]:
    """Boxes of the light's heads, in the world."""
    actor = sim.world.actors.get(actor_id)
    if actor is None or actor_id not in sim.world.lights.index:
        return []
    x, y, z, pitch, yaw, roll = actor.pose
    return [[[x, y, z + 3.0], [0.2, 0.2, 0.5], [pitch, yaw, roll], actor_id]]
