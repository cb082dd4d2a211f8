"""Simulators in Ray actors: real processes, of a cluster that each test module starts."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_support import TOY, as_flags, column, logged, session, tiny

from envs.errors import SimulatorFault
from launch.config.run import LoopConfig, RunConfig
from launch.config.run_flags import from_checkpoint
from launch.config.tree import replace_leaves
from launch.errors import BadInput
from launch.train import main
from launch.training import checkpoint, seeds
from launch.training.environments import make_envs, spaces_of, start_episode
from launch.training.loop import train
from launch.training.pieces import Piece, Weights
from launch.training.remote import RemoteEnv, cluster, remote_envs
from launch.training.session import Session
from td3jax import ALGORITHMS
from td3jax.replay.ring import TRUNCATED

COPIES = {"overlap": True, "policy_on_collectors": True, "ray_address": "local"}


@pytest.fixture(scope="module")
def scale() -> None:
    pytest.importorskip("ray", reason="the extra [scale] is not installed")


@pytest.fixture(scope="module")
def two_cpus(scale: None) -> Iterator[None]:
    with quiet() as stack:
        stack.enter_context(cluster(LoopConfig(ray_address="local", simulators=2)))
        yield


@contextlib.contextmanager
def quiet() -> Iterator[contextlib.ExitStack]:
    """A stack whose end warns of nothing: Ray does not wait for the processes that it ends."""
    stack = contextlib.ExitStack()
    try:
        yield stack
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            stack.close()
            gc.collect()


def toy(**values: Any) -> RunConfig:
    return tiny(**{**TOY, **values})


class Killed(RemoteEnv):
    """Kills its actor's process before one of its steps."""

    killed_at, steps = 30, 0

    def step_async(self, action: np.ndarray) -> None:
        self.steps += 1
        if self.steps == self.killed_at:
            os.kill(self.process(), signal.SIGKILL)
        super().step_async(action)


class KilledDriving(RemoteEnv):
    """Kills its actor's process before one of the pieces that it drives."""

    pieces = 0

    def drive(self, weights: Weights, noise: np.ndarray) -> Piece:
        self.pieces += 1
        if self.pieces == 4:
            os.kill(self.process(), signal.SIGKILL)
        return super().drive(weights, noise)


def run(config: RunConfig, folder: Path, envs: list[RemoteEnv]) -> Session:
    made = session(config, folder, envs)
    assert train(made)
    made.close()
    return made


def remote(config: RunConfig, said: list[str], killed: int = -1) -> list[RemoteEnv]:
    """The configuration's environments, the actor of one of them killed at its step 30."""
    kinds = [Killed if i == killed else RemoteEnv for i in range(config.loop.simulators)]
    envs = [kind(config, index, said.append) for index, kind in enumerate(kinds)]
    for env in envs:
        env.ready()
    return envs


def closed(envs: list[RemoteEnv]) -> None:
    for env in envs:
        env.close()


@pytest.mark.parametrize("count", [1, 2])
def test_in_rounds_it_is_the_run_of_this_process_bit_for_bit(
    tmp_path: Path, two_cpus: None, count: int
) -> None:
    config = toy(simulators=count, update_ratio=0.5, checkpoint_every=70)
    envs = remote_envs(config)
    run(config, tmp_path / "there", envs)
    closed(envs)
    here = session(config, tmp_path / "here")
    assert train(here)
    here.close()
    assert here.learner.updates > 40
    assert logged(tmp_path / "there") == logged(tmp_path / "here")
    ours, theirs = (checkpoint.find(tmp_path / name) for name in ("here", "there"))
    names = {name for name, _ in checkpoint._files(ours)} - {"loop.json"}  # has metrics_bytes
    assert "state.msgpack" in names
    assert any(name.startswith("replay") for name in names)
    for name in names:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


@pytest.mark.parametrize("overlap", [False, True], ids=["rounds", "overlap"])
def test_a_killed_actor_loses_a_transition_and_is_replaced(
    tmp_path: Path, two_cpus: None, overlap: bool
) -> None:
    config, said = toy(simulators=2, update_ratio=0.2, overlap=overlap, max_lag=4), list[str]()
    envs = remote(config, said, killed=1)
    before = [env.process() for env in envs]
    done = run(config, tmp_path / "run", envs)
    after = [env.process() for env in envs]
    closed(envs)
    assert (done.step, done.learner.updates) == (120, 20)
    assert [collector.faults for collector in done.simulators.collectors] == [0, 1]
    assert after[0] == before[0]
    assert after[1] != before[1]
    (line,) = [line for line in said if "waits for a free CPU" not in line]  # where that is slow
    assert line.startswith(f"collector 1 on {socket.gethostname()}: The actor died")
    ring, gathered = done.buffer._ring, sum(len(c.rewards) for c in done.simulators.collectors)
    assert done.buffer.size + gathered == 120
    assert (ring.end[: done.buffer.size] == TRUNCATED).any()
    if overlap:
        lags = column(tmp_path / "run", "agent/policy_lag_max")
        assert lags
        assert max(lags) <= 4


def test_a_killed_actor_that_drives_by_itself_loses_its_piece(
    tmp_path: Path, two_cpus: None
) -> None:
    config, said = toy(**COPIES, simulators=2, update_ratio=0.2, max_lag=4), list[str]()
    envs = [RemoteEnv(config, 0, said.append), KilledDriving(config, 1, said.append)]
    for env in envs:
        env.ready()
    done = run(config, tmp_path / "run", envs)
    closed(envs)
    assert (done.step, done.learner.updates) == (120, 20)
    assert [collector.faults for collector in done.simulators.collectors] == [0, 1]
    assert any("The actor died" in line for line in said)
    gathered = sum(len(c.rewards) for c in done.simulators.collectors)
    assert done.buffer.size + gathered == 120
    assert 0 < max(column(tmp_path / "run", "agent/policy_lag_max")) <= 4


def test_pieces_are_what_the_actor_s_environment_gave(tmp_path: Path, two_cpus: None) -> None:
    config = toy(**COPIES, steps=80, learning_starts=20, checkpoint_every=60, update_ratio=1.0)
    envs = remote_envs(config)
    run(config, tmp_path / "run", envs)
    closed(envs)
    first, last = (
        checkpoint.read(path, config, spaces_of(envs[0]), ALGORITHMS["td3"])
        for path in checkpoint.all_checkpoints(tmp_path / "run")
    )
    assert (first.step, last.step) == (60, 80)
    (env,) = make_envs(config)
    (course,) = last.courses
    episode = last.loop["simulators"][0]["episode"]
    observation, _ = start_episode(env, seeds.derive(config.loop.seed, "env", episode))
    for action, reward in zip(course["actions"], course["rewards"], strict=True):
        observation, earned, *_ = env.step(action)
        assert earned == reward
    assert len(course["actions"]) > 0
    assert np.array_equal(observation["image"], course["image"])
    env.close()


def test_no_actor_outlives_its_environment(two_cpus: None) -> None:
    (env,) = remote_envs(toy())
    number = env.process()
    env.close()
    deadline = time.monotonic() + 20.0
    while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{number}").exists()


def test_what_an_environment_says_of_itself_comes_back_as_it_was(two_cpus: None) -> None:
    wrong = replace_leaves(toy(), {"env_args": ("colour=1",)})
    with pytest.raises(BadInput, match="env 'envs:td3jax/LaneToy-v0' cannot be made"):
        remote_envs(wrong)


def test_an_actor_that_cannot_be_replaced_is_a_fault_again(two_cpus: None) -> None:
    said: list[str] = []
    config = replace_leaves(toy(), {"restart_backoff": 0.0})
    (env,) = remote(config, said)
    env.reset(seed=1)
    os.kill(env.process(), signal.SIGKILL)
    with pytest.raises(SimulatorFault, match=r"collector 0 on .*died"):
        env.step(np.zeros(2, np.float32))
    observation, _ = env.reset(seed=1)
    assert observation["image"].shape == (16, 16, 4)
    env.close()


def test_more_collectors_than_the_cluster_has_cpus_are_refused(two_cpus: None) -> None:
    with pytest.raises(BadInput, match="--collectors=3: the Ray cluster has 2 CPUs"):
        remote_envs(toy(simulators=3))


# Ray's nodes are forked, of which jax warns.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_a_host_that_dies_loses_its_collector_to_another(tmp_path: Path, scale: None) -> None:
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()  # of the tests before

    class Watched(RemoteEnv):
        """Ends the second host before its step 30, as a third joins."""

        steps = 0

        def step_async(self, action: np.ndarray) -> None:
            self.steps += 1
            if self.steps == 30:
                hosts.remove_node(second, allow_graceful=False)
                hosts.add_node(num_cpus=1)
            super().step_async(action)

    with quiet() as stack:
        hosts = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        stack.callback(hosts.shutdown)
        second = hosts.add_node(num_cpus=1)  # one CPU each: a collector on each
        config, said = toy(simulators=2, update_ratio=0.2, ray_address=hosts.address), list[str]()
        stack.enter_context(cluster(config.loop))
        envs = [Watched(config, 0, said.append), RemoteEnv(config, 1, said.append)]
        for env in envs:
            env.ready()
        done = run(config, tmp_path / "run", envs)
        closed(envs)
    assert (done.step, done.learner.updates) == (120, 20)
    well, lost = sorted(collector.faults for collector in done.simulators.collectors)
    assert well == 0
    assert 0 < lost <= sum(line.startswith("collector ") for line in said), said


def refused(words: list[str], capfd: pytest.CaptureFixture) -> str:
    """The one line of a training that is refused as bad input."""
    assert main(words) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1, err
    return err


def test_no_cluster_at_the_address(
    tmp_path: Path, scale: None, capfd: pytest.CaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        words = as_flags(**TOY, ray_address=address, run_dir=tmp_path / "run")
        assert f"--ray_address={address}: no Ray cluster there" in refused(words, capfd)
    assert not (tmp_path / "run").exists()


def test_no_ray(tmp_path: Path, capfd: pytest.CaptureFixture, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = as_flags(**TOY, ray_address="local", run_dir=tmp_path / "run")
    assert "pip install 'td3jax[scale]'" in refused(words, capfd)
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_names_no_cluster_to_connect_to() -> None:
    stored = toy(ray_address="elsewhere:6379", env="Pendulum-v1")
    with pytest.raises(BadInput, match="to allow it: --ray_address=elsewhere:6379"):
        from_checkpoint({}, stored)
    assert from_checkpoint({"ray_address": ""}, stored).loop.ray_address == ""
