"""Options of frozen dataclasses: default, help, and the bounds of each value, at its field."""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

_BOUNDS = ("low", "above", "high", "below")
_INT32 = 2**31  # compiled programs count in 32 bits
FLOAT32_MAX = 3.4028234663852886e38  # and a larger number is infinite in theirs


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    choices: Sequence[str] | Sequence[int] = (),
) -> Any:
    """Declare a dataclass field of `Options`: a bool, int, float, str, or a tuple of one of them.

    low, high: inclusive bounds; above, below: exclusive ones; both hold for each item of a tuple.
    A number must have a bound or choices. `help` is what its command line flag shows.
    """
    bounds = {"low": low, "above": above, "high": high, "below": below}
    bounds = {name: value for name, value in bounds.items() if value is not None}
    item = default[0] if isinstance(default, tuple) and default else default
    if isinstance(item, int | float) and not isinstance(item, bool) and not (bounds or choices):
        raise TypeError(f"the option with default {default!r} needs a bound: {', '.join(_BOUNDS)}")
    metadata = {"help": help, "bounds": bounds, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def require(condition: bool, name: str, value: object, expected: str) -> None:
    """Raise ValueError, one line that names the option, unless the condition holds."""
    if not condition:
        raise ValueError(f"{name} = {value!r}: expected {expected}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?", or nothing where no name is near, whatever its case."""
    names = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), names, 1)
    return f"; did you mean {names[near[0]]}?" if near else ""


@dataclasses.dataclass(frozen=True)
class Options:
    """Base of configurations: checks every value at construction; raises ValueError by name."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if "bounds" not in field.metadata:  # a nested configuration
                continue
            value = getattr(self, field.name)
            if isinstance(field.default, tuple):
                require(isinstance(value, tuple | list), field.name, value, "a tuple")
                value = tuple(value)
                object.__setattr__(self, field.name, value)
                for item in value:
                    _check(field, item, field.default[0] if field.default else item)
            else:
                _check(field, value, field.default)
        self.check()

    def check(self) -> None:
        """Check what several options together must satisfy; raise ValueError by name."""


def _check(field: dataclasses.Field[Any], value: Any, example: Any) -> None:
    kind = type(example)
    require(_is_a(value, kind), field.name, value, f"a value of type {kind.__name__}")
    choices, bounds = field.metadata["choices"], field.metadata["bounds"]
    names = [str(choice) for choice in choices]
    text = f"one of {', '.join(names)}{suggestion(str(value), names)}"
    require(not choices or value in choices, field.name, value, text)
    if kind is str:
        require("\0" not in value, field.name, value, "a text without zero bytes")
    if kind is int:
        require(-_INT32 <= value < _INT32, field.name, value, f"a value below {_INT32:,}")
    if kind is float:
        require(abs(value) <= FLOAT32_MAX, field.name, value, "a finite float32 number")
    if bounds:
        require(_within(value, bounds), field.name, value, expected(bounds))


def _is_a(value: Any, kind: type) -> bool:
    if kind is float or kind is int:
        abstract = numbers.Real if kind is float else numbers.Integral
        return isinstance(value, abstract) and not isinstance(value, bool)
    return isinstance(value, kind)


def _within(value: float, bounds: dict[str, float]) -> bool:
    return (
        value >= bounds.get("low", -math.inf)
        and value > bounds.get("above", -math.inf)
        and value <= bounds.get("high", math.inf)
        and value < bounds.get("below", math.inf)
    )


def expected(bounds: dict[str, float]) -> str:
    """Say in words what the bounds of an option admit."""
    left = f"[{bounds['low']:g}" if "low" in bounds else f"({bounds.get('above', -math.inf):g}"
    right = f"{bounds['high']:g}]" if "high" in bounds else f"{bounds.get('below', math.inf):g})"
    if "high" in bounds or "below" in bounds:
        return f"a value in {left}, {right}"
    return f"at least {bounds['low']:g}" if "low" in bounds else f"a value above {left[1:]}"
