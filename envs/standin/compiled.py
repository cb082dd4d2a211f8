"""Machine code for loops over vehicles, faces and boxes, made by numba.

The arrays of a step are small: twenty numpy calls on twenty vehicles cost more than the sums. The
code is compiled once on a machine (a minute of processor time) and kept on disk beside the
modules, or in the user's cache folder where that cannot be written to. Sums over whole arrays,
sorting and assignments of slices take numba seconds each, loops do not; and a number written out
in a call makes it compile the callee twice, `int(np.int64(0))` does not.

Nothing may be compiled while a client waits for a step. So a function that Python calls declares
with `called_with` what it is called with, and `warming` compiles it before the server is ready.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
from numba import types
from numba.core.caching import FunctionCache

F = TypeVar("F", bound=Callable[..., object])

#: Divisions follow IEEE rules, as in numpy; other threads may run Python meanwhile; nothing is
#: made for callers in C.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}


class Call(NamedTuple):
    """A compiled function, and the types of arguments that Python calls it with."""

    function: Any
    arguments: tuple[Any, ...]

    def prepare(self) -> bool:
        """Load the machine code, or make it; whether it had to be made."""
        before = self.function.stats.cache_misses.total()
        self.function.compile(self.arguments)
        return bool(self.function.stats.cache_misses.total() > before)

    @property
    def folder(self) -> str | None:
        """Return the folder of compiled code; None where it cannot be written."""
        path: str | None = self.function.stats.cache_path
        return path


#: Grows while modules are imported.
CALLS: list[Call] = []


def compiled(function: F) -> F:
    """Compiles a function of arrays and numbers, for other compiled functions."""
    made = numba.njit(**_OPTIONS)(function)
    with contextlib.suppress(RuntimeError):  # there is no folder to keep it in
        made._cache = _SharedCache(function)
    return cast(F, made)


def called_with(*arguments: Any) -> Callable[[F], F]:
    """Declares the types with which Python calls a compiled function; once for each set of them."""

    def declare(function: F) -> F:
        CALLS.append(Call(function, arguments))
        return function

    return declare


def named(kind: type, *fields: Any) -> Any:
    """The type of a named tuple whose fields have these types."""
    return types.BaseTuple.from_types(fields, kind)


class _SharedCache(FunctionCache):
    """Machine code on disk. Numba mixes up files when two processes write at the same time."""

    def save_overload(self, sig: Any, data: Any) -> None:
        with open(__file__, encoding="utf-8") as lock:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            super().save_overload(sig, data)
