"""Houses, trees, lamps and walls beside the roads, the same for the same map and seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.standin.town.ground import Ground
from envs.standin.town.lanes import RoadMap, Strip
from envs.standin.town.model import BUILDING, LAMP, TREE, WALL, Scenery
from envs.standin.town.plot import FREE, PAVEMENT, UNPAVED, WALKED, Plot

Array = NDArray[np.float64]

#: Semantic tags of CARLA 0.9.16.
BUILDINGS, WALLS, FENCES, POLES, VEGETATION = 3, 4, 5, 6, 9

_WALL_COLOURS = (
    (196, 178, 150),
    (172, 98, 78),
    (205, 200, 188),
    (150, 160, 168),
    (214, 190, 128),
    (128, 116, 108),
    (186, 140, 110),
    (222, 214, 204),
    (140, 88, 70),
    (160, 176, 158),
)
_ROOF_COLOURS = ((120, 62, 48), (84, 80, 82), (98, 72, 58), (72, 84, 96), (140, 80, 56))
FACADES = 6


def furnish(
    road_map: RoadMap, ground: Ground, masts: NDArray[np.void], seed: int, density: float = 1.0
) -> Scenery:
    """Place everything around roads and masts.

    `density` in [0, 1]: share of the frontage that is built on.
    """
    rng = np.random.default_rng(seed)
    plot = Plot(road_map)
    for mast in masts:
        plot.take(mast["x"], mast["y"], 0.0, 1.5, 1.5)
    kerbs = _frontages(road_map)
    lamps = _lamps(kerbs, plot)
    buildings = _buildings(kerbs, plot, rng, density)
    walls = _walls(kerbs, plot, rng)
    trees = _street_trees(kerbs, plot, rng) + _grove(plot, rng)
    scenery = Scenery(
        np.array(buildings, BUILDING),
        np.array(trees, TREE),
        np.array(lamps, LAMP),
        np.array(walls, WALL),
        masts,
    )
    for table in (scenery.buildings, scenery.trees, scenery.lamps, scenery.walls):
        table["z"] = ground.height(np.stack([table["x"], table["y"]], axis=1))[0]
    return scenery


def obstacles(scenery: Scenery) -> Array:
    """Rows (x, y, z, half sizes, yaw, tag) of everything that a car can hit."""
    houses, trees, lamps, walls = scenery.buildings, scenery.trees, scenery.lamps, scenery.walls
    return np.concatenate(
        [
            _rows(houses, houses["half_x"], houses["half_y"], houses["height"], BUILDINGS),
            _rows(trees, 0.22, 0.22, trees["trunk"], VEGETATION, yaw=0.0),
            _rows(lamps, 0.12, 0.12, lamps["height"], POLES),
            _rows(scenery.masts, 0.13, 0.13, scenery.masts["height"], POLES),
            _rows(
                walls,
                walls["half_x"],
                walls["half_y"],
                walls["height"],
                np.choose(walls["kind"], [WALLS, VEGETATION, FENCES]),
            ),
        ]
    )


def _rows(
    table: NDArray[np.void],
    half_x: Any,
    half_y: Any,
    height: Any,
    tag: Any,
    yaw: float | None = None,
) -> Array:
    count = len(table)
    rows = np.empty((count, 8))
    rows[:, 0], rows[:, 1] = table["x"], table["y"]
    rows[:, 5] = np.asarray(height) / 2.0
    rows[:, 2] = table["z"] + rows[:, 5]
    rows[:, 3], rows[:, 4], rows[:, 7] = half_x, half_y, tag
    rows[:, 6] = table["yaw"] if yaw is None else yaw
    return rows


def _frontages(road_map: RoadMap) -> list[Strip]:
    """The outermost strip on each side of each road outside junctions."""
    outer: dict[tuple[int, int, bool], Strip] = {}
    for strip in road_map.strips:
        if strip.junction or strip.kind in UNPAVED:
            continue
        key = (strip.road, strip.section, strip.lane > 0)
        if key not in outer or abs(strip.lane) > abs(outer[key].lane):
            outer[key] = strip
    return list(outer.values())


def _along(strip: Strip, s: float, out: float) -> tuple[float, float, float]:
    """Place `s` metres along a frontage and `out` metres beyond its edge; yaw in degrees."""
    lengths = strip.lengths
    x = float(np.interp(s, lengths, strip.right[:, 0]))
    y = float(np.interp(s, lengths, strip.right[:, 1]))
    yaw = float(np.interp(s, lengths, np.unwrap(strip.yaw)))
    return x - out * np.sin(yaw), y + out * np.cos(yaw), float(np.degrees(yaw))


def _buildings(
    kerbs: list[Strip], plot: Plot, rng: np.random.Generator, density: float
) -> list[tuple[object, ...]]:
    placed: list[tuple[object, ...]] = []
    for strip in kerbs:
        s, length = 0.0, strip.lengths[-1]
        dense = rng.random() < 0.6
        setback = rng.uniform(0.8, 2.0) if dense else rng.uniform(3.0, 6.0)
        while s < length:
            width, depth = rng.uniform(9.0, 15.0), rng.uniform(9.0, 13.0)
            if rng.random() < density and s + width < length + 4.0:
                house = _house(strip, s + width / 2.0, width, depth, setback, rng, dense)
                x, y, yaw = float(house[0]), float(house[1]), float(house[3])  # type: ignore
                half_x, half_y = width / 2.0, depth / 2.0
                if plot.is_free(x, y, yaw, half_x + 0.1, half_y + 0.6):
                    placed.append(house)
                    plot.take(x, y, yaw, half_x - 0.3, half_y)
            s += width + (0.3 if dense and rng.random() < 0.75 else rng.uniform(3.0, 9.0))
    return placed


def _house(
    strip: Strip,
    s: float,
    width: float,
    depth: float,
    setback: float,
    rng: np.random.Generator,
    dense: bool,
) -> tuple[object, ...]:
    x, y, yaw = _along(strip, s, setback + depth / 2.0)
    floors = int(rng.integers(2, 7)) if dense else int(rng.integers(1, 4))
    tower = dense and rng.random() < 0.08
    height = 3.1 * (floors + (7 if tower else 0)) + 0.6
    gabled = not tower and floors <= 4 and rng.random() < 0.7
    roof = rng.uniform(2.0, 3.8) if gabled else 0.0
    wall = np.array(_WALL_COLOURS[rng.integers(len(_WALL_COLOURS))], float)
    wall = np.clip(wall * rng.uniform(0.85, 1.08), 0, 255).astype(np.uint8)
    cover = _ROOF_COLOURS[rng.integers(len(_ROOF_COLOURS))] if gabled else (118, 116, 114)
    return (
        x,
        y,
        0.0,
        yaw,
        width / 2.0,
        depth / 2.0,
        height,
        roof,
        int(rng.integers(FACADES)),
        tuple(wall),
        cover,
    )


def _lamps(kerbs: list[Strip], plot: Plot) -> list[tuple[object, ...]]:
    placed: list[tuple[object, ...]] = []
    for index, strip in enumerate(kerbs):
        inset = -0.4 if strip.kind in WALKED else 0.8
        for s in np.arange(6.0 + 15.0 * (index % 2), strip.lengths[-1] - 4.0, 30.0):
            x, y, yaw = _along(strip, float(s), inset)
            if plot.at(np.array([[x, y]]))[0] in (FREE, PAVEMENT):
                placed.append((x, y, 0.0, yaw - 90.0, 6.5))
                plot.take(x, y, yaw, 0.3, 0.3)
    return placed


def _walls(kerbs: list[Strip], plot: Plot, rng: np.random.Generator) -> list[tuple[object, ...]]:
    placed: list[tuple[object, ...]] = []
    for strip in kerbs:
        s = rng.uniform(0.0, 20.0)
        while s + 8.0 < strip.lengths[-1]:
            kind = int(rng.integers(3))
            half_y, height = ((0.15, 1.0), (0.4, 1.3), (0.06, 1.2))[kind]
            x, y, yaw = _along(strip, s + 3.0, 1.0)
            if rng.random() < 0.55 and plot.is_free(x, y, yaw, 3.0, half_y + 0.2):
                placed.append((x, y, 0.0, yaw, 3.0, half_y, height, kind))
                plot.take(x, y, yaw, 3.0, half_y)
            s += 6.0 if rng.random() < 0.7 else rng.uniform(8.0, 30.0)
    return placed


def _street_trees(
    kerbs: list[Strip], plot: Plot, rng: np.random.Generator
) -> list[tuple[object, ...]]:
    placed: list[tuple[object, ...]] = []
    for strip in kerbs:
        gap = rng.uniform(9.0, 18.0)
        for s in np.arange(rng.uniform(3.0, 9.0), strip.lengths[-1], gap):
            x, y, _ = _along(strip, float(s), rng.uniform(0.8, 2.2))
            placed += _plant(x, y, plot, rng)
    return placed


def _grove(plot: Plot, rng: np.random.Generator) -> list[tuple[object, ...]]:
    """Scattered trees on free ground, one try per 160 square metres."""
    size = plot.high - plot.low
    tries = rng.random((int(size[0] * size[1] / 160.0), 2)) * size + plot.low
    placed: list[tuple[object, ...]] = []
    for x, y in tries.tolist():
        placed += _plant(x, y, plot, rng)
    return placed


def _plant(
    x: float, y: float, plot: Plot, rng: np.random.Generator
) -> Iterator[tuple[object, ...]]:
    radius = float(rng.uniform(1.5, 2.9))
    if not plot.is_free(x, y, 0.0, 1.2, 1.2):
        return
    plot.take(x, y, 0.0, 1.5, 1.5)
    kind = int(rng.random() < 0.3)
    trunk = float(rng.uniform(1.6, 2.6)) if kind == 0 else 1.0
    height = trunk + radius * (2.0 if kind == 0 else 2.8)
    yield (x, y, 0.0, trunk, height, radius, kind)
