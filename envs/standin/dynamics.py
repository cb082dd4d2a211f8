"""Vehicle dynamics: a single-track model with tyre limits, advanced for a whole fleet in one call.

Lateral tyre forces are linear in the slip angle up to the friction circle. They enter implicitly,
with the secant stiffness of the saturated tyre, which is stable at standstill and for long steps.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import f8, i8

from envs.standin.compiled import called_with, compiled
from envs.standin.fleet import CONTROL, MOTION, POSE, REPORT, ROW, Array, Fleet
from envs.standin.vehicle_fit import ENGINE_BRAKE, GRAVITY

#: Full lock shrinks with speed: km/h, share (the default steering curve of CARLA's vehicles).
STEERING_CURVE = ((0.0, 20.0, 60.0, 120.0), (1.0, 0.9, 0.8, 0.7))
_CURVE_SPEEDS, _CURVE_SHARES = (np.array(values) for values in STEERING_CURVE)

#: Grip sideways over grip lengthwise. Real tyres have about one; CARLA's have far more than real
#: ones, and its Traffic Manager enters tight junctions at speeds that need it.
SIDE_GRIP = 1.4

_SLOWEST_SLIP = 0.5
#: The drive fades out within a quarter of a metre per second of the top speed.
_GOVERNOR = 4.0
_HAND_BRAKE_SHARE = 0.45
_HAND_BRAKE_REAR_GRIP = 0.45
_AIRBORNE = 0.08
#: Share of the squared grip that braking or driving always leaves for cornering.
_LEAST_CORNERING = 0.04
_TINY = 1e-9
_LEAN_PITCH = math.radians(0.14)
_LEAN_ROLL = math.radians(0.28)
_LEAN_TIME = 0.15
_GEAR_SPEEDS = np.array([0.0, 0.1, 0.2, 0.32, 0.46, 0.62])


# Rows of `Fleet.data`, as constants for compiled code.
_ROWS = tuple(ROW[name] for name in (*POSE, *MOTION, *REPORT))
X, Y, Z, PITCH, YAW, ROLL, VX, VY, VZ, YAW_RATE, STEER_ANGLE, LEAN_PITCH, LEAN_ROLL = _ROWS[:13]
WX, WY, WZ, AX, AY, AZ, PITCH_RATE, ROLL_RATE, LAST_PITCH, LAST_ROLL = _ROWS[13:]
THROTTLE, STEER, BRAKE, HAND_BRAKE, REVERSE, MANUAL, GEAR = (ROW[name] for name in CONTROL)
MASS, INERTIA, HALF_BASE, GRIP = (ROW[n] for n in ("mass", "inertia", "half_base", "grip"))
DRIVE_FORCE, DRIVE_POWER = ROW["drive_force"], ROW["drive_power"]
DRAG, ROLLING, BRAKE_FORCE = ROW["drag"], ROW["rolling"], ROW["brake_force"]
STIFFNESS, STEER_GAIN, STEER_LIMIT = ROW["stiffness"], ROW["steer_gain"], ROW["steer_limit"]
STEER_RATE, TOP_SPEED, REVERSE_SPEED = ROW["steer_rate"], ROW["top_speed"], ROW["reverse_speed"]
GEARS, PHYSICS, HAS_GRAVITY = ROW["gears"], ROW["physics"], ROW["gravity"]
FORCE_X, FORCE_Y, FORCE_Z, TORQUE = (ROW[n] for n in ("force_x", "force_y", "force_z", "torque"))
HOLD, HOLD_X, HOLD_Y = ROW["hold"], ROW["hold_x"], ROW["hold_y"]


def advance(fleet: Fleet, dt: float, substeps: int, ground: Array, normal: Array) -> None:
    """Move every vehicle by `dt` seconds, in place; `report` follows after collisions.

    ground: height of the ground under each vehicle, (N,); normal: its unit normal, (N, 3).
    """
    _advance(fleet.data, float(dt), substeps, ground, normal)


def report(fleet: Fleet, dt: float) -> None:
    """Works out velocity, acceleration and turn rates in the world for this step."""
    _report(fleet.data, float(dt))


@called_with(f8[:, ::1], f8, i8, f8[::1], f8[:, ::1])
@compiled
def _advance(f: Array, dt: float, substeps: int, ground: Array, normal: Array) -> None:
    step = dt / substeps
    for i in range(f.shape[1]):
        if f[PHYSICS, i] == 0.0:
            f[VX, i] = f[VY, i] = f[VZ, i] = f[YAW_RATE, i] = 0.0
        elif f[PHYSICS, i] > 0.0:
            _hold_velocity(f, i)
            demand = _demand(f, i, step, ground[i], normal[i])
            for _ in range(substeps):
                _substep(f, i, step, demand)
            _hold_velocity(f, i)
            _vertical(f, i, dt, ground[i])
            _attitude(f, i, dt, normal[i])
        f[FORCE_X, i] = f[FORCE_Y, i] = f[FORCE_Z, i] = f[TORQUE, i] = 0.0


class _Demand(NamedTuple):
    """Constants of the substeps of a step; forces are per unit of mass."""

    steer: float
    turn: float
    drive: float
    direction: float
    limit: float
    force: float
    power: float
    drag: float
    adhesion: float
    retarding: float
    rear_grip: float
    stiffness: float
    agility: float
    push_x: float
    push_y: float
    spin: float


@compiled
def _demand(f: Array, i: int, dt: float, ground: float, normal: Array) -> _Demand:
    """Turn controls, slope and outside forces into the inputs of substeps of `dt` seconds."""
    mass, speed, lock = f[MASS, i], abs(f[VX, i]), f[STEER_LIMIT, i]
    share = _steering_share(speed * 3.6)
    backwards = f[REVERSE, i] > 0 or (f[MANUAL, i] > 0 and f[GEAR, i] < 0)
    neutral = f[MANUAL, i] > 0 and f[GEAR, i] == 0
    contact = 1.0 if f[Z, i] - ground < _AIRBORNE else 0.0
    grip = f[GRIP, i] * GRAVITY
    adhesion = grip * contact
    braking = f[BRAKE, i] * f[BRAKE_FORCE, i] / mass + f[HAND_BRAKE, i] * _HAND_BRAKE_SHARE * grip
    coasting = ENGINE_BRAKE * (1 - f[THROTTLE, i]) * min(speed / 3, 1.0)
    rolling = f[ROLLING, i] / mass + coasting
    cos, sin = math.cos(f[YAW, i]), math.sin(f[YAW, i])
    outside_x = f[FORCE_X, i] / mass + GRAVITY * normal[0] * contact
    outside_y = f[FORCE_Y, i] / mass + GRAVITY * normal[1] * contact
    dragged = f[HAND_BRAKE, i] if speed > 1 else 0.0
    drive = 0.0 if neutral else f[THROTTLE, i] * contact
    direction = -1.0 if backwards else 1.0
    limit = f[REVERSE_SPEED, i] if backwards else f[TOP_SPEED, i]
    return _Demand(
        steer=_limited(f[STEER, i] * f[STEER_GAIN, i] * share, lock),
        turn=f[STEER_RATE, i] * dt,
        drive=drive,
        direction=direction,
        limit=limit,
        force=f[DRIVE_FORCE, i] / mass,
        power=f[DRIVE_POWER, i] / mass,
        drag=f[DRAG, i] / mass,
        adhesion=adhesion,
        retarding=dt * min(braking + rolling, adhesion),
        rear_grip=0.5 - 0.5 * (1 - _HAND_BRAKE_REAR_GRIP) * dragged,
        stiffness=f[STIFFNESS, i] / mass,
        agility=f[HALF_BASE, i] * mass / f[INERTIA, i],
        push_x=outside_x * cos + outside_y * sin,
        push_y=outside_y * cos - outside_x * sin,
        spin=dt * f[TORQUE, i] / f[INERTIA, i],
    )


@compiled
def _steering_share(speed: float) -> float:
    """`STEERING_CURVE` at a speed in km/h."""
    for i in range(len(_CURVE_SPEEDS) - 1):
        if speed < _CURVE_SPEEDS[i + 1]:
            rise = (_CURVE_SHARES[i + 1] - _CURVE_SHARES[i]) / (
                _CURVE_SPEEDS[i + 1] - _CURVE_SPEEDS[i]
            )
            return float(rise * (speed - _CURVE_SPEEDS[i]) + _CURVE_SHARES[i])
    return float(_CURVE_SHARES[-1])


@compiled
def _limited(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


@compiled
def _substep(f: Array, i: int, dt: float, d: _Demand) -> None:
    f[STEER_ANGLE, i] += _limited(d.steer - f[STEER_ANGLE, i], d.turn)
    vy, rate, half = f[VY, i], f[YAW_RATE, i], f[HALF_BASE, i]
    moving, spare = _longitudinal(f[VX, i], vy * rate + d.push_x, dt, d)
    turning = half * rate
    side = moving * math.tan(f[STEER_ANGLE, i])
    linear = d.stiffness / max(abs(moving), _SLOWEST_SLIP)
    front = min(linear, 0.5 * spare / (abs(vy + turning - side) + _TINY))
    rear = min(linear, d.rear_grip * spare / (abs(vy - turning) + _TINY))

    total, difference = dt * (front + rear), dt * (front - rear)
    push = dt * front * side
    m11, m12 = 1 + total, half * difference + dt * moving
    m21, m22 = d.agility * difference, 1 + d.agility * half * total
    b1 = vy + push + dt * d.push_y
    b2 = rate + d.agility * push + d.spin
    inverse = 1 / (m11 * m22 - m12 * m21)
    f[VX, i] = moving
    f[VY, i] = (m22 * b1 - m12 * b2) * inverse
    f[YAW_RATE, i] = (m11 * b2 - m21 * b1) * inverse

    f[YAW, i] += dt * f[YAW_RATE, i]
    cos, sin = math.cos(f[YAW, i]), math.sin(f[YAW, i])
    f[X, i] += dt * (f[VX, i] * cos - f[VY, i] * sin)
    f[Y, i] += dt * (f[VX, i] * sin + f[VY, i] * cos)


@compiled
def _longitudinal(vx: float, push: float, dt: float, d: _Demand) -> tuple[float, float]:
    """Speed after a substep, and the tyre force (per mass) that is left for cornering."""
    speed = abs(vx)
    engine = min(d.force, d.power / max(speed, 0.1))
    headroom = min(max(_GOVERNOR * (d.limit - vx * d.direction), 0.0), 1.0)
    pull = d.direction * min(d.drive * engine * headroom, d.adhesion)
    coasting = vx + dt * push
    free = coasting + dt * (pull - d.drag * vx * speed)
    moving = math.copysign(max(abs(free) - d.retarding, 0.0), free)
    used = (moving - coasting) / dt
    grip = d.adhesion * d.adhesion
    return moving, SIDE_GRIP * math.sqrt(max(grip - used * used, _LEAST_CORNERING * grip))


@compiled
def _vertical(f: Array, i: int, dt: float, ground: float) -> None:
    """Free fall to the ground, which then holds the vehicle at its own height."""
    f[VZ, i] += dt * (f[FORCE_Z, i] / f[MASS, i] - GRAVITY * f[HAS_GRAVITY, i])
    f[Z, i] += dt * f[VZ, i]
    settling = f[Z, i] - ground < _AIRBORNE and f[VZ, i] <= 0 and f[HAS_GRAVITY, i] > 0
    if f[Z, i] <= ground or settling:
        f[Z, i], f[VZ, i] = ground, 0.0


@compiled
def _hold_velocity(f: Array, i: int) -> None:
    """Constant velocity mode: the demanded velocity, in the vehicle's frame, wins."""
    if f[HOLD, i] > 0:
        f[VX, i], f[VY, i] = f[HOLD_X, i], f[HOLD_Y, i]


@compiled
def _attitude(f: Array, i: int, dt: float, normal: Array) -> None:
    """Follows the slope of the ground and leans a little with acceleration."""
    cos, sin = math.cos(f[YAW, i]), math.sin(f[YAW, i])
    along = -(normal[0] * cos + normal[1] * sin) / normal[2]
    across = -(normal[1] * cos - normal[0] * sin) / normal[2]
    blend = min(dt / _LEAN_TIME, 1.0)
    forward, right = f[AX, i] * cos + f[AY, i] * sin, f[AY, i] * cos - f[AX, i] * sin
    f[LEAN_PITCH, i] += blend * (forward * _LEAN_PITCH - f[LEAN_PITCH, i])
    f[LEAN_ROLL, i] += blend * (-right * _LEAN_ROLL - f[LEAN_ROLL, i])
    f[PITCH, i] = math.atan(along) + f[LEAN_PITCH, i]
    f[ROLL, i] = f[LEAN_ROLL, i] - math.atan(across)


@called_with(f8[:, ::1], f8)
@compiled
def _report(f: Array, dt: float) -> None:
    for i in range(f.shape[1]):
        cos, sin = math.cos(f[YAW, i]), math.sin(f[YAW, i])
        wx = f[VX, i] * cos - f[VY, i] * sin
        wy = f[VX, i] * sin + f[VY, i] * cos
        wz = f[VZ, i]
        f[AX, i] = (wx - f[WX, i]) / dt
        f[AY, i] = (wy - f[WY, i]) / dt
        f[AZ, i] = (wz - f[WZ, i]) / dt
        f[WX, i], f[WY, i], f[WZ, i] = wx, wy, wz
        f[PITCH_RATE, i] = (f[PITCH, i] - f[LAST_PITCH, i]) / dt
        f[ROLL_RATE, i] = (f[ROLL, i] - f[LAST_ROLL, i]) / dt
        f[LAST_PITCH, i], f[LAST_ROLL, i] = f[PITCH, i], f[ROLL, i]


def reported_gear(f: Fleet) -> Array:
    """The gear that the snapshot shows: -1 reverse, 0 before the first start, else 1 and up."""
    return _reported_gear(f.data)


@called_with(f8[:, ::1])
@compiled
def _reported_gear(f: Array) -> Array:
    gears = np.zeros(f.shape[1])
    for i in range(f.shape[1]):
        share = abs(f[VX, i]) / f[TOP_SPEED, i]
        if f[MANUAL, i] > 0:
            gears[i] = f[GEAR, i]
        elif f[REVERSE, i] > 0:
            gears[i] = -1.0
        elif share >= 0.002 or f[THROTTLE, i] != 0:
            while gears[i] < min(len(_GEAR_SPEEDS), f[GEARS, i]):
                if share < _GEAR_SPEEDS[int(gears[i])]:
                    break
                gears[i] += 1.0
    return gears
