"""Sensors that the server feeds: what each one measures in a step, as stream payloads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np

from envs.standin.actors import Actor, attribute_float, scenery
from envs.standin.geometry import Pose, axes, rotate_back
from envs.standin.outbox import Buffer
from envs.standin.wire import SENSOR_HEADER, SENSOR_INDEX
from envs.standin.world import World

Payload = list[Buffer]
#: Makes the messages of one step (without header) for one sensor; most make one or none.
Measure = Callable[[World, Actor, Pose], list[Payload]]

_EARTH_RADIUS = 6378137.0
#: Scale on the central meridian; the client takes UTM's whatever the map's header says.
_MERCATOR_SCALE = 0.9996
#: Sensors whose data go out before the tick is answered, so that scripts find events in time.
QUICK = frozenset(
    f"sensor.other.{name}" for name in ("collision", "imu", "gnss", "obstacle", "radar")
)
#: Sensors that take long: cameras and lidars.
SLOW = frozenset(SENSOR_INDEX) - QUICK
_packer = msgpack.Packer()


@dataclass
class SensorMemory:
    """State that a sensor keeps between steps."""

    random: np.random.Generator
    next_due: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)


def memory_of(world: World, sensor: Actor) -> SensorMemory:
    """The sensor's memory; its noise depends on seed, `noise_seed` and place in the episode."""
    if not isinstance(sensor.state, SensorMemory):
        noise_seed = int(attribute_float(sensor, "noise_seed", 0)) % 2**32
        place = sensor.id - world.first_actor
        sensor.state = SensorMemory(np.random.default_rng([world.seed, noise_seed, place]))
    return sensor.state


def is_due(world: World, sensor: Actor) -> bool:
    """Tell whether `sensor_tick` lets the sensor measure in this step."""
    period = attribute_float(sensor, "sensor_tick", 0.0)
    if period <= 0:
        return True
    memory = memory_of(world, sensor)
    if world.elapsed + 1e-6 < memory.next_due:
        return False
    late = world.elapsed - memory.next_due >= world.delta  # the first, or after a long step
    memory.next_due = (world.elapsed if late else memory.next_due) + period
    return True


def header(world: World, sensor: Actor, pose: Pose) -> bytes:
    """The 48 bytes that start every message of a sensor."""
    return SENSOR_HEADER.pack(SENSOR_INDEX[sensor.type_id], world.frame, world.elapsed, *pose)


def collision(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """One message per collision of the parent in this step."""
    messages = []
    for contact in world.contacts:
        if sensor.parent == contact.first:
            other, impulse = contact.second, contact.impulse
        elif sensor.parent == contact.second:
            other, impulse = contact.first, (-contact.impulse[0], -contact.impulse[1], 0.0)
        else:
            continue
        parent = world.actors.get(sensor.parent)
        if parent is not None:
            event = [parent.wire(), _party(world, other), list(impulse)]
            messages.append([_packer.pack(event)])
    return messages


def _party(world: World, party: int) -> list[Any]:
    if party >= 0:
        actor = world.actors.get(party)
        return actor.wire() if actor is not None else scenery("static.unknown", 20)
    tag = int(world.grid.tags[-1 - party])
    return scenery(_SCENERY.get(tag, "static.unknown"), tag)


_SCENERY = {
    3: "static.building",
    4: "static.wall",
    5: "static.fence",
    6: "static.pole",
    7: "static.pole",
    8: "static.pole",
    9: "static.vegetation",
    28: "static.guardrail",
}


def imu(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """Specific force in m/s^2, turn rate in rad/s and compass in rad from north (-y)."""
    acceleration, turning = _motion_of(world, sensor.parent)
    matrix = axes(*pose[3:])
    felt = rotate_back(
        matrix, (acceleration[0], acceleration[1], acceleration[2] + world.imu_gravity)
    )
    gyro = rotate_back(matrix, turning)
    random = memory_of(world, sensor).random.standard_normal(6).tolist()
    accelerometer = [
        felt[i] + random[i] * attribute_float(sensor, f"noise_accel_stddev_{axis}", 0.0)
        for i, axis in enumerate("xyz")
    ]
    gyroscope = [
        gyro[i]
        + attribute_float(sensor, f"noise_gyro_bias_{axis}", 0.0)
        + random[3 + i] * attribute_float(sensor, f"noise_gyro_stddev_{axis}", 0.0)
        for i, axis in enumerate("xyz")
    ]
    compass = (math.radians(pose[4]) + math.pi / 2) % math.tau
    return [[_packer.pack([accelerometer, gyroscope, compass])]]


def _motion_of(world: World, actor_id: int) -> tuple[tuple[float, float, float], ...]:
    """World acceleration and turn rate (rad/s, world axes) of what a sensor is mounted on.

    That may be another sensor, on a vehicle.
    """
    column = world.fleet.columns.get(actor_id)
    parent = world.actors.get(actor_id)
    if column is None and parent is not None and parent.parent:
        return _motion_of(world, parent.parent)
    if column is None:
        return (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    fleet = world.fleet
    acceleration = (float(fleet.ax[column]), float(fleet.ay[column]), float(fleet.az[column]))
    return acceleration, (0.0, 0.0, float(fleet.yaw_rate[column]))


def geolocation(origin: tuple[float, float], x: float, y: float) -> tuple[float, float]:
    """Latitude and longitude of a place: transverse Mercator on a sphere, as the client has it."""
    latitude, longitude = map(math.radians, origin)
    east = x / (_MERCATOR_SCALE * _EARTH_RADIUS)
    north = latitude + y / (_MERCATOR_SCALE * _EARTH_RADIUS)
    return (
        math.degrees(math.asin(math.sin(north) / math.cosh(east))),
        math.degrees(longitude + math.atan2(math.sinh(east), math.cos(north))),
    )


def gnss(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """Latitude and longitude in degrees, altitude in m, as the client's map converts them."""
    latitude, longitude = geolocation(world.geo_origin, pose[0], pose[1])
    values = {"lat": latitude, "lon": longitude, "alt": pose[2]}
    random = memory_of(world, sensor).random.standard_normal(3).tolist()
    noisy = [
        values[axis]
        + attribute_float(sensor, f"noise_{axis}_bias", 0.0)
        + random[i] * attribute_float(sensor, f"noise_{axis}_stddev", 0.0)
        for i, axis in enumerate(("lat", "lon", "alt"))
    ]
    return [[_packer.pack(noisy)]]


MEASURES: dict[str, Measure] = {
    "sensor.other.collision": collision,
    "sensor.other.imu": imu,
    "sensor.other.gnss": gnss,
}


def measure(world: World, sensor: Actor) -> list[Payload]:
    """The complete messages of a sensor for this step, each as buffers to send in a row."""
    function = MEASURES.get(sensor.type_id)
    if function is None or not is_due(world, sensor):
        return []
    if function is collision and not world.contacts:
        return []
    pose = world.pose_of(sensor)
    start = header(world, sensor, pose)
    return [[start, *payload] for payload in function(world, sensor, pose)]
