"""Moving things as faces."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import compiled, named
from envs.standin.picture import bodies
from envs.standin.picture.camera import Eye, rotate
from envs.standin.picture.faces import Faces, cross
from envs.standin.picture.statics import shade
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_BRAKE, _RIGHT, _LEFT, _REVERSE = 8, 16, 32, 64
_BEAMS = 7
#: Cameras so little above a roof stand for ones behind the windscreen.
_ROOF = 0.35
_STYLES = len(bodies.BODIES)


class Movers(NamedTuple):
    """Boxes as plain arrays: centre (N, 3), half sizes (N, 3), turn (N, 3, 3) to the world.

    paint (N, 3) is B, G, R; style, lights, tag and number are those of BOX.
    """

    centre: Array
    half: Array
    turn: Array
    paint: Array
    style: Index
    lights: Index
    tag: Index
    number: Index


#: `Movers` in compiled code.
MOVERS = named(
    Movers,
    f8[:, ::1],
    f8[:, ::1],
    f8[:, :, ::1],
    f8[:, ::1],
    i8[::1],
    i8[::1],
    i8[::1],
    i8[::1],
)


@compiled
def movers_of(boxes: NDArray[np.void]) -> Movers:
    """Plain arrays of boxes."""
    count = len(boxes)
    centre, half, paint = np.empty((count, 3)), np.empty((count, 3)), np.empty((count, 3))
    turn = np.empty((count, 3, 3))
    style, lights = np.empty(count, np.int64), np.empty(count, np.int64)
    tag, number = np.empty(count, np.int64), np.empty(count, np.int64)
    for i in range(count):
        box = boxes[i]
        centre[i, 0], centre[i, 1], centre[i, 2] = box.x, box.y, box.z
        half[i, 0], half[i, 1], half[i, 2] = box.half_x, box.half_y, box.half_z
        paint[i, 0], paint[i, 1], paint[i, 2] = box.b, box.g, box.r
        style[i], lights[i] = min(box.style, _STYLES - 1), box.lights
        tag[i], number[i] = box.tag, box.id
        rotate(box.pitch, box.yaw, box.roll, turn[i])
    return Movers(centre, half, turn, paint, style, lights, tag, number)


@compiled
def some_of(movers: Movers, rows: Index) -> Movers:
    """Some of the moving things."""
    return Movers(
        movers.centre[rows],
        movers.half[rows],
        movers.turn[rows],
        movers.paint[rows],
        movers.style[rows],
        movers.lights[rows],
        movers.tag[rows],
        movers.number[rows],
    )


@compiled
def beams(movers: Movers, row: int, light: Light) -> bool:
    """Tell whether a thing is a vehicle whose headlights are on; at night they all are."""
    on = (movers.lights[row] & _BEAMS) > 0 or light.night > 0.5
    return on and movers.style[row] <= 2


@compiled
def not_around(place: Array, movers: Movers) -> Index:
    """All but the things that a place is in or on the roof of."""
    centre, half, turn = movers.centre, movers.half, movers.turn
    found, count = np.empty(len(centre), np.int64), 0
    for i in range(len(centre)):
        x, y, z = place[0] - centre[i, 0], place[1] - centre[i, 1], place[2] - centre[i, 2]
        forward = abs(x * turn[i, 0, 0] + y * turn[i, 1, 0] + z * turn[i, 2, 0])
        right = abs(x * turn[i, 0, 1] + y * turn[i, 1, 1] + z * turn[i, 2, 1])
        up = abs(x * turn[i, 0, 2] + y * turn[i, 1, 2] + z * turn[i, 2, 2])
        beside = forward < half[i, 0] + 0.05 and right < half[i, 1] + 0.05
        if not (beside and up < half[i, 2] + _ROOF):
            found[count] = i
            count += 1
    return found[:count]


def _joined(name: str) -> NDArray[np.float64]:
    return np.concatenate([getattr(body, name) for body in bodies.BODIES])


_CORNERS, _DETAIL, _FRONT = _joined("corners"), _joined("detail"), _joined("front")
_MATERIAL = _joined("material").astype(np.int64)
_COUNT = np.array([len(body.material) for body in bodies.BODIES])
_FIRST = np.cumsum(_COUNT) - _COUNT


@compiled
def most_faces(movers: Movers, rows: Index) -> int:
    """Return the largest number of faces that some things have."""
    count = 0
    for row in rows:
        count += _COUNT[movers.style[row]]
    return count


@compiled
def add_mover(
    eye: Eye, movers: Movers, row: int, distance: float, light: Light, faces: Faces, found: int
) -> int:
    """Add those faces of a moving thing that look towards the camera and are big enough.

    Returns how many faces there are.
    """
    local, across, near = np.empty((4, 3)), np.empty(3), np.empty(3)
    normal, gain, order = np.empty(3), np.empty(3), np.empty(_COUNT[movers.style[row]])
    turn, half, begin = movers.turn[row], movers.half[row], found
    for k in range(3):
        near[k] = 0.0
        for axis in range(3):
            near[k] += (eye.place[axis] - movers.centre[row, axis]) * turn[axis, k]
    size = eye.focal * max(half[0], half[1], half[2]) / max(distance, 0.1)
    for within in range(_COUNT[movers.style[row]]):
        j = _FIRST[movers.style[row]] + within
        if size < _DETAIL[j]:
            continue
        for corner in range(4):
            for k in range(3):
                local[corner, k] = _CORNERS[j, corner, k] * half[k]
        cross(local, across)
        length, side = 0.0, 0.0
        for k in range(3):
            length += across[k] * across[k]
            side += (near[k] - local[0, k]) * across[k]
        if side <= 0.0:
            continue
        for k in range(3):
            across[k] /= math.sqrt(length) + 1e-12
        # Faces come in the order of drawing; from ahead it is another one.
        place, rank = found, _FRONT[j] if near[0] > 0.0 else float(within)
        while place > begin and order[place - 1 - begin] > rank:
            for k in range(3):
                for corner in range(4):
                    faces.corners[place, corner, k] = faces.corners[place - 1, corner, k]
                faces.colour[place, k] = faces.colour[place - 1, k]
            order[place - begin] = order[place - 1 - begin]
            place -= 1
        order[place - begin] = rank
        _turned(across, turn, normal)
        shade(normal, light, gain)
        _coloured(movers, row, _MATERIAL[j], gain, light, faces.colour[place])
        for corner in range(4):
            _turned(local[corner], turn, faces.corners[place, corner])
            for k in range(3):
                faces.corners[place, corner, k] += movers.centre[row, k]
        faces.distance[found], faces.thing[found], faces.source[found] = distance, -1 - row, -1
        found += 1
    return found


@compiled
def _turned(vector: Array, turn: Array, out: Array) -> None:
    for k in range(3):
        out[k] = vector[0] * turn[k, 0] + vector[1] * turn[k, 1] + vector[2] * turn[k, 2]


@compiled
def _coloured(
    movers: Movers, row: int, kind: int, gain: Array, light: Light, colour: Array
) -> None:
    """B, G, R of a face: painted, of glass that mirrors the horizon, or shining."""
    shines = _shines(movers, row, kind, light)
    for c in range(3):
        base = bodies.MATERIALS[kind, c]
        if kind <= bodies.PAINT_DARK:
            base = movers.paint[row, c] * (0.72 if kind == bodies.PAINT_DARK else 1.0)
        value = base * gain[c]
        if kind == bodies.GLASS:
            value = 0.62 * value + 0.22 * light.horizon[c]
        colour[c] = min(bodies.GLOW[kind, c] if shines else value, 255.0)


@compiled
def _shines(movers: Movers, row: int, kind: int, light: Light) -> bool:
    flags = movers.lights[row]
    if movers.style[row] == bodies.SIGNAL_STYLE:
        return (
            (kind == bodies.RED and flags == 0)
            or (kind == bodies.YELLOW and flags == 1)
            or (kind == bodies.GREEN and flags == 2)
        )
    if kind == bodies.TAIL:
        return beams(movers, row, light) or (flags & _BRAKE) > 0
    if kind == bodies.HEAD:
        return beams(movers, row, light)
    if kind == bodies.BLINK_LEFT:
        return (flags & _LEFT) > 0
    return kind == bodies.BLINK_RIGHT and (flags & _RIGHT) > 0
