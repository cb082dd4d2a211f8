"""What may guide the actor beside Q: a unit for Q, the expert's labels, an auxiliary task.

All of it is off by default. The actor's loss is then

    -actor_q_weight mean Q1(s, pi(s)) / unit  +  w mean |pi(s) - expert|^2  +  auxiliary

with w = expert_weight, falling linearly to 0 over `expert_decay` gradient steps. The unit of a
dense reward is the spread of advantages: the size of Q itself is that of all future steps, which
no single action changes.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from td3jax.batch import Array, Batch, Observation, policy_view
from td3jax.config import AgentConfig
from td3jax.networks import Networks, Params
from td3jax.value import Info, policy_objective

_LEAST_SPREAD = 1e-6


class Guide(NamedTuple):
    """What the actor's loss reads of one batch beside the observation, parts as in the batch."""

    action: Array
    expert: Array
    expert_weight: jax.Array
    privileged: Array


def is_on(config: AgentConfig) -> bool:
    """Tell whether any option guides the actor."""
    plain = config.actor_q_scale == "none" and config.actor_q_weight == 1.0
    return not plain or bool(config.expert_weight or config.auxiliary_weight)


def guide(config: AgentConfig, batch: Batch, step: jax.Array) -> Guide:
    """Return the guide of a batch at a gradient step."""
    weight = jnp.asarray(config.expert_weight, jnp.float32)
    if config.expert_decay:
        weight *= jnp.maximum(0.0, 1.0 - step.astype(jnp.float32) / config.expert_decay)
    return Guide(batch.action, batch.expert, weight, batch.privileged)


def actor_loss(
    given: Guide, nets: Networks, actor: Params, critic: Params, observation: Observation
) -> tuple[jax.Array, Info]:
    """Return TD3's actor loss with Q in its unit, plus the terms that are on.

    info has "q", "pre_tanh" and "guide", the scalars of `no_scalars`.
    """
    config, full, seen = nets.config, nets.complete(actor, critic), policy_view(observation)
    if config.auxiliary_weight:
        pre_tanh, guess = nets.pre_tanh_and_guess(full, seen)
    else:
        pre_tanh = nets.pre_tanh(full, seen)
    action = jnp.tanh(pre_tanh)
    q = nets.critic(critic, observation, action)[0]
    factor: jax.Array | float = config.actor_q_weight
    scalars: Info = {}
    if config.actor_q_scale == "spread":
        unit = spread(q, nets.critic(critic, observation, given.action)[0])
        factor, scalars = factor / unit, {"train/actor_q_spread": unit}
    loss, info = policy_objective(config, q, pre_tanh, factor)
    scalars["train/actor_q_term"] = loss
    if config.expert_weight:
        distance = jnp.square(action - given.expert).sum(axis=-1).mean()
        loss += given.expert_weight * distance
        scalars |= {
            "train/expert_distance": distance,
            "train/expert_weight": given.expert_weight,
        }
    if config.auxiliary_weight:
        error = jnp.square(guess - given.privileged).mean()
        loss += config.auxiliary_weight * error
        scalars["train/auxiliary_error"] = error
    return loss, info | {"guide": scalars}


def spread(q: jax.Array, replay_q: jax.Array) -> jax.Array:
    """Return the root mean square of the policy's Q over replay's in the same states, constant."""
    size = jnp.sqrt(jnp.square(replay_q - q).mean())
    return jax.lax.stop_gradient(jnp.maximum(size, _LEAST_SPREAD))


def no_scalars(config: AgentConfig) -> Info:
    """Return zeros for the scalars of a guided actor's loss; none where nothing guides it."""
    names = ["train/actor_q_term"] if is_on(config) else []
    names += ["train/actor_q_spread"] if config.actor_q_scale == "spread" else []
    names += ["train/expert_distance", "train/expert_weight"] if config.expert_weight else []
    names += ["train/auxiliary_error"] if config.auxiliary_weight else []
    return {name: jnp.zeros(()) for name in names}
