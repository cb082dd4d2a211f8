"""Convex polygons filled with a colour, and pictures with holes, pixel by pixel in machine code.

A pixel belongs to a polygon that touches its row within half a pixel of its middle, so that thin
things keep at least one pixel of width. Pixels are BGRA read as one uint32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.faces import SHIFT, Index

Pixels = NDArray[np.uint32]
Points = NDArray[np.int32]

_ONE = 1 << SHIFT
_OPAQUE, _HALF_OPAQUE = 0xFF000000, 0x80000000


def pixels(image: NDArray[Any]) -> Pixels:
    """A picture, uint8 (H, W, 4), as uint32 (H, W) of the same memory."""
    return image.view(np.uint32)[..., 0]


@compiled
def fill(
    points: Points, counts: Index, colours: Pixels, begin: int, end: int, out: Pixels
) -> None:
    """Fills polygons [begin, end), (K, 5, 2) in pixels with fractional bits, one after another."""
    height, width = out.shape
    for row in range(begin, end):
        polygon, count, colour = points[row], counts[row], colours[row]
        first, last = _rows(polygon, count, height)
        for y in range(first, last):
            left, right = _columns(polygon, count, y, width)
            for x in range(left, right):
                out[y, x] = colour


@compiled
def stamp(
    picture: Pixels, left: float, top: float, width: float, height: float, share: float,
    haze: int, out: Pixels,
) -> None:
    """Draws the opaque pixels of a picture into a box, mixed with a share of haze."""
    rows, columns = picture.shape
    across, down = columns / width, rows / height
    x0, x1 = max(int(left), 0), min(int(left + width) + 1, out.shape[1])
    veil = round(share * 256.0)
    fog, kept = _mixed(haze, 0, veil), 256 - veil
    for y in range(max(int(top), 0), min(int(top + height) + 1, out.shape[0])):
        v = math.floor((y + 0.5 - top) * down)
        if v < 0 or v >= rows:
            continue
        for x in range(x0, x1):
            u = math.floor((x + 0.5 - left) * across)
            if u < 0 or u >= columns:
                continue
            pixel = picture[v, u]
            if pixel >= _HALF_OPAQUE:
                out[y, x] = (_mixed(pixel, fog, kept) if veil else pixel) | _OPAQUE


@compiled
def _mixed(pixel: int, other: int, share: int) -> int:
    """`share` / 256 of one pixel, added to another; the fourth byte has no meaning."""
    even = (pixel & 0xFF00FF) * share >> 8 & 0xFF00FF
    odd = (pixel & 0xFF00) * share >> 8 & 0xFF00
    return other + even + odd


@compiled
def _rows(polygon: Points, count: int, height: int) -> tuple[int, int]:
    low = high = polygon[0, 1]
    for corner in range(1, count):
        low, high = min(low, polygon[corner, 1]), max(high, polygon[corner, 1])
    half = _ONE // 2
    return max((low + half) // _ONE, 0), min((high + half) // _ONE + 1, height)


@compiled
def _columns(polygon: Points, count: int, y: int, width: int) -> tuple[int, int]:
    """First column, and the one after the last, that a polygon touches within half a row of y."""
    upper, lower = (y - 0.5) * _ONE, (y + 0.5) * _ONE
    least, most = 1e9, -1e9
    for corner in range(count):
        before = corner - 1 if corner else count - 1
        x0, y0 = float(polygon[before, 0]), float(polygon[before, 1])
        x1, y1 = float(polygon[corner, 0]), float(polygon[corner, 1])
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        if y1 < upper or y0 > lower:
            continue
        if y1 > y0:
            slope = (x1 - x0) / (y1 - y0)
            begin = x0 + slope * (upper - y0) if y0 < upper else x0
            end = x0 + slope * (lower - y0) if y1 > lower else x1
        else:
            begin, end = x0, x1
        least, most = min(least, begin, end), max(most, begin, end)
    left = int(np.floor(least / _ONE + 0.5))
    right = int(np.floor(most / _ONE + 0.5)) + 1
    return max(left, 0), min(right, width)
