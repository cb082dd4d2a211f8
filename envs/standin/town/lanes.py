"""Lanes and road marks of any OpenDRIVE map as polylines, sampled through `carla.Map`."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STEP = 2.0
_EPS = 1e-3


@dataclass(frozen=True, eq=False)
class Strip:
    """One lane of one lane section, in its direction of travel.

    Attributes:
      section: where its lane section begins on the road, in mm.
      centre, left, right: (n, 3) points in metres.
      yaw: (n,) direction of travel in rad, clockwise seen from above (CARLA's frame).
    """

    road: int
    lane: int
    section: int
    junction: bool
    kind: str
    centre: Array
    left: Array
    right: Array
    yaw: Array

    @property
    def lengths(self) -> Array:
        """Distance of each point from the first, along the centre."""
        steps = np.linalg.norm(np.diff(self.centre[:, :2], axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])


@dataclass(frozen=True, eq=False)
class MarkLine:
    """A road mark: `kind` as `carla.LaneMarkingType`'s name, `points` (n, 3)."""

    kind: str
    colour: str
    width: float
    points: Array


@dataclass(frozen=True, eq=False)
class RoadMap:
    """All lanes, marks and crosswalks (outlines (n, 2)) of a town."""

    strips: tuple[Strip, ...]
    marks: tuple[MarkLine, ...]
    crosswalks: tuple[Array, ...] = ()

    def bounds(self) -> tuple[Array, Array]:
        """Smallest and largest x, y of all lanes."""
        points = np.concatenate([s.centre[:, :2] for s in self.strips])
        return points.min(axis=0), points.max(axis=0)

    def driving(self, junction: bool | None = None) -> list[Strip]:
        """Lanes for cars; only those inside, or outside, junctions when asked."""
        return [
            strip
            for strip in self.strips
            if strip.kind == "driving" and junction in (None, strip.junction)
        ]


def sample(carla_map: Any, opendrive: str) -> RoadMap:
    """All lanes and marks of a map. Raises ValueError when it has no driving lane."""
    strips: list[Strip] = []
    marks: list[MarkLine] = []
    for road in ElementTree.fromstring(opendrive).iter("road"):
        for low, high, lanes in _sections(road):
            for lane, kind in lanes:
                _sample_lane(carla_map, road, (low, high), lane, kind, strips, marks)
    if not any(strip.kind == "driving" for strip in strips):
        raise ValueError("the OpenDRIVE map has no driving lane; give one with roads for cars")
    return RoadMap(tuple(strips), tuple(marks), tuple(_crosswalks(carla_map)))


def _crosswalks(carla_map: Any) -> list[Array]:
    """Outlines without their last corner, with which the client repeats the first."""
    outlines: list[Array] = []
    corners: list[tuple[float, float]] = []
    for place in carla_map.get_crosswalks():
        corner = (place.x, place.y)
        if len(corners) > 2 and math.dist(corner, corners[0]) < _EPS:
            outlines.append(np.array(corners))
            corners = []
        else:
            corners.append(corner)
    return outlines


def _sections(road: Any) -> list[tuple[float, float, list[tuple[int, str]]]]:
    length = float(road.get("length", 0.0))
    sections = list(road.iter("laneSection"))
    starts = [float(section.get("s", 0.0)) for section in sections] + [length]
    result = []
    for section, low, high in zip(sections, starts, starts[1:], strict=False):
        lanes = [
            (int(lane.get("id", 0)), str(lane.get("type", "none")).lower())
            for lane in section.iter("lane")
            if int(lane.get("id", 0))
        ]
        if high - low > 4 * _EPS:
            result.append((low, high, lanes))
    return result


def _sample_lane(
    carla_map: Any,
    road: Any,
    span: tuple[float, float],
    lane: int,
    kind: str,
    strips: list[Strip],
    marks: list[MarkLine],
) -> None:
    low, high = span
    count = max(2, math.ceil((high - low) / _STEP) + 1)
    places = np.linspace(low + _EPS, high - _EPS, count).tolist()
    if lane > 0:
        places.reverse()
    identity = int(road.get("id", -1))
    waypoints = [carla_map.get_waypoint_xodr(identity, lane, s) for s in places]
    waypoints = [waypoint for waypoint in waypoints if waypoint is not None]
    if len(waypoints) < 2:
        return
    centre, left, right, yaw = _borders(waypoints)
    strips.append(
        Strip(
            identity,
            lane,
            round(low * 1000.0),
            int(road.get("junction", -1)) >= 0,
            kind,
            centre,
            left,
            right,
            yaw,
        )
    )
    marks += _mark_lines([w.right_lane_marking for w in waypoints], right)
    if lane == -1 or (lane == 1 and not _has_right_side(road)):
        marks += _mark_lines([w.left_lane_marking for w in waypoints], left)


def _has_right_side(road: Any) -> bool:
    return any(lane.get("id") == "-1" for lane in road.iter("lane"))


def _borders(waypoints: list[Any]) -> tuple[Array, Array, Array, Array]:
    rows = []
    for waypoint in waypoints:
        transform = waypoint.transform
        place = transform.location
        rows.append((place.x, place.y, place.z, transform.rotation.yaw, waypoint.lane_width))
    table = np.array(rows)
    yaw = np.radians(table[:, 3])
    across = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=1)
    offset = across * table[:, 4:5] / 2.0
    centre = table[:, :3].copy()
    return centre, centre - offset, centre + offset, yaw


def _mark_lines(markings: list[Any], border: Array) -> list[MarkLine]:
    """Runs of equal marks along a border."""
    labels = [
        (str(mark.type), str(mark.color), float(mark.width)) if mark is not None else ("NONE",) * 3
        for mark in markings
    ]
    lines, begin = [], 0
    for index in range(1, len(labels) + 1):
        if index < len(labels) and labels[index] == labels[begin]:
            continue
        kind, colour, width = labels[begin]
        stop = min(index + 1, len(labels))
        if kind.lower() not in ("none", "other", "curb", "grass") and stop - begin > 1:
            lines.append(MarkLine(kind, colour, float(width) or 0.15, border[begin:stop]))
        begin = index
    return lines
