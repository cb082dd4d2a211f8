"""The agent learns what it must: one batch by heart, and a bandit's best action from pixels."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from support import make_batch, tiny_config

from td3jax import Batch, Spaces, act, init, update

SPACES = Spaces(image=(9, 9, 3), vector=None, action=1)


@pytest.mark.slow
def test_critic_overfits_one_batch_of_terminal_rewards():
    config = tiny_config(critic_lr=3e-3, critic_cnn_lr=3e-3, feature_size=32, hidden_sizes=(32,))
    batch = make_batch(SPACES, rows=8, terminated=np.ones(8, bool))
    state = init(config, SPACES, jax.random.key(0))
    losses = []
    for _ in range(600):
        state, scalars = update(state, batch)
        losses.append(float(scalars["train/critic_loss"]))
    assert losses[-1] < 0.01 * losses[0]


def bandit(rng: np.random.Generator, rows: int) -> tuple[Batch, np.ndarray]:
    """Reward -(a - a*)^2 where a* is told by the brightness of the image; every step ends."""
    best = rng.choice([-0.5, 0.5], rows)
    frames = np.zeros((rows, 4, 9, 9), np.uint8)
    frames[:] = np.where(best > 0, 220, 30)[:, None, None, None]
    action = rng.uniform(-1, 1, (rows, 1)).astype(np.float32)
    reward = -((action[:, 0] - best) ** 2).astype(np.float32)
    batch = make_batch(SPACES, rows, frames=frames, action=action, reward=reward)
    return batch.replace(terminated=np.ones(rows, bool)), best


def test_actor_finds_the_best_action_from_pixels_through_the_action_alone():
    options = dict.fromkeys(("actor_lr", "critic_lr", "actor_cnn_lr", "critic_cnn_lr"), 3e-3)
    config = tiny_config(**options, feature_size=16, hidden_sizes=(32, 32))
    state = init(config, SPACES, jax.random.key(1))
    rng = np.random.default_rng(0)
    for _ in range(800):
        state, scalars = update(state, bandit(rng, 32)[0])
    batch, best = bandit(rng, 64)
    action = np.asarray(act(state, batch.observations(3)[0]))[:, 0]
    assert np.abs(action - best).mean() < 0.15
    assert abs(float(scalars["debug/actor_q_mean"])) < 0.3


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
@pytest.mark.parametrize("penalty", [0.0, 0.01])
def test_a_saturated_policy_comes_back_with_the_pre_tanh_penalty_alone(penalty):
    """At 12 before the tanh its derivative is exactly 0 in float32."""
    options = dict.fromkeys(("critic_lr", "actor_cnn_lr", "critic_cnn_lr"), 3e-3)
    config = tiny_config(**options, actor_lr=3e-2, pre_tanh_penalty=penalty, hidden_sizes=(32, 32))
    state = init(config, SPACES, jax.random.key(1))
    out = state.actor.params["head"]["out"]
    saturated = {**state.actor.params["head"], "out": {**out, "bias": out["bias"] + 12.0}}
    state = state.replace(
        actor=state.actor.replace(params={**state.actor.params, "head": saturated})
    )
    rng = np.random.default_rng(0)
    for _ in range(800):
        state, _ = update(state, bandit(rng, 32)[0])
    batch, _ = bandit(rng, 64)
    action = np.asarray(act(state, batch.observations(3)[0]))
    assert (np.abs(action) == 1.0).all() == (penalty == 0.0)
    assert (np.abs(action).mean() < 0.9) == (penalty > 0.0)
