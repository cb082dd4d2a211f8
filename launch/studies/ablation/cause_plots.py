"""Dose, reversal and time of the explosion, which make the leak the cause; the same in the town."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from launch.files import replacing
from launch.statistics import surviving
from launch.studies.ablation.arms import DEPTHS, RATES, REVERSAL, TOY_AGENT, UPDATES
from launch.studies.ablation.decision import ArmSummary, Table
from launch.studies.ablation.story_plot import (
    MASKED,
    Q_BOUND,
    REPLAY,
    RIGHT,
    WRONG,
    Curves,
    draw_runs,
)

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_REVERSAL = "ADAD"


def _slopes(axes: Any, rows: dict[str, ArmSummary]) -> None:
    """Slope against the layers of the leak, one line for each rate of the encoder."""
    for rate, color in zip(RATES, ("#9ecae1", "#4292c6", "#084594"), strict=True):
        found = [rows[f"D/depth{depth}/rate{rate:g}"].slope for depth in DEPTHS]
        layers = [depth + 1 for depth in DEPTHS]
        points = np.array([e.point for e in found])
        sides = np.abs([[e.low for e in found], [e.high for e in found]] - points)
        axes.errorbar(layers, points, sides, color=color, marker="o", capsize=3, label=f"{rate:g}")
    axes.plot([2, 4], [2, 4], color="black", linestyle=":", label="slope = layers")
    axes.set(xlabel="layers of the leak", ylabel="slope of log Q on log t", xticks=[2, 3, 4])
    axes.set_title("dose: depth and encoder rate", fontsize=10, loc="left")
    axes.legend(fontsize=8, frameon=False, title="encoder rate", title_fontsize=8)


def _reversed(axes: Any, curves: Curves) -> None:
    """Actor Q while the fault is off, on, off and on again."""
    draw_runs(axes, curves[_REVERSAL], 1, WRONG, 1.8)
    phase = REVERSAL // TOY_AGENT.policy_delay
    for i, name in enumerate(("off", "on", "off", "on")):
        if name == "on":
            axes.axvspan(i * phase, (i + 1) * phase, color=WRONG, alpha=0.08)
        axes.text((i + 0.5) * phase, 3e7, name, ha="center", fontsize=9)
    axes.axhline(Q_BOUND, color="black", linestyle=(0, (4, 3)), linewidth=0.7)
    axes.set(yscale="log", xlabel="actor updates", ylabel="|Q that drives the actor|")
    axes.set_title("reversal: the leak off, on, off, on", fontsize=10, loc="left")


def _survival(axes: Any, table: Table) -> None:
    """Share of 60 dense-encoder runs that have not exploded, by actor update."""
    horizon = UPDATES // TOY_AGENT.policy_delay
    colors = {"A/mlp": RIGHT, "D/mlp": WRONG, "DTM/mlp": MASKED, "TM/mlp": REPLAY}
    for arm, color in colors.items():
        time, share = surviving(table.column(arm, "exploded_at"), horizon)
        axes.step(time, share, where="post", color=color, label=arm.removesuffix("/mlp"))
    axes.set(xlabel="actor updates", ylabel="share not exploded", ylim=(-0.03, 1.05))
    axes.set_title("time of the explosion, 60 seeds", fontsize=10, loc="left")
    axes.legend(fontsize=8, frameon=False)


def draw_causes(table: Table, curves: Curves, rows: Sequence[ArmSummary], picture: Path) -> None:
    """Three panels; one whose runs are missing stays empty."""
    known = {row.arm: row for row in rows}
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    if all(f"D/depth{depth}/rate{rate:g}" in known for depth in DEPTHS for rate in RATES):
        _slopes(left, known)
    if _REVERSAL in curves:
        _reversed(middle, curves)
    if all(f"{name}/mlp" in known for name in ("A", "D", "DTM", "TM")):
        _survival(right, table)
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    with replacing(picture) as part:
        figure.savefig(part, dpi=110)
    plt.close(figure)


_TOWN_CURVES = {
    "A/town": ("correct flow, critic layer norm", RIGHT),
    "D/town": ("leak masked by critic layer norm", MASKED),
    "D+bare/town": ("leak without it", WRONG),
}


def _town_return(axes: Any, table: Table, rows: Sequence[ArmSummary]) -> None:
    """Return of every run, and each arm's interquartile mean with its interval."""
    for line, row in enumerate(reversed(rows)):
        color = WRONG if row.exploded.point > 0.5 else MASKED if row.leaks else RIGHT
        values = table.column(row.arm, "return")
        axes.plot(values, np.full(values.size, line), "o", color=color, alpha=0.45, markersize=4)
        point, low, high = row.actor_return
        axes.errorbar(
            point,
            line,
            xerr=[[point - low], [high - point]],
            fmt="|",
            color=color,
            markersize=13,
            markeredgewidth=2.5,
            capsize=3,
        )
    labels = [f"{row.arm.removesuffix('/town')}: {row.label}" for row in reversed(rows)]
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.set(xlabel="return: 0 = random, 1 = expert")
    axes.set_title("does it drive?", fontsize=10, loc="left")


def draw_town(table: Table, curves: Curves, rows: Sequence[ArmSummary], picture: Path) -> None:
    """Q that drives the actor beside that of replayed actions, and the returns, in the town."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained")
    for arm, (label, color) in _TOWN_CURVES.items():
        if arm in curves:
            draw_runs(left, curves[arm], 1, color, 2.0)
            left.plot([], [], color=color, label=label)
    if "D+bare/town" in curves:
        draw_runs(left, curves["D+bare/town"], 2, REPLAY, 1.4)
        left.plot([], [], color=REPLAY, label="the same: Q of replayed actions")
    left.set(xscale="log", yscale="log", xlabel="actor updates", ylim=(1e-2, 1e9))
    left.set_title("Q that drives the actor", fontsize=10, loc="left")
    left.legend(fontsize=8, frameon=False, loc="upper left")
    _town_return(right, table, rows)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    with replacing(picture) as part:
        figure.savefig(part, dpi=110)
    plt.close(figure)
