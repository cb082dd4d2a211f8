"""Machine code for loops over vehicles, faces and boxes, made by numba.

The arrays of a step are small: twenty numpy calls on twenty vehicles cost more than the sums. The
code is compiled at first use on a machine (seconds) and kept on disk beside the modules. Sums over
whole arrays, sorting and assignments of slices take numba seconds each, loops do not; and a number
written out in a call makes it compile the callee twice, `int(np.int64(0))` does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])

#: Divisions follow IEEE rules, as in numpy; other threads may run Python meanwhile; nothing is
#: made for callers in C.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "error_model": "numpy",
    "nogil": True,
    "no_cfunc_wrapper": True,
}


def compiled(function: F) -> F:
    """Compiles a function of arrays and numbers."""
    return cast(F, numba.njit(**_OPTIONS)(function))


def compiled_here(function: Callable[..., object]) -> bool:
    """Whether this process compiled the function, rather than finding it on disk."""
    return bool(cast(Any, function).stats.cache_misses)
