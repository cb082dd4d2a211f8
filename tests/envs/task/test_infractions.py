"""What a tick broke, by name."""

from __future__ import annotations

import pytest

from envs.task.infractions import infractions
from tests.envs.task.task_support import cruising


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"collision": True, "collision_kind": "vehicle"}, ["collision_vehicle"]),
        ({"collision": True}, ["collision_static"]),
        ({"lane_invasions": 2}, ["lane_invasion"]),
        ({"corner_off_road": True}, ["off_road"]),
    ],
)
def test_each_is_named(changes, names):
    assert infractions(cruising(), cruising(**changes), False) == names


def test_a_red_light_comes_beside_others():
    assert infractions(cruising(), cruising(lane_invasions=1), True) == [
        "red_light",
        "lane_invasion",
    ]


def test_a_car_that_stays_off_the_road_left_it_once():
    outside = cruising(corner_off_road=True)
    assert infractions(outside, outside, False) == []
