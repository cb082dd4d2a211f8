"""Actor and critic networks; both take observations, so features never cross a boundary.

A critic head on the actor's features lets the actor's encoder raise Q without changing the
action, which diverges. `actor` and `critic` below are the only way in, and each network reads
the observation through the encoder of its own parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from td3jax.batch import Observation
from td3jax.config import AgentConfig, Spaces
from td3jax.conv import conv

Params = Any
_encoder_init = nn.initializers.he_normal()
_dense_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class Conv(nn.Module):
    """VALID convolution with bias, NHWC."""

    channels: int
    kernel: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (self.kernel, self.kernel, x.shape[-1], self.channels)
        kernel = self.param("kernel", _encoder_init, shape)
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        return conv(x, kernel.astype(x.dtype), self.stride) + bias.astype(x.dtype)


class Encoder(nn.Module):
    """NatureCNN (Mnih et al. 2015): uint8 (B, H, W, C) to float32 (B, feature_size)."""

    config: AgentConfig

    @nn.compact
    def __call__(self, image: jax.Array) -> jax.Array:
        if image.dtype != jnp.uint8 or image.ndim != 4:
            raise ValueError(f"image is {image.dtype} {image.shape}: expected uint8 (B, H, W, C)")
        config = self.config
        dtype = jnp.dtype(config.encoder_dtype)
        x = (image.astype(jnp.float32) / 255.0 - 0.5).astype(dtype)
        layers = zip(config.conv_channels, config.conv_kernels, config.conv_strides, strict=True)
        for i, (channels, kernel, stride) in enumerate(layers):
            x = nn.relu(Conv(channels, kernel, stride, name=f"conv{i}")(x))
            self.sow("units", f"after_conv{i}", x.astype(jnp.float32))
        dense = nn.Dense(config.feature_size, dtype=dtype, kernel_init=_encoder_init, name="dense")
        x = dense(x.reshape(x.shape[0], -1)).astype(jnp.float32)
        if config.encoder_norm == "layer":
            x = nn.LayerNorm(name="norm")(x)
        x = nn.relu(x)
        self.sow("units", "features", x)
        return x


class BatchStatisticsNorm(nn.Module):
    """Batch normalisation by the statistics of the present batch, over axis 0, with no memory."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        mean, var = x.mean(axis=0), x.var(axis=0)
        return (x - mean) * jax.lax.rsqrt(var + 1e-5) * scale + bias


class Head(nn.Module):
    """ReLU layers with optional trunk and normalisation, then a linear output (B, outputs)."""

    hidden_sizes: tuple[int, ...]
    outputs: int
    norm: str
    final_init: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for i, width in enumerate(self.hidden_sizes):
            x = nn.Dense(width, kernel_init=_dense_init, name=f"dense{i}")(x)
            if self.norm == "layer":
                x = nn.LayerNorm(name=f"norm{i}")(x)
            elif self.norm == "batch":
                x = BatchStatisticsNorm(name=f"norm{i}")(x)
            x = nn.relu(x)
            self.sow("units", f"after_dense{i}", x)
        init = _symmetric_uniform(self.final_init) if self.final_init else _dense_init
        return nn.Dense(self.outputs, kernel_init=init, name="out")(x)


def _symmetric_uniform(bound: float) -> Callable[..., jax.Array]:
    def init(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def _inputs(config: AgentConfig, observation: Observation) -> jax.Array:
    """Encoder features (through the trunk) joined with the vector; called inside a module."""
    parts = []
    if "image" in observation:
        x = Encoder(config, name="encoder")(observation["image"])
        if config.trunk_size:
            x = nn.Dense(config.trunk_size, kernel_init=_dense_init, name="trunk")(x)
            x = nn.tanh(nn.LayerNorm(name="trunk_norm")(x))
        parts.append(x)
    if "vector" in observation:
        parts.append(observation["vector"])
    return jnp.concatenate(parts, axis=-1)


class Actor(nn.Module):
    """Observation to the action before its tanh, float32 (B, A)."""

    config: AgentConfig
    action_size: int

    @nn.compact
    def __call__(self, observation: Observation) -> jax.Array:
        config = self.config
        head = Head(
            config.hidden_sizes, self.action_size, config.actor_norm, config.final_init, name="head"
        )
        return head(_inputs(config, observation))


class Critic(nn.Module):
    """Observation and action to the outputs of the twin heads, float32 (2, B, bins or 1)."""

    config: AgentConfig

    @nn.compact
    def __call__(self, observation: Observation, action: jax.Array) -> jax.Array:
        config = self.config
        x = jnp.concatenate([_inputs(config, observation), action], axis=-1)
        outputs = config.value_bins if config.critic_loss == "hl_gauss" else 1
        heads = [
            Head(config.hidden_sizes, outputs, config.critic_norm, config.final_init, name=name)
            for name in ("q1", "q2")
        ]
        return jnp.stack([head(x) for head in heads])


def pre_tanh(config: AgentConfig, params: Params, observation: Observation) -> jax.Array:
    """The actor's output before its tanh, float32 (B, A)."""
    size = params["head"]["out"]["bias"].shape[0]
    output = Actor(config, size).apply({"params": params}, observation)
    return cast(jax.Array, output)


def actor(config: AgentConfig, params: Params, observation: Observation) -> jax.Array:
    """The deterministic action, float32 (B, A) in [-1, 1]."""
    return jnp.tanh(pre_tanh(config, params, observation))


def critic_outputs(
    config: AgentConfig, params: Params, observation: Observation, action: jax.Array
) -> jax.Array:
    """Raw outputs of both heads: values (2, B, 1), or logits (2, B, bins) with hl_gauss."""
    return cast(jax.Array, Critic(config).apply({"params": params}, observation, action))


def critic(
    config: AgentConfig, params: Params, observation: Observation, action: jax.Array
) -> jax.Array:
    """Both Q values, float32 (2, B)."""
    return values(config, critic_outputs(config, params, observation, action))


def values(config: AgentConfig, outputs: jax.Array) -> jax.Array:
    """Q values (2, B) of the raw outputs (2, B, bins or 1)."""
    if config.critic_loss != "hl_gauss":
        return outputs[..., 0]
    edges = jnp.linspace(config.value_min, config.value_max, config.value_bins + 1)
    return jax.nn.softmax(outputs) @ ((edges[:-1] + edges[1:]) / 2)


def dummy_observation(spaces: Spaces) -> Observation:
    """A zero observation of batch size 1, for building parameters."""
    observation: Observation = {}
    if spaces.image is not None:
        observation["image"] = jnp.zeros((1, *spaces.image), jnp.uint8)
    if spaces.vector is not None:
        observation["vector"] = jnp.zeros((1, spaces.vector), jnp.float32)
    return observation


def init_params(config: AgentConfig, spaces: Spaces, key: jax.Array) -> tuple[Params, Params]:
    """Fresh actor and critic parameters; a shared encoder lives in the critic alone."""
    actor_key, critic_key = jax.random.split(key)
    observation = dummy_observation(spaces)
    action = jnp.zeros((1, spaces.action))
    actor_params = Actor(config, spaces.action).init(actor_key, observation)["params"]
    critic_params = Critic(config).init(critic_key, observation, action)["params"]
    if config.encoder == "shared":
        actor_params = {k: v for k, v in actor_params.items() if k != "encoder"}
    return actor_params, critic_params


def with_encoder(config: AgentConfig, actor_params: Params, critic_params: Params) -> Params:
    """Complete actor parameters: with a shared encoder, the critic's, held constant."""
    if config.encoder != "shared" or "encoder" not in critic_params:
        return actor_params
    return {**actor_params, "encoder": jax.lax.stop_gradient(critic_params["encoder"])}
