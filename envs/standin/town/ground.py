"""Height of the ground: flat, or a raster that follows the roads, with decks where roads cross."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.town.lanes import RoadMap

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Index = NDArray[np.int64]

_MARGIN = 45.0
_LEVEL = 0.02
_STOREY = 2.5  # m between roads of which one crosses over the other
_STOREYS = 4
_ABUTMENT = 3  # cells beside a road that no road above it raises
_EDGE = 1  # cells beside a bridge's lanes that still carry


@dataclass(frozen=True, eq=False)
class Deck:
    """Roads that lead over others: heights as of the ground, and the cells that they cover."""

    raster: Floats
    covered: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ground:
    """Heights on a square raster; without one the ground is flat at z = 0.

    Attributes:
      raster: float32 (rows, columns), heights at x = low[0] + column * cell, and y likewise.
      decks: bridges over it.
    """

    raster: Floats | None = None
    low: tuple[float, float] = (0.0, 0.0)
    cell: float = 1.0
    decks: tuple[Deck, ...] = ()

    @property
    def flat(self) -> bool:
        """Tell whether the ground is the plane z = 0."""
        return self.raster is None

    def height(self, xy: Array, z: Array | None = None) -> tuple[Array, Array]:
        """Height (N,) and upward unit normal (N, 3) at places (N, 2).

        Where a bridge is, its deck counts for those to whose `z` (N,) it is nearer.
        """
        xy = np.asarray(xy, np.float64)
        if self.raster is None:
            normal = np.zeros((len(xy), 3))
            normal[:, 2] = 1.0
            return np.zeros(len(xy)), normal
        u, v = self._cells(xy)
        height, normal = _surface(self.raster, u, v, self.cell)
        if z is None:
            return height, normal
        for deck in self.decks:
            at, up = _surface(deck.raster, u, v, self.cell)
            covered = deck.covered[np.rint(v).astype(np.int64), np.rint(u).astype(np.int64)]
            nearer = covered & (np.abs(at - z) < np.abs(height - z))
            height, normal = np.where(nearer, at, height), np.where(nearer[:, None], up, normal)
        return height, normal

    def _cells(self, xy: Array) -> tuple[Array, Array]:
        assert self.raster is not None
        rows, columns = self.raster.shape
        u = np.clip((xy[:, 0] - self.low[0]) / self.cell, 0.0, columns - 1.001)
        v = np.clip((xy[:, 1] - self.low[1]) / self.cell, 0.0, rows - 1.001)
        return u, v


def _surface(raster: Floats, u: Array, v: Array, cell: float) -> tuple[Array, Array]:
    """Height and normal at places given in cells."""
    i, j = u.astype(np.int64), v.astype(np.int64)
    fu, fv = u - i, v - j
    a, b = raster[j, i].astype(float), raster[j, i + 1].astype(float)
    c, d = raster[j + 1, i].astype(float), raster[j + 1, i + 1].astype(float)
    near, far = a + (b - a) * fu, c + (d - c) * fu
    normal = np.ones((len(u), 3))
    normal[:, 0] = -((b - a) * (1.0 - fv) + (d - c) * fv) / cell
    normal[:, 1] = -(far - near) / cell
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return near + (far - near) * fv, normal


def ground_of(road_map: RoadMap, cell: float = 1.0) -> Ground:
    """The ground that all roads lie on, smooth between them; flat where the roads are.

    Of roads that cross at different heights the lowest is the ground, the others are decks.
    """
    parts = [_dense(strip.left, strip.right) for strip in road_map.strips]
    points = np.concatenate(parts)
    if np.abs(points[:, 2]).max() < _LEVEL:
        return Ground()
    low = np.floor(points[:, :2].min(axis=0) - _MARGIN)
    columns, rows = (np.ceil((points[:, :2].max(axis=0) + _MARGIN - low) / cell) + 1).astype(int)
    index = np.rint((points[:, :2] - low) / cell).astype(int)
    flat, shape = index[:, 1] * columns + index[:, 0], (int(rows), int(columns))
    road = np.repeat([strip.road for strip in road_map.strips], [len(part) for part in parts])
    storey = _storeys(flat, points[:, 2], road)
    decks = []
    carries = np.ones(len(flat), bool)
    if storey.any():
        beside = _grown(_taken(flat[storey == 0], shape), _ABUTMENT)
        carries = (storey == 0) | ~beside.ravel()[flat]
        for level in range(1, int(storey.max()) + 1):
            own = storey == level
            raster = _raster(flat[own], points[own, 2], shape)
            decks.append(Deck(raster, _grown(_taken(flat[own], shape), _EDGE)))
    raster = _raster(flat[carries], points[carries, 2], shape)
    return Ground(raster, (float(low[0]), float(low[1])), cell, tuple(decks))


def _storeys(flat: Index, z: Array, road: Index) -> Index:
    """Return for each point how many roads, one over the other, its road crosses over."""
    roads, number = np.unique(road, return_inverse=True)
    pairs, where = np.unique(np.stack([flat, number]), axis=1, return_inverse=True)
    where = where.ravel()
    mean = np.bincount(where, z) / np.bincount(where)
    order = np.lexsort((mean, pairs[0]))
    cell, who, height = pairs[0][order], pairs[1][order], mean[order]
    over = np.flatnonzero((cell[1:] == cell[:-1]) & (np.diff(height) > _STOREY))
    crossings = np.unique(np.stack([who[over], who[over + 1]]), axis=1)
    level = np.zeros(len(roads), np.int64)
    for _ in range(_STOREYS):
        np.maximum.at(level, crossings[1], level[crossings[0]] + 1)
    return np.minimum(level, _STOREYS)[number]


def _taken(flat: Index, shape: tuple[int, int]) -> NDArray[np.bool_]:
    cells = np.zeros(shape, bool)
    cells.ravel()[flat] = True
    return cells


def _grown(cells: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return cv2.dilate(cells.astype(np.uint8), kernel).astype(bool)


def _raster(flat: Index, z: Array, shape: tuple[int, int]) -> Floats:
    count = shape[0] * shape[1]
    weight = np.bincount(flat, minlength=count).reshape(shape)
    total = np.bincount(flat, z, count).reshape(shape)
    return _filled(total.astype(np.float32), weight.astype(np.float32))


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
