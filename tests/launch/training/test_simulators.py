"""Several simulators in one process: order, seeds, updates, faults, evaluation, checkpoints."""

from __future__ import annotations

import io
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from run_support import SplitToyEnv, logged, session, tiny

from envs.errors import SimulatorFault, SimulatorUnavailable
from launch.errors import LaunchError
from launch.training import checkpoint, seeds
from launch.training.learner import Learner
from launch.training.loop import train
from launch.training.session import Session
from td3jax.errors import BadCheckpoint
from td3jax.replay.ring import TERMINATED, TRUNCATED

LENGTHS = (25, 10, 7)


class NotedEnv(SplitToyEnv):
    """Notes its calls in a list that all simulators share, and the seeds of its resets; every
    episode has the same observations."""

    def __init__(self, index: int, order: list[tuple[int, str]], at: Any = None) -> None:
        super().__init__(LENGTHS[index], at)
        self.index, self.shared, self.seeds = index, order, list[int]()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        assert seed is not None
        self.seeds.append(seed)
        self.shared.append((self.index, "reset"))
        self.inner.resets = 0
        return super().reset(seed=seed, options=options)

    def step_async(self, action: np.ndarray) -> None:
        self.shared.append((self.index, "send"))
        super().step_async(action)

    def step_wait(self) -> Any:
        self.shared.append((self.index, "wait"))
        return super().step_wait()


def three(at: dict[int, Any] | None = None) -> list[NotedEnv]:
    order: list[tuple[int, str]] = []
    return [NotedEnv(index, order, (at or {}).get(index)) for index in range(3)]


def fails_at(*totals: int) -> Any:
    """Reward 1, or a simulator fault at these of an environment's steps."""

    def reward(total: int) -> float:
        if total in totals:
            raise SimulatorFault("the client process died during step")
        return 1.0

    return reward


def run_with(envs: list[NotedEnv], folder: Path, **values: Any) -> Session:
    values = {"eval_every": 0, "steps": 120, **values}
    run = session(tiny(simulators=len(envs), **values), folder, envs)
    assert train(run)
    run.close()
    return run


def test_all_are_sent_their_actions_before_one_is_waited_for(tmp_path: Path, monkeypatch) -> None:
    envs = three()
    order = envs[0].shared
    run = session(tiny(simulators=3, eval_every=0, steps=100), tmp_path / "run", envs)
    update, act, asked = run.learner.update, run.simulators.algorithm.act, []

    def noted_update(*arguments: Any) -> None:
        order.append((-1, "update"))
        update(*arguments)

    def noted_act(state: Any, batch: Any) -> Any:
        asked.append(batch["vector"].shape)
        return act(state, batch)

    monkeypatch.setattr(run.learner, "update", noted_update)
    algorithm = run.simulators.algorithm._replace(act=noted_act)
    monkeypatch.setattr(run.simulators, "algorithm", algorithm)
    assert train(run)
    run.close()
    calls = [call for call in order if call[1] != "reset"]
    whole = [(-1, "update"), *((i, "send") for i in range(3)), *((i, "wait") for i in range(3))]
    assert calls[: 7 * 6] == whole[1:] * 7
    assert calls[7 * 6 : -3] == whole * 26
    assert calls[-3:] == [(-1, "update"), (0, "send"), (0, "wait")]  # 100 steps are 33 rounds and 1
    assert asked == [(3, 3)] * 27
    assert run.step == 100


def test_actions_do_not_wait_for_more_updates_than_the_device_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    envs = three()
    order = envs[0].shared
    config = tiny(simulators=3, eval_every=0, steps=66, update_ratio=12.0)
    run = session(config, tmp_path / "run", envs)
    update, counts = run.learner.update, []

    def noted_update(count: int, scalars: bool) -> None:
        order.append((-1, "update"))
        counts.append(count)
        update(count, scalars)

    monkeypatch.setattr(run.learner, "update", noted_update)
    assert train(run)
    run.close()
    sent, waited = ([(i, name) for i in range(3)] for name in ("send", "wait"))
    calls = [call for call in order if call[1] != "reset"]
    assert calls[7 * 6 :] == [(-1, "update"), *sent, (-1, "update"), *waited] * 15
    assert counts == [24, 12] * 15  # 36 a round in calls of 12, of which two are taken at once


def test_no_seed_is_used_twice_and_a_run_repeats_exactly(tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two"):
        envs = three({1: fails_at(33)})
        run_with(envs, tmp_path / name)
        runs.append([env.seeds for env in envs])
    assert runs[0] == runs[1]
    used = [seed for env in runs[0] for seed in env]
    assert sorted(used) == sorted(seeds.derive(0, "env", n) for n in range(len(used)))
    assert [env[0] for env in runs[0]] == [seeds.derive(0, "env", n) for n in range(3)]
    assert logged(tmp_path / "one") == logged(tmp_path / "two")
    states = [
        (checkpoint.find(tmp_path / n) / "state.msgpack").read_bytes() for n in ("one", "two")
    ]
    assert states[0] == states[1]


def test_simulators_explore_each_in_its_own_way(tmp_path: Path) -> None:
    run = session(tiny(simulators=3), tmp_path / "run", three())
    run.close()
    noise = [collector.noise.tolist() for collector in run.simulators.collectors]
    assert len(set(map(tuple, noise))) == 3
    alone = session(tiny(), tmp_path / "alone", SplitToyEnv())
    alone.close()
    assert alone.collector.noise.tolist() == noise[0]


def test_a_fault_in_one_ends_its_episode_alone(tmp_path: Path) -> None:
    envs = three({1: fails_at(34)})
    run = run_with(envs, tmp_path / "run", random_steps=0, learning_starts=10)
    assert [collector.faults for collector in run.simulators.collectors] == [0, 1, 0]
    assert run.step == 120
    ring = run.buffer._ring
    ends = np.flatnonzero(ring.end[: run.buffer.size] == TRUNCATED)
    lengths = np.diff([-1, *ends.tolist()]).tolist()
    assert sorted(set(lengths)) == [3, 7, 10, 25]  # 3 steps were before the fault
    assert lengths.count(3) == 1
    assert not (ring.end[: run.buffer.size] == TERMINATED).any()
    gathered = sum(len(collector.rewards) for collector in run.simulators.collectors)
    assert run.buffer.size + gathered == 120
    assert "120,env/sim_faults,1.0" in (tmp_path / "run" / "metrics.csv").read_text()


def test_the_warm_up_s_end_cuts_all_episodes_into_the_buffer(tmp_path: Path) -> None:
    envs = three()
    run = run_with(envs, tmp_path / "run", steps=20, learning_starts=4, random_steps=4)
    assert [len(env.seeds) for env in envs] == [2, 2, 2]
    assert run.buffer.size == 6  # two rounds
    assert run.learner.updates == 20 - 6


@pytest.mark.parametrize(
    ("count", "ratio"),
    [(1, 0.1), (1, 1.0), (3, 0.5), (3, 2.5)]
    + [
        pytest.param(count, ratio, marks=pytest.mark.slow)
        for count, ratio in [(1, 0.5), (1, 2.0), (1, 2.5), (3, 0.1), (3, 1.0), (3, 2.0)]
    ],
)
def test_the_update_ratio_is_kept_in_every_round(
    tmp_path: Path, monkeypatch, ratio: float, count: int
) -> None:
    envs = three({0: fails_at(30, 31, 60)})[:count]
    config = tiny(simulators=count, update_ratio=ratio, eval_every=0, steps=150)
    run = session(config, tmp_path / "run", envs)
    ready, update, began = run.learner.ready, run.learner.update, []
    seen = [0]

    def noted_ready() -> bool:
        if ready():
            began.append(run.step)
            since = run.step - began[0]
            assert run.learner.updates in (math.floor(Fraction(repr(ratio)) * since), seen[-1])
        return ready()

    def noted_update(due: int, scalars: bool) -> None:
        update(due, scalars)
        under_way = min(count, 150 - run.step)
        owed = math.floor(Fraction(repr(ratio)) * (run.step + under_way - began[0]))
        assert run.learner.updates == owed
        seen.append(run.learner.updates)

    monkeypatch.setattr(run.learner, "ready", noted_ready)
    monkeypatch.setattr(run.learner, "update", noted_update)
    assert train(run)
    run.close()
    assert began[0] == (20 if count == 1 else 21)
    assert run.learner.updates == math.floor(Fraction(repr(ratio)) * (150 - began[0]))
    assert int(run.learner.state.step) == run.learner.updates


def test_an_evaluation_takes_the_first_and_the_others_wait(tmp_path: Path) -> None:
    envs = three()
    run = session(tiny(simulators=3, eval_every=50, steps=120), tmp_path / "run", envs)
    assert train(run)
    run.close()
    evaluation = seeds.derive(0, "evaluation", 0)
    assert [env.seeds.count(evaluation) for env in envs] == [1, 0, 0]
    straight = three()
    run_with(straight, tmp_path / "straight", steps=120)
    assert [env.seeds for env in envs[1:]] == [env.seeds for env in straight[1:]]
    both = [
        [
            line
            for line in logged(tmp_path / name)
            if "eval/" not in line and "health/ov" not in line
        ]
        for name in ("run", "straight")
    ]
    assert both[0] == both[1]


def test_giving_up_leaves_a_checkpoint_that_others_go_on_from(tmp_path: Path) -> None:
    def gone(total: int) -> float:
        if total == 20:
            raise SimulatorUnavailable("gave up after 12 restarts within an hour")
        return 1.0

    config = tiny(simulators=3, eval_every=0, steps=120)
    run = session(config, tmp_path / "run", three({1: gone}))
    with pytest.raises(LaunchError, match=r"gave up after 12 .*; checkpoint .*step-000000058"):
        train(run)
    run.close()
    again = session(config, tmp_path / "run", three(), checkpoint.find(tmp_path / "run"))
    assert train(again)
    again.close()
    assert again.learner.updates == 120 - 21


def test_an_episode_that_comes_out_differently_is_kept_as_far_as_it_went(tmp_path: Path) -> None:
    config = tiny(simulators=3, eval_every=0, steps=33, random_steps=0)
    run = session(config, tmp_path / "run", three())
    assert train(run)
    run.close()
    sizes = [len(collector.rewards) for collector in run.simulators.collectors]
    assert sizes == [11, 1, 4]
    other = three({0: lambda total: 1.0 if total < 6 else 2.0})
    again = session(config, tmp_path / "run", other, checkpoint.find(tmp_path / "run"))
    assert again.buffer.size == run.buffer.size + 5
    assert [c.observation is None for c in again.simulators.collectors] == [True, False, False]
    again.collector.begin()
    assert other[0].seeds[-1] == seeds.derive(0, "env", again.simulators.tickets.next - 1)
    again.close()


def test_the_number_of_simulators_is_the_checkpoint_s(tmp_path: Path) -> None:
    run_with(three(), tmp_path / "run", steps=30)
    path = checkpoint.find(tmp_path / "run")
    with pytest.raises(BadCheckpoint, match="of a run with --simulators=3, not 1"):
        session(tiny(), tmp_path / "run", SplitToyEnv(), path)


def _as_before_simulators(path: Path) -> None:
    """Rewrite a checkpoint of one simulator in the form of version 2."""
    loop = json.loads((path / "loop.json").read_text())
    (one,) = loop.pop("simulators")
    tickets = loop.pop("tickets")
    with np.load(path / "episode.npz") as arrays:
        flat = {name.removeprefix("0/"): arrays[name] for name in arrays.files}
    loop |= {"version": 2, "episode": tickets - 1 if flat else tickets, "faults": one["faults"]}
    loop |= {"exploration_rng": one["rng"], "exploration_noise": one["noise"]}
    loop["learner"].pop("credit")
    (path / "loop.json").write_text(json.dumps(loop))
    with io.BytesIO() as file:
        np.savez(file, **flat)
        (path / "episode.npz").write_bytes(file.getvalue())
    config = json.loads((path / "config.json").read_text())
    for name in ("update_ratio", "simulators", "servers"):
        config["loop"].pop(name)
    config["loop"] |= {"train_freq": 1, "gradient_steps": 1}
    (path / "config.json").write_text(json.dumps(config))
    manifest = json.dumps(checkpoint._manifest(path))
    (path / "manifest.json").write_text(manifest)


@pytest.mark.parametrize("steps", [110, 100], ids=["in an episode", "between episodes"])
def test_a_checkpoint_from_before_simulators_goes_on_exactly(tmp_path: Path, steps: int) -> None:
    config = tiny(eval_every=0, env_steps=40, steps=200, checkpoint_every=steps)
    straight = session(config, tmp_path / "run")
    assert train(straight)
    straight.close()
    path = tmp_path / "run" / "checkpoints" / f"step-{steps:09d}"
    wanted = logged(tmp_path / "run")
    _as_before_simulators(path)
    assert checkpoint.read_config(path) == config
    again = session(config, tmp_path / "run", resume=path)
    assert (again.collector.observation is None) == (steps == 100)
    assert train(again)
    again.close()
    assert logged(tmp_path / "run") == wanted
    states = [r.learner.state.actor.params for r in (straight, again)]
    jax.tree.map(np.testing.assert_array_equal, *states)


def test_a_round_takes_its_usual_updates_in_one_call_and_the_rest_one_by_one(
    tmp_path: Path, monkeypatch
) -> None:
    config = tiny(update_ratio=2.5, simulators=3, eval_every=0, steps=60)
    run = session(config, tmp_path / "run", three())
    sizes: list[int] = []
    dispatch = Learner._dispatch

    def noted(self: Learner, steps: int, scalars: bool) -> None:
        sizes.append(steps)
        dispatch(self, steps, scalars)

    monkeypatch.setattr(Learner, "_dispatch", noted)
    assert train(run)
    run.close()
    assert set(sizes) == {7, 1}
    assert sum(sizes) == run.learner.updates == math.floor(2.5 * (60 - 21))
