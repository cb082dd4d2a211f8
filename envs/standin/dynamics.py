"""Vehicle dynamics: a single-track model with tyre limits, advanced for the whole fleet at once.

Lateral tyre forces are linear in the slip angle up to the friction circle. They enter implicitly,
with the secant stiffness of the saturated tyre, which is stable at standstill and for long steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from envs.standin.fleet import Array, Fleet
from envs.standin.vehicle_fit import ENGINE_BRAKE, GRAVITY

#: Full lock shrinks with speed: km/h, share (the default steering curve of CARLA's vehicles).
STEERING_CURVE = ((0.0, 20.0, 60.0, 120.0), (1.0, 0.9, 0.8, 0.7))

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
_GEAR_SPEEDS = (0.0, 0.1, 0.2, 0.32, 0.46, 0.62)


def advance(fleet: Fleet, dt: float, substeps: int, ground: Array, normal: Array) -> None:
    """Moves every vehicle by `dt` seconds, in place; `report` follows after collisions.

    ground: height of the ground under each vehicle, (N,); normal: its unit normal, (N, 3).
    """
    if not len(fleet):
        return
    before = fleet.data[:13].copy()
    held = bool(fleet.hold.any())
    if held:
        _hold_velocity(fleet)
    # Vehicles whose physics is off keep their state; most of the time there are none.
    all_move = bool(fleet.physics.all())
    step = dt / substeps
    demand = _demand(fleet, step, ground, normal)
    for _ in range(substeps):
        _substep(fleet, step, demand)
    fleet.force_x[:] = fleet.force_y[:] = fleet.torque[:] = 0.0
    if held:
        _hold_velocity(fleet)
    _vertical(fleet, dt, ground)
    _attitude(fleet, dt, normal)
    if not all_move:
        still = fleet.physics == 0.0
        fleet.data[:13, still] = before[:13, still]
        fleet.vx[still] = fleet.vy[still] = fleet.vz[still] = fleet.yaw_rate[still] = 0.0


@dataclass(slots=True)
class _Demand:
    """What does not change between the substeps of a step; forces are per unit of mass."""

    steer: Array
    turn: Array
    drive: Array
    direction: Array
    limit: Array
    force: Array
    power: Array
    drag: Array
    adhesion: Array
    adhesion_squared: Array
    retarding: Array
    rear_grip: Array
    stiffness: Array
    agility: Array
    push_x: Array
    push_y: Array
    spin: Array


def _demand(fleet: Fleet, dt: float, ground: Array, normal: Array) -> _Demand:
    """Turns controls, slope and outside forces into the inputs of substeps of `dt` seconds."""
    mass = fleet.mass
    speed = np.abs(fleet.vx)
    share = np.interp(speed * 3.6, *STEERING_CURVE)
    lock = fleet.steer_limit
    backwards = (fleet.reverse > 0) | ((fleet.manual > 0) & (fleet.gear < 0))
    neutral = (fleet.manual > 0) & (fleet.gear == 0)
    contact = (fleet.z - ground < _AIRBORNE) * 1.0
    adhesion = fleet.grip * GRAVITY * contact
    braking = fleet.brake * fleet.brake_force / mass + (
        fleet.hand_brake * _HAND_BRAKE_SHARE * fleet.grip * GRAVITY
    )
    rolling = fleet.rolling / mass + (
        ENGINE_BRAKE * (1 - fleet.throttle) * np.minimum(speed / 3, 1)
    )
    cos, sin = np.cos(fleet.yaw), np.sin(fleet.yaw)
    outside_x = fleet.force_x / mass + GRAVITY * normal[:, 0] * contact
    outside_y = fleet.force_y / mass + GRAVITY * normal[:, 1] * contact
    return _Demand(
        steer=_limited(fleet.steer * fleet.steer_gain * share, lock),
        turn=fleet.steer_rate * dt,
        drive=fleet.throttle * ~neutral * contact,
        direction=np.where(backwards, -1.0, 1.0),
        limit=np.where(backwards, fleet.reverse_speed, fleet.top_speed),
        force=fleet.drive_force / mass,
        power=fleet.drive_power / mass,
        drag=fleet.drag / mass,
        adhesion=adhesion,
        adhesion_squared=adhesion * adhesion,
        retarding=dt * np.minimum(braking + rolling, adhesion),
        rear_grip=0.5 - 0.5 * (1 - _HAND_BRAKE_REAR_GRIP) * fleet.hand_brake * (speed > 1),
        stiffness=fleet.stiffness / mass,
        agility=fleet.half_base * mass / fleet.inertia,
        push_x=outside_x * cos + outside_y * sin,
        push_y=outside_y * cos - outside_x * sin,
        spin=dt * fleet.torque / fleet.inertia,
    )


def _limited(value: Array, limit: Array) -> Array:
    """`np.clip` to +-limit, without its overhead."""
    return np.minimum(np.maximum(value, -limit), limit)


def _substep(f: Fleet, dt: float, d: _Demand) -> None:
    f.steer_angle += _limited(d.steer - f.steer_angle, d.turn)
    vx, vy, rate = f.vx, f.vy, f.yaw_rate
    moving, spare = _longitudinal(vx, vy * rate + d.push_x, dt, d)
    half = f.half_base
    turning = half * rate
    side = moving * np.tan(f.steer_angle)
    linear = d.stiffness / np.maximum(np.abs(moving), _SLOWEST_SLIP)
    front = np.minimum(linear, 0.5 * spare / (np.abs(vy + turning - side) + _TINY))
    rear = np.minimum(linear, d.rear_grip * spare / (np.abs(vy - turning) + _TINY))

    total, difference = dt * (front + rear), dt * (front - rear)
    push = dt * front * side
    m11, m12 = 1 + total, half * difference + dt * moving
    m21, m22 = d.agility * difference, 1 + d.agility * half * total
    b1 = vy + push + dt * d.push_y
    b2 = rate + d.agility * push + d.spin
    inverse = 1 / (m11 * m22 - m12 * m21)
    vx[:] = moving
    vy[:] = (m22 * b1 - m12 * b2) * inverse
    rate[:] = (m11 * b2 - m21 * b1) * inverse

    f.yaw += dt * rate
    cos, sin = np.cos(f.yaw), np.sin(f.yaw)
    f.x += dt * (vx * cos - vy * sin)
    f.y += dt * (vx * sin + vy * cos)


def _longitudinal(vx: Array, push: Array, dt: float, d: _Demand) -> tuple[Array, Array]:
    """Speed after a substep, and the tyre force (per mass) that is left for cornering."""
    speed = np.abs(vx)
    engine = np.minimum(d.force, d.power / np.maximum(speed, 0.1))
    headroom = np.minimum(np.maximum(_GOVERNOR * (d.limit - vx * d.direction), 0.0), 1.0)
    pull = d.direction * np.minimum(d.drive * engine * headroom, d.adhesion)
    coasting = vx + dt * push
    free = coasting + dt * (pull - d.drag * vx * speed)
    moving = np.copysign(np.maximum(np.abs(free) - d.retarding, 0.0), free)
    used = (moving - coasting) / dt
    left = d.adhesion_squared - used * used
    return moving, SIDE_GRIP * np.sqrt(np.maximum(left, _LEAST_CORNERING * d.adhesion_squared))


def _vertical(f: Fleet, dt: float, ground: Array) -> None:
    """Free fall to the ground, which then holds the vehicle at its own height."""
    f.vz += dt * (f.force_z / f.mass - GRAVITY * f.gravity)
    f.force_z[:] = 0.0
    f.z += dt * f.vz
    landed = (f.z <= ground) | ((f.z - ground < _AIRBORNE) & (f.vz <= 0) & (f.gravity > 0))
    f.z[:] = np.where(landed, ground, f.z)
    f.vz[:] = np.where(landed, 0.0, f.vz)


def _hold_velocity(f: Fleet) -> None:
    """Constant velocity mode: the demanded velocity, in the vehicle's frame, wins."""
    held = f.hold > 0
    f.vx[held] = f.hold_x[held]
    f.vy[held] = f.hold_y[held]


def _attitude(f: Fleet, dt: float, normal: Array) -> None:
    """Follows the slope of the ground and leans a little with acceleration."""
    cos, sin = np.cos(f.yaw), np.sin(f.yaw)
    along = -(normal[:, 0] * cos + normal[:, 1] * sin) / normal[:, 2]
    across = -(normal[:, 1] * cos - normal[:, 0] * sin) / normal[:, 2]
    blend = min(dt / _LEAN_TIME, 1.0)
    f.lean_pitch += blend * (f.ax * cos + f.ay * sin) * _LEAN_PITCH - blend * f.lean_pitch
    f.lean_roll += -blend * (f.ay * cos - f.ax * sin) * _LEAN_ROLL - blend * f.lean_roll
    f.pitch[:] = np.arctan(along) + f.lean_pitch
    f.roll[:] = f.lean_roll - np.arctan(across)


def report(f: Fleet, dt: float) -> None:
    """Works out velocity, acceleration and turn rates in the world for this step."""
    cos, sin = np.cos(f.yaw), np.sin(f.yaw)
    wx, wy = f.vx * cos - f.vy * sin, f.vx * sin + f.vy * cos
    f.ax[:] = (wx - f.wx) / dt
    f.ay[:] = (wy - f.wy) / dt
    f.az[:] = (f.vz - f.wz) / dt
    f.wx[:], f.wy[:], f.wz[:] = wx, wy, f.vz
    f.pitch_rate[:] = (f.pitch - f.last_pitch) / dt
    f.roll_rate[:] = (f.roll - f.last_roll) / dt
    f.last_pitch[:], f.last_roll[:] = f.pitch, f.roll


def reported_gear(f: Fleet) -> Array:
    """The gear that the snapshot shows: -1 reverse, 0 before the first start, else 1 and up."""
    share = np.abs(f.vx) / f.top_speed
    gear = np.searchsorted(_GEAR_SPEEDS, share, side="right").astype(np.float64)
    gear = np.minimum(gear, f.gears)
    gear = np.where((share < 0.002) & (f.throttle == 0), 0.0, gear)
    gear = np.where(f.reverse > 0, -1.0, gear)
    return np.where(f.manual > 0, f.gear, gear)
