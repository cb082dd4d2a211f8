"""The `VehiclePhysicsControl` of a vehicle: what scripts read, and the effect of what they set."""

from __future__ import annotations

import itertools
import math
from typing import Any

from envs.standin.actors import Actor
from envs.standin.dynamics import STEERING_CURVE
from envs.standin.fleet import parameters_of
from envs.standin.geometry import compose
from envs.standin.vehicle_fit import TRACK_SHARE, VehicleModel, model_of
from envs.standin.vehicle_table import BY_NAME, VehicleSpec
from envs.standin.world import World

_TORQUE, _MOI, _MASS, _DRAG, _CENTRE, _CURVE, _WHEELS = 0, 2, 11, 12, 13, 14, 15
_MAX_RPM = 6500.0
_FINAL_RATIO = 4.0
_RATIOS = (4.25, 2.49, 1.66, 1.23, 1.0, 0.85, 0.72, 0.64, 0.58, 0.52, 0.47, 0.43)
_TYRE_FRICTION = 3.5


def default(type_id: str) -> list[Any]:
    """The struct of a fresh vehicle, in the order of the protocol."""
    model, spec = model_of(type_id), BY_NAME[type_id]
    radius = 0.33 if spec.wheels == 2 else max(0.30, 0.22 * spec.height)
    torque = model.drive_force * radius / (_FINAL_RATIO * _RATIOS[0])
    curve = [[0.0, 0.8 * torque], [0.5 * _MAX_RPM, torque], [_MAX_RPM, 0.7 * torque]]
    gears = [[ratio, 0.5, 0.65] for ratio in _RATIOS[: spec.gears]]
    steering = [[speed, share] for speed, share in zip(*STEERING_CURVE, strict=True)]
    return [
        curve,
        _MAX_RPM,
        1.0,
        0.15,
        2.0,
        0.35,
        True,
        0.5,
        10.0,
        _FINAL_RATIO,
        gears,
        model.mass,
        0.30,
        [0.0, 0.0, 0.3],
        steering,
        _wheels(model, spec, radius),
        True,
    ]


def _wheels(model: VehicleModel, spec: VehicleSpec, radius: float) -> list[list[Any]]:
    axle = 50.0 * model.wheelbase
    side = 50.0 * TRACK_SHARE * spec.width if spec.wheels == 4 else 0.0
    places = [(axle, -side), (axle, side), (-axle, -side), (-axle, side)]
    if spec.wheels == 2:
        places = [(axle, 0.0), (axle, 0.0), (-axle, 0.0), (-axle, 0.0)]
    lock = math.degrees(model.steer_gain)
    torque = model.brake_force * radius / 4
    return [
        [
            _TYRE_FRICTION,
            0.25,
            lock if x > 0 else 0.0,
            100 * radius,
            torque,
            0.0 if x > 0 else 2 * torque,
            2.0,
            17.0,
            1000.0,
            [x, y, 100 * radius],
        ]
        for x, y in places
    ]


def read(world: World, vehicle: Actor) -> list[Any]:
    """The struct in force, its wheels where they are: in the world, in cm."""
    control = vehicle.state if isinstance(vehicle.state, list) else default(vehicle.type_id)
    pose, wheels = world.pose_of(vehicle), []
    for wheel, fresh in itertools.zip_longest(control[_WHEELS], default(vehicle.type_id)[_WHEELS]):
        if wheel is not None and fresh is not None:
            x, y, z = (value / 100.0 for value in fresh[-1])
            place = compose(pose, (x, y, z, 0.0, 0.0, 0.0))
            wheels.append([*wheel[:-1], [100.0 * value for value in place[:3]]])
    return [*control[:_WHEELS], wheels, *control[_WHEELS + 1 :]]


def apply(world: World, vehicle: Actor, control: list[Any]) -> None:
    """Put a struct in force: each parameter scales the fitted model by new over default.

    Raises ValueError for values that no vehicle can have.
    """
    fresh = default(vehicle.type_id)
    mass, drag = float(control[_MASS]), float(control[_DRAG])
    if not (math.isfinite(mass) and mass > 0.1 and math.isfinite(drag) and drag >= 0):
        raise ValueError("mass must be positive and drag not negative")
    wheels, fresh_wheels = control[_WHEELS], fresh[_WHEELS]
    if len(wheels) < 2 or not control[_TORQUE]:
        raise ValueError("a vehicle needs wheels and a torque curve")
    model = model_of(vehicle.type_id)
    fleet, column = world.fleet, world.column(vehicle.id)
    weight = mass / model.mass
    torque = _peak(control[_TORQUE]) / _peak(fresh[_TORQUE])
    ratio = max(float(control[9]), 0.01) / _FINAL_RATIO
    grip = _mean(wheels, 0) / _mean(fresh_wheels, 0)
    brakes = _mean(wheels, 4) / _mean(fresh_wheels, 4)
    lock = math.radians(min(max(abs(float(wheel[2])) for wheel in wheels), 90.0))
    values = {
        "mass": mass,
        "inertia": model.inertia * weight,
        "grip": model.grip * grip,
        "stiffness": parameters_of(model)["stiffness"] * weight,
        "drive_force": model.drive_force * torque * ratio,
        "drive_power": model.drive_power * torque,
        "drag": model.drag * drag / fresh[_DRAG],
        "brake_force": model.brake_force * brakes,
        "steer_gain": lock,
        "steer_limit": min(lock, model.steer_limit),
    }
    if not all(math.isfinite(number) and number >= 0 for number in values.values()):
        raise ValueError("physics parameters must be finite and not negative")
    for name, number in values.items():
        getattr(fleet, name)[column] = number
    vehicle.state = control


def _peak(curve: list[Any]) -> float:
    return max(float(point[1]) for point in curve)


def _mean(wheels: list[Any], index: int) -> float:
    return sum(float(wheel[index]) for wheel in wheels) / len(wheels)
