"""The driving task as a gymnasium environment over one connection to a CARLA server.

A simulator fault leaves `step` and `reset` as SimulatorFault and is never a transition; the next
`reset` connects anew. The client library can hang where no Python time-out reaches, or crash, so
training uses `envs.supervised`, which runs this in a process that can be killed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import cv2
import gymnasium
import numpy as np

from envs.config import EnvConfig
from envs.episode import Episode, begin
from envs.errors import EnvError, SimulatorFault
from envs.task import reward, spaces
from envs.task.allowed import cruise_speeds
from envs.task.ego_state import EgoState
from envs.task.encounter import draw
from envs.task.foresight import Foresight
from envs.task.observation import Observation
from envs.task.route import Route
from envs.task.stop_lines import stop_lines
from envs.world import client
from envs.world.actors import silence
from envs.world.perception import Perception
from envs.world.stage import Stage, Tick

START_TRIES = 8
Info = dict[str, Any]


class CarlaEnv(gymnasium.Env[Any, np.ndarray]):
    """Drive a seeded route through traffic; see `envs.config` forevery number of the task."""

    def __init__(
        self,
        config: EnvConfig,
        host: str,
        port: int,
        render_mode: str | None = None,
        tm_port: int | None = None,
    ) -> None:
        self.config = config
        self.metadata = spaces.metadata(config)
        self.render_mode = spaces.checked_render_mode(render_mode)
        self.observation_space = spaces.observation_space(config)
        self.action_space = spaces.action_space()
        self._address = (host, port, tm_port or port + config.traffic.tm_port_offset)
        self._stage: Stage | None = None
        self._episode: Episode | None = None
        self._tick: Tick | None = None
        self._rendered: tuple[int, np.ndarray] | None = None
        self._pictures: list[np.ndarray] | None = None  # None: nobody asked for every tick's
        self._connect(config.task.town)

    def _connect(self, town: str) -> Stage:
        self._stage = Stage(self.config, *self._address, town)
        return self._stage

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[Observation, Info]:
        """Start an episode.

        A seed also puts every NPC on a drawn place. Options: "route": number of a fixed route, or
        None; "town": map to change to; "max_steps": time limit; "video": whether `render` follows
        this episode; "every_tick": whether `pictures` does too; "place_traffic": overrides what a
        given seed does to the NPCs; "roads": whether the info has the town's lanes; "training":
        whether weather, number of NPCs and start are drawn as for training.
        """
        super().reset(seed=seed)
        options = options or {}
        town = options.get("town")
        with self._guarded():
            stage = self._stage or self._connect(town or self.config.task.town)
            if town is not None:
                stage.change_town(town)
            replace = options.get("place_traffic", seed is not None)
            return self._start(stage, options, bool(replace))

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn a fault into SimulatorFault; there is then no simulator until `reset`."""
        try:
            yield
        except (SimulatorFault, RuntimeError) as error:
            self._abandon()
            if isinstance(error, SimulatorFault):
                raise
            raise SimulatorFault(f"simulator failed: {error}") from error

    def _start(self, stage: Stage, options: Info, replace: bool) -> tuple[Observation, Info]:
        rng = self.np_random
        met = draw(self.config, bool(options.get("training")), rng)
        client.set_weather(stage.session.world, met.weather)
        video = bool(options.get("video", self.render_mode is not None))
        for _ in range(START_TRIES):
            start, route = stage.plan(options.get("route"), rng, met.light_first)
            tick = stage.reset_to(start, met.vehicles, replace, video, rng)
            self._begin(stage, route, tick, options)
            if not tick.hits:
                info = self._reset_info(met.weather)
                if options.get("roads"):
                    info["roads"] = stage.graph.outline()
                return self._episode_or_fault().observation(), info
            replace = True
        raise SimulatorFault(f"no start was free of collisions in {START_TRIES} tries")

    def _begin(self, stage: Stage, route: Route, tick: Tick, options: Info) -> None:
        ego, task = stage.live_ego(), self.config.task
        foresight = Foresight(stage.graph, route, cruise_speeds(route, task.target_speed))
        lines = stop_lines(stage.graph, route, stage.lights.lanes)
        perception = Perception(task, stage.session.map, ego.car, route, foresight, lines)
        others, closed = stage.others(tick.snapshot), stage.lights.closed_lanes()
        state = perception.update(tick.snapshot, ego.vehicle, others, closed, [], 0)
        most = int(options.get("max_steps") or task.episode_steps)
        self._episode = begin(
            self.config, perception, state, tick.picture, most, len(stage.lights) > 0
        )
        self._tick = tick
        self._pictures = [self.render()] if options.get("every_tick") else None

    def _reset_info(self, weather: str) -> Info:
        stage, episode = self._stage_or_fault(), self._episode_or_fault()
        info: Info = {
            "frame": 0,
            "town": stage.session.town,
            "weather": weather,
            "route_length": episode.route.length,
            "npc_vehicles": len(stage.actors.vehicles),
            "traffic_wakes": stage.session.wakes,
        }
        return info | episode.decide()

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, Info]:
        """Hold the action for `action_ticks` ticks, or until the episode ends; their rewards are
        summed. Raises SimulatorFault, after which this episode has no further transition."""
        action = spaces.checked_action(action)
        episode = self._episode_or_fault()
        if episode.ending.reason:
            raise RuntimeError(f"the episode has ended ({episode.ending.reason}): reset it")
        parts = dict.fromkeys(reward.names(self.config.reward), 0.0)
        for _ in range(self.config.task.action_ticks):
            tick, state = self._advance(action)
            taken = float(action[0]), float(action[1])
            for name, value in episode.step(state, taken).items():
                parts[name] += value
            if episode.ending.reason:
                break
        episode.see(tick.picture)
        info = episode.info(parts) | episode.decide()
        info["traffic_wakes"] = self._stage_or_fault().session.wakes
        if tick.imu is not None:
            info["imu"] = tick.imu
        ends = episode.ending
        return episode.observation(), sum(parts.values()), ends.terminated, ends.truncated, info

    def _advance(self, action: np.ndarray) -> tuple[Tick, EgoState]:
        stage, episode = self._stage_or_fault(), self._episode_or_fault()
        with self._guarded():
            ego = stage.live_ego()
            ego.drive(action)
            self._tick = tick = stage.tick()
            if self._pictures is not None:
                self._pictures.append(self.render())
            others, closed = stage.others(tick.snapshot), stage.lights.closed_lanes()
            state = episode.perception.update(
                tick.snapshot, ego.vehicle, others, closed, tick.hits, tick.crossings
            )
        return tick, state

    def render(self) -> Any:
        """Return uint8 (H, W, 3) RGB of this tick: from behind the car when recording,
        else what its own camera sees."""
        size = self.config.sensors
        stage, tick = self._stage_or_fault(), self._tick
        if tick is None:
            raise SimulatorFault("nothing to render before the first reset")
        if self._rendered is None or self._rendered[0] != tick.frame:
            with self._guarded():
                chase = stage.chase_picture(tick.frame)
            picture = tick.picture if chase is None else chase
            if picture is None:
                raise EnvError("image_size is 0: only episodes that are recorded have pictures")
            picture = cv2.cvtColor(picture, cv2.COLOR_BGRA2RGB)
            shape = (size.render_width, size.render_height)
            if picture.shape[1::-1] != shape:
                picture = cv2.resize(picture, shape, interpolation=cv2.INTER_LINEAR)
            self._rendered = (tick.frame, picture)
        return self._rendered[1].copy()

    def pictures(self) -> list[np.ndarray]:
        """Return what `render` gave in each tick since this was last asked, from the reset on."""
        if self._pictures is None:
            raise EnvError('the episode was not reset with the option "every_tick"')
        taken, self._pictures = self._pictures, []
        return taken

    def _abandon(self) -> None:
        """Forget a simulator that failed; asking it to tidy up could take forever."""
        stage, self._stage = self._stage, None
        self._episode = None
        self._tick = None
        if stage is not None:
            stage.session.end_watch()
            silence(stage.actors.sensors)

    def close(self) -> None:
        """Remove our actors and gives the server its settings back; safe to call twice."""
        stage, self._stage = self._stage, None
        self._episode = None
        self._tick = None
        if stage is not None:
            stage.close()

    def _stage_or_fault(self) -> Stage:
        if self._stage is None:
            raise SimulatorFault("the environment has no simulator: reset it")
        return self._stage

    def _episode_or_fault(self) -> Episode:
        if self._episode is None:
            raise SimulatorFault("the environment has no episode: reset it")
        return self._episode
