"""Collecting: overlap, faults, seeds of episodes, resets between policies."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_support import SplitToyEnv, session, tiny

from envs.errors import SimulatorFault, SimulatorUnavailable
from launch.errors import LaunchError
from launch.training import seeds
from launch.training.collector import EXPERT_NOISE, correlated, uniform
from launch.training.loop import train
from launch.training.session import Session
from td3jax.replay.ring import RUNNING, TRUNCATED


def faulty(at: set[int]):
    """Rewards that fail at the given totals of steps."""

    def reward(total: int) -> float:
        if total in at:
            raise SimulatorFault("the client process died during step")
        return float(total)

    return reward


def run_with(env: SplitToyEnv, folder: Path, **values) -> Session:
    run = session(tiny(eval_every=0, random_steps=0, **values), folder, env)
    assert train(run)
    run.close()
    return run


def test_the_learner_starts_before_the_environment_steps(tmp_path: Path, monkeypatch) -> None:
    env = SplitToyEnv()
    run = session(tiny(eval_every=0, steps=60), tmp_path / "run", env)
    choose, update = run.simulators.choose, run.learner.update

    def noted(event, function):
        return lambda *arguments: (env.order.append(event), function(*arguments))[1]

    monkeypatch.setattr(run.simulators, "choose", noted("choose", choose))
    monkeypatch.setattr(run.learner, "update", noted("update", update))
    assert train(run)
    run.close()
    updates = [index for index, event in enumerate(env.order) if event == "update"]
    assert updates
    for index in updates:
        assert env.order[index - 1 : index + 3] == ["choose", "update", "send", "wait"]


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({"log_every": 10, "steps": 25}, {9, 10, 19, 20, 24, 25}),
        ({"log_every": 10, "steps": 20, "update_ratio": 2.0}, {10, 20}),
        ({"log_every": 10, "steps": 20, "update_ratio": 0.25}, {6, 10, 14, 18}),
    ],
)
def test_scalars_are_of_the_updates_just_before_a_log_point(
    tmp_path: Path, monkeypatch, changes, measured
) -> None:
    run = session(tiny(eval_every=0, learning_starts=2, **changes), tmp_path / "run", SplitToyEnv())
    seen, update = set(), run.learner.update

    def noted(count: int, scalars: bool) -> None:
        if scalars:
            seen.add(run.step + 1)
        update(count, scalars)

    monkeypatch.setattr(run.learner, "update", noted)
    assert train(run)
    run.close()
    assert seen == measured


def test_a_fault_is_never_a_transition(tmp_path: Path) -> None:
    env = SplitToyEnv(at=faulty({31, 32, 90}))
    run = run_with(env, tmp_path / "run", steps=200)
    assert run.collector.faults == 3
    assert run.buffer.size == run.step == 200
    assert env.inner.total == 203
    ring = run.buffer._ring
    rewards = ring.reward[:200].astype(int).tolist()
    assert rewards == [n for n in range(1, 204) if n not in (31, 32, 90)]
    for lost in (31, 90):  # the transition before the fault bootstraps and ends its episode
        assert ring.end[rewards.index(lost - 1)] == TRUNCATED
    assert ring.end[rewards.index(33)] == RUNNING
    text = (tmp_path / "run" / "metrics.csv").read_text()
    assert "200,env/sim_faults,3.0" in text


def test_a_fault_in_a_reset_is_tried_again_but_not_for_ever(tmp_path: Path, monkeypatch) -> None:
    env = SplitToyEnv()
    reset, calls = env.reset, []

    def sometimes(**options):
        calls.append(options["seed"])
        if len(calls) in (1, 2, 5):
            raise SimulatorFault("no server")
        return reset(**options)

    monkeypatch.setattr(env, "reset", sometimes)
    run = run_with(env, tmp_path / "run", steps=60)
    assert run.collector.faults == 3
    assert len(set(calls)) == len(calls)

    def never(**options):
        raise SimulatorFault("no server")

    monkeypatch.setattr(env, "reset", never)
    with pytest.raises(SimulatorUnavailable, match="resets in a row"):
        run.collector.begin()


def test_giving_up_leaves_a_checkpoint(tmp_path: Path) -> None:
    def reward(total: int) -> float:
        if total == 50:
            raise SimulatorUnavailable("gave up after 12 restarts within an hour")
        return 1.0

    run = session(tiny(eval_every=0), tmp_path / "run", SplitToyEnv(at=reward))
    with pytest.raises(LaunchError, match=r"gave up after 12 .*; checkpoint .*step-000000049"):
        train(run)
    run.close()


def test_episodes_have_seeds_of_their_own() -> None:
    drawn = [seeds.derive(0, "env", number) for number in range(100)]
    assert len(set(drawn)) == 100
    assert seeds.derive(0, "env", 1) != seeds.derive(1, "env", 0) != seeds.derive(0, "agent", 1)
    assert all(0 <= seed < 2**31 for seed in drawn)


def test_learning_begins_with_a_fresh_episode(tmp_path: Path) -> None:
    env = SplitToyEnv(length=1000)
    config = tiny(eval_every=0, steps=100, learning_starts=20, random_steps=-1)
    run = session(config, tmp_path / "run", env)
    assert train(run)
    run.close()
    assert env.inner.resets == 2
    assert run.buffer._ring.end[19] == TRUNCATED
    assert run.collector.episode == 1


def test_warm_up_actions_are_uniform_and_later_ones_the_policy_s(tmp_path: Path) -> None:
    run = session(
        tiny(eval_every=0, steps=600, learning_starts=300, exploration_noise=0.0),
        tmp_path / "run",
        SplitToyEnv(),
    )
    assert train(run)
    run.close()
    actions = run.buffer._ring.action[:600, 0]
    assert abs(actions[:300].mean()) < 0.1
    assert 0.5 < actions[:300].std() < 0.65  # uniform in [-1, 1]: 0.577
    assert len(np.unique(actions[:300])) == 300


def test_reward_parts_are_averaged_and_shared(tmp_path: Path) -> None:
    from launch.training.tallies import RewardTally

    tally = RewardTally()
    tally.add(1.0, {"progress": 3.0, "safety": -2.0})
    tally.add(-1.0, {"progress": 0.0, "safety": -1.0})
    state = tally.state()
    expected = {
        "reward/total": 0.0,
        "reward/progress": 1.5,
        "reward/progress_share": 0.5,
        "reward/safety": -1.5,
        "reward/safety_share": 0.5,
    }
    copy = RewardTally()
    copy.restore(state)
    assert tally.drain() == copy.drain() == expected
    assert tally.drain() == {}


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_noise_has_unit_deviation_and_the_asked_correlation(share: float) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.standard_normal(3)]
    for _ in range(40_000):
        noise.append(correlated(rng, noise[-1], share))
    values = np.array(noise)
    np.testing.assert_allclose(values.std(axis=0), 1.0, atol=0.05)
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=0.08)
    for lag in (1, 5):
        found = (values[lag:] * values[:-lag]).mean(axis=0)
        np.testing.assert_allclose(found, share**lag, atol=0.05)
    quarters = np.array([uniform(row) for row in values[::20]]).ravel()
    assert uniform(values[0]).dtype == np.float32
    np.testing.assert_allclose(np.quantile(quarters, [0.25, 0.5, 0.75]), [-0.5, 0, 0.5], atol=0.06)


def test_noise_is_added_to_the_policy_s_actions_only(tmp_path: Path) -> None:
    values = {"exploration_noise": 0.2, "exploration_correlation": 0.8, "random_steps": 4}
    run = session(tiny(eval_every=0, steps=30, **values), tmp_path / "run", SplitToyEnv())
    collector, state = run.collector, run.learner.state
    collector.begin()
    for step, random in ((0, True), (9, False)):
        chosen = run.simulators.choose([collector], state, step)
        plain = np.asarray(chosen).reshape(-1)
        added = np.clip(plain + (0.0 if random else 0.2) * collector.noise, -1.0, 1.0)
        (action,) = run.simulators.actions([collector], chosen, step)
        np.testing.assert_allclose(action, added, atol=1e-6)
        if random:
            np.testing.assert_allclose(plain, uniform(collector.noise), atol=1e-6)
    run.close()


class HintingToyEnv(SplitToyEnv):
    """Tells the expert's action, 0.01 x the steps of the episode."""

    def reset(self, **options: Any) -> Any:
        observation, info = super().reset(**options)
        return observation, info | {"expert_action": np.zeros(1, np.float32)}

    def step_wait(self) -> Any:
        *transition, info = super().step_wait()
        wanted = np.array([0.01 * self.inner.steps], np.float32)
        return *transition, info | {"expert_action": wanted}


def test_the_expert_warms_up_under_noise_of_the_episode_s_size(tmp_path: Path) -> None:
    values = {"env": "carla", "warm_up": "expert", "random_steps": 4, "exploration_noise": 0.0}
    run = session(tiny(eval_every=0, **values), tmp_path / "run", HintingToyEnv())
    collector, state = run.collector, run.learner.state
    for episode, size in enumerate(EXPERT_NOISE):
        collector.begin()
        assert collector.episode == episode
        for step in range(3):
            chosen = run.simulators.choose([collector], state, step)
            (action,) = run.simulators.actions([collector], chosen, step)
            expected = np.clip(0.01 * step + size * collector.noise, -1.0, 1.0)
            np.testing.assert_allclose(action, expected, atol=1e-6)
            assert action.dtype == np.float32
            collector.send(action)
            collector.receive(action)
        collector.cut()
    run.close()


class ToldEnv(SplitToyEnv):
    """Keeps what each reset is told of the episode's use."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bool] = []

    def reset(self, **given: Any) -> Any:
        self.told.append(given["options"]["training"])
        return super().reset(**given)


def test_a_simulator_is_told_which_episodes_are_for_training(tmp_path: Path) -> None:
    """Episodes of 25 steps: the evaluation that is due at step 30 is held after the second."""
    env = ToldEnv()
    run = session(tiny(eval_every=30, eval_episodes=2, steps=60), tmp_path / "run", env)
    train(run)
    assert env.told == [True, True, False, False, True]
    run.close()
