"""When an episode ends, and why: pure functions of the tick and of how long things have lasted."""

from __future__ import annotations

import dataclasses

from envs.config import TaskConfig
from envs.task.ego_state import EgoState

COLLISION, OFF_ROAD, WRONG_WAY = "collision", "off_road", "wrong_way"
OFF_ROUTE, GOAL, STUCK, TIME_LIMIT = "off_route", "goal", "stuck", "time_limit"


@dataclasses.dataclass(frozen=True)
class Timers:
    """Seconds that a condition has lasted without a break, and seconds of the episode."""

    off_road: float = 0.0
    wrong_way: float = 0.0
    standing: float = 0.0
    elapsed: float = 0.0
    steps: int = 0


@dataclasses.dataclass(frozen=True)
class Ending:
    """`terminated` ends the task, `truncated` only the recording of it; reason is one of the
    texts above, empty while the episode goes on."""

    terminated: bool = False
    truncated: bool = False
    reason: str = ""

    @property
    def goal(self) -> bool:
        """True where the goal was reached: this pays the bonus and counts as success."""
        return self.reason == GOAL


def advance(timers: Timers, ego: EgoState, task: TaskConfig) -> Timers:
    """Return the timers after one tick."""
    seconds = task.tick_seconds
    elapsed = timers.elapsed + seconds
    stands = abs(ego.speed) < task.stuck_speed and not ego.waits
    stands = stands and elapsed > task.stuck_grace
    return Timers(
        off_road=timers.off_road + seconds if ego.off_road else 0.0,
        wrong_way=timers.wrong_way + seconds if ego.wrong_way else 0.0,
        standing=timers.standing + seconds if stands else 0.0,
        elapsed=elapsed,
        steps=timers.steps + 1,
    )


def ending(ego: EgoState, timers: Timers, task: TaskConfig, most_steps: int) -> Ending:
    """Return whether and why the episode ends here; a crash at the goal is a crash."""
    reason = _terminal_reason(ego, timers, task)
    if reason:
        return Ending(terminated=True, reason=reason)
    if timers.steps >= most_steps:
        return Ending(truncated=True, reason=TIME_LIMIT)
    return Ending()


def _terminal_reason(ego: EgoState, timers: Timers, task: TaskConfig) -> str:
    slack = 0.5 * task.tick_seconds
    if ego.collision:
        return COLLISION
    if timers.off_road > task.off_road_seconds - slack:
        return OFF_ROAD
    if timers.wrong_way > task.wrong_way_seconds - slack:
        return WRONG_WAY
    if abs(ego.position.lateral) > task.off_route_distance:
        return OFF_ROUTE
    if ego.remaining <= task.goal_distance:
        return GOAL
    return STUCK if timers.standing > task.stuck_seconds - slack else ""
