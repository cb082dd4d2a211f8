"""Frozen, typed options of the agent and the replay buffer; defaults are plain TD3 done right."""

from __future__ import annotations

import dataclasses
from typing import Any


def _option(default: Any, text: str) -> Any:
    """A dataclass field with the help text that its command line flag shows."""
    return dataclasses.field(default=default, metadata={"help": text})


def _require(condition: bool, name: str, value: object, expected: str) -> None:
    if not condition:
        raise ValueError(f"{name} = {value!r}: expected {expected}")


@dataclasses.dataclass(frozen=True)
class Spaces:
    """Shapes of one observation and action; `image` is (height, width, stack); None = absent."""

    image: tuple[int, int, int] | None
    vector: int | None
    action: int

    def __post_init__(self) -> None:
        _require(self.image is not None or self.vector is not None, "image", None, "a part")


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """TD3 (Fujimoto et al. 2018, arXiv 1802.09477) with every remedy as an option that is off."""

    discount: float = _option(0.99, "discount factor gamma, in [0, 1)")
    tau: float = _option(0.005, "share of the online weights in each target step, in (0, 1]")
    policy_delay: int = _option(2, "critic updates for each actor and target update")
    target_noise: float = _option(0.2, "standard deviation of the target policy's smoothing noise")
    target_noise_clip: float = _option(0.5, "bound on the smoothing noise")

    actor_lr: float = _option(3e-4, "Adam rate of the actor's head")
    critic_lr: float = _option(3e-4, "Adam rate of the critic's heads")
    actor_cnn_lr: float = _option(1e-4, "Adam rate of the actor's encoder")
    critic_cnn_lr: float = _option(1e-4, "Adam rate of the critic's encoder")
    adam_b1: float = _option(0.9, "decay of Adam's first moment")
    adam_b2: float = _option(0.999, "decay of Adam's second moment")
    adam_eps: float = _option(1e-8, "Adam's epsilon, added outside the root")
    actor_clip_norm: float = _option(0.0, "global L2 norm bound, encoder + head; 0 = off")
    critic_clip_norm: float = _option(0.0, "global L2 norm bound, encoder + heads; 0 = off")
    actor_weight_decay: float = _option(0.0, "decoupled decay of the actor's kernels")
    critic_weight_decay: float = _option(0.0, "decoupled decay of the critic's kernels")
    critic_l2: float = _option(0.0, "coefficient of the squared critic kernels in the loss")

    encoder: str = _option("separate", "separate | shared (one CNN, trained by the critic)")
    conv_channels: tuple[int, ...] = _option((32, 64, 64), "output channels of each convolution")
    conv_kernels: tuple[int, ...] = _option((8, 4, 3), "kernel width of each convolution")
    conv_strides: tuple[int, ...] = _option((4, 2, 1), "stride of each convolution")
    feature_size: int = _option(512, "width of the dense layer after the convolutions")
    hidden_sizes: tuple[int, ...] = _option((256, 256), "widths of the heads' hidden layers")
    encoder_dtype: str = _option(
        "float32", "float32 | bfloat16: what encoders compute in; weights stay float32"
    )
    encoder_norm: str = _option("none", "none | layer: normalise the features before their ReLU")
    trunk_size: int = _option(0, "width of a Linear-LayerNorm-tanh bottleneck on features; 0 = off")
    actor_norm: str = _option("none", "none | layer: normalisation in the actor's head")
    critic_norm: str = _option("none", "none | layer | batch: normalisation in the critic's heads")
    final_init: float = _option(0.0, "last layers start uniform in +-this (DDPG 3e-3); 0 = default")

    critic_loss: str = _option("mse", "mse | huber | hl_gauss (value as classification)")
    huber_delta: float = _option(1.0, "where the Huber loss turns linear")
    value_bins: int = _option(101, "bins of the hl_gauss critic")
    value_min: float = _option(-200.0, "lowest value that the hl_gauss critic can tell")
    value_max: float = _option(1000.0, "highest value that the hl_gauss critic can tell")
    value_sigma: float = _option(0.75, "standard deviation of hl_gauss, in bin widths")
    double_q_alpha: float = _option(1.0, "target = alpha min + (1 - alpha) max of the twins")
    target_bound: float = _option(0.0, "TD targets are clipped to +-this; 0 = off")
    actor_q_clip: float = _option(0.0, "clip Q in the actor loss to +-this (hides, cures nothing)")
    pre_tanh_penalty: float = _option(0.0, "coefficient of the squared pre-tanh action")
    random_shift: int = _option(0, "pixels of random shift augmentation (DrQ); 0 = off")
    shift_axes: str = _option("both", "both | vertical: a vertical shift keeps the lane's position")
    reuse_features: bool = _option(
        False, "actor loss on the critic features of before the critic's step (departure, faster)"
    )
    health_every: int = _option(100, "gradient steps between health metrics; 0 = never")

    def __post_init__(self) -> None:
        _require(0.0 <= self.discount < 1.0, "discount", self.discount, "a value in [0, 1)")
        _require(0.0 < self.tau <= 1.0, "tau", self.tau, "a value in (0, 1]")
        _require(self.policy_delay >= 1, "policy_delay", self.policy_delay, "at least 1")
        _require(self.value_bins >= 2, "value_bins", self.value_bins, "at least 2")
        _require(self.value_min < self.value_max, "value_min", self.value_min, "below value_max")
        _require(0.0 <= self.double_q_alpha <= 1.0, "double_q_alpha", self.double_q_alpha, "[0, 1]")
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            _require(value in choices, name, value, "one of " + ", ".join(choices))
        for name in _NON_NEGATIVE:
            _require(getattr(self, name) >= 0, name, getattr(self, name), "a value >= 0")
        lengths = {len(self.conv_channels), len(self.conv_kernels), len(self.conv_strides)}
        _require(len(lengths) == 1, "conv_kernels", self.conv_kernels, "one for each channel")
        _require(len(self.hidden_sizes) > 0, "hidden_sizes", self.hidden_sizes, "a width")


_CHOICES = {
    "encoder": ("separate", "shared"),
    "encoder_dtype": ("float32", "bfloat16"),
    "encoder_norm": ("none", "layer"),
    "actor_norm": ("none", "layer"),
    "critic_norm": ("none", "layer", "batch"),
    "critic_loss": ("mse", "huber", "hl_gauss"),
    "shift_axes": ("both", "vertical"),
}
_NON_NEGATIVE = (
    "target_noise",
    "target_noise_clip",
    "actor_lr",
    "critic_lr",
    "actor_cnn_lr",
    "critic_cnn_lr",
    "adam_b1",
    "adam_b2",
    "adam_eps",
    "actor_clip_norm",
    "critic_clip_norm",
    "actor_weight_decay",
    "critic_weight_decay",
    "critic_l2",
    "feature_size",
    "trunk_size",
    "final_init",
    "huber_delta",
    "value_sigma",
    "target_bound",
    "actor_q_clip",
    "pre_tanh_penalty",
    "random_shift",
    "health_every",
)


@dataclasses.dataclass(frozen=True)
class ReplayConfig:
    """Uniform replay; rewards are stored raw and transformed when sampled."""

    capacity: int = _option(100_000, "transitions kept (97,000 to 1,000,000 in the reports)")
    n_step: int = _option(1, "rewards summed before bootstrapping")
    reward_scale: float = _option(1.0, "factor on every sampled reward")
    reward_clip: float = _option(0.0, "sampled rewards are clipped to +-this, then scaled; 0 = off")
    reward_normalise: bool = _option(
        False, "divide sampled rewards by the running standard deviation of discounted returns"
    )
    replay_path: str = _option("", "folder for a memory-mapped buffer; empty = in memory")

    def __post_init__(self) -> None:
        _require(self.capacity >= 1, "capacity", self.capacity, "at least 1")
        _require(self.n_step >= 1, "n_step", self.n_step, "at least 1")
        _require(self.reward_scale > 0, "reward_scale", self.reward_scale, "a value > 0")
        _require(self.reward_clip >= 0, "reward_clip", self.reward_clip, "a value >= 0")
