"""Running maxima of scalars on the device, which no update waits for."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from td3jax.algorithm import Metrics

_TOGETHER = 32  # rows reduced in one call: their number is part of the program


class RunningMaxima:
    """The largest value of each scalar since the last `clear`; nan where any was nan."""

    def __init__(self) -> None:
        self._rows: list[Metrics] = []  # on the device
        self._known: dict[str, float] = {}  # of before a checkpoint

    def add(self, row: Metrics) -> None:
        """Take one update's scalars, under the same names each time, or none."""
        if row:
            self._rows.append(row)
        if len(self._rows) == _TOGETHER:
            self._rows = [_largest(self._rows)]

    def values(self) -> dict[str, float]:
        """Wait for the device and return the maxima; empty where there was none."""
        if not self._rows:
            return dict(self._known)
        if len(self._rows) > 1:
            padding = self._rows[:1] * (_TOGETHER - len(self._rows))
            self._rows = [_largest(self._rows + padding)]
        row = {name: float(value) for name, value in jax.device_get(self._rows[0]).items()}
        return {name: _larger(value, self._known.get(name, value)) for name, value in row.items()}

    def clear(self) -> None:
        """Start anew."""
        self._rows, self._known = [], {}

    def restore(self, values: Mapping[str, float]) -> None:
        """Go on from the values of a checkpoint."""
        self._rows, self._known = [], dict(values)


@jax.jit
def _largest(rows: list[Metrics]) -> Metrics:
    return {name: jnp.stack([row[name] for row in rows]).max() for name in rows[0]}


def _larger(one: float, other: float) -> float:
    return one if one != one or one > other else other
