"""Calls about walkers."""

from __future__ import annotations

from typing import Any

from envs.standin.geometry import vector
from envs.standin.methods.registry import void
from envs.standin.simulation import Simulation


@void("apply_control_to_walker")
def apply_control(sim: Simulation, actor_id: int, control: list[Any]) -> None:
    """Set direction and speed until the next control; unknown ids are ignored."""
    direction, speed, jump = control
    if actor_id in sim.world.walkers.collides:
        sim.world.walkers.control(actor_id, vector(direction, 1e3), float(speed), bool(jump))
