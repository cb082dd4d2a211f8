"""The arms of the experiment: fault x remedy, dose, optimiser and reversal."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from launch.studies.ablation.fault_options import Fault
from td3jax.config import AgentConfig, ReplayConfig

if TYPE_CHECKING:
    from envs.lane_toy import ToyConfig

UPDATES = 3000
TOWN_UPDATES = 5000
REVERSAL = 1000  # updates of each phase
CNN_SEEDS, DOSE_SEEDS, RATE_SEEDS, PRESET_SEEDS = 10, 5, 60, 20
DEPTHS, RATES = (1, 2, 3), (1e-4, 3e-4, 1e-3)

TOY_AGENT = AgentConfig(
    discount=0.95,
    actor_lr=3e-4,
    critic_lr=3e-4,
    actor_cnn_lr=3e-4,
    critic_cnn_lr=3e-4,
    conv_channels=(8, 16, 16),
    conv_kernels=(4, 3, 3),
    conv_strides=(2, 2, 1),
    feature_size=32,
    hidden_sizes=(64, 64),
    health_every=0,
)
# What makes the preset `carla` drive, in small.
TOWN_AGENT = dataclasses.replace(
    TOY_AGENT,
    discount=0.97,
    conv_kernels=(8, 4, 3),
    conv_strides=(4, 2, 1),
    critic_norm="layer",
    pre_tanh_penalty=0.01,
    random_shift=4,
)
RAW_REWARDS = ReplayConfig()
TICK_REWARDS = ReplayConfig(reward_scale=0.25)  # the mean of an action's four ticks
# A convolution as wide as the picture and one of a single pixel are two dense layers.
_DENSE_ENCODER: dict[str, Any] = {
    "conv_channels": (64, 64),
    "conv_kernels": (16, 1),
    "conv_strides": (1, 1),
}
# Adam without moments and with this epsilon is gradient descent at rate / epsilon.
_DESCENT_EPSILON = 1e12

FAULTS = {
    "A": ("correct flow", Fault()),
    "B": ("critic encoder in both optimisers", Fault(gradient=True)),
    "C": ("actor features, gradient stopped", Fault(features="actor")),
    "D": ("actor features with gradient", Fault(features="actor", gradient=True)),
    "T": ("no target encoders", Fault(target_encoders=False)),
    "M": ("target actor on critic features", Fault(target_features="critic")),
    "TM": ("T and M", Fault(target_encoders=False, target_features="critic")),
    "DTM": ("D, T and M: the predecessor", Fault("actor", True, False, "critic")),
}


@dataclasses.dataclass(frozen=True)
class Remedy:
    """Options of the agent and of the replay buffer that are said to help."""

    label: str
    agent: tuple[tuple[str, Any], ...] = ()
    replay: tuple[tuple[str, Any], ...] = ()


def _remedy(label: str, replay: dict[str, Any] | None = None, **agent: Any) -> Remedy:
    return Remedy(label, tuple(agent.items()), tuple((replay or {}).items()))


REPORTED = {
    "clip": _remedy("gradient clip 1 / 10", actor_clip_norm=1.0, critic_clip_norm=10.0),
    "cnn_lr": _remedy("encoder rate / 10", actor_cnn_lr=3e-5),
    "decay": _remedy("weight decay 0.01", actor_weight_decay=0.01, critic_weight_decay=0.01),
    "l2": _remedy("critic L2 0.01", critic_l2=0.01),
    "q_clip": _remedy("actor Q clip", actor_q_clip=100.0),
    "noise": _remedy("target noise 0.1", target_noise=0.1, target_noise_clip=0.3),
    "batch_norm": _remedy("critic batch norm", critic_norm="batch"),
    "layer_norm": _remedy("critic layer norm", critic_norm="layer"),
    "double_q": _remedy("double Q 0.75 / 0.25", double_q_alpha=0.75),
    "init": _remedy("final init 0.003", final_init=3e-3),
    "tau_slow": _remedy("tau 0.001", tau=0.001),
    "tau_fast": _remedy("tau 0.05", tau=0.05),
    "reward_clip": _remedy("reward clip 0.5", {"reward_clip": 0.5}),
    "reward_scale": _remedy("reward scale 0.1", {"reward_scale": 0.1}),
    "reward_norm": _remedy("reward normalised", {"reward_normalise": True}),
    "gamma": _remedy("gamma 0.9", discount=0.9),
    "huber": _remedy("Huber loss", critic_loss="huber"),
}
FIELD = {
    "norms": _remedy(
        "layer norm everywhere", critic_norm="layer", actor_norm="layer", encoder_norm="layer"
    ),
    "trunk": _remedy("Linear-LN-tanh trunk", trunk_size=32),
    "shift": _remedy("random shift 2", random_shift=2),
    "pre_tanh": _remedy("pre-tanh penalty 0.01", pre_tanh_penalty=0.01),
    "hl_gauss": _remedy("HL-Gauss critic", critic_loss="hl_gauss", value_min=-20.0, value_max=20.0),
    "n_step": _remedy("3-step returns", {"n_step": 3}),
}
ALL = _remedy(
    "all of the reports'",
    {"reward_clip": 0.5, "reward_scale": 0.1},
    **dict(
        pair
        for name in ("clip", "cnn_lr", "decay", "l2", "noise", "batch_norm", "double_q", "init")
        for pair in REPORTED[name].agent
    ),
    tau=0.001,
    discount=0.9,
    critic_loss="huber",
    actor_q_clip=2.5,  # five times the largest return under these rewards and this discount
)
_SAFE: dict[str, Any] = {"critic_norm": "layer", "actor_clip_norm": 1.0, "critic_clip_norm": 10.0}
_SLOW: dict[str, Any] = {"actor_cnn_lr": 1e-5, "critic_cnn_lr": 1e-4}
_NORMALISED = {"reward_normalise": True}
#: Candidates for the default preset, on correct flow.
PRESETS = {
    "safe": _remedy("critic layer norm, clip", **_SAFE),
    "slow": _remedy("and encoder rates 1e-5 / 1e-4", **_SAFE, **_SLOW),
    "pre_tanh": _remedy("and pre-tanh penalty 0.01", **_SAFE, pre_tanh_penalty=0.01),
    "reward": _remedy("and reward normalised", _NORMALISED, **_SAFE),
    "both": _remedy("and both", _NORMALISED, **_SAFE, pre_tanh_penalty=0.01),
    "shared": _remedy("and shared encoder", **_SAFE, encoder="shared"),
}
SHARED = _remedy("shared encoder", encoder="shared")
BARE = _remedy("no layer norm", critic_norm="none")
CLIPPED = _remedy("no layer norm, clip 1 / 10", critic_norm="none", **dict(REPORTED["clip"].agent))


@dataclasses.dataclass(frozen=True)
class Arm:
    """One cell: its name in the tables, formulas, options, and the seeds that run it.

    phases: (fault, updates) one after the other. figured: whether its curves are kept.
    network: "cnn" and "mlp" on the lane toy, "town" in the stand-in town.
    """

    name: str
    label: str
    phases: tuple[tuple[Fault, int], ...]
    agent: AgentConfig = TOY_AGENT
    replay: ReplayConfig = RAW_REWARDS
    network: str = "cnn"
    seeds: int = CNN_SEEDS
    figured: bool = True

    def stratum(self, seed: int) -> str:
        """The variant of the task, among which intervals are stratified."""
        if self.network == "town":
            return "town"
        toy = self.toy(seed)
        return f"{'sparse' if toy.sparse else 'dense'}{'+vector' if toy.vector else ''}"

    def toy(self, seed: int) -> ToyConfig:
        """The seed's variant: one for CNN runs, reward x vector for the many MLP runs."""
        from envs.lane_toy import ToyConfig  # imports jax, which the flags do not need

        if self.network == "cnn":
            return ToyConfig()
        return ToyConfig(size=16, sparse=seed % 4 >= 2, vector=seed % 2 == 0)


def _arm(
    name: str,
    fault: str,
    remedy: Remedy | None = None,
    agent: AgentConfig = TOY_AGENT,
    replay: ReplayConfig = RAW_REWARDS,
    updates: int = UPDATES,
    **changes: Any,
) -> Arm:
    label, formulas = FAULTS[fault]
    if remedy is not None:
        agent = dataclasses.replace(agent, **dict(remedy.agent))
        replay = dataclasses.replace(replay, **dict(remedy.replay))
        label = remedy.label
    arm = Arm(name, label, ((formulas, updates),), agent, replay)
    return dataclasses.replace(arm, **changes)


def _dose() -> list[Arm]:
    arms = []
    for depth in DEPTHS:
        for rate in RATES:
            agent = dataclasses.replace(
                TOY_AGENT,
                conv_channels=TOY_AGENT.conv_channels[:depth],
                conv_kernels=TOY_AGENT.conv_kernels[:depth],
                conv_strides=TOY_AGENT.conv_strides[:depth],
                actor_cnn_lr=rate,
            )
            label = f"depth {depth} + 1, encoder rate {rate:g}"
            name = f"D/depth{depth}/rate{rate:g}"
            arms.append(_arm(name, "D", agent=agent, label=label, seeds=DOSE_SEEDS))
    return arms


def _descent() -> list[Arm]:
    rate = 3e-3 * _DESCENT_EPSILON
    names = ("actor_lr", "critic_lr", "actor_cnn_lr", "critic_cnn_lr")
    rates: dict[str, Any] = dict.fromkeys(names, rate)
    moments: dict[str, Any] = {"adam_b1": 0.0, "adam_b2": 0.0, "adam_eps": _DESCENT_EPSILON}
    agent = dataclasses.replace(TOY_AGENT, **rates, **moments)
    return [
        _arm(f"{fault}/sgd", fault, agent=agent, label=f"{fault} under plain SGD", seeds=DOSE_SEEDS)
        for fault in ("A", "D")
    ]


def _town() -> list[Arm]:
    common: dict[str, Any] = {
        "agent": TOWN_AGENT,
        "replay": TICK_REWARDS,
        "updates": TOWN_UPDATES,
        "network": "town",
    }
    return [
        *(_arm(f"{name}/town", name, **common) for name in ("A", "B", "C", "D", "DTM")),
        *(_arm(f"{name}+bare/town", name, BARE, **common) for name in ("A", "D", "DTM")),
        _arm("D+bare_clip/town", "D", CLIPPED, **common),
        _arm("A+shared/town", "A", SHARED, **common),
    ]


def _reversal() -> Arm:
    right, wrong = FAULTS["A"][1], FAULTS["D"][1]
    phases = ((right, REVERSAL), (wrong, REVERSAL)) * 2
    return _arm("ADAD", "A", phases=phases, label="fault off, on, off, on")


def groups() -> dict[str, list[Arm]]:
    """All arms by group, in the order in which they run."""
    on_fault = {**REPORTED, **FIELD, "all": ALL}
    on_right = {**REPORTED, **FIELD, "shared": SHARED}
    dense = dataclasses.replace(TOY_AGENT, **_DENSE_ENCODER)
    many: dict[str, Any] = {"agent": dense, "network": "mlp", "seeds": RATE_SEEDS, "figured": False}
    return {
        "core": [_arm(name, name) for name in FAULTS],
        "reversal": [_reversal()],
        "remedies": [_arm(f"D+{name}", "D", remedy) for name, remedy in on_fault.items()],
        "dose": _dose(),
        "optimiser": _descent(),
        "rates": [_arm(f"{name}/mlp", name, **many) for name in FAULTS],
        "harmless": [
            _arm(f"A+{name}", "A", remedy, figured=False) for name, remedy in on_right.items()
        ],
        "preset": [
            _arm("A/preset", "A", seeds=PRESET_SEEDS, figured=False),
            *(
                _arm(f"A+{name}/preset", "A", remedy, seeds=PRESET_SEEDS, figured=False)
                for name, remedy in PRESETS.items()
            ),
        ],
        "town": _town(),
    }
