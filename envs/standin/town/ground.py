"""Height of the ground: flat, or a raster that follows the roads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ground:
    """Heights on a square raster; without one the ground is flat at z = 0.

    Attributes:
      raster: float32 (rows, columns): height at x = low[0] + column * cell, y = low[1] + row * cell.
    """

    raster: NDArray[np.float32] | None = None
    low: tuple[float, float] = (0.0, 0.0)
    cell: float = 1.0

    @property
    def flat(self) -> bool:
        """Whether the ground is the plane z = 0."""
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
