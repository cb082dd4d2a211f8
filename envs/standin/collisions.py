"""Collisions: finds overlapping boxes, pushes them apart and exchanges impulse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import f8, i8

from envs.standin.boxes import (
    CELLS,
    Boxes,
    Cells,
    Index,
    ObstacleGrid,
    candidates,
    close_pairs,
    overlap,
)
from envs.standin.compiled import called_with, compiled
from envs.standin.dynamics import INERTIA, MASS, PHYSICS, VX, VY, YAW, YAW_RATE, X, Y, Z
from envs.standin.fleet import ROW, Array, Fleet
from envs.standin.walkers import MASS as WALKER_MASS

_RESTITUTION = 0.15
_FRICTION = 0.35
_COLLIDES = ROW["collides"]
_HALF_LENGTH, _HALF_WIDTH, _HALF_HEIGHT = (
    ROW[name] for name in ("half_length", "half_width", "half_height")
)


@dataclass(frozen=True)
class Contact:
    """One collision of a step: two parties and the impulse on the first, N*s.

    A party is an actor id, or minus one minus the obstacle's index.
    """

    first: int
    second: int
    impulse: tuple[float, float, float]


class _Party(NamedTuple):
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
    return Boxes(_outlines(fleet.data))


@called_with(f8[:, ::1])
@compiled
def _outlines(f: Array) -> Array:
    table = np.empty((7, f.shape[1]))
    for i in range(f.shape[1]):
        table[0, i], table[1, i], table[2, i] = f[X, i], f[Y, i], f[Z, i] + f[_HALF_HEIGHT, i]
        table[3, i], table[4, i] = f[YAW, i], f[_HALF_LENGTH, i]
        table[5, i], table[6, i] = f[_HALF_WIDTH, i], f[_HALF_HEIGHT, i]
    return table


def collide(
    fleet: Fleet, grid: ObstacleGrid, others: Boxes, other_ids: list[int], walkers: int
) -> list[Contact]:
    """Resolves all collisions of vehicles with vehicles, obstacles and other actors, in place.

    others: boxes of actors that are no vehicles, of which the first `walkers` can be moved.
    """
    if not len(fleet):
        return []
    each, walls = _collide(fleet.data, others.table, walkers, grid.boxes.table, grid.cells)
    if not len(each[0]) and not len(walls[0]):
        return []
    ids = [*fleet.ids, *other_ids]
    return _contacts(fleet, ids, *each) + _contacts(fleet, None, *walls)


def _contacts(
    fleet: Fleet, ids: list[int] | None, first: Index, second: Index, impulse: Array
) -> list[Contact]:
    """ids: of the second parties; None for obstacles."""
    return [
        Contact(fleet.ids[i], -1 - j if ids is None else ids[j], (x, y, 0.0))
        for i, j, (x, y) in zip(first.tolist(), second.tolist(), impulse.tolist(), strict=True)
    ]


_Hits = tuple[Index, Index, Array]


@called_with(f8[:, ::1], f8[:, ::1], i8, f8[:, ::1], CELLS)
@compiled
def _collide(
    f: Array, others: Array, walkers: int, obstacles: Array, cells: Cells
) -> tuple[_Hits, _Hits]:
    """Collisions of vehicles with each other and other actors, and with obstacles."""
    cars, count = _outlines(f), f.shape[1]
    bodies = np.empty((7, count + others.shape[1]))
    for row in range(7):
        for i in range(count):
            bodies[row, i] = cars[row, i]
        for i in range(others.shape[1]):
            bodies[row, count + i] = others[row, i]
    first, second = close_pairs(bodies)
    each = _resolve(f, bodies, bodies, first, second, count, walkers)
    none = int(np.int64(0))
    first, second = candidates(cars, cells)
    return each, _resolve(f, cars, obstacles, first, second, none, none)


@compiled
def _resolve(
    f: Array, a: Array, b: Array, first: Index, second: Index, vehicles: int, walkers: int
) -> tuple[Index, Index, Array]:
    """Resolves those pairs of vehicles, in table a, and bodies, in table b, that overlap.

    The first `vehicles` bodies are the fleet's, the next `walkers` can be moved, the others not.
    Returns those that hit each other, and the impulse (N, 2) on the first.
    """
    depth, normal = overlap(a, first, b, second)
    one, two = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
    impulse, found = np.empty((len(first), 2)), 0
    for pair in range(len(first)):
        i, j = first[pair], second[pair]
        if depth[pair] <= 0.0 or i >= f.shape[1] or f[_COLLIDES, i] == 0.0:
            continue
        if j < vehicles and f[_COLLIDES, j] == 0.0:
            continue
        nx, ny = normal[pair]
        party = _party(f, i)
        other = _party(f, j) if j < vehicles else _bystander(b, j, j < vehicles + walkers)
        total = party.inverse_mass + other.inverse_mass
        if total == 0.0:
            continue
        point = _contact_point(a[:, i], b[:, j])
        x, y = _impulse(party, other, point, nx, ny)
        shift = depth[pair] / total
        _push(f, i, party, point, x, y, shift * party.inverse_mass, nx, ny)
        if j < vehicles:
            _push(f, j, other, point, -x, -y, shift * other.inverse_mass, -nx, -ny)
        if x != 0.0 or y != 0.0:
            one[found], two[found] = i, j
            impulse[found, 0], impulse[found, 1] = x, y
            found += 1
    return one[:found], two[:found], impulse[:found]


@compiled
def _party(f: Array, i: int) -> _Party:
    moves = f[PHYSICS, i]
    cos, sin = math.cos(f[YAW, i]), math.sin(f[YAW, i])
    vx, vy = f[VX, i], f[VY, i]
    return _Party(
        moves / f[MASS, i],
        moves / f[INERTIA, i],
        f[X, i],
        f[Y, i],
        vx * cos - vy * sin,
        vx * sin + vy * cos,
        f[YAW_RATE, i],
    )


@compiled
def _bystander(table: Array, index: int, walker: bool) -> _Party:
    inverse = 1.0 / WALKER_MASS if walker else 0.0
    return _Party(inverse, 0.0, table[0, index], table[1, index], 0.0, 0.0, 0.0)


@compiled
def _contact_point(a: Array, b: Array) -> tuple[float, float]:
    """The middle of the corners of each box that lie in the other."""
    x, y, count = 0.0, 0.0, 0
    for box, other in ((a, b), (b, a)):
        cos, sin = math.cos(box[3]), math.sin(box[3])
        for i, j in ((1, 1), (1, -1), (-1, -1), (-1, 1)):
            corner_x = box[0] + i * box[4] * cos - j * box[5] * sin
            corner_y = box[1] + i * box[4] * sin + j * box[5] * cos
            if _contains(other, corner_x, corner_y):
                x, y, count = x + corner_x, y + corner_y, count + 1
    if count == 0:
        return (a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0
    return x / count, y / count


@compiled
def _contains(box: Array, x: float, y: float) -> bool:
    cos, sin = math.cos(box[3]), math.sin(box[3])
    dx, dy = x - box[0], y - box[1]
    along, across = abs(dx * cos + dy * sin), abs(dy * cos - dx * sin)
    return bool(along <= box[4] + 1e-6 and across <= box[5] + 1e-6)


@compiled
def _impulse(
    a: _Party, b: _Party, point: tuple[float, float], nx: float, ny: float
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


@compiled
def _push(
    f: Array,
    i: int,
    party: _Party,
    point: tuple[float, float],
    impulse_x: float,
    impulse_y: float,
    shift: float,
    nx: float,
    ny: float,
) -> None:
    f[X, i] += shift * nx
    f[Y, i] += shift * ny
    wx = party.vx + impulse_x * party.inverse_mass
    wy = party.vy + impulse_y * party.inverse_mass
    arm = (point[0] - party.x) * impulse_y - (point[1] - party.y) * impulse_x
    cos, sin = math.cos(f[YAW, i]), math.sin(f[YAW, i])
    f[VX, i] = wx * cos + wy * sin
    f[VY, i] = wy * cos - wx * sin
    f[YAW_RATE, i] = party.spin + arm * party.inverse_inertia
