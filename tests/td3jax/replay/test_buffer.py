"""The replay buffer against a plain list of transitions that keeps every stack in full."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from td3jax.config import ReplayConfig, Spaces
from td3jax.replay.buffer import ReplayBuffer

DISCOUNT = 0.9
CUTS = ("terminated", "truncated", "abandoned", "left open")


class Everything:
    """A random generator that draws every index once, oldest first."""

    def integers(self, low: int, high: int, size: int) -> np.ndarray:
        return np.arange(low, high)


@dataclasses.dataclass
class Transition:
    """One stored step in full; `episode` tells neighbours apart."""

    episode: int
    stack: list[Any]
    numbers: dict[str, Any]
    stratum: int
    action: Any
    reward: float
    next_stack: list[Any]
    next_numbers: dict[str, Any]
    terminated: bool


class PlainList:
    """What the buffer must equal, without any cleverness."""

    def __init__(self, capacity: int, stack: int, n_step: int) -> None:
        self.capacity, self.stack, self.n_step = capacity, stack, n_step
        self.transitions: list[Transition] = []
        self.episode = 0

    def begin(self, frame, numbers, stratum):
        self.episode += 1
        self.frames, self.numbers, self.stratum = [frame] * self.stack, numbers, stratum

    def add(self, action, reward, frame, numbers, terminated, stratum):
        following = [*self.frames[1:], frame]
        self.transitions.append(
            Transition(
                self.episode,
                self.frames,
                self.numbers,
                self.stratum,
                action,
                reward,
                following,
                numbers,
                terminated,
            )
        )
        self.transitions = self.transitions[-self.capacity :]
        self.frames, self.numbers, self.stratum = following, numbers, stratum

    def expected(self, i: int) -> tuple[Transition, Transition, float, int]:
        """First and last transition of the n-step sample from i, its return and length."""
        window = [
            t
            for t in self.transitions[i : i + self.n_step]
            if t.episode == self.transitions[i].episode
        ]
        total = sum(DISCOUNT**k * t.reward for k, t in enumerate(window))
        return window[0], window[-1], total, len(window)


def _drive(buffer, model, spaces, episodes, rng, go_on=False):
    """Feed both the same episodes of (length, how it ends); the first may be under way."""
    steps = 0
    for i, (length, cut) in enumerate(episodes):
        if i or not go_on:
            observation = _observation(spaces, rng)
            if spaces.image:  # an episode's first stack is one frame repeated
                observation["image"][:] = observation["image"][..., -1:]
            stratum = int(rng.integers(3))
            buffer.begin(observation, stratum)
            model.begin(*_newest(observation), stratum)
        for t in range(length):
            last = t == length - 1
            observation = _observation(spaces, rng)
            action = rng.uniform(-1.0, 1.0, spaces.action).astype(np.float32)
            reward = float(np.float32(rng.normal()))
            terminated = last and cut == "terminated"
            truncated = last and cut == "truncated"
            stratum = int(rng.integers(3))
            buffer.add(action, reward, observation, terminated, truncated, stratum)
            model.add(action, reward, *_newest(observation), terminated, stratum)
            steps += 1
        if cut == "abandoned":
            buffer.abandon()
    return steps


def _observation(spaces, rng):
    observation = {}
    if spaces.image:
        observation["image"] = rng.integers(0, 256, spaces.image, dtype=np.uint8)
    for name, width in spaces.numbers.items():
        observation[name] = rng.uniform(-1.0, 1.0, width).astype(np.float32)
    return observation


def _newest(observation):
    numbers = {name: part for name, part in observation.items() if name != "image"}
    image = observation.get("image")
    return None if image is None else image[..., -1].copy(), numbers


def _assert_equal(buffer, model, spaces):
    batch = buffer.sample(1, Everything())
    assert buffer.size == len(model.transitions) == len(batch.reward)
    stack = spaces.image[2] if spaces.image else 0
    for i in range(buffer.size):
        first, last, total, steps = model.expected(i)
        assert batch.steps[i] == steps
        assert batch.reward[i] == pytest.approx(total, abs=1e-5)
        assert batch.terminated[i] == last.terminated
        np.testing.assert_array_equal(batch.action[i], first.action)
        if spaces.image:
            np.testing.assert_array_equal(batch.frames[i, :stack], first.stack)
            np.testing.assert_array_equal(batch.frames[i, -stack:], last.next_stack)
        for name in spaces.numbers:
            np.testing.assert_array_equal(getattr(batch, name)[i], first.numbers[name])
            if name != "expert":  # a label is of the first observation alone
                following = getattr(batch, f"next_{name}")[i]
                np.testing.assert_array_equal(following, last.next_numbers[name])
    for stratum in range(3):
        expected = [i for i, t in enumerate(model.transitions) if t.stratum == stratum]
        assert buffer._ring.members(stratum).tolist() == expected


SPACES = st.sampled_from(
    [
        Spaces((2, 3, 4), 2, 2),
        Spaces((3, 2, 1), None, 1),
        Spaces((2, 2, 3), None, 3),
        Spaces(None, 3, 1),
        Spaces((2, 2, 2), 2, 2, privileged=3, expert=True),
        Spaces((2, 2, 1), None, 1, expert=True),
    ]
)
EPISODES = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(CUTS)), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    spaces=SPACES,
    capacity=st.integers(1, 25),
    n_step=st.integers(1, 4),
    episodes=EPISODES,
    seed=st.integers(0, 9),
)
def test_equals_a_plain_list_of_transitions(spaces, capacity, n_step, episodes, seed):
    buffer = ReplayBuffer(ReplayConfig(capacity=capacity, n_step=n_step), spaces, DISCOUNT)
    model = PlainList(capacity, spaces.image[2] if spaces.image else 0, n_step)
    steps = _drive(buffer, model, spaces, episodes, np.random.default_rng(seed))
    assert buffer.size == min(steps, capacity)
    if steps:
        _assert_equal(buffer, model, spaces)


@settings(max_examples=60, deadline=None)
@given(
    spaces=SPACES,
    capacity=st.integers(1, 20),
    smaller=st.integers(0, 8),
    before=EPISODES,
    after=EPISODES,
)
def test_saved_and_loaded_buffer_goes_on_as_if_never_stopped(
    tmp_path_factory, spaces, capacity, smaller, before, after
):
    folder = tmp_path_factory.mktemp("replay") / "buffer"
    rng = np.random.default_rng(0)
    first = ReplayBuffer(ReplayConfig(capacity=capacity), spaces, DISCOUNT)
    model = PlainList(capacity, spaces.image[2] if spaces.image else 0, 1)
    steps = _drive(first, model, spaces, before, rng)
    first.save(folder)
    model.capacity = max(1, capacity - smaller)
    model.transitions = model.transitions[-model.capacity :]
    second = ReplayBuffer(ReplayConfig(capacity=model.capacity), spaces, DISCOUNT)
    _drive(second, PlainList(3, 1, 1), spaces, [(4, "terminated")], np.random.default_rng(1))
    second.load(folder)
    if steps:
        _assert_equal(second, model, spaces)
    go_on = before[-1][1] == "left open"
    steps += _drive(second, model, spaces, after, rng, go_on)
    if steps:
        _assert_equal(second, model, spaces)


def test_full_at_capacity_also_with_episodes_of_one_step():
    """T9: nothing is lost to the episodes' last observations."""
    spaces = Spaces((2, 2, 4), 1, 1)
    buffer = ReplayBuffer(ReplayConfig(capacity=50), spaces, DISCOUNT)
    model = PlainList(50, 4, 1)
    _drive(buffer, model, spaces, [(1, "truncated")] * 170, np.random.default_rng(0))
    assert buffer.size == buffer.capacity == 50
    _assert_equal(buffer, model, spaces)


def test_truncation_bootstraps_from_the_true_last_observation():
    """T10: not terminated, and the next observation is not the next episode's first."""
    spaces = Spaces((2, 2, 2), 1, 1)
    buffer = ReplayBuffer(ReplayConfig(capacity=9), spaces, DISCOUNT)
    shade = lambda v: {"image": np.full((2, 2, 2), v, np.uint8), "vector": np.array([v], "f4")}  # noqa: E731
    for start in (10, 100):
        buffer.begin(shade(start))
        buffer.add(np.zeros(1), 1.0, shade(start + 1), False, False)
        buffer.add(np.zeros(1), 1.0, shade(start + 2), False, True)
    batch = buffer.sample(1, Everything())
    assert batch.terminated.tolist() == [False] * 4
    assert batch.frames[:, :, 0, 0].tolist() == [
        [10, 10, 11],
        [10, 11, 12],
        [100, 100, 101],
        [100, 101, 102],
    ]
    assert batch.next_vector[:, 0].tolist() == [11, 12, 101, 102]


def test_samples_are_uniform_and_follow_the_generator():
    buffer = ReplayBuffer(ReplayConfig(capacity=8), Spaces(None, 1, 1), DISCOUNT)
    buffer.begin({"vector": np.zeros(1, np.float32)})
    for i in range(20):
        buffer.add(np.zeros(1), float(i), {"vector": np.zeros(1, np.float32)}, False, False)
    rewards = buffer.sample(8000, np.random.default_rng(3)).reward
    values, counts = np.unique(rewards, return_counts=True)
    assert values.tolist() == list(range(12, 20))
    assert counts.min() > 850
    np.testing.assert_array_equal(rewards, buffer.sample(8000, np.random.default_rng(3)).reward)
