"""What to do next, as commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from launch.diagnosis.causes import LIKELY, Cause
from launch.diagnosis.tags import nearest_names
from launch.diagnosis.verdict import NO_GO
from launch.page.policies import against_blind, wanted
from launch.page.subject import Subject

EPISODES = 48
NEW_SEEDS = 1000  # added to the seed: episodes that the evaluations while training did not have
#: Flags of a new run that act on a cause, where an option does.
REMEDIES = {
    "too_few_updates": "--update_ratio=1",
    "reward_scale": "--reward_normalise",
    "exploding_gradient": "--actor_clip_norm=1 --critic_clip_norm=10",
    "overestimation": "--critic_norm=layer",
    "saturated_policy": "--pre_tanh_penalty=0.01 --random_shift=4",
    "dead_critic": "--critic_norm=layer",
    "stale_targets": "--tau=0.005",
    "nothing_learned": "--random_shift=4",
}


class Step(NamedTuple):
    """What to do and why, and the command; which may be empty."""

    text: str
    command: str = ""


def next_steps(subject: Subject) -> list[Step]:
    """The next steps, the most useful first."""
    return [*_mend(subject), *_measure(subject), *_train_on(subject), *_look(subject)]


def _likely(subject: Subject) -> list[Cause]:
    found = subject.found
    return [cause for cause in found.causes if cause.score >= LIKELY] if found else []


def _mend(subject: Subject) -> Iterator[Step]:
    for cause in _likely(subject)[:2]:
        remedy = REMEDIES.get(cause.name, "")
        command = _again(subject, remedy) if remedy and subject.is_run else ""
        yield Step(cause.advice, command)
    found = subject.found
    near = nearest_names(found.run.foreign) if found else {}
    if near:
        names = shlex.quote(json.dumps(near))
        diagnose = f"td3jax diagnose {_place(subject)} --tag_map=names.json"
        yield Step(
            "Some scalars look like known ones under other names; say which they are.",
            f"echo {names} > names.json && {diagnose}",
        )


def _measure(subject: Subject) -> Iterator[Step]:
    if not subject.is_run:
        return
    policies = wanted(subject.driving)
    if set(policies) - subject.evaluations.keys():
        seed = NEW_SEEDS + int(subject.loop.get("seed", 0))
        words = f"--policy={','.join(policies)} --episodes={EPISODES} --seed={seed}"
        command = f"td3jax evaluate {_place(subject)} {words}"
        yield Step("Compare it with others on the same episodes, with intervals.", command)


def _train_on(subject: Subject) -> Iterator[Step]:
    if not subject.is_run or subject.found is None:
        return
    if subject.found.verdict.decision == NO_GO:
        if not _likely(subject):
            yield Step("See whether another seed does the same.", _other_seed(subject))
        return
    steps = 2 * max(subject.found.verdict.last_step, int(subject.loop.get("steps", 0)))
    resume = f"td3jax train --resume={_place(subject)} --steps={steps}"
    yield Step("Train on, from its last checkpoint.", resume)
    better = against_blind(subject.policies).startswith("better")
    if better or not subject.driving:
        yield Step("One seed proves little: train another.", _other_seed(subject))


def _look(subject: Subject) -> Iterator[Step]:
    if subject.found is None:
        return
    if not subject.is_run:
        yield Step("Judge it again when it has gone on.", f"td3jax diagnose {_place(subject)}")
    if any("tfevents" in path.name for path in subject.found.run.files):
        folder = subject.source if subject.source.is_dir() else subject.source.parent
        folder = folder.parent if subject.is_run else folder
        yield Step("See every scalar, live.", f"tensorboard --logdir {shlex.quote(str(folder))}")


def _again(subject: Subject, *others: str) -> str:
    """The command of another run with the same settings but for some flags."""
    config = shlex.quote(str(subject.source / "config.json"))
    return " ".join([f"td3jax train --config={config}", *others])


def _other_seed(subject: Subject) -> str:
    return _again(subject, f"--seed={int(subject.loop.get('seed', 0)) + 1}")


def _place(subject: Subject) -> str:
    return shlex.quote(str(subject.source))
