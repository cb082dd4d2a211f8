"""The map: stretches by speed, infractions and their moments on the video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from launch.page.subject import Evaluation, Film
from launch.page.town import LEAD, SPEEDS, town
from tests.launch.page.page_support import evaluation, track


def test_infractions_are_placed_and_timed():
    table = evaluation([80.0, 20.0])
    table["episodes"][1]["track"] = track((4, "off_road"))
    films = [
        Film(Path("worst.mp4"), "worst", 1, "another.json"),
        Film(Path("best.mp4"), "best", 0, "evaluation.json"),
    ]
    drawn = town([Evaluation("evaluation.json", table)], films)
    assert drawn.drives == 2
    assert drawn.fastest == 10.0
    red, crash, off = drawn.moments
    assert (red.kind, red.x, red.y, red.film) == ("red light", 40.0, 5.0, 1)
    assert red.seconds == pytest.approx(4.0)
    assert red.video == pytest.approx(4.0 - LEAD)
    assert (crash.kind, crash.text) == ("collision", "collision with a vehicle")
    assert crash.video == pytest.approx(8.0 - LEAD)
    assert (off.kind, off.episode, off.film, off.video) == ("off the road", 2, None, None)


def test_every_stretch_is_drawn_once_in_its_colour():
    drawn = town([Evaluation("evaluation.json", evaluation([80.0]))])
    lines = [trace for trace in drawn.figure.data if trace.line.color in SPEEDS]
    assert [trace.line.color for trace in lines] == list(SPEEDS)
    for index, trace in enumerate(lines):  # at x metres it drives x / 8 m/s
        speeds = trace.x[~np.isnan(trace.x)] / 8.0
        assert speeds.min() >= 2.0 * index - 0.06
        assert speeds.max() <= 2.0 * (index + 1) + 0.31  # the point that joins it to the next
    drawn_points = sum(np.isfinite(trace.x).sum() for trace in lines)
    assert drawn_points == 40 + len(SPEEDS) - 1


def test_without_tracks_there_is_no_map():
    table = evaluation([80.0])
    del table["episodes"][0]["track"]
    assert town([Evaluation("evaluation.json", table)]) is None


def test_a_speed_that_nobody_drove_has_no_line():
    table = evaluation([80.0])
    table["episodes"][0]["track"]["speed"] = [9.0] * 40
    drawn = town([Evaluation("evaluation.json", table)])
    lines = [trace for trace in drawn.figure.data if trace.line.color in SPEEDS]
    assert [len(trace.x) for trace in lines] == [0, 0, 0, 0, 41]
