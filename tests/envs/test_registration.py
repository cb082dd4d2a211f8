"""The environment as others get it: names of the package, gymnasium ids, vector environments."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import RecordVideo, RenderCollection

import envs

ROOT = Path(__file__).resolve().parents[2]
CARLA = "td3jax/Carla-v0"
TINY: dict[str, Any] = {"npc_vehicles": 2, "episode_steps": 6, "imu": False}
FORWARD = np.array([[0.0, 0.6], [0.1, 0.4]], np.float32)


def python(script: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_package_imports_neither_simulator_nor_jax() -> None:
    script = "import sys, envs; print({'carla', 'jax', 'cv2'} & set(sys.modules))"
    assert python(script) == "set()"


def test_gymnasium_imports_the_package_by_the_id_s_prefix() -> None:
    script = (
        "import gymnasium; print(gymnasium.make('envs:td3jax/Carla-v0', town='Town02').spec.id)"
    )
    assert python(script) == CARLA


def test_every_exported_name_is_there() -> None:
    assert set(dir(envs)) == set(envs.__all__) == set(envs._HOMES)
    for name in envs.__all__:
        assert getattr(envs, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'CarlaEnvironment'"):
        _ = envs.CarlaEnvironment


def test_options_are_given_by_name_and_the_client_is_supervised() -> None:
    env = gymnasium.make(CARLA, town="Town02", npc_vehicles=50, image_size=0)
    made = env.unwrapped
    assert isinstance(made, envs.SupervisedCarlaEnv)
    assert (made.config.task.town, made.config.traffic.vehicles) == ("Town02", 50)
    assert env.observation_space == made.observation_space
    base = envs.with_options(envs.EnvConfig(), town="Town03")
    again = gymnasium.make(CARLA, config=base, action_ticks=2).unwrapped
    assert isinstance(again, envs.SupervisedCarlaEnv)
    assert again.config == envs.with_options(base, action_ticks=2)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"twon": "Town02"}, "twon = 'Town02': no such option .*; did you mean town?"),
        ({"npc_vehicles": "many"}, "npc_vehicles = 'many': expected a value of type int"),
        ({"render_mode": "human"}, "render_mode = 'human': expected rgb_array or None"),
        ({"supervised": False}, "host = '': expected a running server"),
    ],
)
def test_bad_options_are_refused_in_one_line(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        gymnasium.make(CARLA, **options)
    assert "\n" not in str(caught.value)


def test_the_lane_toy_refuses_a_window_too() -> None:
    with pytest.raises(ValueError, match="render_mode = 'human': expected rgb_array or None"):
        gymnasium.make("td3jax/LaneToy-v0", render_mode="human")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(SyncVectorEnv, id="sync"),
        pytest.param(partial(AsyncVectorEnv, context="spawn"), id="async"),
    ],
)
def test_two_environments_step_side_by_side(kind: Any) -> None:
    makers = [partial(gymnasium.make, f"envs:{CARLA}", **TINY) for _ in range(2)]
    together = kind(makers)
    try:
        first, _ = together.reset(seed=[1, 2])
        assert first["image"].shape == (2, 84, 84, 4)
        assert not np.array_equal(first["image"][0], first["image"][1])
        for step in range(1, 7):
            seen, rewards, terminated, truncated, info = together.step(FORWARD)
            assert not terminated.any()
            assert truncated.tolist() == [step == 6] * 2
            assert info["frame"].tolist() == [step, step]
            assert np.isfinite(rewards).all()
        assert not np.array_equal(seen["vector"][0], seen["vector"][1])
        _, _, _, truncated, info = together.step(FORWARD)  # the next episodes' first observations
        assert truncated.tolist() == [False, False]
        assert info["frame"].tolist() == [0, 0]
    finally:
        together.close()


@pytest.mark.slow
def test_gymnasium_records_a_video_and_collects_pictures(tmp_path: Path) -> None:
    made = gymnasium.make(CARLA, render_mode="rgb_array", **TINY)
    try:
        collected = RenderCollection(made)
        collected.reset(seed=1)
        for _ in range(3):
            collected.step(FORWARD[0])
        pictures = collected.render()
        assert [picture.shape for picture in pictures] == [(360, 640, 3)] * 4
        assert not np.array_equal(pictures[0], pictures[-1])
        env = RecordVideo(made, str(tmp_path / "videos"), episode_trigger=lambda episode: True)
        env.reset(seed=1)
        for _ in range(6):
            *_, truncated, _ = env.step(FORWARD[0])
        assert truncated
        env.stop_recording()
    finally:
        made.close()
    (video,) = (tmp_path / "videos").glob("*.mp4")
    assert video.stat().st_size > 1000
