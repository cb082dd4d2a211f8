"""Open episodes kept aside: interleaved episodes are sampled as if they had come one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launch.training.sink import Sink
from td3jax.config import ReplayConfig, Spaces
from td3jax.replay.buffer import ReplayBuffer

STACK = 3
PICTURES = Spaces(image=(2, 2, STACK), vector=2, action=1)
COLOURS = Spaces(image=(2, 2, 2 * STACK), vector=None, action=1, frame_channels=2)
VECTOR = Spaces(image=None, vector=2, action=1)
PRIVILEGED = Spaces(image=(2, 2, STACK), vector=2, action=1, privileged=1, expert=True)
ENDS = ("terminated", "truncated", "abandoned")


class Episode(NamedTuple):
    """An episode with numbers of its own in pictures, vectors, rewards and actions."""

    number: int
    length: int
    end: str

    def observation(self, spaces: Spaces, step: int) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        if spaces.image is not None:
            shape = (*spaces.image[:2], spaces.frame_channels)
            times = range(step - spaces.stack + 1, step + 1)
            frames = [
                np.full(shape, (16 * self.number + max(0, time)) % 256, np.uint8) for time in times
            ]
            found["image"] = np.concatenate(frames, axis=2)
        if spaces.vector is not None:
            found["vector"] = np.array([self.number, step], np.float32)
        if spaces.privileged is not None:
            found["privileged"] = np.array([self.number + step / 8], np.float32)
        if spaces.expert:
            found["expert"] = np.array([step / 16], np.float32)
        return found

    def stratum(self, step: int) -> int:
        return (self.number + step) % 3

    def feed(self, store: Any, spaces: Spaces) -> Iterator[None]:
        """Give the store one step a turn, and what ends the episode with the last."""
        store.begin(self.observation(spaces, 0), self.stratum(0))
        yield
        for step in range(self.length):
            last = step == self.length - 1
            store.add(
                np.array([step / 16], np.float32),
                self.number + step / 16,
                self.observation(spaces, step + 1),
                last and self.end == "terminated",
                last and self.end == "truncated",
                self.stratum(step + 1),
            )
            if last and self.end == "abandoned":
                store.abandon()
            yield


def buffer_of(spaces: Spaces, capacity: int, n_step: int) -> ReplayBuffer:
    shares = {"reward_normalise": True, "strata_shares": (0.3, 0.3)}
    config = ReplayConfig(capacity=capacity, n_step=n_step, **shares)
    return ReplayBuffer(config, spaces, 0.9)


def assert_same(ours: ReplayBuffer, theirs: ReplayBuffer) -> None:
    assert ours.size == theirs.size
    if not ours.size:
        return
    drawn = [(b.in_order(), b.sample(32, np.random.default_rng(0))) for b in (ours, theirs)]
    jax.tree.map(np.testing.assert_array_equal, *drawn)


@pytest.mark.parametrize(
    "spaces",
    [PICTURES, COLOURS, VECTOR, PRIVILEGED],
    ids=["stack", "colours", "vector", "privileged"],
)
@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(
        st.lists(st.tuples(st.integers(1, 7), st.sampled_from(ENDS)), max_size=4),
        min_size=1,
        max_size=4,
    ),
    turns=st.randoms(use_true_random=False),
    capacity=st.integers(1, 40),
    n_step=st.integers(1, 4),
)
def test_interleaved_episodes_are_those_fed_one_after_the_other(
    spaces: Spaces, lengths: list, turns: Any, capacity: int, n_step: int
) -> None:
    numbers = iter(range(99))
    plans = [[Episode(next(numbers), *drawn) for drawn in plan] for plan in lengths]
    together, alone = (buffer_of(spaces, capacity, n_step) for _ in range(2))
    ended: list[Episode] = []
    running = [simulator(Sink(together), plan, spaces, ended) for plan in plans]
    while running:
        chosen = turns.choice(running)
        if next(chosen, "over") == "over":
            running.remove(chosen)
    assert len(ended) == sum(map(len, plans))
    for episode in ended:
        list(episode.feed(alone, spaces))
    assert_same(together, alone)


def simulator(
    sink: Sink, plan: list[Episode], spaces: Spaces, ended: list[Episode]
) -> Iterator[None]:
    """One call of the sink a turn; the episode is noted as ended with its last."""
    for episode in plan:
        for calls, _ in enumerate(episode.feed(sink, spaces)):
            if calls == episode.length:
                ended.append(episode)
            yield


def test_an_open_episode_is_kept_aside_and_may_be_left_without_a_step() -> None:
    buffer = buffer_of(PICTURES, 10, 1)
    sink = Sink(buffer)
    calls = Episode(1, 3, "terminated").feed(sink, PICTURES)
    for _ in range(3):
        next(calls)
        assert buffer.size == 0
    next(calls)
    assert buffer.size == 3
    sink.begin(Episode(2, 1, "truncated").observation(PICTURES, 0))
    sink.abandon()
    sink.abandon()
    assert buffer.size == 3
    assert buffer.in_order().terminated.tolist() == [False, False, True]
