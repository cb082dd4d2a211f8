"""Traffic light phases and stop zones, on a junction made for the test."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from envs.standin.fleet import Fleet
from envs.standin.lights import GREEN, RED, YELLOW, TrafficLights
from envs.standin.vehicle_fit import model_of


def _signal(group: int, x: float, yaw: float, junction: int = 7) -> SimpleNamespace:
    box = np.array([[x, 0.0, 0.0, 6.0, 1.5, yaw]])
    return SimpleNamespace(id=str(group), junction=junction, phase_group=group, boxes=box)


@pytest.fixture
def lights() -> TrafficLights:
    signals = (_signal(0, -20.0, 0.0), _signal(0, 20.0, 180.0), _signal(1, -60.0, 90.0))
    return TrafficLights(signals, [11, 12, 13])


def _at(lights: TrafficLights, seconds: float) -> list[int]:
    for _ in range(round(seconds / 0.05)):
        lights.step(0.05)
    return lights.state.tolist()


def test_groups_take_turns_with_yellow_and_all_red_between(lights):
    assert lights.state.tolist() == [GREEN, GREEN, RED]
    assert _at(lights, 10.0) == [YELLOW, YELLOW, RED]
    assert _at(lights, 3.0) == [RED, RED, RED]
    assert _at(lights, 2.0) == [RED, RED, GREEN]
    assert _at(lights, 15.0) == [GREEN, GREEN, RED]


def test_elapsed_counts_from_the_change(lights):
    _at(lights, 10.5)
    assert lights.elapsed.tolist() == pytest.approx([0.5, 0.5, 10.5])


def test_frozen_lights_keep_what_they_are_told(lights):
    lights.frozen = True
    lights.set_state(2, GREEN)
    assert _at(lights, 60.0) == [GREEN, GREEN, GREEN]


def test_reset_starts_the_cycle_anew(lights):
    _at(lights, 13.5)
    lights.reset()
    assert lights.state.tolist() == [GREEN, GREEN, RED]
    assert lights.group(0) == [11, 12, 13]


def test_vehicle_in_the_zone_and_facing_along_it_is_at_the_light(lights):
    fleet = Fleet()
    for number in range(4):
        fleet.add(number, model_of("vehicle.audi.tt"))
    fleet.x[:] = (-20.0, -20.0, 20.0, 0.0)
    fleet.yaw[:] = (0.0, np.pi, np.pi, 0.0)
    assert lights.facing(fleet).tolist() == [0, -1, 1, -1]


def test_no_lights_no_trouble():
    empty = TrafficLights((), [])
    empty.step(0.05)
    fleet = Fleet()
    fleet.add(1, model_of("vehicle.audi.tt"))
    assert empty.facing(fleet).tolist() == [-1]


def test_the_body_touches_the_zone_from_bumper_to_bumper():
    """A zone from x = -4.5 to -1.5, 1.75 m wide, for a car of half length and half width."""
    box = np.array([[-3.0, 0.0, 0.0, 1.5, 0.875, 0.0]])
    light = SimpleNamespace(id="0", junction=1, phase_group=0, boxes=box)
    lights, model = TrafficLights((light,), [11]), model_of("vehicle.audi.tt")
    edges = {"long": (1.5 + model.half_length, 0.0), "wide": (0.0, 0.875 + model.half_width)}
    for x, y in edges.values():
        for sign in (-1.0, 1.0):
            for scale, expected in ((0.98, 0), (1.02, -1)):
                fleet = Fleet()
                fleet.add(1, model)
                fleet.x[:], fleet.y[:] = -3.0 + sign * scale * x, sign * scale * y
                assert lights.facing(fleet).tolist() == [expected]
