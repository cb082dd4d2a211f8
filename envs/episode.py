"""One episode: its route, clock, metrics and frame stack, from first to last tick."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from envs.config import EnvConfig
from envs.task import observation, privileged, reward
from envs.task.allowed import allowed_speed
from envs.task.ego_state import EgoState
from envs.task.expert import Decision, Expert
from envs.task.infractions import infractions
from envs.task.metrics import EpisodeMetrics
from envs.task.observation import FrameStack, Observation, frame
from envs.task.route import Route
from envs.task.termination import Ending, Timers, advance, ending
from envs.world.perception import Perception, ran_red


@dataclasses.dataclass
class Episode:
    """The state between two resets; `step` is called once per tick with that tick's `EgoState`,
    `decide` once for each observation."""

    config: EnvConfig
    route: Route
    perception: Perception
    stack: FrameStack | None
    metrics: EpisodeMetrics
    most_steps: int
    ego: EgoState
    expert: Expert
    blind: Expert
    action: tuple[float, float] = (0.0, -1.0)  # the last one; the warm-up brakes
    decision: Decision | None = None
    timers: Timers = dataclasses.field(default_factory=Timers)
    ending: Ending = dataclasses.field(default_factory=Ending)
    infractions: list[str] = dataclasses.field(default_factory=list)  # since the last `info`

    def observation(self) -> Observation:
        """Return the agent's observation of now, in arrays of its own."""
        seen = {} if self.stack is None else {"image": self.stack.image}
        seen["vector"] = observation.vector(self.ego, self.route, self.config.task)
        if self.config.task.privileged and self.decision is not None:
            seen["privileged"] = privileged.vector(self.scene())
            seen["expert"] = self.decision.label
        return seen

    def scene(self) -> privileged.Scene:
        """Return all that is known of now."""
        seen = self.perception
        return privileged.Scene(
            self.ego,
            self.route,
            self.config.task,
            self.timers,
            seen.others,
            seen.foresight.passages,
            seen.foresight.waited,
            self.action,
            seen.car.half_length,
        )

    def decide(self) -> dict[str, Any]:
        """Let the experts decide, where they are asked for; return what the info has of it."""
        task = self.config.task
        found: dict[str, Any] = {}
        if not (task.privileged or task.expert_hints):
            return {}
        self.decision = self.expert.decide(self.ego, self.route, task.step_seconds)
        if task.privileged:
            found["stratum"] = self.decision.stratum
        if task.expert_hints:
            found["expert_action"] = self.decision.action
            found["blind_action"] = self.blind.act_blind(self.ego, self.route, task.step_seconds)
        return found

    def step(self, ego: EgoState, action: tuple[float, float]) -> dict[str, float]:
        """Take in a tick and return the weighted parts of its reward."""
        before, self.ego = self.ego, ego
        task = self.config.task
        self.timers = advance(self.timers, ego, task)
        self.ending = ending(ego, self.timers, task, self.most_steps)
        red = ran_red(before, ego)
        self.action = action
        self.metrics.add(ego, action[0], red)
        self.infractions += infractions(before, ego, red)
        now = reward.Moment(ego, task, self.ending.goal, red)
        if self.config.reward.speed_weight:
            allowed = allowed_speed(ego, self.route, task.target_speed)
            now = dataclasses.replace(now, allowed=allowed)
        return reward.parts(now, self.config.reward)

    def see(self, picture: np.ndarray | None) -> None:
        """Take in the picture that the next action is chosen by."""
        if self.stack is not None and picture is not None:
            self.stack.push(frame(picture, self.config.sensors))

    def info(self, parts: dict[str, float]) -> dict[str, Any]:
        """Return this step's info: `frame` in ticks since the reset, metrics at the end."""
        ego = self.ego
        broken, self.infractions = self.infractions, []
        info: dict[str, Any] = {
            "reward_parts": parts,
            "position": (ego.x, ego.y),
            "infractions": broken,
            "speed": ego.speed,
            "route_completion": min(ego.position.progress / self.route.length, 1.0),
            "collision": ego.collision,
            "lane_invasion": bool(ego.lane_invasions),
            "off_road": ego.off_road,
            "frame": self.timers.steps,
        }
        if self.ending.reason:
            info["termination_reason"] = self.ending.reason
            info["episode_metrics"] = self.metrics.result(self.ending.reason)
        return info


def begin(
    config: EnvConfig,
    perception: Perception,
    ego: EgoState,
    picture: np.ndarray | None,
    most_steps: int,
    has_lights: bool,
) -> Episode:
    """Return an episode after its first tick; the stack repeats its first frame."""
    task, sensors = config.task, config.sensors
    stack = None
    if picture is not None:
        stack = FrameStack(frame(picture, sensors), sensors.frame_stack)
    route = perception.route
    metrics = EpisodeMetrics(route.length, task.tick_seconds, task.target_speed, has_lights)
    expert, blind = (Expert(perception.car, task.target_speed) for _ in range(2))
    return Episode(config, route, perception, stack, metrics, most_steps, ego, expert, blind)
