"""Recorders: what becomes a frame of a video while an episode is driven."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from envs.task.observation import waypoints
from launch.training.environments import Env, EveryTick, steps_per_second
from launch.training.overlay import Facts, draw
from launch.training.video import Video, kept

Observation = dict[str, np.ndarray]
Values = Callable[[Observation], np.ndarray]  # of one observation: each critic's Q, (K,)
STRIP = 100  # steps of Q that a frame shows
ALERT_SECONDS = 1.5  # how long what was broken is told
END_SECONDS = 1.0  # how long the last picture stays, with the reason of the end


class Recorder(Protocol):
    """Called before and after each step of an episode, and at its end."""

    def before(self, observation: Observation) -> None:
        """Take in what the next action is chosen for."""

    def after(self, action: np.ndarray, info: Mapping[str, Any]) -> None:
        """Take in a step."""

    def end(self, reason: str) -> None:
        """Take in why the episode has ended."""


@contextlib.contextmanager
def recorded(
    path: Path | None, env: Env, values: Values | None = None
) -> Iterator[Recorder | None]:
    """Record the episode of the block, or none without a path; no file where it fails.

    The driving task shows every tick with what was seen, done and earned, other environments
    what they render in each step. values: of the critic, where it can be asked.
    """
    if path is None:
        yield None
    elif isinstance(env, EveryTick):
        with kept(Video(path, 1.0 / env.config.task.tick_seconds)) as video:
            yield Explained(video, env, values)
    else:
        with kept(Video(path, steps_per_second(env))) as video:
            yield AsRendered(video, env)


def render_trouble(env: Env) -> str:
    """Return why the environment cannot be recorded, or nothing; tried where it costs little."""
    if env.render_mode is None:
        return "the environment does not render"
    if isinstance(env, EveryTick):
        return ""
    try:
        env.reset()
        frame = np.asarray(env.render())
    except Exception as error:  # whatever a graphics library makes of a machine without a screen
        words = " ".join(str(error).split())[:200]
        return f"rendering failed ({words}); without a screen, MUJOCO_GL=egl or xvfb-run may help"
    return "" if frame.ndim == 3 else "the environment renders no pictures"


class AsRendered:
    """What the environment renders before each step."""

    def __init__(self, video: Video, env: Env) -> None:
        self._video, self._env = video, env

    def before(self, observation: Observation) -> None:
        """Add a frame."""
        self._video.add(np.asarray(self._env.render()))

    def after(self, action: np.ndarray, info: Mapping[str, Any]) -> None:
        """Add nothing."""

    def end(self, reason: str) -> None:
        """Add nothing."""


class Explained:
    """The driving task: each tick from behind the car, under what `overlay` draws.

    The frames of a step show what its action was chosen by, the action, and what came of it.
    """

    def __init__(self, video: Video, env: EveryTick, values: Values | None) -> None:
        self._video, self._env, self._ask = video, env, values
        self._task = env.config.task
        self._values: collections.deque[np.ndarray] = collections.deque(maxlen=STRIP)
        self._alert, self._alert_frames = "", 0
        self._last: tuple[np.ndarray, Facts] | None = None

    def before(self, observation: Observation) -> None:
        """Keep the observation and ask the critic; add the picture of the reset."""
        image = observation.get("image")
        if self._ask is not None:
            self._values.append(np.asarray(self._ask(observation)))
        self._seen = Facts(
            seen=None if image is None else image[..., -1],
            route=waypoints(observation["vector"], self._task),
            target=self._task.target_speed,
            values=np.array(self._values) if self._values else None,
        )
        if self._last is None:
            self._add(self._seen)

    def after(self, action: np.ndarray, info: Mapping[str, Any]) -> None:
        """Add the pictures of the step's ticks."""
        broken = info["infractions"]
        if broken:
            self._alert = ", ".join(name.replace("_", " ") for name in broken)
            self._alert_frames = self._frames(ALERT_SECONDS)
        self._add(
            dataclasses.replace(
                self._seen,
                action=(float(action[0]), float(action[1])),
                speed=float(info["speed"]),
                parts=info["reward_parts"],
            )
        )

    def end(self, reason: str) -> None:
        """Hold the last picture with the reason."""
        if self._last is None:
            return
        picture, facts = self._last
        frame = draw(picture, dataclasses.replace(facts, reason=reason.replace("_", " ")))
        for _ in range(self._frames(END_SECONDS)):
            self._video.add(frame)

    def _add(self, facts: Facts) -> None:
        for picture in self._env.pictures():
            shown = dataclasses.replace(facts, alert=self._alert if self._alert_frames else "")
            self._alert_frames = max(self._alert_frames - 1, 0)
            self._video.add(draw(picture, shown))
            self._last = picture, facts

    def _frames(self, seconds: float) -> int:
        return round(seconds / self._task.tick_seconds)
