"""Gymnasium environments as the agent sees them: dict observations, actions in [-1, 1].

gymnasium's own wrappers are used where they do the same. RescaleAction does not: it keeps the
environment's type, has no fixed or integer axes, and rounds otherwise; GrayscaleObservation takes
other weights than the CARLA camera's pictures and truncates.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import (
    FrameStackObservation,
    RepeatAction,
    TimeLimit,
    TransformObservation,
)

from envs.errors import EnvError, SimulatorFault, SimulatorUnavailable
from launch.errors import BadInput, LaunchError
from launch.training.observations import STACK, Observation, view

LOG = logging.getLogger(__name__)
MOST_STEPS = 1000  # of an episode where the environment has no time limit
LARGEST = 1e9  # a larger bound of an action is none
OLD_GYM = "the API of gym before 0.26; shimmy's GymV21CompatibilityV0 adapts it"
Env = gymnasium.Env[Any, Any]
Result = tuple[Any, float, bool, bool, dict[str, Any]]


class Boundary(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A foreign environment, held to gymnasium's API; what it raises becomes one line.

    An OSError is a simulator's fault: its episode is dropped. seeds: number of seeds that the
    environment knows, from 0; 0 = any.
    """

    def __init__(self, env: Env, name: str, seeds: int = 0) -> None:
        super().__init__(env)
        self._name, self._seeds = name, seeds
        self._stepped = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Return the first observation and info; BadInput where the first episode fails."""
        if seed is not None and self._seeds:
            seed %= self._seeds
        what = f"reset(seed={seed})"
        result = self._call(what, lambda: self.env.reset(seed=seed, options=options))
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise self._unfit(f"returns no (observation, info) from reset: {OLD_GYM}")
        return result

    def step(self, action: Any) -> Result:
        """Return the transition with its reward as a float."""
        result = self._call("step", lambda: self.env.step(action))
        if not (isinstance(result, tuple) and len(result) == 5):
            raise self._unfit(f"returns no 5 values from step: {OLD_GYM}")
        observation, reward, terminated, truncated, info = result
        if np.size(reward) != 1:
            raise self._unfit(f"gives the reward {reward!r}: expected one number")
        self._stepped = True
        return observation, float(np.ravel(reward)[0]), bool(terminated), bool(truncated), info

    def _unfit(self, text: str) -> BadInput:
        return BadInput(f"env {self._name!r} {text}")

    def _call(self, what: str, body: Callable[[], Any]) -> Any:
        try:
            return body()
        except (EnvError, LaunchError):
            raise
        except Exception as error:
            line = f"env {self._name!r} failed in {what}: {_described(error)}"
            if isinstance(error, OSError):
                raise SimulatorFault(line) from error
            if self._stepped:  # a checkpoint is worth keeping
                raise SimulatorUnavailable(line) from error
            hint = "; --env_seeds=N keeps seeds below N" if "seed" in str(error) else ""
            raise BadInput(line + hint) from error


def _described(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"


class Bounded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A time limit that nobody asked for; the first episode that it cuts is reported."""

    def __init__(self, env: Env, name: str) -> None:
        super().__init__(env)
        self._name, self._said, self._steps = name, False, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Return the first observation and info."""
        self._steps = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> Any:
        """Return the transition, truncated at `MOST_STEPS`."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._steps += 1
        cut = self._steps >= MOST_STEPS and not (terminated or truncated)
        if cut and not self._said:
            self._said = True
            LOG.warning(
                "env %r has no time limit: its episodes are cut at %d steps (--env_steps)",
                self._name,
                MOST_STEPS,
            )
        return observation, reward, terminated, truncated or cut, info


def limited(env: Env, name: str, steps: int) -> Env:
    """Return the environment with a time limit: `steps`, its own, or `MOST_STEPS`."""
    if steps:
        return TimeLimit(env, steps)
    inner, known = env, env.spec is not None and env.spec.max_episode_steps is not None
    while isinstance(inner, gymnasium.Wrapper):
        known = known or isinstance(inner, TimeLimit)
        inner = inner.env
    return env if known else Bounded(env, name)


class UnitActions(gymnasium.ActionWrapper[Any, np.ndarray, np.ndarray]):
    """Actions float32 in [-1, 1], scaled linearly onto a bounded Box; integers are rounded."""

    def __init__(self, env: Env) -> None:
        super().__init__(env)
        self._box = box = _checked_actions(env.action_space)
        self._integers = np.issubdtype(box.dtype, np.integer)
        kind = np.float64 if self._integers else box.dtype  # int8's 127 less -128 is -1
        self._low, self._high = box.low.astype(kind), box.high.astype(kind)
        self.action_space = spaces.Box(-1.0, 1.0, (int(np.prod(box.shape)),), np.float32)

    def action(self, action: np.ndarray) -> np.ndarray:
        """Scale from [-1, 1] to the environment's bounds."""
        action = np.reshape(action, self._box.shape)
        scaled = self._low + (action + 1.0) * 0.5 * (self._high - self._low)
        if self._integers:
            scaled = np.rint(scaled)
        return np.asarray(np.clip(scaled, self._low, self._high)).astype(self._box.dtype)


def _checked_actions(space: spaces.Space[Any]) -> spaces.Box:
    if not isinstance(space, spaces.Box) or not space.is_bounded():
        raise BadInput(f"actions {space}: TD3 needs a bounded Box")
    largest = max(np.abs(space.low.astype(float)).max(), np.abs(space.high.astype(float)).max())
    if largest > LARGEST:
        raise BadInput(f"actions {space}: bounds above {LARGEST:g} are none; wrap it in real ones")
    return space


class NewestFrame(gymnasium.Wrapper[Observation, Any, Observation, Any]):
    """The newest frame of images that are ready stacks, checked to be stacks, newest last."""

    def __init__(self, env: Env) -> None:
        super().__init__(env)
        assert isinstance(env.observation_space, spaces.Dict)
        parts = dict(env.observation_space.items())
        parts["image"] = spaces.Box(0, 255, (parts["image"].shape or ())[:2], np.uint8)
        self.observation_space: spaces.Space[Any] = spaces.Dict(parts)
        self._last: np.ndarray | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Return an episode's first observation."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._last = observation["image"]
        return self._newest(observation), info

    def step(self, action: Any) -> Any:
        """Return the transition; BadInput where the older frames are not those of before."""
        observation, *rest = self.env.step(action)
        before, self._last = self._last, observation["image"]
        if before is not None and not np.array_equal(self._last[..., :-1], before[..., 1:]):
            raise BadInput(
                f"images {self._last.shape} are no stacks of {STACK} frames, one more each step, "
                "newest last: give RGB (H, W, 3) or grey (H, W) pictures instead"
            )
        return self._newest(observation), *rest

    def _newest(self, observation: Observation) -> Observation:
        return {**observation, "image": observation["image"][..., -1]}


def agent_observations(env: Env, action_repeat: int = 1) -> Env:
    """Return the environment with observations {"image": uint8 (H, W, 4), "vector": float32 (V,)}.

    Either part may be absent. After a reset all frames of the image are the first picture; each
    step, which takes an action `action_repeat` times, adds one.
    """
    seen = view(env.observation_space)
    if not seen.stacked:
        env = _repeated(env, action_repeat)
    env = TransformObservation(env, seen.read, seen.space)
    if "image" not in seen.space.spaces:
        return env
    if seen.stacked:  # their frames are one more each step of the environment
        env = _repeated(NewestFrame(env), action_repeat)
    assert isinstance(env.observation_space, spaces.Dict)
    parts = dict(env.observation_space.items())
    parts["image"] = spaces.Box(0, 255, (*(parts["image"].shape or ()), STACK), np.uint8)
    return TransformObservation(FrameStackObservation(env, STACK), _stacked, spaces.Dict(parts))


def _repeated(env: Env, times: int) -> Env:
    return RepeatAction(env, times) if times > 1 else env


def _stacked(frames: Any) -> Observation:
    """Return the image's frames along its last axis, and the newest of all else."""
    newest = {name: values[-1] for name, values in frames.items()}
    return {**newest, "image": np.ascontiguousarray(np.moveaxis(frames["image"], 0, -1))}
