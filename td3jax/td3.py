"""The TD target and both losses of TD3 (Fujimoto et al. 2018, algorithm 1), as pure functions.

Departures from the paper exist only as options; each is marked at its line.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from td3jax import networks
from td3jax.batch import Batch, Observation
from td3jax.config import AgentConfig
from td3jax.networks import Params
from td3jax.optim import kernel_mask

Info = dict[str, jax.Array]


def smoothed_action(
    config: AgentConfig, target_actor: Params, observation: Observation, key: jax.Array
) -> jax.Array:
    """The target policy's action with clipped noise, drawn for each row (eq. 14)."""
    action = networks.actor(config, target_actor, observation)
    noise = config.target_noise * jax.random.normal(key, action.shape)
    noise = jnp.clip(noise, -config.target_noise_clip, config.target_noise_clip)
    return jnp.clip(action + noise, -1.0, 1.0)


def td_target(
    config: AgentConfig,
    target_actor: Params,
    target_critic: Params,
    batch: Batch,
    next_observation: Observation,
    key: jax.Array,
) -> jax.Array:
    """reward + discount^steps (1 - terminated) Q'(s', a'), float32 (B,); no gradient.

    Truncation bootstraps. Q' is the minimum of the target twins unless `double_q_alpha` < 1.
    """
    action = smoothed_action(config, target_actor, next_observation, key)
    twins = networks.critic(config, target_critic, next_observation, action)
    alpha = config.double_q_alpha
    value = alpha * twins.min(axis=0) + (1.0 - alpha) * twins.max(axis=0)
    bootstrap = config.discount**batch.steps * (1.0 - batch.terminated)
    target = batch.reward + bootstrap * value
    if config.target_bound:
        target = jnp.clip(target, -config.target_bound, config.target_bound)
    return jax.lax.stop_gradient(target)


def _gauss_labels(config: AgentConfig, target: jax.Array) -> jax.Array:
    """HL-Gauss: the target's Gaussian mass in each bin, (B, bins) (Farebrother et al. 2024)."""
    edges = jnp.linspace(config.value_min, config.value_max, config.value_bins + 1)
    sigma = config.value_sigma * (edges[1] - edges[0])
    clipped = jnp.clip(target, config.value_min, config.value_max)
    cdf = jax.scipy.special.erf((edges - clipped[:, None]) / (jnp.sqrt(2.0) * sigma))
    return (cdf[:, 1:] - cdf[:, :-1]) / (cdf[:, -1:] - cdf[:, :1])


def _head_losses(config: AgentConfig, outputs: jax.Array, target: jax.Array) -> jax.Array:
    """Mean loss of each head, (2,), of raw outputs (2, B, bins or 1) against targets (B,)."""
    if config.critic_loss == "hl_gauss":
        labels = _gauss_labels(config, target)
        return optax.softmax_cross_entropy(outputs, labels[None]).mean(axis=1)
    error = outputs[..., 0] - target
    if config.critic_loss == "huber":
        return optax.huber_loss(error, delta=config.huber_delta).mean(axis=1)
    return jnp.square(error).mean(axis=1)


def critic_loss(
    critic_params: Params,
    config: AgentConfig,
    observation: Observation,
    action: jax.Array,
    target: jax.Array,
) -> tuple[jax.Array, Info]:
    """Sum of both heads' losses against one target; info has "losses" (2,) and "q" (2, B)."""
    outputs = networks.critic_outputs(config, critic_params, observation, action)
    losses = _head_losses(config, outputs, target)
    loss = losses.sum()
    if config.critic_l2:
        mask = kernel_mask(critic_params)
        squares = jax.tree.map(lambda p, m: jnp.sum(p**2) if m else 0.0, critic_params, mask)
        loss += config.critic_l2 * jax.tree.reduce(jnp.add, squares)
    return loss, {"losses": losses, "q": networks.values(config, outputs)}


def actor_loss(
    actor_params: Params,
    config: AgentConfig,
    critic_params: Params,
    observation: Observation,
) -> tuple[jax.Array, Info]:
    """-mean Q1(s, actor(s)) (eq. 8 with the first critic); info has "q" and "pre_tanh".

    The critic reads the observation through its own encoder, and its parameters are constants
    here: the action is the only way for the actor to raise Q.
    """
    full_params = networks.with_encoder(config, actor_params, critic_params)
    pre_tanh = networks.pre_tanh(config, full_params, observation)
    q = networks.critic(config, critic_params, observation, jnp.tanh(pre_tanh))[0]
    objective = jnp.clip(q, -config.actor_q_clip, config.actor_q_clip) if config.actor_q_clip else q
    loss = -objective.mean() + config.pre_tanh_penalty * jnp.square(pre_tanh).mean()
    return loss, {"q": q, "pre_tanh": pre_tanh}
