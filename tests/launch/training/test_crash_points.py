"""No kill while a checkpoint is written loses one: crash_points.py in a process that may fork."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_a_kill_at_any_file_operation_leaves_a_whole_checkpoint_and_the_best() -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("crash_points.py"))],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    survived = dict(re.findall(r"(.+): (\d+) kills survived", done.stdout))
    assert survived.keys() == {"new", "same step again", "best", "branch"}
    assert all(int(count) > 15 for count in survived.values())
