"""Empty figures, and SVG files that are the same bytes each time they are drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from launch.files import replacing

RED, BLUE, GREEN, GREY, DARK = "#c8372d", "#1f6fb2", "#2e8b57", "#9a9a9a", "#333333"
_STYLE: Any = {"svg.fonttype": "none", "svg.hashsalt": "td3jax", "font.family": "sans-serif"}


def panels(width: float, height: float, columns: int) -> tuple[Figure, list[Any]]:
    """Return a figure of so many inches and its panels, side by side."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0].tolist()
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, path: Path) -> Path:
    """Write an SVG without a date, its texts as texts."""
    with matplotlib.rc_context(_STYLE), replacing(path) as part:
        figure.savefig(part, format="svg", metadata={"Date": None})
    return path
