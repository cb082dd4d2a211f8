"""The figure that tells the story: actor Q against replay Q, fault against correct, each remedy."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from launch.files import replacing
from launch.studies.ablation.decision import ArmSummary

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.layout_engine import ConstrainedLayoutEngine

Array = np.ndarray[Any, Any]
Curves = dict[str, dict[int, Array]]  # arm, seed: rows of (actor update, actor Q, replay Q)

Q_BOUND = 20.0  # the largest return that the toy's rewards allow
LEAK_LAYERS = 4  # three convolutions and a dense layer
WRONG, RIGHT, MASKED, REPLAY, QUIET = "#c8372d", "#1f6fb2", "#7b4fa3", "#7a7a7a", "#e3b4b0"
_VERDICTS = {"cure": RIGHT, "none": WRONG, "delay": "#c77700", "mask": MASKED, "cause": WRONG}
_COLUMNS, _LINES, _HERO = 6, 6, (3, 2)
_LIMITS = {"xlim": (1, 1700), "ylim": (3e-3, 3e8), "xscale": "log", "yscale": "log"}


def read_curves(path: Path) -> Curves:
    """The kept points of every run's curves."""
    rows: dict[str, dict[int, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            values = [float(row[name]) for name in ("actor_update", "actor_q", "replay_q")]
            rows[row["arm"]][int(row["seed"])].append(values)
    return {arm: {s: np.array(v) for s, v in seeds.items()} for arm, seeds in rows.items()}


def draw_runs(axes: Any, seeds: Mapping[int, Array], column: int, color: str, width: float) -> None:
    """Thin lines, one a seed, and their median."""
    sizes = [np.abs(table[:, column]) for table in seeds.values()]
    updates = next(iter(seeds.values()))[:, 0]
    for size in sizes:
        axes.plot(updates, size, color=color, alpha=0.25, linewidth=0.6)
    axes.plot(updates, np.median(sizes, axis=0), color=color, linewidth=width)


def _median(axes: Any, seeds: Mapping[int, Array], column: int, color: str, width: float) -> None:
    updates = next(iter(seeds.values()))[:, 0]
    middle = np.median([np.abs(table[:, column]) for table in seeds.values()], axis=0)
    axes.plot(updates, middle, color=color, linewidth=width)


def _frame(axes: Any) -> None:
    axes.set(**_LIMITS)
    axes.axhline(Q_BOUND, color="black", linestyle=(0, (4, 3)), linewidth=0.7)
    axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    axes.set_yticks([1e-2, 1e0, 1e2, 1e4, 1e6, 1e8])
    axes.minorticks_off()
    axes.tick_params(labelsize=7, length=2, pad=2)
    axes.spines[["top", "right"]].set_visible(False)


def _hero(axes: Any, curves: Curves, rows: Mapping[str, ArmSummary]) -> None:
    _frame(axes)
    draw_runs(axes, curves["D"], 2, REPLAY, 1.4)
    draw_runs(axes, curves["A"], 1, RIGHT, 2.2)
    draw_runs(axes, curves["D"], 1, WRONG, 2.2)
    t = np.array([150.0, 1500.0])
    level = np.median([np.abs(table[-1, 1]) for table in curves["D"].values()])
    axes.plot(t, 6.0 * level * (t / 1500.0) ** LEAK_LAYERS, color="black", linewidth=1, ls=":")
    right, wrong = (rows[arm].actor_return.point for arm in "AD")
    score = f"return {wrong:.2f}"
    notes = (
        (1.3, 6e6, f"critic's heads on the actor's\nencoder, with gradient\n{score}", WRONG),
        (1.3, 3e1, "largest possible return", "black"),
        (1.3, 2.2, f"correct flow: return {right:.2f}", RIGHT),
        (1.3, 5e-3, "Q of replayed actions, same run", REPLAY),
        (95, 1.1e7, "slope 4:\nlayers in\nthe leak", "black"),
    )
    for x, y, text, color in notes:
        axes.text(x, y, text, color=color, fontsize=8.5, linespacing=1.15)
    axes.set_title("Q that drives the actor", fontsize=11, loc="left", weight="bold")
    axes.set_xlabel("actor updates", fontsize=9)
    axes.tick_params(labelsize=8)


def _cell(axes: Any, curves: Curves, row: ArmSummary) -> None:
    _frame(axes)
    _median(axes, curves["D"], 1, QUIET, 1.6)
    _median(axes, curves[row.arm], 2, REPLAY, 0.9)
    draw_runs(axes, curves[row.arm], 1, _VERDICTS.get(row.verdict, "#444444"), 1.4)
    axes.set_title(row.label, fontsize=7.5, loc="left", pad=3)
    axes.text(
        1.25,
        8e6,
        f"{row.verdict}\nreturn {row.actor_return.point:.2f}",
        color=_VERDICTS.get(row.verdict, "#444444"),
        fontsize=7.5,
        linespacing=1.2,
    )


def draw_story(curves: Curves, rows: Sequence[ArmSummary], picture: Path) -> None:
    """Hero panel of D against A, then a small panel for each remedy on D and each other fault."""
    known = {row.arm: row for row in rows}
    names = [arm for arm in known if arm.startswith("D+")]
    names = [arm for arm in ("B", "C", "DTM", *names) if arm in curves and arm in known]
    engine = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03)
    figure = plt.figure(figsize=(12.4, 12.0), layout=engine)
    grid = figure.add_gridspec(_LINES, _COLUMNS)
    _hero(figure.add_subplot(grid[: _HERO[0], : _HERO[1]]), curves, known)
    places = [
        (line, column)
        for line in range(_LINES)
        for column in range(_COLUMNS)
        if line >= _HERO[0] or column >= _HERO[1]
    ]
    for i, ((line, column), name) in enumerate(zip(places, names, strict=False)):
        axes = figure.add_subplot(grid[line, column])
        _cell(axes, curves, known[name])
        bottom = i + _COLUMNS >= len(names) and line >= _HERO[0]
        axes.tick_params(labelbottom=bottom, labelleft=column in (0, _HERO[1]))
    figure.suptitle(
        "Every remedy on the leak: Q that drives the actor (colour), of replayed actions (grey), "
        "and the untreated leak (pale)",
        fontsize=11,
    )
    with replacing(picture) as part:
        figure.savefig(part, dpi=120)
    plt.close(figure)
