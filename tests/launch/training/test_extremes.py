"""The best and the worst episode of an evaluation, recorded; and the GIF of a part."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import gymnasium
import imageio_ffmpeg
import numpy as np
import pytest

from launch.evaluate import main
from launch.training.evaluation import EpisodeResult
from launch.training.extremes import extremes
from launch.training.gif import SECONDS, liveliest, write_gif
from launch.training.video import Video, VideoFailed


def result(total: float, **metrics: float) -> EpisodeResult:
    return EpisodeResult(np.array([total]), True, "goal", metrics, {})


def test_the_driving_score_decides_then_the_return():
    scored = [result(9.0, driving_score=50.0), result(1.0, driving_score=90.0)]
    assert extremes(scored) == {"best": 1, "worst": 0}
    equal = [result(value, driving_score=100.0) for value in (3.0, 5.0, 1.0)]
    assert extremes(equal) == {"best": 1, "worst": 2}
    assert extremes([result(-3.0), result(-1.0), result(-7.0)]) == {"best": 1, "worst": 2}
    assert extremes([result(1.0)]) == {"best": 0}


class Shades(gymnasium.Env):
    """Six steps, drawn in a shade of the episode's own; its return is the shade."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 3}  # noqa: RUF012
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, render_mode: str | None = None, drawn: bool = True) -> None:
        self.render_mode = render_mode if drawn else None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shade = int(self.np_random.integers(20, 235))
        self.left = 6
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.zeros(2, np.float32), self.shade / 6.0, False, self.left == 0, {}

    def render(self):
        return np.full((48, 64, 3), self.shade, np.uint8)


gymnasium.register("Shades-v0", entry_point=Shades)


def shade(video: Path) -> tuple[int, float]:
    """Frames of a video, and the mean of its first."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(video), "-f", "rawvideo"]
    done = subprocess.run([*words, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, 48, 64, 3)
    return len(frames), float(frames[0].mean())


def evaluate(folder: Path, *words: str) -> dict:
    out = folder / "e.json"
    flags = ["--policy=random", "--env=Shades-v0", "--episodes=5", f"--out={out}", *words]
    assert main(flags) == 0
    return json.loads(out.read_text())


def test_the_best_and_the_worst_are_on_video(tmp_path, capsys):
    plain = evaluate(tmp_path)
    assert [path.name for path in tmp_path.glob("*.mp4")] == []
    table = evaluate(tmp_path, "--video", f"--gif={tmp_path / 'a.gif'}")
    printed = capsys.readouterr().out
    videos = table.pop("videos")
    assert table == plain
    returns = [episode["return"] for episode in table["episodes"]]
    order = np.argsort(returns)
    wanted = [("e-best.mp4", "best", order[-1]), ("e-worst.mp4", "worst", order[0])]
    assert [(v["file"], v["what"], v["episode"]) for v in videos] == wanted
    for video in videos:
        frames, mean = shade(tmp_path / video["file"])
        assert frames == 6
        assert mean == pytest.approx(returns[video["episode"]], abs=3.0)
        assert f"written: {tmp_path / video['file']}" in printed
    assert (
        sorted(path.suffix for path in tmp_path.iterdir())
        == [".gif", ".html", ".json"] + [".mp4"] * 2
    )
    page = (tmp_path / "e.html").read_text()
    assert page.count("<video ") == 2
    assert f"The best of 5 episodes of random actions: number {order[-1] + 1}," in page


def test_a_single_episode_is_one_video(tmp_path):
    table = evaluate(tmp_path, "--video", "--episodes=1")
    assert [video["what"] for video in table["videos"]] == ["best"]
    assert "One episode of random actions" in (tmp_path / "e.html").read_text()


def test_what_cannot_be_drawn_is_said_in_one_line(tmp_path, capsys):
    out = f"--out={tmp_path / 'e.json'}"
    words = ["--policy=random", "--env=Shades-v0", "--env_args=drawn=false", out, "--video"]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err == "evaluate: --video: the environment does not render\n"
    assert list(tmp_path.iterdir()) == []


def test_the_liveliest_part_of_a_drive():
    """Straight at 5 m/s for 20 s, then a bend, then straight again."""
    heading = np.r_[np.zeros(100), np.linspace(0.0, 1.5, 30), np.full(100, 1.5)]
    x, y = np.cumsum(np.cos(heading)), np.cumsum(np.sin(heading))
    points = [(float(a), float(b), 5.0) for a, b in zip(x, y, strict=True)]
    start = liveliest(points, 0.2)
    assert 13.0 <= start <= 20.0
    assert start + SECONDS >= 25.0
    assert liveliest(points[:30], 0.2) == 0.0
    assert liveliest([], 0.2) == 0.0


def make_video(path: Path, frames: list[np.ndarray]) -> Path:
    video = Video(path, 20.0)
    for frame in frames:
        video.add(frame)
    video.close()
    return path


def test_a_gif_is_short_and_narrow(tmp_path):
    shades = [np.full((240, 960, 3), index, np.uint8) for index in range(200)]
    still, out = make_video(tmp_path / "still.mp4", shades), tmp_path / "still.gif"
    write_gif(still, out, 1.0)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(out))
    assert seconds == pytest.approx(SECONDS, abs=0.2)
    assert frames == pytest.approx(12 * SECONDS, abs=2)
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(out)]
    assert "480x120" in subprocess.run(words, capture_output=True, text=True).stderr


@pytest.mark.slow
def test_a_gif_gets_fewer_frames_and_colours_until_it_fits_or_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (60, 480, 3), np.uint8) for _ in range(20)]
    video, sizes = make_video(tmp_path / "noise.mp4", noise), []
    for most in (10**9, 200_000):
        write_gif(video, tmp_path / "noise.gif", 0.0, most)
        sizes.append((tmp_path / "noise.gif").stat().st_size)
        assert sizes[-1] < most
    assert sizes[0] > 200_000
    with pytest.raises(VideoFailed, match="no GIF of 8 s is below 1,000 bytes"):
        write_gif(video, tmp_path / "none.gif", 0.0, 1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["noise.gif", "noise.mp4"]
