"""Soft actor-critic (Haarnoja et al. 2018, arXiv 1812.05905) in one file, through the same loop.

    td3jax train --env=Pendulum-v1 --algorithm=examples/sac.py:SAC

It takes from td3jax what both algorithms share: networks, optimiser chains, replay, augmentation.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from td3jax import AgentConfig, Algorithm, Batch, Spaces, networks
from td3jax.augment import random_shift
from td3jax.optim import make_optimizer

State, Metrics = Any, dict[str, jax.Array]
LOG_STD = (-5.0, 2.0)


class SACState(struct.PyTreeNode):
    """Everything that training changes; alpha = exp(log_alpha) weighs the entropy."""

    actor: networks.Params
    critic: networks.Params
    target_critic: networks.Params
    log_alpha: jax.Array
    optimizers: tuple[optax.OptState, optax.OptState, optax.OptState]
    step: jax.Array
    key: jax.Array
    config: AgentConfig = struct.field(pytree_node=False)
    spaces: Spaces = struct.field(pytree_node=False)


def _chains(config: AgentConfig) -> tuple[optax.GradientTransformation, ...]:
    chains = (make_optimizer(config, "actor"), make_optimizer(config, "critic"))
    return (*chains, optax.adam(config.actor_lr))


def init(config: AgentConfig, spaces: Spaces, key: jax.Array) -> SACState:
    """Return a fresh state."""
    actor_key, critic_key, key = jax.random.split(key, 3)
    observation = networks.dummy_observation(spaces)
    actor = networks.Actor(config, 2 * spaces.action).init(actor_key, observation)["params"]
    critic = networks.make(config, spaces).init(critic_key)[1]
    log_alpha = jnp.zeros((), jnp.float32)
    parts = (actor, critic, log_alpha)
    optimizers = tuple(c.init(p) for c, p in zip(_chains(config), parts, strict=True))
    target = jax.tree.map(jnp.copy, critic)
    step = jnp.zeros((), jnp.int32)
    return SACState(actor, critic, target, log_alpha, optimizers, step, key, config, spaces)


def _gaussian(state: SACState, actor: networks.Params, observation: Any) -> tuple[Any, Any]:
    """Return mean and log deviation of the action before its tanh, each (B, A)."""
    module = networks.Actor(state.config, 2 * state.spaces.action)
    mean, log_std = jnp.split(module.apply({"params": actor}, observation), 2, axis=-1)
    return mean, jnp.clip(log_std, *LOG_STD)


def _sample(
    state: SACState, actor: networks.Params, observation: Any, noise: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return actions (B, A) and their log-probabilities (B,), by reparametrisation."""
    mean, log_std = _gaussian(state, actor, observation)
    before = mean + jnp.exp(log_std) * noise
    density = -0.5 * noise**2 - log_std - 0.5 * jnp.log(2.0 * jnp.pi)
    squash = 2.0 * (jnp.log(2.0) - before - jax.nn.softplus(-2.0 * before))
    return jnp.tanh(before), (density - squash).sum(axis=-1)


@jax.jit
def act(state: SACState, observation: Any) -> jax.Array:
    """Return the mean actions (B, A)."""
    return jnp.tanh(_gaussian(state, state.actor, observation)[0])


@jax.jit
def explore(state: SACState, observation: Any, noise: jax.Array) -> jax.Array:
    """Return actions (B, A) sampled with the given standard normal noise."""
    return _sample(state, state.actor, observation, noise)[0]


@jax.jit
def values(state: SACState, observation: Any) -> jax.Array:
    """Return the smaller twin Q of the mean actions, (B,)."""
    critic = networks.make(state.config, state.spaces).critic
    return critic(state.critic, observation, act(state, observation)).min(axis=0)


def _update(state: SACState, batch: Batch) -> tuple[SACState, Metrics]:
    config, critic = state.config, networks.make(state.config, state.spaces).critic
    key, *keys = jax.random.split(state.key, 5)
    observation, next_observation = batch.observations(state.spaces.stack)
    observation = random_shift(config, observation, keys[0])
    next_observation = random_shift(config, next_observation, keys[1])
    noises = [jax.random.normal(k, batch.action.shape, jnp.float32) for k in keys[2:]]
    alpha = jnp.exp(state.log_alpha)

    next_action, log_prob = _sample(state, state.actor, next_observation, noises[0])
    twins = critic(state.target_critic, next_observation, next_action)
    bootstrap = config.discount ** batch.steps.astype(jnp.float32) * ~batch.terminated
    target = batch.reward + bootstrap * (twins.min(axis=0) - alpha * log_prob)

    def critic_loss(params: networks.Params) -> tuple[jax.Array, jax.Array]:
        q = critic(params, observation, batch.action)
        return jnp.square(q - target).mean(axis=1).sum(), q

    def actor_loss(params: networks.Params) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        action, log_prob = _sample(state, params, observation, noises[1])
        q = critic(state.critic, observation, action).min(axis=0)
        return (alpha * log_prob - q).mean(), (q, log_prob)

    (critic_value, q), critic_grads = jax.value_and_grad(critic_loss, has_aux=True)(state.critic)
    (actor_value, aux), actor_grads = jax.value_and_grad(actor_loss, has_aux=True)(state.actor)
    alpha_grad = -(jax.lax.stop_gradient(aux[1]).mean() - state.spaces.action)

    parts, grads = (
        (state.actor, state.critic, state.log_alpha),
        (actor_grads, critic_grads, alpha_grad),
    )
    stepped = []
    rows = zip(_chains(config), grads, state.optimizers, parts, strict=True)
    for chain, grad, optimizer, part in rows:
        change, optimizer = chain.update(grad, optimizer, part)
        stepped.append((optax.apply_updates(part, change), optimizer))
    (actor, critic_params, log_alpha), optimizers = zip(*stepped, strict=True)
    new = state.replace(
        actor=actor,
        critic=critic_params,
        target_critic=optax.incremental_update(critic_params, state.target_critic, config.tau),
        log_alpha=log_alpha,
        optimizers=optimizers,
        step=state.step + 1,
        key=key,
    )
    metrics = {
        "train/critic_loss": critic_value,
        "train/actor_loss": actor_value,
        "train/alpha": alpha,
        "debug/q1_mean": q[0].mean(),
        "debug/q2_mean": q[1].mean(),
        "debug/target_q_mean": target.mean(),
        "debug/actor_q_mean": aux[0].mean(),
        "debug/actor_q_max": aux[0].max(),
        "debug/entropy": -aux[1].mean(),
    }
    finite = jnp.isfinite(jnp.stack(list(metrics.values()))).all()
    return new, {**metrics, "health/non_finite": (~finite).astype(jnp.float32)}


_one = jax.jit(_update)
_many = jax.jit(lambda state, batches: jax.lax.scan(_update, state, batches))


def update(
    state: SACState, batch: Batch, scalars: bool = True, donate: bool = False
) -> tuple[SACState, Metrics]:
    """Take one gradient step of critic, actor and alpha."""
    return _one(state, batch)


def update_many(
    state: SACState, batches: Batch, scalars: bool = True, donate: bool = False
) -> tuple[SACState, Metrics]:
    """Take K gradient steps on batches with a leading axis K; metrics are the last step's."""
    state, metrics = _many(state, batches)
    return state, {name: values[-1] for name, values in metrics.items()}


SAC = Algorithm("sac", init, act, update, update_many, values, explore)
