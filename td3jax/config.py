"""Frozen, typed options of the agent and the replay buffer; defaults reproduce TD3."""

from __future__ import annotations

import dataclasses
import numbers

from td3jax.options import Options, option, require


@dataclasses.dataclass(frozen=True)
class Spaces:
    """Shapes of one observation and action; None = absent.

    image: (height, width, channels), the newest frame last. Stacks of single-channel frames
    overlap from step to step, so that replay stores a frame once; frame_channels is the number
    of channels of a frame: 3 for colour, all of them for a picture that is no stack.
    In training alone: privileged, numbers that the critic reads and the policy never; expert, an
    action of the expert's in each observation.
    Raises ValueError, naming the part, for a size below 1 or an observation without a part.
    """

    image: tuple[int, int, int] | None
    vector: int | None
    action: int
    frame_channels: int = 1
    privileged: int | None = None
    expert: bool = False

    def __post_init__(self) -> None:
        require(self.image is not None or self.vector is not None, "image", None, "a part")
        if self.image is not None:
            object.__setattr__(self, "image", tuple(self.image))
            sizes = len(self.image) == 3 and all(map(_is_size, self.image))
            require(sizes, "image", self.image, "(height, width, channels), each at least 1")
            frames = _is_size(self.frame_channels) and self.image[2] % self.frame_channels == 0
            text = f"a divisor of the image's {self.image[2]} channels"
            require(frames, "frame_channels", self.frame_channels, text)
        require(_is_size(self.frame_channels), "frame_channels", self.frame_channels, "at least 1")
        require(isinstance(self.expert, bool), "expert", self.expert, "true or false")
        for name in ("vector", "privileged"):
            size = getattr(self, name)
            require(size is None or _is_size(size), name, size, "at least 1")
        require(_is_size(self.action), "action", self.action, "at least 1")

    @property
    def stack(self) -> int:
        """Frames in an image; 0 without images."""
        return self.image[2] // self.frame_channels if self.image else 0

    @property
    def frame(self) -> tuple[int, ...] | None:
        """Shape of one frame: (height, width) or (height, width, frame_channels)."""
        if self.image is None:
            return None
        channels = () if self.frame_channels == 1 else (self.frame_channels,)
        return (*self.image[:2], *channels)

    @property
    def policy(self) -> Spaces:
        """What the policy reads: these spaces without what only training has."""
        return dataclasses.replace(self, privileged=None, expert=False)

    @property
    def numbers(self) -> dict[str, int]:
        """Width of each part of an observation that is numbers, in the order of their storage."""
        widths = {"vector": self.vector or 0, "privileged": self.privileged or 0}
        widths["expert"] = self.action if self.expert else 0
        return {name: width for name, width in widths.items() if width}


def _is_size(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= 1


@dataclasses.dataclass(frozen=True)
class AgentConfig(Options):
    """TD3 (Fujimoto et al. 2018, arXiv 1802.09477); stabilisation techniques are off by default."""

    discount: float = option(0.99, "discount factor gamma, in [0, 1)", low=0, below=1)
    tau: float = option(0.005, "share of the online weights in each target step", above=0, high=1)
    policy_delay: int = option(2, "critic updates for each actor and target update", low=1)
    target_noise: float = option(0.2, "deviation of the target policy's smoothing noise", low=0)
    target_noise_clip: float = option(0.5, "bound on the smoothing noise", low=0)

    actor_lr: float = option(3e-4, "Adam rate of the actor's head", low=0)
    critic_lr: float = option(3e-4, "Adam rate of the critic's heads", low=0)
    actor_cnn_lr: float = option(1e-4, "Adam rate of the actor's encoder", low=0)
    critic_cnn_lr: float = option(1e-4, "Adam rate of the critic's encoder", low=0)
    adam_b1: float = option(0.9, "decay of Adam's first moment", low=0, below=1)
    adam_b2: float = option(0.999, "decay of Adam's second moment", low=0, below=1)
    adam_eps: float = option(1e-8, "Adam's epsilon, added outside the root", above=0)
    actor_clip_norm: float = option(0.0, "global L2 norm bound, encoder + head; 0 = off", low=0)
    critic_clip_norm: float = option(0.0, "global L2 norm bound, encoder + heads; 0 = off", low=0)
    actor_weight_decay: float = option(0.0, "decoupled decay of the actor's kernels", low=0)
    critic_weight_decay: float = option(0.0, "decoupled decay of the critic's kernels", low=0)
    critic_l2: float = option(0.0, "coefficient of squared critic kernels in the loss", low=0)

    encoder: str = option(
        "separate",
        "separate | shared (one CNN, trained by the critic)",
        choices=("separate", "shared"),
    )
    conv_channels: tuple[int, ...] = option(
        (32, 64, 64), "output channels of each convolution", low=1
    )
    conv_kernels: tuple[int, ...] = option((8, 4, 3), "kernel width of each convolution", low=1)
    conv_strides: tuple[int, ...] = option((4, 2, 1), "stride of each convolution", low=1)
    feature_size: int = option(512, "width of the dense layer after the convolutions", low=1)
    hidden_sizes: tuple[int, ...] = option((256, 256), "widths of the heads' hidden layers", low=1)
    encoder_dtype: str = option(
        "float32",
        "float32 | bfloat16: precision of the encoders' arithmetic; weights stay float32",
        choices=("float32", "bfloat16"),
    )
    encoder_norm: str = option(
        "none",
        "none | layer: normalise the features before their ReLU",
        choices=("none", "layer"),
    )
    trunk_size: int = option(
        0, "width of a Linear-LayerNorm-tanh bottleneck on features; 0 = off", low=0
    )
    actor_norm: str = option(
        "none", "none | layer: normalisation in the actor's head", choices=("none", "layer")
    )
    critic_norm: str = option(
        "none",
        "none | layer | batch: normalisation in the critic's heads",
        choices=("none", "layer", "batch"),
    )
    final_init: float = option(
        0.0, "last layers start uniform in +-this (DDPG 3e-3); 0 = default", low=0
    )

    critic_loss: str = option(
        "mse",
        "mse | huber | hl_gauss (value as classification)",
        choices=("mse", "huber", "hl_gauss"),
    )
    huber_delta: float = option(1.0, "error at which the Huber loss turns linear", above=0)
    value_bins: int = option(101, "bins of the hl_gauss critic", low=2, high=65_536)
    value_min: float = option(
        -200.0, "lowest value that the hl_gauss critic can tell", low=-1e9, high=1e9
    )
    value_max: float = option(
        1000.0, "highest value that the hl_gauss critic can tell", low=-1e9, high=1e9
    )
    value_sigma: float = option(0.75, "standard deviation of hl_gauss, in bin widths", above=0)
    double_q_alpha: float = option(
        1.0, "target = alpha min + (1 - alpha) max of the twins", low=0, high=1
    )
    target_bound: float = option(0.0, "TD targets are clipped to +-this; 0 = off", low=0)
    actor_q_clip: float = option(
        0.0, "clip Q in the actor loss to +-this (hides, cures nothing)", low=0
    )
    actor_q_weight: float = option(1.0, "weight of Q in the actor loss", low=0)
    actor_q_scale: str = option(
        "none",
        "none | spread: the unit of Q in the actor loss; spread is the root mean square of what Q "
        "gives the policy's actions over those in replay",
        choices=("none", "spread"),
    )
    pre_tanh_penalty: float = option(0.0, "coefficient of the squared pre-tanh action", low=0)
    expert_weight: float = option(
        0.0, "weight of the squared distance to the expert's action in the actor loss", low=0
    )
    expert_decay: int = option(
        0, "gradient steps in which that weight falls linearly to 0; 0 = it stays", low=0
    )
    auxiliary_weight: float = option(
        0.0,
        "weight of a linear head on the actor's features that tells the privileged numbers, by "
        "its squared error; 0 = no head",
        low=0,
    )
    critic_image: bool = option(
        False, "the critic reads the picture too where there are privileged numbers"
    )
    random_shift: int = option(
        0, "pixels of random shift augmentation (DrQ); 0 = off", low=0, high=512
    )
    shift_axes: str = option(
        "both",
        "both | vertical: a vertical shift keeps the lane's position",
        choices=("both", "vertical"),
    )
    reuse_features: bool = option(
        False, "actor loss on the critic features of before the critic's step (departure, faster)"
    )
    health_every: int = option(100, "gradient steps between health metrics; 0 = never", low=0)

    def check(self) -> None:
        """Check the lengths of the convolutions' options and the order of the value bounds."""
        require(self.value_min < self.value_max, "value_min", self.value_min, "below value_max")
        lengths = {len(self.conv_channels), len(self.conv_kernels), len(self.conv_strides)}
        require(len(lengths) == 1, "conv_kernels", self.conv_kernels, "one for each channel")
        require(len(self.hidden_sizes) > 0, "hidden_sizes", self.hidden_sizes, "a width")
        own = self.encoder == "separate" or not self.auxiliary_weight
        text = "0 with encoder=shared, which the critic alone trains"
        require(own, "auxiliary_weight", self.auxiliary_weight, text)


@dataclasses.dataclass(frozen=True)
class ReplayConfig(Options):
    """Uniform replay; rewards are stored raw and transformed when sampled."""

    capacity: int = option(
        100_000, "transitions kept (97,000 to 1,000,000 in the predecessor's runs)", low=1
    )
    n_step: int = option(1, "rewards summed before bootstrapping", low=1, high=10_000)
    reward_scale: float = option(1.0, "factor on every sampled reward", above=0)
    reward_clip: float = option(
        0.0, "sampled rewards are clipped to +-this, then scaled; 0 = off", low=0
    )
    reward_normalise: bool = option(
        False, "divide sampled rewards by the running standard deviation of discounted returns"
    )
    replay_path: str = option("", "folder for a memory-mapped buffer; empty = in memory")
    strata_shares: tuple[float, ...] = option(
        (),
        "least shares of a batch from the strata 1, 2, ... that an environment tells "
        "(info['stratum']); the rest is uniform",
        low=0,
        high=1,
    )

    def check(self) -> None:
        """Check that the strata leave nothing above a whole batch."""
        fits = sum(self.strata_shares) <= 1.0 + 1e-9 and len(self.strata_shares) <= 255
        require(fits, "strata_shares", self.strata_shares, "shares that add up to at most 1")
