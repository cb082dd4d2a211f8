"""The leak in one figure: Q that drives the actor, of replayed actions, and what is driven."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from launch.studies.ablation.story_plot import Q_BOUND, draw_runs, read_curves
from launch.studies.figures.canvas import BLUE, DARK, GREY, RED, panels, save

RIGHT, WRONG, HIDDEN = "A", "D", "D+layer_norm"
NAMES = {RIGHT: "right flow", WRONG: "leak", HIDDEN: "leak under layer norm"}
_COLOURS = {RIGHT: BLUE, WRONG: RED, HIDDEN: "#7b4fa3"}


def read_returns(path: Path) -> dict[str, list[float]]:
    """Return arm -> the return of each seed, 0 = random, 1 = expert."""
    found = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["arm"]].append(float(row["return"]))
    return found


def draw_leak(ablation: Path, folder: Path) -> Path:
    """Draw leak.svg from the ablation's curves and results."""
    curves = read_curves(ablation / "curves.csv")
    figure, (actor, replay, scores) = panels(10.5, 3.4, 3)
    for axes, column, title in ((actor, 1, "Q that drives the actor"), (replay, 2, "Q of replay")):
        _logarithmic(axes, title)
        for arm in (WRONG, HIDDEN, RIGHT):
            draw_runs(axes, curves[arm], column, _COLOURS[arm], 2.0)
    for arm, (x, y) in {WRONG: (30, 3e5), HIDDEN: (1.3, 2.2), RIGHT: (150, 3e-3)}.items():
        actor.text(x, y, NAMES[arm], color=_COLOURS[arm], fontsize=9)
    replay.text(1.3, 35, "largest possible return", color=DARK, fontsize=8)
    _returns(scores, read_returns(ablation / "results.csv"))
    return save(figure, folder / "leak.svg")


def _logarithmic(axes: Any, title: str) -> None:
    axes.set(xlim=(1, 1700), ylim=(1e-3, 1e9), xscale="log", yscale="log")
    axes.axhline(Q_BOUND, color=DARK, linestyle=(0, (4, 3)), linewidth=0.8)
    axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    axes.set_yticks(
        [1e-2, 1.0, 1e2, 1e4, 1e6, 1e8], ["0.01", "1", "100", "10,000", "1 million", "100 million"]
    )
    axes.minorticks_off()
    axes.tick_params(labelsize=8)
    axes.set_title(title, fontsize=10, loc="left", weight="bold")
    axes.set_xlabel("actor updates", fontsize=9)


def _returns(axes: Any, returns: dict[str, list[float]]) -> None:
    for place, arm in enumerate(NAMES):
        values = np.array(returns[arm])
        spread = np.linspace(-0.12, 0.12, values.size)
        axes.plot(place + spread, values, "o", color=_COLOURS[arm], markersize=4, alpha=0.7)
    for level, text in ((0.0, "random"), (1.0, "expert")):
        axes.axhline(level, color=GREY, linewidth=0.8)
        axes.text(0.5, level + 0.02, text, color=GREY, fontsize=8, ha="center")
    names = [name.replace(" under ", " under\n") for name in NAMES.values()]
    axes.set_xticks(range(len(names)), names, fontsize=8.5)
    axes.set(xlim=(-0.5, len(NAMES) - 0.5), ylim=(-0.2, 1.15))
    axes.tick_params(labelsize=8)
    axes.set_title("Return of the policy, each seed", fontsize=10, loc="left", weight="bold")
