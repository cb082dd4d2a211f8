"""Calls about vehicles: controls, physics, lights, doors, wheels, telemetry."""

from __future__ import annotations

import math
from typing import Any

from envs.standin import ackermann, dynamics, physics_control
from envs.standin.methods.lifecycle import vehicle_of
from envs.standin.methods.registry import value, void
from envs.standin.rpc import RpcFailure
from envs.standin.simulation import Simulation


def _unit(number: float, low: float = 0.0) -> float:
    if not math.isfinite(number):
        raise ValueError("control is not finite")
    return max(low, min(1.0, float(number)))


@void("apply_control_to_vehicle")
def apply_control(sim: Simulation, actor_id: int, control: list[Any]) -> None:
    """Set pedals, steering and gear until the next control; unknown ids are ignored."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is None:
        return
    throttle, steer, brake, hand_brake, reverse, manual, gear = control
    sim.world.fleet.control[:, column] = (
        _unit(throttle),
        _unit(steer, -1.0),
        _unit(brake),
        bool(hand_brake),
        bool(reverse),
        bool(manual),
        max(-1, min(int(gear), 20)),
    )
    sim.world.controllers.pop(actor_id, None)


@value("get_physics_control")
def get_physics_control(sim: Simulation, actor_id: int) -> list[Any]:
    """The vehicle's physics parameters."""
    return physics_control.read(sim.world, vehicle_of(sim, actor_id, "get_physics_control"))


@void("apply_physics_control")
def apply_physics_control(sim: Simulation, actor_id: int, control: list[Any]) -> None:
    """Changes the vehicle's physics parameters."""
    if actor_id in sim.world.fleet.columns:
        physics_control.apply(sim.world, sim.world.actors[actor_id], control)


@void("set_vehicle_light_state")
def set_vehicle_light_state(sim: Simulation, actor_id: int, flags: Any) -> None:
    """Switches lights; takes the struct of the call or the integer of the batch command."""
    if actor_id in sim.world.light_flags:
        number = flags[0] if isinstance(flags, list) else flags
        sim.world.light_flags[actor_id] = int(number) & 0xFFFFFFFF


@value("get_vehicle_light_state")
def get_vehicle_light_state(sim: Simulation, actor_id: int) -> list[int]:
    """The vehicle's light flags."""
    return [sim.world.light_flags.get(actor_id, 0)]


@value("get_vehicle_light_states")
def get_vehicle_light_states(sim: Simulation) -> list[list[int]]:
    """Light flags of all vehicles."""
    return [[actor_id, flags] for actor_id, flags in sim.world.light_flags.items()]


@void("apply_ackermann_control_to_vehicle")
def apply_ackermann_control(sim: Simulation, actor_id: int, control: list[Any]) -> None:
    """Hand the pedals to a controller that follows the demanded motion."""
    if actor_id not in sim.world.fleet.columns:
        return
    steer, steer_speed, speed, acceleration, _ = (float(number) for number in control)
    if not all(map(math.isfinite, (steer, steer_speed, speed, acceleration))):
        raise ValueError("control is not finite")
    settings = sim.world.ackermann_settings.get(actor_id, ackermann.DEFAULT_SETTINGS)
    present = sim.world.controllers.get(actor_id)
    controller = ackermann.Ackermann(
        sim.world, actor_id, settings, ackermann.angle_of(steer), steer_speed, speed, acceleration
    )
    if isinstance(present, ackermann.Ackermann):
        controller.angle, controller.last_error = present.angle, present.last_error
    sim.world.controllers[actor_id] = controller


@value("get_ackermann_controller_settings")
def get_ackermann_settings(sim: Simulation, actor_id: int) -> list[float]:
    """The controller's gains."""
    return list(sim.world.ackermann_settings.get(actor_id, ackermann.DEFAULT_SETTINGS))


@void("apply_ackermann_controller_settings")
def apply_ackermann_settings(sim: Simulation, actor_id: int, settings: list[float]) -> None:
    """Changes the controller's gains."""
    gains = tuple(float(number) for number in settings)
    if len(gains) != len(ackermann.DEFAULT_SETTINGS) or not all(map(math.isfinite, gains)):
        raise ValueError("six finite gains are needed")
    if actor_id in sim.world.fleet.columns:
        sim.world.ackermann_settings[actor_id] = gains


@value("get_telemetry_data")
def get_telemetry_data(sim: Simulation, actor_id: int) -> list[Any]:
    """Speed, pedals and engine; the wheels share load and force equally."""
    vehicle_of(sim, actor_id, "get_telemetry_data")
    fleet, column = sim.world.fleet, sim.world.column(actor_id)
    speed = float(fleet.vx[column])
    mass, grip = float(fleet.mass[column]), float(fleet.grip[column])
    count = int(sim.world.actors[actor_id].attributes.get("number_of_wheels", "4"))
    load = mass * 9.81 / count
    force = mass * float(fleet.ax[column]) / count
    slip = math.atan2(float(fleet.vy[column]), max(abs(speed), 0.5))
    wheel = [grip, slip, 0.0, speed / 0.33, load, 1.0, force * 0.33, force, 0.0, force / load, 0.0]
    gear = int(dynamics.reported_gear(fleet)[column])
    rpm = 800.0 + 5700.0 * min(abs(speed) / float(fleet.top_speed[column]), 1.0)
    return [
        speed,
        float(fleet.steer[column]),
        float(fleet.throttle[column]),
        float(fleet.brake[column]),
        rpm,
        gear,
        float(fleet.drag[column]) * speed * speed,
        [wheel] * count,
    ]


@value("get_wheel_steer_angle")
def get_wheel_steer_angle(sim: Simulation, actor_id: int, wheel: int) -> float:
    """Degrees to the right; the rear wheels do not steer."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is None or wheel > 1:
        return 0.0
    return math.degrees(float(sim.world.fleet.steer_angle[column]))


@value("get_wheel_pitch_angle")
def get_wheel_pitch_angle(sim: Simulation, actor_id: int, wheel: int) -> float:
    """Wheels are not drawn turning."""
    return 0.0


@void(
    "set_wheel_steer_direction",
    "set_wheel_pitch_angle",
    "open_vehicle_door",
    "close_vehicle_door",
    "show_vehicle_debug_telemetry",
)
def cosmetic(sim: Simulation, actor_id: int, *rest: Any) -> None:
    """Accepted without effect: it would only change the look of the vehicle."""


@void("enable_carsim", "use_carsim_road", "enable_chrono_physics", "restore_physx_physics")
def other_physics(sim: Simulation, actor_id: int, *rest: Any) -> None:
    """There is one physics engine."""
    raise RpcFailure("other physics engines (CarSim, Chrono) are not supported by this server")
