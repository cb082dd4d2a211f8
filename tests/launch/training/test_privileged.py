"""Trainings whose environment tells what only they may know: collecting, resuming, evaluating."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from run_support import session, tiny

import td3jax
from launch import evaluate
from launch.errors import BadInput
from launch.training import checkpoint, loop, policy_evaluation
from launch.training.environments import make_env, spaces_of
from launch.training.loop import evaluate_now, train
from td3jax.config import Spaces

UNIT = {"low": -1.0, "high": 1.0, "dtype": np.float32}


class Labelled(gymnasium.Env):
    """A point on a line that is to come to 0; the vector tells it by its sign and age alone."""

    metadata = {"render_modes": []}  # noqa: RUF012
    action_space = spaces.Box(shape=(1,), **UNIT)

    def __init__(self, labelled: bool = True, gain: float = 1.0, labels: int = 1) -> None:
        self.labelled, self.gain = labelled, gain
        parts = {"vector": spaces.Box(shape=(2,), **UNIT)}
        if labelled:
            parts["privileged"] = spaces.Box(shape=(3,), **UNIT)
            parts["expert"] = spaces.Box(shape=(labels,), **UNIT)
        self.observation_space = spaces.Dict(parts)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.x, self.age = float(self.np_random.uniform(-1, 1)), 0
        return self.look(), self.info()

    def look(self) -> dict[str, np.ndarray]:
        parts = {"vector": [np.sign(self.x), self.age / 25]}
        if self.labelled:
            parts |= {
                "privileged": [self.x, self.x**2, 0.5],
                "expert": [self.gain * np.clip(-5 * self.x, -1, 1)],
            }
        return {name: np.array(part, np.float32) for name, part in parts.items()}

    def info(self) -> dict[str, int]:
        return {"stratum": int(abs(self.x) > 0.5)} if self.labelled else {}

    def step(self, action: np.ndarray) -> Any:
        self.age += 1
        self.x = float(np.clip(self.x + 0.1 * float(action[0]), -1, 1))
        return self.look(), -abs(self.x), False, self.age == 25, self.info()


gymnasium.register("Labelled-v0", Labelled)
LABELLED: dict[str, Any] = {
    "env": "Labelled-v0",
    "steps": 60,
    "learning_starts": 30,
    "warm_up": "expert",
    "pretrain_updates": 20,
    "checkpoint_every": 20,
    "keep_checkpoints": 9,
    "eval_every": 0,
    "expert_weight": 0.5,
    "expert_decay": 100,
    "actor_q_scale": "spread",
    "strata_shares": (0.25,),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a whole training, with its session's buffer read by the tests below."""
    folder = tmp_path_factory.mktemp("privileged") / "run"
    run = session(tiny(**LABELLED), folder)
    assert spaces_of(run.env) == Spaces(None, 2, 1, privileged=3, expert=True)
    assert train(run)
    scalars, _ = evaluate_now(run, 1)
    assert np.isfinite(scalars["health/overestimation"])
    run.close()
    return folder


def final_state(folder: Path) -> bytes:
    return (checkpoint.find(folder) / "state.msgpack").read_bytes()


def test_the_expert_s_labels_drive_the_warm_up_under_the_asked_noise(tmp_path: Path) -> None:
    config = tiny(**LABELLED | {"warm_up_noise": (0.0, 0.3), "pretrain_updates": 0, "steps": 50})
    run = session(config, tmp_path / "run")
    assert train(run)
    run.close()
    ring, batch = run.buffer._ring, run.buffer.in_order()
    away = np.abs(batch.action - batch.expert)[:, 0]
    assert away[:25].max() == 0.0
    assert away[25:30].max() > 0.0
    np.testing.assert_array_equal(ring.stratum[:50], np.abs(batch.privileged[:, 0]) > 0.5)
    np.testing.assert_allclose(batch.next_privileged[:24], batch.privileged[1:25])
    assert run.learner.updates == 20


def test_an_expert_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    plain = {"env_args": ("labelled=false",)}
    with pytest.raises(BadInput, match="--warm_up=expert: Labelled-v0 gives no 'expert' actions"):
        session(tiny(**LABELLED | plain), tmp_path / "run")
    with pytest.raises(BadInput, match=r"--expert_weight = 0.5: expected 0"):
        session(tiny(**LABELLED | plain | {"warm_up": "random"}), tmp_path / "run")


def test_labels_that_are_no_actions_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'expert' of the observations has shape \(2,\)"):
        session(tiny(**LABELLED | {"env_args": ("labels=2",)}), tmp_path / "run")
    run = session(tiny(**LABELLED | {"env_args": ("gain=9",)}), tmp_path / "other")
    with pytest.raises(BadInput, match=r"expert is .*: expected values in \[-1, 1\]"):
        train(run)
    run.close()


def test_a_resumed_run_is_the_one_that_was_never_interrupted(trained: Path, tmp_path: Path) -> None:
    for step in (20, 40):  # before and after the offline updates
        folder = tmp_path / str(step)
        source = trained / "checkpoints" / f"step-{step:09d}"
        place = shutil.copytree(source, folder / "checkpoints" / source.name)
        shutil.copy(trained / "metrics.csv", folder)
        run = session(tiny(**LABELLED), folder, resume=place)
        assert train(run)
        run.close()
        assert final_state(folder) == final_state(trained)
        assert run.learner.updates == 20 + 30


def test_offline_updates_go_on_where_a_signal_stopped_them(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_PRETRAINED_AT_ONCE", 16)
    run = session(tiny(**LABELLED), tmp_path / "run")
    pretrain = run.learner.pretrain

    def stopped(count: int) -> None:
        pretrain(count)
        run.stop.number = 15

    monkeypatch.setattr(run.learner, "pretrain", stopped)
    assert not train(run)
    run.close()
    assert (run.step, run.learner.updates) == (30, 16)
    again = session(tiny(**LABELLED), tmp_path / "run", resume=checkpoint.find(tmp_path / "run"))
    assert again.learner.owed() == 4
    assert train(again)
    again.close()
    assert final_state(tmp_path / "run") == final_state(trained)


def test_a_policy_is_evaluated_where_nothing_is_told(
    trained: Path, capsys: pytest.CaptureFixture
) -> None:
    words = [f"--run_dir={trained}", "--episodes=1"]
    assert evaluate.main(words) == 2
    said = capsys.readouterr().err
    assert "gives privileged and expert, which is for training alone" in said
    assert said.count("\n") == 1
    plan = evaluate.make_plan({"run_dir": str(trained), "env_args": ("labelled=false",)})
    env = make_env(plan.config)
    observation, info = env.reset(seed=0)
    driver, values = policy_evaluation._driver(plan, "checkpoint", env)
    assert values is None  # its critic reads what is not told
    action = driver(observation, info)
    np.testing.assert_allclose(action, td3jax.load(trained)(observation), rtol=1e-5)


def test_the_options_of_guidance_may_change_when_a_run_goes_on(
    trained: Path, tmp_path: Path
) -> None:
    config = tiny(**LABELLED)
    plain = dataclasses.replace(config.agent, expert_weight=0.0, actor_q_scale="none")
    other = dataclasses.replace(config, agent=plain)
    spaces = Spaces(None, 2, 1, privileged=3, expert=True)
    path = checkpoint.find(trained)
    read = checkpoint.read(path, other, spaces, td3jax.ALGORITHMS["td3"]).state
    assert not any(name.startswith("train/expert") for name in read.actor_metrics)
