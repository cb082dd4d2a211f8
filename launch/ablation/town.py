"""The stand-in town as a task of the experiment, through the real client.

The buffer holds driving of all qualities: in each episode the expert's action under noise of
another size. The return is that of whole episodes on routes that no buffer saw.
"""

from __future__ import annotations

import atexit
import functools

import jax
import jax.numpy as jnp
import numpy as np

from envs.config import EnvConfig, with_options
from launch import policies
from launch.ablation.data import TRANSITIONS, Buffer
from launch.config import RunConfig
from launch.environments import Env, make_env, start_episode
from launch.policies import Policy
from td3jax.agent import TrainState
from td3jax.batch import Batch

EPISODE_STEPS = 200
EVALUATION_EPISODES, EVALUATION_STEPS = 3, 300
#: Deviation of the noise on the expert's action, one episode after the other; all but random last.
NOISE = (0.1, 0.3, 0.6, 1.0, 3.0)
_EVALUATION_SEED = 20_000


@functools.cache
def _environment() -> Env:
    """One server and client for all runs of a process."""
    options = with_options(EnvConfig(), expert_hints=True, episode_steps=EPISODE_STEPS)
    env = make_env(RunConfig(env=options))
    atexit.register(env.close)
    return env


@functools.lru_cache(maxsize=1)
def collect_town(seed: int, count: int = TRANSITIONS) -> Buffer:
    """`count` transitions of one seed; the same seed gives the same bytes."""
    env, random = _environment(), np.random.default_rng(seed)
    rows: list[Buffer] = []
    episode = 0
    while len(rows) < count:
        observation, info = start_episode(env, 1000 * seed + episode)
        noise, ended = NOISE[episode % len(NOISE)], False
        episode += 1
        while not ended and len(rows) < count:
            wanted = info["expert_action"] + noise * random.standard_normal(2)
            action = np.clip(wanted, -1.0, 1.0).astype(np.float32)
            following, reward, terminated, truncated, info = env.step(action)
            ended = terminated or truncated
            frames = np.concatenate([observation["image"], following["image"][..., -1:]], axis=-1)
            row = Batch(
                frames=np.moveaxis(frames, -1, 0),
                vector=observation["vector"],
                next_vector=following["vector"],
                action=action,
                reward=np.float32(reward),
                terminated=np.bool_(terminated),
                steps=np.int32(1),
            )
            rows.append(Buffer(row, None, np.bool_(ended)))
            observation = following
    return jax.tree.map(lambda *column: jnp.stack(column), *rows)


def _return(policy: Policy) -> float:
    """Mean undiscounted return of a policy over the evaluation's routes."""
    env, total = _environment(), 0.0
    for episode in range(EVALUATION_EPISODES):
        seed = _EVALUATION_SEED + episode
        observation, info = start_episode(env, seed, steps=EVALUATION_STEPS)
        ended = False
        while not ended:
            observation, reward, terminated, truncated, info = env.step(policy(observation, info))
            total += float(reward)
            ended = terminated or truncated
    return total / EVALUATION_EPISODES


@functools.cache
def _limits() -> tuple[float, float]:
    """Returns of the random and of the expert driver."""
    random = policies.uniform(2, np.random.default_rng(0))
    return _return(random), _return(policies.expert)


def town_return(state: TrainState) -> float:
    """Return of the greedy policy: 0 = random, 1 = expert."""
    random, expert = _limits()
    return (_return(policies.greedy(state)) - random) / (expert - random)
