"""Faces to be drawn for one camera: lit, projected, and put in order from far to near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.standin.picture.camera import View
from envs.standin.picture.statics import Statics

Array = NDArray[np.float64]
Index = NDArray[np.int64]

NEAR = 0.12
SHIFT = 4
_LIMIT = 30000.0


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces (F) of things.

    Attributes:
      corners (F, 4, 3): in the world. colour (F, 3): B, G, R, lit.
      distance (F,): of the thing from the camera; order (F,): among faces of one thing.
      thing (F,): number of the thing.
      source (F,): index of the static face, -1 for moving things, -2 - kind for tree crowns.
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


@dataclass(frozen=True, eq=False)
class Outlines:
    """Those faces that reach into the picture.

    Attributes:
      index: which faces. polygons: (n, 2) each, in pixels with four fractional bits.
      low, high: (K, 2) smallest and largest pixel coordinates of each.
    """

    index: Index
    polygons: list[NDArray[np.int32]]
    low: Array
    high: Array


def static_faces(view: View, statics: Statics, chosen: Index, lit: Array) -> Faces:
    """Faces of static things that look towards the camera, big enough to be seen."""
    counts = statics.count[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    index = statics.first[chosen][owner] + within
    away = statics.centre[chosen, :2] - view.place[:2]
    distance = np.hypot(away[:, 0], away[:, 1])
    size = view.focal / np.maximum(distance, 0.1)
    seen = statics.normal[index] @ view.place > statics.offset[index]
    seen &= statics.detail[index] < size[owner]
    index, owner, within = index[seen], owner[seen], within[seen]
    return Faces(statics.corners[index], lit[index], distance[owner], within.astype(float),
                 chosen[owner], index)


def crown_faces(view: View, statics: Statics, chosen: Index, colours: Array) -> Faces:
    """An upright rectangle towards the camera for each tree crown."""
    trees = chosen[statics.crown[chosen] >= 0]
    centre, size = statics.centre[trees], statics.crown_size[trees]
    away = centre[:, :2] - view.place[:2]
    distance = np.hypot(away[:, 0], away[:, 1])
    right = np.stack([-away[:, 1], away[:, 0]], axis=1) / np.maximum(distance, 0.1)[:, None]
    corners = np.empty((len(trees), 4, 3))
    reach = size[:, :1] * right
    corners[:, 1:3, :2] = (centre[:, :2] + reach)[:, None]
    corners[:, ::3, :2] = (centre[:, :2] - reach)[:, None]
    top = centre[:, 2] + statics.tall[trees]
    corners[:, 2:, 2] = top[:, None]
    corners[:, :2, 2] = (top - size[:, 1])[:, None]
    kind = statics.crown[trees]
    return Faces(corners, colours[kind], distance, np.full(len(trees), 100.0), trees, -2 - kind)


def in_order(faces: Faces) -> Index:
    """Far things first, and the faces of each thing in their own order."""
    return np.lexsort((faces.order, faces.thing, -faces.distance))


def outlines(view: View, corners: Array, top: int = 0, step: int = 1) -> Outlines:
    """Projects faces (F, 4, 3) and drops those outside the picture.

    The polygons are those of a picture that begins at row `top` and is `step` times smaller.
    """
    local = view.to_camera(corners)
    depth = local[..., 0]
    beyond = depth > NEAR
    whole = (beyond[:, 0] & beyond[:, 1]) & (beyond[:, 2] & beyond[:, 3])
    clipped: dict[int, Array] = {}
    if not whole.all():
        for face in np.flatnonzero(~whole & beyond.any(axis=1)).tolist():
            clipped[face] = view.project(clip_near(local[face].tolist()))
        depth[~whole] = 1.0
    pixel = view.project(local)
    first, second, third, fourth = (pixel[:, corner] for corner in range(4))
    low = np.minimum(np.minimum(first, second), np.minimum(third, fourth))
    high = np.maximum(np.maximum(first, second), np.maximum(third, fourth))
    for face, points in clipped.items():
        low[face], high[face] = points.min(axis=0), points.max(axis=0)
        whole[face] = True
    inside = whole & (high[:, 0] >= 0.0) & (high[:, 1] >= top)
    inside &= (low[:, 0] < view.camera.width) & (low[:, 1] < view.camera.height)
    index = np.flatnonzero(inside)
    polygons = list(_fixed(pixel[index], top, step))
    if clipped:
        for row, face in enumerate(index.tolist()):
            if face in clipped:
                polygons[row] = _fixed(clipped[face], top, step)
    return Outlines(index, polygons, low[index], high[index])


def _fixed(pixel: Array, top: int, step: int) -> NDArray[np.int32]:
    scaled = (pixel - (0.0, top)) * ((1 << SHIFT) / step) - (1 << SHIFT) / 2.0
    limit = _LIMIT * (1 << SHIFT)
    return np.rint(np.minimum(np.maximum(scaled, -limit), limit)).astype(np.int32)


def clip_near(points: list[list[float]]) -> Array:
    """The part of a polygon (points forward, right, up) that lies beyond the near plane."""
    kept: list[tuple[float, ...]] = []
    before = points[-1]
    for here in points:
        if (here[0] >= NEAR) != (before[0] >= NEAR):
            share = (NEAR - before[0]) / (here[0] - before[0])
            kept.append(tuple(b + share * (h - b) for h, b in zip(here, before, strict=True)))
        if here[0] >= NEAR:
            kept.append(tuple(here))
        before = here
    return np.array(kept)
