"""Stop lines of a route: where its lanes end before a traffic light."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator

import numpy as np

from envs.task.route import LaneKey, Lanes, Route

ON_ROUTE = 1.0  # m from the route within which a lane ends on it
PASSED = 1.0  # m beyond a line until which the bonnet still counts as before it


@dataclasses.dataclass(frozen=True)
class StopLine:
    """The metre of a route at which a lane with a light ends."""

    metre: float
    lane: LaneKey


def stop_lines(lanes: Lanes, route: Route, lit: Collection[LaneKey]) -> tuple[StopLine, ...]:
    """Return the stop lines of a route, in order. lit: the lanes that have a light."""
    known = (key for key in sorted(lit) if len(lanes.lines.get(key, ())) > 1)
    found = [line for key in known for line in _on_route(lanes.lines[key][:, :2], route, key)]
    return tuple(sorted(found, key=lambda line: line.metre))


def _on_route(line: np.ndarray, route: Route, key: LaneKey) -> Iterator[StopLine]:
    squares = ((route.points[:, :2] - line[-1]) ** 2).sum(axis=1)
    near = np.flatnonzero(squares < ON_ROUTE**2)
    if not len(near):
        return
    yaw = math.atan2(*(line[-1] - line[-2])[::-1])
    for run in np.split(near, np.flatnonzero(np.diff(near) > 1) + 1):
        best = run[np.argmin(squares[run])]
        if math.cos(yaw - route.yaws[best]) > 0.7:
            yield StopLine(float(route.distances[best]), key)


def next_line(lines: tuple[StopLine, ...], bonnet: float) -> StopLine | None:
    """Return the first line ahead of the bonnet, m along the route, if there is one."""
    return next((line for line in lines if line.metre > bonnet - PASSED), None)
