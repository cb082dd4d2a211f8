"""TD3 (Fujimoto et al. 2018, arXiv 1802.09477, algorithm 1): target, both losses, update.

Both critics step on one target; every `policy_delay` steps the actor follows and all targets,
encoders included, move by `tau`. Everything here is pure and traceable. Arguments come in one
order: networks, parameters, data. Departures from the paper exist only as options.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, Protocol

import chex
import jax
import jax.numpy as jnp
import optax

from td3jax import guidance, metrics, networks
from td3jax.augment import random_shift
from td3jax.batch import Batch, Observation, policy_view
from td3jax.config import AgentConfig, Spaces
from td3jax.networks import Networks, Params
from td3jax.optim import kernel_mask, make_optimizer, part_norms
from td3jax.state import Metrics, Network, TrainState
from td3jax.value import Info, head_losses, policy_objective, values


def smoothed_action(
    nets: Networks, target_actor: Params, observation: Observation, key: jax.Array
) -> jax.Array:
    """Return the target policy's action with clipped noise, drawn for each row (eq. 14)."""
    action, config = nets.actor(target_actor, policy_view(observation)), nets.config
    noise = config.target_noise * jax.random.normal(key, action.shape, action.dtype)
    noise = jnp.clip(noise, -config.target_noise_clip, config.target_noise_clip)
    return jnp.clip(action + noise, -1.0, 1.0)


def td_target(
    nets: Networks,
    target_actor: Params,
    target_critic: Params,
    batch: Batch,
    next_observation: Observation,
    key: jax.Array,
) -> jax.Array:
    """Return reward + discount^steps (1 - terminated) Q'(s', a'), float32 (B,); no gradient.

    Truncation bootstraps. Q' is the minimum of the target twins unless `double_q_alpha` < 1.
    """
    config = nets.config
    action = smoothed_action(nets, target_actor, next_observation, key)
    twins = nets.critic(target_critic, next_observation, action)
    alpha = config.double_q_alpha
    value = alpha * twins.min(axis=0) + (1.0 - alpha) * twins.max(axis=0)
    target = batch.reward + metrics.bootstrap(config, batch) * value
    if config.target_bound:
        target = jnp.clip(target, -config.target_bound, config.target_bound)
    return jax.lax.stop_gradient(target)


def critic_loss(
    nets: Networks, critic: Params, observation: Observation, action: jax.Array, target: jax.Array
) -> tuple[jax.Array, Info]:
    """Return the sum of both heads' losses; info has "losses" (2,) and "q" (2, B)."""
    config = nets.config
    outputs = nets.critic_outputs(critic, observation, action)
    losses = head_losses(config, outputs, target)
    loss = losses.sum()
    if config.critic_l2:
        squares = jax.tree.map(
            lambda p, kernel: jnp.sum(p**2) if kernel else 0.0, critic, kernel_mask(critic)
        )
        loss += config.critic_l2 * jax.tree.reduce(jnp.add, squares)
    return loss, {"losses": losses, "q": values(config, outputs)}


def actor_loss(
    nets: Networks, actor: Params, critic: Params, observation: Observation
) -> tuple[jax.Array, Info]:
    """Return -mean Q1(s, actor(s)) (eq. 8 with the first critic); info has "q" and "pre_tanh".

    The critic reads the observation through its own encoder, and its parameters are constants
    here: the action is the only way for the actor to raise Q.
    """
    pre_tanh = nets.pre_tanh(nets.complete(actor, critic), policy_view(observation))
    q = nets.critic(critic, observation, jnp.tanh(pre_tanh))[0]
    return policy_objective(nets.config, q, pre_tanh)


class TargetRule(Protocol):
    """The type of `td_target`."""

    def __call__(
        self, nets: Networks, target_actor: Params, target_critic: Params, batch: Batch,
        next_observation: Observation, key: jax.Array, /,
    ) -> jax.Array: ...  # fmt: skip


class CriticLoss(Protocol):
    """The type of `critic_loss`."""

    def __call__(
        self, nets: Networks, critic: Params, observation: Observation, action: jax.Array,
        target: jax.Array, /,
    ) -> tuple[jax.Array, Info]: ...  # fmt: skip


class ActorLoss(Protocol):
    """The type of `actor_loss`."""

    def __call__(
        self, nets: Networks, actor: Params, critic: Params, observation: Observation, /
    ) -> tuple[jax.Array, Info]: ...


class Rules(NamedTuple):
    """The three formulas of an update; replace one to study another rule.

    A critic loss must put "losses" (2,) and "q" (2, B) into its info, an actor loss "q" (B,)
    and "pre_tanh" (B, A), which the metrics read.
    """

    td_target: TargetRule = td_target
    critic_loss: CriticLoss = critic_loss
    actor_loss: ActorLoss = actor_loss


TD3 = Rules()


def init(config: AgentConfig, spaces: Spaces, key: jax.Array) -> TrainState:
    """Return a fresh state; targets start as copies."""
    params_key, key = jax.random.split(key)
    actor, critic = networks.make(config, spaces).init(params_key)

    def network(params: Params, name: str) -> Network:
        opt_state = make_optimizer(config, name).init(params)
        return Network(params, jax.tree.map(jnp.copy, params), opt_state)

    state = TrainState(
        actor=network(actor, "actor"),
        critic=network(critic, "critic"),
        step=jnp.zeros((), jnp.int32),
        key=key,
        return_bound=jnp.zeros((), jnp.float32),
        actor_metrics={},
        health={},
        health_step=jnp.zeros((), jnp.int32),
        config=config,
        spaces=spaces,
    )
    return metrics.with_empty(state)


def update(
    state: TrainState, batch: Batch, rules: Rules = TD3, scalars: bool = True
) -> tuple[TrainState, Metrics]:
    """Return the state after one gradient step, and its metrics as named in the logs.

    scalars=False: only the critic's loss and `metrics.WORST`; metrics in the state stay.
    """
    _check(state, batch)
    nets, config, before = state.networks, state.config, state
    key, target_key, shift_key, next_shift_key = jax.random.split(state.key, 4)
    observation, next_observation = batch.observations(state.spaces.stack)
    observation = random_shift(config, observation, shift_key)
    next_observation = random_shift(config, next_observation, next_shift_key)

    target_critic = state.critic.target_params
    target_actor = nets.complete(state.actor.target_params, target_critic)
    target = rules.td_target(nets, target_actor, target_critic, batch, next_observation, target_key)
    critic, measured = _critic_step(state, rules, batch, observation, target)
    state = state.replace(
        critic=critic,
        step=state.step + 1,
        key=key,
        return_bound=jnp.maximum(state.return_bound, metrics.return_bound(config, batch)),
    )
    rules, critic_params = _guided(rules, config, batch, state.step), critic.params
    if config.reuse_features and "encoder" in critic_params:  # departure: features one step old
        critic_params = {**critic_params, "encoder": before.critic.params["encoder"]}

    acts = state.step % config.policy_delay == 0
    state = jax.lax.cond(
        acts,
        lambda s: _actor_step(s, rules, critic_params, observation),
        lambda s: s,
        state,
    )
    own = measured | metrics.fresh(state.actor_metrics, acts)
    if not scalars:
        worst = metrics.worst({name: own[name] for name in metrics.WATCHED}, state.return_bound)
        loss = {"train/critic_loss": measured["train/critic_loss"]}
        return state.replace(actor_metrics=before.actor_metrics), loss | worst
    state = metrics.with_health(
        before,
        state,
        observation,
        batch.action,
        lambda: bypass_norm(nets, rules, before.actor.params, critic_params, observation),
    )
    measured = measured | state.actor_metrics | state.health
    worst = metrics.worst(own | state.health, state.return_bound)
    return state, measured | metrics.relations(measured) | worst


def bypass_norm(
    nets: Networks, rules: Rules, actor: Params, critic: Params, observation: Observation
) -> jax.Array:
    """Return the norm of the actor's gradient through what its loss gives the critic as parameters.

    They are constants in TD3, so it is 0; it is not where the critic reads features of the actor.
    """
    stop = jax.lax.stop_gradient

    def loss(actor: Params, share: Callable[[Params], Params]) -> jax.Array:
        def critic_alone(params: Params, seen: Observation, action: jax.Array) -> jax.Array:
            return nets.critic(share(params), seen, stop(action))

        def outputs_alone(params: Params, seen: Observation, action: jax.Array) -> jax.Array:
            return nets.critic_outputs(share(params), seen, stop(action))

        alone = nets._replace(critic=critic_alone, critic_outputs=outputs_alone)
        return rules.actor_loss(alone, actor, critic, observation)[0]

    grads = jax.grad(lambda a: loss(a, lambda params: params) - loss(a, stop))(actor)
    return part_norms(grads)["all"]


def _guided(rules: Rules, config: AgentConfig, batch: Batch, step: jax.Array) -> Rules:
    """Return the rules with the guided actor's loss where an option asks for it."""
    if not guidance.is_on(config):
        return rules
    if rules.actor_loss is not actor_loss:
        raise ValueError("rules with an actor_loss of their own: expected no option that guides it")
    guide = guidance.guide(config, batch, step)
    return rules._replace(actor_loss=functools.partial(guidance.actor_loss, guide))


def _critic_step(
    state: TrainState, rules: Rules, batch: Batch, observation: Observation, target: jax.Array
) -> tuple[Network, Metrics]:
    grad = jax.grad(rules.critic_loss, argnums=1, has_aux=True)
    grads, info = grad(state.networks, state.critic.params, observation, batch.action, target)
    critic, norms = _step_network(state.critic, grads, state.config, "critic")
    return critic, metrics.critic_metrics(batch, target, info, state.config) | norms


def _actor_step(
    state: TrainState, rules: Rules, critic_params: Params, observation: Observation
) -> TrainState:
    """Step the actor on the given critic, then move every target."""
    grad = jax.value_and_grad(rules.actor_loss, argnums=1, has_aux=True)
    (loss, info), grads = grad(state.networks, state.actor.params, critic_params, observation)
    actor, norms = _step_network(state.actor, grads, state.config, "actor")
    return state.replace(
        actor=_move_target(actor, state.config.tau),
        critic=_move_target(state.critic, state.config.tau),
        actor_metrics=metrics.actor_metrics(loss, info) | norms,
    )


def _step_network(
    network: Network, grads: Params, config: AgentConfig, name: str
) -> tuple[Network, Metrics]:
    """Take one optimiser step; also return the gradient norms before and after clipping."""
    optimizer = make_optimizer(config, name)
    updates, opt_state = optimizer.update(grads, network.opt_state, network.params)
    params = optax.apply_updates(network.params, updates)
    clip = getattr(config, f"{name}_clip_norm")
    norms = metrics.gradient_norms(part_norms(grads), clip, name)
    return network.replace(params=params, opt_state=opt_state), norms


def _move_target(network: Network, tau: float) -> Network:
    target = optax.incremental_update(network.params, network.target_params, tau)
    return network.replace(target_params=target)


def _check(state: TrainState, batch: Batch) -> None:
    rows, spaces = batch.action.shape[0], state.spaces
    chex.assert_shape(batch.action, (rows, spaces.action))
    chex.assert_shape([batch.reward, batch.terminated, batch.steps], (rows,))
    chex.assert_type([batch.reward, batch.terminated, batch.steps], [float, bool, int])
    if spaces.image is not None:
        chex.assert_shape(batch.frames, (rows, None, *(spaces.frame or ())))
        chex.assert_type(batch.frames, jnp.uint8)
        chex.assert_axis_dimension_gt(batch.frames, 1, spaces.stack)
    if spaces.vector is not None:
        chex.assert_shape([batch.vector, batch.next_vector], (rows, spaces.vector))
    if spaces.privileged is not None:
        chex.assert_shape([batch.privileged, batch.next_privileged], (rows, spaces.privileged))
    if spaces.expert:
        chex.assert_shape(batch.expert, (rows, spaces.action))
