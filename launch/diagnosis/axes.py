"""Axes on which small and large numbers of both signs are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

WIDE = 100.0  # largest size over that of the smallest curve, from which an axis is not linear
DECADES = 6.0  # of such an axis on each side of 0, at most
TICKS = 5  # on each side of 0, at most
APART = 0.09  # of an axis between 0 and the next tick, at least


class Scale(NamedTuple):
    """unit: size below which the axis is linear, above it is logarithmic; None = linear."""

    unit: float | None
    values: tuple[float, ...] = ()

    def place(self, numbers: np.ndarray) -> np.ndarray:
        """Where numbers lie on the axis."""
        if self.unit is None:
            return numbers
        return np.sign(numbers) * np.log10(1.0 + np.abs(numbers) / self.unit)

    def axis(self) -> dict[str, object]:
        """The axis' ticks, as plotly has them."""
        if self.unit is None:
            return {"separatethousands": True, "exponentformat": "none"}
        places = self.place(np.array(self.values)).tolist()
        return {"tickmode": "array", "tickvals": places, "ticktext": list(map(plain, self.values))}


def scale_for(curves: Sequence[np.ndarray]) -> Scale:
    """A linear axis where the numbers are of about one size, else one for many sizes."""
    numbers = np.concatenate([np.zeros(1), *curves])
    numbers = numbers[np.isfinite(numbers)]
    sizes = _sizes(numbers)
    typical = [np.quantile(part, 0.25) for part in map(_sizes, curves) if part.size]
    if not typical or sizes.max() / min(typical) < WIDE:
        return Scale(None)
    low, high = np.log10([np.quantile(sizes, 0.05), sizes.max()])
    first, last = int(np.floor(max(low, high - DECADES))), int(np.floor(high))
    stride = max(1, -(-(last - first + 1) // TICKS))
    tens = [10.0**power for power in range(last, first - 1, -stride)]
    ticks = np.array([-ten for ten in tens] + tens[::-1])
    ticks = ticks[(ticks >= numbers.min()) & (ticks <= numbers.max())]
    scale = Scale(10.0**first)
    span = np.ptp(scale.place(np.array([numbers.min(), numbers.max()])))
    ticks = ticks[np.abs(scale.place(ticks)) > APART * span]
    return scale._replace(values=tuple(sorted([*ticks.tolist(), 0.0])))


def _sizes(numbers: np.ndarray) -> np.ndarray:
    return np.abs(numbers[np.isfinite(numbers) & (numbers != 0.0)])


def plain(number: float) -> str:
    """A number without powers of ten where it is short enough."""
    if 1e3 <= abs(number) < 1e10:
        return f"{number:,.0f}"
    if 1e-8 <= abs(number) < 1e-4:
        return np.format_float_positional(number, 4, unique=False, fractional=False, trim="-")
    return f"{number:.4g}"
