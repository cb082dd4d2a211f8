"""Outputs of the critic's heads: the loss on them, the values, and the actor's objective."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from td3jax.config import AgentConfig

Info = dict[str, Any]  # of a loss: arrays, and of a guided one a table of scalars


def _bin_edges(config: AgentConfig) -> jax.Array:
    low, high = config.value_min, config.value_max
    return jnp.linspace(low, high, config.value_bins + 1, dtype=jnp.float32)


def values(config: AgentConfig, outputs: jax.Array) -> jax.Array:
    """Return Q values (2, B) of raw outputs (2, B, bins or 1)."""
    if config.critic_loss != "hl_gauss":
        return outputs[..., 0]
    edges = _bin_edges(config)
    return jax.nn.softmax(outputs) @ ((edges[:-1] + edges[1:]) / 2)


def head_losses(config: AgentConfig, outputs: jax.Array, target: jax.Array) -> jax.Array:
    """Return the mean loss of each head, (2,), of raw outputs against targets (B,)."""
    if config.critic_loss == "hl_gauss":
        labels = gauss_labels(config, target)
        return optax.softmax_cross_entropy(outputs, labels[None]).mean(axis=1)
    error = outputs[..., 0] - target
    if config.critic_loss == "huber":
        return optax.huber_loss(error, delta=config.huber_delta).mean(axis=1)
    return jnp.square(error).mean(axis=1)


def gauss_labels(config: AgentConfig, target: jax.Array) -> jax.Array:
    """HL-Gauss: the target's Gaussian mass in each bin, (B, bins) (Farebrother et al. 2024)."""
    edges = _bin_edges(config)
    sigma = config.value_sigma * (edges[1] - edges[0])
    clipped = jnp.clip(target, config.value_min, config.value_max)
    cdf = jax.scipy.special.erf((edges - clipped[:, None]) / (jnp.sqrt(2.0) * sigma))
    return (cdf[:, 1:] - cdf[:, :-1]) / (cdf[:, -1:] - cdf[:, :1])


def policy_objective(
    config: AgentConfig, q: jax.Array, pre_tanh: jax.Array, factor: jax.Array | float = 1.0
) -> tuple[jax.Array, Info]:
    """Return the actor's loss of Q (B,) at its actions, and what the metrics need of it.

    factor: on Q, a constant.
    """
    objective = jnp.clip(q, -config.actor_q_clip, config.actor_q_clip) if config.actor_q_clip else q
    loss = -(factor * objective).mean() + config.pre_tanh_penalty * jnp.square(pre_tanh).mean()
    return loss, {"q": q, "pre_tanh": pre_tanh}
