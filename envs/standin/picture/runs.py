"""The thing that each pixel shows, and runs of neighbours in a row that show the same.

Painters colour runs rather than whole things, so no pixel is coloured that something hides. The
runs of some rows are enough for them: a picture can be made in parts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import f8, i4, i8, u1, u2
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled, named
from envs.standin.picture.types import Image

#: For each pixel SKY, GROUND, or SHAPES + the number of a shape; uint16 (H, W).
Shown = NDArray[np.uint16]

SKY, GROUND, SHAPES = 0, 1, 2
#: Pixels compared at once.
_WIDE = 16


class Runs(NamedTuple):
    """Runs of the rows of a picture from `top` on: columns left .. right show `what`.

    Row top + y has the runs first[y] .. first[y + 1].
    """

    top: int
    first: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    what: NDArray[np.int32]

    @property
    def rows(self) -> tuple[int, int]:
        """First row of the picture that they are of, and the one after the last."""
        return self.top, self.top + len(self.first) - 1

    def below(self, row: int) -> Runs:
        """Those of this row of the picture and all after it."""
        return self._replace(top=row, first=self.first[row - self.top :])


#: `Runs` in compiled code.
RUNS = named(Runs, i8, i8[::1], i4[::1], i4[::1], i4[::1])


def runs_of(shown: Shown, top: int) -> Runs:
    """All runs of the rows of a picture from `top` on."""
    return Runs(top, *_runs(shown))


@called_with(u2[:, ::1])
@compiled
def _runs(
    shown: Shown,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    height, width = shown.shape
    first, count = np.zeros(height + 1, np.int64), 0
    found = np.empty((3, 16 * height + width), np.int32)
    for y in range(height):
        if count + width > found.shape[1]:
            more = np.empty((3, 2 * found.shape[1] + width), np.int32)
            for run in range(count):
                for k in range(3):
                    more[k, run] = found[k, run]
            found = more
        row, begin, x = shown[y], 0, 1
        while x < width:
            value, change = row[begin], 0
            if x + _WIDE <= width:
                for i in range(_WIDE):
                    change |= row[x + i] ^ value
                if change == 0:
                    x += _WIDE
                    continue
            while x < width and row[x] == value:
                x += 1
            if x < width:
                found[0, count], found[1, count], found[2, count] = begin, x, value
                count, begin, x = count + 1, x, x + 1
        found[0, count], found[1, count], found[2, count] = begin, width, row[begin]
        count += 1
        first[y + 1] = count
    return first, found[0, :count], found[1, :count], found[2, :count]


def multiply(picture: Image, gain: Image, unit: float, runs: Runs) -> None:
    """Multiplies the ground's bytes by gains, of which `unit` stands for 1."""
    height = len(picture)
    _multiply(picture.reshape(height, -1), gain.reshape(height, -1), float(unit), runs)


@called_with(u1[:, ::1], u1[:, ::1], f8, RUNS)
@compiled
def _multiply(picture: Image, gain: Image, unit: float, runs: Runs) -> None:
    one, half = np.float32(1.0 / unit), np.float32(0.5)
    for line in range(len(runs.first) - 1):
        y = runs.top + line
        for run in range(runs.first[line], runs.first[line + 1]):
            if runs.what[run] != GROUND:
                continue
            row = picture[y, 4 * runs.left[run] : 4 * runs.right[run]]
            by = gain[y, 4 * runs.left[run] : 4 * runs.right[run]]
            for i in range(len(row)):
                value = np.float32(row[i]) * np.float32(by[i]) * one + half
                row[i] = np.uint8(np.int32(min(value, np.float32(255.0))))
