"""Settings of a run that explain its scalars: schedule, discount and clipping."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class RunFacts:
    """Settings that explain scalars; None where the run does not say.

    driving: the task is the driving of envs, which limits in units of its reward are made for.
    rewards_enlarged: rewards are normalised or scaled up, so that Q may exceed the logged returns.
    """

    discount: float | None = None
    tau: float | None = None
    policy_delay: int | None = None
    learning_starts: int | None = None
    update_ratio: float | None = None
    actor_clip_norm: float | None = None
    critic_clip_norm: float | None = None
    n_step: int | None = None
    learning_rate: float | None = None
    actor_rate: float | None = None
    driving: bool | None = None
    rewards_enlarged: bool | None = None


_NAMES = {
    "discount": ("discount", "gamma"),
    "tau": ("tau",),
    "policy_delay": ("policy_delay", "policy_freq", "policy_frequency"),
    "learning_starts": ("learning_starts", "update_after"),
    "update_ratio": ("update_ratio",),
    "actor_clip_norm": ("actor_clip_norm",),
    "critic_clip_norm": ("critic_clip_norm",),
    "n_step": ("n_step", "nstep"),
    "learning_rate": ("learning_rate", "lr"),
    "actor_rate": ("actor_lr", "policy_lr", "pi_lr", "actor_learning_rate"),
}
_DRIVING = "carla"  # the value of env in the section loop of our config.json


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield name, value


def facts_from_config(config: Mapping[str, Any]) -> RunFacts:
    """Find facts by field name in a nested configuration of ours or of another library."""
    leaves = {
        name: value
        for name, value in _leaves(config)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    found: dict[str, Any] = {}
    for field, names in _NAMES.items():
        known = [leaves[name] for name in names if name in leaves]
        if known:
            found[field] = known[0]
    steps = leaves.get("gradient_steps")
    every = leaves.get("train_freq", leaves.get("update_every"))
    if steps and every:  # as other libraries put it
        found.setdefault("update_ratio", steps / every)
    replay = config.get("replay")
    if isinstance(replay, Mapping):
        scale = replay.get("reward_scale", 1.0)
        found["rewards_enlarged"] = bool(replay.get("reward_normalise")) or scale > 1.0
    loop = config.get("loop")
    if isinstance(loop, Mapping) and isinstance(loop.get("env"), str):
        found["driving"] = loop["env"] == _DRIVING
    return RunFacts(**found)


def section(config: Mapping[str, Any] | None, *names: str) -> Mapping[str, Any]:
    """A section of a configuration; empty where it has none."""
    here: Any = config
    for name in names:
        here = here.get(name) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else {}


def two_time_limits(config: Mapping[str, Any] | None) -> bool:
    """True where evaluations have another time limit than training: their returns differ."""
    limit = section(config, "loop").get("eval_steps")
    training = section(config, "env", "task").get("episode_steps")
    return section(config, "loop").get("env") == _DRIVING and limit not in (0, None, training)


def read_config(folder: Path) -> dict[str, Any] | None:
    """The config.json of a run folder; None without one. ValueError if it is not JSON."""
    path = folder / "config.json"
    if not path.is_file():
        return None
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not readable as JSON ({error}); mend or remove it") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}: expected a JSON object, found {type(config).__name__}")
    return config
