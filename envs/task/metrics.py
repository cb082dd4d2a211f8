"""Driving metrics of an episode and over episodes, after the CARLA Leaderboard's definitions.

An episode's driving score is its route completion times an infraction score. Leaderboard 2.0 has
the product of a coefficient for each infraction; 2.1 has 1 / (1 + their weights' sum), so that a
further infraction still costs after many. Both then lose the share of the distance off the road.
Scores on own routes are leaderboard-style, not leaderboard scores: stop signs, minimum speed,
emergency vehicles and scenario timeouts are not sensed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

from envs.task.ego_state import EgoState

# Factor in Leaderboard 2.0 and weight in 2.1 of an infraction, by what was hit; red lights where
# the map has any.
FACTORS = {"pedestrian": 0.50, "vehicle": 0.60, "static": 0.65, "red_light": 0.70}
WEIGHTS = {"pedestrian": 1.00, "vehicle": 0.70, "static": 0.60, "red_light": 0.40}
LEAST_KILOMETRES = 0.05  # below this a figure per kilometre says nothing
SAME_COLLISION_SECONDS = 5.0
SAME_COLLISION_METRES = 5.0
STANDING_SPEED = 0.1  # m/s; a car hit while it stands is not at fault

# Comfort bounds of the nuPlan benchmark: m/s^2, m/s^3, rad/s.
_LONGITUDINAL, _LATERAL, _YAW_RATE = (-4.05, 2.40), 4.89, 0.95


@dataclasses.dataclass(frozen=True)
class Hit:
    """One collision event: whom, when (s) and where (m), and how fast the ego was before."""

    other: int
    kind: str
    seconds: float
    x: float
    y: float
    speed: float


class CollisionCounter:
    """Tells new collisions from repeats: many events of one crash count once."""

    def __init__(self) -> None:
        self._seen: list[Hit] = []

    def is_new(self, hit: Hit) -> bool:
        """Return False for the same actor within 5 s, or any within 5 m of one counted."""
        repeat = any(_same(hit, earlier) for earlier in self._seen)
        self._seen.append(hit)
        return not repeat

    @staticmethod
    def at_fault(hit: Hit) -> bool:
        """Return whether the ego moved: a standing one is not at fault."""
        return abs(hit.speed) > STANDING_SPEED


def _same(hit: Hit, earlier: Hit) -> bool:
    recent = hit.seconds - earlier.seconds < SAME_COLLISION_SECONDS
    near = math.hypot(hit.x - earlier.x, hit.y - earlier.y) < SAME_COLLISION_METRES
    return recent and (near or hit.other == earlier.other)


@dataclasses.dataclass
class EpisodeMetrics:
    """Sums of one episode; `add` a tick at a time, `result` at its end."""

    route_length: float
    seconds: float
    target_speed: float
    has_lights: bool = False
    steps: int = 0
    metres: float = 0.0
    outside_metres: float = 0.0
    off_road_steps: int = 0
    completion: float = 0.0
    lane_invasions: int = 0
    red_lights: int = 0
    hits: dict[str, int] = dataclasses.field(default_factory=dict)
    lateral: list[float] = dataclasses.field(default_factory=list)
    heading_square: float = 0.0
    speed_sum: float = 0.0
    speed_error: float = 0.0
    standing_steps: int = 0
    jerk_square: float = 0.0
    comfortable_steps: int = 0
    near_misses: int = 0
    least_ttc: float = math.inf
    steering_change: float = 0.0
    _steering: float = 0.0

    def add(self, ego: EgoState, steering: float, ran_red: bool = False) -> None:
        """Add one tick after the action `steering` in [-1, 1]."""
        travelled = abs(ego.speed) * self.seconds
        self.steps += 1
        self.metres += travelled
        self.outside_metres += travelled if ego.corner_off_road else 0.0
        self.off_road_steps += ego.corner_off_road
        self.completion = max(self.completion, ego.position.progress / self.route_length)
        self.lane_invasions += ego.lane_invasions
        self.red_lights += ran_red
        if ego.collision:
            kind = ego.collision_kind or "static"
            self.hits[kind] = self.hits.get(kind, 0) + 1
        self.lateral.append(abs(ego.position.lateral))
        self.heading_square += ego.position.heading**2
        self.speed_sum += ego.speed
        self.speed_error += abs(ego.speed - self.target_speed)
        self.standing_steps += abs(ego.speed) < STANDING_SPEED
        self.jerk_square += ego.jerk[0] ** 2 + ego.jerk[1] ** 2
        self.comfortable_steps += _comfortable(ego)
        self._time_to_collision(ego)
        self.steering_change += abs(steering - self._steering)
        self._steering = steering

    def _time_to_collision(self, ego: EgoState) -> None:
        if ego.speed > STANDING_SPEED and ego.closing > 0.0:
            until = ego.gap / ego.closing
            self.least_ttc = min(self.least_ttc, until)
            self.near_misses += until < 0.95

    def result(self, reason: str) -> dict[str, float]:
        """Return figures of the episode, which ended for `reason`; NaN where nothing is known."""
        collisions = sum(self.hits.values())
        completion = 1.0 if reason == "goal" else min(self.completion, 1.0)
        kilometres = self.metres / 1000.0
        steps = max(self.steps, 1)
        score, score_2_1 = self._infraction_scores()
        return {
            "route_completion": completion,
            "success": float(reason == "goal" and collisions == 0),
            "infraction_score": score,
            "driving_score": 100.0 * completion * score,
            "infraction_score_2_1": score_2_1,
            "driving_score_2_1": 100.0 * completion * score_2_1,
            "distance_m": self.metres,
            "collisions": float(collisions),
            "collisions_vehicle": float(self.hits.get("vehicle", 0)),
            "collisions_pedestrian": float(self.hits.get("pedestrian", 0)),
            "collisions_static": float(self.hits.get("static", 0)),
            "red_lights": float(self.red_lights) if self.has_lights else math.nan,
            "lane_invasions": float(self.lane_invasions),
            "collisions_per_km": per_kilometre(collisions, kilometres),
            "lane_invasions_per_km": per_kilometre(self.lane_invasions, kilometres),
            "off_road_ratio": self.off_road_steps / steps,
            "off_road_distance_ratio": self.outside_metres / max(self.metres, 1e-9),
            "lateral_error_mean": sum(self.lateral) / steps,
            "lateral_error_p95": _percentile(self.lateral, 0.95),
            "heading_error_rms": math.sqrt(self.heading_square / steps),
            "speed_mean": self.speed_sum / steps,
            "speed_error_mean": self.speed_error / steps,
            "standing_ratio": self.standing_steps / steps,
            "jerk_rms": math.sqrt(self.jerk_square / steps),
            "comfort_ratio": self.comfortable_steps / steps,
            "ttc_min": self.least_ttc if math.isfinite(self.least_ttc) else math.nan,
            "ttc_violation_ratio": self.near_misses / steps,
            "steering_change_mean": self.steering_change / steps,
            "steps": float(self.steps),
        }

    def _infraction_scores(self) -> tuple[float, float]:
        """Return the infraction scores of Leaderboard 2.0 and 2.1."""
        counts = {**self.hits, "red_light": self.red_lights if self.has_lights else 0}
        inside = 1.0 - self.outside_metres / max(self.metres, 1e-9)
        product = math.prod(FACTORS[kind] ** count for kind, count in counts.items())
        weighted = sum(WEIGHTS[kind] * count for kind, count in counts.items())
        return inside * product, inside / (1.0 + weighted)


def per_kilometre(count: float, kilometres: float) -> float:
    """Return a rate; NaN below `LEAST_KILOMETRES`, where it would say nothing."""
    return count / kilometres if kilometres >= LEAST_KILOMETRES else math.nan


def aggregate(episodes: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return means over episodes, `driving_score_std`, and figures per kilometre over them all.

    The driving score is the mean of the episodes' products, not the product of means; the
    deviation divides by one less than their number, as the Leaderboard's does.
    """
    rows = list(episodes)
    if not rows:
        return {}
    result = {name: _mean([row[name] for row in rows]) for name in rows[0]}
    kilometres = sum(row["distance_m"] for row in rows) / 1000.0
    for name in ("collisions", "lane_invasions"):
        result[f"{name}_per_km"] = per_kilometre(sum(row[name] for row in rows), kilometres)
    scores = [row["driving_score"] for row in rows]
    spread = sum((score - result["driving_score"]) ** 2 for score in scores)
    result["driving_score_std"] = math.sqrt(spread / max(len(scores) - 1, 1))
    result["episodes"] = float(len(rows))
    return result


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _comfortable(ego: EgoState) -> bool:
    ahead, right = ego.acceleration
    inside = _LONGITUDINAL[0] <= ahead <= _LONGITUDINAL[1]
    return inside and abs(right) < _LATERAL and abs(ego.yaw_rate) < _YAW_RATE
