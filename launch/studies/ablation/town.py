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
from launch.config.run import RunConfig
from launch.studies.ablation.data import TRANSITIONS, Buffer
from launch.training import policies
from launch.training.collector import perturbed
from launch.training.environments import Env, make_env, start_episode
from launch.training.evaluation import run_episodes, with_retries
from launch.training.policies import Policy
from td3jax.algorithm import ALGORITHMS
from td3jax.batch import Batch
from td3jax.state import TrainState

EPISODE_TICKS = 800
EVALUATION_EPISODES, EVALUATION_TICKS = 3, 1200
_EVALUATION_SEED = 20_000


@functools.cache
def _environment() -> Env:
    """One server and client for all runs of a process."""
    options = with_options(
        EnvConfig(), expert_hints=True, image_size=48, action_ticks=4, episode_steps=EPISODE_TICKS
    )
    env = make_env(RunConfig(env=options))
    atexit.register(env.close)
    return env


@functools.cache
def collect_town(seed: int, count: int = TRANSITIONS) -> Buffer:
    """`count` transitions of one seed; the same seed gives the same bytes."""
    rows: list[Buffer] = []
    episode = 0
    while len(rows) < count:
        rows += with_retries(functools.partial(_episode, seed, episode, count - len(rows)))
        episode += 1
    return jax.tree.map(lambda *column: jnp.stack(column), *rows)


def _episode(seed: int, number: int, most: int) -> list[Buffer]:
    """Up to `most` transitions of one episode, which depends on nothing before it."""
    env, random = _environment(), np.random.default_rng((seed, number))
    observation, info = start_episode(env, 1000 * seed + number)
    rows: list[Buffer] = []
    ended = False
    while not ended and len(rows) < most:
        action = perturbed(info["expert_action"], random.standard_normal(2), number)
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
    return rows


def _return(policy: Policy) -> float:
    """Mean undiscounted return of a policy over the evaluation's routes."""
    episodes = run_episodes(
        _environment(), policy, EVALUATION_EPISODES, _EVALUATION_SEED, steps=EVALUATION_TICKS
    )
    return float(np.mean([episode.total for episode in episodes]))


@functools.cache
def _limits() -> tuple[float, float]:
    """Returns of the random and of the expert driver."""
    random = policies.uniform(2, np.random.default_rng(0))
    return _return(random), _return(policies.scripted("expert"))


def town_return(state: TrainState) -> float:
    """Return of the greedy policy: 0 = random, 1 = expert."""
    random, expert = _limits()
    return (_return(policies.greedy(ALGORITHMS["td3"], state)) - random) / (expert - random)
