"""Environments by name: the driving task, or any gymnasium environment with Box actions."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from envs.config import with_options
from launch.config.run import CARLA, EXPERT, RunConfig
from launch.errors import BadInput
from launch.training.wrappers import (
    ActionRepeat,
    GreyStack,
    UnitActions,
    VectorObservations,
    is_picture,
)
from td3jax.config import Spaces

Env = gymnasium.Env[Any, np.ndarray]
Transition = tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]


def make_env(
    config: RunConfig, log: Path | None = None, say: Callable[[str], None] = lambda line: None
) -> Env:
    """The environment of a configuration; BadInput, one line, where there is none that fits.

    log: file for a simulator's output, where the configuration names none; say: gets lines about
    what its start waits for.
    """
    if config.loop.env == CARLA:
        from envs.supervised import SupervisedCarlaEnv  # the carla client only where it is needed

        options = config.env
        if config.loop.warm_up == EXPERT:
            options = with_options(options, expert_hints=True)
        if log is not None and not options.server.server_log:
            options = with_options(options, server_log=str(log))
        return SupervisedCarlaEnv(options, "rgb_array", say)
    env = _gym_env(config.loop.env)
    if config.loop.action_repeat > 1:
        env = ActionRepeat(env, config.loop.action_repeat)
    return _wrapped(env, config.loop.env)


def _gym_env(name: str) -> Env:
    if not os.environ.get("DISPLAY"):  # rendering without a screen has to be asked for
        os.environ.setdefault("MUJOCO_GL", "egl")
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    try:
        try:
            return gymnasium.make(name, render_mode="rgb_array", disable_env_checker=True)
        except TypeError:  # an environment without a render_mode argument
            return gymnasium.make(name, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError, ValueError) as error:
        raise BadInput(f"env {name!r} cannot be made: {error}") from error


def _wrapped(env: Env, name: str) -> Env:
    action, observation = env.action_space, env.observation_space
    if not isinstance(action, spaces.Box) or len(action.shape) != 1 or not action.is_bounded():
        raise BadInput(f"env {name!r} has actions {action}: TD3 needs a bounded, flat Box")
    env = UnitActions(env)
    if is_picture(observation):
        return GreyStack(env)
    if isinstance(observation, spaces.Box) and observation.dtype != np.uint8:
        return VectorObservations(env)
    raise BadInput(
        f"env {name!r} has observations {observation}: expected a Box of numbers or "
        "of uint8 pictures (H, W, 1 or 3)"
    )


def spaces_of(env: Env) -> Spaces:
    """Shapes of one observation and action, for the agent and the buffer."""
    observation, action = env.observation_space, env.action_space
    assert isinstance(observation, spaces.Dict)
    assert isinstance(action, spaces.Box)
    parts = {name: box.shape or () for name, box in observation.items()}
    image = parts.get("image")
    vector = parts.get("vector")
    shape = (image[0], image[1], image[2]) if image else None
    return Spaces(image=shape, vector=vector[0] if vector else None, action=action.shape[0])


def start_episode(
    env: Env, seed: int, film: bool = False, steps: int = 0
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`reset` with this episode's seed; film: `render` will be called, which a simulator must know
    beforehand; steps: a simulator's time limit instead of its own, 0 = its own."""
    options = {"film": film, "max_steps": steps} if hasattr(env, "step_async") else None
    return env.reset(seed=seed, options=options)


def begin_step(env: Env, action: np.ndarray) -> None:
    """Send the action, where the environment can work on it while others do something else."""
    send = getattr(env, "step_async", None)
    if send is not None:
        send(action)


def finish_step(env: Env, action: np.ndarray) -> Transition:
    """The transition of an action that `begin_step` has seen."""
    wait = getattr(env, "step_wait", None)
    result: tuple[Any, Any, Any, Any, Any] = wait() if wait is not None else env.step(action)
    observation, reward, terminated, truncated, info = result
    return observation, float(reward), bool(terminated), bool(truncated), info
