"""The town as a task of the experiment: the real client, a fixed buffer, the same endpoints."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from launch.studies.ablation import town
from launch.studies.ablation.arms import groups
from launch.studies.ablation.data import Buffer
from launch.studies.ablation.experiment import run_arm

ROWS = 40


@pytest.fixture(scope="module")
def first() -> Buffer:
    return town.collect_town.__wrapped__(3, ROWS)


def test_the_same_seed_gives_the_same_buffer_and_its_stacks_overlap(first: Buffer) -> None:
    again = town.collect_town.__wrapped__(3, ROWS)
    same = jax.tree.map(lambda a, b: bool((a == b).all()), first, again)
    assert all(jax.tree.leaves(same))
    frames = np.asarray(first.batch.frames)
    assert frames.shape == (ROWS, 5, 48, 48)
    assert frames.dtype == np.uint8
    within = ~np.asarray(first.last)[:-1]
    assert (frames[1:][within][:, :4] == frames[:-1][within][:, 1:]).all()
    assert np.abs(first.batch.action).max() <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "purity"), [("A/town", 0.0), ("D/town", 1.0)])
def test_endpoints_of_a_short_run(
    first: Buffer, name: str, purity: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launch.studies.ablation.experiment.collect_town", lambda seed: first)
    monkeypatch.setattr(town, "EVALUATION_EPISODES", 1)
    monkeypatch.setattr(town, "EVALUATION_TICKS", 80)
    monkeypatch.setattr("launch.studies.ablation.probes.STATES", ROWS)
    town._limits.cache_clear()
    arm = next(arm for arm in groups()["town"] if arm.name == name)
    fault = arm.phases[0][0]
    result = run_arm(dataclasses.replace(arm, phases=((fault, 20),)), 3)
    assert result.curves["actor_q"].shape == (10,)
    assert result.endpoints["purity"] == pytest.approx(purity, abs=0.01)
    assert (result.endpoints["gap"] < 1e-7) == (name == "A/town")
    assert np.isfinite(result.endpoints["return"])
