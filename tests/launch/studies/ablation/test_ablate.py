"""The injected faults: exactly td3jax where they depart nowhere, and caught where they do."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from launch.errors import BadInput
from launch.studies.ablation.arms import FAULTS, TOY_AGENT
from launch.studies.ablation.experiment import ArmRun
from launch.studies.ablation.fault_options import Fault
from launch.studies.ablation.faults import composed_actor_loss
from launch.studies.ablation.probes import leak_probe
from launch.studies.ablation.results import arms_of, curve_rows
from td3jax import Spaces, init, td3

SPACES = Spaces(image=(24, 24, 4), vector=5, action=2)


@pytest.fixture(scope="module")
def state():
    return init(TOY_AGENT, SPACES, jax.random.key(0))


@pytest.fixture(scope="module")
def observation():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 24, 24, 4), dtype=np.uint8)
    return {"image": image, "vector": rng.normal(size=(32, 5)).astype(np.float32)}


@pytest.mark.slow
def test_without_a_fault_the_composed_loss_is_td3jax_s_own(state, observation):
    arguments = (state.networks, state.actor.params, state.critic.params, observation)
    own = jax.value_and_grad(td3.actor_loss, argnums=1, has_aux=True)(*arguments)
    loss = composed_actor_loss(Fault())
    composed = jax.value_and_grad(loss, argnums=1, has_aux=True)(*arguments)
    jax.tree.map(np.testing.assert_array_equal, own, composed)


@pytest.mark.parametrize(
    ("name", "leaks", "gap"), [("A", False, False), ("C", False, True), ("D", True, True)]
)
def test_purity_and_gap_tell_the_fault(state, observation, name, leaks, gap):
    found = leak_probe(FAULTS[name][1], state, observation)
    assert (float(found.purity) > 0.0) is leaks
    assert (float(found.gap) > 1e-6) is gap


def test_unknown_groups_are_refused_by_name():
    with pytest.raises(BadInput, match="nope"):
        arms_of(["core", "nope"])


def test_curves_are_thinned_evenly_in_the_logarithm():
    values = np.arange(1.0, 1501.0)
    rows = curve_rows(arms_of(["core"])[0], 0, ArmRun({}, {"actor_q": values, "replay_q": values}))
    updates = [row["actor_update"] for row in rows]
    assert updates[0] == 1
    assert updates[-1] == 1500
    assert float(str(rows[-1]["actor_q"])) == 1500.0
    assert len(rows) <= 60
