"""Small trainings for tests: as processes, and as sessions in this process."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from launch.config.run import RunConfig
from launch.config.tree import replace_leaves
from launch.signals import StopRequest
from launch.training.environments import make_envs
from launch.training.session import Session, open_session

ROOT = Path(__file__).resolve().parents[2]
TINY: dict[str, Any] = {
    "env": "Pendulum-v1",
    "hidden_sizes": (8, 8),
    "batch_size": 8,
    "capacity": 1000,
    "steps": 300,
    "learning_starts": 20,
    "log_every": 20,
    "checkpoint_every": 100,
    "eval_every": 150,
    "eval_episodes": 1,
    "final_episodes": 1,
    "record_video": False,
}


#: Of a training from small pictures, in an environment that costs little.
TOY: dict[str, Any] = {
    "env": "envs:td3jax/LaneToy-v0",
    "env_args": ("size=16",),
    "conv_channels": (4,),
    "conv_kernels": (8,),
    "conv_strides": (8,),
    "feature_size": 16,
    "steps": 120,
    "eval_every": 0,
    "checkpoint_every": 0,
}
#: Flags of a training in the town with a network of a few weights.
TINY_DRIVE = (
    "--conv_channels=4",
    "--conv_kernels=8",
    "--conv_strides=8",
    "--feature_size=16",
    "--hidden_sizes=8,8",
    "--batch_size=8",
    "--capacity=1000",
    "--learning_starts=20",
    "--log_every=10",
    "--npc_vehicles=3",
    "--episode_steps=25",
)


def tiny(**values: Any) -> RunConfig:
    """A configuration that trains in a moment."""
    return replace_leaves(RunConfig(), {**TINY, **values})


def overlapping(**values: Any) -> RunConfig:
    """The same with simulators and learner side by side, and no evaluation."""
    return tiny(**{"overlap": True, "eval_every": 0, "final_episodes": 0, **values})


def as_flags(**values: Any) -> list[str]:
    """The tiny configuration as command line flags."""
    words = []
    for name, value in {**TINY, **values}.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words.append(f"--{name}={text}")
    return words


def command(module: str, *words: str) -> list[str]:
    """The command line of one of our programs."""
    return [sys.executable, "-m", f"launch.{module}", *words]


def start(words: list[str], **options: Any) -> subprocess.Popen:
    """A process with our sources, its output in pipes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        words, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def process(*words: str, module: str = "train", **options: Any) -> subprocess.Popen:
    """A program of ours as a process of its own."""
    return start(command(module, *words), **options)


def finished(child: subprocess.Popen, seconds: float = 180.0) -> tuple[int, str, str]:
    """Exit code and output of a process; kill it where it takes too long."""
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    return child.returncode, out, err


def wait_for(condition: Any, child: subprocess.Popen, seconds: float = 200.0) -> None:
    """Wait until a condition holds while the process lives; kill it where it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert child.poll() is None, child.communicate()
        if time.monotonic() > deadline:
            child.kill()
            raise AssertionError(child.communicate())
        time.sleep(0.01)


def last_step(folder: Path) -> int:
    """The newest step in a run's metrics.csv; 0 before the first."""
    file = folder / "metrics.csv"
    lines = file.read_text().splitlines()[1:-1] if file.exists() else []
    return int(lines[-1].split(",")[0]) if lines else 0


def children(pid: int) -> list[int]:
    """Living processes whose parent is `pid`, by their start."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append((int(fields[19]), int(status.parent.name)))
    return [child for _, child in sorted(found)]


def below(pid: int, title: bytes = b"") -> list[int]:
    """Living processes that one has started, or those have, whose command line has the title."""
    found = [child for each in children(pid) for child in (each, *below(each))]
    return [child for child in found if title in _command_line(child)]


def stand_ins(pid: int) -> list[int]:
    """The living stand-ins that a training has started, the newest last."""
    return [child for child in children(pid) if b"envs.standin" in _command_line(child)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def logged(folder: Path) -> list[str]:
    """The lines of metrics.csv that do not depend on the clock."""
    lines = (folder / "metrics.csv").read_text().splitlines()
    return [line for line in lines if ",time/" not in line]


def column(folder: Path, tag: str) -> list[float]:
    """A scalar's values in metrics.csv."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row["value"]) for row in csv.DictReader(file) if row["tag"] == tag]


def session(
    config: RunConfig, folder: Path, env: Any = None, resume: Path | None = None
) -> Session:
    """An open session in this process; env: one, a list of one for each simulator, or none."""
    folder.mkdir(exist_ok=True)
    envs = env if isinstance(env, list) else [env] if env else make_envs(config)
    return open_session(config, folder, envs, StopRequest(), resume)


class ToyEnv(gymnasium.Env):
    """Counts to its length; `at(step)` may raise, or return a reward. Shapes are Pendulum's."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, length: int = 25, at: Any = None) -> None:
        self.length, self.at = length, at or (lambda total: 1.0)
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.steps = self.total = self.resets = 0

    def _observation(self) -> np.ndarray:
        return np.array([self.steps / self.length, self.resets % 7 / 7, 0.5], np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps, self.resets = 0, self.resets + 1
        return self._observation(), {}

    def step(self, action: np.ndarray) -> Any:
        self.steps, self.total = self.steps + 1, self.total + 1
        reward = self.at(self.total)
        return self._observation(), reward, False, self.steps == self.length, {}


class SplitToyEnv(gymnasium.Env):
    """ToyEnv as a simulator offers it: dict observations, a step in two halves."""

    metadata = {"render_modes": []}  # noqa: RUF012
    render_mode = None

    def __init__(self, length: int = 25, at: Any = None) -> None:
        self.inner, self.length = ToyEnv(length, at), length
        vector = self.inner.observation_space
        self.observation_space = gymnasium.spaces.Dict({"vector": vector})
        self.action_space = self.inner.action_space
        self.order: list[str] = []
        self._action: np.ndarray | None = None

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        observation, info = self.inner.reset(seed=seed)
        self.inner.length = (options or {}).get("max_steps") or self.length
        self.order.append("reset")
        return {"vector": observation}, info

    def step_async(self, action: np.ndarray) -> None:
        assert self._action is None
        self._action = action
        self.order.append("send")

    def step_wait(self) -> Any:
        action, self._action = self._action, None
        assert action is not None
        self.order.append("wait")
        observation, *rest = self.inner.step(action)
        return {"vector": observation}, *rest
