"""The fixed buffer of uniformly random driving that all arms of a seed share."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import lane_toy
from envs.lane_toy import State, ToyConfig
from td3jax.batch import Array, Batch
from td3jax.config import ReplayConfig, Spaces
from td3jax.replay.buffer import ReplayBuffer
from td3jax.replay.returns import RewardTransform

TRANSITIONS = 2048


class Buffer(NamedTuple):
    """N transitions, the toy car's state before each, and whether each is its episode's last."""

    batch: Batch
    state: State | None
    last: Array


@functools.partial(jax.jit, static_argnames=("config", "count"))
def collect(config: ToyConfig, key: jax.Array, count: int = TRANSITIONS) -> Buffer:
    """`count` transitions under actions uniform in [-1, 1]^2, from one key."""

    def one(
        carry: tuple[State, jax.Array], key: jax.Array
    ) -> tuple[tuple[State, jax.Array], tuple]:
        state, stack = carry
        action_key, reset_key = jax.random.split(key)
        action = jax.random.uniform(action_key, (lane_toy.ACTION,), minval=-1.0, maxval=1.0)
        after, reward, terminated = lane_toy.step(config, state, action)
        frame = lane_toy.render(config, after)
        last = terminated | (after.time >= lane_toy.HORIZON)
        frames = jnp.moveaxis(jnp.concatenate([stack, frame[..., None]], axis=-1), -1, 0)
        rows = (frames, lane_toy.vector(state), lane_toy.vector(after), action, reward, terminated)
        fresh = lane_toy.reset(reset_key)
        fresh_stack = lane_toy.first_stack(lane_toy.render(config, fresh))
        following = jax.tree.map(
            lambda new, old: jnp.where(last, new, old),
            (fresh, fresh_stack),
            (after, lane_toy.push(stack, frame)),
        )
        return following, (*rows, state, last)

    start_key, key = jax.random.split(key)
    start = lane_toy.reset(start_key)
    carry = start, lane_toy.first_stack(lane_toy.render(config, start))
    _, rows = jax.lax.scan(one, carry, jax.random.split(key, count))
    frames, vector, next_vector, action, reward, terminated, state, last = rows
    batch = Batch(
        frames=frames,
        vector=vector if config.vector else None,
        next_vector=next_vector if config.vector else None,
        action=action,
        reward=reward,
        terminated=terminated,
        steps=jnp.ones(count, jnp.int32),
    )
    return Buffer(batch, state, last)


def n_step_batch(batch: Batch, last: Array, steps: int, discount: float) -> Batch:
    """The same starts with up to `steps` rewards summed, to the end of the episode or the buffer.

    batch: one-step transitions in the order in which they were driven; last: bool (N,).
    """
    if steps == 1:
        return batch
    observations, following = jax.device_get(batch.observations(lane_toy.STACK))
    host, ends = jax.device_get(batch), np.asarray(last)
    vector = None if host.vector is None else host.vector.shape[1]
    spaces = Spaces(observations["image"].shape[1:], vector, host.action.shape[1])
    config = ReplayConfig(capacity=len(ends), n_step=steps)
    buffer = ReplayBuffer(config, spaces, discount)
    for i, end in enumerate(ends):
        if i == 0 or ends[i - 1]:
            buffer.begin({name: part[i] for name, part in observations.items()})
        after = {name: part[i] for name, part in following.items()}
        buffer.add(host.action[i], host.reward[i], after, host.terminated[i], end)
    return jax.tree.map(jnp.asarray, buffer.in_order())


class RewardRule(NamedTuple):
    """The reward transformation of an arm: clip to +-`clip` (0 = off), then times `factor`.

    largest: the largest |raw reward|.
    """

    clip: float
    factor: float
    largest: float = 1.0

    def __call__(self, reward: jax.Array) -> jax.Array:
        """The transformed rewards."""
        clipped = jnp.clip(reward, -self.clip, self.clip) if self.clip else reward
        return clipped * self.factor

    @property
    def bound(self) -> float:
        """The largest |reward| that comes out."""
        return (min(self.largest, self.clip) if self.clip else self.largest) * self.factor


def reward_rule(
    buffer: Buffer, replay: ReplayConfig, discount: float, largest: float = 1.0
) -> RewardRule:
    """The transformation that td3jax's replay buffer would apply to these rewards."""
    transform = RewardTransform(replay, discount)
    for reward, last in zip(np.asarray(buffer.batch.reward), np.asarray(buffer.last), strict=True):
        transform.observe(float(reward))
        if last:
            transform.begin_episode()
    deviation = transform.deviation if replay.reward_normalise else 1.0
    return RewardRule(replay.reward_clip, replay.reward_scale / deviation, largest)
