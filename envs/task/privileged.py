"""What the simulator knows of a state, as numbers in [-1, 1] for a critic or a teacher.

They are read where expert and reward read them: speeds that are allowed (`allowed`), the gap, the
next light, crossing traffic (`foresight`), and the road. Infinite metres, seconds and speeds are 1.
A policy that drives by pictures never sees them.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np

from envs.config import TaskConfig
from envs.task.allowed import bend_speed, gap_speed, light_speed
from envs.task.ego_state import EgoState
from envs.task.foresight import PEOPLE_HALF
from envs.task.observation import HEADING_SCALE, LATERAL_SCALE
from envs.task.passages import Passage
from envs.task.route import Route, make_route, to_vehicle_frame
from envs.task.surroundings import NOBODY, NearbyActors, within
from envs.task.termination import Timers

METRES = 50.0
SECONDS = 10.0
SPEED = 10.0  # m/s, of others
ACCELERATION = 8.0  # m/s^2
YAW_RATE = 1.0  # rad/s
TURN_METRES = (2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0)  # ahead, at which the road's turn is read
POINT_METRES = (2.5, 5.0, 10.0)  # ahead, at which its offset is
CARS, PEOPLE = 4, 1  # the nearest that are described
SIGHT = 50.0  # m within which they are


@dataclasses.dataclass(frozen=True)
class Scene:
    """All that the numbers are made of.

    passages: the route's junctions; waited: seconds that the ego has stood; action: the last one;
    half: the ego's half length, m.
    """

    ego: EgoState
    route: Route
    task: TaskConfig
    timers: Timers = dataclasses.field(default_factory=Timers)
    others: NearbyActors = dataclasses.field(default_factory=lambda: NOBODY)
    passages: tuple[Passage, ...] = ()
    waited: float = 0.0
    action: tuple[float, float] = (0.0, -1.0)
    half: float = 2.4


def vector(scene: Scene) -> np.ndarray:
    """Return float32 (P,) in [-1, 1], in the order of `names()`."""
    values = np.array(list(numbers(scene).values()))
    return np.clip(values, -1.0, 1.0).astype(np.float32)


@functools.cache
def names() -> tuple[str, ...]:
    """Return what each number is."""
    road = make_route(np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))
    return tuple(numbers(Scene(EgoState(), road, TaskConfig())))


def numbers(scene: Scene) -> dict[str, float]:
    """Return every number by name, over its scale and not yet clipped."""
    return {
        **_motion(scene),
        **_speeds(scene),
        **_ahead(scene),
        **_crossing(scene),
        **_road(scene),
        **_others(scene),
    }


def _motion(scene: Scene) -> dict[str, float]:
    ego, task, timers = scene.ego, scene.task, scene.timers
    return {
        "speed": ego.speed / (2.0 * task.target_speed),
        "acceleration": ego.acceleration[0] / ACCELERATION,
        "sideways": ego.acceleration[1] / ACCELERATION,
        "yaw_rate": ego.yaw_rate / YAW_RATE,
        "steering": scene.action[0],
        "pedal": scene.action[1],
        "lateral": ego.position.lateral / LATERAL_SCALE,
        "heading": ego.position.heading / HEADING_SCALE,
        "remaining": ego.remaining / METRES,
        "off_road": timers.off_road / task.off_road_seconds,
        "standing": timers.standing / task.stuck_seconds,
        "waited": scene.waited / SECONDS,
    }


def _speeds(scene: Scene) -> dict[str, float]:
    """The speed that each reason allows, and how far the ego is above the least, over the target's.

    They are those of `allowed_speed`, each by itself.
    """
    ego, target = scene.ego, scene.task.target_speed
    reasons = {
        "bend": bend_speed(scene.route, ego.position.distance),
        "gap": gap_speed(ego),
        "light": light_speed(ego),
        "crossing": ego.crossing.speed,
    }
    least = min(target, *reasons.values())
    speeds = {f"{name}_speed": speed / target for name, speed in reasons.items()}
    return {**speeds, "allowed": least / target, "excess": (ego.speed - least) / target}


def _ahead(scene: Scene) -> dict[str, float]:
    ego = scene.ego
    until = ego.gap / ego.closing if ego.closing > 0.1 else math.inf
    lead = ego.speed - ego.closing if math.isfinite(ego.gap) else math.inf
    return {
        "gap": ego.gap / METRES,
        "closing": ego.closing / SPEED,
        "lead_speed": lead / SPEED,
        "collision_seconds": until / SECONDS,
        "light": ego.light / METRES,
        "light_closed": float(ego.light_closed),
        "red": float(ego.red_light),
        "yellow": float(ego.yellow_light),
    }


def _crossing(scene: Scene) -> dict[str, float]:
    ego = scene.ego
    bonnet = ego.position.distance + scene.half
    coming = (p for p in scene.passages if p.leave > bonnet - 2.0 * scene.half)
    passage = next(coming, None)
    enter, leave = (passage.enter, passage.leave) if passage else (math.inf, math.inf)
    return {
        "crossing": ego.crossing.metres / METRES,
        "crossing_margin": ego.crossing.margin / SECONDS,
        "junction": max(enter - bonnet, 0.0) / METRES,
        "junction_end": max(leave - bonnet, 0.0) / METRES,
        "junction_turns": float(passage is not None and passage.turns),
        "in_junction": float(ego.in_junction),
    }


def _road(scene: Scene) -> dict[str, float]:
    """The road's turns against its direction here, rad over a right angle, and its offsets to the
    right of the ego, over the metres to them."""
    ego, route = scene.ego, scene.route
    here = ego.position.distance
    yaws = np.interp(here + np.array([0.0, *TURN_METRES]), route.distances, route.yaws)
    points = to_vehicle_frame(route.at(here + np.array(POINT_METRES)), ego.x, ego.y, ego.yaw)
    turns = (yaws[1:] - yaws[0]) / HEADING_SCALE
    rights = points[:, 1] / np.array(POINT_METRES)
    return {
        **{f"turn_{m:g}m": float(v) for m, v in zip(TURN_METRES, turns, strict=True)},
        **{f"right_{m:g}m": float(v) for m, v in zip(POINT_METRES, rights, strict=True)},
    }


def _others(scene: Scene) -> dict[str, float]:
    near = within(scene.others, scene.ego.x, scene.ego.y, SIGHT)
    walks = near[:, 5] <= PEOPLE_HALF
    cars, people = near[~walks], near[walks]
    return {**_nearest(cars, "car", CARS, scene), **_nearest(people, "walker", PEOPLE, scene)}


def _nearest(others: NearbyActors, name: str, count: int, scene: Scene) -> dict[str, float]:
    """Place and velocity, ahead and to the right, of the nearest; one that is missing is infinitely
    far ahead."""
    ego = scene.ego
    places = to_vehicle_frame(others[:, :2], ego.x, ego.y, ego.yaw)
    moves = to_vehicle_frame(others[:, 2:4], 0.0, 0.0, ego.yaw)
    order = np.argsort((places**2).sum(axis=1), kind="stable")[:count]
    rows = np.column_stack([places[order] / METRES, moves[order] / SPEED]).tolist()
    rows += [[1.0, 0.0, 0.0, 0.0]] * (count - len(rows))
    parts = ("ahead", "right", "moves_ahead", "moves_right")
    return {
        f"{name}{number}_{part}": value
        for number, row in enumerate(rows, 1)
        for part, value in zip(parts, row, strict=True)
    }
