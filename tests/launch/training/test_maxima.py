"""Alerts of what happened in one update between two log points."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from launch.training import checkpoint
from launch.training.loop import train
from launch.training.maxima import RunningMaxima
from launch.training.scalars import read_rows
from td3jax.algorithm import Algorithm, td3_with
from td3jax.batch import Batch
from td3jax.td3 import TD3
from tests.launch.run_support import logged, session, tiny

PLAIN = td3_with(TD3)


def row(**values: float) -> dict[str, Any]:
    return {name: jnp.float32(value) for name, value in values.items()}


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 100])
def test_the_largest_of_any_number(count: int) -> None:
    maxima = RunningMaxima()
    assert maxima.values() == {}
    for i in range(count):
        maxima.add(row(a=-abs(i - 20.0), b=i))
        maxima.add({})
    largest = {"a": -float(max(21 - count, 0)), "b": count - 1.0}
    assert maxima.values() == maxima.values() == largest
    maxima.add(row(a=5.0, b=-1.0))
    assert maxima.values() == {"a": 5.0, "b": count - 1.0}
    maxima.clear()
    assert maxima.values() == {}


def test_values_of_a_checkpoint_count_and_nan_stays() -> None:
    maxima = RunningMaxima()
    maxima.restore({"a": 3.0, "b": math.nan})
    assert maxima.values()["a"] == 3.0
    maxima.add(row(a=1.0, b=9.0))
    assert maxima.values()["a"] == 3.0
    assert math.isnan(maxima.values()["b"])
    maxima.restore({"a": 3.0})
    for value in (math.nan, *[9.0] * 40):
        maxima.add(row(a=value))
    assert math.isnan(maxima.values()["a"])


def spiking(at: int) -> Algorithm:
    """TD3 that takes the rewards of one update to be ten million times what they are."""

    def update(state: Any, batch: Batch, scalars: bool = True, donate: bool = False) -> Any:
        if int(state.step) == at:
            batch = batch.replace(reward=batch.reward * 1e7)
        return PLAIN.update(state, batch, scalars, donate)

    return PLAIN._replace(update=update)


def trained(config: Any, folder: Path, spike: int, resume: Path | None = None) -> Any:
    run = session(config, folder, resume=resume)
    run.learner.algorithm = spiking(spike)
    assert train(run)
    run.close()
    return dict(read_rows(folder))


def test_a_spike_between_two_log_points_is_in_the_alert_and_not_in_the_next(tmp_path: Path) -> None:
    found = trained(tiny(steps=100, eval_every=0, final_episodes=0), tmp_path / "run", spike=30)
    alert, norm = "alerts/gradient_explosion_critical", "gradients/norm_max"
    assert [found[step][alert] for step in (40, 60, 80, 100)] == [0.0, 1.0, 0.0, 0.0]
    assert found[60][norm] > 1e5 > 100 * found[60]["gradients/critic_norm"]
    assert found[80][norm] < 1e3


def test_a_spike_before_a_checkpoint_is_in_the_resumed_runs_alert(tmp_path: Path) -> None:
    config = tiny(steps=100, eval_every=0, final_episodes=0, checkpoint_every=50)
    folder = tmp_path / "run"
    found = trained(config, folder, spike=26)
    assert found[60]["alerts/gradient_explosion_critical"] == 1.0
    before = logged(folder)
    point = checkpoint.all_checkpoints(folder)[0]
    assert point.name == "step-000000050"
    trained(config, folder, spike=10**9, resume=point)
    assert logged(folder) == before
