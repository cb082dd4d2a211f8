"""The evaluation of one policy in an environment of its own, as a JSON file."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from launch.config.run import RunConfig
from launch.errors import DONE
from launch.files import write_whole
from launch.signals import StopRequest
from launch.training import checkpoint, policies, seeds
from launch.training.environments import Env, make_env, spaces_of
from launch.training.evaluation import Stopped, make_video, run_episodes, table
from launch.training.machine import cache_compilations, tune
from launch.training.policies import Policy
from launch.training.video import kept

POLICIES = ("checkpoint", "random", "expert")


@dataclasses.dataclass(frozen=True)
class PolicyEvaluation:
    """What to evaluate: one of POLICIES, its checkpoint, the environment, and where results go."""

    policy: str
    path: Path | None
    config: RunConfig
    episodes: int
    out: Path
    video: Path | None


def evaluate_policy(plan: PolicyEvaluation, stop: StopRequest) -> int:
    """Run the episodes, write the JSON file and print it; returns the exit code."""
    cache_compilations()
    with tempfile.TemporaryDirectory() as scratch:
        env = make_env(plan.config, Path(scratch) / "simulator.log")
        try:
            measured = _measure(plan, env, stop)
        except Stopped:
            print(f"evaluate: stopped by {stop.name}; nothing was written", file=sys.stderr)
            return stop.exit_code
        finally:
            env.close()
    loop = plan.config.loop
    head = {"policy": plan.policy, "env": loop.env, "seed": loop.seed}
    text = json.dumps({**head, **measured}, indent=1) + "\n"
    write_whole(plan.out, text)
    print(text, end="")
    return DONE


def _measure(plan: PolicyEvaluation, env: Env, stop: StopRequest) -> dict[str, object]:
    tune(spaces_of(env))
    policy, loop = _policy(plan, env), plan.config.loop
    with kept(make_video(plan.video, env)) as video:
        results = run_episodes(
            env,
            policy,
            plan.episodes,
            loop.seed,
            video,
            stop=lambda: bool(stop),
            steps=loop.eval_steps,
        )
    return table(results)


def _policy(plan: PolicyEvaluation, env: Env) -> Policy:
    spaces = spaces_of(env)
    if plan.policy == "expert":
        return policies.expert
    if plan.policy == "random":
        return policies.uniform(spaces.action, seeds.generator(plan.config.loop.seed, "random"))
    assert plan.path is not None
    return policies.greedy(checkpoint.read(plan.path, plan.config, spaces).state)
