"""The configuration of a run: agent, replay, environment and loop, as config.json has it."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from envs.config import EnvConfig, ServerConfig
from launch.config.tree import replace_leaves, to_dict, update_from_dict
from launch.diagnosis.limits import parse_limits
from launch.errors import BadInput
from td3jax.config import AgentConfig, ReplayConfig
from td3jax.options import Options, option, require

CARLA = "carla"
RANDOM, EXPERT = "random", "expert"
EXPERT_NOISE = (0.1, 0.3, 0.6, 1.0, 3.0)
AUTO, LOCAL = "auto", "local"
PIECE_STEPS = 25
#: other names of the loop's options, in files and flags: those of older runs, and of Ray's users
RENAMED = {"film": "record_video", "collectors": "simulators"}
_CONTAINER_TOOLS = ("docker", "podman", "nerdctl")
_SCHEDULE = ("gradient_steps", "train_freq")  # in files of older runs: their quotient is the ratio


@dataclasses.dataclass(frozen=True)
class LoopConfig(Options):
    """Schedule, seeds, and what is written when."""

    env: str = option(CARLA, "carla, or the id of any gymnasium environment with Box actions")
    env_args: tuple[str, ...] = option(
        (), "name=value arguments of a gymnasium environment's constructor; values as in JSON"
    )
    env_steps: int = option(
        0,
        "time limit of a gymnasium environment's episodes; 0 = its own, or 1000 without one",
        low=0,
    )
    env_seeds: int = option(
        0, "seeds that a gymnasium environment knows, 0 to env_seeds - 1; 0 = any", low=0
    )
    simulators: int = option(
        1, "environments that are stepped side by side, each in its own process for carla", low=1
    )
    servers: tuple[str, ...] = option(
        (), "host:port of running CARLA servers, one for each simulator; none = start stand-ins"
    )
    ray_address: str = option(
        "",
        "Ray cluster whose hosts have the simulators, each a collector in an actor (--collectors=N "
        "is --simulators=N): auto, local (this machine alone) or host:port; empty = none",
    )
    action_repeat: int = option(
        1, "times that a gymnasium environment takes each action; its rewards are summed", low=1
    )
    algorithm: str = option("td3", "td3, or module:NAME (file.py:NAME) of an Algorithm of your own")
    rules: str = option("", "module:NAME (file.py:NAME) of td3jax.Rules: other formulas for td3")
    steps: int = option(5000, "environment steps of the whole run", low=1)
    learning_starts: int = option(
        1000,
        "transitions in the replay buffer before the first update; at most a fifth of steps, so "
        "that short runs learn, unless there are pretrain_updates",
        low=0,
    )
    random_steps: int = option(
        -1, "steps driven by warm_up, then a reset; -1 = learning_starts", low=-1
    )
    warm_up: str = option(
        RANDOM,
        "random | expert: uniform actions, or the expert's (of carla, or of an environment whose "
        "observations have 'expert') under warm_up_noise",
        choices=(RANDOM, EXPERT),
    )
    warm_up_noise: tuple[float, ...] = option(
        EXPERT_NOISE,
        "deviations of the noise on the expert's actions, one for each episode in turn",
        low=0,
    )
    pretrain_updates: int = option(
        0, "gradient steps on the warm-up's transitions before the policy's first step", low=0
    )
    update_ratio: float = option(
        1.0,
        "gradient steps for each environment step once learning has begun; 0.1 is one in ten",
        above=0,
    )
    overlap: bool = option(
        False,
        "simulators and learner run side by side, each as fast as it can, instead of in rounds; "
        "such a run does not repeat itself, and --resume is not exact",
    )
    max_lag: int = option(
        32,
        "with overlap: most updates between the policy of an action and its transition, and most "
        "that may be owed before simulators wait",
        low=1,
    )
    policy_on_collectors: bool = option(
        False,
        "with ray_address and overlap: each collector has a copy of the policy, renewed once a "
        "second, and drives pieces of up to 25 steps by itself; fewer where all at once would earn "
        "more than half of max_lag updates",
    )
    batch_size: int = option(256, "transitions in a batch", low=1)
    devices: int = option(
        1, "GPUs, or other devices of one kind, that share each batch; a divisor of it", low=1
    )
    exploration_noise: float = option(0.1, "standard deviation of the noise on actions", low=0)
    exploration_correlation: float = option(
        0.0,
        "correlation of that noise, and of random actions, from one step to the next",
        low=0,
        below=1,
    )
    eval_every: int = option(
        2500, "steps between evaluations, held between episodes; 0 = never", low=0
    )
    eval_episodes: int = option(3, "episodes of an evaluation", low=0)
    eval_steps: int = option(
        3000,
        "time limit of a CARLA evaluation episode, enough for a route; 0 = episode_steps",
        low=0,
    )
    final_episodes: int = option(3, "episodes of the evaluation at the end; 0 = none", low=0)
    record_video: bool = option(True, "record an episode of the evaluation at the end")
    checkpoint_every: int = option(2500, "steps between checkpoints; 0 = only at the end", low=0)
    keep_checkpoints: int = option(2, "newest checkpoints that stay on disk", low=1)
    save_replay: bool = option(True, "put the replay buffer into checkpoints, to resume exactly")
    log_every: int = option(100, "steps between log points", low=1)
    seed: int = option(
        0, "root of the seeds of agent, exploration, replay, episodes, evaluation", low=0
    )
    stop_on_no_go: bool = option(False, "stop, with a checkpoint and exit code 3, on NO-GO")
    track: str = option(
        "none",
        "none | wandb: also write for Weights & Biases, offline into the run folder unless "
        "WANDB_MODE says otherwise",
        choices=("none", "wandb"),
    )
    limits: tuple[str, ...] = option((), "name=value limits of the verdict, see td3jax diagnose")

    def check(self) -> None:
        """Check the environment's name, arguments and action_repeat, and the verdict's limits."""
        require(bool(self.env), "env", self.env, "carla or a gymnasium id")
        require(
            self.action_repeat == 1 or self.env != CARLA,
            "action_repeat",
            self.action_repeat,
            "1 for carla, which has action_ticks",
        )
        require(bool(self.warm_up_noise), "warm_up_noise", self.warm_up_noise, "at least one")
        parse_arguments(self.env_args)
        none_for_carla = not self.env_args or self.env != CARLA
        require(none_for_carla, "env_args", ",".join(self.env_args), "none for carla")
        _check_servers(self)
        own = self.ray_address in ("", AUTO, LOCAL) or is_address(self.ray_address)
        require(own, "ray_address", self.ray_address, "auto, local or host:port")
        shares = self.batch_size % self.devices == 0
        require(shares, "batch_size", self.batch_size, f"a multiple of --devices={self.devices}")
        parse_limits(self.limits)


def _check_servers(loop: LoopConfig) -> None:
    if not loop.servers:
        return
    given, count = ",".join(loop.servers), len(loop.servers)
    require(loop.env == CARLA, "servers", given, f"none for {loop.env}")
    require(len(set(loop.servers)) == count, "servers", given, "each server once")
    for address in loop.servers:
        near = is_address(address) and parse_address(address)[1] < 65000
        require(near, "servers", address, "host:port, the port below 65000")
    fits = loop.simulators in (1, count)
    require(fits, "simulators", loop.simulators, f"{count}, one for each of --servers")


def piece_steps(loop: LoopConfig) -> int:
    """Steps that a collector with a copy of the policy drives by itself, at most."""
    earned = loop.update_ratio * loop.simulators  # by one step of each
    return max(1, min(PIECE_STEPS, int(loop.max_lag / (2.0 * earned))))


def is_address(text: str) -> bool:
    """Tell whether a text is "host:port"."""
    host, _, port = text.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of an address."""
    host, _, port = text.rpartition(":")
    return host, int(port)


def parse_arguments(words: Sequence[str]) -> dict[str, Any]:
    """Return the arguments that "name=value" words give: JSON values, else text; ValueError."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        require(bool(equals) and name.isidentifier(), "env_args", word, "name=value")
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):  # thousands of digits, or of brackets
            found[name] = text
    return found


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
    if loop.servers:
        loop = dataclasses.replace(loop, simulators=len(loop.servers))
    _check_host(loop, config.env.server)
    if loop.overlap and loop.env != CARLA and not loop.ray_address:
        raise BadInput(f"--overlap: {loop.env} steps in this process, only {CARLA} beside it")
    if loop.policy_on_collectors and not (loop.overlap and loop.ray_address):
        raise BadInput("--policy_on_collectors: only with --ray_address and --overlap")
    if loop.track == "wandb" and importlib.util.find_spec("wandb") is None:
        raise BadInput("--track=wandb: wandb is not installed; pip install 'td3jax[wandb]'")
    notes = _of_containers(config.env.server)
    longest, share = loop.steps // 5, "a fifth of"
    if loop.pretrain_updates:
        longest, share = loop.steps, "all"
    if loop.learning_starts > longest:
        notes.append(
            f"learning_starts cut from {loop.learning_starts:,} to {longest:,}, {share} steps"
        )
        loop = dataclasses.replace(loop, learning_starts=longest)
    if loop.random_steps > longest:
        notes.append(f"random_steps cut from {loop.random_steps:,} to {longest:,}, {share} steps")
        loop = dataclasses.replace(loop, random_steps=longest)
    if loop.overlap:
        notes.append("overlap: this run does not repeat itself, and --resume is not exact")
    if loop.policy_on_collectors:
        notes.append(
            f"policy_on_collectors: pieces of {piece_steps(loop)} steps; a larger --max_lag makes "
            f"them longer, to {PIECE_STEPS}"
        )
    return dataclasses.replace(config, loop=loop), notes


def for_evaluation(config: RunConfig) -> RunConfig:
    """The configuration whose driving environment gives no part that is for training alone."""
    return replace_leaves(config, {"privileged": False})


def _of_containers(server: ServerConfig) -> list[str]:
    """A note where nothing is named that ends a container: its client's death does not."""
    words = shlex.split(server.server_command)
    starts = bool(words) and Path(words[0]).name in _CONTAINER_TOOLS
    if not starts or server.server_stop_command:
        return []
    return [
        f"--server_command starts {Path(words[0]).name}, whose container stays when its client is "
        f"ended: name it, and add --server_stop_command='{words[0]} rm -f NAME'"
    ]


def _check_host(loop: LoopConfig, server: ServerConfig) -> None:
    if server.host and loop.servers:
        raise BadInput(f"--host={server.host}: --servers names all servers; leave --host out")
    if server.server_command and loop.servers:
        raise BadInput("--server_command: no command when --servers are given")
    if server.host and loop.simulators > 1:
        raise BadInput(
            f"--host={server.host}: one server for {loop.simulators} simulators; "
            "give --servers=host:port,host:port"
        )


def to_json(config: RunConfig) -> str:
    """The text of config.json."""
    return json.dumps(to_dict(config), indent=1) + "\n"


def read_config_file(path: Path, base: RunConfig) -> RunConfig:
    """`base` with what the file says; BadInput, one line, for anything that is not an option."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error})") from error
    _rename(table)
    try:
        return update_from_dict(base, table)
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error


def _rename(table: object) -> None:
    loop = table.get("loop") if isinstance(table, dict) else None
    if not isinstance(loop, dict):
        return
    for old, new in RENAMED.items():
        if old in loop:
            loop.setdefault(new, loop.pop(old))
    counts = [loop.get(name, 1) for name in _SCHEDULE]
    known = all(type(n) is int and 0 < n < 2**31 for n in counts)
    if known and not loop.keys().isdisjoint(_SCHEDULE):
        loop.setdefault("update_ratio", counts[0] / counts[1])
        for name in _SCHEDULE:
            loop.pop(name, None)
