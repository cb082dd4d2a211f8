"""Routes: a lane graph of the map, seeded goals, and monotone progress along a polyline.

CARLA's axes are left-handed: x forward, y to the right, yaw clockwise seen from above. With the
angle measured from x towards y, sin and cos work as usual; positive lateral offsets and heading
errors are to the right, like positive steering.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import cv2
import networkx as nx
import numpy as np

LaneKey = tuple[int, int, int]
SAMPLING = 1.0  # m between points of a route
WINDOW = 15.0  # m ahead of the last progress in which a position is looked for
OUTLINE = 0.5  # m between a lane and its outline
BACK = 5.0  # m behind it, for a car that rolls back; progress itself never falls


class NoRoute(ValueError):
    """The map has no route of the wanted length from this place."""


def wrap_angle(angle: float) -> float:
    """Return the same angle in [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


@dataclasses.dataclass(frozen=True)
class Route:
    """A polyline in driving direction. points: float64 (N, 3), m; yaws: float64 (N,), rad,
    directions at the points, unwrapped; distances: float64 (N,), m along it from its start."""

    points: np.ndarray
    yaws: np.ndarray
    distances: np.ndarray

    @property
    def length(self) -> float:
        """Metres from start to goal."""
        return float(self.distances[-1])

    def at(self, distance: Any) -> np.ndarray:
        """Return points (..., 2) at distances along the route, held at both ends."""
        x = np.interp(distance, self.distances, self.points[:, 0])
        y = np.interp(distance, self.distances, self.points[:, 1])
        return np.stack([x, y], axis=-1)

    def yaw_at(self, distance: float) -> float:
        """Return direction of the route at a distance along it, rad in [-pi, pi)."""
        return wrap_angle(float(np.interp(distance, self.distances, self.yaws)))

    def ahead(self, distance: float, count: int, spacing: float) -> np.ndarray:
        """Return the next `count` waypoints (count, 2): multiples of `spacing` ahead of `distance`.

        Past the goal they go straight on. Held there, they would show a road that ends, which a
        policy meets for the first time in its evaluation: in training few routes are finished.
        """
        wanted = distance + spacing * np.arange(1, count + 1)
        beyond = np.maximum(wanted - self.length, 0.0)[:, None]
        yaw = self.yaws[-1]
        return self.at(wanted) + beyond * np.array([math.cos(yaw), math.sin(yaw)])


@dataclasses.dataclass(frozen=True)
class RoutePosition:
    """A car's position on its route. progress: the furthest metre reached; distance: the metre it
    is at now; lateral: m to the right of the route; heading: rad to the right of its direction."""

    progress: float
    distance: float
    lateral: float
    heading: float


def start_position() -> RoutePosition:
    """Return the position before the first `locate`."""
    return RoutePosition(progress=0.0, distance=0.0, lateral=0.0, heading=0.0)


def make_route(points: np.ndarray) -> Route:
    """Resample points (N, 3) to an even spacing of about `SAMPLING` metres."""
    points = np.asarray(points, np.float64)
    steps = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
    points = points[np.concatenate([[True], steps > 1e-3])]
    if len(points) < 2:
        raise NoRoute("a route needs two different points")
    along = np.concatenate([[0.0], np.cumsum(segment_lengths(points))])
    count = max(2, round(float(along[-1]) / SAMPLING) + 1)
    even = np.linspace(0.0, along[-1], count)
    points = np.stack([np.interp(even, along, column) for column in points.T], axis=1)
    yaws = _directions(np.diff(points[:, :2], axis=0))
    distances = np.concatenate([[0.0], np.cumsum(segment_lengths(points))])
    return Route(points, yaws, distances)


def _directions(segments: np.ndarray) -> np.ndarray:
    """Return the unwrapped direction at each point between segments (N, 2) of equal length.

    A point lies between two chords: its tangent is their mean, which is exact on an arc.
    """
    chords = np.unwrap(np.arctan2(segments[:, 1], segments[:, 0]))
    inner = 0.5 * (chords[:-1] + chords[1:])
    return np.concatenate([chords[:1], inner, chords[-1:]])


def segment_lengths(points: np.ndarray) -> np.ndarray:
    """Return metres (N - 1,) between points (N, 2 or more), seen from above."""
    return np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)


def locate(route: Route, position: RoutePosition, x: float, y: float, yaw: float) -> RoutePosition:
    """Follow a move to (x, y) m with heading `yaw` rad, starting from the last position.

    Only a window about the last progress is searched, so a route that crosses itself or comes
    back beside itself is followed in order, and progress is monotone.
    """
    last = len(route.distances) - 1
    low = int(np.searchsorted(route.distances, position.progress - BACK)) - 1
    high = int(np.searchsorted(route.distances, position.progress + WINDOW))
    low, high = max(low, 0), min(max(high, low + 1), last)
    first, second = route.points[low:high, :2], route.points[low + 1 : high + 1, :2]
    chord = second - first
    offset = np.array([x, y]) - first
    square = np.maximum((chord**2).sum(axis=1), 1e-12)
    share = np.clip((offset * chord).sum(axis=1) / square, 0.0, 1.0)
    gaps = ((offset - share[:, None] * chord) ** 2).sum(axis=1)
    best = int(np.argmin(gaps))
    size = math.sqrt(float(square[best]))
    distance = float(route.distances[low + best]) + float(share[best]) * size
    across = float(chord[best, 0] * offset[best, 1] - chord[best, 1] * offset[best, 0]) / size
    lateral = math.copysign(math.sqrt(float(gaps[best])), across)
    heading = wrap_angle(yaw - route.yaw_at(distance))
    return RoutePosition(max(position.progress, distance), distance, lateral, heading)


def to_vehicle_frame(points: np.ndarray, x: float, y: float, yaw: float) -> np.ndarray:
    """Return world points (N, 2) as (ahead, right) of a car at (x, y) with heading `yaw` rad."""
    offset = np.asarray(points, np.float64) - np.array([x, y])
    cos, sin = math.cos(yaw), math.sin(yaw)
    ahead = offset[:, 0] * cos + offset[:, 1] * sin
    right = -offset[:, 0] * sin + offset[:, 1] * cos
    return np.stack([ahead, right], axis=1)


def lane_key(waypoint: Any) -> LaneKey:
    """Return the identity of a carla.Waypoint's lane."""
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


class Lanes:
    """Driving lanes as a graph: node = lane of a section, edge = follows.

    lines: points (N, 3) of their centres in driving direction; junctions: those inside junctions.
    """

    def __init__(self) -> None:
        self.lines: dict[LaneKey, np.ndarray] = {}
        self.junctions: set[LaneKey] = set()
        self.graph = nx.DiGraph()

    def add(self, key: LaneKey, line: np.ndarray, junction: bool) -> None:
        """Add a lane."""
        self.lines[key] = line
        self.graph.add_node(key)
        if junction:
            self.junctions.add(key)

    def follow(self, key: LaneKey, following: LaneKey) -> None:
        """Let a lane, already added like the one that follows, lead into another."""
        self.graph.add_edge(key, following, length=self.length(key))

    def length(self, key: LaneKey) -> float:
        """Return the metres of a lane."""
        return float(segment_lengths(self.lines[key]).sum())


class LaneGraph(Lanes):
    """The driving lanes of a carla.Map, and routes over them."""

    def __init__(self, world_map: Any) -> None:
        super().__init__()
        self.map = world_map
        for entry, following in world_map.get_topology():
            self._add(entry)
            if lane_key(entry) != lane_key(following):
                self._add(following)
                self.follow(lane_key(entry), lane_key(following))

    def _add(self, entry: Any) -> None:
        if lane_key(entry) not in self.lines:
            self.add(lane_key(entry), lane_line(entry), entry.is_junction)

    def outline(self) -> list[np.ndarray]:
        """Return the lanes' centres as float32 (N, 2) of few points, within `OUTLINE` of them."""
        lines = (line[:, :2].astype(np.float32) for line in self.lines.values())
        return [cv2.approxPolyDP(line, OUTLINE, closed=False)[:, 0] for line in lines]

    def plan(self, location: Any, least: float, rng: np.random.Generator) -> Route:
        """Return a route of `least` metres or more from a carla.Location's lane to a seeded goal.

        Goals are drawn among the lanes whose shortest path from here is long enough; in a town
        too small for that, the farthest lanes are joined until the length is reached.
        """
        start = self.map.get_waypoint(location)
        if start is None or lane_key(start) not in self.lines:
            raise NoRoute("the start is on no driving lane")
        pieces, length = [lane_line(start)], 0.0
        key = lane_key(start)
        length += float(segment_lengths(pieces[0]).sum())
        while length < least:
            keys = self._leg(key, least - length, rng)
            pieces += [self.lines[k] for k in keys]
            length += sum(self.length(k) for k in keys)
            key = keys[-1]
        return make_route(np.concatenate(pieces))

    def _leg(self, source: LaneKey, least: float, rng: np.random.Generator) -> list[LaneKey]:
        """Return lanes after `source` on the shortest path to a drawn goal, the goal included."""
        reach = nx.single_source_dijkstra_path_length(self.graph, source, weight="length")
        base = self.graph.out_degree(source) and min(
            edge["length"] for _, _, edge in self.graph.out_edges(source, data=True)
        )
        leads = {key: away - base for key, away in reach.items() if key != source}
        if not leads:
            raise NoRoute(f"lane {source} leads nowhere")
        far = sorted(key for key, away in leads.items() if least <= away < least + 150.0)
        if not far:
            limit = 0.8 * max(leads.values())
            far = sorted(key for key, away in leads.items() if away >= limit)
        goal = far[int(rng.integers(len(far)))]
        path: list[LaneKey] = nx.dijkstra_path(self.graph, source, goal, weight="length")
        return path[1:]


def lane_line(waypoint: Any) -> np.ndarray:
    """Return points (N, 3) of a lane's centre from a carla.Waypoint to the lane section's end.

    The client's `next_until_lane_end` goes on through later sections, which are nodes of their own
    here, and fails where a step ends exactly at the lane's end.
    """
    chain = [waypoint]
    while following := [w for w in chain[-1].next(SAMPLING) if _continues(chain[-1], w)]:
        chain.append(following[0])
    places = [point.transform.location for point in chain]
    return np.array([[place.x, place.y, place.z] for place in places], np.float64)


def _continues(before: Any, after: Any) -> bool:
    """Return whether a waypoint is further along the same lane; on a ring the start is not."""
    further = after.lane_id * (before.s - after.s) > 0.0  # s falls along lanes with positive ids
    return further and lane_key(before) == lane_key(after)
