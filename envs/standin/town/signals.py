"""Traffic lights of any OpenDRIVE map: where they hang, whom they stop, and which go together."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.standin.town.model import MAST, ZONE_BEFORE, ZONE_SHARE, TrafficSignal
from envs.standin.town.plot import WALKED

Array = NDArray[np.float64]

_TYPE = "1000001"
_ZONE_HALF = 1.5  # m, half the length of a stop zone
_LANTERN_HEIGHT = 4.9
_INWARD = 1.1


@dataclass(frozen=True)
class _Post:
    """A signal element: its id, place on a road, and the lanes that obey it."""

    id: str
    road: int
    s: float
    lanes: tuple[int, ...]
    junction: int


def traffic_signals(
    carla_map: Any, opendrive: str
) -> tuple[tuple[TrafficSignal, ...], NDArray[np.void]]:
    """All traffic lights of a map, and the masts that carry them (dtype MAST)."""
    root = ElementTree.fromstring(opendrive)
    groups = _controllers(root)
    signals: list[TrafficSignal] = []
    masts: list[tuple[float, ...]] = []
    for post in _posts(root):
        stops = [_stop(carla_map, post, lane) for lane in post.lanes]
        stops = [stop for stop in stops if stop is not None]
        if not stops:
            continue
        outer = max(stops, key=lambda stop: abs(stop.lane_id))
        mast, lantern = _mast(outer)
        masts.append(mast)
        group = groups.get(post.id, _by_bearing(outer.transform.rotation.yaw))
        boxes = np.array([_zone(stop) for stop in stops])
        x, y, z, yaw = lantern
        signals.append(TrafficSignal(post.id, x, y, z, yaw, post.junction, group, boxes))
    return tuple(signals), np.array(masts, MAST)


def _posts(root: Any) -> list[_Post]:
    posts = []
    for road in root.iter("road"):
        length = float(road.get("length", 0.0))
        for signal in road.iter("signal"):
            if signal.get("type") != _TYPE or signal.get("dynamic") != "yes":
                continue
            forward = signal.get("orientation", "+") != "-"
            lanes = _lanes(road, signal, forward)
            s = min(max(float(signal.get("s", 0.0)), 0.05), length - 0.05)
            if lanes:
                junction = _junction(road, forward)
                posts.append(_Post(str(signal.get("id")), int(road.get("id")), s, lanes, junction))
    return posts


def _lanes(road: Any, signal: Any, forward: bool) -> tuple[int, ...]:
    driving = {int(lane.get("id")) for lane in road.iter("lane") if lane.get("type") == "driving"}
    own = {lane for lane in driving if (lane < 0) == forward}
    valid = [(int(v.get("fromLane", 0)), int(v.get("toLane", 0))) for v in signal.iter("validity")]
    if valid:
        named = {lane for lane in own if any(min(v) <= lane <= max(v) for v in valid)}
        return tuple(sorted(named))
    return tuple(sorted(own))


def _junction(road: Any, forward: bool) -> int:
    own = int(road.get("junction", -1))
    if own >= 0:
        return own
    for link in road.iter("successor" if forward else "predecessor"):
        if link.get("elementType") == "junction":
            return int(link.get("elementId", -1))
    return -1


def _controllers(root: Any) -> dict[str, int]:
    """The phase group of each signal: the place of its controller in the junction's list."""
    order: dict[str, int] = {}
    for junction in root.iter("junction"):
        for index, controller in enumerate(junction.iter("controller")):
            order[str(controller.get("id"))] = index
    result: dict[str, int] = {}
    for controller in root.findall("controller"):
        for control in controller.iter("control"):
            group = order.get(str(controller.get("id")), 0)
            result[str(control.get("signalId"))] = group
    return result


def _by_bearing(yaw: float) -> int:
    """Without controllers: those who come along one axis go together."""
    return int(((yaw + 45.0) % 180.0) >= 90.0)


def _stop(carla_map: Any, post: _Post, lane: int) -> Any:
    return carla_map.get_waypoint_xodr(post.road, lane, post.s)


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
