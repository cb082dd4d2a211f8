"""Growth of cost: update time with batch, image and encoder, sampling with the buffer, ticks with
NPC vehicles. Rows for the table, and one plot for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from launch.benchmarks import contest
from launch.benchmarks.contest import Contestant
from launch.benchmarks.rows import BenchmarkRow, alone
from launch.files import replacing


@dataclasses.dataclass(frozen=True)
class ScalingCurve:
    """One contestant at several values of one option."""

    name: str
    axis: str
    unit: str
    factory: str
    options: Mapping[str, Any]
    points: Mapping[float, Mapping[str, Any]]
    work: int
    rate: bool = False  # per second, not time

    def figure(self, seconds: list[float]) -> float:
        """The median in the curve's unit: ms, or pieces of work a second."""
        middle = float(np.median(seconds))
        return 1.0 / middle if self.rate else middle * 1e3


_UPDATE: dict[str, Any] = {"task": "pixels", "health_every": 0}
_CAMERA = {"width": 84, "height": 84}
CURVES = (
    ScalingCurve(
        "batch",
        "batch size",
        "ms/update",
        "ours:update",
        _UPDATE,
        {n: {"batch_size": n} for n in (32, 64, 128, 256, 512)},
        work=2,
    ),
    ScalingCurve(
        "image",
        "image side, pixels",
        "ms/update",
        "ours:update",
        _UPDATE,
        {n: {"image": n} for n in (48, 64, 84, 112, 128)},
        work=2,
    ),
    ScalingCurve(
        "encoder",
        "encoder width, share of NatureCNN",
        "ms/update",
        "ours:update",
        _UPDATE,
        {
            w: {"conv_channels": [int(32 * w), int(64 * w), int(64 * w)]}
            for w in (0.25, 0.5, 1.0, 2.0)
        },
        work=2,
    ),
    ScalingCurve(
        "buffer",
        "transitions stored",
        "ms/sample",
        "ours:sample",
        {"task": "pixels"},
        {n: {"capacity": n} for n in (10_000, 100_000, 1_000_000)},
        work=50,
    ),
    ScalingCurve(
        "npcs",
        "NPC vehicles",
        "ticks/s",
        "simulator:ticks",
        _CAMERA,
        {n: {"npcs": n} for n in (0, 10, 20, 50, 100)},
        work=100,
        rate=True,
    ),
)


def run(rounds: int, plots: Path | None = None) -> list[BenchmarkRow]:
    """Rows of every curve; plots where a folder is given."""
    rows = []
    for curve in CURVES:
        figures = {}
        for value, options in curve.points.items():  # one at a time: the largest fill the memory
            contestant = Contestant(
                "ours", curve.factory, {**curve.options, **options}, work=curve.work
            )
            seconds = contest.own(contest.run([contestant], rounds), "ours")
            figures[value] = curve.figure(seconds)
            name = f"{curve.axis} {value:,}"
            rows.append(alone("scaling", name, curve.unit, figures[value]))
        if plots is not None:
            plot(curve, figures, plots)
    return rows


def plot(curve: ScalingCurve, figures: Mapping[float, float], folder: Path) -> Path:
    """Write scaling_<name>.png."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel=curve.axis, ylabel=curve.unit)
    values = list(figures)
    axes.plot(values, list(figures.values()), marker="o")
    if min(values) > 0 and max(values) / min(values) >= 10:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"scaling_{curve.name}.png"
    with replacing(path) as part:
        figure.savefig(part, dpi=120)
    return path
