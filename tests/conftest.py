"""Fixtures and limits of all tests."""

import atexit
import os
import shutil
import tempfile
from importlib import metadata

# Most of the time here goes into compiling programs that run once. Without these optimisations it
# takes a quarter; jax 0.11 no longer has the second. Children of a test inherit both.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
if metadata.version("jaxlib").startswith("0.10."):
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "") + " --xla_cpu_use_fusion_emitters=false"
    )

import jax
import pytest
from hypothesis import settings

# Time is measured in benchmarks, never in tests.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


# All processes of one run share what they compile; workers and children inherit where it is.
_SHARED = "TD3JAX_TESTS_COMPILED"
if _SHARED not in os.environ:
    os.environ[_SHARED] = tempfile.mkdtemp(prefix="td3jax-tests-")
    atexit.register(shutil.rmtree, os.environ[_SHARED], ignore_errors=True)
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ[_SHARED]
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
jax.config.update("jax_compilation_cache_dir", os.environ[_SHARED])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@pytest.fixture
def optimised():
    """Compile with all optimisations: an exact equality of two programs may need them."""
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
    yield
    jax.config.update("jax_disable_most_optimizations", True)
    jax.clear_caches()
