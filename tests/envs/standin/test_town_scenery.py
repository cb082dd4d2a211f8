"""Where cars start and what stands beside the roads."""

import numpy as np
import pytest

from envs.standin.town import TOWNS, load_town
from tests.envs.standin.town_support import client_map, town


@pytest.mark.parametrize("name", TOWNS)
def test_a_hundred_cars_and_more_can_start(name):
    points = town(name).spawn_points
    gaps = np.hypot(*(points[:, None, :2] - points[None, :, :2]).transpose(2, 0, 1))
    np.fill_diagonal(gaps, np.inf)
    assert points.shape[0] >= 120
    assert points.shape[1] == 6
    assert gaps.min() > 3.0


@pytest.mark.parametrize("name", TOWNS)
def test_cars_start_in_lane_along_it_and_off_junctions(name):
    import carla

    for x, y, z, _, yaw, _ in town(name).spawn_points:
        waypoint = client_map(name).get_waypoint(carla.Location(x, y, z), project_to_road=True)
        place = waypoint.transform.location
        assert np.hypot(place.x - x, place.y - y) < 0.3
        assert abs((waypoint.transform.rotation.yaw - yaw + 180) % 360 - 180) < 5.0
        assert not waypoint.is_junction
        assert 0.1 < z - place.z < 0.6


@pytest.mark.parametrize("name", TOWNS)
def test_cars_on_one_lane_start_far_apart(name):
    import carla

    lanes: dict[tuple[int, int], list[np.ndarray]] = {}
    for row in town(name).spawn_points:
        waypoint = client_map(name).get_waypoint(carla.Location(*row[:3]))
        lanes.setdefault((waypoint.road_id, waypoint.lane_id), []).append(row[:2])
    for places in lanes.values():
        table = np.array(places)
        gaps = np.hypot(*(table[:, None] - table[None]).transpose(2, 0, 1))
        np.fill_diagonal(gaps, np.inf)
        # Along a bend the straight distance is a little shorter than the way.
        assert gaps.min() > 10.0


@pytest.mark.parametrize("name", TOWNS)
def test_nothing_stands_on_a_driving_lane(name):
    """No lane centre, and no place a car's half width beside it, is inside an obstacle."""
    rows = town(name).obstacles
    angle = np.radians(rows[:, 6])
    for strip in town(name).road_map.driving():
        across = strip.right - strip.left
        for share in (0.0, 0.2, 0.5, 0.8, 1.0):
            points = (strip.left + share * across)[:, :2]
            dx = points[:, 0, None] - rows[:, 0]
            dy = points[:, 1, None] - rows[:, 1]
            along = np.abs(dx * np.cos(angle) + dy * np.sin(angle)) - rows[:, 3]
            beside = np.abs(dy * np.cos(angle) - dx * np.sin(angle)) - rows[:, 4]
            assert (np.maximum(along, beside) > 0.05).all()


@pytest.mark.parametrize("name", TOWNS)
def test_the_town_is_furnished(name):
    scenery = town(name).scenery
    heights = scenery.buildings["height"]
    assert len(scenery.buildings) > 30
    assert len(scenery.trees) > 100
    assert len(scenery.lamps) > 20
    assert heights.std() > 2.0
    assert len(np.unique(scenery.buildings["wall"], axis=0)) > 10


def test_scenery_is_the_same_every_time():
    again = load_town("Town01")
    assert again.obstacles.tobytes() == town("Town01").obstacles.tobytes()
    assert again.spawn_points.tobytes() == town("Town01").spawn_points.tobytes()


@pytest.mark.parametrize("name", TOWNS)
def test_heights_follow_the_road(name):
    for strip in town(name).road_map.driving():
        height, normal = town(name).height(strip.centre[:, :2])
        assert np.abs(height - strip.centre[:, 2]).max() < 0.12
        assert (normal[:, 2] > 0.9).all()
        assert np.linalg.norm(normal, axis=1) == pytest.approx(1.0)
