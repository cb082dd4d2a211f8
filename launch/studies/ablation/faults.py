"""Wrong formulas of the actor loss and the TD target, injected by substituting parameters.

td3jax networks take observations, each through the encoder among its own parameters, so a fault
has to be built: `critic(parameters with the actor's encoder in place of its own)`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from launch.studies.ablation.fault_options import Fault
from td3jax import td3
from td3jax.batch import Batch, Observation
from td3jax.networks import Networks, Params
from td3jax.state import TrainState
from td3jax.td3 import ActorLoss, Rules

_JOINT = "critic_encoder"  # the critic's encoder as a parameter of the actor's optimiser


def _critic_under_actor_loss(fault: Fault, actor_params: Params, critic_params: Params) -> Params:
    """The critic's parameters as the faulty actor loss sees them."""
    if fault.joint:
        own, copy = critic_params["encoder"], actor_params[_JOINT]
        encoder = jax.tree.map(lambda x, w: x + (w - jax.lax.stop_gradient(w)), own, copy)
    else:
        encoder = (actor_params if fault.features == "actor" else critic_params)["encoder"]
        if not fault.gradient:
            encoder = jax.lax.stop_gradient(encoder)
    return {**critic_params, "encoder": encoder}


def composed_actor_loss(fault: Fault, detach_action: bool = False) -> ActorLoss:
    """-mean Q1 with the fault's encoder under Q; without a fault, td3jax's own loss.

    detach_action: the action is a constant, so that what gradient remains bypasses it.
    """

    def actor_loss(
        nets: Networks, actor: Params, critic: Params, observation: Observation
    ) -> tuple[jax.Array, td3.Info]:
        pre_tanh = nets.pre_tanh(nets.complete(actor, critic), observation)
        if detach_action:
            pre_tanh = jax.lax.stop_gradient(pre_tanh)
        seen = critic
        if nets.config.encoder == "separate":
            seen = _critic_under_actor_loss(fault, actor, critic)
        q = nets.critic(seen, observation, jnp.tanh(pre_tanh))[0]
        return td3.policy_objective(nets.config, q, pre_tanh)

    return actor_loss


def _target_with_critic_features(
    nets: Networks,
    target_actor: Params,
    target_critic: Params,
    batch: Batch,
    next_observation: Observation,
    key: jax.Array,
) -> jax.Array:
    """The TD target with the target actor reading the critic's features."""
    mixed = {**target_actor, "encoder": target_critic["encoder"]}
    return td3.td_target(nets, mixed, target_critic, batch, next_observation, key)


def rules(fault: Fault) -> Rules:
    """The update's formulas under the fault; a formula that is right is td3jax's own."""
    right_loss = fault.features == "critic" and not fault.gradient
    right_target = fault.target_features == "actor"
    return Rules(
        td_target=td3.td_target if right_target else _target_with_critic_features,
        actor_loss=td3.actor_loss if right_loss else composed_actor_loss(fault),
    )


def prepare(fault: Fault, state: TrainState, optimizer: Any) -> TrainState:
    """The state with what the fault needs; `optimizer` is the actor's."""
    if not fault.joint:
        return state
    copy = jax.tree.map(jnp.copy, state.critic.params["encoder"])
    params = {**state.actor.params, _JOINT: copy}
    actor = state.actor.replace(
        params=params,
        target_params=jax.tree.map(jnp.copy, params),
        opt_state=optimizer.init(params),
    )
    return state.replace(actor=actor)


def after_update(fault: Fault, before: TrainState, state: TrainState) -> TrainState:
    """Apply the fault at the end of an update."""
    if fault.joint:
        state = _join_encoders(before, state)
    if not fault.target_encoders:
        state = state.replace(
            actor=_without_target_encoder(state.actor), critic=_without_target_encoder(state.critic)
        )
    return state


def _join_encoders(before: TrainState, state: TrainState) -> TrainState:
    """Add the actor optimiser's step on the critic's encoder to the critic's own."""
    encoder = jax.tree.map(
        lambda own, new, old: own + (new - old),
        state.critic.params["encoder"],
        state.actor.params[_JOINT],
        before.actor.params[_JOINT],
    )
    critic = state.critic.replace(params={**state.critic.params, "encoder": encoder})
    actor = state.actor.replace(params={**state.actor.params, _JOINT: encoder})
    return state.replace(actor=actor, critic=critic)


def _without_target_encoder(network: Any) -> Any:
    target = {**network.target_params, "encoder": network.params["encoder"]}
    return network.replace(target_params=target)
