"""Evaluation: what it reports, and that it leaves training alone."""

import json
import math
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import gymnasium
import imageio_ffmpeg
import jax
import numpy as np
import pytest
from run_support import SplitToyEnv, session, tiny

from envs.errors import SimulatorFault
from launch.config.run import CARLA, RunConfig, to_json
from launch.errors import BadInput
from launch.evaluate import main
from launch.statistics import wilson
from launch.training.evaluation import EpisodeResult, ValueCheck, run_episodes, summarise, table
from launch.training.loop import evaluate_now, train
from launch.training.policies import greedy, hidden
from launch.training.recorder import Recorder, recorded
from launch.training.video import Video, VideoFailed, kept
from td3jax.config import Spaces


def result(rewards: list[float], terminated: bool = True, **metrics: float) -> EpisodeResult:
    last = {"vector": np.full(2, 9.0, np.float32)}
    return EpisodeResult(np.array(rewards), terminated, "goal", metrics, last)


def test_summary_by_hand() -> None:
    row = {
        "success": 1.0,
        "distance_m": 100.0,
        "collisions": 0.0,
        "lane_invasions": 1.0,
        "driving_score": 100.0,
        "ttc_min": math.nan,
    }
    results = [result([1.0, 2.0], **row), result([5.0], **{**row, "success": 0.0})]
    summary = summarise(results)
    assert (summary["return"], summary["return_std"], summary["length"]) == (4.0, 1.0, 1.5)
    assert summary["success"] == 0.5
    assert (summary["success_low"], summary["success_high"]) == pytest.approx(wilson(1, 2)[1:])
    assert summary["lane_invasions_per_km"] == pytest.approx(10.0)
    text = json.dumps(table(results), allow_nan=False)
    assert json.loads(text)["summary"]["ttc_min"] is None
    assert json.loads(text)["std"]["return"] == 1.0
    assert "success" not in summarise([result([1.0])])


class Paid(gymnasium.Env):
    """Three steps; the reward is 3 for progress and -1 for safety."""

    def reset(self, **_: object) -> tuple[dict, dict]:
        self.left = 3
        return {"vector": np.zeros(2, np.float32)}, {}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        self.left -= 1
        parts = {"progress": 3.0, "safety": -1.0}
        return (
            {"vector": np.zeros(2, np.float32)},
            2.0,
            False,
            self.left == 0,
            {"reward_parts": parts},
        )


def test_parts_of_the_reward_and_their_shares() -> None:
    found = summarise(run_episodes(Paid(), lambda *_: np.zeros(1, np.float32), 2, 0))
    assert found["return"] == 6.0
    assert (found["reward_progress"], found["reward_safety"]) == (3.0, -1.0)
    assert (found["reward_progress_share"], found["reward_safety_share"]) == (0.75, 0.25)


def test_probe_by_hand() -> None:
    """Q is 10 everywhere, discount 0.5: returns of [1, 2] are 2 and 2, or 4.5 and 7 with Q after a
    truncation."""
    for terminated, gap in ((True, 16.0 / 4.0), (False, (5.5 + 3.0) / (4.5 + 7.0))):
        check = ValueCheck(lambda o: np.full(len(o["vector"]), 10.0), lambda r: r, 0.5)
        watch = check.begin()
        for step in range(2):
            watch({"vector": np.full(2, step, np.float32)})
        check.end(result([1.0, 2.0], terminated))
        assert check.overestimation() == pytest.approx(gap)


def test_probe_spreads_over_a_long_episode() -> None:
    seen = []
    check = ValueCheck(lambda o: seen.append(o["vector"][:, 0]) or np.zeros(17), lambda r: r, 0.9)
    watch = check.begin()
    for step in range(100):
        watch({"vector": np.full(2, step, np.float32)})
    check.end(result([0.0] * 100))
    steps = seen[0].astype(int).tolist()
    assert steps[:13] == list(range(0, 100, 8))
    assert len(steps) == 17


def test_evaluation_leaves_training_alone(tmp_path: Path) -> None:
    run = session(tiny(steps=100, eval_every=0), tmp_path / "run")
    assert train(run)
    run.collector.cut()
    before = jax.device_get(run.learner.state)
    rngs = [str(r.bit_generator.state) for r in (run.learner.rng, run.collector.rng)]
    size, episode = run.buffer.size, run.collector.episode
    one, two = evaluate_now(run, 2)[0], evaluate_now(run, 2)[0]
    run.close()
    assert one == two
    assert one["eval/episodes"] == 2
    assert math.isfinite(one["health/overestimation"])
    assert (run.buffer.size, run.collector.episode) == (size, episode)
    assert [str(r.bit_generator.state) for r in (run.learner.rng, run.collector.rng)] == rngs
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(run.learner.state), strict=True):
        assert np.array_equal(old, new)


def test_evaluations_happen_between_episodes(tmp_path: Path) -> None:
    env = SplitToyEnv(length=30)
    run = session(tiny(steps=200, eval_every=70, learning_starts=0), tmp_path / "run", env)
    assert train(run)
    run.close()
    lines = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines if ",eval/return," in line] == ["90", "180"]


def test_evaluation_has_a_time_limit_of_its_own(tmp_path: Path) -> None:
    for limit, expected in ((40, 40.0), (0, 25.0)):
        env = SplitToyEnv(length=25)
        run = session(tiny(steps=60, eval_every=30, eval_steps=limit), tmp_path / str(limit), env)
        assert train(run)
        run.close()
        lines = (tmp_path / str(limit) / "metrics.csv").read_text().splitlines()
        assert [line for line in lines if ",eval/length," in line] == [f"45,eval/length,{expected}"]
        assert "45,train/episode_length,25.0" in lines


def test_a_fault_repeats_the_episode_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    faults = iter([True, False])

    def reward(total: int) -> float:
        if total == 10 and next(faults):
            raise SimulatorFault("gone")
        return 1.0

    env = SplitToyEnv(length=20, at=reward)
    env.render = lambda: np.zeros((40, 40, 3), np.uint8)
    check = ValueCheck(lambda o: np.zeros(len(o["vector"])), lambda r: r, 1.0)
    run = session(tiny(), tmp_path / "run", env)
    policy = greedy(run.algorithm, run.learner.state)

    def record(number: int) -> AbstractContextManager[Recorder | None]:
        return recorded(tmp_path / f"{number}.mp4", run.env)

    results = run_episodes(run.env, policy, 2, 0, record, check)
    run.close()
    assert [r.total for r in results] == [20.0, 20.0]
    for number in (0, 1):
        assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / f"{number}.mp4"))[0] == 20
    # states of every second step, of both whole episodes; Q at a truncation is 0
    assert sorted(check.sizes) == sorted([*range(2, 21, 2)] * 2)


@pytest.mark.parametrize(
    ("name", "image", "vector"),
    [("black_picture", 0, [7, 7, 7, 7, 7]), ("no_waypoints", 7, [7, 7, 7, 0, 0])],
)
def test_a_part_is_hidden_from_a_policy_and_from_nobody_else(
    name: str, image: int, vector: list[int]
) -> None:
    seen = []

    def policy(observation: dict[str, np.ndarray], info: object) -> np.ndarray:
        seen.append(observation)
        return np.zeros(2, np.float32)

    spaces = Spaces(image=(4, 4, 1), vector=5, action=2)
    observation = {"image": np.full((4, 4, 1), 7, np.uint8), "vector": np.full(5, 7, np.float32)}
    hidden(name, policy, RunConfig(), spaces)(observation, {})
    assert seen[0]["image"].dtype == np.uint8
    assert (seen[0]["image"] == image).all()
    assert seen[0]["vector"].tolist() == vector
    assert (observation["image"] == 7).all()
    assert (observation["vector"] == 7).all()


def test_what_is_not_there_cannot_be_hidden() -> None:
    for name, message in (("black_picture", "sees no picture"), ("no_waypoints", "only env carla")):
        with pytest.raises(BadInput, match=message):
            hidden(name, lambda o, i: np.zeros(1), tiny(), Spaces(image=None, vector=3, action=1))


def test_the_program_reports_and_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    run = session(tiny(steps=60), tmp_path / "run")
    assert train(run)
    run.close()
    words = [str(tmp_path / "run"), "--episodes=2"]
    assert main([*words, "--video"]) == 0
    file = tmp_path / "run" / "evaluation-checkpoint.json"
    out, err = capfd.readouterr()
    printed = out.splitlines()
    lines = [line for line in err.splitlines() if line.startswith("checkpoint: 2/2 episodes")]
    assert lines[0].split(", ")[-1].startswith("return -")
    assert printed[0].split(" | ")[:3] == ["| policy", "episodes", "return"]
    assert printed[2].startswith("| checkpoint | 2 | ")
    assert printed[-1] == f"written: {file}"
    first = json.loads(file.read_text())
    assert [len(first["episodes"]), first["summary"]["length"]] == [2, 200.0]
    videos = first.pop("videos")
    assert {video["what"]: video["episode"] for video in videos}.keys() == {"best", "worst"}
    for video in videos:
        path = tmp_path / "run" / video["file"]
        assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == 200
    assert main([f"--checkpoint={tmp_path / 'run'}", "--episodes=2"]) == 0  # its older name
    assert json.loads(file.read_text()) == first
    both = [str(tmp_path / "run"), "--policy=checkpoint,random", "--episodes=2"]
    assert main(both) == 0
    assert json.loads(file.read_text()) == first
    other = json.loads((tmp_path / "run" / "evaluation-random.json").read_text())
    assert other["policy"] == "random"
    assert len(other["episodes"]) == 2
    out = tmp_path / "random.json"
    assert main(["--policy=random", "--env=Pendulum-v1", "--episodes=1", f"--out={out}"]) == 0
    assert json.loads(out.read_text())["policy"] == "random"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--policy=best"], "--policy=best: choose from checkpoint, expert, blind, random"),
        ([], "--policy=checkpoint needs --run_dir"),
        (["--policy=black_picture"], "--policy=black_picture needs --run_dir"),
        (["--run_dir=/no/where"], "/no/where: no such folder"),
        (["/no/where"], "/no/where: no such folder"),
        (["/no/where", "--preset=sb3"], "--preset=sb3: /no/where has a configuration of its own"),
        (["--policy=expert", "--env=Pendulum-v1"], "only env carla has scripted drivers"),
        (["--policy=random", "--episodes=0"], "--episodes=0: expected at least 1"),
        (["--policy=random", "--out=/no/where/x.json"], "there is no folder /no/where"),
        (["--policy=random,blind", "--out=x.json"], "--out=x.json: one file for 2 policies"),
        (["--policy=random,blind", "--gif=x.gif"], "--gif=x.gif: one file for 2 policies"),
        (["--policy=random", "--gif=/no/where/x.gif"], "there is no folder /no/where"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], message: str, capfd: pytest.CaptureFixture
) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("evaluate: ")
    assert message in err


def test_a_command_in_somebody_s_checkpoint_does_not_run(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    sign = tmp_path / "sign"
    config = tiny(env=CARLA, server_command=f"touch {sign}")
    (tmp_path / "config.json").write_text(to_json(config))
    (tmp_path / "manifest.json").write_text("{}")
    assert main([str(tmp_path)]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"to allow it: '--server_command=touch {sign}'" in err
    assert not sign.exists()


def test_a_video_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    video = Video(tmp_path / "a.mp4", 20.0)
    assert video.close() is None
    for value in range(12):
        video.add(np.full((45, 61, 3), 20 * value, np.uint8))
    assert not (tmp_path / "a.mp4").exists()
    assert video.close() == tmp_path / "a.mp4"
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "a.mp4")]
    facts = subprocess.run(words, capture_output=True, text=True).stderr
    for word in ("Video: h264", "yuv420p", "60x44", "20 fps"):
        assert word in facts
    video = Video(tmp_path / "b.mp4", 20.0)
    video.add(np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(ValueError, match="frame of 20x20"):
        video.add(np.zeros((20, 20, 3), np.uint8))
    video.discard()
    video = Video(tmp_path / "none" / "c.mp4", 20.0)
    video.add(np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(VideoFailed):
        video.close()

    def interrupted() -> None:
        with kept(Video(tmp_path / "d.mp4", 20.0)) as video:
            video.add(np.zeros((20, 20, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
