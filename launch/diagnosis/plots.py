"""PNG plots of a run's scalars, one function each.

Axes whose numbers are of many sizes are logarithmic on both sides of a linear middle (`axes`), so
that zeros take no decades and signs are seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from launch.diagnosis.axes import Scale, plain, scale_for
from launch.diagnosis.facts import two_time_limits
from launch.diagnosis.series import Curve, Series, get, thin
from launch.diagnosis.tags import reward_parts
from launch.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 4000
STEPS = "environment steps"
_NETS = ("actor_cnn", "actor_mlp", "critic_cnn", "critic_mlp")


def _figure(title: str, rows: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 1.2 + 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, squeeze=False)[:, 0].tolist()
    figure.suptitle(title)
    return figure, axes


def _save(figure: Figure, path: Path) -> Path:
    """Write the picture whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=100)
    return path


def _smooth(values: np.ndarray, window: int) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(values)])
    start = np.maximum(np.arange(1, values.size + 1) - window, 0)
    ends = np.arange(1, values.size + 1)
    return (total[ends] - total[start]) / (ends - start)


class Line(NamedTuple):
    """One line of a panel; style: matplotlib's."""

    curve: Curve
    label: str
    style: Mapping[str, Any]


def _line(series: Series, tag: str, label: str, **style: Any) -> Line:
    return Line(get(series, tag), label, style)


def draw(axes: Axes, lines: Sequence[Line], ylabel: str, linear: bool = False) -> bool:
    """Draw those lines that have points on an axis that fits their numbers; False for none."""
    drawn = [line for line in lines if line.curve.steps.size]
    scale = Scale(None) if linear else scale_for([line.curve.values for line in drawn])
    for line in drawn:
        few = thin(line.curve, POINTS)
        axes.plot(few.steps, scale.place(few.values), label=line.label, **line.style)
    if scale.unit is not None:
        ticks = scale.axis()
        axes.set_yticks(ticks["tickvals"], ticks["ticktext"])  # type: ignore[arg-type]
        axes.minorticks_off()
    else:
        axes.yaxis.set_major_formatter(lambda value, _: plain(value))
    axes.xaxis.set_major_formatter(lambda value, _: plain(value))
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.3)
    if drawn:
        axes.legend(fontsize="small")
    return bool(drawn)


def plot_returns(series: Series, path: Path, apart: bool = False) -> Path | None:
    """Episode returns and lengths, with their means over 20 episodes, and evaluations; the returns
    over the seconds of training too, where the run logs them.

    apart: evaluations have another time limit than training, so a panel of their own.
    """
    tags = ("train/episode_reward", "train/episode_length", "eval/return")
    returns, lengths, evaluations = (get(series, tag) for tag in tags)
    if not any(c.steps.size for c in (returns, lengths, evaluations)):
        return None
    tests = [Line(evaluations, "evaluation", {"marker": "o", "color": "C1"})]
    own = tests if apart and evaluations.steps.size else []
    shared = [] if own else tests
    panels = [([*_episodes(returns), *shared], "return", STEPS)]
    panels += [(own, "return, evaluations' time limit", STEPS)] if own else []
    panels += [(_episodes(lengths), "length", STEPS)]
    clock = get(series, "time/seconds")
    if clock.steps.size:
        smooth = [*_episodes(returns)[1:], *shared]
        timed = [line._replace(curve=_over_seconds(line.curve, clock)) for line in smooth]
        panels += [(timed, "return", "seconds of training")]
    figure, places = _figure("Returns and episode lengths", rows=len(panels))
    for axes, (lines, ylabel, xlabel) in zip(places, panels, strict=True):
        draw(axes, lines, ylabel, linear=True)
        axes.set_xlabel(xlabel)
    return _save(figure, path)


def _episodes(values: Curve) -> list[Line]:
    mean = Curve(values.steps, _smooth(values.values, 20), values.wall)
    pale = {"linewidth": 0.6, "alpha": 0.5, "color": "C0"}
    return [Line(values, "episode", pale), Line(mean, "mean of 20", {"color": "C0"})]


def _over_seconds(values: Curve, clock: Curve) -> Curve:
    """The curve with the seconds at its steps in their place."""
    seconds = np.interp(values.steps, clock.steps, clock.values)
    return Curve(seconds, values.values, values.wall)


def plot_q_values(series: Series, path: Path) -> Path | None:
    """Q that drives the actor, of replay actions and of the targets."""
    lines = [
        _line(series, "debug/actor_q_mean", "actor Q, mean", color="C3"),
        _line(series, "debug/actor_q_max", "actor Q, max", color="C3", linestyle=":"),
        _line(series, "debug/q1_mean", "replay Q1, mean", color="C0"),
        _line(series, "debug/q1_max", "replay Q1, max", color="C0", linestyle=":"),
        _line(series, "debug/target_q_mean", "target Q, mean", color="C2"),
    ]
    return _plot("Actor Q against replay and target Q", [(lines, "Q")], path)


def plot_gradient_norms(series: Series, path: Path) -> Path | None:
    """Global L2 norms per part, before and after clipping."""
    panels = []
    for suffix, text in (("_norm", "before clipping"), ("_norm_clipped", "after clipping")):
        lines = [
            _line(series, f"gradients/{net}{suffix}", net, color=f"C{index}")
            for index, net in enumerate((*_NETS, "actor", "critic"))
        ]
        panels.append((lines, f"L2 norm, {text}"))
    return _plot("Gradient norms", panels, path)


def plot_reward_shares(series: Series, path: Path) -> Path | None:
    """Each part's share of the reward's magnitude, and the parts themselves."""
    parts = reward_parts(series)
    shares = [_line(series, f"reward/{part}_share", part) for part in parts]
    values = [_line(series, f"reward/{part}", part) for part in parts]
    panels = [(shares, "share of magnitude"), (values, "reward")]
    return _plot("Reward parts", panels, path, linear=True)


def plot_losses(series: Series, path: Path) -> Path | None:
    """Actor loss; critic loss and TD errors."""
    actor = [_line(series, "train/actor_loss", "actor loss")]
    rest = ("train/critic_loss", "debug/td_error_q1", "debug/td_error_q2")
    critic = [_line(series, tag, tag.split("/")[1]) for tag in rest]
    return _plot("Losses", [(actor, "actor loss"), (critic, "critic loss, TD error")], path)


def _plot(
    title: str, panels: Sequence[tuple[Sequence[Line], str]], path: Path, linear: bool = False
) -> Path | None:
    """Panels of lines below each other; None, and no file, where no line has a point."""
    figure, places = _figure(title, rows=len(panels))
    drawn = [
        draw(axes, lines, ylabel, linear)
        for axes, (lines, ylabel) in zip(places, panels, strict=True)
    ]
    places[-1].set_xlabel(STEPS)
    return _save(figure, path) if any(drawn) else None


_PLOTS = {
    "q_values.png": plot_q_values,
    "gradient_norms.png": plot_gradient_norms,
    "reward_shares.png": plot_reward_shares,
    "losses.png": plot_losses,
}


def plot_all(
    series: Series, folder: Path, config: Mapping[str, Any] | None = None
) -> Sequence[Path]:
    """Write returns.png, q_values.png, gradient_norms.png, reward_shares.png, losses.png.

    A plot whose scalars are all missing is left out. Returns the paths written.
    """
    written = [plot_returns(series, folder / "returns.png", two_time_limits(config))]
    written += [plot(series, folder / name) for name, plot in _PLOTS.items()]
    return tuple(path for path in written if path is not None)
