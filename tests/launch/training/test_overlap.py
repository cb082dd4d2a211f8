"""Simulators and learner side by side: bounds, the ratio, faults, checkpoints."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_support import SplitToyEnv, column, overlapping, session

from envs.errors import SimulatorFault, SimulatorUnavailable
from launch.config.run import RunConfig, resolve
from launch.config.tree import replace_leaves
from launch.errors import BadInput, LaunchError
from launch.training import checkpoint
from launch.training.loop import train
from launch.training.session import Session
from td3jax.replay.ring import TRUNCATED


class SlowEnv(SplitToyEnv):
    """A step takes its time, in the thread that waits for it."""

    def __init__(self, length: int, seconds: float, at: Any = None) -> None:
        super().__init__(length, at)
        self.seconds, self.threads, self.seeds = seconds, set[str](), list[int]()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        assert seed is not None
        self.seeds.append(seed)
        return super().reset(seed=seed, options=options)

    def step_wait(self) -> Any:
        self.threads.add(threading.current_thread().name)
        time.sleep(self.seconds)
        return super().step_wait()


def run(folder: Path, envs: list[Any], **values: Any) -> Session:
    made = session(overlapping(simulators=len(envs), **values), folder, envs)
    assert train(made)
    made.close()
    return made


def test_a_fast_simulator_does_not_wait_for_a_slow_one(tmp_path: Path) -> None:
    envs = [SlowEnv(25, 0.0), SlowEnv(25, 0.05)]
    done = run(tmp_path / "run", envs, steps=200, learning_starts=1000)
    assert done.step == sum(env.inner.total for env in envs) == 200
    assert envs[0].inner.total > 2 * envs[1].inner.total
    assert all("simulator" in name for env in envs for name in env.threads)


@pytest.mark.parametrize(
    "overlap", [pytest.param(False, marks=pytest.mark.slow), True], ids=["rounds", "overlap"]
)
def test_the_slowest_simulator_is_named(
    tmp_path: Path, overlap: bool, capfd: pytest.CaptureFixture
) -> None:
    envs = [SlowEnv(25, 0.0), SlowEnv(25, 0.1), SlowEnv(25, 0.0)]
    run(tmp_path / "run", envs, steps=60, overlap=overlap)
    assert column(tmp_path / "run", "time/slowest_simulator")[-1] == 1.0
    assert column(tmp_path / "run", "time/slowest_step_seconds")[-1] >= 0.1
    assert "slowest simulator 1, 0." in capfd.readouterr().err


@pytest.mark.parametrize("ratio", [pytest.param(0.25, marks=pytest.mark.slow), 1.0, 3.0])
def test_the_ratio_is_kept_and_the_lag_is_bounded_and_logged(tmp_path: Path, ratio: float) -> None:
    envs = [SlowEnv(25, 0.0), SlowEnv(7, 0.002), SlowEnv(10, 0.01)]
    done = run(tmp_path / "run", envs, steps=240, update_ratio=ratio, max_lag=5)
    (updates,) = column(tmp_path / "run", "agent/total_iterations")[-1:]
    assert updates == done.learner.updates == int(ratio * (240 - 20))
    lags = column(tmp_path / "run", "agent/policy_lag_max")
    means = column(tmp_path / "run", "agent/policy_lag_mean")
    assert max(lags) <= 5
    assert 0 < means[-1] <= max(lags)
    assert column(tmp_path / "run", "train/critic_loss")


def test_every_episode_is_whole_in_the_buffer_and_has_a_seed_of_its_own(tmp_path: Path) -> None:
    envs = [SlowEnv(25, 0.0), SlowEnv(7, 0.001), SlowEnv(10, 0.002)]
    done = run(tmp_path / "run", envs, steps=300, learning_starts=0, random_steps=0)
    ring = done.buffer._ring
    ends = np.flatnonzero(ring.end[: done.buffer.size] == TRUNCATED)
    assert set(np.diff([-1, *ends.tolist()]).tolist()) <= {25, 7, 10}
    open_steps = sum(len(collector.rewards) for collector in done.simulators.collectors)
    assert done.buffer.size + open_steps == 300
    used = [seed for env in envs for seed in env.seeds]
    assert len(set(used)) == len(used)


def test_a_fault_loses_its_transition_alone(tmp_path: Path) -> None:
    def at(total: int) -> float:
        if total == 30:
            raise SimulatorFault("the client process died during step")
        return 1.0

    envs = [SlowEnv(25, 0.0, at), SlowEnv(7, 0.001)]
    done = run(tmp_path / "run", envs, steps=150)
    assert [collector.faults for collector in done.simulators.collectors] == [1, 0]
    assert sum(env.inner.total for env in envs) == 151
    assert done.step == 150


def test_a_simulator_that_is_given_up_ends_the_run_with_a_checkpoint(tmp_path: Path) -> None:
    class Gone(SlowEnv):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            if self.inner.total:
                raise SimulatorUnavailable("gave up after 5 restarts within an hour")
            return super().reset(seed=seed, options=options)

    made = session(overlapping(simulators=2), tmp_path / "run", [SlowEnv(25, 0.0), Gone(7, 0.001)])
    with pytest.raises(LaunchError, match=r"gave up after 5 restarts.*; checkpoint"):
        train(made)
    made.close()
    assert checkpoint.find(tmp_path / "run").name.startswith("step-")


def test_a_checkpoint_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(folder, [SlowEnv(25, 0.0), SlowEnv(7, 0.001)], steps=130)
    config = overlapping(simulators=2, steps=200)
    envs = [SlowEnv(25, 0.0), SlowEnv(7, 0.001)]
    again = session(config, folder, envs, resume=checkpoint.find(folder))
    assert again.step == 130
    assert again.learner.updates == 110
    assert train(again)
    again.close()
    assert again.learner.updates == 180


def test_evaluations_take_the_first_simulator_between_its_episodes(tmp_path: Path) -> None:
    envs = [SlowEnv(25, 0.0), SlowEnv(7, 0.001)]
    done = run(tmp_path / "run", envs, steps=300, eval_every=100, eval_steps=25)
    assert len(column(tmp_path / "run", "eval/return")) == 2
    assert sum(env.inner.total for env in envs) == 300 + 2 * 25
    assert done.evaluated >= 200


def test_an_environment_in_this_process_is_refused() -> None:
    config = replace_leaves(RunConfig(), {"overlap": True, "env": "Pendulum-v1"})
    with pytest.raises(BadInput, match="--overlap: Pendulum-v1 steps in this process"):
        resolve(config)
    _, notes = resolve(replace_leaves(RunConfig(), {"overlap": True}))
    assert "does not repeat itself" in notes[-1]
