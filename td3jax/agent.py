"""The agent: `init`, `act`, `update`, `update_many`, pure and jitted over one train state.

TD3 (Fujimoto et al. 2018, arXiv 1802.09477, algorithm 1): both critics step on one target; every
`policy_delay` steps the actor follows and all targets, encoders included, move by `tau`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax
from flax import struct

from td3jax import metrics, networks, td3
from td3jax.augment import random_shift
from td3jax.batch import Batch, Observation
from td3jax.config import AgentConfig, Spaces
from td3jax.conv import compiler_options
from td3jax.networks import Params
from td3jax.optim import make_optimizer, part_norms

Metrics = dict[str, jax.Array]


class Network(struct.PyTreeNode):
    """Parameters, their slowly moving copy (encoder included) and the optimiser's state."""

    params: Params
    target_params: Params
    opt_state: optax.OptState


class TrainState(struct.PyTreeNode):
    """Everything that training changes; `step` counts gradient steps (critic updates).

    Metrics kept: the last actor step's and those of health, taken at step `health_step`.
    """

    actor: Network
    critic: Network
    step: jax.Array
    key: jax.Array
    reward_bound: jax.Array
    actor_metrics: Metrics
    health: Metrics
    health_step: jax.Array
    config: AgentConfig = struct.field(pytree_node=False)
    spaces: Spaces = struct.field(pytree_node=False)


Updated = tuple[TrainState, Metrics]
UpdateFunction = Callable[[TrainState, Batch], Updated]


class Rules(NamedTuple):
    """The two formulas of an update, so that an experiment can study a wrong one."""

    td_target: Callable[..., jax.Array] = td3.td_target
    actor_loss: Callable[..., tuple[jax.Array, td3.Info]] = td3.actor_loss


def init(config: AgentConfig, spaces: Spaces, key: jax.Array) -> TrainState:
    """A fresh state; targets start as copies."""
    params_key, key = jax.random.split(key)
    actor_params, critic_params = networks.init_params(config, spaces, params_key)

    def network(params: Params, name: str) -> Network:
        opt_state = make_optimizer(config, name).init(params)
        return Network(params, jax.tree.map(jnp.copy, params), opt_state)

    return TrainState(
        actor=network(actor_params, "actor"),
        critic=network(critic_params, "critic"),
        step=jnp.zeros((), jnp.int32),
        key=key,
        reward_bound=jnp.zeros(()),
        actor_metrics=metrics.empty(metrics.ACTOR),
        health=metrics.empty(metrics.HEALTH),
        health_step=jnp.zeros((), jnp.int32),
        config=config,
        spaces=spaces,
    )


def greedy_action(state: TrainState, observation: Observation) -> jax.Array:
    """The policy's action without noise, float32 (B, A) in [-1, 1]; traceable."""
    params = networks.with_encoder(state.config, state.actor.params, state.critic.params)
    return networks.actor(state.config, params, observation)


@functools.cache
def _compiled_act(config: AgentConfig) -> Callable[..., jax.Array]:
    """A jitted function of the policy's weights alone: a whole state takes longer to hand over
    than a small network to run (V: 57 -> 18 us)."""

    def run(
        params: Params, shared: Params, observation: Observation, key: jax.Array, noise: jax.Array
    ) -> jax.Array:
        action = networks.actor(config, networks.with_encoder(config, params, shared), observation)
        return jnp.clip(action + noise * jax.random.normal(key, action.shape), -1.0, 1.0)

    return jax.jit(run, compiler_options=compiler_options())


def _step_network(
    network: Network, grads: Params, config: AgentConfig, name: str
) -> tuple[Network, Metrics]:
    """One optimiser step, and the true gradient norms before and after clipping."""
    optimizer = make_optimizer(config, name)
    updates, opt_state = optimizer.update(grads, network.opt_state, network.params)
    params = optax.apply_updates(network.params, updates)
    clip = getattr(config, f"{name}_clip_norm")
    norms = metrics.gradient_norms(part_norms(grads), clip, name)
    return network.replace(params=params, opt_state=opt_state), norms


def _critic_step(
    state: TrainState, batch: Batch, observation: Observation, target: jax.Array
) -> tuple[Network, Metrics]:
    grad = jax.grad(td3.critic_loss, has_aux=True)
    grads, info = grad(state.critic.params, state.config, observation, batch.action, target)
    critic, norms = _step_network(state.critic, grads, state.config, "critic")
    return critic, metrics.critic_metrics(batch, target, info, state.config) | norms


def _actor_step(
    state: TrainState, observation: Observation, critic_params: Params, rules: Rules
) -> TrainState:
    """The actor's step on the given critic, then every target's."""
    config = state.config
    grad = jax.value_and_grad(rules.actor_loss, has_aux=True)
    (loss, info), grads = grad(state.actor.params, config, critic_params, observation)
    actor, norms = _step_network(state.actor, grads, config, "actor")
    return state.replace(
        actor=_move_target(actor, config.tau),
        critic=_move_target(state.critic, config.tau),
        actor_metrics=metrics.actor_metrics(loss, info) | norms,
    )


def _move_target(network: Network, tau: float) -> Network:
    target = optax.incremental_update(network.params, network.target_params, tau)
    return network.replace(target_params=target)


def _check(state: TrainState, batch: Batch) -> None:
    rows = batch.action.shape[0]
    chex.assert_shape(batch.action, (rows, state.spaces.action))
    chex.assert_shape([batch.reward, batch.terminated, batch.steps], (rows,))
    chex.assert_type([batch.reward, batch.terminated, batch.steps], [float, bool, int])
    if state.spaces.image is not None:
        height, width, _ = state.spaces.image
        chex.assert_shape(batch.frames, (rows, None, height, width))
        chex.assert_type(batch.frames, jnp.uint8)
    if state.spaces.vector is not None:
        chex.assert_shape([batch.vector, batch.next_vector], (rows, state.spaces.vector))


def update_with(rules: Rules, state: TrainState, batch: Batch) -> Updated:
    """One gradient step by the given rules; traceable, not jitted."""
    _check(state, batch)
    config, before = state.config, state
    key, target_key, shift_key, next_shift_key = jax.random.split(state.key, 4)
    observation, following = batch.observations(state.spaces.image[2] if state.spaces.image else 0)
    observation = random_shift(config, observation, shift_key)
    following = random_shift(config, following, next_shift_key)

    target_critic = state.critic.target_params
    target_actor = networks.with_encoder(config, state.actor.target_params, target_critic)
    target = rules.td_target(config, target_actor, target_critic, batch, following, target_key)
    critic, scalars = _critic_step(state, batch, observation, target)
    state = state.replace(
        critic=critic,
        step=state.step + 1,
        key=key,
        reward_bound=jnp.maximum(state.reward_bound, jnp.abs(batch.reward).max()),
    )
    critic_params = critic.params
    if config.reuse_features and "encoder" in critic_params:  # departure: features one step old
        critic_params = {**critic_params, "encoder": before.critic.params["encoder"]}

    state = jax.lax.cond(
        state.step % config.policy_delay == 0,
        lambda s: _actor_step(s, observation, critic_params, rules),
        lambda s: s,
        state,
    )
    scalars = scalars | state.actor_metrics
    if config.health_every:
        state = _with_health(before, state, observation, batch.action)
        scalars = scalars | state.health
    return state, scalars | metrics.alerts(scalars, state.reward_bound, config)


def _with_health(
    before: TrainState, after: TrainState, observation: Observation, action: jax.Array
) -> TrainState:
    """New health metrics at an actor step once the last are `health_every` gradient steps old."""
    config = after.config
    due = after.step >= after.health_step + config.health_every
    fresh = due & (after.step % config.policy_delay == 0)
    health = jax.lax.cond(
        fresh,
        lambda: metrics.health_metrics(before, after, observation, action),
        lambda: after.health,
    )
    return after.replace(health=health, health_step=jnp.where(fresh, after.step, after.health_step))


def _without_scalars(state: TrainState, batch: Batch) -> Updated:
    """The same step and its loss; what only the other scalars need is left out by the compiler."""
    new, scalars = _update(state, batch)
    kept = {name: getattr(state, name) for name in ("actor_metrics", "health", "health_step")}
    return new.replace(**kept), {"train/critic_loss": scalars["train/critic_loss"]}


def update_many_with(step: UpdateFunction, state: TrainState, batches: Batch) -> Updated:
    """K gradient steps on batches with a leading axis K; last metrics, worst alerts."""
    state, scalars = jax.lax.scan(step, state, batches)
    return state, {
        name: value.max(axis=0) if name.startswith("alerts/") else value[-1]
        for name, value in scalars.items()
    }


@functools.cache
def _compiled(function: Callable[..., Any], donate: bool) -> Callable[..., Any]:
    """`function` jitted with the backend's compiler options, which need the backend to be up."""
    donated = (0,) if donate else ()
    return jax.jit(function, donate_argnums=donated, compiler_options=compiler_options())


_update = functools.partial(update_with, Rules())
_update_many = functools.partial(update_many_with, _update)
_update_many_without_scalars = functools.partial(update_many_with, _without_scalars)


def act(
    state: TrainState, observation: Observation, key: jax.Array, noise: float = 0.0
) -> jax.Array:
    """Actions float32 (B, A) in [-1, 1] with Gaussian exploration noise of the given deviation.

    observation: {"image": uint8 (B, H, W, stack), "vector": float32 (B, V)}, parts as in Spaces.
    """
    critic, shares = state.critic.params, state.config.encoder == "shared"
    shared = {"encoder": critic["encoder"]} if shares and "encoder" in critic else {}
    return _compiled_act(state.config)(state.actor.params, shared, observation, key, noise)


def update(state: TrainState, batch: Batch, scalars: bool = True) -> Updated:
    """One gradient step, jitted; consumes `state`. Metrics are device scalars, named as logged.

    scalars off: the same step by a leaner program, equal to rounding, and the critic's loss alone.
    Actor metrics are the last measured actor step's, so measure `policy_delay` steps in a row.
    """
    return _compiled(_update if scalars else _without_scalars, True)(state, batch)


def update_many(state: TrainState, batches: Batch, scalars: bool = True) -> Updated:
    """K gradient steps in one call, jitted; consumes `state`; leaves of `batches` lead with K."""
    function = _update_many if scalars else _update_many_without_scalars
    return _compiled(function, True)(state, batches)
