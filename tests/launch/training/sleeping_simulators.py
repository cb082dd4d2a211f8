"""The training loop with simulators and a device that sleep, against docs/scale.md's arithmetic.

`python tests/launch/training/sleeping_simulators.py --simulators=64` runs the real loop, replay
buffer and learner, in rounds, with --overlap, and with simulators that drive pieces as collectors
with policies do. A step of a simulator takes as long as CARLA's
ticks, an update as long as a GPU's, and neither computes anything. Fails where a throughput is
more than a fifth away from the arithmetic.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from launch.config.run import RunConfig
from launch.config.tree import replace_leaves
from launch.signals import StopRequest
from launch.training.loop import train
from launch.training.overlap import Overlap
from launch.training.pieces import Piece, Weights
from launch.training.publisher import Publisher
from launch.training.session import Session, open_session
from td3jax import ALGORITHMS, Algorithm

TICKS_A_STEP = 4
VECTOR, ACTION = 23, 2
EPISODE = 250  # steps, the mean
BATCH = 128


class Speeds(NamedTuple):
    """Seconds of a simulator's step and reset, and of the device's update and act."""

    step: float
    reset: float
    update: float
    act: float


class SleepingEnv(gymnasium.Env):
    """Answers when its time has passed, as a process beside this one does; its episodes have
    geometric lengths, so that as many end at any time."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, speeds: Speeds, index: int, side: int) -> None:
        boxes: dict[str, gymnasium.Space] = {
            "vector": gymnasium.spaces.Box(-1.0, 1.0, (VECTOR,), np.float32)
        }
        if side:
            boxes["image"] = gymnasium.spaces.Box(0, 255, (side, side, 4), np.uint8)
        self.observation_space = gymnasium.spaces.Dict(boxes)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (ACTION,), np.float32)
        self.speeds, self.lengths = speeds, np.random.default_rng(index)
        self.seen = {name: np.zeros(box.shape, box.dtype) for name, box in boxes.items()}
        self.newest = {name: part[..., -1:] for name, part in self.seen.items() if part.ndim > 1}
        self.newest["vector"] = self.seen["vector"]
        self.due, self.left = 0.0, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        time.sleep(self.speeds.reset)
        self.left = int(self.lengths.geometric(1 / EPISODE))
        return self.seen, {}

    def step_async(self, action: np.ndarray) -> None:
        self.due = time.monotonic() + self.speeds.step

    def step_wait(self) -> Any:
        time.sleep(max(self.due - time.monotonic(), 0.0))
        self.left -= 1
        return self.seen, 0.0, False, self.left == 0, {}

    def drive(self, weights: Weights, noise: np.ndarray) -> Piece:
        """A piece that the actor drives; of pictures, only the newest frames."""
        steps = []
        for action in np.zeros_like(noise[: self.left], np.float32):
            self.left -= 1
            steps.append((action, (self.newest, 0.0, False, self.left == 0, {})))
        time.sleep(self.speeds.step * len(steps))
        return Piece([*steps[:-1], (action, (self.seen, *steps[-1][1][1:]))])


class Later:
    """A value that is there at a time, as a device's arrays are."""

    def __init__(self, value: np.ndarray, at: float) -> None:
        self.value, self.at = value, at

    def is_ready(self) -> bool:
        return time.monotonic() >= self.at

    def block_until_ready(self) -> Later:
        time.sleep(max(self.at - time.monotonic(), 0.0))
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.block_until_ready().value, dtype)


def sleeping(speeds: Speeds) -> Algorithm:
    """An algorithm on a device that works off its calls one after the other."""
    free, lock = [0.0], threading.Lock()

    def after(seconds: float, value: np.ndarray) -> Any:
        with lock:
            free[0] = max(free[0], time.monotonic()) + seconds
            return Later(value, free[0])

    def act(state: Any, observation: Any) -> Any:
        rows = len(observation["vector"])
        return after(speeds.act, np.zeros((rows, ACTION), np.float32))

    def update(state: Any, batch: Any, scalars: bool = True, donate: bool = False) -> Any:
        return state, {"train/critic_loss": after(speeds.update, np.float32(0.0))}

    def update_many(state: Any, batches: Any, scalars: bool = True, donate: bool = False) -> Any:
        seconds = speeds.update * len(batches.action)
        return state, {"train/critic_loss": after(seconds, np.float32(0.0))}

    return ALGORITHMS["td3"]._replace(
        init=lambda config, spaces, key: {"nothing": np.zeros(1, np.float32)},
        act=act,
        update=update,
        update_many=update_many,
        weights=None,
    )


def opened(options: argparse.Namespace, speeds: Speeds, mode: str, folder: Path) -> Session:
    """A run whose algorithm and simulators sleep."""
    count = options.simulators
    warm = 4 * count + 2 * BATCH
    config = replace_leaves(
        RunConfig(),
        {
            "env": "sleeping",
            "simulators": count,
            "overlap": mode != "rounds",
            "max_lag": max(32, (50 if mode == "pieces" else 2) * count),
            "steps": warm + int(options.seconds * predicted(options, speeds, mode)),
            "learning_starts": warm,
            "batch_size": BATCH,
            "update_ratio": options.update_ratio,
            "capacity": 20_000,
            "eval_every": 0,
            "checkpoint_every": 0,
            "save_replay": False,
            "log_every": 1_000_000,
            "algorithm": f"{__name__}:SLEEPING",
        },
    )
    globals()["SLEEPING"] = sleeping(speeds)
    envs: list[Any] = [SleepingEnv(speeds, i, options.side) for i in range(count)]
    session = open_session(config, folder, envs, StopRequest(), None)
    if mode == "pieces":
        loop = session.config.loop
        publisher = Publisher(session.learner, loop.max_lag, lambda weights: weights)
        session.overlap = Overlap(session.simulators, session.learner, loop, publisher)
    return session


def predicted(options: argparse.Namespace, speeds: Speeds, mode: str) -> float:
    """Environment steps a second: what saturates first, by the arithmetic of docs/scale.md."""
    count, ratio = options.simulators, options.update_ratio
    resets = speeds.reset / EPISODE  # seconds for each step of a simulator
    if mode == "pieces":  # the policy's answers are a part of the simulator's step
        return min(count / (speeds.step + resets), 1.0 / (ratio * speeds.update))
    if mode == "overlap":
        own = count / (speeds.step + speeds.act + resets)
        device = 1.0 / (ratio * speeds.update + speeds.act)  # each is asked for alone
        return min(own, device)
    work = count * ratio * speeds.update
    return count / (speeds.act + max(speeds.step, work) + count * resets)


def measured(session: Session) -> float:
    """Environment steps a second after the warm-up."""
    first: list[tuple[int, float]] = []
    earn = session.learner.earn

    def noted() -> None:
        if not first:
            first.append((session.step, time.monotonic()))
        earn()

    session.learner.earn = noted  # type: ignore[method-assign]
    assert train(session)
    (step, began), now = first[0], time.monotonic()
    return (session.step - step) / (now - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulators", type=int, default=64)
    parser.add_argument("--ticks", type=float, default=20.0, help="a second, of one simulator")
    parser.add_argument("--reset", type=float, default=0.0, help="seconds of a reset")
    parser.add_argument("--update_ms", type=float, default=2.0)
    parser.add_argument("--act_ms", type=float, default=0.3)
    parser.add_argument("--update_ratio", type=float, default=1.0)
    parser.add_argument("--side", type=int, default=0, help="of the pictures; 0 = none")
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    speeds = Speeds(
        TICKS_A_STEP / options.ticks,
        options.reset,
        options.update_ms / 1000,
        options.act_ms / 1000,
    )
    wrong = 0
    for mode in ("rounds", "overlap", "pieces"):
        expected = predicted(options, speeds, mode)
        with tempfile.TemporaryDirectory() as folder:
            session = opened(options, speeds, mode, Path(folder))
            processor = time.process_time()
            found = measured(session)
            processor = time.process_time() - processor
            session.close()
        share = found / expected
        cost = 1000 * processor / session.step
        print(
            f"{mode}: {expected:.0f} steps/s by arithmetic, {found:.0f} measured ({share:.2f}); "
            f"{session.learner.updates:,} updates; {cost:.2f} ms of CPU a step"
        )
        wrong += not 0.8 <= share <= 1.25
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
