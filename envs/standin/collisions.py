"""Collisions: finds overlapping boxes, pushes them apart and exchanges impulse."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from envs.standin.boxes import Boxes, ObstacleGrid, close_pairs, corners, overlap
from envs.standin.fleet import Fleet

_RESTITUTION = 0.15
_FRICTION = 0.35
_WALKER_MASS = 80.0


@dataclass(frozen=True)
class Contact:
    """One collision of a step: two parties and the impulse on the first, N*s.

    A party is an actor id, or minus one minus the obstacle's index.
    """

    first: int
    second: int
    impulse: tuple[float, float, float]


@dataclass
class Party:
    """One body in a collision; what cannot move has no inverse mass."""

    inverse_mass: float
    inverse_inertia: float
    x: float
    y: float
    vx: float
    vy: float
    spin: float


def vehicle_boxes(fleet: Fleet) -> Boxes:
    """The outlines of all vehicles."""
    rows = (
        fleet.x,
        fleet.y,
        fleet.z + fleet.half_height,
        fleet.yaw,
        fleet.half_length,
        fleet.half_width,
        fleet.half_height,
    )
    return Boxes(np.stack(rows))


def collide(
    fleet: Fleet, grid: ObstacleGrid, others: Boxes, other_ids: list[int], movable: list[bool]
) -> list[Contact]:
    """Resolves all collisions of vehicles with vehicles, obstacles and other actors, in place.

    others: boxes of actors that are no vehicles; movable tells which of them are walkers.
    """
    if not len(fleet):
        return []
    contacts: list[Contact] = []
    boxes = vehicle_boxes(fleet)
    vehicles = len(fleet)
    bodies = Boxes.join([boxes, others]) if len(others) else boxes
    first, second = close_pairs(bodies)
    if len(bodies) > vehicles:
        keep = first < vehicles
        first, second = first[keep], second[keep]
    if len(first):
        depth, normal = overlap(bodies.table, first, bodies.table, second)
        for pair in np.flatnonzero(depth > 0).tolist():
            i, j = int(first[pair]), int(second[pair])
            other = None if j < vehicles else movable[j - vehicles]
            other_id = fleet.ids[j] if j < vehicles else other_ids[j - vehicles]
            hit = _touch(fleet, bodies, i, bodies, j, normal[pair], float(depth[pair]), other)
            if hit is not None:
                contacts.append(Contact(fleet.ids[i], other_id, hit))
    if len(grid.boxes):
        contacts += _against_obstacles(fleet, boxes, grid)
    return contacts


def _against_obstacles(fleet: Fleet, boxes: Boxes, grid: ObstacleGrid) -> list[Contact]:
    mover, obstacle = grid.candidates(boxes)
    if not len(mover):
        return []
    depth, normal = overlap(boxes.table, mover, grid.boxes.table, obstacle)
    contacts = []
    for pair in np.flatnonzero(depth > 0).tolist():
        i, j = int(mover[pair]), int(obstacle[pair])
        hit = _touch(fleet, boxes, i, grid.boxes, j, normal[pair], float(depth[pair]), False)
        if hit is not None:
            contacts.append(Contact(fleet.ids[i], -1 - j, hit))
    return contacts


def _touch(
    fleet: Fleet,
    boxes_a: Boxes,
    i: int,
    boxes_b: Boxes,
    j: int,
    normal: np.ndarray,
    depth: float,
    other: bool | None,
) -> tuple[float, float, float] | None:
    """Resolves one overlap. other: None for a vehicle, True for a walker, False for a fixture."""
    if fleet.collides[i] == 0 or (other is None and fleet.collides[j] == 0):
        return None
    nx, ny = float(normal[0]), float(normal[1])
    a = _party(fleet, i)
    b = _party(fleet, j) if other is None else _bystander(boxes_b, j, other)
    total = a.inverse_mass + b.inverse_mass
    if total == 0:
        return None
    point = _contact_point(boxes_a, i, boxes_b, j)
    impulse = _impulse(a, b, point, nx, ny)
    shift = depth / total
    _push(fleet, i, a, point, impulse, shift * a.inverse_mass, nx, ny)
    if other is None:
        back = (-impulse[0], -impulse[1])
        _push(fleet, j, b, point, back, shift * b.inverse_mass, -nx, -ny)
    if impulse == (0.0, 0.0):
        return None
    return impulse[0], impulse[1], 0.0


def _party(fleet: Fleet, index: int) -> Party:
    moves = float(fleet.physics[index])
    cos, sin = math.cos(fleet.yaw[index]), math.sin(fleet.yaw[index])
    vx, vy = float(fleet.vx[index]), float(fleet.vy[index])
    return Party(
        moves / float(fleet.mass[index]),
        moves / float(fleet.inertia[index]),
        float(fleet.x[index]),
        float(fleet.y[index]),
        vx * cos - vy * sin,
        vx * sin + vy * cos,
        float(fleet.yaw_rate[index]),
    )


def _bystander(boxes: Boxes, index: int, walker: bool) -> Party:
    inverse = 1 / _WALKER_MASS if walker else 0.0
    return Party(inverse, 0.0, float(boxes.x[index]), float(boxes.y[index]), 0.0, 0.0, 0.0)


def _contact_point(a: Boxes, i: int, b: Boxes, j: int) -> tuple[float, float]:
    """The middle of the corners of each box that lie in the other."""
    inside = [p for p in corners(a, i) if _contains(b, j, p)]
    inside += [p for p in corners(b, j) if _contains(a, i, p)]
    if not inside:
        return float(a.x[i] + b.x[j]) / 2, float(a.y[i] + b.y[j]) / 2
    return sum(p[0] for p in inside) / len(inside), sum(p[1] for p in inside) / len(inside)


def _contains(box: Boxes, index: int, point: tuple[float, float]) -> bool:
    cos, sin = math.cos(box.yaw[index]), math.sin(box.yaw[index])
    dx, dy = point[0] - float(box.x[index]), point[1] - float(box.y[index])
    along, across = abs(dx * cos + dy * sin), abs(dy * cos - dx * sin)
    return along <= box.half_x[index] + 1e-6 and across <= box.half_y[index] + 1e-6


def _impulse(
    a: Party, b: Party, point: tuple[float, float], nx: float, ny: float
) -> tuple[float, float]:
    """Impulse on `a`: normal part with restitution, tangential part up to friction."""
    rax, ray = point[0] - a.x, point[1] - a.y
    rbx, rby = point[0] - b.x, point[1] - b.y
    vx = a.vx - a.spin * ray - (b.vx - b.spin * rby)
    vy = a.vy + a.spin * rax - (b.vy + b.spin * rbx)
    closing = vx * nx + vy * ny
    if closing >= 0:
        return 0.0, 0.0
    turn_a, turn_b = rax * ny - ray * nx, rbx * ny - rby * nx
    mass = a.inverse_mass + b.inverse_mass
    weight = mass + a.inverse_inertia * turn_a**2 + b.inverse_inertia * turn_b**2
    strength = -(1 + _RESTITUTION) * closing / weight
    sliding = -vx * ny + vy * nx
    drag = max(-_FRICTION * strength, min(_FRICTION * strength, -sliding / mass))
    return strength * nx - drag * ny, strength * ny + drag * nx


def _push(
    fleet: Fleet,
    i: int,
    party: Party,
    point: tuple[float, float],
    impulse: tuple[float, float],
    shift: float,
    nx: float,
    ny: float,
) -> None:
    fleet.x[i] += shift * nx
    fleet.y[i] += shift * ny
    wx = party.vx + impulse[0] * party.inverse_mass
    wy = party.vy + impulse[1] * party.inverse_mass
    arm = (point[0] - party.x) * impulse[1] - (point[1] - party.y) * impulse[0]
    cos, sin = math.cos(fleet.yaw[i]), math.sin(fleet.yaw[i])
    fleet.vx[i] = wx * cos + wy * sin
    fleet.vy[i] = wy * cos - wx * sin
    fleet.yaw_rate[i] = party.spin + arm * party.inverse_inertia
