"""docs/scalars.md names every scalar that is logged or that a rule reads."""

from __future__ import annotations

import re
from pathlib import Path

import jax
import numpy as np
import pytest

from envs.task.metrics import EpisodeMetrics, aggregate
from envs.task.reward import PARTS
from launch.diagnosis.live import _WATCHED
from launch.diagnosis.tags import FOREIGN_TAGS, GROUPS
from launch.training.tallies import RewardTally
from td3jax import AgentConfig, Batch, Spaces, guidance, init, update

ROOT = Path(__file__).parents[3]


def documented() -> dict[str, list[str]]:
    """Scalar name -> the other cells of its row."""
    names: dict[str, list[str]] = {}
    for line in (ROOT / "docs" / "scalars.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            for name in re.findall(r"`([^`]+)`", cells[0]):
                assert name not in names, f"{name} stands twice"
                names[name] = cells[1:]
    return names


def test_every_row_is_complete_and_in_a_known_group():
    for name, cells in documented().items():
        assert name.startswith(GROUPS), name
        assert len(cells) == 5, name
        assert all(cells), name


def test_every_metric_of_an_update_is_documented():
    config = AgentConfig(hidden_sizes=(8,), health_every=1)
    state = init(config, Spaces(image=None, vector=3, action=2), jax.random.key(0))
    rng = np.random.default_rng(0)
    batch = Batch(
        frames=None,
        vector=rng.normal(size=(4, 3)).astype(np.float32),
        next_vector=rng.normal(size=(4, 3)).astype(np.float32),
        action=rng.uniform(-1, 1, (4, 2)).astype(np.float32),
        reward=np.ones(4, np.float32),
        terminated=np.zeros(4, bool),
        steps=np.ones(4, np.int32),
    )
    _, metrics = update(state, batch)
    assert set(metrics) <= set(documented())


def test_the_scalars_of_a_guided_actor_are_documented():
    config = AgentConfig(actor_q_scale="spread", expert_weight=1.0, auxiliary_weight=1.0)
    names = set(guidance.no_scalars(config))
    assert len(names) == 5
    assert names <= set(documented())


def test_the_reward_s_parts_are_documented_with_their_shares():
    tally = RewardTally()
    tally.add(1.0, dict.fromkeys(PARTS, 0.2))
    names = set(tally.drain())
    assert len(names) == 2 * len(PARTS) + 1
    assert names <= set(documented())
    names.discard("reward/total")
    assert {f"eval/{name.replace('/', '_')}" for name in names} <= set(documented())


def test_every_driving_metric_is_documented():
    episode = EpisodeMetrics(route_length=500.0, seconds=0.05, target_speed=8.33).result("stuck")
    names = {f"eval/{name}" for name in aggregate([episode])}
    assert names <= set(documented())


MODULES = {path.stem for path in (ROOT / "launch" / "diagnosis").glob("*.py")}


@pytest.mark.parametrize("module", sorted(MODULES - {"tags"}))
def test_every_scalar_that_a_rule_reads_is_documented(module):
    text = (ROOT / "launch" / "diagnosis" / f"{module}.py").read_text()
    pattern = r'"((?:train|debug|gradients|alerts|agent|reward|eval|health)/[a-z0-9_]+)"'
    read = set(re.findall(pattern, text)) - set(FOREIGN_TAGS)
    assert read <= set(documented())


def test_watched_and_mapped_names_are_documented():
    assert set(documented()) >= _WATCHED
    assert set(FOREIGN_TAGS.values()) <= set(documented())
