"""What a step costs through a Ray actor, against the same environment in a process with a pipe.

`python tests/launch/training/remote_steps.py --collectors=2` prints milliseconds a step and its CPU
time, of this process and of it with all that it has started; docs/scale.md has the figures. Pieces
of 25 steps are driven by the actor, with the policy of a fresh agent.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import gymnasium
import jax
import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from launch.config.run import PIECE_STEPS, LoopConfig, RunConfig  # noqa: E402
from launch.config.tree import replace_leaves  # noqa: E402
from launch.training.environments import spaces_of  # noqa: E402
from launch.training.pieces import Weights  # noqa: E402
from launch.training.remote import RemoteEnv, cluster, put, remote_envs  # noqa: E402
from td3jax import ALGORITHMS  # noqa: E402

ACTION = np.zeros(2, np.float32)


class Still(gymnasium.Env[Any, np.ndarray]):
    """Does nothing, and shows what the driving environment shows."""

    def __init__(self) -> None:
        box = gymnasium.spaces.Box
        image, vector = box(0, 255, (84, 84, 4), np.uint8), box(-1.0, 1.0, (23,), np.float32)
        self.observation_space = gymnasium.spaces.Dict({"image": image, "vector": vector})
        self.action_space = box(-1.0, 1.0, (2,), np.float32)
        self._seen = {"image": np.zeros((84, 84, 4), np.uint8), "vector": np.zeros(23, np.float32)}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Return the picture."""
        return self._seen, {}

    def step(self, action: np.ndarray) -> Any:
        """Return the picture."""
        return self._seen, 0.0, False, False, {}


gymnasium.register("Still-v0", Still, max_episode_steps=10**9)


def _serve(channel: Connection) -> None:
    env = Still()
    while (action := channel.recv()) is not None:
        channel.send(env.step(action))


def _seconds_of_all() -> float:
    """CPU seconds of this process and of all below it."""
    parents, seconds = {}, {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid = int(file.parent.name)
        parents[pid], seconds[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    ours = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in ours} - ours
        if not more:
            return sum(seconds.get(pid, 0) for pid in ours) / os.sysconf("SC_CLK_TCK")
        ours |= more


def _measured(name: str, count: int, steps: int, one_round: Callable[[], None]) -> None:
    """Print a step's cost; `count` steps are one round."""
    for _ in range(max(20 // count, 2)):
        one_round()
    rounds = steps // count
    every, here, began = _seconds_of_all(), time.process_time(), time.monotonic()
    for _ in range(rounds):
        one_round()
    taken = time.monotonic() - began, time.process_time() - here, _seconds_of_all() - every
    wall, own, whole = (1e3 * seconds / (rounds * count) for seconds in taken)
    print(f"{name}: {wall:.2f} ms a step; CPU {own:.2f} ms here, {whole:.2f} ms in all", flush=True)


def _fresh_weights(config: RunConfig, env: RemoteEnv) -> Weights:
    algorithm = ALGORITHMS["td3"]
    assert algorithm.weights is not None
    state = algorithm.init(config.agent, spaces_of(env), jax.random.PRNGKey(0))
    return Weights(0, put(jax.device_get(algorithm.weights(state))))


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--collectors", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    channels = []
    for _ in range(options.collectors):
        ours, theirs = multiprocessing.Pipe()
        multiprocessing.Process(target=_serve, args=(theirs,), daemon=True).start()
        channels.append(ours)

    def by_pipes() -> None:
        for channel in channels:
            channel.send(ACTION)
        for channel in channels:
            channel.recv()

    _measured("pipes", options.collectors, options.steps, by_pipes)
    loop = LoopConfig(ray_address="local", simulators=options.collectors)
    leaves = {"env": f"{Path(__file__).stem}:Still-v0", "simulators": options.collectors}
    with cluster(loop):
        config = replace_leaves(RunConfig(), leaves)
        envs = remote_envs(config)
        for env in envs:
            env.reset()

        def by_ray() -> None:
            for env in envs:
                env.step_async(ACTION)
            for env in envs:
                env.step_wait()

        _measured("Ray", options.collectors, options.steps, by_ray)
        for env in envs:
            env.reset()
        weights = _fresh_weights(config, envs[0])
        noise = np.zeros((PIECE_STEPS, 2))
        threads = ThreadPoolExecutor(options.collectors)

        def by_pieces() -> None:
            list(threads.map(lambda env: env.drive(weights, noise), envs))

        _measured("pieces", options.collectors * PIECE_STEPS, options.steps, by_pieces)
        threads.shutdown()
        for env in envs:
            env.close()


if __name__ == "__main__":
    main()
