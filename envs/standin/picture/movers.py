"""Moving things as faces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture import bodies
from envs.standin.picture.camera import View
from envs.standin.picture.faces import Faces, cross
from envs.standin.picture.statics import shading
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_BRAKE, _RIGHT, _LEFT, _REVERSE = 8, 16, 32, 64
_BEAMS = 7
#: Cameras so little above a roof stand for ones behind the windscreen.
_ROOF = 0.35
_STYLES = len(bodies.BODIES)


@dataclass(frozen=True, eq=False)
class Movers:
    """Boxes as plain arrays: centre (N, 3), half sizes (N, 3), turn (N, 3, 3) to the world."""

    boxes: NDArray[np.void]
    centre: Array
    half: Array
    turn: Array
    style: Index
    lights: Index

    def __len__(self) -> int:
        return len(self.centre)

    def take(self, rows: Index) -> Movers:
        """Some of the boxes."""
        return Movers(self.boxes[rows], *_taken(
            self.centre, self.half, self.turn, self.style, self.lights, rows))

    def not_around(self, place: Array) -> Index:
        """All but the things that a place is in or on the roof of: a camera sees out of them."""
        return _not_around(place, self.centre, self.half, self.turn)

    def radius(self) -> Array:
        """Of a sphere around each thing, (N,)."""
        return np.sqrt((self.half * self.half).sum(axis=1))

    def beams(self, light: Light) -> NDArray[np.bool_]:
        """Vehicles whose headlights are on; at night all of them."""
        on = (self.lights & _BEAMS) > 0 if light.night <= 0.5 else np.ones(len(self), bool)
        return on & (self.style <= 2)


@compiled
def _taken(
    centre: Array, half: Array, turn: Array, style: Index, lights: Index, rows: Index
) -> tuple[Array, Array, Array, Index, Index]:
    return centre[rows], half[rows], turn[rows], style[rows], lights[rows]


@compiled
def _not_around(place: Array, centre: Array, half: Array, turn: Array) -> Index:
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


def movers_of(boxes: NDArray[np.void]) -> Movers:
    """Plain arrays of boxes."""
    return Movers(boxes, *_plain(boxes))


@compiled
def _plain(boxes: NDArray[np.void]) -> tuple[Array, Array, Array, Index, Index]:
    count = len(boxes)
    centre, half, turn = np.empty((count, 3)), np.empty((count, 3)), np.empty((count, 3, 3))
    style, lights = np.empty(count, np.int64), np.empty(count, np.int64)
    for i in range(count):
        box = boxes[i]
        centre[i, 0], centre[i, 1], centre[i, 2] = box.x, box.y, box.z
        half[i, 0], half[i, 1], half[i, 2] = box.half_x, box.half_y, box.half_z
        style[i], lights[i] = min(box.style, _STYLES - 1), box.lights
        pitch, yaw, roll = math.radians(box.pitch), math.radians(box.yaw), math.radians(box.roll)
        cp, sp, cy, sy = math.cos(pitch), math.sin(pitch), math.cos(yaw), math.sin(yaw)
        cr, sr = math.cos(roll), math.sin(roll)
        turn[i, 0, 0], turn[i, 1, 0], turn[i, 2, 0] = cp * cy, cp * sy, sp
        turn[i, 0, 1], turn[i, 1, 1] = cy * sp * sr - sy * cr, sy * sp * sr + cy * cr
        turn[i, 0, 2], turn[i, 1, 2] = -cy * sp * cr - sy * sr, -sy * sp * cr + cy * sr
        turn[i, 2, 1], turn[i, 2, 2] = -cp * sr, cp * cr
    return centre, half, turn, style, lights


def _joined(name: str) -> NDArray[np.float64]:
    return np.concatenate([getattr(body, name) for body in bodies.BODIES])


_CORNERS, _DETAIL, _FRONT = _joined("corners"), _joined("detail"), _joined("front")
_MATERIAL = _joined("material").astype(np.int64)
_COUNT = np.array([len(body.material) for body in bodies.BODIES])
_FIRST = np.cumsum(_COUNT) - _COUNT


def mover_faces(view: View, movers: Movers, light: Light) -> Faces:
    """Faces that look towards the camera. Thing numbers are -1 - row."""
    away = view.place - movers.centre
    distance = np.sqrt((away * away).sum(axis=1))
    thing, face, order, corners, normal = _seen_faces(
        away, view.focal * movers.half.max(axis=1) / np.maximum(distance, 0.1), movers.centre,
        movers.half, movers.turn, movers.style, int(_COUNT[movers.style].sum()))
    colour = _colours(movers, thing, _MATERIAL[face], normal, light)
    return Faces(corners, colour, distance[thing], order, -1 - thing, np.full(len(thing), -1))


@compiled
def _seen_faces(
    away: Array, size: Array, centre: Array, half: Array, turn: Array, style: Index, most: int,
) -> tuple[Index, Index, Array, Array, Array]:
    """Thing, face, order among the thing's faces, corners and normal in the world."""
    thing, face, order = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
    corners, normal = np.empty((most, 4, 3)), np.empty((most, 3))
    local, across, eye, found = np.empty((4, 3)), np.empty(3), np.empty(3), 0
    for i in range(len(style)):
        _turned(away[i], turn[i].T, eye)
        for within in range(_COUNT[style[i]]):
            j = _FIRST[style[i]] + within
            if size[i] < _DETAIL[j]:
                continue
            for corner in range(4):
                for k in range(3):
                    local[corner, k] = _CORNERS[j, corner, k] * half[i, k]
            cross(local, across)
            length, side = 0.0, 0.0
            for k in range(3):
                length += across[k] * across[k]
                side += (eye[k] - local[0, k]) * across[k]
            if side <= 0.0:
                continue
            for k in range(3):
                across[k] /= math.sqrt(length) + 1e-12
            thing[found], face[found] = i, j
            order[found] = _FRONT[j] if eye[0] > 0.0 else within
            _turned(across, turn[i], normal[found])
            for corner in range(4):
                _turned(local[corner], turn[i], corners[found, corner])
                for k in range(3):
                    corners[found, corner, k] += centre[i, k]
            found += 1
    return thing[:found], face[:found], order[:found], corners[:found], normal[:found]


@compiled
def _turned(vector: Array, turn: Array, out: Array) -> None:
    for k in range(3):
        out[k] = vector[0] * turn[k, 0] + vector[1] * turn[k, 1] + vector[2] * turn[k, 2]


def _colours(
    movers: Movers, thing: Index, material: Index, normal: Array, light: Light
) -> Array:
    return _coloured(thing, material, shading(normal, light), movers.boxes,
                     _glowing(movers, light), 0.22 * light.horizon)


@compiled
def _coloured(
    thing: Index, material: Index, gain: Array, boxes: NDArray[np.void], on: NDArray[np.bool_],
    mirror: Array,
) -> Array:
    """B, G, R of faces: painted, of glass that mirrors the horizon, or shining."""
    colour = np.empty((len(thing), 3))
    for i in range(len(thing)):
        kind, box = material[i], boxes[thing[i]]
        paint = (float(box.b), float(box.g), float(box.r))
        for c in range(3):
            base = bodies.MATERIALS[kind, c]
            if kind <= bodies.PAINT_DARK:
                base = paint[c] * (0.72 if kind == bodies.PAINT_DARK else 1.0)
            value = base * gain[i, c]
            if kind == bodies.GLASS:
                value = 0.62 * value + mirror[c]
            colour[i, c] = min(bodies.GLOW[kind, c] if on[thing[i], kind] else value, 255.0)
    return colour


def _glowing(movers: Movers, light: Light) -> NDArray[np.bool_]:
    """Whether each material of things shines, (N, materials)."""
    return _shining(movers.lights, movers.style, movers.beams(light))


@compiled
def _shining(flags: Index, style: Index, beams: NDArray[np.bool_]) -> NDArray[np.bool_]:
    on = np.zeros((len(flags), len(bodies.MATERIALS)), np.bool_)
    for i in range(len(flags)):
        if style[i] == bodies.SIGNAL_STYLE:
            for state, material in enumerate((bodies.RED, bodies.YELLOW, bodies.GREEN)):
                on[i, material] = flags[i] == state
            continue
        on[i, bodies.TAIL] = beams[i] or (flags[i] & _BRAKE) > 0
        on[i, bodies.HEAD] = beams[i]
        on[i, bodies.BLINK_LEFT] = (flags[i] & _LEFT) > 0
        on[i, bodies.BLINK_RIGHT] = (flags[i] & _RIGHT) > 0
    return on
