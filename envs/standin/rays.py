"""Rays through the world: against boxes and the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.standin.actors import Actor
from envs.standin.boxes import Boxes
from envs.standin.collisions import vehicle_boxes
from envs.standin.world import World

Array = NDArray[np.float64]

NOTHING = -1
GROUND = -2

_GROUND_STEPS = 4
_MAX_CELLS = 400_000


@dataclass(frozen=True)
class Scene:
    """Every box near a place. ids: actor ids, 0 for scenery; velocity: (count, 3) in m/s."""

    boxes: Boxes
    ids: NDArray[np.int64]
    tags: NDArray[np.int64]
    velocity: Array


@dataclass(frozen=True)
class Hits:
    """Hits of rays: distance (inf for none), box index, GROUND or NOTHING, and the cosine there."""

    distance: Array
    target: NDArray[np.int64]
    cosine: Array


def scene_near(world: World, x: float, y: float, reach: float, without: int = 0) -> Scene:
    """The boxes within reach of a place, leaving out the actor that carries the sensor."""
    fleet, walkers = world.fleet, world.walkers
    near = world.grid.within(x, y, reach)
    boxes = Boxes.join(
        [vehicle_boxes(fleet), walkers.boxes(), world.fixtures, world.grid.boxes.take(near)]
    )
    ids = [*fleet.ids, *walkers.colliding_ids, *world.fixture_ids]
    tags = [_tag(world.actors[actor_id]) for actor_id in ids]
    velocity = np.zeros((len(boxes), 3))
    velocity[: len(fleet)] = np.stack([fleet.wx, fleet.wy, fleet.wz], axis=1)
    bodies = walkers.colliding
    velocity[len(fleet) : len(fleet) + bodies.sum()] = walkers.velocity.T[bodies]
    all_ids = np.concatenate([np.array(ids, np.int64), np.zeros(len(near), np.int64)])
    all_tags = np.concatenate([np.array(tags, np.int64), world.grid.tags[near]])
    gap = np.hypot(boxes.x - x, boxes.y - y) - boxes.radius
    keep = np.flatnonzero((gap <= reach) & ((all_ids != without) | (all_ids == 0)))
    return Scene(boxes.take(keep), all_ids[keep], all_tags[keep], velocity[keep])


def _tag(actor: Actor) -> int:
    return actor.tags[0] if actor.tags else 0


def cast(world: World, scene: Scene, origin: Array, directions: Array, reach: float) -> Hits:
    """First hit of each ray. origin (3,); directions (N, 3), unit vectors."""
    distance, target, cosine = _against_boxes(scene.boxes, origin, directions, reach)
    ground = _against_ground(world, origin, directions)
    lower = ground < distance
    distance = np.where(lower, ground, distance)
    target = np.where(lower, GROUND, target)
    cosine = np.where(lower, np.abs(directions[:, 2]), cosine)
    missed = ~(distance <= reach)
    return Hits(
        np.where(missed, np.inf, distance),
        np.where(missed, NOTHING, target),
        np.where(missed, 0.0, cosine),
    )


def _against_boxes(
    boxes: Boxes, origin: Array, directions: Array, reach: float
) -> tuple[Array, NDArray[np.int64], Array]:
    count = len(directions)
    best = np.full(count, np.inf)
    target = np.full(count, NOTHING, np.int64)
    cosine = np.zeros(count)
    block = max(1, _MAX_CELLS // max(count, 1))
    for start in range(0, len(boxes), block):
        part = boxes.take(np.arange(start, min(start + block, len(boxes))))
        near, face = _slabs(part, origin, directions)
        nearest = np.argmin(near, axis=1)
        rows = np.arange(count)
        found = near[rows, nearest]
        closer = found < best
        best = np.where(closer, found, best)
        target = np.where(closer, nearest + start, target)
        cosine = np.where(closer, face[rows, nearest], cosine)
    return best, target, cosine


def _slabs(boxes: Boxes, origin: Array, directions: Array) -> tuple[Array, Array]:
    """Return each ray's distance to each box (N, M), inf where it misses, and the cosine there."""
    cos, sin = np.cos(boxes.yaw), np.sin(boxes.yaw)
    dx, dy = origin[0] - boxes.x, origin[1] - boxes.y
    start = np.stack([dx * cos + dy * sin, dy * cos - dx * sin, origin[2] - boxes.z])
    half = np.stack([boxes.half_x, boxes.half_y, boxes.half_z])
    x, y, z = directions[:, :1], directions[:, 1:2], directions[:, 2:]
    parts = np.stack([x * cos + y * sin, y * cos - x * sin, np.broadcast_to(z, (len(z), len(cos)))])
    safe = np.where(np.abs(parts) < 1e-12, 1e-12, parts)
    one = (-half[:, None] - start[:, None]) / safe
    two = (half[:, None] - start[:, None]) / safe
    entries = np.minimum(one, two)
    entry, leave = entries.max(axis=0), np.maximum(one, two).min(axis=0)
    face = np.take_along_axis(np.abs(parts), entries.argmax(axis=0)[None], axis=0)[0]
    hit = (entry <= leave) & (entry > 0)
    return np.where(hit, entry, np.inf), face


def _against_ground(world: World, origin: Array, directions: Array) -> Array:
    """Distance to the ground: exact where it is flat, a few steps of iteration on slopes."""
    down = -directions[:, 2]
    falling = down > 1e-6
    steep = np.where(falling, down, 1.0)
    level = np.full(len(directions), origin[2])
    height, _ = world.town.height(origin[None, :2], level[:1])
    distance = (origin[2] - height[0]) / steep
    for _ in range(_GROUND_STEPS):
        place = origin[:2] + directions[:, :2] * np.minimum(distance, 1e4)[:, None]
        below, _ = world.town.height(place, level)
        moved = (origin[2] - below) / steep
        if np.allclose(moved, distance, atol=1e-4):
            break
        distance = moved
    return np.where(falling & (distance > 0), distance, np.inf)
