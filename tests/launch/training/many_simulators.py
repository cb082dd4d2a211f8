"""A training with many simulators of which some are killed: no hang, no leak.

    python tests/launch/training/many_simulators.py --simulators=8 --episodes=500 --kills=3

trains until so many episodes have ended, kills stand-ins (SIGKILL) at equal distances on the way,
and prints the memory, threads and open files of the trainer, and the memory of all that it started,
at each twentieth. Exit code 1 where the training ends or stands still.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parents[1])]

from run_support import below, column, finished, process, stand_ins  # noqa: E402

from launch.studies.endurance import process_state  # noqa: E402

PATIENCE = 300.0  # seconds for an episode of any simulator
SMALL = (
    "--image_size=42 --camera_width=42 --camera_height=42 --random_shift=3 --conv_kernels=4,3,3 "
    "--conv_strides=2,2,2 --batch_size=32 --episode_steps=160 --npc_vehicles=5 --capacity=4000 "
    "--learning_starts=500 --update_ratio=0.05 --steps=1000000 --eval_every=0 "
    "--checkpoint_every=0 --log_every=200"
)


def _ended(run: Path) -> int:
    return len(column(run, "train/episode_reward")) if (run / "metrics.csv").exists() else 0


def _megabytes(pids: list[int]) -> float:
    sizes = []
    for pid in pids:
        try:
            sizes.append(process_state(pid)["resident_mb"])
        except (OSError, KeyError):  # ended meanwhile
            continue
    return sum(sizes)


def _watch(child: subprocess.Popen, run: Path, options: argparse.Namespace) -> None:
    """Kill and print until the episodes are over; SystemExit where the training does not go on."""
    rng = random.Random(options.seed)
    kills = [options.episodes * (n + 1) // (options.kills + 1) for n in range(options.kills)]
    looks = [options.episodes * (n + 1) // 20 for n in range(20)]
    ended, since = 0, time.monotonic()
    print("episodes, trainer MB, its threads, its open files, all others MB, faults")
    while ended < options.episodes:
        time.sleep(0.2)
        if child.poll() is not None:
            raise SystemExit(f"the training ended: {child.communicate()}")
        now = _ended(run)
        if now == ended and time.monotonic() - since > PATIENCE:
            raise SystemExit(f"no episode ended in {PATIENCE:g} s, after {ended}")
        if now != ended:
            ended, since = now, time.monotonic()
        if kills and ended >= kills[0]:
            kills.pop(0)
            os.kill(rng.choice(stand_ins(child.pid)), signal.SIGKILL)
        if looks and ended >= looks[0]:
            looks.pop(0)
            state = process_state(child.pid)
            faults = (column(run, "env/sim_faults") or [0.0])[-1]
            figures = (*state.values(), round(_megabytes(below(child.pid))), int(faults))
            print(ended, *figures, sep=", ", flush=True)


def main() -> None:
    """Train, kill and look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulators", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", default=SMALL, help="flags of the training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = (*options.all.split(), f"--simulators={options.simulators}", f"--run_dir={run}")
        child = process(*words)
        started = time.monotonic()
        try:
            _watch(child, run, options)
            print(f"{options.episodes} episodes in {time.monotonic() - started:.0f} s")
            child.send_signal(signal.SIGINT)
            code, _, err = finished(child)
        finally:
            child.kill()
        print(f"exit code {code} after SIGINT; {err.strip().splitlines()[-1:]}")


if __name__ == "__main__":
    main()
