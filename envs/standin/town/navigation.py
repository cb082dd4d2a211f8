"""Where walkers may go: pavements, crossings and roads as a mesh for the client's navigation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.town.detour import (
    BLOCKED,
    CROSSWALK,
    MOST_POLYGONS,
    MOST_VERTICES,
    ROAD,
    SIDEWALK,
    Mesh,
)
from envs.standin.town.lanes import RoadMap, Strip
from envs.standin.town.plot import UNPAVED, WALKED

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_FLAT = 1e-3  # m^2, a corner that does not turn
_STRAIGHT = 0.1  # m that a border may lie off the line between two stations
_KERB, _FENCE = 0.3, 0.6  # m kept free beside the road, and beside what lines the pavement
_JOINED = 1.2  # m between the ends of lanes that go on into each other
_REACH = 3.0  # m from a crossing's end to its pavement
_NARROW = 0.5  # m, half of the narrowest piece of a pavement that a crossing leads to
# Sides of a piece of lane.
_START, _RIGHT, _END, _LEFT = range(4)


@dataclass(eq=False)
class _Lane:
    """A lane and its borders, in its road's direction; rows of the borders are its stations.

    `cuts`, shared by the lanes of a section: ranges, in rows, that are one piece each.
    """

    area: int
    left: Array
    right: Array
    cuts: list[tuple[float, float]]
    first: int = 0
    places: Array = field(default_factory=lambda: np.zeros(0))


#: An end of a crossing: the pavement that it leads to, which of its sides, and how far along.
_Ends = list[tuple[_Lane, int, float]]


def walkable(road_map: RoadMap) -> Mesh | None:
    """The mesh of a map; None where it has no pavement, or more than a client can read."""
    for areas in ((SIDEWALK, ROAD), (SIDEWALK,)):
        sections = [*_sections(road_map, areas)]
        if not any(lane.area == SIDEWALK for section in sections for lane in section):
            return None
        borders = _Borders([lane for s in sections for lane in s if lane.area == SIDEWALK])
        crossings = [_crossing(outline, borders) for outline in road_map.crosswalks]
        mesh = _mesh(sections, [ends for ends in crossings if ends])
        if len(mesh.corners) <= MOST_POLYGONS and len(mesh.vertices) <= MOST_VERTICES:
            return mesh
    return None


def _sections(road_map: RoadMap, areas: tuple[int, ...]) -> Iterator[list[_Lane]]:
    """Lanes of each lane section from left to right; of junctions only the pavements."""
    found: dict[tuple[int, int, int], list[Strip]] = {}
    for strip in road_map.strips:
        road = ROAD in areas and not strip.junction and strip.kind not in UNPAVED
        if strip.kind in WALKED or road:
            key = (strip.road, strip.section, len(strip.centre))
            found.setdefault(key, []).append(strip)
    for strips in found.values():
        strips.sort(key=lambda strip: -strip.lane)
        cuts: list[tuple[float, float]] = []
        yield [_lane(strip, cuts) for strip in strips]


def _lane(strip: Strip, cuts: list[tuple[float, float]]) -> _Lane:
    paved = strip.kind in WALKED
    left, right = strip.left, strip.right
    if paved:
        width = np.linalg.norm(right - left, axis=1, keepdims=True)
        share = np.minimum(1.0, width / (2.0 * (_KERB + _FENCE)))
        across = (right - left) / np.maximum(width, 1e-6) * share
        left, right = left + _KERB * across, right - _FENCE * across
    if strip.lane > 0:
        left, right = right[::-1], left[::-1]
    return _Lane(SIDEWALK if paved else ROAD, left, right, cuts)


class _Borders:
    """The borders of pavements, found by place."""

    def __init__(self, pavements: list[_Lane]) -> None:
        self._owners = [(lane, side) for lane in pavements for side in (_LEFT, _RIGHT)]
        lines = [lane.left if side == _LEFT else lane.right for lane, side in self._owners]
        self._begin = np.concatenate([line[:-1, :2] for line in lines])
        self._along = np.concatenate([np.diff(line[:, :2], axis=0) for line in lines])
        counts = [len(line) - 1 for line in lines]
        self._owner = np.repeat(np.arange(len(lines)), counts)
        self._row = np.concatenate([np.arange(count) for count in counts])

    def nearest(self, place: Array) -> tuple[float, _Lane, int, float, float]:
        """Distance to the nearest border, its lane and side, the place on it, a row's length."""
        square = np.maximum((self._along**2).sum(axis=1), 1e-9)
        share = np.clip(((place - self._begin) * self._along).sum(axis=1) / square, 0.0, 1.0)
        gaps = np.linalg.norm(self._begin + share[:, None] * self._along - place, axis=1)
        at = int(np.argmin(gaps))
        lane, side = self._owners[self._owner[at]]
        row = float(self._row[at]) + float(share[at])
        return float(gaps[at]), lane, side, row, float(np.sqrt(square[at]))


def _crossing(outline: Array, borders: _Borders) -> _Ends:
    """Both ends of a crossing, where its pavements are cut; empty where it has no two."""
    corners = outline
    if len(outline) != 4 or not cv2.isContourConvex(outline.astype(np.float32)):
        corners = cv2.boxPoints(cv2.minAreaRect(outline.astype(np.float32))).astype(np.float64)
    following = np.roll(corners, -1, axis=0)
    widths = np.linalg.norm(following - corners, axis=1).tolist()
    found = [borders.nearest(middle) for middle in (corners + following) / 2.0]
    sides = np.argsort([entry[0] for entry in found])[:2].tolist()
    if max(found[side][0] for side in sides) > _REACH:
        return []
    ends: _Ends = []
    for side in sides:
        _, lane, border, place, length = found[side]
        half, last = max(widths[side] / 2.0, _NARROW) / length, len(lane.left) - 1.0
        place = last / 2.0 if 2.0 * half > last else min(max(place, half), last - half)
        lane.cuts.append((max(place - half, 0.0), min(place + half, last)))
        ends.append((lane, border, place))
    return ends


def _mesh(sections: list[list[_Lane]], crossings: list[_Ends]) -> Mesh:
    lanes = [lane for section in sections for lane in section]
    lines: list[Array] = []
    corners: list[Index] = []
    count = points = 0
    for section in sections:
        places = _stations(section)
        before: _Lane | None = None
        for lane in section:
            lane.first, lane.places = count, places
            new = [_at(lane.left, places), _at(lane.right, places)]
            shared = before is not None and _beside(before, lane)
            if shared:
                points -= len(places)
                if lane.area == SIDEWALK:
                    lines[-1] = new[0]
            lines += new[1:] if shared else new
            corners.append(points + _quads(len(places)))
            count, points = count + len(places) - 1, points + 2 * len(places)
            before = lane
    vertices, quads = np.concatenate(lines), np.concatenate(corners)
    neighbours = np.full((count, 4), -1)
    _join_along(neighbours, vertices, quads, lanes)
    _join_beside(neighbours, sections)
    areas = np.concatenate([np.full(len(lane.places) - 1, lane.area) for lane in lanes])
    areas[~_convex(vertices[quads])] = BLOCKED
    return _with_crossings(Mesh(vertices, quads, neighbours, areas), crossings)


def _beside(lane: _Lane, other: _Lane) -> bool:
    """Whether the right border of a lane is the left one of the next, but for what is kept free."""
    return bool(np.linalg.norm(lane.right[0] - other.left[0]) < _JOINED)


def _with_crossings(mesh: Mesh, crossings: list[_Ends]) -> Mesh:
    """Add a piece for each crossing, between the sides of two pieces of pavement."""
    quads, neighbours = [mesh.corners], [mesh.neighbours]
    count = len(mesh.corners)
    for ends in crossings:
        pieces = [lane.first + _piece(lane.places, place) for lane, _, place in ends]
        sides = [border for _, border, _ in ends]
        quad = [
            int(mesh.corners[piece, corner % 4])
            for piece, side in zip(pieces, sides, strict=True)
            for corner in (side + 1, side)
        ]
        if pieces[0] == pieces[1] or not _convex(mesh.vertices[None, quad]).all():
            continue
        for piece, side in zip(pieces, sides, strict=True):
            mesh.neighbours[piece, side] = count
        quads.append(np.array([quad]))
        neighbours.append(np.array([[pieces[0], -1, pieces[1], -1]]))
        count += 1
    added = np.full(count - len(mesh.corners), CROSSWALK)
    return Mesh(
        mesh.vertices,
        np.concatenate(quads),
        np.concatenate(neighbours),
        np.concatenate([mesh.areas, added]),
    )


def _piece(places: Array, place: float) -> int:
    return max(int(np.searchsorted(places, place)) - 1, 0)


def _convex(outlines: Array) -> NDArray[np.bool_]:
    """Which outlines (N, 4, 3) turn right at each corner, where x points right and y up."""
    steps = np.roll(outlines, -1, axis=1) - outlines
    after = np.roll(steps, -1, axis=1)
    turns: Array = steps[..., 0] * after[..., 1] - steps[..., 1] * after[..., 0]
    return np.asarray((turns < _FLAT).all(axis=1))


def _stations(section: list[_Lane]) -> Array:
    """The fewest places between which all borders of a section are straight, and its cuts."""
    table = np.concatenate([side for lane in section for side in (lane.left, lane.right)], axis=1)
    kept = {0, len(table) - 1}
    left = [(0, len(table) - 1)]
    while left:
        low, high = left.pop()
        share = np.linspace(0.0, 1.0, high - low + 1)[:, None]
        off = table[low : high + 1] - (table[low] + share * (table[high] - table[low]))
        worst = np.linalg.norm(off.reshape(len(off), -1, 3), axis=2).max(axis=1)
        if worst.max() > _STRAIGHT:
            middle = low + int(np.argmax(worst))
            kept.add(middle)
            left += [(low, middle), (middle, high)]
    cuts = section[0].cuts
    free = [k for k in kept if not any(low < k < high for low, high in cuts)]
    return np.unique(np.round([*free, *(place for cut in cuts for place in cut)], 6))


def _at(border: Array, places: Array) -> Array:
    rows = np.arange(len(border))
    return np.stack([np.interp(places, rows, column) for column in border.T], axis=1)


def _quads(stations: int) -> Index:
    """Corners of the pieces between stations: the left border's vertices come first."""
    left = np.arange(stations - 1)
    right = left + stations
    return np.stack([left, right, right + 1, left + 1], axis=1)


def _join_beside(neighbours: Index, sections: list[list[_Lane]]) -> None:
    for section in sections:
        for lane, other in itertools.pairwise(section):
            pieces = np.arange(len(lane.places) - 1)
            if _beside(lane, other):
                neighbours[lane.first + pieces, _RIGHT] = other.first + pieces
                neighbours[other.first + pieces, _LEFT] = lane.first + pieces


def _join_along(neighbours: Index, vertices: Array, quads: Index, lanes: list[_Lane]) -> None:
    """Join the pieces of each lane, and lanes of one kind whose ends are near, which then meet."""
    ends: dict[tuple[int, int, int], list[tuple[Array, int, int]]] = {}
    for lane in lanes:
        last = lane.first + len(lane.places) - 2
        neighbours[lane.first : last, _END] = np.arange(lane.first + 1, last + 1)
        neighbours[lane.first + 1 : last + 1, _START] = np.arange(lane.first, last)
        for row, piece, side in ((0, lane.first, _START), (-1, last, _END)):
            middle = (lane.left[row] + lane.right[row]) / 2.0
            column, line = np.floor(middle[:2] / _JOINED).astype(int).tolist()
            for i, j in itertools.product((-1, 0, 1), repeat=2):
                ends.setdefault((lane.area, column + i, line + j), []).append((middle, piece, side))
    pairs = {
        (float(np.linalg.norm(a[0] - b[0])), a[1:], b[1:])
        for near in ends.values()
        for a, b in itertools.combinations(near, 2)
        if a[1] != b[1]
    }
    for distance, (one, side), (two, other) in sorted(pairs):
        if distance < _JOINED and neighbours[one, side] < 0 and neighbours[two, other] < 0:
            neighbours[one, side], neighbours[two, other] = two, one
            mine = quads[one, [side, (side + 1) % 4]]
            theirs = quads[two, [(other + 1) % 4, other]]
            vertices[mine] = vertices[theirs] = (vertices[mine] + vertices[theirs]) / 2.0
