"""Convex polygons and crowns filled with a value, pixel by pixel in machine code.

A pixel belongs to a polygon that touches its row within half a pixel of its middle, so that thin
things keep at least one pixel of width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import f8, i4, i8, u1, u2, u4
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture.faces import SHIFT, Index
from envs.standin.picture.foliage import CROWNS, Crowns

Array = NDArray[np.float64]
Points = NDArray[np.int32]

_ONE = 1 << SHIFT
_HALF_OPAQUE = 0x80000000


@called_with(i4[:, :, ::1], i8[::1], u2[::1], i8, i8, i8, u2[:, ::1])
@called_with(i4[:, :, ::1], i8[::1], u4[::1], i8, i8, i8, u4[:, ::1])
@compiled
def fill(
    points: Points,
    counts: Index,
    values: NDArray[Any],
    begin: int,
    end: int,
    top: int,
    out: NDArray[Any],
) -> None:
    """Fill polygons [begin, end), (K, 5, 2) in pixels with fractional bits, one after another.

    out: the rows of the picture from `top` on.
    """
    height, width = out.shape
    for row in range(begin, end):
        polygon, count, value = points[row], counts[row], values[row]
        first, last = _rows(polygon, count, top, top + height)
        for y in range(first, last):
            left, right = _columns(polygon, count, y, width)
            for x in range(left, right):
                out[y - top, x] = value


@called_with(CROWNS, i8, f8[::1], f8[::1], i8, i8, u2[:, ::1])
@called_with(CROWNS, i8, f8[::1], f8[::1], i8, i8, u1[:, ::1])
@compiled
def stamp(
    crowns: Crowns, kind: int, low: Array, high: Array, value: int, top: int, out: NDArray[Any]
) -> None:
    """Set the pixels of a box, from its least to its greatest coordinates, that a crown covers.

    out: the rows of the picture from `top` on.
    """
    level, left, upper, across, down = fitted(crowns, low, high)
    size = crowns.size[level]
    x0, x1 = max(int(left), 0), min(int(high[0]) + 2, out.shape[1])
    for y in range(max(int(upper), top), min(int(high[1]) + 2, top + out.shape[0])):
        v = math.floor((y + 0.5 - upper) * down)
        if v < 0 or v >= size:
            continue
        line = crowns.first[kind, level] + v * size
        for x in range(x0, x1):
            u = math.floor((x + 0.5 - left) * across)
            if 0 <= u < size and crowns.texels[line + u] >= _HALF_OPAQUE:
                out[y - top, x] = value


@compiled
def fitted(crowns: Crowns, low: Array, high: Array) -> tuple[int, float, float, float, float]:
    """Which size of a crown fits a box, the box's corner, and texels per pixel across and down."""
    width, height = max(high[0] - low[0], 0.5), max(high[1] - low[1], 0.5)
    level = 0
    while level < len(crowns.size) - 1 and crowns.size[level] > 1.4 * height:
        level += 1
    size = crowns.size[level]
    return level, low[0], low[1], size / width, size / height


@compiled
def _rows(polygon: Points, count: int, top: int, bottom: int) -> tuple[int, int]:
    low = high = polygon[0, 1]
    for corner in range(1, count):
        low, high = min(low, polygon[corner, 1]), max(high, polygon[corner, 1])
    half = _ONE // 2
    return max((low + half) // _ONE, top), min((high + half) // _ONE + 1, bottom)


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
