"""The runs of known condition: what is wrong with each, who trains it, and by which options."""

from __future__ import annotations

import dataclasses

HEALTHY = "healthy"
LATE = "late_collapse"
OURS, SB3, CLEANRL, PREDECESSOR, ABLATION = "ours", "sb3", "cleanrl", "predecessor", "ablation"
#: Runs of these seeds are held out: not looked at while rules are tuned.
HELD_OUT_EVERY = 5

_RULES = "--rules=launch.studies.conditions.rules:"
_LAST = 9_600  # the 10K gate asks for 95 % of its steps
_SHORT = (
    "--eval_episodes=2",
    "--final_episodes=0",
    "--norecord_video",
    "--checkpoint_every=0",
    "--nosave_replay",
    "--log_every=200",
)
_PENDULUM = (
    "--preset=vector",
    "--env=Pendulum-v1",
    f"--steps={_LAST}",
    "--batch_size=64",
    "--hidden_sizes=64,64",
    "--eval_every=2400",
    *_SHORT,
)
_BRIEF = ("--steps=4800", "--eval_every=1600")  # for faults that show in values and gradients
# Of others' runs that the 10K gate judges.
_IDLE_SB3 = ("--learning_starts=4000", "--train_freq=2")
_IDLE_CLEANRL = ("--learning_starts=4000", "--train_every=2")
_LANE_TOY = (
    "--preset=vector",
    "--env=launch.studies.conditions.tasks:LaneToy-v0",
    "--steps=2400",
    "--learning_starts=400",
    "--batch_size=16",
    "--discount=0.95",
    "--actor_lr=3e-4",
    "--critic_lr=3e-4",
    "--actor_cnn_lr=3e-4",
    "--critic_cnn_lr=3e-4",
    "--conv_channels=8,16,16",
    "--conv_kernels=4,3,3",
    "--conv_strides=2,2,1",
    "--feature_size=32",
    "--hidden_sizes=64,64",
    "--eval_every=800",
    *_SHORT,
)


@dataclasses.dataclass(frozen=True)
class Planned:
    """One run. condition: HEALTHY, LATE or the name of a cause in launch.diagnosis.causes.

    onset: the step at which a late fault begins. words: options of the source's own program.
    second: options with which a run of ours is resumed at `onset`.
    """

    condition: str
    source: str
    task: str
    seed: int
    words: tuple[str, ...]
    onset: int = 0
    second: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.condition}-{self.source}-{self.task}-{self.seed}"

    @property
    def held_out(self) -> bool:
        """Tell whether the run is kept from the eyes of whoever tunes rules."""
        return self.seed % HELD_OUT_EVERY == 0


def _pendulum(condition: str, *seeds: int, words: tuple[str, ...] = ()) -> list[Planned]:
    return [Planned(condition, OURS, "pendulum", seed, (*_PENDULUM, *words)) for seed in seeds]


def _lane_toy(condition: str, *seeds: int, words: tuple[str, ...] = ()) -> list[Planned]:
    return [Planned(condition, OURS, "lanetoy", seed, (*_LANE_TOY, *words)) for seed in seeds]


def _sb3(condition: str, *seeds: int, words: tuple[str, ...] = (), onset: int = 0) -> list[Planned]:
    return [Planned(condition, SB3, "pendulum", seed, words, onset) for seed in seeds]


def _cleanrl(
    condition: str, *seeds: int, words: tuple[str, ...] = (), onset: int = 0
) -> list[Planned]:
    return [Planned(condition, CLEANRL, "pendulum", seed, words, onset) for seed in seeds]


def _late(seed: int, onset: int, *second: str) -> list[Planned]:
    words = (*_PENDULUM, f"--steps={onset}", "--save_replay")
    whole = ("--steps=8800", *second)
    return [Planned(LATE, OURS, "pendulum", seed, words, onset, whole)]


def _healthy() -> list[Planned]:
    late_start = ("--learning_starts=5200", "--steps=26000", "--eval_every=4000")
    half = ("--total_timesteps=5000", "--learning_starts=1000")
    return [
        *_pendulum(HEALTHY, 1, 2, 5),
        *_pendulum(HEALTHY, 3, words=late_start),
        *_lane_toy(HEALTHY, 1, 5),
        *_lane_toy(HEALTHY, 2, words=("--critic_norm=layer", "--actor_clip_norm=1")),
        *_lane_toy(HEALTHY, 3, words=("--encoder=shared", "--n_step=3")),
        *_sb3(HEALTHY, 1, words=("--learning_starts=3000",)),
        *_sb3(HEALTHY, 3, 5, words=half),
        *_cleanrl(HEALTHY, 1, words=("--learning_starts=3000",)),
        *_cleanrl(HEALTHY, 2, words=(*half, "--learning_rate=5e-4")),
        *_cleanrl(HEALTHY, 5, words=half),
    ]


def _leaks() -> list[Planned]:
    leak, shared = (f"{_RULES}LEAK",), (f"{_RULES}LEAK_WITH_SHARED_TARGET",)
    return [
        *_lane_toy("feature_leak", 1, 2, 5, words=leak),
        *_lane_toy("feature_leak", 3, words=shared),
        *_lane_toy("masked_leak", 1, 5, words=(*leak, "--critic_norm=layer")),
        *_lane_toy("masked_leak", 2, words=(*shared, "--critic_norm=layer")),
        *_lane_toy("masked_leak", 3, words=(*leak, "--critic_norm=batch")),
        *_lane_toy("masked_leak", 4, words=(*leak, "--actor_q_clip=20")),
    ]


def _of_scale() -> list[Planned]:
    fast = "--tau=0.1"  # a discount above 1 shows within a few thousand steps
    gamma = ("--gamma=1.1", fast, "--total_timesteps=4000", "--learning_starts=1000")
    no_target = ("--gamma=1.05", "--no_target=1", "--total_timesteps=4000")
    return [
        *_pendulum("reward_scale", 1, 5, words=("--reward_scale=1000",)),
        *_lane_toy("reward_scale", 2, words=("--reward_scale=3000",)),
        *_sb3("reward_scale", 3, words=("--reward_factor=1000", *_IDLE_SB3)),
        *_cleanrl("reward_scale", 4, words=("--reward_factor=1000", *_IDLE_CLEANRL)),
        *_pendulum("exploding_gradient", 1, 5, words=("--final_init=1000", *_BRIEF)),
        *_pendulum("exploding_gradient", 2, words=("--final_init=3000", *_BRIEF)),
        *_lane_toy("exploding_gradient", 3, words=("--final_init=1000",)),
        *_pendulum("overestimation", 1, 5, words=(f"{_RULES}GAMMA_ABOVE_ONE", fast, *_BRIEF)),
        *_lane_toy("overestimation", 2, words=(f"{_RULES}GAMMA_ABOVE_ONE", fast)),
        *_sb3("overestimation", 3, words=gamma),
        *_cleanrl("overestimation", 4, words=gamma),
        *_cleanrl("overestimation", 6, words=no_target),
    ]


def _idle() -> list[Planned]:
    seldom = ("--train_freq=50", "--gradient_steps=1")
    return [
        *_pendulum("saturated_policy", 1, 5, words=("--actor_lr=0.3", *_BRIEF)),
        *_pendulum("saturated_policy", 2, words=("--actor_lr=1.0", *_BRIEF)),
        *_sb3("saturated_policy", 3, words=("--learning_rate=0.1", *_IDLE_SB3)),
        *_cleanrl("saturated_policy", 4, words=("--policy_lr=0.3", *_IDLE_CLEANRL)),
        *_pendulum("dead_critic", 1, 5, words=("--critic_l2=100",)),
        *_pendulum("dead_critic", 2, words=("--critic_lr=1.0",)),
        *_pendulum("dead_critic", 3, words=("--critic_weight_decay=900",)),
        *_cleanrl("dead_critic", 4, words=("--critic_decay=100", *_IDLE_CLEANRL)),
        *_pendulum("stale_targets", 1, 5, words=("--tau=1e-5",)),
        *_pendulum("stale_targets", 2, words=("--tau=1e-4",)),
        *_sb3("stale_targets", 3, words=("--tau=1e-5", *_IDLE_SB3)),
        *_cleanrl("stale_targets", 4, words=("--tau=1e-5", *_IDLE_CLEANRL)),
        *_pendulum("too_few_updates", 1, 2, 5, words=("--update_ratio=0.02",)),
        *_sb3("too_few_updates", 3, 10, words=seldom),
        *_pendulum("nothing_learned", 1, 5, words=("--actor_lr=1e-9", "--critic_lr=1e-9")),
        *_pendulum("nothing_learned", 2, words=("--actor_lr=0", "--critic_lr=1e-7")),
        *_sb3("nothing_learned", 3, words=("--learning_rate=1e-8", *_IDLE_SB3)),
        *_cleanrl("nothing_learned", 4, words=("--learning_rate=1e-8", *_IDLE_CLEANRL)),
    ]


def _collapses() -> list[Planned]:
    brief = ("--total_timesteps=8000", "--learning_starts=1000")
    return [
        *_late(1, 6_400, f"{_RULES}GAMMA_ABOVE_ONE", "--tau=0.1"),
        *_late(5, 6_400, f"{_RULES}GAMMA_ABOVE_ONE", "--tau=0.1"),
        *_late(2, 6_400, "--critic_lr=0.1", "--actor_lr=0.1"),
        *_cleanrl(LATE, 3, words=(*brief, "--change=gamma=1.1,tau=0.1"), onset=5_600),
        *_cleanrl(LATE, 4, words=(*brief, "--change=learning_rate=0.1,policy_lr=0.1"), onset=5_600),
        *_sb3(LATE, 6, words=(*brief, "--change_rate=0.1"), onset=5_600),
    ]


def planned() -> list[Planned]:
    """All runs that are made here, first one of each condition and source."""
    groups = (_healthy(), _leaks(), _of_scale(), _idle(), _collapses())
    runs = [run for group in groups for run in group]
    turns: dict[tuple[str, str, str], int] = {}
    order: list[tuple[int, int]] = []
    for run in runs:
        cell = (run.condition, run.source, run.task)
        order.append((turns.get(cell, 0), len(order)))
        turns[cell] = turns.get(cell, 0) + 1
    return [run for _, run in sorted(zip(order, runs, strict=True), key=lambda pair: pair[0])]
