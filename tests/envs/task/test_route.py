"""Routes: progress is monotone, right is positive, the line goes on past the goal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.task import route
from tests.envs.task.task_support import LINE


def test_fault_3_distance_left_never_rises_or_jumps_while_driving_forward():
    position, left = route.start_position(), []
    for metre in np.arange(0.0, LINE.length, 0.5):
        x, y = LINE.at(metre)
        position = route.locate(LINE, position, x + 0.3, y - 0.2, LINE.yaw_at(metre))
        left.append(LINE.length - position.progress)
    steps = -np.diff(left)
    assert steps.min() >= 0.0
    assert steps.max() < 1.5
    assert left[-1] < 1.5


def test_progress_is_not_lost_by_rolling_back_nor_won_twice():
    there = route.locate(LINE, route.start_position(), 10.0, 0.0, 0.0)
    back = route.locate(LINE, there, 6.0, 0.0, 0.0)
    assert (there.progress, back.progress) == (pytest.approx(10.0), pytest.approx(10.0))
    assert back.distance == pytest.approx(6.0)


def test_fault_9_right_is_positive_in_a_left_handed_world():
    ahead_right = np.array([[10.0, 3.0]])
    np.testing.assert_allclose(route.to_vehicle_frame(ahead_right, 0, 0, 0.0), [[10.0, 3.0]])
    turned = route.to_vehicle_frame(ahead_right, 0, 0, math.pi / 2)
    np.testing.assert_allclose(turned, [[3.0, -10.0]], atol=1e-12)
    assert route.locate(LINE, route.start_position(), 5.0, 2.0, 0.1).lateral == pytest.approx(2.0)
    assert route.locate(LINE, route.start_position(), 5.0, 2.0, 0.1).heading == pytest.approx(0.1)


def test_waypoints_past_the_goal_go_straight_on():
    ahead = LINE.ahead(192.0, 3, 5.0)
    np.testing.assert_allclose(ahead, [[100.0, 97.0], [100.0, 102.0], [100.0, 107.0]], atol=1e-9)
    assert LINE.at(205.0).tolist() == [100.0, 100.0]


@pytest.mark.parametrize("turn", [-1.0, 1.0])
def test_a_car_tangent_to_a_bend_has_no_heading_error(turn):
    """It had 0.099 rad on a bend of 10 m, where heading_tolerance is 0.1."""
    angles = np.linspace(0.0, 1.5 * math.pi, 400)
    circle = np.stack([10.0 * np.sin(angles), turn * 10.0 * (1.0 - np.cos(angles))], axis=1)
    line = route.make_route(np.pad(circle, ((0, 0), (0, 1))))
    position = route.start_position()
    for angle in np.arange(0.1, 1.5 * math.pi - 0.1, 0.03):
        x, y = 10.0 * math.sin(angle), turn * 10.0 * (1.0 - math.cos(angle))
        position = route.locate(line, position, x, y, turn * angle)
        assert abs(position.heading) < 2e-3
        assert abs(position.lateral) < 0.02


def _lane_link(before: bool, after: bool) -> str:
    ends = ('<predecessor id="-1"/>' if before else "") + ('<successor id="-1"/>' if after else "")
    width = '<width sOffset="0" a="3.5" b="0" c="0" d="0"/>'
    return f'<lane id="-1" type="driving"><link>{ends}</link>{width}</lane>'


def _road(number: int, x: float, length: float, sections: int, link: str, last: bool) -> str:
    parts = "".join(
        f'<laneSection s="{index * length / sections}"><center><lane id="0" type="none"/></center>'
        f"<right>{_lane_link(index > 0 or number > 1, index < sections - 1 or not last)}</right>"
        "</laneSection>"
        for index in range(sections)
    )
    return (
        f'<road name="" length="{length}" id="{number}" junction="-1"><link>{link}</link><planView>'
        f'<geometry s="0" x="{x}" y="0" hdg="0" length="{length}"><line/></geometry></planView>'
        f"<elevationProfile/><lateralProfile/><lanes>{parts}</lanes></road>"
    )


@pytest.mark.parametrize("sections", [1, 3, 10])
def test_a_route_over_lane_sections_does_not_double_back(sections):
    """Real towns have them: 81 of 197 routes of Town06 turned round on the road."""
    carla = pytest.importorskip("carla")
    onward = '<successor elementType="road" elementId="2" contactPoint="start"/>'
    behind = '<predecessor elementType="road" elementId="1" contactPoint="end"/>'
    roads = _road(1, 0.0, 120.0, sections, onward, False)
    roads += _road(2, 120.0, 120.0, 1, behind, True)
    header = '<header revMajor="1" revMinor="4" name="" version="1"/>'
    world_map = carla.Map("line", f"<OpenDRIVE>{header}{roads}</OpenDRIVE>")
    graph = route.LaneGraph(world_map)
    assert len(graph.lines) == sections + 1
    planned = graph.plan(carla.Location(x=5.0, y=1.75), 180.0, np.random.default_rng(0))
    assert planned.points[0, 0] == pytest.approx(5.0, abs=0.1)
    assert planned.points[-1, 0] == pytest.approx(240.0, abs=1.5)
    assert planned.length == pytest.approx(235.0, abs=1.5)
    assert np.diff(planned.points[:, 0]).min() > 0.5
    np.testing.assert_allclose(planned.yaws, 0.0, atol=1e-6)
    outline = graph.outline()
    assert len(outline) == sections + 1
    assert {len(line) for line in outline} == {2}
    assert min(line[:, 0].min() for line in outline) == pytest.approx(0.0, abs=0.1)
    assert max(line[:, 0].max() for line in outline) == pytest.approx(240.0, abs=1.5)


def test_a_lane_that_leads_to_itself_ends():
    carla = pytest.importorskip("carla")
    ring = (
        '<successor elementType="road" elementId="1" contactPoint="start"/>'
        '<predecessor elementType="road" elementId="1" contactPoint="end"/>'
    )
    road = _road(1, 0.0, 2.0 * math.pi * 30.0, 1, ring, False)
    road = road.replace("<line/>", f'<arc curvature="{1.0 / 30.0}"/>')
    road = road.replace("<link></link>", '<link><predecessor id="-1"/><successor id="-1"/></link>')
    header = '<header revMajor="1" revMinor="4" name="" version="1"/>'
    world_map = carla.Map("ring", f"<OpenDRIVE>{header}{road}</OpenDRIVE>")
    start = world_map.get_waypoint_xodr(1, -1, 5.0)
    assert len(route.lane_line(start)) == pytest.approx(2.0 * math.pi * 30.0 - 5.0, abs=1.5)
