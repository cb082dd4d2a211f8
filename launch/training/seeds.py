"""Seeds with names, all derived from one root seed."""

from __future__ import annotations

import zlib

import numpy as np


def derive(root: int, name: str, *numbers: int) -> int:
    """A seed in [0, 2^31) for one purpose, e.g. `derive(0, "env", episode)`."""
    words = [root, zlib.crc32(name.encode()), *numbers]
    return int(np.random.SeedSequence(words).generate_state(1)[0]) & 0x7FFFFFFF


def generator(root: int, name: str, *numbers: int) -> np.random.Generator:
    """A numpy generator for one purpose."""
    return np.random.default_rng(derive(root, name, *numbers))
