"""What a tick is judged by: red lights run, and kinds of what was hit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envs.world.perception import kind_of, ran_red
from tests.envs.task.task_support import cruising


def test_a_red_light_is_run_by_driving_past_it_into_the_junction():
    before = cruising(red_light=True)
    inside = cruising(in_junction=True)
    assert ran_red(before, inside)
    assert ran_red(before, replace(inside, red_light=True))
    assert not ran_red(before, before)
    assert not ran_red(cruising(), inside)
    assert not ran_red(inside, inside)
    assert not ran_red(before, replace(inside, speed=0.0))


def test_yellow_is_a_reason_to_stop_but_may_be_passed():
    before = cruising(yellow_light=True)
    assert before.waits
    assert not ran_red(before, cruising(in_junction=True))


@pytest.mark.parametrize(
    ("blueprint", "kind"),
    [
        ("walker.pedestrian.0001", "pedestrian"),
        ("vehicle.tesla.model3", "vehicle"),
        ("static.prop.mailbox", "static"),
        ("traffic.traffic_light", "static"),
    ],
)
def test_what_was_hit_is_of_one_of_three_kinds(blueprint: str, kind: str) -> None:
    assert kind_of(blueprint) == kind
