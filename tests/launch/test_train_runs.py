"""Whole runs in small: what they leave, how they stop, that every option of the loop counts."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import gymnasium
import imageio_ffmpeg
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from run_support import (
    ROOT,
    SplitToyEnv,
    ToyEnv,
    as_flags,
    command,
    finished,
    logged,
    session,
    start,
    tiny,
)

from launch.config.run import LoopConfig
from launch.config.tree import replace_leaves
from launch.diagnosis.read.events import read_event_file
from launch.errors import NonFinite
from launch.train import main
from launch.training import checkpoint
from launch.training.loop import StoppedNoGo, train


def rows(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """metrics.csv by tag."""
    table: dict[str, list[tuple[int, float]]] = {}
    for line in (folder / "metrics.csv").read_text().splitlines()[1:]:
        step, tag, value = line.split(",")
        table.setdefault(tag, []).append((int(step), float(value)))
    return table


def test_a_run_leaves_everything_and_never_overwrites(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    words = [*as_flags(), "--record_video", f"--runs_dir={tmp_path}", "--name=x"]
    assert main(words) == 0
    out = capfd.readouterr().out
    assert "buffer 27," in out
    assert "preset vector fits Pendulum-v1's observations" in out
    assert "cpu:0" in out
    folder = tmp_path / "x-001"
    for name in (
        "config.json",
        "metrics.csv",
        "report.html",
        "report.md",
        "report.json",
        "evaluation.json",
        "evaluation.mp4",
        "q_values.png",
        "returns.png",
        "sessions.jsonl",
    ):
        assert (folder / name).stat().st_size > 0, name
    assert (folder / "report.md").read_text().startswith("# ")
    verdict, report, page, video, first, last = out.splitlines()[-6:]
    assert verdict.startswith(("GO: ", "UNDECIDED: ", "NO-GO: "))
    assert report == f"report: {folder / 'report.md'}"
    assert page == f"page: {folder / 'report.html'}"
    assert video == f"video: {folder / 'evaluation.mp4'}"
    assert f"evaluate {folder} --policy=checkpoint,random --episodes=48" in first
    assert last.endswith(f"tensorboard --logdir {tmp_path}")
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(folder / "evaluation.mp4"))
    assert frames == 200
    (events,) = folder.glob("events.out.tfevents.*")
    found = read_event_file(events).series
    ours = rows(folder)
    assert set(found) == set(ours)
    assert [int(s) for s in found["debug/q1_mean"].steps] == [s for s, _ in ours["debug/q1_mean"]]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert main([*words, "--norecord_video", "--config", str(folder / "config.json")]) == 0
    assert (tmp_path / "x-002").is_dir()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert logged(tmp_path / "x-002") == logged(folder)


def test_every_scalar_of_the_reports_is_logged(tmp_path: Path) -> None:
    run = session(tiny(eval_every=100), tmp_path / "run")
    assert train(run)
    run.close()
    tags = set(rows(tmp_path / "run"))
    stats = ("mean", "max", "min", "std")
    wanted = {
        f"debug/{name}_{stat}"
        for name in ("actor_q", "q1", "q2", "target_q", "reward")
        for stat in stats
    }
    wanted |= {
        f"gradients/{net}_{part}_norm{end}"
        for net in ("actor", "critic")
        for part in ("cnn", "mlp")
        for end in ("", "_clipped")
    }
    wanted |= {
        f"alerts/{name}"
        for name in (
            "gradient_explosion_warning",
            "q_divergence",
            "gradient_explosion_critical",
            "action_saturation",
            "non_finite",
        )
    }
    wanted |= {
        f"agent/{name}"
        for name in (
            "total_iterations",
            "is_training",
            "actor_lr",
            "buffer_utilization",
            "critic_lr",
            "actor_cnn_lr",
            "critic_cnn_lr",
        )
    }
    wanted |= {
        f"train/{name}"
        for name in (
            "episode_reward",
            "episode_length",
            "q1_value",
            "q2_value",
            "actor_loss",
            "critic_loss",
            "critic_1_loss",
            "critic_2_loss",
        )
    }
    wanted |= {"debug/td_error_q1", "debug/td_error_q2", "debug/done_ratio", "env/sim_faults"}
    wanted |= {"debug/effective_discount", "debug/overestimation", "reward/total", "eval/return"}
    wanted |= {"health/overestimation"}
    assert wanted - tags == set()
    documented = (ROOT / "docs" / "scalars.md").read_text()
    assert [tag for tag in tags if f"`{tag}`" not in documented] == []


def test_counters_and_schedule(tmp_path: Path) -> None:
    config = tiny(update_ratio=0.4, learning_starts=50, eval_every=0)
    run = session(config, tmp_path / "run")
    assert train(run)
    run.close()
    updates = dict(rows(tmp_path / "run")["agent/total_iterations"])
    assert updates[40] == 0
    assert updates[60] == 0.4 * 10
    assert updates[300] == 0.4 * 250
    assert int(run.learner.state.step) == run.learner.updates == 100
    assert run.buffer.size == 300


def _register(name: str, **options: Any) -> str:
    if name not in gymnasium.registry:
        gymnasium.register(name, lambda **_: ToyEnv(**options))
    return name


@pytest.mark.parametrize(
    ("reward", "shown"), [(math.nan, "nan"), (-1e39, "-1e+39, beyond float32,")]
)
def test_a_reward_that_is_no_number_stops_the_run_with_its_state(
    reward: float, shown: str, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    env = _register(f"Reward{shown[0]}-v0", at=lambda total: reward if total == 70 else 1.0)
    folder = tmp_path / "run"
    assert main([*as_flags(env=env, checkpoint_every=50), f"--run_dir={folder}"]) == 3
    err = capfd.readouterr().err
    dump = folder / "dump-step-000000069"
    assert f"train: the environment's reward is {shown} in episode 2; state kept in {dump}" in err
    assert (dump / "state.msgpack").is_file()
    assert (folder / "report.md").is_file()
    assert [path.name for path in checkpoint.all_checkpoints(folder)] == ["step-000000050"]


def test_a_reset_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    env = SplitToyEnv()
    begin = env.inner.reset

    def reset(**options: Any) -> Any:
        observation, info = begin(**options)
        return observation * (np.nan if env.inner.resets == 2 else 1.0), info

    env.inner.reset = reset
    run = session(tiny(eval_every=0, learning_starts=100), tmp_path / "run", env)
    with pytest.raises(NonFinite, match=r"vector\[0\] is nan in episode 1; state kept in"):
        train(run)
    run.close()
    assert run.buffer.size == env.length


@pytest.mark.parametrize(("log_every", "step"), [(1, 21), (20, 40)])
def test_an_overflow_stops_the_run(tmp_path: Path, log_every: int, step: int) -> None:
    env = SplitToyEnv(at=lambda total: 1e25)
    run = session(tiny(log_every=log_every, eval_every=0), tmp_path / "run", env)
    with pytest.raises(NonFinite, match=rf"not finite at step {step}; state kept in"):
        train(run)
    run.close()
    assert rows(tmp_path / "run")["alerts/non_finite"][-1] == (step, 1.0)


def test_an_action_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    run = session(tiny(eval_every=0), tmp_path / "run", SplitToyEnv())
    state = run.learner.state
    lost = jax.tree.map(lambda leaf: leaf * jnp.nan, state.actor.params)
    run.learner.state = state.replace(actor=state.actor.replace(params=lost))
    with pytest.raises(NonFinite, match=r"the policy's action is \[nan\] at step 20; state kept"):
        train(run)
    run.close()


def test_no_go_stops_only_a_run_that_asked_for_it(tmp_path: Path) -> None:
    limits = ("gradient_critical=1e-9",)
    run = session(tiny(limits=limits, stop_on_no_go=True, eval_every=0), tmp_path / "stops")
    with pytest.raises(StoppedNoGo, match=r"NO-GO at step 40: .*checkpoint") as caught:
        train(run)
    run.close()
    assert caught.value.exit_code == 3
    assert checkpoint.find(tmp_path / "stops").name == "step-000000040"
    run = session(tiny(limits=limits, eval_every=0), tmp_path / "goes-on")
    assert train(run)
    run.close()


@pytest.mark.slow
def test_a_full_disk_ends_the_run_in_one_line(tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk: write() fails with OSError."""
    words = [*as_flags(log_every=1000, hidden_sizes="64,64"), "--run_dir", str(tmp_path / "run")]
    limited = ["bash", "-c", 'ulimit -f 24; exec "$@"', "-", *command("train", *words)]
    code, _, err = finished(start(limited))
    assert code == 1
    assert "the checkpoint cannot be written (File too large); there is none before it" in err
    assert "Traceback" not in err
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


def fingerprint(folder: Path, config: Any) -> tuple[Any, ...]:
    """Everything that the loop leaves behind, without clocks."""
    run = session(config, folder)
    try:
        outcome: Any = train(run)
    except StoppedNoGo as error:
        outcome = type(error).__name__
    run.close()
    saved = [(path.name, (path / "replay").is_dir()) for path in checkpoint.all_checkpoints(folder)]
    return outcome, saved, logged(folder)


CHANGED: dict[str, Any] = {
    "env": "MountainCarContinuous-v0",
    "env_steps": 50,
    "env_seeds": 1,
    "action_repeat": 2,
    "algorithm": f"{ROOT}/examples/sac.py:SAC",
    "rules": f"{ROOT}/examples/own_loss.py:RULES",
    "steps": 240,
    "learning_starts": 30,
    "random_steps": 90,
    "update_ratio": 0.5,
    "pretrain_updates": 10,
    "simulators": 2,
    "batch_size": 4,
    "exploration_noise": 0.3,
    "exploration_correlation": 0.5,
    "eval_every": 0,
    "eval_episodes": 2,
    "checkpoint_every": 90,
    "keep_checkpoints": 1,
    "save_replay": False,
    "log_every": 30,
    "seed": 1,
    "stop_on_no_go": True,
    "limits": (),
}
ELSEWHERE = {
    "final_episodes",
    "record_video",
    "eval_steps",
    "warm_up",
    "warm_up_noise",
    "overlap",
    "max_lag",
    "policy_on_collectors",
    "env_args",
    "ray_address",
    "servers",
    "devices",
    "track",
}  # in whole runs, of a simulator


@pytest.mark.slow
def test_every_option_of_the_loop_counts(tmp_path: Path) -> None:
    names = {field.name for field in dataclasses.fields(LoopConfig)}
    assert names == CHANGED.keys() | ELSEWHERE
    base = tiny(limits=("gradient_critical=1e-9",), steps=250)
    loop = replace_leaves(base, {"limits": ("gradient_critical=1e-9",)})
    usual = fingerprint(tmp_path / "usual", loop)
    assert fingerprint(tmp_path / "again", loop) == usual
    for name, value in CHANGED.items():
        config = replace_leaves(loop, {name: value})
        if name == "limits":  # they count where a run may stop on them
            config = replace_leaves(config, {"stop_on_no_go": True})
            assert fingerprint(tmp_path / name, config)[0] is True
            continue
        assert fingerprint(tmp_path / name, config) != usual, name


def test_the_shortest_run_still_ends_with_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert main([*as_flags(final_episodes=0, steps=1), f"--run_dir={folder}"]) == 0
    assert (folder / "report.md").read_text().startswith("# UNDECIDED")


@pytest.mark.slow
def test_the_end_of_a_run_can_be_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert (
        main([*as_flags(final_episodes=0, steps=60), "--record_video", f"--run_dir={folder}"]) == 0
    )
    assert not (folder / "evaluation.json").exists()
    assert not (folder / "evaluation.mp4").exists()
    assert json.loads((folder / "report.json").read_text())["evaluation"] is None


def test_an_environment_that_does_not_fit_makes_no_folder(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    runs = tmp_path / "runs"
    for env, message in (("CartPole-v1", "TD3 needs a bounded Box"), ("Nope-v3", "Nope")):
        for more in ([], ["--preset=sb3"]):
            assert main([f"--env={env}", f"--runs_dir={runs}", *more]) == 2
            out, err = capfd.readouterr()
            assert message in err
            assert out in ("", f"loading jax, then making {env}\n")
            assert err.count("\n") == 1
            assert list(runs.glob("*")) == []
