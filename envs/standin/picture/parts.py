"""Two threads that share the rows of a large picture."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from envs.standin.picture.types import Camera

#: Small pictures are done before a second thread is awake, and it would take the client's core.
_LEAST_PIXELS = 40_000
_PARTS = 4


class Parts:
    """A second thread, which lets go of Python's lock while it is in machine code."""

    def __init__(self) -> None:
        self._second = ThreadPoolExecutor(1)

    def do(self, work: Callable[[int, int], None], camera: Camera) -> Generator[None, None, None]:
        """Call `work` with the first row, and the one after the last, of each part; pause."""
        height = camera.height
        if camera.width * height < _LEAST_PIXELS:
            work(0, height)
            yield
            return
        # A list's iterator, unlike a generator, may be used by two threads at once.
        parts = iter(list(pairwise(height * part // _PARTS for part in range(_PARTS + 1))))

        def some() -> None:
            for begin, end in parts:
                work(begin, end)

        other = self._second.submit(some)
        for begin, end in parts:
            work(begin, end)
            yield
        other.result()
