"""Height of the ground: flat, or a raster that follows the roads."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.town.lanes import RoadMap

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_MARGIN = 45.0
_LEVEL = 0.02


@dataclass(frozen=True, eq=False)
class Ground:
    """Heights on a square raster; without one the ground is flat at z = 0.

    Attributes:
      raster: float32 (rows, columns), heights at x = low[0] + column * cell, and y likewise.
    """

    raster: NDArray[np.float32] | None = None
    low: tuple[float, float] = (0.0, 0.0)
    cell: float = 1.0

    @property
    def flat(self) -> bool:
        """Tell whether the ground is the plane z = 0."""
        return self.raster is None

    def height(self, xy: Array) -> tuple[Array, Array]:
        """Height (N,) and upward unit normal (N, 3) at places (N, 2)."""
        xy = np.asarray(xy, np.float64)
        normal = np.zeros((len(xy), 3))
        normal[:, 2] = 1.0
        if self.raster is None:
            return np.zeros(len(xy)), normal
        rows, columns = self.raster.shape
        u = np.clip((xy[:, 0] - self.low[0]) / self.cell, 0.0, columns - 1.001)
        v = np.clip((xy[:, 1] - self.low[1]) / self.cell, 0.0, rows - 1.001)
        i, j = u.astype(np.int64), v.astype(np.int64)
        fu, fv = u - i, v - j
        a, b = self.raster[j, i].astype(float), self.raster[j, i + 1].astype(float)
        c, d = self.raster[j + 1, i].astype(float), self.raster[j + 1, i + 1].astype(float)
        near, far = a + (b - a) * fu, c + (d - c) * fu
        normal[:, 0] = -((b - a) * (1.0 - fv) + (d - c) * fv) / self.cell
        normal[:, 1] = -(far - near) / self.cell
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return near + (far - near) * fv, normal


def ground_of(road_map: RoadMap, cell: float = 1.0) -> Ground:
    """The ground that all roads lie on, smooth between them; flat where the roads are."""
    points = np.concatenate([_dense(s.left, s.right) for s in road_map.strips])
    if np.abs(points[:, 2]).max() < _LEVEL:
        return Ground()
    low = np.floor(points[:, :2].min(axis=0) - _MARGIN)
    columns, rows = (np.ceil((points[:, :2].max(axis=0) + _MARGIN - low) / cell) + 1).astype(int)
    index = np.rint((points[:, :2] - low) / cell).astype(int)
    flat = index[:, 1] * columns + index[:, 0]
    weight = np.bincount(flat, minlength=rows * columns).reshape(rows, columns)
    total = np.bincount(flat, points[:, 2], rows * columns).reshape(rows, columns)
    raster = _filled(total.astype(np.float32), weight.astype(np.float32))
    return Ground(raster, (float(low[0]), float(low[1])), cell)


def _dense(left: Array, right: Array) -> Array:
    """Points of a strip about half a metre apart."""
    along = np.linspace(0.0, len(left) - 1.0, 4 * len(left))
    index = np.minimum(along.astype(int), len(left) - 2)
    share = (along - index)[:, None]
    sides = [side[index] * (1.0 - share) + side[index + 1] * share for side in (left, right)]
    return np.concatenate([sides[0] + (sides[1] - sides[0]) * t for t in np.linspace(0, 1, 7)])


def _filled(total: Floats, weight: Floats) -> Floats:
    """Means where there are points; elsewhere, smoothly, those of coarser and coarser cells."""
    known = weight > 0.0
    mean = np.divide(total, weight, out=np.zeros_like(total), where=known)
    rows, columns = total.shape
    if known.all() or min(rows, columns) < 2:
        return mean
    half = ((rows + 1) // 2, (columns + 1) // 2)
    padded = [np.pad(a, ((0, rows % 2), (0, columns % 2))) for a in (mean * known, 1.0 * known)]
    coarse = [a.reshape(half[0], 2, half[1], 2).sum(axis=(1, 3)).astype(np.float32) for a in padded]
    guess = cv2.resize(
        _filled(coarse[0], coarse[1]), (2 * half[1], 2 * half[0]), interpolation=cv2.INTER_LINEAR
    )[:rows, :columns]
    guess = cv2.blur(guess, (3, 3))
    return np.where(known, mean, guess).astype(np.float32)
