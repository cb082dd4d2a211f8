"""Prints what each vehicle is said to do beside what it does: `python -m envs.standin.figures`.

All vehicles drive at once, on flat dry ground, with the world's own physics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.standin import dynamics
from envs.standin.fleet import Fleet
from envs.standin.vehicle_fit import TRACK_SHARE, model_of
from envs.standin.vehicle_table import VEHICLES, VehicleSpec

Array = NDArray[np.float64]

_DT, _SUBSTEPS = 0.05, 5
_HUNDRED = 100 / 3.6


@dataclass(frozen=True)
class Figures:
    """Seconds to 100 km/h, top speed in km/h, metres from 100 km/h to rest, turning circle in m."""

    zero_to_hundred: float
    top_speed: float
    braking: float
    turning_circle: float


def _fleet() -> tuple[Fleet, Array, Array]:
    fleet = Fleet()
    for number, spec in enumerate(VEHICLES):
        fleet.add(number, model_of(f"vehicle.{spec.name}"))
    count = len(VEHICLES)
    return fleet, np.zeros(count), np.tile([0.0, 0.0, 1.0], (count, 1))


def _drive(fleet: Fleet, ground: Array, normal: Array) -> None:
    dynamics.advance(fleet, _DT, _SUBSTEPS, ground, normal)
    dynamics.report(fleet, _DT)


def sprint() -> tuple[Array, Array]:
    """Seconds to 100 km/h (inf where never reached) and top speed in km/h."""
    fleet, ground, normal = _fleet()
    fleet.throttle[:] = 1.0
    reached = np.full(len(fleet), np.inf)
    for step in range(1, int(180 / _DT)):
        before = fleet.vx.copy()
        _drive(fleet, ground, normal)
        passed = np.isinf(reached) & (fleet.vx >= _HUNDRED)
        part = (_HUNDRED - before) / np.maximum(fleet.vx - before, 1e-9)
        reached[passed] = (step - 1 + part[passed]) * _DT
    return reached, fleet.vx * 3.6


def braking() -> Array:
    """Metres from 100 km/h to rest with the brake fully on."""
    fleet, ground, normal = _fleet()
    fleet.vx[:] = _HUNDRED
    fleet.brake[:] = 1.0
    for _ in range(int(15 / _DT)):
        _drive(fleet, ground, normal)
    return fleet.x.copy()


def turning_circle() -> Array:
    """Diameter of the outer front wheel's circle at full lock and walking pace, m."""
    fleet, ground, normal = _fleet()
    fleet.steer[:] = 1.0
    speed = 1.5
    for _ in range(int(10 / _DT)):
        fleet.vx[:] = speed
        _drive(fleet, ground, normal)
    radius = speed / np.maximum(fleet.yaw_rate, 1e-6)
    track = np.array([TRACK_SHARE * s.width if s.wheels == 4 else 0.0 for s in VEHICLES])
    lateral = fleet.vy / np.maximum(fleet.yaw_rate, 1e-6)
    return 2 * np.hypot(radius + track / 2, fleet.half_base + lateral)


def simulated() -> dict[str, Figures]:
    """Return every vehicle's figures by name."""
    columns = zip(*sprint(), braking(), turning_circle(), strict=True)
    return {
        spec.name: Figures(*map(float, values))
        for spec, values in zip(VEHICLES, columns, strict=True)
    }


def published(spec: VehicleSpec) -> Figures:
    """A vehicle's published figures; inf where it does not reach 100 km/h or none is known."""
    return Figures(
        spec.zero_to_hundred or math.inf, spec.top_speed, spec.braking_100_0, spec.turning_circle
    )


def main() -> None:
    """Print the table."""
    titles = ("0-100 s", "top km/h", "100-0 m", "circle m")
    print(f"{'published / simulated':28}" + "".join(f"{title:>14}" for title in titles))
    results = simulated()
    for spec in VEHICLES:
        said, done = published(spec), results[spec.name]
        pairs = (
            (said.zero_to_hundred, done.zero_to_hundred),
            (said.top_speed, done.top_speed),
            (said.braking, done.braking),
            (said.turning_circle, done.turning_circle),
        )
        cells = "".join(f"{a:7.1f}{b:7.1f}" for a, b in pairs).replace("inf", "  -")
        print(f"{spec.name:28}{cells}")


if __name__ == "__main__":
    main()
