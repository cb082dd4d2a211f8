"""Actor and critic networks; both take observations, so features never cross a boundary.

A critic head on the actor's features lets the actor's encoder raise Q without changing the
action, which diverges. The functions of `Networks` are the only way in, and each network reads
the observation through the encoder of its own parameters.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from td3jax.batch import TRAINING_PARTS, Observation, policy_view
from td3jax.config import AgentConfig, Spaces
from td3jax.conv import conv
from td3jax.options import require
from td3jax.value import values

Params = Any
Units = dict[str, jax.Array]
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


def _inputs(config: AgentConfig, observation: Observation) -> list[jax.Array]:
    """Encoder features (through the trunk), then the numbers; called inside a module."""
    parts = []
    if "image" in observation:
        x = Encoder(config, name="encoder")(observation["image"])
        if config.trunk_size:
            x = nn.Dense(config.trunk_size, kernel_init=_dense_init, name="trunk")(x)
            x = nn.tanh(nn.LayerNorm(name="trunk_norm")(x))
        parts.append(x)
    return parts + [observation[name] for name in ("vector", "privileged") if name in observation]


class Actor(nn.Module):
    """Observation to the action before its tanh, float32 (B, A).

    guessed: privileged numbers that a linear head tells from the encoder's features; 0 = no head.
    """

    config: AgentConfig
    action_size: int
    guessed: int = 0

    @nn.compact
    def __call__(self, observation: Observation) -> jax.Array:
        config = self.config
        parts = _inputs(config, observation)
        if self.guessed:
            guess = nn.Dense(self.guessed, kernel_init=_dense_init, name="auxiliary")(parts[0])
            self.sow("guess", "privileged", guess)
        head = Head(
            config.hidden_sizes, self.action_size, config.actor_norm, config.final_init, name="head"
        )
        return head(jnp.concatenate(parts, axis=-1))


class Critic(nn.Module):
    """Observation and action to the outputs of the twin heads, float32 (2, B, bins or 1).

    With privileged numbers it reads no picture, unless `critic_image` asks for both (asymmetric
    actor-critic, Pinto et al. 2017, arXiv 1710.06542).
    """

    config: AgentConfig

    @nn.compact
    def __call__(self, observation: Observation, action: jax.Array) -> jax.Array:
        config = self.config
        if "privileged" in observation and not config.critic_image:
            observation = {name: x for name, x in observation.items() if name != "image"}
        x = jnp.concatenate([*_inputs(config, observation), action], axis=-1)
        outputs = config.value_bins if config.critic_loss == "hl_gauss" else 1
        heads = [
            Head(config.hidden_sizes, outputs, config.critic_norm, config.final_init, name=name)
            for name in ("q1", "q2")
        ]
        return jnp.stack([head(x) for head in heads])


class Networks(NamedTuple):
    """Actor and critic of one (config, spaces), as pure functions of their parameters.

    observation: {"image": uint8 (B, H, W, C), "vector": float32 (B, V)}, parts as in Spaces; the
    critic's has "privileged" float32 (B, P) too, which the actor's functions refuse.
    No function takes features, so a critic's head can only read its own encoder.
    """

    config: AgentConfig
    spaces: Spaces
    #: key -> fresh actor and critic parameters; a shared encoder lives in the critic's alone.
    init: Callable[[jax.Array], tuple[Params, Params]]
    #: (params, observation) -> deterministic action, float32 (B, A) in [-1, 1].
    actor: Callable[[Params, Observation], jax.Array]
    #: (params, observation) -> the actor's output before its tanh, float32 (B, A).
    pre_tanh: Callable[[Params, Observation], jax.Array]
    #: As pre_tanh, with what the auxiliary head tells of the privileged numbers, (B, P).
    pre_tanh_and_guess: Callable[[Params, Observation], tuple[jax.Array, jax.Array]]
    #: (params, observation, action) -> both Q values, float32 (2, B).
    critic: Callable[[Params, Observation, jax.Array], jax.Array]
    #: (params, observation, action) -> raw outputs (2, B, 1), or logits (2, B, bins) of hl_gauss.
    critic_outputs: Callable[[Params, Observation, jax.Array], jax.Array]
    #: (actor params, critic params) -> complete actor params: with a shared encoder, the
    #: critic's, held constant.
    complete: Callable[[Params, Params], Params]
    #: As actor and critic, with the activations of their layers by name.
    actor_units: Callable[[Params, Observation], tuple[jax.Array, Units]]
    critic_units: Callable[[Params, Observation, jax.Array], tuple[jax.Array, Units]]


@functools.cache
def make(config: AgentConfig, spaces: Spaces) -> Networks:
    """Build the networks; raise ValueError where configuration and spaces do not fit."""
    _check_image(config, spaces)
    _check_training_parts(config, spaces)
    guessed = (spaces.privileged or 0) if config.auxiliary_weight else 0
    actor_module, critic_module = Actor(config, spaces.action, guessed), Critic(config)

    def pre_tanh(params: Params, observation: Observation) -> jax.Array:
        check_observation(spaces.policy, observation)
        return cast(jax.Array, actor_module.apply({"params": params}, observation))

    def pre_tanh_and_guess(params: Params, observation: Observation) -> tuple[jax.Array, jax.Array]:
        check_observation(spaces.policy, observation)
        output, sown = actor_module.apply({"params": params}, observation, mutable=["guess"])
        return output, sown["guess"]["privileged"][0]

    def actor(params: Params, observation: Observation) -> jax.Array:
        return jnp.tanh(pre_tanh(params, observation))

    def critic_outputs(params: Params, observation: Observation, action: jax.Array) -> jax.Array:
        check_observation(spaces, observation)
        return cast(jax.Array, critic_module.apply({"params": params}, observation, action))

    def critic(params: Params, observation: Observation, action: jax.Array) -> jax.Array:
        return values(config, critic_outputs(params, observation, action))

    def complete(actor_params: Params, critic_params: Params) -> Params:
        if config.encoder != "shared" or "encoder" not in critic_params:
            return actor_params
        return {**actor_params, "encoder": jax.lax.stop_gradient(critic_params["encoder"])}

    def actor_units(params: Params, observation: Observation) -> tuple[jax.Array, Units]:
        output, sown = actor_module.apply({"params": params}, observation, mutable=["units"])
        return jnp.tanh(output), _flatten(sown["units"])

    def critic_units(
        params: Params, observation: Observation, action: jax.Array
    ) -> tuple[jax.Array, Units]:
        variables = {"params": params}
        output, sown = critic_module.apply(variables, observation, action, mutable=["units"])
        return values(config, output), _flatten(sown["units"])

    def init(key: jax.Array) -> tuple[Params, Params]:
        actor_key, critic_key = jax.random.split(key)
        observation = dummy_observation(spaces)
        action = jnp.zeros((1, spaces.action), jnp.float32)
        actor_params = actor_module.init(actor_key, policy_view(observation))["params"]
        critic_params = critic_module.init(critic_key, observation, action)["params"]
        if config.encoder == "shared":
            actor_params = {k: v for k, v in actor_params.items() if k != "encoder"}
        return actor_params, critic_params

    return Networks(
        config=config,
        spaces=spaces,
        init=init,
        actor=actor,
        pre_tanh=pre_tanh,
        pre_tanh_and_guess=pre_tanh_and_guess,
        critic=critic,
        critic_outputs=critic_outputs,
        complete=complete,
        actor_units=actor_units,
        critic_units=critic_units,
    )


def dummy_observation(spaces: Spaces) -> Observation:
    """Return a zero observation of batch size 1, for building parameters."""
    observation: Observation = {}
    if spaces.image is not None:
        observation["image"] = jnp.zeros((1, *spaces.image), jnp.uint8)
    if spaces.vector is not None:
        observation["vector"] = jnp.zeros((1, spaces.vector), jnp.float32)
    if spaces.privileged is not None:
        observation["privileged"] = jnp.zeros((1, spaces.privileged), jnp.float32)
    return observation


def check_observation(spaces: Spaces, observation: Observation) -> None:
    """Raise ValueError, naming the part, unless a batch of observations fits the spaces."""
    expected: dict[str, tuple[str, tuple[int, ...]]] = {}
    if spaces.image is not None:
        expected["image"] = ("uint8", spaces.image)
    if spaces.vector is not None:
        expected["vector"] = ("float", (spaces.vector,))
    if spaces.privileged is not None:
        expected["privileged"] = ("float", (spaces.privileged,))
    for name, (kind, shape) in expected.items():
        if name not in observation:
            raise ValueError(f"observation lacks {name!r}: expected it as in {spaces}")
        found, dtype = jnp.shape(observation[name]), jnp.result_type(observation[name])
        if len(found) != len(shape) + 1 or found[1:] != shape or kind not in str(dtype):
            wanted = ", ".join(map(str, ("B", *shape)))
            raise ValueError(f"{name} is {dtype} {found}: expected {kind} ({wanted})")
    for name in observation:
        if name in TRAINING_PARTS and name not in expected:
            raise ValueError(
                f"observation has {name!r}, which is for training alone: a policy reads "
                f"{' and '.join(expected)}"
            )
        if name not in expected:
            raise ValueError(f"observation has {name!r}, which {spaces} has not")


def _check_image(config: AgentConfig, spaces: Spaces) -> None:
    if spaces.image is None:
        return
    least = 1
    for kernel, stride in zip(config.conv_kernels[::-1], config.conv_strides[::-1], strict=True):
        least = (least - 1) * stride + kernel
    if min(spaces.image[:2]) < least:
        raise ValueError(
            f"image = {spaces.image}: these convolutions need at least {least} x {least} pixels; "
            "smaller conv_kernels and conv_strides, as 3,3,3 and 2,1,1, need fewer"
        )


def _check_training_parts(config: AgentConfig, spaces: Spaces) -> None:
    """Raise ValueError, naming the option, where it needs a part that the spaces have not."""
    labelled = spaces.expert or not config.expert_weight
    require(labelled, "expert_weight", config.expert_weight, "0: observations have no 'expert'")
    told = spaces.privileged is not None and spaces.image is not None
    text = "0: observations have no 'privileged' numbers and 'image'"
    require(told or not config.auxiliary_weight, "auxiliary_weight", config.auxiliary_weight, text)
    blind = spaces.privileged is not None and spaces.image is not None and not config.critic_image
    text = "separate: with privileged numbers the critic has no encoder (critic_image)"
    require(not blind or config.encoder == "separate", "encoder", config.encoder, text)


def _flatten(units: dict[str, Any]) -> Units:
    """Name sown activations by layer; the encoder's "features" keep that name."""
    leaves = jax.tree_util.tree_flatten_with_path(units)[0]
    named = {"/".join(str(k.key) for k in path[:-1]): leaf for path, leaf in leaves}
    return {name.removeprefix("encoder/"): leaf for name, leaf in named.items()}
