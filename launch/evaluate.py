"""Evaluate policies: a checkpoint's, random actions, the rule-based expert, a blind script.

Started by `td3jax evaluate` or `python -m launch.evaluate`. Several policies drive the same
episodes. Prints a table, and writes a JSON file for each: summary, deviations, every episode.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.config import with_options
from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.config.presets import DEFAULT, preset
from launch.config.run import CARLA, for_evaluation
from launch.config.run_flags import ABOUT_PRESETS, configuration, from_checkpoint, run_flags
from launch.errors import BadInput
from launch.scores import HIDDEN, POLICIES, POLICY, SCRIPTED
from launch.signals import stop_on_signals

if TYPE_CHECKING:
    from launch.training.policy_evaluation import PolicyEvaluation

#: Pixels of the driving task's pictures for people, where no flag says otherwise.
VIDEO_SIZE = {"render_width": 960, "render_height": 540}
COMMAND = Command(
    "evaluate",
    __doc__,
    "td3jax evaluate runs/carla-001 --episodes=10",
    (
        Flag(
            "run_dir",
            str,
            "",
            "run folder, or one of its checkpoints; its configuration is the base",
            common=True,
            also=("checkpoint",),
        ),
        Flag(
            "policy",
            tuple,
            ("checkpoint",),
            f"one or more of {', '.join(POLICIES)}; {' and '.join(SCRIPTED)} for carla only, the "
            "last two are the checkpoint with a part of its observation hidden",
            True,
            choices=POLICIES,
        ),
        Flag("episodes", int, 10, "episodes to run; their seeds follow from --seed", True, low=1),
        Flag(
            "out", str, "", "JSON file of one policy [evaluation-POLICY.json in the run, or here]"
        ),
        Flag(
            "video",
            bool,
            False,
            "record the best and the worst episode of each policy, *-best.mp4 and *-worst.mp4 "
            "beside its JSON file",
            True,
        ),
        Flag("gif", str, "", "GIF file of a few seconds of one policy's best episode", True),
        Flag(
            "gif_start", float, -1.0, "second of the episode that it starts at; -1 = the liveliest"
        ),
        *run_flags(common=("env", "seed", "town", "host", "port")),
    ),
    positional="run_dir",
    notes=ABOUT_PRESETS,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    plan = make_plan(given)
    from launch.training.policy_evaluation import evaluate_policies

    with stop_on_signals() as stop:
        return evaluate_policies(plan, stop)


def make_plan(given: dict[str, Any]) -> PolicyEvaluation:
    """Make of the flags what is to be evaluated; BadInput for what does not go together."""
    policies = dict.fromkeys(COMMAND.value(given, "policy"))
    folder = COMMAND.value(given, "run_dir")
    for policy in (POLICY, *HIDDEN):
        if policy in policies and not folder:
            raise BadInput(f"--policy={policy} needs --run_dir=RUN_FOLDER")
    if folder and given.get("preset"):
        raise BadInput(f"--preset={given['preset']}: {folder} has a configuration of its own")
    for flag in ("out", "gif"):
        if given.get(flag) and len(policies) > 1:
            raise BadInput(f"--{flag}={given[flag]}: one file for {len(policies)} policies")
    # jax is imported once the flags are known to be right
    from launch.training import checkpoint
    from launch.training.policy_evaluation import Gif, PolicyEvaluation

    path = checkpoint.find(Path(folder), _tell) if folder else None
    if path:
        config = from_checkpoint(given, checkpoint.read_config(path))
    else:
        config = configuration(given, preset(given.get("preset") or DEFAULT))
    config = for_evaluation(config)
    for policy in policies.keys() & set(SCRIPTED):
        if config.loop.env != CARLA:
            raise BadInput(f"--policy={policy}: only env {CARLA} has scripted drivers")
        config = dataclasses.replace(config, env=with_options(config.env, expert_hints=True))
    home = (checkpoint.run_folder(path) if path else None) or Path()
    outs = {
        policy: Path(COMMAND.value(given, "out") or home / f"evaluation-{policy}.json")
        for policy in policies
    }
    gif = Path(given["gif"]) if given.get("gif") else None
    for file in filter(None, (*outs.values(), gif)):
        if not file.parent.is_dir():
            raise BadInput(f"{file}: there is no folder {file.parent}")
    episodes, video = COMMAND.value(given, "episodes"), COMMAND.value(given, "video") or bool(gif)
    if video:
        larger = {name: size for name, size in VIDEO_SIZE.items() if name not in given}
        config = dataclasses.replace(config, env=with_options(config.env, **larger))
    part = Gif(gif, COMMAND.value(given, "gif_start")) if gif else None
    return PolicyEvaluation(outs, path, config, episodes, video, part)


def _tell(line: str) -> None:
    print(f"evaluate: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
