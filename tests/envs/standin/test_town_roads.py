"""The built-in towns as road networks, read by the genuine client's map."""

import math

import carla
import networkx as nx
import numpy as np
import pytest

from envs.standin.picture.paint import ASPHALT, TRACK, WHITE, paint
from envs.standin.town import TOWNS, load_town, town_from_opendrive
from envs.standin.town.curves import Pose, connect, length_of, pose_at, rounded
from tests.envs.standin.town_support import client_map, lane_graph, town


@pytest.mark.parametrize("name", TOWNS)
def test_one_can_drive_from_anywhere_to_anywhere(name):
    graph = lane_graph(client_map(name))
    assert nx.is_strongly_connected(graph)


@pytest.mark.parametrize("name", TOWNS)
def test_the_topology_holds_every_driving_lane(name):
    driving = {(s.road, s.lane) for s in town(name).road_map.driving()}
    assert set(lane_graph(client_map(name)).nodes) == driving


@pytest.mark.parametrize("name", TOWNS)
def test_long_routes_exist(name):
    graph = lane_graph(client_map(name))
    start = next(iter(graph.nodes))
    lengths = nx.single_source_dijkstra_path_length(graph, start, weight="length")
    assert max(lengths.values()) >= 500.0


def test_the_first_town_has_junctions_straights_and_curves():
    carla_map = client_map("Town01")
    junctions = {w.junction_id for w in carla_map.generate_waypoints(5.0) if w.is_junction}
    low, high = town("Town01").road_map.bounds()
    turns = [
        abs(float(np.unwrap(strip.yaw)[-1] - strip.yaw[0]))
        for strip in town("Town01").road_map.driving(junction=False)
    ]
    assert len(junctions) >= 12
    assert (high - low > 300.0).all()
    assert (high - low < 500.0).all()
    assert min(turns) < 0.01
    assert max(turns) > math.radians(60.0)


@pytest.mark.parametrize("name", TOWNS)
def test_lanes_join_without_a_step(name):
    """Where one lane leads onto the next there is no gap, no kink and no jump in height."""
    for begin, end in client_map(name).get_topology():
        lane = [begin, *begin.next_until_lane_end(1.0)]
        following = (
            [w for w in lane[-1].next(1.2) if (w.road_id, w.lane_id) == (end.road_id, end.lane_id)]
            if begin.road_id != end.road_id
            else []
        )
        for waypoint in following:
            here, there = lane[-1].transform, waypoint.transform
            turn = math.remainder(there.rotation.yaw - here.rotation.yaw, 360.0)
            assert here.location.distance(there.location) < 1.6
            assert abs(turn) < 25.0


def test_opposite_traffic_keeps_right():
    strips = town("Town01").road_map.driving(junction=False)
    for strip in strips:
        across = strip.right - strip.left
        side = np.cos(strip.yaw) * across[:, 1] - np.sin(strip.yaw) * across[:, 0]
        assert (side > 3.0).all()
        middle = strip.centre[len(strip.centre) // 2]
        left = carla.Location(*(middle - across[len(across) // 2]).tolist())
        other = client_map("Town01").get_waypoint(left)
        turn = other.transform.rotation.yaw - math.degrees(strip.yaw[len(strip.yaw) // 2])
        assert abs(math.remainder(turn, 360.0)) > 150.0


def test_text_is_the_same_every_time():
    assert load_town("Town01").opendrive == town("Town01").opendrive


def test_an_unknown_town_lists_those_there_are():
    with pytest.raises(ValueError, match="Town01"):
        load_town("Town99")


def test_a_foreign_map_becomes_a_town_again():
    again = town_from_opendrive(town("Town01").opendrive, "Town01")
    assert np.array_equal(again.spawn_points, town("Town01").spawn_points)
    assert np.array_equal(again.obstacles, town("Town01").obstacles)


def test_text_without_roads_is_refused():
    with pytest.raises(ValueError, match="OpenDRIVE"):
        town_from_opendrive("<OpenDRIVE><header revMajor='1' revMinor='4'/></OpenDRIVE>", "x")


@pytest.mark.parametrize(
    ("x", "y", "heading"), [(10, 10, 90), (20, 4, 0), (20, -4, 17), (-5, 12, 115), (0, 7, 180)]
)
def test_curves_end_where_they_should(x, y, heading):
    goal = Pose(x, y, math.radians(heading))
    curve = connect(Pose(0.0, 0.0, 0.0), goal)
    end = pose_at(curve, length_of(curve))
    assert (end.x, end.y) == pytest.approx((x, y), abs=1e-6)
    assert math.remainder(end.heading - goal.heading, math.tau) == pytest.approx(0.0, abs=1e-6)


def test_arcs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        rounded([(0, 0), (10, 0), (10, 10), (0, 10)], [8.0, 8.0])


def test_the_client_reads_the_speed_and_lane_widths():
    waypoint = client_map("Town01").generate_waypoints(50.0)[0]
    assert waypoint.lane_width == pytest.approx(3.5, abs=0.26)
    assert waypoint.lane_type == carla.LaneType.Driving


@pytest.mark.parametrize(
    ("name", "count"), [("Town01", 0), ("Town03", 10), ("Town05", 26), ("Town10HD", 28)]
)
def test_crosswalks_lie_on_asphalt_beyond_the_stop_line_and_are_striped(name, count):
    corners = client_map(name).get_crosswalks()
    assert len(corners) == 5 * count
    outlines = town(name).road_map.crosswalks
    assert len(outlines) == count
    texture = paint(town(name)) if count else None
    for outline in outlines:
        edges = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
        assert min(edges) == pytest.approx(3.0, abs=0.05)
        assert max(edges) in (pytest.approx(8.4, abs=0.3), pytest.approx(15.6, abs=0.6))
        shares = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 60), np.linspace(0.1, 0.9, 20)), -1)
        places = outline[0] + shares.reshape(-1, 2) @ np.stack(
            [outline[1] - outline[0], outline[3] - outline[0]]
        )
        column, row = ((places - texture.low) / texture.cell).astype(int).T
        seen = texture.surface[row, column]
        assert np.isin(seen, [ASPHALT, TRACK, WHITE]).mean() > 0.9
        assert 0.4 < (seen == WHITE).mean() < 0.7
