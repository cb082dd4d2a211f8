"""Where a car is, from what a real one has: satellite receiver, compass and speedometer.

CARLA's receiver sends degrees of latitude and longitude on a spherical Mercator map, whose scale
is that of the town's reference latitude. Here (x, y) are CARLA's metres.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

EARTH_RADIUS = 6378137.0  # m, of CARLA's sphere
#: Share of each reading in the position. The noise of the Leaderboard's receiver, half a metre
#: a reading, becomes 6 cm, and an error of the start is forgotten within seconds.
SHARE = 0.02


@dataclasses.dataclass(frozen=True)
class Projection:
    """The map from degrees to metres: `scale` times Mercator's metres, from an origin in both."""

    scale: float
    origin: tuple[float, float]
    metres: tuple[float, float]

    def position(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Return CARLA's (x, y), m; y grows to the south."""
        east, north = _mercator(np.array([[latitude, longitude]]))[0]
        x = self.metres[0] + self.scale * (east - self.origin[0])
        y = self.metres[1] - self.scale * (north - self.origin[1])
        return float(x), float(y)


def _mercator(degrees: np.ndarray) -> np.ndarray:
    """Return (east, north) in m (N, 2) of (latitude, longitude) in degrees (N, 2)."""
    latitude, longitude = np.radians(np.asarray(degrees, np.float64)).T
    north = np.log(np.tan(0.25 * math.pi + 0.5 * latitude))
    return EARTH_RADIUS * np.stack([longitude, north], axis=1)


def fit_projection(degrees: np.ndarray, places: np.ndarray) -> Projection:
    """Return the projection by which (latitude, longitude) (N, 2) lie at (x, y) (N, 2), m.

    The same points in both, as a plan gives them, tell the scale; ValueError for a single point.
    """
    plane = _mercator(degrees)
    here = np.asarray(places, np.float64)
    offset, away = plane - plane.mean(axis=0), here - here.mean(axis=0)
    square = float((offset**2).sum())
    if square < 1.0:
        raise ValueError("a plan needs two points that are a metre apart or more")
    scale = float((offset[:, 0] * away[:, 0] - offset[:, 1] * away[:, 1]).sum()) / square
    east, north = plane.mean(axis=0)
    x, y = here.mean(axis=0)
    return Projection(scale, (float(east), float(north)), (float(x), float(y)))


@dataclasses.dataclass(frozen=True)
class Fix:
    """An estimate of the place, (x, y) in m. count: readings in it, which weighs the next."""

    x: float
    y: float
    count: int = 1


def first_fix(reading: tuple[float, float], expected: tuple[float, float], near: float) -> Fix:
    """Return the expected place, where the first reading is within `near` m of it, or the reading.

    A route's car starts at its first point, which is more exact than one reading.
    """
    if math.dist(reading, expected) <= near:
        return Fix(*expected, count=round(1.0 / SHARE))
    return Fix(*reading)


def follow(fix: Fix, reading: tuple[float, float], yaw: float, speed: float, seconds: float) -> Fix:
    """Return the next estimate: on by `speed` m/s along `yaw` rad, then towards the reading."""
    x = fix.x + speed * math.cos(yaw) * seconds
    y = fix.y + speed * math.sin(yaw) * seconds
    count = fix.count + 1
    share = max(1.0 / count, SHARE)
    return Fix(x + share * (reading[0] - x), y + share * (reading[1] - y), count)
