"""Machine code for loops over vehicles, faces and boxes, made by numba.

The arrays of a step are small: twenty numpy calls on twenty vehicles cost more than the sums. The
code is compiled at first use on a machine (seconds) and kept on disk beside the modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compiles a function of arrays and numbers; divisions follow IEEE rules, as in numpy."""
    return cast(F, njit(cache=True, error_model="numpy")(function))


def compiled_here(function: Callable[..., object]) -> bool:
    """Whether this process compiled the function, rather than finding it on disk."""
    return bool(cast(Any, function).stats.cache_misses)
