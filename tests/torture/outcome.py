"""The count that every program of this folder hands back."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """How much was tried; a line for each that was lost, and facts beside it."""

    tried: int = 0
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """Count one; whatever it raises, it is lost."""
        self.tried += 1
        try:
            yield
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
            self.lost.append(f"{name}: {type(error).__name__}: {str(error)[:300]} ({where})")

    def add(self, other: Outcome) -> None:
        """Count another's too."""
        self.tried += other.tried
        self.lost += other.lost
        self.notes += other.notes
