"""Simulators that drive pieces of episodes by themselves, here in threads of this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from run_support import SplitToyEnv, column, overlapping, session, tiny

from envs.errors import SimulatorFault
from launch.config.run import LoopConfig, RunConfig, piece_steps
from launch.errors import NonFinite
from launch.training import checkpoint
from launch.training.loop import train
from launch.training.overlap import Overlap
from launch.training.pieces import Piece, PolicyCopy, Weights, drive
from launch.training.publisher import Publisher
from launch.training.session import Session
from td3jax.replay.ring import TRUNCATED

NOISE = np.linspace(-1.0, 1.0, 30)[:, None]


class DrivingEnv(SplitToyEnv):
    """Drives by itself, as an actor does."""

    def __init__(self, length: int = 25, at: Any = None) -> None:
        super().__init__(length, at)
        self.policy = PolicyCopy(LoopConfig())
        self.pieces: list[int] = []
        self.versions: list[int] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.seen, info = super().reset(seed=seed, options=options)
        return self.seen, info

    def drive(self, weights: Weights, noise: np.ndarray) -> Piece:
        self.policy.take(weights.version, weights.place)
        piece = drive(self, self.seen, self.policy, noise, 1)
        self.pieces.append(len(piece.steps))
        self.versions.append(weights.version)
        if piece.steps:
            self.seen = piece.steps[-1][1][0]
        return piece


def driving(config: RunConfig, folder: Path, envs: list[Any], **more: Any) -> Session:
    """A session whose simulators drive pieces after the warm-up."""
    made = session(config, folder, envs, **more)
    publisher = Publisher(made.learner, config.loop.max_lag, lambda value: value, seconds=0.0)
    made.overlap = Overlap(made.simulators, made.learner, config.loop, publisher)
    return made


def run(folder: Path, envs: list[Any], **values: Any) -> Session:
    made = driving(overlapping(simulators=len(envs), **values), folder, envs)
    assert train(made)
    made.close()
    return made


def copy_of(made: Session) -> PolicyCopy:
    assert made.algorithm.weights is not None
    copy = PolicyCopy(made.config.loop)
    copy.take(0, jax.device_get(made.algorithm.weights(made.learner.state)))
    return copy


def test_a_copy_acts_as_the_loop_does(tmp_path: Path) -> None:
    made = session(tiny(random_steps=0), tmp_path / "run", SplitToyEnv())
    (collector,), simulators = made.simulators.collectors, made.simulators
    collector.begin()
    chosen = simulators.choose([collector], made.learner.state, 0)
    (expected,) = simulators.actions([collector], chosen, 0)
    assert collector.observation is not None
    action = copy_of(made)(collector.observation, collector.noise)
    made.close()
    assert np.array_equal(action, expected)
    assert action.dtype == np.float32


def test_a_policy_that_is_not_finite_is_told(tmp_path: Path) -> None:
    made = session(tiny(), tmp_path / "run", SplitToyEnv())
    made.close()
    copy = PolicyCopy(made.config.loop)
    copy.take(7, jax.tree.map(lambda leaf: leaf * np.float32(np.nan), made.learner.state))
    with pytest.raises(NonFinite, match=r"action is \[nan\] after 7 updates"):
        copy({"vector": np.zeros(3, np.float32)}, np.zeros(1))


def test_a_piece_ends_with_the_episode_or_the_noise_or_a_fault(tmp_path: Path) -> None:
    def fails(total: int) -> float:
        if total == 12:
            raise SimulatorFault("the client process died during step")
        return 1.0

    made = session(tiny(), tmp_path / "run", SplitToyEnv())
    made.close()
    copy, pieces = copy_of(made), []
    for env, rows in ((SplitToyEnv(20), 30), (SplitToyEnv(20), 7), (SplitToyEnv(20, fails), 30)):
        seen, _ = env.reset(seed=1)
        pieces.append(drive(env, seen, copy, NOISE[:rows], 1))
    assert [len(piece.steps) for piece in pieces] == [20, 7, 11]
    assert [piece.fault for piece in pieces] == ["", "", "the client process died during step"]
    ends = [transition[3] for _, transition in pieces[0].steps]
    assert ends == [False] * 19 + [True]
    observation, reward, *_ = pieces[1].steps[-1][1]
    assert (observation["vector"][0], reward) == (np.float32(7 / 20), 1.0)


def test_of_pictures_only_the_newest_frames_come_but_for_the_last(tmp_path: Path) -> None:
    class Picture(SplitToyEnv):
        def step_wait(self) -> Any:
            observation, *rest = super().step_wait()
            frames = np.arange(8, dtype=np.uint8) + 8 * self.inner.steps
            return {**observation, "image": np.tile(frames, (4, 4, 1))}, *rest

    made = session(tiny(), tmp_path / "run", SplitToyEnv())
    made.close()
    copy, env = copy_of(made), Picture()
    copy._algorithm = copy._algorithm._replace(act=lambda state, seen: np.zeros((1, 1), np.float32))
    seen, _ = env.reset(seed=1)
    piece = drive(env, seen, copy, NOISE[:3], frame_channels=2)
    pictures = [transition[0]["image"] for _, transition in piece.steps]
    assert [picture.shape for picture in pictures] == [(4, 4, 2), (4, 4, 2), (4, 4, 8)]
    assert [picture[0, 0, -1] for picture in pictures] == [15, 23, 31]


@pytest.mark.parametrize("ratio", [0.25, 1.0, 3.0])
def test_the_ratio_is_kept_and_the_lag_is_bounded(tmp_path: Path, ratio: float) -> None:
    envs, steps = [DrivingEnv(25), DrivingEnv(7), DrivingEnv(10)], 240
    done = run(tmp_path / "run", envs, steps=steps, update_ratio=ratio, max_lag=24)
    assert done.step == sum(env.inner.total for env in envs) == steps
    assert done.learner.updates == int(ratio * (steps - 20))
    lags = column(tmp_path / "run", "agent/policy_lag_max")
    assert 0 < max(lags) <= 24
    most = piece_steps(done.config.loop)
    assert most == {0.25: 16, 1.0: 4, 3.0: 1}[ratio]
    assert max(max(env.pieces) for env in envs) == min(most, 16)
    for env in envs:
        assert env.versions == sorted(env.versions)
        assert env.versions[-1] > 0


def test_whole_episodes_with_seeds_of_their_own_enter_the_buffer(tmp_path: Path) -> None:
    envs = [DrivingEnv(25), DrivingEnv(7), DrivingEnv(10)]
    done = run(tmp_path / "run", envs, steps=300, learning_starts=0, random_steps=0)
    ring = done.buffer._ring
    ends = np.flatnonzero(ring.end[: done.buffer.size] == TRUNCATED)
    assert set(np.diff([-1, *ends.tolist()]).tolist()) <= {25, 7, 10}
    open_steps = sum(len(collector.rewards) for collector in done.simulators.collectors)
    assert done.buffer.size + open_steps == 300
    assert done.simulators.tickets.next == sum(env.inner.resets for env in envs)


def test_a_fault_in_a_piece_loses_its_transition_alone(tmp_path: Path) -> None:
    def at(total: int) -> float:
        if total == 40:
            raise SimulatorFault("the client process died during step")
        return 1.0

    envs = [DrivingEnv(25, at), DrivingEnv(7)]
    done = run(tmp_path / "run", envs, steps=150)
    assert [collector.faults for collector in done.simulators.collectors] == [1, 0]
    assert sum(env.inner.total for env in envs) == 151
    assert (done.step, done.learner.updates) == (150, 130)


def test_a_lost_piece_loses_no_step_of_the_run(tmp_path: Path) -> None:
    class Lossy(DrivingEnv):
        def drive(self, weights: Weights, noise: np.ndarray) -> Piece:
            piece = super().drive(weights, noise)
            if len(self.pieces) == 3:
                raise SimulatorFault("the actor died")
            return piece

    envs = [Lossy(25), DrivingEnv(7)]
    done = run(tmp_path / "run", envs, steps=150)
    assert [collector.faults for collector in done.simulators.collectors] == [1, 0]
    assert sum(env.inner.total for env in envs) == 150 + envs[0].pieces[2]
    assert (done.step, done.learner.updates) == (150, 130)


def test_a_checkpoint_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    before = run(folder, [DrivingEnv(25), DrivingEnv(7)], steps=130)
    config = overlapping(simulators=2, steps=200)
    envs = [DrivingEnv(25), DrivingEnv(7)]
    again = driving(config, folder, envs, resume=checkpoint.find(folder))
    under_way = [len(collector.rewards) for collector in before.simulators.collectors]
    assert [env.inner.total for env in envs] == under_way
    assert train(again)
    again.close()
    assert (again.step, again.learner.updates) == (200, 180)
    assert sum(env.inner.total for env in envs) == sum(under_way) + 70


def test_weights_are_put_seldom_unless_the_lag_asks_for_them(tmp_path: Path) -> None:
    done = run(tmp_path / "run", [DrivingEnv(25)], steps=60, max_lag=8)
    put: list[Any] = []
    learner = done.learner
    patient = Publisher(learner, 8, lambda value: put.append(value) or len(put), seconds=1e9)
    first = patient.weights()
    assert (first.version, len(put)) == (learner.updates, 1)
    for updates, times in ((4, 1), (1, 2), (4, 2), (1, 3)):
        learner.update(updates)
        learner.finish()
        assert patient.weights().place == len(put) == times
    assert patient.weights().version == learner.updates
    eager = Publisher(learner, 8, lambda value: put.append(value) or len(put), seconds=0.0)
    eager.weights()
    learner.update(1)
    learner.finish()
    assert eager.weights().version == learner.updates
    assert eager.weights().place == len(put) == 5
