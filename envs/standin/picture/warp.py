"""Images seen in perspective: runs of a picture's pixels, each mixed from four texels.

Pixels are BGRA read as one uint32. A run is done in steps, each of them a loop over plain arrays
that the compiler turns into vector instructions; sums are written so that they stay in 32 bits.
"""

from __future__ import annotations

import numpy as np
from numba import b1, f8, i8, u4
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture.runs import RUNS, Runs
from envs.standin.picture.types import Pixels

Array = NDArray[np.float64]

#: Arrays of a row's length that `look_up` works in.
SCRATCH = 7
_AT, _ACROSS, _DOWN, _TEXELS = 0, 1, 2, 3
_U, _I, _F, _P = np.uint32, np.int32, np.float32, np.uintp
_EVEN, _ROUND = np.uint32(0x00FF00FF), np.uint32(0x00800080)
_EIGHT, _ONE = np.uint32(8), np.uint32(256)


@called_with(u4[:, ::1], f8[:, ::1], b1, i8, RUNS, i8, i8, i8, u4[:, ::1])
@compiled
def draw(
    image: Pixels,
    matrix: Array,
    beyond: bool,
    times: int,
    runs: Runs,
    what: int,
    begin: int,
    end: int,
    out: Pixels,
) -> None:
    """Draw an image where those of the rows begin .. end that have runs show `what`.

    Args:
      matrix, beyond: see `look_up`.
      times: how many places of a row's height are averaged: 1, 2, 4 or 8.
    """
    texels, first, (rows, columns) = image.reshape(-1), int(np.int64(0)), image.shape
    scratch = np.empty((SCRATCH + 3, out.shape[1]), np.uint32)
    for y in range(max(begin, runs.top), min(end, runs.top + len(runs.first) - 1)):
        for run in range(runs.first[y - runs.top], runs.first[y - runs.top + 1]):
            if runs.what[run] != what:
                continue
            left = runs.left[run]
            line = out[y, left : runs.right[run]]
            if times == 1:
                look_up(texels, first, rows, columns, beyond, matrix, y + 0.5, scratch, left, line)
                continue
            even, odd = scratch[SCRATCH][: len(line)], scratch[SCRATCH + 1][: len(line)]
            part = scratch[SCRATCH + 2][: len(line)]
            for i in range(len(line)):
                even[i], odd[i] = _U(0), _U(0)
            for k in range(times):
                at = y + (k + 0.5) / times
                look_up(texels, first, rows, columns, beyond, matrix, at, scratch, left, part)
                _add(part, even, odd)
            _average(even, odd, times, line)


@compiled
def _add(row: Pixels, even: Pixels, odd: Pixels) -> None:
    for i in range(len(row)):
        even[i] = _U(even[i] + _U(row[i] & _EVEN))
        odd[i] = _U(odd[i] + _U(_U(row[i] >> _EIGHT) & _EVEN))


@compiled
def _average(even: Pixels, odd: Pixels, times: int, out: Pixels) -> None:
    shift = _U(0)
    while 1 << shift < times:
        shift += _U(1)
    half = _U(times // 2 * 0x00010001)
    for i in range(len(out)):
        low = _U(_U(_U(even[i] + half) >> shift) & _EVEN)
        high = _U(_U(_U(odd[i] + half) >> shift) & _EVEN)
        out[i] = _U(low | _U(high << _EIGHT))


@compiled
def look_up(
    texels: Pixels,
    first: int,
    rows: int,
    columns: int,
    beyond: bool,
    matrix: Array,
    row: float,
    scratch: Pixels,
    left: int,
    out: Pixels,
) -> None:
    """Pixels left .. left + len(out) of a row of a picture.

    Args:
      texels: images behind one another, of which this one begins at `first`.
      beyond: whether the image's texel (0, 0) is shown beyond its edges, rather than its rim.
      matrix: (3, 3), image coordinates (pixel i has its middle at i + 0.5) to texel index.
      row: image coordinate of the row.
      scratch: (SCRATCH, at least len(out)).
    """
    count = len(out)
    _find(matrix, row, left, count, first, rows, columns, beyond, scratch)
    for corner, step in enumerate((0, 1, columns, columns + 1)):
        _fetch(texels[step:], scratch[_AT], count, scratch[_TEXELS + corner])
    _blend(scratch, count, out)


@compiled
def _find(
    matrix: Array,
    row: float,
    left: int,
    count: int,
    first: int,
    rows: int,
    columns: int,
    beyond: bool,
    scratch: Pixels,
) -> None:
    """The upper left texel of each pixel, and how far it is from it, in shares of 256."""
    begin = np.empty(3)
    for k in range(3):
        begin[k] = matrix[k, 0] * (left + 0.5) + matrix[k, 1] * row + matrix[k, 2]
    u0, v0, w0 = _F(begin[0]), _F(begin[1]), _F(begin[2])
    du, dv, dw = _F(matrix[0, 0]), _F(matrix[1, 0]), _F(matrix[2, 0])
    wide, tall = _F(256 * (columns - 1) - 1), _F(256 * (rows - 1) - 1)
    start, stride = _I(first), _I(columns)
    at, across, down = scratch[_AT], scratch[_ACROSS], scratch[_DOWN]
    for i in range(count):
        x = _F(i)
        scale = _F(256.0) / (w0 + dw * x)
        u, v = (u0 + du * x) * scale, (v0 + dv * x) * scale
        if beyond:
            inside = (u >= _F(0.0)) & (u <= wide) & (v >= _F(0.0)) & (v <= tall)
            u, v = u if inside else _F(0.0), v if inside else _F(0.0)
        else:
            # Comparisons that not-a-number, seen along the image's plane, cannot pass.
            u, v = u if u > _F(0.0) else _F(0.0), v if v > _F(0.0) else _F(0.0)
            u, v = min(u, wide), min(v, tall)
        column, line = _I(u), _I(v)
        at[i] = _U(_I(start + _I(_I(line >> 8) * stride)) + _I(column >> 8))
        across[i], down[i] = _U(column & 255), _U(line & 255)


@compiled
def _fetch(texels: Pixels, at: Pixels, count: int, out: Pixels) -> None:
    for i in range(count):
        out[i] = texels[_P(at[i])]


@compiled
def _blend(scratch: Pixels, count: int, out: Pixels) -> None:
    across, down, corners = scratch[_ACROSS], scratch[_DOWN], scratch[_TEXELS:]
    a, b, c, d = corners[0], corners[1], corners[2], corners[3]
    for i in range(count):
        upper_even = _mixed(a[i] & _EVEN, b[i] & _EVEN, across[i])
        lower_even = _mixed(c[i] & _EVEN, d[i] & _EVEN, across[i])
        upper_odd = _mixed(_U(a[i] >> _EIGHT) & _EVEN, _U(b[i] >> _EIGHT) & _EVEN, across[i])
        lower_odd = _mixed(_U(c[i] >> _EIGHT) & _EVEN, _U(d[i] >> _EIGHT) & _EVEN, across[i])
        even, odd = _mixed(upper_even, lower_even, down[i]), _mixed(upper_odd, lower_odd, down[i])
        out[i] = _U(even | _U(odd << _EIGHT))


@compiled
def _mixed(one: np.uint32, other: np.uint32, share: np.uint32) -> np.uint32:
    """Two bytes of two texels, each in 16 bits, mixed by a share of 256."""
    both = _U(_U(_U(one) * _U(_ONE - share)) + _U(_U(other) * share))
    return _U(_U(_U(both + _ROUND) >> _EIGHT) & _EVEN)


@compiled
def veil(row: Pixels, share: float, colour: int) -> None:
    """Mixes a share of a colour into a row."""
    much, even, odd = _U(round(256.0 * share)), _U(colour) & _EVEN, _U(colour >> 8) & _EVEN
    for i in range(len(row)):
        mixed = _mixed(row[i] & _EVEN, even, much)
        row[i] = _U(mixed | _U(_mixed(_U(row[i] >> _EIGHT) & _EVEN, odd, much) << _EIGHT))
