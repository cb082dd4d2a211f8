"""Scalar names: other libraries' onto ours, and what can be derived from what is there."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from launch.diagnosis.series import Curve, Series, align, curve

FOREIGN_TAGS: dict[str, str] = {
    # Stable-Baselines3 and SBX
    "rollout/ep_rew_mean": "train/episode_reward",
    "rollout/ep_len_mean": "train/episode_length",
    "train/n_updates": "agent/total_iterations",
    "train/learning_rate": "agent/actor_lr",
    "eval/mean_reward": "eval/return",
    "eval/mean_ep_length": "eval/length",
    # CleanRL
    "charts/episodic_return": "train/episode_reward",
    "charts/episodic_length": "train/episode_length",
    "losses/actor_loss": "train/actor_loss",
    "losses/qf_loss": "train/critic_loss",
    "losses/qf1_loss": "train/critic_1_loss",
    "losses/qf2_loss": "train/critic_2_loss",
    "losses/qf1_values": "train/q1_value",
    "losses/qf2_values": "train/q2_value",
    # Tianshou
    "train/reward": "train/episode_reward",
    "train/length": "train/episode_length",
    "test/reward": "eval/return",
    "update/loss/actor": "train/actor_loss",
    "update/loss/critic1": "train/critic_1_loss",
    "update/loss/critic2": "train/critic_2_loss",
    "loss/actor": "train/actor_loss",
    "loss/critic1": "train/critic_1_loss",
    "loss/critic2": "train/critic_2_loss",
    # Spinning Up (progress.txt)
    "AverageEpRet": "train/episode_reward",
    "AverageTestEpRet": "eval/return",
    "EpLen": "train/episode_length",
    "LossPi": "train/actor_loss",
    "LossQ": "train/critic_loss",
    "AverageQ1Vals": "train/q1_value",
    "AverageQ2Vals": "train/q2_value",
    # TF-Agents; evaluations are read from a folder of their own
    "Metrics/AverageReturn": "train/episode_reward",
    "Metrics/AverageEpisodeLength": "train/episode_length",
    "Losses/actor_loss": "train/actor_loss",
    "Losses/critic_loss": "train/critic_loss",
    "eval/Metrics/AverageReturn": "eval/return",
    "eval/Metrics/AverageEpisodeLength": "eval/length",
    # Acme
    "episode_return": "train/episode_reward",
    "eval/episode_return": "eval/return",
    "eval/episode_length": "eval/length",
    "policy_loss": "train/actor_loss",
    # torch's add_scalars under the chart "losses"
    "losses/critic_loss": "train/critic_loss",
    # DrQ-v2: its tables, and its event files
    "actor_loss": "train/actor_loss",
    "critic_loss": "train/critic_loss",
    "critic_q1": "train/q1_value",
    "critic_q2": "train/q2_value",
    "critic_target_q": "debug/target_q_mean",
    "batch_reward": "debug/reward_mean",
    "episode_reward": "train/episode_reward",
    "episode_length": "train/episode_length",
    "train/critic_q1": "train/q1_value",
    "train/critic_q2": "train/q2_value",
    "train/critic_target_q": "debug/target_q_mean",
    "train/batch_reward": "debug/reward_mean",
    "eval/episode_reward": "eval/return",
    # RLlib
    "episode_reward_mean": "train/episode_reward",
    "episode_len_mean": "train/episode_length",
    "env_runners/episode_return_mean": "train/episode_reward",
    "env_runners/episode_reward_mean": "train/episode_reward",
    "env_runners/episode_len_mean": "train/episode_length",
    "info/learner/default_policy/learner_stats/actor_loss": "train/actor_loss",
    "info/learner/default_policy/learner_stats/critic_loss": "train/critic_loss",
    "info/learner/default_policy/learner_stats/mean_q": "train/q1_value",
    "info/learner/default_policy/learner_stats/max_q": "debug/q1_max",
    "info/learner/default_policy/learner_stats/min_q": "debug/q1_min",
}
# What a person most likely has under another name.
_WANTED = (
    "train/actor_loss",
    "train/critic_loss",
    "train/q1_value",
    "train/q2_value",
    "train/episode_reward",
    "train/episode_length",
    "eval/return",
    "debug/actor_q_mean",
    "debug/q1_mean",
    "debug/target_q_mean",
    "debug/reward_mean",
    "debug/td_error_q1",
)
_SYNONYMS = {
    "a": "actor",
    "c": "critic",
    "policy": "actor",
    "pi": "actor",
    "value": "critic",
    "qf": "critic",
    "qval": "q",
    "qvals": "q",
    "qf1": "q1",
    "qf2": "q2",
    "rew": "reward",
    "avg": "mean",
}
_NEAR = 0.7  # likeness of words in [0, 1]
GROUPS = (
    "train/",
    "debug/",
    "gradients/",
    "alerts/",
    "agent/",
    "reward/",
    "eval/",
    "health/",
    "env/",
    "time/",
)
_PER_STEP = (
    "debug/",
    "gradients/",
    "agent/",
    "alerts/",
    "health/",
    "train/actor_loss",
    "train/critic",
    "train/q",
)
#: Beginnings of the names that only an update logs.
OF_UPDATES = ("train/actor_loss", "train/critic", "train/q", "debug/", "gradients/", "health/")
_NAME_PAIRS = (
    ("debug/q1_mean", "train/q1_value"),
    ("debug/q2_mean", "train/q2_value"),
)


def read_tag_map(path: Path) -> dict[str, str]:
    """A JSON object {their tag: our tag}. ValueError, one line, if it is anything else."""
    try:
        table = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error}); expected {{their tag: our tag}}") from error
    if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
        raise ValueError(f"{path}: expected a JSON object {{their tag: our tag}}")
    strange = [ours for ours in table.values() if not ours.startswith(GROUPS)]
    if strange:
        raise ValueError(f"{path}: {strange[0]!r} is no name of ours; see docs/scalars.md")
    return table


def rename(series: Series, extra: Mapping[str, str] | None = None) -> dict[str, Curve]:
    """The series under our names; a tag that already has our name is never overwritten."""
    table = {**FOREIGN_TAGS, **(extra or {})}
    renamed = {tag: values for tag, values in series.items() if tag not in table}
    for tag, values in series.items():
        if tag in table and table[tag] not in renamed:
            renamed[table[tag]] = values
    return renamed


def reward_parts(series: Series) -> tuple[str, ...]:
    """The names of the reward's parts: those of the reward/NAME or reward/NAME_share in the log."""
    names = {tag.removeprefix("reward/") for tag in series if tag.startswith("reward/")}
    return tuple(sorted({name.removesuffix("_share") for name in names} - {"total"}))


def known_tags() -> tuple[str, ...]:
    """Every name that can be told apart from a name of nobody's: foreign ones and ours."""
    return tuple(dict.fromkeys([*_WANTED, *FOREIGN_TAGS.values(), *FOREIGN_TAGS]))


def _words(tag: str) -> str:
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", tag).lower())
    return " ".join(sorted(_SYNONYMS.get(word, word) for word in words[-3:]))


def nearest_names(tags: Iterable[str]) -> dict[str, str]:
    """The name of ours that is most like each tag, where one is alike at all; each name once."""
    alike = sorted(
        (
            (max(_likeness(part, name) for part in (tag, tag.rpartition("/")[2])), tag, name)
            for tag in tags
            for name in _WANTED
        ),
        reverse=True,
    )
    found: dict[str, str] = {}
    for likeness, tag, name in alike:
        if likeness >= _NEAR and tag not in found and name not in found.values():
            found[tag] = name
    return found


def _likeness(tag: str, name: str) -> float:
    ours = _words(name.partition("/")[2])
    return difflib.SequenceMatcher(None, _words(tag), ours).ratio()


def tag_map_skeleton(tags: Sequence[str]) -> str:
    """A --tag_map to correct: the nearest name of ours for each tag that is like one."""
    near = nearest_names(tags)
    return json.dumps(near or {tag: "train/actor_loss" for tag in tags[:1]})


def _negated(values: Curve) -> Curve:
    return Curve(values.steps, -values.values, values.wall)


def _sum(one: Curve, other: Curve) -> Curve:
    steps, left, right = align(one, other)
    return curve(steps, left + right)


def derive_scalars(series: Series) -> tuple[dict[str, Curve], tuple[str, ...]]:
    """Fill in names that follow from others; returns the series and the names filled in.

    The actor's loss is minus its mean Q in TD3 (without clipping or penalties), so old and foreign
    logs that lack the one still show the other.
    """
    full = dict(series)
    for name, twin in _NAME_PAIRS:
        for have, want in ((name, twin), (twin, name)):
            if have in full and want not in full:
                full[want] = full[have]
    if "train/actor_loss" in full and "debug/actor_q_mean" not in full:
        full["debug/actor_q_mean"] = _negated(full["train/actor_loss"])
    if "train/critic_loss" not in full and {"train/critic_1_loss", "train/critic_2_loss"} <= set(
        full
    ):
        full["train/critic_loss"] = _sum(full["train/critic_1_loss"], full["train/critic_2_loss"])
    return full, tuple(sorted(set(full) - set(series)))


def last_step(series: Series) -> int:
    """The last environment step; per-episode scalars count only where there is nothing else.

    The predecessor logged per-episode scalars against the episode's number.
    """
    ends = {tag: int(c.steps[-1]) for tag, c in series.items() if c.steps.size}
    timed = [end for tag, end in ends.items() if tag.startswith(_PER_STEP)]
    return max(timed or ends.values(), default=0)
