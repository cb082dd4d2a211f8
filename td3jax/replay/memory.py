"""Memory of samples, used again once nobody refers to the last one that had it."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_MOST = 4


class _Loan:
    """The owner of a lent array as numpy sees it: it lives as long as any view of the array."""

    def __init__(self, array: Array) -> None:
        self.__array_interface__ = array.__array_interface__


class Memory:
    """Up to four uint8 arrays of one shape. New memory costs as much in page faults as the copy.

    jax on a CPU may use an array in place and refers to it while it does, as a user's view does.
    """

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._shape: tuple[int, ...] = ()
        self._made = 0

    def lend(self, shape: tuple[int, ...]) -> Array:
        """Return an array of that shape with undefined content, nobody else's."""
        if shape != self._shape:
            self._free, self._shape, self._made = [], shape, 0
        if not self._free and self._made == _MOST:
            return np.empty(shape, np.uint8)
        if not self._free:
            self._free.append(np.empty(shape, np.uint8))
            self._made += 1
        array = self._free.pop()
        loan = _Loan(array)
        weakref.finalize(loan, self._free.append, array).atexit = False
        return np.asarray(loan)
