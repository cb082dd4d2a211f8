"""Makes the helpers beside the tests importable; one compilation cache for all of them."""

import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

with warnings.catch_warnings():  # its C module crashes where the warnings it gives are errors
    warnings.simplefilter("ignore")
    import Box2D  # noqa: F401


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of the tests' own, so that processes compile once."""
    return tmp_path_factory.mktemp("cache")
