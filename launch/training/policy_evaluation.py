"""Evaluation of policies in an environment of its own: a JSON file for each, and a table."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from envs.errors import EnvError, SimulatorUnavailable
from launch.config.run import CARLA, RunConfig
from launch.config.tree import to_dict
from launch.diagnosis.limits import parse_limits
from launch.errors import DONE, BadInput
from launch.page.write import PAGE, write_evaluation_page, write_run_page
from launch.scores import HIDDEN, SCRIPTED
from launch.signals import StopRequest
from launch.training import checkpoint, policies, seeds
from launch.training.environments import Env, make_env, spaces_of, steps_per_second
from launch.training.evaluation import EpisodeResult, Record, Stopped, run_episodes, unrecorded
from launch.training.evaluation_file import write_evaluation
from launch.training.extremes import drive_again, extremes, run_recorded, video_of
from launch.training.folder import SIMULATOR_LOG
from launch.training.gif import liveliest, write_gif
from launch.training.machine import cache_compilations, tune
from launch.training.policies import Policy
from launch.training.progress import episodes_line
from launch.training.recorder import Values, recorded, render_trouble
from launch.training.remedy import remedy
from launch.training.scoreboard import scoreboard
from launch.training.session import find_algorithm
from td3jax.batch import TRAINING_PARTS
from td3jax.config import Spaces

Each = Callable[[Sequence[EpisodeResult]], None]


@dataclasses.dataclass(frozen=True)
class Gif:
    """A file, and the second of the episode that it starts at; negative = the liveliest."""

    path: Path
    start: float


@dataclasses.dataclass(frozen=True)
class PolicyEvaluation:
    """An evaluation: the JSON file of each of some POLICIES, the checkpoint, the environment.

    video: whether the best and the worst episode are recorded; gif: a part of the best.
    """

    outs: Mapping[str, Path]
    path: Path | None
    config: RunConfig
    episodes: int
    video: bool = False
    gif: Gif | None = None


def evaluate_policies(plan: PolicyEvaluation, stop: StopRequest) -> int:
    """Run every policy on the same episodes, write their files, print a table; the exit code.

    A policy's file is written when its episodes are done.
    """
    cache_compilations()
    results: dict[str, list[EpisodeResult]] = {}
    with _scratch() as folder:
        env = make_env(plan.config, folder / SIMULATOR_LOG, _tell)
        try:
            _check_parts(spaces_of(env))
            _check_video(plan, env)
            tune(spaces_of(env))
            for policy in plan.outs:
                _measure(plan, policy, env, stop, folder, results)
            written = _written(plan, results, env)
        except Stopped:
            done = [str(plan.outs[policy]) for policy in results] or ["nothing"]
            print(f"evaluate: stopped by {stop.name}; written: {', '.join(done)}", file=sys.stderr)
            return stop.exit_code
        except SimulatorUnavailable as error:
            what = remedy(plan.config, folder / SIMULATOR_LOG)
            raise SimulatorUnavailable(f"{error}; {what}") from error
        finally:
            env.close()
    print(*scoreboard(results), sep="\n")
    print(f"page: {_page(plan)}")
    print(*(f"written: {path}" for path in written), sep="\n")
    return DONE


def _page(plan: PolicyEvaluation) -> Path:
    """Write the page of the run that was evaluated, else one beside the files."""
    run = checkpoint.run_folder(plan.path) if plan.path else None
    names = [f"evaluation-{policy}.json" for policy in plan.outs]
    if run is None or list(plan.outs.values()) != [run / name for name in names]:
        return write_evaluation_page(plan.outs, to_dict(plan.config))
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


def _check_video(plan: PolicyEvaluation, env: Env) -> None:
    """Raise BadInput where pictures are wanted of an environment that has none."""
    trouble = render_trouble(env) if plan.video else ""
    if trouble:
        raise BadInput(f"--video: {trouble}")


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
    plan: PolicyEvaluation,
    policy: str,
    env: Env,
    stop: StopRequest,
    scratch: Path,
    results: dict[str, list[EpisodeResult]],
) -> None:
    """Put a policy's episodes into `results`, write its file, and record two of them if wanted."""
    loop, out = plan.config.loop, plan.outs[policy]
    driver, values = _driver(plan, policy, env)

    def run(record: Record = unrecorded, **options: Any) -> list[EpisodeResult]:
        with _shown(policy, plan.episodes, options) as each:
            told = {"stop": lambda: bool(stop), "steps": loop.eval_steps, **options, "each": each}
            return run_episodes(env, driver, plan.episodes, loop.seed, record, **told)

    def write(videos: Sequence[Mapping[str, Any]]) -> None:
        head = {"policy": policy, "env": loop.env, "seed": loop.seed}
        write_evaluation(out, head | ({"videos": videos} if videos else {}), results[policy], env)

    place = partial(recorded, env=env, values=values)
    videos: Sequence[Mapping[str, Any]] = ()
    if plan.video and not _repeats(plan.config, policy):
        results[policy], videos = run_recorded(run, place, out, scratch)
    else:
        results[policy] = run()
    write(videos)
    if plan.video and not videos:
        write(drive_again(run, results[policy], place, out, _warn))


@contextlib.contextmanager
def _shown(policy: str, count: int, options: Mapping[str, Any]) -> Iterator[Each]:
    """Show how many episodes are done; gives what is told after each, options' own included."""
    only, own = options.get("only"), options.get("each")
    name = policy if only is None else f"{policy}, recording"
    with episodes_line(name, count if only is None else len(only)) as line:

        def each(results: Sequence[EpisodeResult]) -> None:
            line.set_postfix_str(_so_far(results), False)
            line.update(1)
            if own is not None:
                own(results)

        yield each


def _so_far(results: Sequence[EpisodeResult]) -> str:
    if all("driving_score" in result.metrics for result in results):
        return f"driving score {mean(result.metrics['driving_score'] for result in results):.0f}"
    return f"return {mean(result.total for result in results):.1f}"


def _repeats(config: RunConfig, policy: str) -> bool:
    """Whether the same seed gives the same episode again: on the stand-in, without chance."""
    server = config.env.server
    ours = not (server.host or server.server_command or config.loop.servers)
    return config.loop.env == CARLA and ours and policy != "random"


def _written(
    plan: PolicyEvaluation, results: Mapping[str, Sequence[EpisodeResult]], env: Env
) -> list[Path]:
    """Write the GIF; return the files of the evaluation."""
    files: list[Path] = []
    for policy, out in plan.outs.items():
        chosen = extremes(results[policy])
        files += [video_of(out, what) for what in chosen if plan.video]
        if plan.gif is not None:
            step = 1.0 / steps_per_second(env)
            points = results[policy][chosen["best"]].track.points
            start = plan.gif.start if plan.gif.start >= 0.0 else liveliest(points, step)
            write_gif(video_of(out, "best"), plan.gif.path, start)
            files.append(plan.gif.path)
        files.append(out)
    return files


def _warn(line: str) -> None:
    print(f"evaluate: {line}", file=sys.stderr, flush=True)


def _driver(plan: PolicyEvaluation, policy: str, env: Env) -> tuple[Policy, Values | None]:
    """Return the driver, and its critic's values where they can be had."""
    spaces = spaces_of(env)
    if policy in SCRIPTED:
        return policies.scripted(policy), None
    if policy == "random":
        rng = seeds.generator(plan.config.loop.seed, "random")
        return policies.uniform(spaces.action, rng), None
    assert plan.path is not None
    algorithm = find_algorithm(plan.config)
    trained = checkpoint.read_spaces(plan.path)
    if trained.policy == spaces:  # the critic may have read more
        spaces = trained
    state = checkpoint.read(plan.path, plan.config, spaces, algorithm).state
    values = policies.critics(algorithm, state) if spaces.privileged is None else None
    driver = policies.greedy(algorithm, state)
    if policy in HIDDEN:
        driver = policies.hidden(policy, driver, plan.config, spaces)
    return driver, values
