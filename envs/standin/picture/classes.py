"""Semantic, instance and depth pictures, from the faces that the colour picture is made of."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.picture.camera import View
from envs.standin.picture.faces import SHIFT, Faces, Outlines, outlines
from envs.standin.picture.fill import stamp
from envs.standin.picture.foliage import Crowns
from envs.standin.picture.groundview import FARTHEST, GroundView
from envs.standin.picture.hillview import HillView
from envs.standin.picture.movers import Movers
from envs.standin.picture.runs import SHAPES
from envs.standin.picture.shapes import cover, shapes_of
from envs.standin.picture.statics import Statics
from envs.standin.picture.types import Image

Array = NDArray[np.float64]

SKY = 11
_FULL = 2**24 - 1


def codes(faces: Faces, statics: Statics, movers: Movers, instance: bool) -> NDArray[np.uint8]:
    """B, G, R (F, 3) of each face: R its tag; for instances B, G the number of its thing."""
    result = np.zeros((len(faces.thing), 3), np.uint8)
    fixed = faces.thing >= 0
    moving = -1 - faces.thing[~fixed]
    result[fixed, 2] = statics.tag[faces.thing[fixed]]
    result[~fixed, 2] = movers.tag[moving]
    if instance:
        number = np.where(fixed, 40000 + faces.thing, 0)
        number[~fixed] = movers.number[moving]
        result[:, 1], result[:, 0] = number & 255, (number >> 8) & 255
    return result


def draw_codes(
    view: View,
    ground: GroundView | HillView,
    faces: Faces,
    code: NDArray[np.uint8],
    crowns: Crowns,
) -> Image:
    """Codes of sky, ground and faces, uint8 (H, W, 4)."""
    shapes, shown = shapes_of(view.eye, faces), ground.mark(view, 0, view.camera.height)
    cover(shapes, crowns, 0.0, 0, shown)
    tags = np.full(shown.shape, SKY, np.uint8)
    ground.draw_tags(view, tags)
    rest = np.zeros((SHAPES, 3), np.uint8)
    out = np.empty((*shown.shape, 4), np.uint8)
    out[..., :3], out[..., 3] = np.concatenate([rest, code[shapes.face]])[shown], 255
    out[..., 2] = np.where(shown < SHAPES, tags, out[..., 2])
    return out


def draw_depth(view: View, ground: GroundView | HillView, faces: Faces, crowns: Crowns) -> Image:
    """Depth along the camera's axis, coded in 24 bits: R low byte, G, B high byte."""
    depth = ground.depth(view)
    shapes = outlines(view.eye, faces.corners)
    corners = faces.corners[shapes.face]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    height = (normal * (corners[:, 0] - view.eye.place)).sum(axis=1)
    slope = normal @ view.eye.rays
    for row, source in enumerate(faces.source[shapes.face].tolist()):
        if source < -1:
            block, mask = _crown(shapes, row, source, crowns, depth)
        else:
            block, mask = _polygon(shapes, row, depth)
        if block.size:
            top, left = _corner(shapes, row)
            u = left + 0.5 + np.arange(block.shape[1])
            v = top + 0.5 + np.arange(block.shape[0])
            fall = (slope[row, 0] * u + slope[row, 2])[None, :] + (slope[row, 1] * v)[:, None]
            with np.errstate(divide="ignore", invalid="ignore"):
                distance = height[row] / fall
            nearer = mask & (distance > 0.0) & (distance < block)
            block[nearer] = distance[nearer]
    code = np.rint(np.clip(depth / FARTHEST, 0.0, 1.0) * _FULL).astype("<u4")
    low_first = code.view(np.uint8).reshape(*depth.shape, 4)
    out = np.empty((*depth.shape, 4), np.uint8)
    out[..., 0], out[..., 1], out[..., 2] = low_first[..., 2], low_first[..., 1], low_first[..., 0]
    out[..., 3] = 255
    return out


def _corner(shapes: Outlines, row: int) -> tuple[int, int]:
    left, top = shapes.low[row].tolist()
    return max(0, int(top) - 1), max(0, int(left) - 1)


def _block(shapes: Outlines, row: int, image: NDArray[Any]) -> NDArray[Any]:
    top, left = _corner(shapes, row)
    right, bottom = shapes.high[row].tolist()
    bottom, right = min(image.shape[0], int(bottom) + 2), min(image.shape[1], int(right) + 2)
    return image[top:bottom, left:right]


def _polygon(
    shapes: Outlines, row: int, image: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    block = _block(shapes, row, image)
    mask = np.zeros(block.shape[:2], np.uint8)
    top, left = _corner(shapes, row)
    corners = shapes.points[row, : shapes.counts[row]]
    moved = corners - np.array([left << SHIFT, top << SHIFT], np.int32)
    if block.size:
        cv2.fillConvexPoly(mask, moved, 1, cv2.LINE_8, SHIFT)
    return block, mask > 0


def _crown(
    shapes: Outlines, row: int, source: int, crowns: Crowns, image: NDArray
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    block = _block(shapes, row, image)
    top, left = _corner(shapes, row)
    corner, mask = np.array([left, top], float), np.zeros(block.shape[:2], np.uint8)
    stamp(crowns, -2 - source, shapes.low[row] - corner, shapes.high[row] - corner, 1, 0, mask)
    return block, mask > 0
