"""Sensors that send out rays: lidar, semantic lidar, radar and the obstacle detector."""

from __future__ import annotations

import math
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from envs.standin.actors import Actor, attribute_float, scenery
from envs.standin.cameras import renderer_of
from envs.standin.geometry import Pose, axes_array
from envs.standin.rays import GROUND, NOTHING, Hits, Scene, cast, scene_near
from envs.standin.sensors import MEASURES, Payload, memory_of
from envs.standin.world import World

Array = NDArray[np.float64]

MAX_RAYS = 200_000
_SEMANTIC_POINT = np.dtype([("xyz", "<f4", 3), ("cosine", "<f4"), ("id", "<u4"), ("tag", "<u4")])
_packer = msgpack.Packer()


def _sweep(world: World, sensor: Actor) -> tuple[Array, NDArray[np.int64], float]:
    """Directions of this step's lidar rays in the sensor's frame, points per channel, and angle."""
    channels = max(1, int(attribute_float(sensor, "channels", 32)))
    rate = attribute_float(sensor, "points_per_second", 56000)
    frequency = attribute_float(sensor, "rotation_frequency", 10.0)
    field = max(1.0, min(360.0, attribute_float(sensor, "horizontal_fov", 360.0)))
    per_channel = round(rate * world.delta / channels)
    if per_channel * channels > MAX_RAYS:
        raise ValueError(f"lidar would send {per_channel * channels} rays in a step")
    memory = memory_of(world, sensor)
    start = memory.extra.get("angle", 0.0)
    turn = field * frequency * world.delta
    memory.extra["angle"] = (start + turn) % field
    angles = (start + turn * np.arange(per_channel) / max(per_channel, 1)) % field
    horizontal = np.radians(angles - (0.0 if field == 360.0 else field / 2))
    upper = attribute_float(sensor, "upper_fov", 10.0)
    lower = attribute_float(sensor, "lower_fov", -30.0)
    vertical = np.radians(np.linspace(upper, lower, channels) if channels > 1 else [upper])
    cv = np.cos(vertical)[:, None]
    directions = np.stack(
        [
            cv * np.cos(horizontal),
            cv * np.sin(horizontal),
            np.broadcast_to(np.sin(vertical)[:, None], (channels, per_channel)),
        ],
        axis=-1,
    )
    counts = np.full(channels, per_channel, np.int64)
    return directions.reshape(-1, 3), counts, math.radians(memory.extra["angle"])


def _scan(
    world: World, sensor: Actor, pose: Pose, local: Array, reach: float
) -> tuple[Scene, Hits]:
    scene = scene_near(world, pose[0], pose[1], reach, without=sensor.parent)
    directions = local @ axes_array(*pose[3:]).T
    return scene, cast(world, scene, np.array(pose[:3]), directions, reach)


def _kept_per_channel(kept: NDArray[np.bool_], counts: NDArray[np.int64]) -> NDArray[np.uint32]:
    return np.count_nonzero(kept.reshape(len(counts), -1), axis=1).astype("<u4")


def lidar(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """Points (x, y, z, intensity) in the sensor's frame, channel by channel."""
    local, counts, angle = _sweep(world, sensor)
    reach = attribute_float(sensor, "range", 10.0)
    _, hits = _scan(world, sensor, pose, local, reach)
    memory = memory_of(world, sensor)
    rate = attribute_float(sensor, "atmosphere_attenuation_rate", 0.004)
    distance = np.where(np.isfinite(hits.distance), hits.distance, 0.0)
    intensity = np.exp(-rate * distance)
    kept = hits.target != NOTHING
    kept &= ~_dropped(sensor, intensity, memory.random)
    noise = attribute_float(sensor, "noise_stddev", 0.0)
    if noise > 0:
        distance = distance + noise * memory.random.standard_normal(len(distance))
    points = np.empty((len(local), 4), "<f4")
    points[:, :3] = local * distance[:, None]
    points[:, 3] = intensity
    return [_lidar_payload(angle, _kept_per_channel(kept, counts), points[kept].tobytes())]


def _dropped(sensor: Actor, intensity: Array, random: np.random.Generator) -> NDArray[np.bool_]:
    """Points that get lost: some anywhere, more where the echo is weak."""
    general = attribute_float(sensor, "dropoff_general_rate", 0.45)
    limit = attribute_float(sensor, "dropoff_intensity_limit", 0.8)
    dark = attribute_float(sensor, "dropoff_zero_intensity", 0.4)
    draw, second = random.random((2, len(intensity)))
    weak = np.clip((limit - intensity) / max(limit, 1e-6), 0.0, 1.0) * dark
    return (draw < general) | (second < weak)


def semantic_lidar(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """Points with the cosine of incidence, the id of the actor and the tag; none are lost."""
    local, counts, angle = _sweep(world, sensor)
    reach = attribute_float(sensor, "range", 10.0)
    scene, hits = _scan(world, sensor, pose, local, reach)
    kept = hits.target != NOTHING
    target = hits.target[kept]
    points = np.zeros(len(target), _SEMANTIC_POINT)
    points["xyz"] = local[kept] * hits.distance[kept, None]
    points["cosine"] = hits.cosine[kept]
    on_box = target >= 0
    points["id"][on_box] = scene.ids[target[on_box]]
    ground = local[kept][~on_box] * hits.distance[kept][~on_box, None]
    places = np.array(pose[:3]) + ground @ axes_array(*pose[3:]).T
    points["tag"][~on_box] = renderer_of(world.town).texture.tags_at(places[:, :2])
    points["tag"][on_box] = scene.tags[target[on_box]]
    return [_lidar_payload(angle, _kept_per_channel(kept, counts), points.tobytes())]


def _lidar_payload(angle: float, counts: NDArray[np.uint32], points: bytes) -> Payload:
    start = np.array([angle], "<f4").tobytes() + np.array([len(counts)], "<u4").tobytes()
    return [start + counts.tobytes(), points]


def radar(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """Detections (velocity towards the sensor negative, azimuth, altitude in rad, depth)."""
    rays = round(attribute_float(sensor, "points_per_second", 1500) * world.delta)
    if rays > MAX_RAYS:
        raise ValueError(f"radar would send {rays} rays in a step")
    wide = math.radians(attribute_float(sensor, "horizontal_fov", 30.0)) / 2
    high = math.radians(attribute_float(sensor, "vertical_fov", 30.0)) / 2
    draw = memory_of(world, sensor).random.random((2, rays))
    radius, around = np.sqrt(draw[0]), draw[1] * math.tau
    azimuth, altitude = wide * radius * np.cos(around), high * radius * np.sin(around)
    local = np.stack(
        [
            np.cos(altitude) * np.cos(azimuth),
            np.cos(altitude) * np.sin(azimuth),
            np.sin(altitude),
        ],
        axis=1,
    )
    scene, hits = _scan(world, sensor, pose, local, attribute_float(sensor, "range", 100.0))
    kept = hits.target != NOTHING
    target = hits.target[kept]
    velocity = np.zeros((len(target), 3))
    velocity[target >= 0] = scene.velocity[target[target >= 0]]
    velocity -= _velocity_of(world, sensor.parent)
    directions = (local @ axes_array(*pose[3:]).T)[kept]
    closing = np.einsum("ij,ij->i", velocity, directions)
    table = np.stack([closing, azimuth[kept], altitude[kept], hits.distance[kept]], axis=1)
    return [[table.astype("<f4").tobytes()]]


def _velocity_of(world: World, actor_id: int) -> Array:
    column = world.fleet.columns.get(actor_id)
    if column is None:
        return np.zeros(3)
    fleet = world.fleet
    return np.array([fleet.wx[column], fleet.wy[column], fleet.wz[column]])


def obstacle(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """The nearest thing in a tube ahead of the sensor, if there is one."""
    reach = attribute_float(sensor, "distance", 5.0)
    radius = attribute_float(sensor, "hit_radius", 0.5)
    only_dynamics = sensor.attributes.get("only_dynamics", "false").lower() == "true"
    frame = axes_array(*pose[3:])
    scene = scene_near(world, pose[0], pose[1], reach + radius, without=sensor.parent)
    best, found = math.inf, NOTHING
    for side in (-1.0, 0.0, 1.0):
        origin = np.array(pose[:3]) + frame[:, 1] * side * radius
        hits = cast(world, scene, origin, frame[:, :1].T, reach)
        target = int(hits.target[0])
        if target in (NOTHING, GROUND) or (only_dynamics and scene.ids[target] == 0):
            continue
        if hits.distance[0] < best:
            best, found = float(hits.distance[0]), target
    parent = world.actors.get(sensor.parent)
    if found == NOTHING or parent is None:
        return []
    return [[_packer.pack([parent.wire(), _what(world, scene, found), best])]]


def _what(world: World, scene: Scene, target: int) -> list[Any]:
    actor = world.actors.get(int(scene.ids[target]))
    return scenery("static.unknown", int(scene.tags[target])) if actor is None else actor.wire()


MEASURES["sensor.lidar.ray_cast"] = lidar
MEASURES["sensor.lidar.ray_cast_semantic"] = semantic_lidar
MEASURES["sensor.other.radar"] = radar
MEASURES["sensor.other.obstacle"] = obstacle
