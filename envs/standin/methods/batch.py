"""Batch commands: many calls in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin import spawning
from envs.standin.compiled import called_with, compiled
from envs.standin.geometry import pose, vector
from envs.standin.methods import lifecycle, lights, vehicles, walkers
from envs.standin.methods.registry import bare
from envs.standin.rpc import RpcFailure, failure, success
from envs.standin.simulation import Simulation

_SPAWN, _DESTROY, _VEHICLE_CONTROL = 0, 1, 2
#: Limits of throttle, steer, brake, hand brake, reverse, manual gear shift and gear.
_LOWEST = np.array([0.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0])
_HIGHEST = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 20.0])
_WHOLE = np.array([False, False, False, False, False, False, True])


def _destroy(sim: Simulation, actor_id: int) -> None:
    if not spawning.destroy(sim.world, actor_id):
        raise RpcFailure(f"actor {actor_id} not found")


def _walker_state(sim: Simulation, actor_id: int, transform: Any, speed: float) -> None:
    """A decision of a walker's navigation: a pose, reached at a speed."""
    target = pose(transform)
    sim.world.walkers.place(actor_id, target, float(speed))


def _ignored(sim: Simulation, *fields: Any) -> None:
    """Accepted without effect."""


def _torque(sim: Simulation, actor_id: int, torque: Any) -> None:
    vector(torque, lifecycle.STRONGEST)
    lifecycle.add_actor_torque(sim, actor_id, torque)


#: What each command index does, beyond spawning.
_COMMANDS: dict[int, Callable[..., Any]] = {
    _DESTROY: _destroy,
    _VEHICLE_CONTROL: vehicles.apply_control,
    3: vehicles.apply_ackermann_control,
    4: walkers.apply_control,
    5: vehicles.apply_physics_control,
    6: lifecycle.set_actor_transform,
    7: _walker_state,
    8: lifecycle.set_actor_target_velocity,
    9: lifecycle.set_actor_target_angular_velocity,
    10: lifecycle.add_actor_impulse,
    11: lifecycle.add_actor_force,
    12: lifecycle.add_actor_angular_impulse,
    13: _torque,
    14: lifecycle.set_actor_simulate_physics,
    15: lifecycle.set_actor_enable_gravity,
    16: _ignored,
    17: _ignored,
    18: vehicles.set_vehicle_light_state,
    19: lifecycle.set_actor_location,
    20: _ignored,
    21: lights.set_state,
}


@bare("apply_batch")
def apply_batch(sim: Simulation, commands: list[Any], do_tick: bool = False) -> list[Any]:
    """Run the commands in order; one response per command."""
    responses = _all_vehicle_controls(sim, commands)
    if responses is None:
        responses = [_run(sim, command[0]) for command in commands]
    if do_tick:
        sim.tick()
    return responses


def _all_vehicle_controls(sim: Simulation, commands: list[Any]) -> list[Any] | None:
    """Serves a batch of nothing but vehicle controls at once, as Traffic Managers send every step.

    None when the batch holds anything else or anything odd; it must then be run one by one.
    """
    columns = sim.world.fleet.columns
    try:
        wanted = [(command[0][1][0], command[0][1][1]) for command in commands]
        if any(command[0][0] != _VEHICLE_CONTROL for command in commands):
            return None
        places = [columns[actor_id] for actor_id, _ in wanted]
        table = np.array([control for _, control in wanted], np.float64)
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    if table.shape != (len(commands), len(_LOWEST)):
        return None
    if not _steer(table, np.array(places), sim.world.fleet.control):
        return None
    for actor_id, _ in wanted if sim.world.controllers else ():
        sim.world.controllers.pop(actor_id, None)
    return [success(actor_id) for actor_id, _ in wanted]


@called_with(f8[:, ::1], i8[::1], f8[:, ::1])
@compiled
def _steer(
    table: NDArray[np.float64], places: NDArray[np.int64], control: NDArray[np.float64]
) -> bool:
    """Set the controls of vehicles within their limits; set none where a number is not finite."""
    if not np.isfinite(table).all():
        return False
    for row in range(len(places)):
        for i in range(len(_LOWEST)):
            value = np.trunc(table[row, i]) if _WHOLE[i] else table[row, i]
            control[i, places[row]] = min(max(value, _LOWEST[i]), _HIGHEST[i])
    return True


def _run(sim: Simulation, command: Any) -> Any:
    try:
        index, fields = command
        if index == _SPAWN:
            return success(_spawn(sim, *fields))
        _COMMANDS[index](sim, *fields)
        return success(fields[0] if fields and isinstance(fields[0], int) else 0)
    except RpcFailure as error:
        return failure(str(error))
    except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
        return failure(f"apply_batch: bad command: {error}")


def _spawn(
    sim: Simulation,
    description: Any,
    transform: Any,
    parent: Any,
    attachment: int = 0,
    socket_name: str = "",
    do_after: Any = (),
) -> int:
    parent_id = int(parent[1]) if parent and parent[0] else 0
    actor = spawning.spawn(sim.world, sim.hub, description, pose(transform), parent_id)
    for wrapped in do_after:
        index, fields = wrapped[0]
        _run(sim, [index, _for_actor(index, fields, actor.id)])
    return actor.id


def _for_actor(index: int, fields: Any, actor_id: int) -> list[Any]:
    """The command with the new actor in the place of the future one, whose id is 0."""
    if index == _SPAWN:
        parent = fields[2]
        here = [True, actor_id] if parent and parent[0] and parent[1] == 0 else parent
        return [*fields[:2], here, *fields[3:]]
    return [actor_id if fields[0] == 0 else fields[0], *fields[1:]]
