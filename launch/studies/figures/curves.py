"""A figure of telling scalars for each condition that `td3jax diagnose` knows, of a kept run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from launch.diagnosis.plots import STEPS, Line, draw
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.series import Series, get
from launch.studies.conditions.manifest import read_manifest
from launch.studies.figures.canvas import BLUE, DARK, GREEN, GREY, RED, panels, save

RETURN, HEALTHY_RUN = "train/episode_reward", "healthy-ours-{task}-1"


class Told(NamedTuple):
    """A kept run and the scalars that tell its condition: name -> tag; `ylabel` is their unit.

    compared: the scalar of the healthy run on the same task beside them.
    """

    run: str
    ylabel: str
    tags: dict[str, str]
    compared: str = ""


_Q = {"actor Q": "debug/actor_q_mean", "replay Q": "debug/q1_mean"}
TOLD = (
    Told("healthy-ours-pendulum-1", "Q", _Q),
    Told("feature_leak-ours-lanetoy-1", "Q", _Q),
    Told(
        "masked_leak-ours-lanetoy-1",
        "share, Q",
        {**_Q, "share of the gradient that bypasses the action": "health/actor_bypass"},
    ),
    Told("overestimation-ours-pendulum-1", "Q", _Q, "debug/q1_mean"),
    Told(
        "exploding_gradient-ours-pendulum-1",
        "L2 norm",
        {"largest gradient": "gradients/norm_max"},
        "gradients/norm_max",
    ),
    Told(
        "reward_scale-ours-pendulum-1",
        "reward, L2 norm",
        {"spread of rewards": "debug/reward_std", "largest gradient": "gradients/norm_max"},
        "debug/reward_std",
    ),
    Told(
        "saturated_policy-ours-pendulum-1",
        "share of actions",
        {"actions at their bounds": "health/action_saturation"},
        "health/action_saturation",
    ),
    Told(
        "dead_critic-ours-pendulum-2",
        "Q, reward",
        {"spread of Q": "debug/q1_std", "spread of rewards": "debug/reward_std"},
        "debug/q1_std",
    ),
    Told(
        "stale_targets-ours-pendulum-1",
        "share of |Q|",
        {"gap of online and target Q": "health/target_gap"},
        "health/target_gap",
    ),
    Told(
        "too_few_updates-ours-pendulum-1",
        "updates a step",
        {"updates a step": "agent/update_ratio"},
        "agent/update_ratio",
    ),
    Told(
        "nothing_learned-ours-pendulum-1",
        "share of the weights",
        {"change of the critic, an update": "health/update_to_weight_critic"},
        "health/update_to_weight_critic",
    ),
    Told(
        "late_collapse-ours-pendulum-2",
        "share of actions",
        {"actions at their bounds": "health/action_saturation"},
    ),
)


def draw_curves(logs: Path, folder: Path) -> list[Path]:
    """Draw a figure for each of TOLD, named by its condition."""
    entries = {entry.path: entry for entry in read_manifest(logs)}
    drawn = []
    for told in TOLD:
        entry = entries[told.run]
        series = read_run(logs / told.run).series
        healthy = read_run(logs / HEALTHY_RUN.format(task=entry.task)).series
        path = folder / f"{entry.condition}.svg"
        drawn.append(_draw(told, series, healthy, entry.onset, path))
    return drawn


def _draw(told: Told, series: Series, healthy: Series, onset: int, path: Path) -> Path:
    figure, (left, right) = panels(8.4, 2.5, 2)
    lines = [
        Line(get(series, tag), name, {"color": colour})
        for (name, tag), colour in zip(told.tags.items(), (RED, BLUE, GREEN), strict=False)
    ]
    if told.compared:
        lines.append(_healthy(healthy, told.compared))
    draw(left, lines, told.ylabel)
    returns = [Line(get(series, RETURN), "this run", {"color": RED})]
    if told.run != HEALTHY_RUN.format(task="pendulum"):
        returns.append(_healthy(healthy, RETURN))
    draw(right, returns, "return of an episode", linear=True)
    for axes in (left, right):
        axes.set_xlabel(STEPS)
        axes.tick_params(labelsize=8)
        if onset:
            axes.axvline(onset, color=DARK, linestyle=(0, (4, 3)), linewidth=0.8)
    return save(figure, path)


def _healthy(series: Series, tag: str) -> Line:
    return Line(get(series, tag), "healthy run", {"color": GREY, "linewidth": 1.2})
