"""The evaluation of one policy in an environment of its own, as a JSON file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from envs.errors import EnvError
from launch.config.run import RunConfig
from launch.errors import DONE
from launch.files import write_whole
from launch.signals import StopRequest
from launch.training import checkpoint, policies, seeds
from launch.training.environments import Env, make_env, spaces_of
from launch.training.evaluation import Stopped, make_video, run_episodes, table
from launch.training.folder import SIMULATOR_LOG
from launch.training.machine import cache_compilations, tune
from launch.training.policies import Policy
from launch.training.session import find_algorithm
from launch.training.video import kept

SCRIPTED = ("expert", "blind")
POLICIES = ("checkpoint", "random", *SCRIPTED)


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
    with _scratch() as folder:
        env = make_env(plan.config, folder / SIMULATOR_LOG, _tell)
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


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a temporary folder; it stays where the simulator failed, as the error names its log."""
    folder = Path(tempfile.mkdtemp(prefix="td3jax-evaluate-"))
    try:
        yield folder
    except EnvError:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(line: str) -> None:
    print(f"simulator: {line}", file=sys.stderr, flush=True)


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
    if plan.policy in SCRIPTED:
        return policies.scripted(plan.policy)
    if plan.policy == "random":
        return policies.uniform(spaces.action, seeds.generator(plan.config.loop.seed, "random"))
    assert plan.path is not None
    algorithm = find_algorithm(plan.config)
    state = checkpoint.read(plan.path, plan.config, spaces, algorithm).state
    return policies.greedy(algorithm, state)
