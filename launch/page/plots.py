"""The plots of a run's scalars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from plotly.graph_objects import Figure, Scatter
from plotly.subplots import make_subplots

from launch.diagnosis.axes import Scale, scale_for
from launch.diagnosis.facts import two_time_limits
from launch.diagnosis.series import Curve, Series, get, thin
from launch.diagnosis.tags import reward_parts
from launch.page.subject import Table

POINTS = 800
RED, BLUE, GREEN, AMBER, PURPLE, GREY = COLOURS = (
    "#d1495b",
    "#3a7ca5",
    "#3f9b6e",
    "#d98c21",
    "#8a63b8",
    "#7d8794",
)
_NETS = {
    "actor_cnn": "actor encoder",
    "actor_mlp": "actor head",
    "critic_cnn": "critic encoder",
    "critic_mlp": "critic head",
}
_WHOLE = {"actor": "actor", "critic": "critic"}
_HOVER = "%{customdata:,.4~g}"


class Plot(NamedTuple):
    """A figure with its heading and the sentence below it."""

    title: str
    note: str
    figure: Figure


class Line(NamedTuple):
    """One line of a plot."""

    curve: Curve
    name: str
    colour: str
    dash: str = "solid"
    width: float = 1.8
    opacity: float = 1.0
    error: np.ndarray | None = None
    listed: bool = True


def plots(series: Series, config: Table | None) -> list[Plot]:
    """The plots whose scalars are there, in the order in which a person asks for them."""
    drawn = (
        _returns(series, two_time_limits(config)),
        _q_values(series),
        _gradients(series),
        _rewards(series),
        _losses(series),
    )
    return [plot for plot in drawn if plot is not None]


def _returns(series: Series, apart: bool) -> Plot | None:
    episodes, tests = get(series, "train/episode_reward"), get(series, "eval/return")
    smooth = Curve(episodes.steps, _rolling_mean(episodes.values, 20), episodes.wall)
    training = [
        Line(episodes, "episode", BLUE, width=1.0, opacity=0.5),
        Line(smooth, "mean of 20", BLUE, width=2.2),
    ]
    test = [Line(tests, "evaluation", AMBER, error=_error(series, tests))]
    if apart and tests.steps.size and episodes.steps.size:
        note = "Evaluations have a longer time limit than training, so an axis of their own."
        return _plot("Returns", note, [training, test], linear=True)
    note = "Bars are 95 % intervals." if test[0].error is not None else ""
    return _plot("Returns", note, [[*training, *test]], linear=True)


def _error(series: Series, tests: Curve) -> np.ndarray | None:
    """Half the 95 % interval of each evaluation's mean, where its episodes are known."""
    spread, count = get(series, "eval/return_std"), get(series, "eval/episodes")
    if not spread.steps.size == count.steps.size == tests.steps.size > 0:
        return None
    return 1.96 * spread.values / np.sqrt(np.maximum(count.values, 1.0))


def _q_values(series: Series) -> Plot | None:
    lines = [
        _line(series, "debug/actor_q_mean", "actor, mean", RED),
        _line(series, "debug/actor_q_max", "actor, max", RED, dash="dot", width=1.2),
        _line(series, "debug/q1_mean", "replay, mean", BLUE),
        _line(series, "debug/q1_max", "replay, max", BLUE, dash="dot", width=1.2),
        _line(series, "debug/target_q_mean", "target, mean", GREEN),
    ]
    note = "The Q that drives the actor should stay near the Q of replayed actions."
    return _plot("Q of actor and replay", note, [lines])


def _gradients(series: Series) -> Plot | None:
    parts = _NETS if any(f"gradients/{net}_norm" in series for net in _NETS) else _WHOLE
    lines = []
    for (net, name), colour in zip(parts.items(), (RED, AMBER, BLUE, GREEN), strict=False):
        lines.append(_line(series, f"gradients/{net}_norm", name, colour))
        clipped = _line(series, f"gradients/{net}_norm_clipped", f"{name}, clipped", colour)
        lines.append(clipped._replace(dash="dot", width=1.2, listed=False))
    return _plot("Gradient norms", "Dotted: after clipping.", [lines])


def _rewards(series: Series) -> Plot | None:
    names = reward_parts(series)
    values = {name: get(series, f"reward/{name}") for name in names}
    if not any(curve.steps.size for curve in values.values()):
        values = {name: get(series, f"reward/{name}_share") for name in names}
    lines = [
        Line(curve, name.replace("_", " "), COLOURS[index % len(COLOURS)])
        for index, (name, curve) in enumerate(values.items())
    ]
    return _plot("Reward parts", "Mean of a step, between log points.", [lines], linear=True)


def _losses(series: Series) -> Plot | None:
    critic = [
        _line(series, "train/critic_loss", "critic loss", BLUE),
        _line(series, "debug/td_error_q1", "TD error", GREEN),
    ]
    actor = [_line(series, "train/actor_loss", "actor loss", RED)]
    return _plot("Losses", "", [panel for panel in (critic, actor) if _drawn(panel)])


def _line(
    series: Series, tag: str, name: str, colour: str, dash: str = "solid", width: float = 1.8
) -> Line:
    return Line(get(series, tag), name, colour, dash, width)


def _drawn(panel: Sequence[Line]) -> list[Line]:
    return [line for line in panel if line.curve.steps.size]


def _plot(
    title: str, note: str, panels: Sequence[Sequence[Line]], linear: bool = False
) -> Plot | None:
    """Panels of lines below each other, over the same steps; None where there is no point."""
    panels = [panel for panel in map(_drawn, panels) if panel]
    if not panels:
        return None
    figure = make_subplots(len(panels), 1, shared_xaxes=True, vertical_spacing=0.08)
    for row, panel in enumerate(panels, 1):
        scale = Scale(None) if linear else scale_for([line.curve.values for line in panel])
        for line in panel:
            figure.add_trace(_trace(line, scale), row, 1)
        figure.update_yaxes(scale.axis(), row=row, col=1)
    figure.update_xaxes(separatethousands=True, exponentformat="none")
    figure.update_xaxes(title_text="environment steps", title_font_size=12, row=len(panels), col=1)
    return Plot(title, note, figure)


def _trace(line: Line, scale: Scale) -> Scatter:
    few = thin(line.curve, POINTS) if line.error is None else line.curve
    single = few.steps.size == 1 or line.error is not None
    errors: Mapping[str, object] = {}
    if line.error is not None and scale.unit is None:
        errors = {"error_y": {"array": line.error.astype(np.float32), "thickness": 1.2}}
    return Scatter(
        x=few.steps.astype(np.float32),
        y=scale.place(few.values).astype(np.float32),
        customdata=few.values.astype(np.float32),
        name=safe_name(line.name),
        mode="lines+markers" if single else "lines",
        line={"color": line.colour, "dash": line.dash, "width": line.width},
        opacity=line.opacity,
        showlegend=line.listed,
        hovertemplate=_HOVER,
        **errors,
    )


def safe_name(text: str) -> str:
    """A name for plotly, which reads some tags of HTML in its texts."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _rolling_mean(values: np.ndarray, window: int) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, values.size + 1)
    starts = np.maximum(ends - window, 0)
    return (total[ends] - total[starts]) / (ends - starts)
