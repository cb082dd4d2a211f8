"""The contact sheet is drawn by one command, and refuses what it cannot write."""

import subprocess
import sys

import cv2
import numpy as np

from launch.studies.contact_sheet import sheet


def test_a_town_has_a_row_of_weathers_and_a_row_of_cameras():
    picture = sheet(("Town01",))
    cells = picture.reshape(2, picture.shape[0] // 2, 7, picture.shape[1] // 7, 3)
    small = cells[:, 20::16, :, 8::16].astype(float)
    for row in range(2):
        for first in range(7):
            for second in range(first):
                assert np.abs(small[row, :, first] - small[row, :, second]).mean() > 2.0
    assert cv2.imencode(".jpg", picture)[1].nbytes < 800_000


def test_another_kind_of_file_is_refused(tmp_path):
    out = tmp_path / "sheet.gif"
    done = subprocess.run(
        [sys.executable, "-m", "launch.studies.contact_sheet", f"--out={out}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "must end in .jpg or .png" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
