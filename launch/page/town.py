"""The map of a town: where the policy drove, how fast, what it broke, and when on a video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from plotly.graph_objects import Figure, Scatter

from launch.page.plots import safe_name
from launch.page.subject import Evaluation, Film

#: From standing to the fastest; apart on light and on dark paper, and to the colour-blind.
SPEEDS = ("#c2185b", "#e8702a", "#d9a514", "#4f9d69", "#2b7bba")
#: By kind of infraction: plotly's symbol, its colour, and a letter that looks like it.
MARKS = {
    "collision": ("x", "#c2182b", "✖"),
    "red light": ("square", "#c2182b", "■"),
    "off the road": ("diamond", "#7d5bb0", "◆"),
    "lane invasion": ("triangle-up", "#7d5bb0", "▲"),
}
OTHER = ("circle", "#c2182b", "●")
LEAD = 1.5  # s of the video to see before it happens
_NAMES = {"red_light": "red light", "off_road": "off the road", "lane_invasion": "lane invasion"}

_HIT = {"static": "something fixed", "vehicle": "a vehicle", "pedestrian": "a pedestrian"}


class Moment(NamedTuple):
    """An infraction. kind: a key of MARKS; film, video: number of the page's video that shows it,
    and the second to show it from."""

    kind: str
    text: str
    episode: int
    x: float
    y: float
    seconds: float
    film: int | None
    video: float | None


class Town(NamedTuple):
    """The map, its infractions in the order in which they happened, how many drives it has, and
    the fastest speed (m/s)."""

    figure: Figure
    moments: list[Moment]
    drives: int
    fastest: float


def town(evaluations: Sequence[Evaluation], films: Sequence[Film] = ()) -> Town | None:
    """The map of the drives of some evaluations; None where none has recorded any.

    films: the page's videos.
    """
    drives = [drive for evaluation in evaluations for drive in _drives(evaluation, films)]
    if not drives:
        return None
    moments = [moment for drive in drives for moment in _moments(drive)]
    figure = Figure()
    roads: Sequence[Any] = next((e.table["roads"] for e in evaluations if _roads(e)), [])
    if roads:
        figure.add_trace(_roads_trace(roads))
    fastest = max(float(drive.points[:, 2].max()) for drive in drives) or 1.0
    figure.add_traces(_speed_traces([drive.points for drive in drives], fastest))
    figure.add_traces(list(_mark_traces(moments)))
    figure.update_yaxes(autorange="reversed", scaleanchor="x", visible=False)  # y is to the right
    figure.update_xaxes(visible=False)
    figure.update_layout(showlegend=False)
    return Town(figure, moments, len(drives), fastest)


def legend(found: Town) -> list[tuple[str, str, str]]:
    """Letter, colour and kind of each kind of infraction on the map."""
    kinds = dict.fromkeys(moment.kind for moment in found.moments)
    marks = {kind: MARKS.get(kind, OTHER) for kind in kinds}
    return [(letter, colour, kind) for kind, (_, colour, letter) in marks.items()]


class _Drive(NamedTuple):
    """points: (N, 3) of x, y and speed; film: the number of its video."""

    episode: int
    points: np.ndarray
    infractions: Sequence[Any]
    step: float
    film: int | None


def _roads(evaluation: Evaluation) -> bool:
    return isinstance(evaluation.table.get("roads"), list)


def _drives(evaluation: Evaluation, films: Sequence[Film]) -> Iterator[_Drive]:
    numbers = {film.episode: i for i, film in enumerate(films) if film.source == evaluation.name}
    step = float(evaluation.table.get("seconds_per_step", 0.0))
    for number, row in enumerate(evaluation.episodes):
        track = row.get("track")
        if isinstance(track, Mapping):
            points = np.array([track["x"], track["y"], track["speed"]], float).T
            yield _Drive(number + 1, points, track["infractions"], step, numbers.get(number))


def _moments(drive: _Drive) -> Iterator[Moment]:
    for step, name in drive.infractions:
        kind, _, whom = str(name).partition("_") if "collision" in name else (name, "", "")
        text = f"collision with {_HIT.get(whom, whom)}"
        kind = _NAMES.get(kind, kind)
        seconds = (step + 1) * drive.step
        x, y, _ = drive.points[min(step, len(drive.points) - 1)].tolist()
        video = None if drive.film is None else max(0.0, seconds - LEAD)
        told = text if whom else kind
        yield Moment(kind, told, drive.episode, x, y, seconds, drive.film, video)


def _roads_trace(roads: Sequence[Any]) -> Scatter:
    x, y = _joined([np.array(road, float).T for road in roads])
    line = {"color": "#9aa3ad", "width": 5}
    return Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip")


def _speed_traces(drives: Sequence[np.ndarray], top: float) -> list[Scatter]:
    """A line for each class of speed; no hover, which would hide the marks on it."""
    traces = []
    for index, colour in enumerate(SPEEDS):
        x, y = _joined([piece for points in drives for piece in _of_class(points, index, top)])
        line = {"color": colour, "width": 3.5}
        traces.append(Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip"))
    return traces


def _of_class(points: np.ndarray, index: int, top: float) -> list[np.ndarray]:
    """The stretches of a drive in a class of speed, each with the first point after it."""
    classes = np.clip((points[:, 2] / top * len(SPEEDS)).astype(int), 0, len(SPEEDS) - 1)
    inside = np.flatnonzero(classes == index)
    runs = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1) if inside.size else []
    return [points[run[0] : run[-1] + 2, :2] for run in runs]


def _joined(pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """x and y of several lines, with a gap after each."""
    if not pieces:
        return [np.zeros(0, np.float32)] * 2
    gap = np.full((1, 2), np.nan)
    rows = np.concatenate([part for piece in pieces for part in (piece, gap)])
    return list(rows.astype(np.float32).T)


def _mark_traces(moments: Sequence[Moment]) -> Iterator[Scatter]:
    for kind in dict.fromkeys(moment.kind for moment in moments):
        here = [moment for moment in moments if moment.kind == kind]
        symbol, colour, _ = MARKS.get(kind, OTHER)
        yield Scatter(
            x=[moment.x for moment in here],
            y=[moment.y for moment in here],
            customdata=[[moment.film, moment.video] for moment in here],
            text=[safe_name(_label(moment)) for moment in here],
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 13,
                "color": colour,
                "line": {"width": 1.5, "color": "#ffffff"},
            },
            name=safe_name(kind),
            hovertemplate="%{text}<extra></extra>",
        )


def _label(moment: Moment) -> str:
    after = f"{moment.text}, drive {moment.episode}, after {moment.seconds:.1f} s"
    return after if moment.video is None else f"{after}: click to see it"
