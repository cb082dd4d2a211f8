"""The allocator settings, in processes of their own: they hold for a process's whole life."""

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource
import jax, jax.numpy as jnp
{first}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    jax.block_until_ready(work(x))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
work = jax.jit(lambda a: a + 1.0)
x = jnp.ones(16 << 20)  # 64 MiB, beyond what glibc keeps by itself
print(min(faults() for _ in range(15)))
"""


def _faults_per_call(first: str) -> float:
    """The least of several calls: a kernel short of memory takes pages from anybody."""
    code = _FAULTS.format(first=first)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_importing_the_module_does_not_import_jax():
    code = "import sys, launch.training.allocator; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's mallopt")
def test_pages_of_a_jitted_call_stay_mapped():
    as_it_comes = _faults_per_call("")
    tuned = _faults_per_call(
        "from launch.training.allocator import tune_allocator; assert tune_allocator()"
    )
    assert tuned < 0.2 * as_it_comes
