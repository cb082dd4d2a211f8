"""The diagnosis runs where neither jax nor carla is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import synthetic_runs
from synthetic_runs import write_events

ROOT = Path(__file__).parents[3]
ABSENT = ("jax", "jaxlib", "flax", "optax", "chex", "carla")
PROGRAM = """
import importlib.abc, runpy, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ImportError(name + " is absent here")

sys.meta_path.insert(0, Absent())
sys.argv = ["diagnose", *{arguments!r}]
runpy.run_module("launch.diagnose", run_name="__main__")
"""


def test_diagnose_needs_no_jax_and_no_carla(tmp_path):
    write_events(tmp_path / "log", synthetic_runs.feature_leak())
    arguments = [f"--logdir={tmp_path / 'log'}", f"--out={tmp_path / 'out'}"]
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(absent=ABSENT, arguments=arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert result.stdout.startswith("NO-GO ("), result.stderr
    assert "feature leak" in result.stdout
    assert (tmp_path / "out" / "report.md").is_file()
