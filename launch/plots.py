"""PNG plots of a run's scalars, one function each."""

from __future__ import annotations

from pathlib import Path

from launch.series import Series


def plot_all(series: Series, folder: Path) -> tuple[Path, ...]:
    """Write returns.png, q_values.png, gradient_norms.png, reward_shares.png, losses.png.

    A plot whose scalars are all missing is left out. Returns the paths written.
    """
    raise NotImplementedError
