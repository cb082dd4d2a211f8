"""A short drive in two towns: rows of what was seen, and nothing left behind."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from launch.studies.town_endurance import _LINGERS, _Watch, draw_towns, soak_towns, summary_of_towns


def _at(x: float, y: float, speed: float) -> Any:
    place = SimpleNamespace(location=SimpleNamespace(x=x, y=y))
    return SimpleNamespace(
        get_transform=lambda: place, get_velocity=lambda: SimpleNamespace(length=lambda: speed)
    )


class Straight:
    """A map of one lane along the x axis, 4 m wide."""

    def get_waypoint(self, here: Any) -> Any:
        on_it = SimpleNamespace(location=SimpleNamespace(x=here.x, y=0.0))
        return SimpleNamespace(transform=on_it, lane_width=4.0)


def test_what_stands_leaves_the_road_or_lingers_in_it_is_counted() -> None:
    watch = _Watch(Straight(), cars=[1, 2, 3], people=[4, 5])
    scene = {1: _at(0, 0, 9.0), 2: _at(9, 2.5, 9.0), 3: _at(9, 0, 0.0)}
    scene |= {4: _at(5, 1, 0.0), 5: _at(5, 3, 0.0)}  # in the road, beside it
    for _ in range(20):
        watch.second(SimpleNamespace(find=scene.get))
    row = watch.minute()
    assert math.isclose(row["standing"], 1 / 3, abs_tol=1e-3)
    assert math.isclose(row["off_road"], 1 / 3, abs_tol=1e-3)
    assert row["longest_stand_s"] == 20
    assert row["walkers_in_road"] == 20 - _LINGERS + 1
    scene[3], scene[4] = _at(9, 0, 5.0), _at(5, 1, 1.0)
    watch.second(SimpleNamespace(find=scene.get))
    row = watch.minute()
    assert (row["standing"], row["longest_stand_s"], row["walkers_in_road"]) == (0.0, 0, 0)


def test_a_car_that_was_removed_neither_stands_nor_leaves_the_road() -> None:
    watch = _Watch(Straight(), cars=[1, 2], people=[])
    scene = {1: _at(0, 0, 9.0), 2: _at(9, 0, 0.0)}
    watch.second(SimpleNamespace(find=scene.get))
    del scene[2]
    watch.second(SimpleNamespace(find=scene.get))
    row = watch.minute()
    assert (row["cars"], row["cars_removed"], row["longest_stand_s"]) == (1, 1, 0)
    assert math.isclose(row["standing"], 1 / 3, abs_tol=1e-3)
    assert row["off_road"] == 0.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_towns_one_after_the_other_leave_nothing_behind(tmp_path) -> None:
    rows = list(soak_towns(["Town02", "Town01"], minutes=1, vehicles=10, walkers=5))
    assert [row["town"] for row in rows] == ["Town02", "Town01"]
    assert [(row["cars"], row["walkers"], row["actors"]) for row in rows] == [(10, 5, 15)] * 2
    assert all(row["recording_mb"] > 0 for row in rows)
    assert rows[1]["open_files"] <= rows[0]["open_files"]
    draw_towns(rows, tmp_path / "towns.png")
    assert (tmp_path / "towns.png").stat().st_size > 0
    assert [line.partition(":")[0] for line in summary_of_towns(rows)] == ["Town02", "Town01"]
