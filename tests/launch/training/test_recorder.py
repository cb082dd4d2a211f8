"""A recorded drive on the stand-in: every tick, and what the policy saw, did and earned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest

from envs.config import EnvConfig, with_options
from envs.supervised import SupervisedCarlaEnv
from launch.evaluate import main
from launch.training.evaluation import run_episode
from launch.training.overlay import Facts, layout
from launch.training.policies import scripted
from launch.training.recorder import Explained

DRIVE = {"npc_vehicles": 3, "action_ticks": 4, "episode_steps": 40, "expert_hints": True}


class Kept:
    """A video's frames."""

    def __init__(self) -> None:
        self.frames: list[np.ndarray] = []

    def add(self, frame: np.ndarray) -> None:
        self.frames.append(frame)


@pytest.fixture(scope="module")
def env() -> Iterator[SupervisedCarlaEnv]:
    made = SupervisedCarlaEnv(with_options(EnvConfig(), **DRIVE), "rgb_array")
    yield made
    made.close()


@pytest.mark.slow
def test_each_tick_is_a_frame_under_what_its_action_was_chosen_by(env):
    video: Any = Kept()
    seen: list[np.ndarray] = []
    asked: list[float] = []

    def values(observation: dict[str, np.ndarray]) -> np.ndarray:
        asked.append(float(observation["vector"][0]))
        return np.array([asked[-1], 2.0])

    def watch(observation: dict[str, np.ndarray]) -> None:
        seen.append(observation["image"][..., -1])

    result = run_episode(env, scripted("blind"), 5, Explained(video, env, values), watch)
    assert len(result.rewards) == len(seen) == len(asked) == 10
    assert len(video.frames) == 1 + 40 + 20
    facts = Facts(seen[0], np.zeros((10, 2)), values=np.zeros((1, 2)))
    box = layout(video.frames[0], facts).seen
    assert box is not None
    for number, frame in enumerate(video.frames):
        scale = box.width // 84
        inset = box.of(frame)[::scale, ::scale, 0]
        np.testing.assert_array_equal(inset, seen[min(max(number - 1, 0) // 4, 9)])
    moved = [(a != b).any() for a, b in zip(video.frames[20:40], video.frames[21:41], strict=True)]
    assert all(moved)
    for frame in video.frames[42:]:
        np.testing.assert_array_equal(frame, video.frames[41])
    assert (video.frames[41] != video.frames[40]).any()  # the reason


@pytest.mark.slow
def test_an_evaluation_is_the_same_with_videos(tmp_path):
    flags = [f"--{name}={value}" for name, value in DRIVE.items() if name != "expert_hints"]
    words = ["--policy=blind", "--episodes=3", "--eval_steps=40", *flags]
    tables = []
    for name, more in (("a", ()), ("b", ("--video", f"--gif={tmp_path / 'b.gif'}"))):
        assert main([*words, f"--out={tmp_path / name}.json", *more]) == 0
        tables.append(json.loads((tmp_path / f"{name}.json").read_text()))
    videos = tables[1].pop("videos")
    assert tables[0] == tables[1]
    assert [(video["file"], video["what"]) for video in videos] == [
        ("b-best.mp4", "best"),
        ("b-worst.mp4", "worst"),
    ]
    scores = [episode["driving_score"] for episode in tables[0]["episodes"]]
    numbers = [video["episode"] for video in videos]
    assert [scores[number] for number in numbers] == [max(scores), min(scores)]
    for video in videos:
        frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / video["file"]))
        assert (frames, seconds) == (61, pytest.approx(3.05, abs=0.06))
    assert (tmp_path / "b.gif").stat().st_size > 10_000
    assert Path(tmp_path / "b.html").read_text().count("<video ") == 2
