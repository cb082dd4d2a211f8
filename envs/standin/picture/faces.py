"""Faces to be drawn for one camera: chosen, lit, projected, and put in order from far to near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.standin.picture import bodies
from envs.standin.picture.camera import View
from envs.standin.picture.statics import Statics, shading
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]
Index = NDArray[np.int64]

NEAR = 0.12
SHIFT = 4
_BRAKE, _REVERSE, _LEFT, _RIGHT, _LOW_BEAM, _POSITION = 8, 32768, 32, 16, 2, 1
_LIMIT = 30000.0


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces (F) of things.

    Attributes:
      corners (F, 4, 3): in the world. colour (F, 3): B, G, R, lit.
      distance (F,): of the thing from the camera; order (F,): among faces of equal distance.
      thing (F,): number of the thing. source (F,): index of the static face, or -1.
    """

    corners: Array
    colour: Array
    distance: Array
    order: Array
    thing: Index
    source: Index

    @staticmethod
    def join(parts: list[Faces]) -> Faces:
        """All faces of all parts."""
        names = ("corners", "colour", "distance", "order", "thing", "source")
        return Faces(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def visible(view: View, centre: Array, radius: Array, reach: float, least: float) -> Index:
    """Things whose sphere is in the picture, nearer than `reach`, at least `least` pixels big."""
    local = view.to_camera(centre)
    depth, right, up = local[:, 0], np.abs(local[:, 1]), np.abs(local[:, 2])
    wide = view.camera.width / (2.0 * view.focal)
    tall = view.camera.height / (2.0 * view.focal)
    inside = (depth > NEAR - radius) & (depth < reach + radius)
    inside &= right - depth * wide < radius * np.hypot(1.0, wide)
    inside &= up - depth * tall < radius * np.hypot(1.0, tall)
    inside &= radius * view.focal > least * depth
    return np.flatnonzero(inside)


def static_faces(view: View, statics: Statics, chosen: Index, lit: Array) -> Faces:
    """Faces of static things that look towards the camera. Thing numbers are `chosen`'s."""
    counts = statics.count[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    begin = np.cumsum(counts) - counts
    within = np.arange(len(owner)) - begin[owner]
    index = statics.first[chosen][owner] + within
    seen = statics.normal[index] @ view.place > statics.offset[index]
    index, owner, within = index[seen], owner[seen], within[seen]
    distance = np.linalg.norm(statics.centre[chosen, :2] - view.place[:2], axis=1)
    return Faces(statics.corners[index], lit[index], distance[owner], within.astype(float),
                 chosen[owner], index)


def crown_faces(view: View, statics: Statics, chosen: Index) -> Faces:
    """An upright rectangle towards the camera for each tree crown; source is -2 - kind."""
    trees = chosen[statics.crown[chosen] >= 0]
    centre, size = statics.centre[trees], statics.crown_size[trees]
    top = centre[:, 2] + statics.tall[trees]
    away = centre[:, :2] - view.place[:2]
    distance = np.linalg.norm(away, axis=1)
    right = np.stack([-away[:, 1], away[:, 0]], axis=1) / np.maximum(distance, 0.1)[:, None]
    corners = np.empty((len(trees), 4, 3))
    for corner, (side, up) in enumerate(((-1, 0), (1, 0), (1, 1), (-1, 1))):
        corners[:, corner, :2] = centre[:, :2] + side * size[:, :1] * right
        corners[:, corner, 2] = top - (1 - up) * size[:, 1]
    return Faces(corners, np.zeros((len(trees), 3)), distance, np.full(len(trees), 100.0), trees,
                 -2 - statics.crown[trees])


def box_faces(view: View, boxes: NDArray[np.void], light: Light) -> Faces:
    """Faces of moving things that look towards the camera. Thing numbers are -1 - row."""
    parts = [
        _style_faces(view, boxes, np.flatnonzero(boxes["style"] == style), body, light)
        for style, body in enumerate(bodies.BODIES) if (boxes["style"] == style).any()
    ]
    return Faces.join(parts)


def rotations(boxes: NDArray[np.void]) -> Array:
    """(N, 3, 3) matrices from the boxes' axes to the world."""
    p, y, r = (np.radians(boxes[name]) for name in ("pitch", "yaw", "roll"))
    cp, sp, cy, sy, cr, sr = np.cos(p), np.sin(p), np.cos(y), np.sin(y), np.cos(r), np.sin(r)
    rows = [[cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
            [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
            [sp, -cp * sr, cp * cr]]
    return np.array(rows).transpose(2, 0, 1)


def centres(boxes: NDArray[np.void]) -> Array:
    """(N, 3) centres of boxes."""
    return np.stack([boxes["x"], boxes["y"], boxes["z"]], axis=1)


def half_sizes(boxes: NDArray[np.void]) -> Array:
    """(N, 3) half sizes of boxes."""
    return np.stack([boxes["half_x"], boxes["half_y"], boxes["half_z"]], axis=1)


def _style_faces(
    view: View, boxes: NDArray[np.void], rows: Index, body: bodies.Body, light: Light
) -> Faces:
    some = boxes[rows]
    turn, centre, half = rotations(some), centres(some), half_sizes(some)
    away = view.place - centre
    distance = np.linalg.norm(away, axis=1)
    size = view.focal * half.max(axis=1) / np.maximum(distance, 0.1)
    thing, face = np.nonzero(size[:, None] >= body.detail[None, :])
    corners = np.matmul(body.corners[face] * half[thing, None, :], turn[thing].transpose(0, 2, 1))
    side_a, side_b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(side_a, side_b)
    seen = ((away[thing] - corners[:, 0]) * normal).sum(axis=1) > 0.0
    thing, face, normal = thing[seen], face[seen], normal[seen]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    colour = _material_colours(some, thing, body.material[face], normal, light)
    ahead = (away * turn[:, :, 0]).sum(axis=1) > 0.0
    order = np.where(ahead[thing], body.front[face], face.astype(float))
    return Faces(corners[seen] + centre[thing, None, :], colour, distance[thing], order,
                 -1 - rows[thing], np.full(len(thing), -1))


def _material_colours(
    boxes: NDArray[np.void], thing: Index, material: Index, normal: Array, light: Light
) -> Array:
    paint = np.stack([boxes["b"], boxes["g"], boxes["r"]], axis=1).astype(float)[thing]
    base = bodies.MATERIALS[material]
    base = np.where((material == bodies.PAINT)[:, None], paint, base)
    base = np.where((material == bodies.PAINT_DARK)[:, None], paint * 0.72, base)
    colour = base * shading(normal, light)
    glass = material == bodies.GLASS
    if glass.any():
        colour[glass] = 0.62 * colour[glass] + 0.22 * light.horizon
    for kind, glow in _glowing(boxes, light):
        on = (material == kind) & (glow[1][thing])
        colour[on] = glow[0]
    return np.clip(colour, 0.0, 255.0)


def _glowing(
    boxes: NDArray[np.void], light: Light
) -> list[tuple[int, tuple[tuple[int, int, int], NDArray[np.bool_]]]]:
    flags = boxes["lights"].astype(np.int64)
    beams = headlights_on(boxes, light)
    state = np.where(boxes["style"] == 5, flags, -1)
    return [
        (bodies.TAIL, ((40, 30, 200), beams)),
        (bodies.TAIL, ((70, 60, 255), (flags & _BRAKE) > 0)),
        (bodies.HEAD, ((235, 250, 255), beams)),
        (bodies.BLINK_LEFT, ((30, 160, 255), (flags & _LEFT) > 0)),
        (bodies.BLINK_RIGHT, ((30, 160, 255), (flags & _RIGHT) > 0)),
        (bodies.RED, ((50, 50, 255), state == 0)),
        (bodies.YELLOW, ((40, 210, 255), state == 1)),
        (bodies.GREEN, ((120, 255, 60), state == 2)),
    ]


def headlights_on(boxes: NDArray[np.void], light: Light) -> NDArray[np.bool_]:
    """Cars with lights switched on, and at night every car."""
    engine = boxes["style"] <= 2
    return engine & (((boxes["lights"] & 7) > 0) | (light.night > 0.5))


def in_order(faces: Faces) -> Index:
    """Far things first, and the faces of each thing in their own order."""
    return np.lexsort((faces.order, faces.thing, -faces.distance))


def outlines(view: View, corners: Array) -> tuple[Index, list[NDArray[np.int32]]]:
    """Polygons in fixed point pixels (4 bits) of those faces that reach into the picture.

    Returns the indices of these faces, and one (n, 2) polygon for each.
    """
    local = view.to_camera(corners)
    depth = local[..., 0]
    whole = (depth > NEAR).all(axis=1)
    cut = np.flatnonzero(~whole & (depth > NEAR).any(axis=1))
    local[~whole, :, 0] = 1.0
    pixel = view.project(local)
    low, high = pixel.min(axis=1), pixel.max(axis=1)
    inside = whole & (high >= 0.0).all(axis=1)
    inside &= (low[:, 0] < view.camera.width) & (low[:, 1] < view.camera.height)
    fixed = _fixed(pixel)
    if not len(cut):
        index = np.flatnonzero(inside)
        return index, list(fixed[index])
    inside[cut] = True
    polygons: dict[int, NDArray[np.int32]] = {}
    real = view.to_camera(corners[cut])
    for face, points in zip(cut.tolist(), real, strict=True):
        polygons[face] = _fixed(view.project(clip_near(points)))
    index = np.flatnonzero(inside)
    return index, [polygons.get(i, fixed[i]) for i in index.tolist()]


def _fixed(pixel: Array) -> NDArray[np.int32]:
    bounded = np.clip(pixel - 0.5, -_LIMIT, _LIMIT)
    return np.rint(bounded * (1 << SHIFT)).astype(np.int32)


def clip_near(points: Array) -> Array:
    """The part of a polygon (n, 3) in camera axes that lies beyond the near plane."""
    kept: list[Array] = []
    for here, there in zip(points, np.roll(points, -1, axis=0), strict=True):
        if here[0] >= NEAR:
            kept.append(here)
        if (here[0] >= NEAR) != (there[0] >= NEAR):
            kept.append(here + (there - here) * ((NEAR - here[0]) / (there[0] - here[0])))
    return np.array(kept)
