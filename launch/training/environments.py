"""Environments by name: the driving task, or any gymnasium environment with Box actions."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

import gymnasium
import numpy as np
from gymnasium import spaces

from envs.config import EnvConfig, with_options
from launch.config.run import (
    CARLA,
    EXPERT,
    LoopConfig,
    RunConfig,
    parse_address,
    parse_arguments,
)
from launch.errors import BadInput
from launch.training.wrappers import Boundary, UnitActions, agent_observations, limited
from td3jax.config import Spaces

Env = gymnasium.Env[Any, np.ndarray]
Transition = tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]


Say = Callable[[str], None]


def make_envs(
    config: RunConfig, log: Path | None = None, say: Say = lambda line: None
) -> list[Env]:
    """Make one environment for each simulator; none stays open where one cannot be made."""
    with contextlib.ExitStack() as made:
        envs = []
        for index in range(config.loop.simulators):
            envs.append(make_env(config, log, say, index))
            made.callback(envs[-1].close)
        made.pop_all()
    return envs


def make_env(
    config: RunConfig, log: Path | None = None, say: Say = lambda line: None, index: int = 0
) -> Env:
    """Make the environment of a configuration; BadInput, one line, where there is none that fits.

    log: file for a simulator's output, where the configuration names none; say: gets lines about
    what its start waits for; index: the simulator's, for its server.
    """
    if config.loop.env == CARLA:
        from envs.supervised import SupervisedCarlaEnv  # the carla client only where it is needed

        options = _at_server(config, index)
        if config.loop.warm_up == EXPERT:
            options = with_options(options, expert_hints=True)
        if log is not None and not options.server.server_log:
            options = with_options(options, server_log=str(log))
        return SupervisedCarlaEnv(options, "rgb_array", say)
    return _gym_env(config.loop)


def _at_server(config: RunConfig, index: int) -> EnvConfig:
    """The environment's configuration with the address of one of --servers, where there are any.

    All Traffic Managers run on this host: their ports grow with the servers' and stay apart.
    """
    from envs.supervised import TM_PORTS

    addresses = [parse_address(text) for text in config.loop.servers]
    if not addresses:
        return config.env
    host, port = addresses[index]
    below = sorted((port, index) for index, (_, port) in enumerate(addresses)).index((port, index))
    offset = config.env.traffic.tm_port_offset + below * TM_PORTS
    return with_options(config.env, host=host, port=port, tm_port_offset=offset)


def _gym_env(loop: LoopConfig) -> Env:
    name = loop.env
    env: Env = Boundary(_made(name, parse_arguments(loop.env_args)), name, loop.env_seeds)
    env = limited(env, name, loop.env_steps)
    try:
        return agent_observations(UnitActions(env), loop.action_repeat)
    except BadInput as error:
        env.close()
        raise BadInput(f"env {name!r} does not fit: {error}") from error


def _made(name: str, arguments: dict[str, Any]) -> Env:
    if not os.environ.get("DISPLAY"):  # rendering without a screen has to be asked for
        os.environ.setdefault("MUJOCO_GL", "egl")
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    make = partial(gymnasium.make, name, disable_env_checker=True)
    try:
        try:
            with warnings.catch_warnings():  # one that cannot be drawn says so; it need not be
                warnings.filterwarnings("ignore", ".*is not in the possible render_modes")
                return make(**{"render_mode": "rgb_array", **arguments})
        except TypeError as error:
            if "render_mode" in arguments or "'render_mode'" not in str(error).split(" was ")[0]:
                raise
            return make(**arguments)  # an environment without a render_mode argument
    except (gymnasium.error.Error, ImportError, ValueError, TypeError) as error:
        raise BadInput(f"env {name!r} cannot be made: {error}") from error
    except Exception as error:
        kind = type(error).__name__
        raise BadInput(f"env {name!r} cannot be made: {kind}: {error}") from error


def spaces_of(env: Env) -> Spaces:
    """Return the shapes of one observation and action, for the agent and the buffer."""
    observation, action = env.observation_space, env.action_space
    assert isinstance(observation, spaces.Dict)
    assert isinstance(action, spaces.Box)
    parts = {name: box.shape or () for name, box in observation.items()}
    image = parts.get("image")
    vector = parts.get("vector")
    privileged = parts.get("privileged")
    label = parts.get("expert", action.shape)
    if label != action.shape:
        raise BadInput(f"'expert' of the observations has shape {label}: expected {action.shape}")
    return Spaces(
        image=(image[0], image[1], image[2]) if image else None,
        vector=vector[0] if vector else None,
        action=action.shape[0],
        frame_channels=env.metadata.get("frame_channels", 1) if image else 1,
        privileged=privileged[0] if privileged else None,
        expert="expert" in parts,
    )


def steps_per_second(env: Env) -> float:
    """Return the environment's own pace."""
    return float(env.metadata.get("render_fps") or 20)


@runtime_checkable
class Simulator(Protocol):
    """An environment whose step has two halves, and that is told of a video or a time limit.

    `reset` then takes the options "video", "every_tick", "max_steps", "roads" and "training".
    """

    def step_async(self, action: np.ndarray) -> None:
        """Send the action."""

    def step_wait(self) -> tuple[Any, Any, Any, Any, Any]:
        """Return the transition of the action that was sent."""


def in_halves(env: Env) -> TypeGuard[Simulator]:
    """Tell whether an environment is a Simulator; cheap, as every step asks."""
    return hasattr(type(env), "step_async")


@runtime_checkable
class EveryTick(Protocol):
    """The driving task: asked for a video, it has a picture of every tick of a step."""

    config: EnvConfig

    def pictures(self) -> list[np.ndarray]:
        """Return uint8 (H, W, 3) of each tick since the last call."""


def start_episode(
    env: Env,
    seed: int,
    video: bool = False,
    steps: int = 0,
    roads: bool = False,
    training: bool = True,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reset with this episode's seed.

    video: it will be recorded, which a simulator must know beforehand; steps: a simulator's
    time limit instead of its own, 0 = its own; roads: the info is to have the town's lanes;
    training: whether a simulator's weather and traffic are those of training, not of evaluations.
    """
    told = {"video": video, "max_steps": steps, "roads": roads, "training": training}
    if isinstance(env, EveryTick):  # of others nobody takes the pictures, and they would pile up
        told["every_tick"] = video
    return env.reset(seed=seed, options=told if in_halves(env) else None)


def begin_step(env: Env, action: np.ndarray) -> None:
    """Send the action, where the environment can work on it while others do something else."""
    if in_halves(env):
        env.step_async(action)


def finish_step(env: Env, action: np.ndarray) -> Transition:
    """Return the transition of an action that `begin_step` has seen."""
    result = env.step_wait() if in_halves(env) else env.step(action)
    observation, reward, terminated, truncated, info = result
    return observation, float(reward), bool(terminated), bool(truncated), info
