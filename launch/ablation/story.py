"""The figure that tells the story: actor Q against replay Q, log-log, a panel for each arm."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import matplotlib
import numpy as np

from launch.ablation.arms import FAULTS

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_COLUMNS = 4
_BOUND = 20.0  # the largest return that the toy's rewards allow


def read(path: Path) -> dict[str, dict[int, np.ndarray]]:
    """Curves by arm and seed: rows of (actor update, actor Q, replay Q)."""
    rows: dict[str, dict[int, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            values = [float(row[name]) for name in ("actor_update", "actor_q", "replay_q")]
            rows[row["arm"]][int(row["seed"])].append(values)
    return {arm: {s: np.array(v) for s, v in seeds.items()} for arm, seeds in rows.items()}


def draw(curves: Path, picture: Path) -> None:
    """One panel an arm: every seed's |actor Q| (red) and |replay Q| (blue), the bound dashed."""
    arms = read(curves)
    lines = -(-len(arms) // _COLUMNS)
    size = (3.1 * _COLUMNS, 2.6 * lines)
    figure, panels = plt.subplots(
        lines, _COLUMNS, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axes, (arm, seeds) in zip(panels.flat, arms.items(), strict=False):
        for table in seeds.values():
            axes.plot(table[:, 0], np.abs(table[:, 1]), color="tab:red", alpha=0.6, linewidth=0.9)
            axes.plot(table[:, 0], np.abs(table[:, 2]), color="tab:blue", alpha=0.6, linewidth=0.9)
        axes.axhline(_BOUND, color="grey", linestyle="--", linewidth=0.8)
        axes.set(xscale="log", yscale="log", title=_title(arm))
        axes.title.set_fontsize(9)
        axes.grid(alpha=0.3)
    for axes in panels.flat[len(arms) :]:
        axes.set_visible(False)
    handles = [plt.Line2D([], [], color=f"tab:{c}") for c in ("red", "blue")]
    handles.append(plt.Line2D([], [], color="grey", linestyle="--"))
    labels = ["|actor Q| by actor updates", "|replay Q|", "largest possible return"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.savefig(picture, dpi=110)
    plt.close(figure)


def _title(arm: str) -> str:
    return f"{arm}: {FAULTS[arm][0]}" if arm in FAULTS else arm
