"""Faulty formulas for `td3jax train --rules=launch.studies.conditions.rules:NAME`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from launch.studies.ablation.fault_options import Fault
from launch.studies.ablation.faults import rules as faulty
from td3jax import td3
from td3jax.batch import Batch, Observation
from td3jax.networks import Networks, Params

_EXCESS = 1.1  # a discount above 1


def _undiscounted(
    nets: Networks,
    target_actor: Params,
    target_critic: Params,
    batch: Batch,
    next_observation: Observation,
    key: jax.Array,
) -> jax.Array:
    """The TD target with a discount above 1."""
    action = td3.smoothed_action(nets, target_actor, next_observation, key)
    twins = nets.critic(target_critic, next_observation, action)
    onward = jnp.where(batch.terminated, 0.0, _EXCESS ** batch.steps.astype(jnp.float32))
    return jax.lax.stop_gradient(batch.reward + onward * twins.min(axis=0))


LEAK = faulty(Fault(features="actor", gradient=True))
LEAK_WITH_SHARED_TARGET = faulty(Fault("actor", True, target_features="critic"))
GAMMA_ABOVE_ONE = td3.Rules(td_target=_undiscounted)
