"""PNG plots of a run's scalars, one function each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from launch.diagnosis.series import Curve, Series, get, thin
from launch.diagnosis.tags import reward_parts
from launch.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 4000
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


def _line(axes: Axes, values: Curve, label: str, **style: object) -> bool:
    few = thin(values, POINTS)
    if few.steps.size:
        axes.plot(few.steps, few.values, label=label, **style)  # type: ignore[arg-type]
    return bool(few.steps.size)


def _finish(axes: Axes, ylabel: str, xlabel: str = "environment steps") -> None:
    axes.set_ylabel(ylabel)
    axes.set_xlabel(xlabel)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")


def plot_returns(series: Series, path: Path) -> Path | None:
    """Episode returns and lengths, with their means over 20 episodes, and evaluations; the returns
    over the seconds of training too, where the run logs them."""
    tags = ("train/episode_reward", "train/episode_length", "eval/return")
    returns, lengths, evaluations = (get(series, tag) for tag in tags)
    if not any(c.steps.size for c in (returns, lengths, evaluations)):
        return None
    clock = get(series, "time/seconds")
    figure, panels = _figure("Returns and episode lengths", rows=3 if clock.steps.size else 2)
    top, bottom = panels[:2]
    for axes, values, label in ((top, returns, "return"), (bottom, lengths, "length")):
        _line(axes, values, "episode", linewidth=0.6, alpha=0.5)
        mean = Curve(values.steps, _smooth(values.values, 20), values.wall)
        _line(axes, mean, "mean of 20")
        _finish(axes, label)
    if _line(top, evaluations, "evaluation", marker="o"):
        _finish(top, "return")
    for axes in panels[2:]:
        mean = Curve(returns.steps, _smooth(returns.values, 20), returns.wall)
        _line(axes, _over_seconds(mean, clock), "mean of 20")
        _line(axes, _over_seconds(evaluations, clock), "evaluation", marker="o")
        _finish(axes, "return", "seconds of training")
    return _save(figure, path)


def _over_seconds(values: Curve, clock: Curve) -> Curve:
    """The curve with the seconds at its steps in their place."""
    seconds = np.interp(values.steps, clock.steps, clock.values)
    return Curve(seconds, values.values, values.wall)


def plot_q_values(series: Series, path: Path) -> Path | None:
    """|Q| that drives the actor, on replay actions and of the targets, on a log scale."""
    lines = (
        ("debug/actor_q_mean", "actor Q, mean", "C3", "-"),
        ("debug/actor_q_max", "actor Q, max", "C3", ":"),
        ("debug/q1_mean", "replay Q1, mean", "C0", "-"),
        ("debug/q1_max", "replay Q1, max", "C0", ":"),
        ("debug/target_q_mean", "target Q, mean", "C2", "-"),
    )
    figure, (axes,) = _figure("Actor Q against replay and target Q (sizes)")
    drawn = False
    for tag, label, colour, style in lines:
        values = get(series, tag)
        size = Curve(values.steps, np.maximum(np.abs(values.values), 1e-3), values.wall)
        drawn |= _line(axes, size, label, color=colour, linestyle=style)
    if not drawn:
        return None
    axes.set_yscale("log")
    _finish(axes, "|Q|")
    return _save(figure, path)


def plot_gradient_norms(series: Series, path: Path) -> Path | None:
    """Global L2 norms per part, before and after clipping, on a log scale."""
    figure, panels = _figure("Gradient norms before (top) and after (bottom) clipping", rows=2)
    drawn = False
    for axes, suffix in zip(panels, ("_norm", "_norm_clipped"), strict=True):
        for index, net in enumerate((*_NETS, "actor", "critic")):
            values = get(series, f"gradients/{net}{suffix}")
            size = Curve(values.steps, np.maximum(values.values, 1e-9), values.wall)
            drawn |= _line(axes, size, net, color=f"C{index}")
        axes.set_yscale("log")
        _finish(axes, "L2 norm")
    return _save(figure, path) if drawn else None


def plot_reward_shares(series: Series, path: Path) -> Path | None:
    """Each part's share of the reward's magnitude, and the parts themselves."""
    figure, (top, bottom) = _figure("Reward parts", rows=2)
    drawn = False
    for part in reward_parts(series):
        drawn |= _line(top, get(series, f"reward/{part}_share"), part)
        drawn |= _line(bottom, get(series, f"reward/{part}"), part)
    if not drawn:
        return None
    top.set_ylim(0.0, 1.0)
    _finish(top, "share of magnitude")
    _finish(bottom, "reward")
    return _save(figure, path)


def plot_losses(series: Series, path: Path) -> Path | None:
    """Actor loss, on a symmetric log scale, critic loss and TD error, on log scales."""
    actor = get(series, "train/actor_loss")
    rest = ("train/critic_loss", "debug/td_error_q1", "debug/td_error_q2")
    figure, (top, bottom) = _figure("Losses", rows=2)
    drawn = _line(top, actor, "actor loss")
    top.set_yscale("symlog", linthresh=10.0)
    for tag in rest:
        values = get(series, tag)
        size = Curve(values.steps, np.maximum(np.abs(values.values), 1e-9), values.wall)
        drawn |= _line(bottom, size, tag.split("/")[1])
    if not drawn:
        return None
    bottom.set_yscale("log")
    _finish(top, "actor loss")
    _finish(bottom, "critic loss, TD error")
    return _save(figure, path)


_PLOTS = {
    "returns.png": plot_returns,
    "q_values.png": plot_q_values,
    "gradient_norms.png": plot_gradient_norms,
    "reward_shares.png": plot_reward_shares,
    "losses.png": plot_losses,
}


def plot_all(series: Series, folder: Path) -> Sequence[Path]:
    """Write returns.png, q_values.png, gradient_norms.png, reward_shares.png, losses.png.

    A plot whose scalars are all missing is left out. Returns the paths written.
    """
    written = [draw(series, folder / name) for name, draw in _PLOTS.items()]
    return tuple(path for path in written if path is not None)
