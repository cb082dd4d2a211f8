"""A log is judged where only the packages of `td3jax[diagnose]` import, on any system."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import synthetic_runs
from synthetic_runs import write_events

from tests.launch.page.page_support import add_policies, write_run

ROOT = Path(__file__).parents[2]
UNIX_ALONE = ("fcntl", "pwd", "resource")
ABSENT = (
    *UNIX_ALONE,
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "chex",
    "carla",
    "cv2",
    "gymnasium",
    "imageio_ffmpeg",
    "msgpack",
    "networkx",
    "numba",
    "pandas",
    "scipy",
    "tensorboardX",
    "tqdm",
)
# None in sys.modules makes an import fail as for a package that is not installed.
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r}))"
AS_PROGRAM = """
import runpy
module, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def without(code: str, *words: object, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run Python code on a machine without the absent packages."""
    return subprocess.run(
        [sys.executable, "-c", f"{WITHOUT}\n{code}", *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("package", ["jax", "carla"])
def test_the_absent_packages_are_absent(package):
    done = without(f"import {package}")
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.slow
def test_event_files_are_judged_and_explained(tmp_path):
    write_events(tmp_path, synthetic_runs.report_series(0))
    done = without(AS_PROGRAM, "launch.diagnose", f"--run_dir={tmp_path}", folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("NO-GO")
    assert "likely cause" in done.stdout
    (report,) = tmp_path.glob("diagnosis-*/report.json")
    assert json.loads(report.read_text())["decision"] == "NO-GO"
    assert list(report.parent.rglob("*.png"))


def test_a_run_with_evaluations_gets_its_page(tmp_path):
    run = write_run(tmp_path / "car", video=True)
    add_policies(run, checkpoint=[80.0, 20.0], blind=[20.0, 30.0])
    done = without(AS_PROGRAM, "launch.diagnose", run)
    assert done.returncode == 0, done.stderr
    assert f"page: {run / 'diagnosis' / 'report.html'}" in done.stdout
    assert "Beside others" in (run / "diagnosis" / "report.html").read_text()


def test_its_help_needs_none_of_them():
    done = without(AS_PROGRAM, "launch.diagnose", "--help")
    assert "--run_dir" in done.stdout, done.stderr


def test_the_version_is_told_without_jax():
    done = without("import td3jax; print(td3jax.__version__)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
