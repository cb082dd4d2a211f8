"""Evaluation of policies in an environment of its own: a JSON file for each, and a table."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from envs.errors import EnvError
from launch.config.run import RunConfig
from launch.config.tree import to_dict
from launch.diagnosis.limits import parse_limits
from launch.errors import DONE, BadInput
from launch.page.write import PAGE, write_evaluation_page, write_run_page
from launch.scores import SCRIPTED
from launch.signals import StopRequest
from launch.training import checkpoint, policies, seeds
from launch.training.environments import Env, make_env, spaces_of
from launch.training.evaluation import EpisodeResult, Stopped, run_episodes
from launch.training.evaluation_file import write_evaluation
from launch.training.folder import SIMULATOR_LOG
from launch.training.machine import cache_compilations, tune
from launch.training.policies import Policy
from launch.training.scoreboard import scoreboard
from launch.training.session import find_algorithm
from launch.training.video import kept, make_video
from td3jax.batch import TRAINING_PARTS
from td3jax.config import Spaces


@dataclasses.dataclass(frozen=True)
class PolicyEvaluation:
    """An evaluation: the JSON file of each of some POLICIES, the checkpoint, the environment."""

    outs: Mapping[str, Path]
    path: Path | None
    config: RunConfig
    episodes: int
    video: Path | None


def evaluate_policies(plan: PolicyEvaluation, stop: StopRequest) -> int:
    """Run every policy on the same episodes, write their files, print a table; the exit code.

    A policy's file is written when its episodes are done.
    """
    cache_compilations()
    loop, results = plan.config.loop, {}
    with _scratch() as folder:
        env = make_env(plan.config, folder / SIMULATOR_LOG, _tell)
        try:
            _check_parts(spaces_of(env))
            tune(spaces_of(env))
            for policy, out in plan.outs.items():
                results[policy] = _measure(plan, policy, env, stop)
                head = {"policy": policy, "env": loop.env, "seed": loop.seed}
                write_evaluation(out, head, results[policy], env)
        except Stopped:
            written = [str(plan.outs[policy]) for policy in results] or ["nothing"]
            print(
                f"evaluate: stopped by {stop.name}; written: {', '.join(written)}", file=sys.stderr
            )
            return stop.exit_code
        finally:
            env.close()
    print(*scoreboard(results), sep="\n")
    print(f"page: {_page(plan)}")
    print(*(f"written: {out}" for out in plan.outs.values()), sep="\n")
    return DONE


def _page(plan: PolicyEvaluation) -> Path:
    """Write the page of the run that was evaluated, else one beside the files."""
    run = checkpoint.run_folder(plan.path) if plan.path else None
    names = [f"evaluation-{policy}.json" for policy in plan.outs]
    if run is None or list(plan.outs.values()) != [run / name for name in names]:
        return write_evaluation_page(plan.outs, to_dict(plan.config), plan.video)
    write_run_page(run, parse_limits(plan.config.loop.limits))
    return run / PAGE


def _check_parts(spaces: Spaces) -> None:
    """Raise BadInput where the environment tells policies what they could not know on a road."""
    parts = [name for name in TRAINING_PARTS if getattr(spaces, name)]
    if parts:
        raise BadInput(
            f"the environment gives {' and '.join(parts)}, which is for training alone: evaluate "
            "without it (--env_args)"
        )


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


def _measure(
    plan: PolicyEvaluation, policy: str, env: Env, stop: StopRequest
) -> list[EpisodeResult]:
    loop = plan.config.loop
    with kept(make_video(plan.video, env)) as video:
        return run_episodes(
            env,
            _driver(plan, policy, env),
            plan.episodes,
            loop.seed,
            video,
            stop=lambda: bool(stop),
            steps=loop.eval_steps,
        )


def _driver(plan: PolicyEvaluation, policy: str, env: Env) -> Policy:
    spaces = spaces_of(env)
    if policy in SCRIPTED:
        return policies.scripted(policy)
    if policy == "random":
        return policies.uniform(spaces.action, seeds.generator(plan.config.loop.seed, "random"))
    assert plan.path is not None
    algorithm = find_algorithm(plan.config)
    trained = checkpoint.read_spaces(plan.path)
    if trained.policy == spaces:  # the critic may have read more
        spaces = trained
    state = checkpoint.read(plan.path, plan.config, spaces, algorithm).state
    return policies.greedy(algorithm, state)
