"""Traffic lights and signs of any OpenDRIVE map: places, the lanes they rule, phases."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.standin.town.model import MAST, ZONE_BEFORE, ZONE_SHARE, TrafficSign, TrafficSignal
from envs.standin.town.plot import WALKED

Array = NDArray[np.float64]

#: Types of traffic lights, as LibCarla's road::SignalType has them.
LIGHT_TYPES = frozenset(
    [f"10000{number:02d}" for number in (1, 2, *range(7, 21))] + ["F", "W", "A"]
)
_SIGN_TYPES = {"205": "traffic.yield", "206": "traffic.stop"}
_SPEED_LIMIT = "274"
_ZONE_HALF = 1.5  # m, half the length of a stop zone
_TO_JUNCTION = (1.0, 4.0, 8.0, 12.0)  # m from a stop to where the junction behind it is looked for
_SAME_ZONE = 0.5  # m between zones of paths that begin on one lane
_BACK, _BACK_STEPS = 0.5, 20  # m and number of steps back to where a junction begins
_LANTERN_HEIGHT = 4.9
_INWARD = 1.1


@dataclass(frozen=True)
class _Reach:
    """Lanes at a place of a road that obey a signal."""

    road: int
    s: float
    lanes: tuple[int, ...]


@dataclass(frozen=True)
class _Post:
    """A signal element: its id and type, where it has a say, and the junction beside it."""

    id: str
    kind: str
    reaches: tuple[_Reach, ...]
    junction: int


def traffic_signals(
    carla_map: Any, opendrive: str
) -> tuple[tuple[TrafficSignal, ...], NDArray[np.void], tuple[TrafficSign, ...]]:
    """All traffic lights of a map, the masts that carry them (dtype MAST), and all signs."""
    root = ElementTree.fromstring(opendrive)
    groups = _controllers(root)
    landmarks = {mark.id: mark.transform for mark in carla_map.get_all_landmarks()}
    signals: list[TrafficSignal] = []
    masts: list[tuple[float, ...]] = []
    signs: list[TrafficSign] = []
    for post in _posts(root):
        stops = _stops(carla_map, post)
        boxes = np.array([_zone(stop) for stop in stops]).reshape(-1, 6)
        at = landmarks.get(post.id)
        if post.kind not in LIGHT_TYPES:
            place = at or stops[0].transform
            x, y, z = place.location.x, place.location.y, place.location.z
            yaw, behind = place.rotation.yaw, _junction_behind(stops)
            signs.append(TrafficSign(post.id, post.kind, x, y, z, yaw, boxes, behind))
            continue
        if stops:
            mast, lantern = _mast(max(stops, key=lambda stop: abs(stop.lane_id)))
            masts.append(mast)
        elif at is not None:
            lantern = (at.location.x, at.location.y, at.location.z, at.rotation.yaw)
        else:
            continue
        junction, group = groups.get(post.id, (post.junction, _by_bearing(lantern[3])))
        if junction < 0:
            junction = -1 - len(signals)
        signals.append(TrafficSignal(post.id, *lantern, junction, group, boxes))
    return tuple(signals), np.array(masts, MAST), tuple(signs)


def _posts(root: Any) -> Iterator[_Post]:
    references: dict[str, list[_Reach]] = {}
    for road in root.iter("road"):
        for reference in road.iter("signalReference"):
            reach = _reach(road, reference)
            references.setdefault(str(reference.get("id")), []).append(reach)
    for road in root.iter("road"):
        for signal in road.iter("signal"):
            kind = _kind(signal)
            if kind is None:
                continue
            own, elsewhere = _reach(road, signal), references.get(str(signal.get("id")), [])
            reaches = elsewhere if elsewhere and not _named(signal) else [own, *elsewhere]
            junction = _junction(road, signal.get("orientation", "+") != "-")
            yield _Post(str(signal.get("id")), kind, tuple(reaches), junction)


def _kind(signal: Any) -> str | None:
    """The type of a light, the actor's type of a sign, None for all else."""
    kind = signal.get("type", "")
    if kind == _SPEED_LIMIT:
        for text in (signal.get("subtype", ""), signal.get("value", "")):
            try:
                limit = round(float(text))
            except ValueError:
                continue
            if limit > 0:
                return f"traffic.speed_limit.{limit}"
        return None
    return kind if kind in LIGHT_TYPES else _SIGN_TYPES.get(kind)


def _reach(road: Any, element: Any) -> _Reach:
    length = float(road.get("length", 0.0))
    s = min(max(float(element.get("s", 0.0)), 0.05), length - 0.05)
    driving = {int(lane.get("id")) for lane in road.iter("lane") if lane.get("type") == "driving"}
    ranges = _named(element)
    if ranges:
        lanes = {lane for lane in driving if any(low <= lane <= high for low, high in ranges)}
    else:
        way = element.get("orientation", "+")
        lanes = {lane for lane in driving if way == "none" or (lane < 0) == (way == "+")}
    return _Reach(int(road.get("id")), s, tuple(sorted(lanes)))


def _named(element: Any) -> list[tuple[int, int]]:
    """Ranges of lanes that an element names; 0 to 0, as RoadRunner writes it, names none."""
    ranges = []
    for validity in element.iter("validity"):
        ends = int(validity.get("fromLane", 0)), int(validity.get("toLane", 0))
        if any(ends):
            ranges.append((min(ends), max(ends)))
    return ranges


def _stops(carla_map: Any, post: _Post) -> list[Any]:
    """Where each lane that obeys has to stop, before a junction rather than in it; none twice."""
    stops: list[Any] = []
    for reach in post.reaches:
        for lane in reach.lanes:
            stop = carla_map.get_waypoint_xodr(reach.road, lane, reach.s)
            if stop is None:
                continue
            stop = _before_junction(stop)
            if not any(
                stop.transform.location.distance(other.transform.location) < _SAME_ZONE
                for other in stops
            ):
                stops.append(stop)
    return stops


def _before_junction(stop: Any) -> Any:
    """The last place before the junction that a place near its edge is in."""
    place = stop
    for _ in range(_BACK_STEPS):
        if not place.is_junction:
            return place
        behind = place.previous(_BACK)
        if not behind:
            break
        place = behind[0]
    return stop


def _junction(road: Any, forward: bool) -> int:
    own = int(road.get("junction", -1))
    if own >= 0:
        return own
    for link in road.iter("successor" if forward else "predecessor"):
        if link.get("elementType") == "junction":
            return int(link.get("elementId", -1))
    return -1


def _controllers(root: Any) -> dict[str, tuple[int, int]]:
    """Junction and phase group of each signal: its controller's place in the junction's list."""
    order: dict[str, tuple[int, int]] = {}
    for junction in root.iter("junction"):
        for index, controller in enumerate(junction.iter("controller")):
            order[str(controller.get("id"))] = int(junction.get("id")), index
    return {
        str(control.get("signalId")): order[str(controller.get("id"))]
        for controller in root.findall("controller")
        for control in controller.iter("control")
        if str(controller.get("id")) in order
    }


def _by_bearing(yaw: float) -> int:
    """Without controllers: those who come along one axis go together."""
    return int(((yaw + 45.0) % 180.0) >= 90.0)


def _junction_behind(stops: list[Any]) -> tuple[float, ...]:
    """Middle and radius of the junction that stops lie before; empty where they lie before none."""
    places = (place for step in _TO_JUNCTION for stop in stops for place in stop.next(step))
    for place in places:
        if place.is_junction:
            box = place.get_junction().bounding_box
            return (box.location.x, box.location.y, math.hypot(box.extent.x, box.extent.y))
    return ()


def _zone(stop: Any) -> tuple[float, ...]:
    """Return the stop zone of a lane: as CARLA's, short, narrow, and touched by a car's body."""
    before = stop.previous(ZONE_BEFORE)
    middle = before[0] if before else stop
    place, yaw = middle.transform.location, middle.transform.rotation.yaw
    return (place.x, place.y, place.z, _ZONE_HALF, ZONE_SHARE * middle.lane_width, yaw)


def _mast(stop: Any) -> tuple[tuple[float, ...], tuple[float, float, float, float]]:
    """The mast beside the outermost lane, and x, y, z, yaw of its lantern over that lane."""
    place, yaw = stop.transform.location, stop.transform.rotation.yaw
    beside = stop.lane_width / 2.0
    lane = stop.get_right_lane()
    while lane is not None and str(lane.lane_type).lower() not in WALKED:
        beside += lane.lane_width
        lane = lane.get_right_lane()
    beside += 0.5
    angle = math.radians(yaw)
    right = (-math.sin(angle), math.cos(angle))
    foot = (place.x + beside * right[0], place.y + beside * right[1], place.z)
    reach = beside - stop.lane_width / 2.0 + _INWARD
    lantern = (
        foot[0] - reach * right[0],
        foot[1] - reach * right[1],
        place.z + _LANTERN_HEIGHT,
        math.remainder(yaw + 180.0, 360.0),
    )
    return (*foot, yaw - 90.0, _LANTERN_HEIGHT + 0.7, reach), lantern
