"""Vehicle dynamics: published figures, and what any car must do."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from envs.standin import dynamics
from envs.standin.figures import published, simulated
from envs.standin.fleet import Fleet
from envs.standin.vehicle_fit import model_of
from envs.standin.vehicle_table import BY_NAME, VEHICLES

FLAT = np.array([[0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def results():
    return simulated()


@pytest.mark.parametrize("spec", VEHICLES, ids=lambda spec: spec.name)
def test_vehicle_meets_its_published_figures(spec, results):
    said, done = published(spec), results[spec.name]
    if math.isfinite(said.zero_to_hundred):
        assert done.zero_to_hundred == pytest.approx(said.zero_to_hundred, rel=0.10)
    assert done.top_speed == pytest.approx(said.top_speed, rel=0.02, abs=1.0)
    if said.top_speed > 60:
        assert done.braking == pytest.approx(said.braking, rel=0.03)
    assert done.turning_circle == pytest.approx(said.turning_circle, rel=0.02)


def _car(name: str = "vehicle.tesla.model3", **values: float) -> Fleet:
    fleet = Fleet()
    fleet.add(1, model_of(name))
    for field, value in values.items():
        getattr(fleet, field)[:] = value
    return fleet


def _drive(fleet: Fleet, seconds: float, dt: float = 0.05, substeps: int = 5, normal=FLAT) -> None:
    for _ in range(round(seconds / dt)):
        dynamics.advance(fleet, dt, substeps, np.zeros(1), normal)
        dynamics.report(fleet, dt)


def test_parked_car_stays_put():
    fleet = _car()
    _drive(fleet, 5.0)
    assert np.all(fleet.data[:6] == 0.0)


def test_lateral_acceleration_never_exceeds_the_grip():
    fleet = _car(vx=30.0, wx=30.0, steer=1.0, throttle=1.0)
    for _ in range(200):
        _drive(fleet, 0.05)
        acceleration = math.hypot(float(fleet.ax[0]), float(fleet.ay[0]))
        assert acceleration <= 1.15 * dynamics.SIDE_GRIP * float(fleet.grip[0]) * 9.81 + 1.0


def test_turn_at_low_speed_follows_the_wheels():
    fleet = _car(vx=2.0, steer=0.2)
    for _ in range(100):
        fleet.vx[:] = 2.0
        _drive(fleet, 0.05)
    expected = (
        2.0 * math.tan(float(fleet.steer_angle[0])) / model_of("vehicle.tesla.model3").wheelbase
    )
    assert float(fleet.yaw_rate[0]) == pytest.approx(expected, rel=0.02)


def test_steering_right_turns_clockwise_and_reverse_goes_back():
    fleet = _car(throttle=0.5, steer=0.2)
    _drive(fleet, 2.0)
    assert fleet.yaw[0] > 0.05
    assert fleet.y[0] > 0
    fleet = _car(throttle=0.5, reverse=1.0)
    _drive(fleet, 2.0)
    assert fleet.x[0] < -1.0


def test_steering_loses_gain_with_speed():
    angles = []
    for speed in (1.0, 35.0):
        fleet = _car(vx=speed, steer=0.1)
        for _ in range(20):
            fleet.vx[:] = speed
            _drive(fleet, 0.05)
        angles.append(float(fleet.steer_angle[0]))
    assert angles[1] == pytest.approx(0.7 * angles[0], rel=0.03)


def test_without_grip_nothing_slows_a_car_but_the_air():
    fleet = _car(vx=20.0, grip=0.0, drag=0.0, brake=1.0, steer=1.0)
    _drive(fleet, 5.0)
    assert math.hypot(float(fleet.wx[0]), float(fleet.wy[0])) == pytest.approx(20.0, abs=1e-6)
    assert fleet.yaw[0] == 0.0


def test_hand_brake_stops_later_than_the_foot_brake():
    distances = []
    for pedal in ("brake", "hand_brake"):
        fleet = _car(vx=15.0, **{pedal: 1.0})
        _drive(fleet, 12.0)
        assert fleet.vx[0] == 0.0
        distances.append(float(fleet.x[0]))
    assert distances[1] > 1.5 * distances[0]


def test_brake_holds_on_a_slope_and_release_rolls_down():
    normal = np.array([[-0.1, 0.0, math.sqrt(1 - 0.01)]])
    fleet = _car(brake=1.0)
    _drive(fleet, 3.0, normal=normal)
    assert fleet.x[0] == pytest.approx(0.0, abs=1e-6)
    fleet.brake[:] = 0.0
    _drive(fleet, 3.0, normal=normal)
    assert fleet.x[0] < -0.5
    assert math.degrees(fleet.pitch[0]) == pytest.approx(5.7, abs=0.5)


def test_car_falls_to_the_ground_and_stays():
    fleet = _car(z=0.5)
    _drive(fleet, 1.0)
    assert fleet.z[0] == 0.0
    assert fleet.vz[0] == 0.0


def test_cars_that_are_switched_off_keep_their_place():
    fleet = _car(vx=10.0, physics=0.0)
    _drive(fleet, 1.0)
    assert fleet.x[0] == 0.0
    assert fleet.wx[0] == 0.0


@pytest.mark.parametrize(("dt", "substeps"), [(0.05, 1), (0.1, 1), (0.02, 2), (0.05, 16)])
def test_step_size_hardly_matters(dt, substeps):
    reference = _car(throttle=0.7, steer=0.05)
    _drive(reference, 6.0, 0.005, 1)
    fleet = _car(throttle=0.7, steer=0.05)
    _drive(fleet, 6.0, dt, substeps)
    moved = math.hypot(float(fleet.x[0] - reference.x[0]), float(fleet.y[0] - reference.y[0]))
    length = math.hypot(float(reference.x[0]), float(reference.y[0]))
    assert moved < 0.04 * length
    assert float(fleet.vx[0]) == pytest.approx(float(reference.vx[0]), rel=0.03)


def test_vehicles_do_not_influence_each_other_in_the_arrays():
    alone = _car("vehicle.audi.tt", throttle=0.6, steer=0.1)
    _drive(alone, 3.0)
    together = Fleet()
    for number, name in enumerate(
        ("vehicle.tesla.model3", "vehicle.audi.tt", "vehicle.bh.crossbike")
    ):
        together.add(number, model_of(name))
    together.throttle[:], together.steer[:] = 0.6, 0.1
    for _ in range(60):
        dynamics.advance(together, 0.05, 5, np.zeros(3), np.repeat(FLAT, 3, axis=0))
        dynamics.report(together, 0.05)
    assert np.array_equal(together.data[:13, 1], alone.data[:13, 0])


FIELDS = {
    "length (m)": "length",
    "width (m)": "width",
    "height (m)": "height",
    "wheelbase (m)": "wheelbase",
    "mass (kg)": "mass",
    "power (kW)": "power",
    "0-100 (s)": "zero_to_hundred",
    "top speed (km/h)": "top_speed",
    "braking (m)": "braking_100_0",
    "turning circle (m)": "turning_circle",
}


def test_the_table_agrees_with_its_sources():
    path = Path(__file__).parents[3] / "docs" / "vehicle_sources.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["vehicle"] for row in rows}) == 19
    for row in rows:
        ours = getattr(BY_NAME["vehicle." + row["vehicle"]], FIELDS[row["figure"]])
        assert ours == pytest.approx(float(row["source"]), rel=0.05), row
        assert ours == pytest.approx(float(row["table"]), rel=1e-4), row
        assert row["address"].startswith("http")
