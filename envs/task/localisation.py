"""Where a car is, from noisy readings of its place, its heading and its speed."""

from __future__ import annotations

import dataclasses
import math

from envs.task.route import wrap_angle

#: Share of each reading in the place. The noise of the Leaderboard's receiver, half a metre a
#: reading, becomes 6 cm, and an error of the start is forgotten within seconds.
SHARE = 0.02
REAR = 1.4  # m from the rear axle, which goes where the car heads, to the centre of most cars


@dataclasses.dataclass(frozen=True)
class Fix:
    """An estimate of the place, (x, y) in m, and heading, rad. count: readings in it, by which
    the next one is weighed."""

    x: float
    y: float
    yaw: float
    count: int = 1


def first_fix(
    reading: tuple[float, float], yaw: float, expected: tuple[float, float], near: float
) -> Fix:
    """Return the expected place, where the first reading is within `near` m of it, or the reading.

    A route's car starts at its first point, which is more exact than one reading.
    """
    if math.dist(reading, expected) <= near:
        return Fix(*expected, yaw, count=round(1.0 / SHARE))
    return Fix(*reading, yaw)


def follow(fix: Fix, reading: tuple[float, float], yaw: float, speed: float, seconds: float) -> Fix:
    """Return the next estimate: on by `speed` m/s along `yaw` rad, then towards the reading.

    In a bend the centre is carried to the inside, since it lies before the rear axle.
    """
    aside = REAR * wrap_angle(yaw - fix.yaw)
    x = fix.x + speed * math.cos(yaw) * seconds - math.sin(yaw) * aside
    y = fix.y + speed * math.sin(yaw) * seconds + math.cos(yaw) * aside
    count = fix.count + 1
    share = max(1.0 / count, SHARE)
    return Fix(x + share * (reading[0] - x), y + share * (reading[1] - y), yaw, count)
