"""Try jax in a process of its own: `python -m launch.accelerator` prints what it has as JSON.

A broken driver can hang or end the process that starts jax, so others look from outside.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from launch.errors import DONE, FAILED


def probe() -> dict[str, Any]:
    """Return jax's devices, their platform, and the seconds of a first computation."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from launch.training.machine import devices

    found, started = devices(), time.perf_counter()
    square = np.arange(64.0, dtype=np.float32).reshape(8, 8)
    result = np.asarray(jax.jit(jnp.matmul)(square, square))
    if not np.allclose(result, square @ square, rtol=1e-2):
        raise ArithmeticError(f"a product of matrices came out wrong by {result - square @ square}")
    return {
        "devices": found,
        "platform": jax.devices()[0].platform,
        "seconds": time.perf_counter() - started,
    }


def main() -> int:
    """Entry point; returns the exit code. Whatever jax raises becomes the one line on stderr."""
    try:
        print(json.dumps(probe()))
    except Exception as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return FAILED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
