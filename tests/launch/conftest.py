"""Makes the helpers beside the tests importable; one compilation cache for all of them."""

import os
import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

with warnings.catch_warnings():  # its C module crashes where the warnings it gives are errors
    warnings.simplefilter("ignore")
    import Box2D  # noqa: F401


@pytest.fixture(scope="session")
def cache() -> Path:
    """Return the cache folder of all child processes of a run, so that they compile once."""
    folder = Path(os.environ["TD3JAX_TESTS_COMPILED"]) / "children"
    folder.mkdir(exist_ok=True)
    return folder
