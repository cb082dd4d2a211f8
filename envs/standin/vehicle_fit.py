"""Model parameters that make a vehicle meet its published figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from envs.standin.box_table import half_of
from envs.standin.vehicle_table import BY_NAME, VehicleSpec

GRAVITY = 9.81
#: Deceleration by the drive when the throttle is closed, m/s^2.
ENGINE_BRAKE = 0.45
#: Wheel angle per unit of steering below the lock, as CARLA's own vehicles have it: controllers
#: written for CARLA are tuned to it. The lock itself follows from the published turning circle.
STEER_GAIN = math.radians(70.0)
AIR_DENSITY = 1.2
_HUNDRED = 100 / 3.6
_RIDER_MASS = 75.0
_DRIVE_EFFICIENCY = 0.85
_DEFAULT_LAUNCH = 3.0
TRACK_SHARE = 0.85
#: The widest that a body may be on a road, mirrors left out: they pass over what they meet.
_WIDEST_HALF = 2.55 / 2.0


@dataclass(frozen=True)
class VehicleModel:
    """Parameters of the dynamic model of one vehicle, in SI units."""

    mass: float
    inertia: float
    wheelbase: float
    grip: float
    drive_force: float
    drive_power: float
    drag: float
    rolling: float
    brake_force: float
    steer_gain: float
    steer_limit: float
    steer_rate: float
    top_speed: float
    reverse_speed: float
    half_length: float
    half_width: float
    half_height: float
    gears: int


def _drag(spec: VehicleSpec) -> float:
    coefficient = {"car": 0.30, "van": 0.38, "truck": 0.60, "bus": 0.55}.get(spec.kind, 0.70)
    fill = 0.5 if spec.wheels == 2 else 0.82
    return 0.5 * AIR_DENSITY * coefficient * fill * spec.width * spec.height


def sprint_time(mass: float, force: float, power: float, drag: float, rolling: float) -> float:
    """Seconds from standstill to 100 km/h at full throttle."""
    steps = 100
    dv = _HUNDRED / steps
    time = 0.0
    for index in range(steps):
        speed = (index + 0.5) * dv
        net = min(force, power / speed) - drag * speed * speed - rolling
        if net <= 0:
            return math.inf
        time += mass * dv / net
    return time


def braking_distance(mass: float, grip: float, drag: float) -> float:
    """Metres from 100 km/h to rest with all wheels at the limit of their grip."""
    steps = 100
    dv = _HUNDRED / steps
    distance = 0.0
    for index in range(steps):
        speed = (index + 0.5) * dv
        distance += speed * dv / (grip * GRAVITY + drag * speed * speed / mass)
    return distance


def _fit_drive(spec: VehicleSpec, mass: float, grip: float, drag: float) -> tuple[float, float]:
    """Launch force and power so that the sprint takes the published time."""
    rolling = _rolling_share(spec) * mass * GRAVITY
    power = spec.power * 1000 * _DRIVE_EFFICIENCY
    strongest = 0.95 * grip * mass * GRAVITY
    if spec.zero_to_hundred <= 0:
        launch = 1.2 if spec.kind == "bicycle" else min(_DEFAULT_LAUNCH, 4e4 / mass)
        return min(launch * mass, strongest), max(power, _power_at_top(spec, drag, rolling))
    if sprint_time(mass, strongest, power, drag, rolling) <= spec.zero_to_hundred:
        force = _bisect(
            lambda f: sprint_time(mass, f, power, drag, rolling),
            spec.zero_to_hundred,
            0.1 * mass,
            strongest,
        )
        return force, power
    power = _bisect(
        lambda p: sprint_time(mass, strongest, p, drag, rolling),
        spec.zero_to_hundred,
        power,
        20 * power,
    )
    return strongest, power


def _power_at_top(spec: VehicleSpec, drag: float, rolling: float) -> float:
    top = spec.top_speed / 3.6
    return 1.15 * top * (drag * top * top + rolling)


def _bisect(falling: Callable[[float], float], target: float, low: float, high: float) -> float:
    for _ in range(40):
        middle = 0.5 * (low + high)
        if falling(middle) > target:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _rolling_share(spec: VehicleSpec) -> float:
    return 0.008 if spec.kind in ("truck", "bus") else 0.013


def _steer_limit(spec: VehicleSpec) -> float:
    """Angle of the mean front wheel that gives the kerb-to-kerb turning circle."""
    track = TRACK_SHARE * spec.width if spec.wheels == 4 else 0.0
    outer = spec.turning_circle / 2
    rear = math.sqrt(max(outer**2 - spec.wheelbase**2, 0.25)) - track / 2
    return min(math.atan(spec.wheelbase / max(rear, 0.1)), STEER_GAIN)


@cache
def model_of(type_id: str) -> VehicleModel:
    """The fitted model of a vehicle blueprint. Raises KeyError for an unknown one."""
    spec = BY_NAME[type_id]
    mass = spec.mass + (_RIDER_MASS if spec.wheels == 2 else 0.0)
    drag = _drag(spec)
    grip = _bisect(lambda grip: braking_distance(mass, grip, drag), spec.braking_100_0, 0.1, 2.0)
    force, power = _fit_drive(spec, mass, grip, drag)
    half_length, half_width, half_height = half_of(type_id)
    return VehicleModel(
        mass=mass,
        inertia=mass * (spec.length**2 + spec.width**2) / 12,
        wheelbase=spec.wheelbase,
        grip=grip,
        drive_force=force,
        drive_power=power,
        drag=drag,
        rolling=_rolling_share(spec),
        brake_force=1.2 * grip * mass * GRAVITY,
        steer_gain=STEER_GAIN,
        steer_limit=_steer_limit(spec),
        steer_rate=math.radians(400.0) if spec.wheels == 2 else math.radians(180.0),
        top_speed=spec.top_speed / 3.6,
        reverse_speed=min(12.0, spec.top_speed / 3.6),
        half_length=half_length,
        half_width=min(half_width, _WIDEST_HALF),
        half_height=half_height,
        gears=spec.gears,
    )
