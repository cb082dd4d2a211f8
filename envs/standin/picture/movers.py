"""Moving things as faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.standin.picture import bodies
from envs.standin.picture.camera import View
from envs.standin.picture.faces import Faces
from envs.standin.picture.statics import shading
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_BRAKE, _RIGHT, _LEFT, _REVERSE = 8, 16, 32, 64
_BEAMS = 7
#: Cameras so little above a roof stand for ones behind the windscreen.
_ROOF = 0.35


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
        return Movers(self.boxes[rows], self.centre[rows], self.half[rows], self.turn[rows],
                      self.style[rows], self.lights[rows])

    def around(self, place: Array) -> NDArray[np.bool_]:
        """Things that a place is in, or on the roof of: a camera there sees out of them."""
        local = np.matmul((place - self.centre)[:, None, :], self.turn)[:, 0]
        inside = (np.abs(local[:, :2]) < self.half[:, :2] + 0.05).all(axis=1)
        return inside & (np.abs(local[:, 2]) < self.half[:, 2] + _ROOF)

    def beams(self, light: Light) -> NDArray[np.bool_]:
        """Vehicles whose headlights are on; at night all of them."""
        on = (self.lights & _BEAMS) > 0 if light.night <= 0.5 else np.ones(len(self), bool)
        return on & (self.style <= 2)


def movers_of(boxes: NDArray[np.void]) -> Movers:
    """Plain arrays of boxes."""
    columns = [boxes[name] for name in ("x", "y", "z", "half_x", "half_y", "half_z")]
    table = np.stack(columns, axis=1)
    style = np.minimum(boxes["style"], len(bodies.BODIES) - 1).astype(np.int64)
    return Movers(boxes, table[:, :3], table[:, 3:], _rotations(boxes), style,
                  boxes["lights"].astype(np.int64))


def _rotations(boxes: NDArray[np.void]) -> Array:
    angles = np.radians(np.stack([boxes["pitch"], boxes["yaw"], boxes["roll"]]))
    (cp, cy, cr), (sp, sy, sr) = np.cos(angles), np.sin(angles)
    turn = np.empty((len(boxes), 3, 3))
    turn[:, 0, 0], turn[:, 1, 0], turn[:, 2, 0] = cp * cy, cp * sy, sp
    turn[:, 0, 1], turn[:, 1, 1] = cy * sp * sr - sy * cr, sy * sp * sr + cy * cr
    turn[:, 0, 2], turn[:, 1, 2] = -cy * sp * cr - sy * sr, -sy * sp * cr + cy * sr
    turn[:, 2, 1], turn[:, 2, 2] = -cp * sr, cp * cr
    return turn


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
    size = view.focal * movers.half.max(axis=1) / np.maximum(distance, 0.1)
    count = _COUNT[movers.style]
    thing = np.repeat(np.arange(len(movers)), count)
    within = np.arange(len(thing)) - np.repeat(np.cumsum(count) - count, count)
    face = _FIRST[movers.style][thing] + within
    kept = size[thing] >= _DETAIL[face]
    thing, face, within = thing[kept], face[kept], within[kept]
    local = _CORNERS[face] * movers.half[thing, None, :]
    normal = _cross(local[:, 1] - local[:, 0], local[:, 2] - local[:, 0])
    eye = np.matmul(away[:, None, :], movers.turn)[:, 0]
    seen = ((eye[thing] - local[:, 0]) * normal).sum(axis=1) > 0.0
    thing, face, within, normal = thing[seen], face[seen], within[seen], normal[seen]
    turn = movers.turn[thing].transpose(0, 2, 1)
    normal /= np.sqrt((normal * normal).sum(axis=1, keepdims=True)) + 1e-12
    colour = _colours(movers, thing, _MATERIAL[face], np.matmul(normal[:, None], turn)[:, 0], light)
    order = np.where(eye[thing, 0] > 0.0, _FRONT[face], within)
    corners = np.matmul(local[seen], turn) + movers.centre[thing, None, :]
    return Faces(corners, colour, distance[thing], order, -1 - thing, np.full(len(thing), -1))


def _cross(a: Array, b: Array) -> Array:
    out = np.empty_like(a)
    for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
        out[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    return out


def _colours(
    movers: Movers, thing: Index, material: Index, normal: Array, light: Light
) -> Array:
    boxes = movers.boxes
    paint = np.stack([boxes["b"], boxes["g"], boxes["r"]], axis=1).astype(float)[thing]
    base = bodies.MATERIALS[material]
    painted = material <= bodies.PAINT_DARK
    dark = 1.0 - 0.28 * (material[painted] == bodies.PAINT_DARK)
    base[painted] = paint[painted] * dark[:, None]
    colour = base * shading(normal, light)
    glass = material == bodies.GLASS
    colour[glass] = 0.62 * colour[glass] + 0.22 * light.horizon
    glow, on = _glowing(movers, light)
    bright = on[thing, material]
    colour[bright] = glow[material[bright]]
    return np.minimum(colour, 255.0)


def _glowing(movers: Movers, light: Light) -> tuple[Array, NDArray[np.bool_]]:
    """Colour of each material when it shines, and whether it does (N, materials)."""
    on = np.zeros((len(movers), len(bodies.MATERIALS)), bool)
    flags = movers.lights
    lantern = movers.style == bodies.SIGNAL_STYLE
    beams = movers.beams(light)
    on[:, bodies.TAIL] = beams | ((flags & _BRAKE) > 0)
    on[:, bodies.HEAD] = beams
    on[:, bodies.BLINK_LEFT] = (flags & _LEFT) > 0
    on[:, bodies.BLINK_RIGHT] = (flags & _RIGHT) > 0
    on[lantern] = False
    for state, material in enumerate((bodies.RED, bodies.YELLOW, bodies.GREEN)):
        on[:, material] = lantern & (flags == state)
    return bodies.GLOW, on
