"""Where an episode drove: in the file of an evaluation, compactly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from run_support import SplitToyEnv

from launch.training.evaluation import run_episodes
from launch.training.evaluation_file import write_evaluation


class Town(SplitToyEnv):
    """Drives two metres a step to the east, runs a red light in its second step."""

    def __init__(self) -> None:
        super().__init__(length=4)
        self.metadata = {"render_modes": [], "render_fps": 5}
        self.asked: list[bool] = []

    def reset(self, *, seed=None, options=None):
        observation, info = super().reset(seed=seed, options=options)
        self.asked.append(options["roads"])
        if options["roads"]:
            info["roads"] = [np.array([[0.0, 0.0], [100.04, 0.0]], np.float32)]
        return observation, info

    def step_wait(self):
        *rest, _ = super().step_wait()
        step = self.inner.steps
        broken = ["red_light", "lane_invasion"] if step == 2 else []
        return *rest, {"position": (2.0 * step, -1.26), "speed": 10.0, "infractions": broken}


def test_the_file_has_tracks_and_roads(tmp_path: Path) -> None:
    env, file = Town(), tmp_path / "evaluation.json"
    results = run_episodes(env, lambda *_: np.zeros(1, np.float32), 2, 0)
    write_evaluation(file, {"policy": "blind"}, results, env)
    assert env.asked == [True, False]
    text = file.read_text()
    table = json.loads(text)
    assert (table["policy"], table["seconds_per_step"]) == ("blind", 0.2)
    assert table["roads"] == [[[0.0, 100.0], [0.0, 0.0]]]
    first, second = table["episodes"]
    assert first["track"] == second["track"]
    assert first["track"] == {
        "x": [2.0, 4.0, 6.0, 8.0],
        "y": [-1.3] * 4,
        "speed": [10.0] * 4,
        "infractions": [[1, "red_light"], [1, "lane_invasion"]],
    }
    assert '"x": [2.0,4.0,6.0,8.0]' in text
    assert "track" not in table["std"]


def test_other_tasks_have_no_track(tmp_path: Path) -> None:
    env = SplitToyEnv(length=4)
    results = run_episodes(env, lambda *_: np.zeros(1, np.float32), 1, 0)
    write_evaluation(tmp_path / "evaluation.json", {}, results, env)
    table = json.loads((tmp_path / "evaluation.json").read_text())
    assert "roads" not in table
    assert set(table["episodes"][0]) == {"return", "length", "reason"}
