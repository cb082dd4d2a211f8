"""Uniform replay on the host: frames stored once, stacks and n-step returns built when sampled."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np

from td3jax.batch import Batch
from td3jax.config import ReplayConfig, Spaces
from td3jax.options import FLOAT32_MAX
from td3jax.replay import files
from td3jax.replay.memory import Memory
from td3jax.replay.returns import RewardTransform
from td3jax.replay.ring import RUNNING, TERMINATED, TRUNCATED, Observation, Ring

Array = np.ndarray[Any, Any]


class ReplayBuffer:
    """The newest `capacity` transitions of episodes that are fed one step at a time.

    About 7,170 bytes a transition with 84 x 84 frames, a vector of 23 and 2 actions, plus one
    observation for each episode's end. `sample` may run in another thread than the writers.
    With a path the arrays are memory-mapped from nameless files there. Raises MemoryError where
    the capacity needs more than the machine has, OSError where the disk has no room.
    """

    def __init__(
        self, config: ReplayConfig, spaces: Spaces, discount: float, path: Path | None = None
    ) -> None:
        if path is None and config.replay_path:
            path = Path(config.replay_path)
        self.config, self.spaces, self.discount = config, spaces, discount
        self._ring = Ring(spaces, config.capacity, path)
        self._rewards = RewardTransform(config, discount)
        self._lock = threading.Lock()
        self._memory = Memory()
        self._columns = np.arange(spaces.stack)
        self._widths = spaces.numbers

    @property
    def size(self) -> int:
        """Transitions that can be sampled."""
        return self._ring.size

    @property
    def capacity(self) -> int:
        """Transitions kept when full."""
        return self._ring.capacity

    @property
    def nbytes(self) -> int:
        """Bytes of storage, in memory or mapped."""
        return self._ring.nbytes

    def transform_rewards(self, rewards: Array) -> Array:
        """Return raw rewards (B,) as they would be sampled now, float32."""
        with self._lock:
            return self._rewards(rewards)

    def begin(self, observation: Observation, stratum: int = 0) -> None:
        """Start an episode at its first observation; one still under way is abandoned.

        observation: {"image": uint8 (H, W, S), "vector": float32 (V,), "privileged": (P,),
        "expert": (A,)}, parts as in Spaces; of the image only the newest frame is stored, so at an
        episode's start every frame of the stack must be that one. stratum: the observation's, for
        `strata_shares`. Raises ValueError, naming the part, for what does not fit.
        """
        frame, vector = self._parts(observation, stratum)
        if self.spaces.stack > 1:
            self._check_first(observation["image"])
        with self._lock:
            self._ring.close_episode()
            self._ring.begin(frame, vector, stratum)
            self._rewards.begin_episode()

    def add(
        self,
        action: Array,
        reward: float,
        next_observation: Observation,
        terminated: bool,
        truncated: bool,
        stratum: int = 0,
    ) -> None:
        """Store one transition; `next_observation` is the true one also at an episode's end.

        action: (A,) in [-1, 1]; stratum: that of `next_observation`. Raises ValueError, naming the
        part, for what does not fit.
        """
        frame, vector = self._parts(next_observation, stratum)
        if not self._ring.open:
            raise ValueError("add() outside an episode: call begin() with its first observation")
        if not _is_finite_number(reward):
            raise ValueError(f"reward = {reward}: expected a finite float32 number")
        if np.shape(action) != (self.spaces.action,):
            raise ValueError(f"action has shape {np.shape(action)}: expected {self.spaces.action}")
        if not np.abs(action).max() <= 1.0:
            raise ValueError(f"action = {np.asarray(action).tolist()}: expected values in [-1, 1]")
        end = TERMINATED if terminated else TRUNCATED if truncated else RUNNING
        with self._lock:
            self._ring.add(action, reward, end, frame, vector, stratum)
            self._rewards.observe(float(reward))

    def _check_first(self, image: Array) -> None:
        height, width, _ = image.shape
        frames = image.reshape(height, width, self.spaces.stack, self.spaces.frame_channels)
        if not (frames == frames[:, :, -1:]).all():
            raise ValueError(
                "image: the frames of an episode's first stack differ; repeat the first frame, or "
                f"set frame_channels={image.shape[2]} in Spaces for colours and ready stacks"
            )

    def abandon(self) -> None:
        """The episode cannot go on (a fault, not a transition): truncate it where it stands."""
        with self._lock:
            self._ring.close_episode()

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """`batch_size` transitions, uniform with replacement, as numpy arrays of their own.

        With `strata_shares` the first rows are those of the strata, as far as there are any.
        """
        with self._lock:
            ring = self._ring
            if batch_size < 1:
                raise ValueError(f"batch_size = {batch_size}: expected at least 1")
            if ring.size == 0:
                raise ValueError("the replay buffer is empty: nothing to sample")
            return self._read(np.concatenate(self._drawn(batch_size, rng)))

    def _drawn(self, count: int, rng: np.random.Generator) -> list[Array]:
        """Draw places of transitions: each stratum's share, then uniform ones."""
        drawn, left = [], count
        for stratum, share in enumerate(self.config.strata_shares, start=1):
            rows, members = min(left, math.ceil(share * count - 1e-9)), self._ring.members(stratum)
            if len(members):
                drawn.append(members[rng.integers(0, len(members), rows)])
                left -= rows
        return [*drawn, rng.integers(0, self._ring.size, left)]

    def in_order(self) -> Batch:
        """All transitions as `sample` gives them, oldest first."""
        with self._lock:
            return self._read(np.arange(self._ring.size))

    def _read(self, offsets: Array) -> Batch:
        """The transitions at these places, 0 the oldest."""
        ring = self._ring
        first = (offsets + (ring.head - ring.size)) % ring.slots
        reward, steps = self._returns(offsets, first)
        last = (first + (steps - 1)) % ring.slots
        following = (last + 1) % ring.slots
        ended = np.flatnonzero(ring.link[last] >= 0)
        rows = ring.link[last[ended]]
        now = following_numbers = None
        if ring.vector is not None:
            now, following_numbers = ring.vector[first], ring.vector[following]
            for i, row in zip(ended.tolist(), rows.tolist(), strict=True):
                following_numbers[i] = ring.finals.vector(row)
        frames = self._frames(first, steps) if ring.frames is not None else None
        if frames is not None:
            for i, row in zip(ended.tolist(), rows.tolist(), strict=True):
                frames[i, -1] = ring.finals.frame(row)
        terminated = ring.end[last] == TERMINATED
        here, there = self._split(now), self._split(following_numbers)
        return Batch(
            frames=frames,
            vector=here.get("vector"),
            next_vector=there.get("vector"),
            action=ring.action[first],
            reward=reward,
            terminated=terminated,
            steps=steps,
            privileged=here.get("privileged"),
            next_privileged=there.get("privileged"),
            expert=here.get("expert"),
        )

    def _split(self, rows: Array | None) -> dict[str, Array]:
        """The parts of the numbers (B, all of them)."""
        if rows is None or len(self._widths) == 1:
            return {name: rows for name in self._widths if rows is not None}
        ends = np.cumsum([*self._widths.values()])
        parts = np.split(rows, ends[:-1], axis=1)
        return {n: np.ascontiguousarray(part) for n, part in zip(self._widths, parts, strict=True)}

    def _returns(self, offsets: Array, first: Array) -> tuple[Array, Array]:
        """Discounted sums of up to n transformed rewards, and how many: to the episode's end or
        to the newest transition."""
        ring = self._ring
        reward = self._rewards(ring.reward[first])
        steps = np.ones(len(first), np.int32)
        alive = np.ones(len(first), bool)
        for k in range(1, self.config.n_step):
            before = (first + (k - 1)) % ring.slots
            alive &= (ring.end[before] == RUNNING) & (offsets + k < ring.size)
            later = self._rewards(ring.reward[(first + k) % ring.slots])
            reward = reward + np.float32(self.discount**k) * later * alive
            steps += alive
        return reward, steps

    def _frames(self, first: Array, steps: Array) -> Array:
        """Frames as `Batch` has them; before an episode's first frame, that frame again."""
        ring = self._ring
        frames, stack = ring.frames, len(self._columns)
        assert frames is not None
        back = self._columns - (stack - 1)  # -(S - 1) ... 0
        age = ring.age[first].astype(np.int64)[:, None]
        index = first[:, None] + np.maximum(back, -age)
        if self.config.n_step == 1:
            ahead = first[:, None] + 1
        else:
            ahead = first[:, None] + np.maximum(steps[:, None] + back, -age)
        index = np.concatenate([index, ahead], axis=1) % ring.slots
        out = self._memory.lend((*index.shape, *frames.shape[1:]))
        np.take(frames, index, axis=0, out=out, mode="clip")  # "raise" would copy once more
        return out

    def _parts(self, observation: Observation, stratum: int) -> tuple[Array | None, Array | None]:
        """Return the newest frame and all numbers; raise ValueError, naming the part, if wrong."""
        if not 0 <= stratum <= 255:
            raise ValueError(f"stratum = {stratum}: expected a whole number from 0 to 255")
        frame = None
        if self.spaces.image is not None:
            image = _part(observation, "image", self.spaces)
            if image.shape != self.spaces.image or image.dtype != np.uint8:
                raise ValueError(
                    f"image is {image.dtype} {image.shape}: expected uint8 {self.spaces.image}"
                )
            newest = image[..., -self.spaces.frame_channels :]
            frame = newest[..., 0] if self.spaces.frame_channels == 1 else newest
        numbers = [
            _numbers(observation, name, width, self.spaces) for name, width in self._widths.items()
        ]
        if len(numbers) < 2:
            return frame, numbers[0] if numbers else None
        return frame, np.concatenate(numbers, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the filled part as .npy files into `folder`, which appears whole or not at all."""
        with self._lock:
            files.save(self._ring, self._rewards, Path(folder))

    def load(self, folder: Path) -> None:
        """Replace the content by a saved one, the newest part of it where capacity is smaller.

        Raises ValueError, one line, with nothing changed, where the files are missing or broken.
        """
        with self._lock:
            files.load(self._ring, self._rewards, Path(folder))


def _is_finite_number(value: Any) -> bool:
    try:
        return np.ndim(value) == 0 and abs(float(value)) <= FLOAT32_MAX  # nan compares false
    except (TypeError, ValueError, OverflowError):
        return False


def _part(observation: Observation, name: str, spaces: Spaces) -> Array:
    if name not in observation:
        raise ValueError(f"observation lacks {name!r}: expected it as in {spaces}")
    return np.asarray(observation[name])


def _numbers(observation: Observation, name: str, width: int, spaces: Spaces) -> Array:
    """Return a part that is numbers; ValueError where it has another shape or is not finite."""
    values = _finite(name, _part(observation, name, spaces))
    if values.shape != (width,):
        raise ValueError(f"{name} has shape {values.shape}: expected ({width},)")
    if name == "expert" and not np.abs(values).max() <= 1.0:
        raise ValueError(f"expert = {values.tolist()}: expected values in [-1, 1]")
    return values


def _finite(name: str, values: Array) -> Array:
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{name} is {values.dtype}: expected numbers")
    fits = np.abs(values) <= FLOAT32_MAX  # nan compares false
    if not fits.all():
        index = int(np.flatnonzero(~fits)[0])
        raise ValueError(f"{name}[{index}] = {values.flat[index]}: expected a finite number")
    return values
