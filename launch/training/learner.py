"""The learner: samples batches, steps the agent, and keeps its scalars on the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from launch.config.run import RunConfig
from launch.training import seeds
from launch.training.devices import on_each, shared_out
from launch.training.maxima import RunningMaxima
from td3jax.algorithm import Algorithm, Metrics
from td3jax.batch import Batch
from td3jax.config import Spaces
from td3jax.metrics import WORST
from td3jax.replay.buffer import ReplayBuffer

MOST_PER_CALL = 16  # gradient steps in one call of a compiled program
MOST_IN_FLIGHT = 2  # calls handed to the device, with their batches
MOST_WITH_IMAGES = 4  # 9 MB of frames each at a batch of 256


class _Call(NamedTuple):
    """A call that was handed to the device: what it returns, and the updates up to its end."""

    updates: int
    state: Any
    metrics: Metrics


class Learner:
    """`update` only dispatches; values reach the host in `drain`.

    Each transition collected while the learner is `ready` earns `update_ratio` updates, counted
    in exact fractions.
    """

    def __init__(self, config: RunConfig, algorithm: Algorithm, buffer: ReplayBuffer) -> None:
        self.config, self.algorithm, self.buffer = config, algorithm, buffer
        spaces = buffer.spaces
        seed = config.loop.seed
        self._devices = config.loop.devices
        self.state = on_each(algorithm.init(config.agent, spaces, fresh_key(seed)), self._devices)
        self.rng = seeds.generator(seed, "replay")
        self.updates = 0
        self.pretrained = 0  # of the updates, those before the policy's first step
        # Updates a transition, and those earned and not taken, both in parts of one.
        self._ratio, self._parts = _exact(config.loop.update_ratio).as_integer_ratio()
        self._credit = 0
        self._metrics: Metrics = {}
        self._worst = RunningMaxima()
        self._flying: list[_Call] = []
        self._finished: tuple[int, Any] = (0, self.state)
        self._donate = not config.loop.overlap  # there, actions are chosen by older states
        self._per_call = _calls(config, spaces)

    def ready(self) -> bool:
        """Tell whether the buffer holds enough to learn from."""
        wanted = min(self.config.loop.learning_starts, self.buffer.capacity)
        return self.buffer.size >= max(1, wanted)

    def earn(self) -> None:
        """Count a transition that was collected while learning."""
        self._credit += self._ratio

    def due(self, transitions: int) -> int:
        """Updates owed once so many more transitions have come."""
        return max(0, (self._credit + self._ratio * transitions) // self._parts)

    def update(self, count: int, scalars: bool = True) -> None:
        """Dispatch `count` gradient steps, each on a batch of its own; return while the device
        works on them.

        scalars off: those of earlier updates stay, but for `metrics.WORST`, of all updates.
        """
        self._take(count, self._per_call, scalars)
        self._credit -= count * self._parts

    def owed(self) -> int:
        """Return how many of the `pretrain_updates` are still to be taken."""
        return max(0, self.config.loop.pretrain_updates - self.pretrained)

    def pretrain(self, count: int) -> None:
        """Take gradient steps that no transition has earned, many in a call."""
        self._take(count, most_per_call(self.buffer.spaces), scalars=False)
        self.pretrained += count

    def _take(self, count: int, per_call: int, scalars: bool) -> None:
        left = count
        while left:
            steps = _one_call(left, per_call)
            self._dispatch(steps, scalars)
            left -= steps

    @property
    def at_once(self) -> int:
        """The most updates that an idle device takes without `update` waiting for it."""
        return MOST_IN_FLIGHT * self._per_call

    def one_call(self, count: int) -> int:
        """How many of so many updates the next call of a program takes."""
        return _one_call(count, self._per_call)

    def has_room(self) -> bool:
        """Tell whether `update` would dispatch a call without waiting for the device."""
        return len(self._flying) < MOST_IN_FLIGHT or _is_ready(self._flying[0])

    def newest(self, oldest: int) -> tuple[int, Any]:
        """The newest state that the device has finished, after its number of updates.

        Waits for one that has `oldest` updates. Only with `overlap`: else states are donated.
        """
        while self._flying and (self._finished[0] < oldest or _is_ready(self._flying[0])):
            self._land()
        return self._finished

    def _land(self) -> None:
        call = self._flying.pop(0)
        jax.block_until_ready(call.metrics)
        self._finished = call.updates, call.state

    def _dispatch(self, steps: int, scalars: bool) -> None:
        algorithm, size = self.algorithm, self.config.loop.batch_size
        batches = [self.buffer.sample(size, self.rng) for _ in range(steps)]
        if len(self._flying) == MOST_IN_FLIGHT:
            self._land()
        if steps == 1:
            batch = shared_out(batches[0], self._devices, axis=0)
            self.state, metrics = algorithm.update(self.state, batch, scalars, self._donate)
        else:
            stacked = shared_out(_stacked(batches), self._devices, axis=1)
            self.state, metrics = algorithm.update_many(self.state, stacked, scalars, self._donate)
        self.updates += steps
        self._flying.append(_Call(self.updates, self.state, metrics))
        self._worst.add({name: metrics[name] for name in WORST if name in metrics})
        self._metrics = metrics if scalars else self._metrics

    def drain(self) -> dict[str, float]:
        """Wait for the device; return the last measured update's metrics, with `metrics.WORST` the
        largest of all updates since the last call."""
        scalars = {**self._measured(), **self._worst.values()}
        self._worst.clear()
        return scalars

    def _measured(self) -> dict[str, float]:
        return {name: float(value) for name, value in jax.device_get(self._metrics).items()}

    def finish(self) -> None:
        """Wait for the device."""
        jax.block_until_ready(self.state)

    def loose_state(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the train state."""
        return {
            "updates": self.updates,
            "pretrained": self.pretrained,
            "credit": str(Fraction(self._credit, self._parts)),
            "rng": self.rng.bit_generator.state,
            "metrics": self._measured(),
            "worst": self._worst.values(),
        }

    def restore(self, state: Any, loose: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.state = on_each(jax.tree.map(jnp.asarray, state), self._devices)
        self.updates = int(loose["updates"])
        self.pretrained = int(loose.get("pretrained", 0))  # older checkpoints have none
        self._finished = self.updates, self.state
        self._credit = math.floor(Fraction(loose["credit"]) * self._parts)
        self.rng.bit_generator.state = loose["rng"]
        self._metrics = {k: jnp.float32(v) for k, v in loose["metrics"].items()}
        self._worst.restore(loose.get("worst", {}))  # older checkpoints have none


def _one_call(count: int, per_call: int) -> int:
    return per_call if count >= per_call else min(count, 1)


def _is_ready(call: _Call) -> bool:
    return all(value.is_ready() for value in call.metrics.values())  # type: ignore[attr-defined]


def fresh_key(seed: int) -> jax.Array:
    """The agent's first random key."""
    return jax.random.PRNGKey(seeds.derive(seed, "agent"))


def _exact(ratio: float) -> Fraction:
    """The number as it was written: 0.1 is a tenth, which no float is."""
    return Fraction(repr(float(ratio)))


def _calls(config: RunConfig, spaces: Spaces) -> int:
    """Gradient steps in one call: the largest divisor of a round's usual number within the limit;
    a round with more or fewer takes the rest one by one."""
    loop = config.loop
    steps = max(1, math.floor(_exact(loop.update_ratio) * loop.simulators))
    most = most_per_call(spaces)
    return max(n for n in range(1, min(most, steps) + 1) if steps % n == 0)


def most_per_call(spaces: Spaces) -> int:
    """The most gradient steps in one call: their batches lie on the device together."""
    return MOST_WITH_IMAGES if spaces.image else MOST_PER_CALL


def _stacked(batches: list[Batch]) -> Batch:
    """On the host, so that it is one transfer."""
    stacked: Batch = jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
    return stacked
