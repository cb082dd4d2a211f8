"""When an episode ends and why: tolerated times, the goal, the time limit."""

from __future__ import annotations

import pytest

from envs.task import termination
from tests.envs.task.task_support import REWARD, TASK, cruising, parts


def test_fault_5_the_goal_bonus_and_the_end_share_one_distance():
    at = termination.Timers(steps=10, elapsed=0.5)
    for remaining, ended in ((TASK.goal_distance, True), (TASK.goal_distance + 0.01, False)):
        ending = termination.ending(cruising(remaining=remaining), at, TASK, 1000)
        assert ending.goal is ended
        assert ending.terminated is ended
        bonus = parts(cruising(), goal=ending.goal)["progress"] - parts(cruising())["progress"]
        assert bonus == pytest.approx(REWARD.goal_bonus if ended else 0.0)


def lasting(seconds: float, **changes) -> termination.Ending:
    timers, ending = termination.Timers(), termination.Ending()
    for _ in range(round(seconds / TASK.tick_seconds)):
        ego = cruising(**changes)
        timers = termination.advance(timers, ego, TASK)
        ending = termination.ending(ego, timers, TASK, 1000)
    return ending


@pytest.mark.parametrize(
    ("changes", "allowed", "ended", "reason"),
    [
        ({"off_road": True}, 2.9, 3.0, termination.OFF_ROAD),
        ({"wrong_way": True}, 4.9, 5.0, termination.WRONG_WAY),
        ({"speed": 0.0}, 12.9, 13.0, termination.STUCK),
    ],
)
def test_tolerated_times(changes, allowed, ended, reason):
    assert lasting(allowed, **changes).reason == ""
    ending = lasting(ended + TASK.tick_seconds, **changes)
    assert (ending.terminated, ending.reason) == (True, reason)


def test_waiting_at_a_red_light_or_in_a_queue_is_not_being_stuck():
    assert lasting(30.0, speed=0.0, red_light=True).reason == ""
    assert lasting(30.0, speed=0.0, gap=3.0).reason == ""


def test_the_time_limit_truncates_and_does_not_terminate():
    ending = lasting(50.0)
    assert (ending.terminated, ending.truncated) == (False, True)
    assert ending.reason == termination.TIME_LIMIT


def test_a_crash_at_the_goal_is_a_crash():
    ego = cruising(collision=True, remaining=0.0)
    ending = termination.ending(ego, termination.Timers(), TASK, 1000)
    assert (ending.reason, ending.goal) == (termination.COLLISION, False)
