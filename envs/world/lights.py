"""Traffic lights of a world, by the lanes that they stop."""

from __future__ import annotations

from typing import Any

import carla

from envs.task.route import LaneKey, lane_key
from envs.world.client import Session, faults


class Lights:
    """Every traffic light of the world and the lanes that lead to it."""

    def __init__(self, session: Session) -> None:
        with faults("reading the traffic lights"):
            lights = session.world.get_actors().filter("traffic.traffic_light")
            self._stops = [(light, _lanes(light)) for light in lights]

    def __len__(self) -> int:
        return len(self._stops)

    @property
    def lanes(self) -> frozenset[LaneKey]:
        """The lanes that have a light."""
        return frozenset().union(*(lanes for _, lanes in self._stops))

    def closed_lanes(self) -> frozenset[LaneKey]:
        """Return the lanes whose light shows red or yellow now."""
        closed = (carla.TrafficLightState.Red, carla.TrafficLightState.Yellow)
        with faults("reading the traffic lights"):
            shut = [lanes for light, lanes in self._stops if light.get_state() in closed]
        return frozenset().union(*shut)


def _lanes(light: Any) -> frozenset[LaneKey]:
    return frozenset(lane_key(waypoint) for waypoint in light.get_stop_waypoints())
