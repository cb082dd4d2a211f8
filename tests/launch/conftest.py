"""Makes the helpers beside the tests importable."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

with warnings.catch_warnings():  # its C module crashes where the warnings it gives are errors
    warnings.simplefilter("ignore")
    import Box2D  # noqa: F401
