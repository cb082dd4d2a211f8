"""Fixtures and limits of all tests."""

import atexit
import os
import shutil
import tempfile

import jax
from hypothesis import settings

# Time is measured in benchmarks, never in tests.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# The processes of one run share what they compile; their own processes do not, as users' do not.
_SHARED = "TD3JAX_TESTS_COMPILED"
if _SHARED not in os.environ:
    os.environ[_SHARED] = tempfile.mkdtemp(prefix="td3jax-tests-")
    atexit.register(shutil.rmtree, os.environ[_SHARED], ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", os.environ[_SHARED])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
# Most of the time here is compilation of programs that run once. Child processes optimise as users do.
jax.config.update("jax_disable_most_optimizations", True)
