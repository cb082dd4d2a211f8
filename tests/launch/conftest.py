"""Makes the helpers beside the tests importable; one compilation cache for all of them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of the tests' own, so that processes compile once."""
    return tmp_path_factory.mktemp("cache")
