"""Evaluate a policy: `python -m launch.evaluate --policy=expert --episodes=10`; --help for flags.

Prints a JSON object and writes it to --out: summary, standard deviations, every episode. Exit
codes as of launch.train.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from envs.config import with_options
from envs.errors import EnvError
from launch.cli import guarded, wants_help
from launch.config.flags import Command, Extra
from launch.config.run import CARLA, RunConfig
from launch.errors import BadInput
from launch.signals import StopRequest, stop_on_signals
from launch.training import checkpoint, policies, seeds
from launch.training.environments import Env, make_env, spaces_of
from launch.training.evaluation import Stopped, make_film, run_episodes, table
from launch.training.folder import SIMULATOR_LOG, write_whole
from launch.training.machine import cache_compilations, tune
from launch.training.policies import Policy
from launch.training.session import find_algorithm

POLICIES = ("checkpoint", "random", "expert")
COMMAND = Command(
    "evaluate",
    "Drives episodes without learning: a checkpoint's policy, random actions or the expert.",
    [
        Extra("policy", str, "checkpoint", "checkpoint | random | expert (carla only)"),
        Extra("checkpoint", str, "", "run folder or checkpoint; its configuration is the base"),
        Extra("episodes", int, 10, "episodes to run; their seeds follow from --seed"),
        Extra("out", str, "", "JSON file; empty = evaluation-POLICY.json in the run or here"),
        Extra("video", str, "", "MP4 file of the first episode"),
    ],
)


def main(argv: Sequence[str]) -> int:
    """Entry point; returns the exit code."""
    if wants_help(argv):
        print(COMMAND.help(), end="")
        return 0

    def body() -> int:
        with stop_on_signals() as stop:
            return run(argv, stop)

    return guarded("evaluate", body)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the flags ask for."""

    policy: str
    path: Path | None
    config: RunConfig
    episodes: int
    out: Path
    film: Path | None


def run(argv: Sequence[str], stop: StopRequest) -> int:
    """One evaluation, from flags to JSON; returns the exit code."""
    plan = make_plan(COMMAND.parse(argv))
    cache_compilations()
    scratch = Path(tempfile.mkdtemp(prefix="td3jax-evaluate-"))
    failed = False
    try:
        return _evaluate(plan, stop, scratch / SIMULATOR_LOG)
    except EnvError:
        failed = True  # the error names the simulator's log, which is there
        raise
    finally:
        if not failed:
            shutil.rmtree(scratch, ignore_errors=True)


def _tell(line: str) -> None:
    print(f"simulator: {line}", file=sys.stderr, flush=True)


def _evaluate(plan: Plan, stop: StopRequest, log: Path) -> int:
    env = make_env(plan.config, log, _tell)
    try:
        tune(spaces_of(env))
        policy = _policy(plan, env)
        film = make_film(plan.film, env)
        try:
            loop = plan.config.loop
            results = run_episodes(
                env,
                policy,
                plan.episodes,
                loop.seed,
                film,
                stop=lambda: bool(stop),
                steps=loop.eval_steps,
            )
            if film is not None:
                film.close()
        finally:
            if film is not None:
                film.discard()
    except Stopped:
        print(f"evaluate: stopped by {stop.name}; nothing was written", file=sys.stderr)
        return stop.exit_code
    finally:
        env.close()
    head = {"policy": plan.policy, "env": plan.config.loop.env, "seed": plan.config.loop.seed}
    text = json.dumps({**head, **table(results)}, indent=1) + "\n"
    write_whole(plan.out, text)
    print(text, end="")
    return 0


def make_plan(given: dict[str, Any]) -> Plan:
    """The flags, checked; BadInput for what does not go together."""
    extra: Callable[[str], Any] = lambda name: COMMAND.extra(given, name)  # noqa: E731
    policy, folder, episodes = extra("policy"), extra("checkpoint"), extra("episodes")
    if policy not in POLICIES:
        raise BadInput(f"--policy={policy}: expected one of {', '.join(POLICIES)}")
    if policy == "checkpoint" and not folder:
        raise BadInput("--policy=checkpoint needs --checkpoint=RUN_FOLDER")
    if episodes < 1:
        raise BadInput(f"--episodes={episodes}: expected at least 1")
    path = checkpoint.find(Path(folder)) if folder else None
    config = COMMAND.configuration(given, checkpoint.read_config(path) if path else None)
    if policy == "expert":
        if config.loop.env != CARLA:
            raise BadInput(f"--policy=expert: only env {CARLA} has an expert")
        config = dataclasses.replace(config, env=with_options(config.env, expert_hints=True))
    home = path.parent.parent if path else Path()
    out = Path(extra("out") or home / f"evaluation-{policy}.json")
    film = Path(extra("video")) if extra("video") else None
    for file in filter(None, (out, film)):
        if not file.parent.is_dir():
            raise BadInput(f"{file}: there is no folder {file.parent}")
    return Plan(policy, path, config, episodes, out, film)


def _policy(plan: Plan, env: Env) -> Policy:
    spaces = spaces_of(env)
    if plan.policy == "expert":
        return policies.expert
    if plan.policy == "random":
        return policies.uniform(spaces.action, seeds.generator(plan.config.loop.seed, "random"))
    assert plan.path is not None
    algorithm = find_algorithm(plan.config)
    state = checkpoint.read(plan.path, plan.config, spaces, algorithm).state
    return policies.greedy(algorithm, state)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
