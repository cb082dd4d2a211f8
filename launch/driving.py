"""What makes a policy drive: `python -m launch.driving --out_dir=runs/driving`.

Trains the preset on the stand-in, with a random start, and so with one choice made otherwise, one
run after another, and writes episodes.csv, summary.csv and driving.png. Finished runs are kept and
interrupted ones resumed, so it can be run in parts. Pictures are 48 x 48: a run takes minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from launch.studies.driving import ARMS, write_results
from launch.studies.study import conduct

_OUT = flags.DEFINE_string("out_dir", "runs/driving", "folder of runs and results")
_ARMS = flags.DEFINE_list("arms", list(ARMS), "arms to train")
_SEEDS = flags.DEFINE_integer("seeds", 2, "seeds of each", lower_bound=1)
_ARGS = flags.DEFINE_list("train_args", [], "further flags of launch.train, e.g. --npc_vehicles=0")

_COMMON = (
    "--preset=carla",
    "--steps=6000",
    "--image_size=48",
    "--random_shift=4",
    "--eval_every=0",
    "--eval_steps=1500",
    "--final_episodes=4",
    "--nofilm",
    "--checkpoint_every=0",
    "--nosave_replay",
)


def main(_: Sequence[str]) -> int:
    """Train what is missing, then write and print the results."""
    unknown = [name for name in _ARMS.value if name not in ARMS]
    if unknown:
        print(f"driving: --arms={','.join(unknown)}: expected some of {', '.join(ARMS)}")
        return 2
    runs = [
        (f"{name}-seed{seed}", [*_COMMON, *ARMS[name], f"--seed={seed}", *_ARGS.value])
        for seed in range(_SEEDS.value)
        for name in _ARMS.value
    ]
    code, _rows = conduct("driving", Path(_OUT.value), runs, write_results)
    return code


if __name__ == "__main__":
    app.run(main)
