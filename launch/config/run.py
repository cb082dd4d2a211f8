"""The configuration of a run: agent, replay, environment and loop, as config.json has it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from envs.config import EnvConfig
from launch.config.tree import to_dict, update_from_dict
from launch.diagnosis.limits import parse_limits
from launch.errors import BadInput
from td3jax.config import AgentConfig, ReplayConfig

CARLA = "carla"
RANDOM, EXPERT = "random", "expert"


def _option(default: Any, text: str) -> Any:
    """A dataclass field with the help text that its command line flag shows."""
    return dataclasses.field(default=default, metadata={"help": text})


def _require(condition: bool, name: str, value: object, expected: str) -> None:
    if not condition:
        raise ValueError(f"{name} = {value!r}: expected {expected}")


@dataclasses.dataclass(frozen=True)
class LoopConfig:
    """Schedule, seeds, and what is written when."""

    env: str = _option(CARLA, "carla, or the id of any gymnasium environment with Box actions")
    action_repeat: int = _option(
        1, "times that a gymnasium environment takes each action; its rewards are summed"
    )
    steps: int = _option(5000, "environment steps of the whole run")
    learning_starts: int = _option(
        1000, "steps before the first update; at most a fifth of steps, so that short runs learn"
    )
    random_steps: int = _option(-1, "steps driven by warm_up, then a reset; -1 = learning_starts")
    warm_up: str = _option(
        RANDOM, "random | expert: uniform actions, or (carla) the expert's under noise of all sizes"
    )
    train_freq: int = _option(1, "environment steps between updates")
    gradient_steps: int = _option(1, "gradient steps per update, each on a batch of its own")
    batch_size: int = _option(256, "transitions in a batch")
    exploration_noise: float = _option(0.1, "standard deviation of the noise on actions")
    exploration_correlation: float = _option(
        0.0, "correlation of that noise, and of random actions, from one step to the next"
    )
    eval_every: int = _option(2500, "steps between evaluations, held between episodes; 0 = never")
    eval_episodes: int = _option(3, "episodes of an evaluation")
    eval_steps: int = _option(
        3000, "time limit of a CARLA evaluation episode, enough for a route; 0 = episode_steps"
    )
    final_episodes: int = _option(3, "episodes of the evaluation at the end; 0 = none")
    film: bool = _option(True, "film an episode of the evaluation at the end")
    checkpoint_every: int = _option(2500, "steps between checkpoints; 0 = only at the end")
    keep_checkpoints: int = _option(2, "newest checkpoints that stay on disk")
    save_replay: bool = _option(True, "put the replay buffer into checkpoints, to resume exactly")
    log_every: int = _option(100, "steps between log points")
    seed: int = _option(0, "root of the seeds of agent, exploration, replay, episodes, evaluation")
    stop_on_no_go: bool = _option(False, "stop, with a checkpoint and exit code 3, on NO-GO")
    limits: tuple[str, ...] = _option((), "name=value limits of the verdict, see td3jax diagnose")

    def __post_init__(self) -> None:
        _require(bool(self.env), "env", self.env, "carla or a gymnasium id")
        for name in ("steps", "train_freq", "gradient_steps", "batch_size", "keep_checkpoints"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        repeats = 1 if self.env == CARLA else max(1, self.action_repeat)
        _require(
            self.action_repeat == repeats,
            "action_repeat",
            self.action_repeat,
            "1 for carla, which has action_ticks; at least 1 for others",
        )
        for name in ("learning_starts", "exploration_noise", "eval_every", "eval_episodes"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        for name in ("final_episodes", "eval_steps", "checkpoint_every", "seed"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        correlation = self.exploration_correlation
        _require(0.0 <= correlation < 1.0, "exploration_correlation", correlation, "in [0, 1)")
        _require(self.log_every >= 1, "log_every", self.log_every, "at least 1")
        _require(self.random_steps >= -1, "random_steps", self.random_steps, "-1 or more")
        _require(self.warm_up in (RANDOM, EXPERT), "warm_up", self.warm_up, "random or expert")
        parse_limits(self.limits)


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run does; a preset is a value of it."""

    agent: AgentConfig = dataclasses.field(default_factory=AgentConfig)
    replay: ReplayConfig = dataclasses.field(default_factory=ReplayConfig)
    env: EnvConfig = dataclasses.field(default_factory=EnvConfig)
    loop: LoopConfig = dataclasses.field(default_factory=LoopConfig)


def resolve(config: RunConfig) -> tuple[RunConfig, list[str]]:
    """The configuration with what does not fit seen to, and one line for each change."""
    loop = config.loop
    notes = []
    longest = loop.steps // 5
    if loop.learning_starts > longest:
        notes.append(
            f"learning_starts cut from {loop.learning_starts:,} to {longest:,}, a fifth of steps"
        )
        loop = dataclasses.replace(loop, learning_starts=longest)
    if loop.random_steps > longest:
        notes.append(
            f"random_steps cut from {loop.random_steps:,} to {longest:,}, a fifth of steps"
        )
        loop = dataclasses.replace(loop, random_steps=longest)
    if loop.warm_up == EXPERT and loop.env != CARLA:
        notes.append(f"warm_up is random: {loop.env} has no expert")
        loop = dataclasses.replace(loop, warm_up=RANDOM)
    return dataclasses.replace(config, loop=loop), notes


def to_json(config: RunConfig) -> str:
    """The text of config.json."""
    return json.dumps(to_dict(config), indent=1) + "\n"


def read_config_file(path: Path, base: RunConfig) -> RunConfig:
    """`base` with what the file says; BadInput, one line, for anything that is not an option."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"{path}: not JSON ({error})") from error
    try:
        return update_from_dict(base, table)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error
