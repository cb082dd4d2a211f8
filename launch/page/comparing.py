"""The page of a comparison of runs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from plotly.graph_objects import Figure, Scatter

from launch.comparison import EPISODES, Comparison, Gain, Group
from launch.diagnosis.axes import plain
from launch.files import write_whole
from launch.page.details import Rows
from launch.page.pairing import paired_table
from launch.page.plots import COLOURS, safe_name
from launch.page.render import rendered
from launch.page.settings import shown_value
from launch.statistics import Estimate, iqm_curve

SURE = 0.05  # p below which a difference is called one
_WHAT = {True: "returns of training", False: "returns of evaluations"}


def write_comparison_page(path: Path, found: Comparison) -> Path:
    """Write the page; its path."""
    tables = (ending_table(found), paired_table(found), settings_table(found))
    content = {
        "sentence": sentence(found),
        "outcomes": outcomes(found) if len(found.groups) > 2 else [],
        "figure": _figure(found),
        "what": _WHAT[found.tag == EPISODES],
        "tables": [table for table in tables if table.rows],
        "runs": [
            (group.name, [str(entry.source) for entry in group.entries]) for group in found.groups
        ],
    }
    write_whole(path, rendered("compare.html", path.stem, content))
    return path


def sentence(found: Comparison) -> str:
    """What was compared, or what came out where there are two groups."""
    reference = found.groups[0]
    if len(found.groups) == 1:
        count = len(reference.entries)
        return f"{count} runs of the same settings but for the seed."
    if len(found.groups) == 2:
        return " ".join(outcomes(found))
    count = sum(len(group.entries) for group in found.groups)
    return f"{count} runs in {len(found.groups)} groups, compared with {reference.name}."


def outcomes(found: Comparison) -> list[str]:
    """A sentence for each group after the first."""
    pairs = zip(found.groups[1:], found.gains[1:], strict=True)
    return [_outcome(group, gain, found.groups[0]) for group, gain in pairs if gain]


def _outcome(group: Group, gain: Gain, reference: Group) -> str:
    size = f"{abs(gain.estimate.point):,.4g}"
    if _least_p(group, reference) > SURE:
        more = "above" if gain.estimate.point > 0.0 else "below"
        return f"{group.name} ends {size} {more} {reference.name}, by too few runs to be sure."
    if gain.p >= SURE:
        return f"No clear difference between {group.name} and {reference.name}."
    better = "better" if gain.estimate.point > 0.0 else "worse"
    return f"{group.name} ends {size} {better} than {reference.name} (p {gain.p:.2g})."


def _least_p(one: Group, other: Group) -> float:
    """The least p that a permutation test of so many runs can have."""
    return 2.0 / math.comb(len(one.entries) + len(other.entries), len(one.entries))


def ending_table(found: Comparison) -> Rows:
    """A row for each group: its runs, its end, and what it has over the first group."""
    rows = []
    for group, gain in zip(found.groups, found.gains, strict=True):
        point, low, high = (float(part) for part in iqm_curve(group.ends))
        row = (group.name, str(len(group.entries)), _shown(Estimate(point, low, high)))
        p = f"{gain.p:.2g}" if gain and math.isfinite(gain.p) else ""
        rows.append((*row, _shown(gain.estimate) if gain else "", p))
    header = ("runs", "seeds", "return at the end", f"above {found.groups[0].name}", "p (Holm)")
    return Rows("At the end", header, rows)


def _shown(estimate: Estimate) -> str:
    if not math.isfinite(estimate.low):
        return plain(estimate.point)
    return f"{plain(estimate.point)} [{plain(estimate.low)}, {plain(estimate.high)}]"


def settings_table(found: Comparison) -> Rows:
    """A row for each setting that differs."""
    header = ("setting", *(group.name for group in found.groups))
    rows = [(name, *map(shown_value, values)) for name, values in found.settings]
    return Rows("Settings that differ", header, rows)


def _figure(found: Comparison) -> Figure:
    """A curve for each group with its interval; a run alone has none."""
    figure = Figure()
    for index, group in enumerate(found.groups):
        colour = COLOURS[index % len(COLOURS)]
        if np.isfinite(group.low).all():
            figure.add_trace(_band(found.steps, group, colour))
        figure.add_trace(
            Scatter(
                x=found.steps.astype(np.float32),
                y=group.point.astype(np.float32),
                mode="lines",
                name=safe_name(group.name),
                line={"color": colour, "width": 2.2},
                hovertemplate="%{y:,.4~g}",
            )
        )
    figure.update_xaxes(title_text="environment steps", title_font_size=12)
    figure.update_layout(showlegend=True)
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(separatethousands=True, exponentformat="none")
    return figure


def _band(steps: np.ndarray, group: Group, colour: str) -> Scatter:
    return Scatter(
        x=np.concatenate([steps, steps[::-1]]).astype(np.float32),
        y=np.concatenate([group.low, group.high[::-1]]).astype(np.float32),
        fill="toself",
        fillcolor=colour,
        opacity=0.18,
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
