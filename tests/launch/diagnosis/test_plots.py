"""Axes of a run's plots: zeros take no decades, signs are seen, ticks are plain numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from launch.diagnosis.plots import Line, draw, plot_all
from launch.diagnosis.series import curve

STEPS = np.arange(0, 1000, 100)


def drawn(*values: np.ndarray, linear: bool = False):
    """Axes with a line for each of the values."""
    axes = Figure().subplots()
    lines = [Line(curve(STEPS, each), str(index), {}) for index, each in enumerate(values)]
    assert draw(axes, lines, "Q", linear)
    return axes


def labels(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def test_zeros_take_no_decades_of_an_axis():
    norms = np.where(STEPS < 500, 0.0, 30.0)
    axes = drawn(norms, np.full(10, 5e4))
    low, high = (line.get_ydata()[-1] for line in axes.lines)
    assert axes.lines[0].get_ydata()[0] == 0.0
    assert low > 0.1 * high


def test_signs_are_seen():
    axes = drawn(np.linspace(-2e6, -3.0, 10), np.full(10, 4.0))
    down, up = (line.get_ydata() for line in axes.lines)
    assert np.all(down < 0.0)
    assert np.all(up > 0.0)
    assert np.all(np.diff(down) > 0.0)


def test_ticks_are_plain_numbers():
    assert labels(drawn(np.full(10, 3e5), np.full(10, 2.0)).yaxis) == [
        "0",
        "10",
        "1,000",
        "100,000",
    ]
    axes = drawn(np.linspace(0.0, 5000.0, 10), linear=True)
    assert "4,000" in labels(axes.yaxis)
    assert "800" in labels(axes.xaxis)


@pytest.mark.parametrize(("eval_steps", "panels"), [(3000, 3), (1000, 2), (0, 2)])
def test_evaluations_with_another_time_limit_have_an_axis_of_their_own(
    tmp_path, eval_steps, panels
):
    series = {
        "train/episode_reward": curve(STEPS, STEPS),
        "train/episode_length": curve(STEPS, STEPS),
        "eval/return": curve([500, 900], [4e3, 5e3]),
    }
    config = {
        "loop": {"env": "carla", "eval_steps": eval_steps},
        "env": {"task": {"episode_steps": 1000}},
    }
    (path,) = plot_all(series, tmp_path, config)
    assert imread(path).shape[0] == round(100 * (1.2 + 3.2 * panels))
