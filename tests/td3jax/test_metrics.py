"""Scalars of an update against hand-made arrays with known answers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import PIXELS, make_batch, tiny_config

from td3jax import init, metrics, networks, update, update_many


def test_feature_rank_counts_the_directions_in_use():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    for rank in (1, 5, 20):
        features = rng.normal(size=(64, rank)) @ basis[:rank]
        measured = float(metrics.feature_rank(jnp.asarray(features, jnp.float32)))
        assert measured == pytest.approx(rank, abs=1 + rank // 10)


def test_dormant_units_are_those_far_below_their_layers_mean():
    active = np.ones((8, 10), np.float32)
    active[:, :3] = 0.01
    maps = np.ones((8, 4, 4, 10), np.float32)
    maps[..., 0] = 0.0
    share = metrics.dormant_share({"dense": jnp.asarray(active), "conv": jnp.asarray(maps)})
    assert float(share) == pytest.approx(4 / 20)


def related_scalars(**changes):
    scalars = {
        "debug/actor_q_mean": 10.0,
        "debug/actor_q_max": 20.0,
        "debug/q1_mean": 9.0,
        "debug/q1_max": 15.0,
        "gradients/actor_norm": 1.0,
        "gradients/critic_norm": 3.0,
        "gradients/critic_norm_clipped": 30.0,
    }
    return {k: jnp.asarray(v) for k, v in {**scalars, **changes}.items()}


def related(bound=100.0, **changes):
    scalars = related_scalars(**changes)
    return metrics.relations(scalars) | metrics.worst(scalars, jnp.asarray(bound))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.2),
        ({"debug/actor_q_max": 300.0}, 3.0),
        ({"debug/q1_max": 300.0}, 3.0),
        ({"debug/actor_q_mean": -300.0}, 3.0),
    ],
)
def test_bound_ratio_is_of_the_largest_q(changes, expected):
    assert float(related(**changes)["health/bound_ratio"]) == pytest.approx(expected, rel=1e-5)


def test_the_largest_gradient_norm_is_that_before_clipping():
    assert float(related()["gradients/norm_max"]) == 3.0


def test_a_scalar_that_is_not_finite_is_told():
    assert float(related()["health/non_finite"]) == 0.0
    assert float(related(**{"debug/q1_mean": float("nan")})["health/non_finite"]) == 1.0


def test_no_divergence_is_claimed_while_every_reward_was_zero():
    assert float(related(bound=0.0)["health/bound_ratio"]) == 0.0


@pytest.mark.parametrize(("steps", "bound"), [(1, 2.0 / 0.1), (3, 2.0 / (1.0 - 0.9**3))])
def test_the_bound_is_the_largest_return_that_the_rewards_allow(steps, bound):
    batch = make_batch(PIXELS).replace(
        reward=np.array([-2.0, 1.0, 0.0, 0.0, 0.0, 0.0], np.float32),
        steps=np.full(6, steps, np.int32),
    )
    found = float(metrics.return_bound(tiny_config(discount=0.9), batch))
    assert found == pytest.approx(bound, rel=1e-5)
    state, _ = update(init(tiny_config(discount=0.9), PIXELS, jax.random.key(0)), batch)
    assert float(state.return_bound) == pytest.approx(bound, rel=1e-5)


def test_the_gap_is_relative_to_replay_q():
    found = related()
    gap = float(found["health/actor_replay_q_gap"])
    assert gap == pytest.approx((10 - 9) / 9, rel=1e-5)


@pytest.mark.parametrize("scalars", [True, False])
def test_the_worst_is_of_the_update_itself(scalars):
    """A spike of the actor's gradient does not come back in updates that leave the actor alone."""
    state = init(tiny_config(policy_delay=2), PIXELS, jax.random.key(0))
    spiked = state.actor_metrics | {"gradients/actor_norm": jnp.float32(1e30)}
    state = state.replace(actor_metrics=spiked | {"debug/actor_q_max": jnp.float32(jnp.nan)})
    _, found = update(state, make_batch(PIXELS), scalars=scalars)
    assert 0.0 < float(found["gradients/norm_max"]) < 1e10
    assert 0.0 < float(found["health/bound_ratio"]) < 1e10
    assert float(found["health/non_finite"]) == 0.0


@pytest.mark.parametrize("scalars", [True, False])
def test_the_worst_of_several_updates_is_kept(scalars):
    batches = [make_batch(PIXELS, seed=seed) for seed in range(4)]
    batches[1] = batches[1].replace(reward=batches[1].reward * 1e6)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
    state = init(tiny_config(), PIXELS, jax.random.key(0))
    _, many = update_many(state, stacked, scalars=scalars)
    norms = []
    for batch in batches:
        state, found = update(state, batch, scalars=scalars)
        norms.append(float(found["gradients/norm_max"]))
    assert float(many["gradients/norm_max"]) == pytest.approx(max(norms), rel=1e-3)
    assert max(norms) == norms[1] > 1e4 * norms[3]


def test_non_finite_rewards_are_told():
    state = init(tiny_config(), PIXELS, jax.random.key(0))
    batch = make_batch(PIXELS)
    _, scalars = update(state, batch.replace(reward=np.full(6, np.nan, np.float32)))
    assert float(scalars["health/non_finite"]) == 1.0


def test_health_is_computed_on_schedule_and_kept_between():
    state = init(tiny_config(health_every=4), PIXELS, jax.random.key(0))
    history = []
    for seed in range(8):
        state, scalars = update(state, make_batch(PIXELS, seed=seed))
        history.append(float(scalars["health/policy_churn"]))
    assert history[:3] == [0.0, 0.0, 0.0]
    assert history[3] > 0
    assert history[4] == history[5] == history[6] == history[3]
    assert history[7] != history[3]


def test_health_values_against_direct_computation():
    config = tiny_config(health_every=1, policy_delay=1)
    state = init(config, PIXELS, jax.random.key(0))
    before = jax.device_get(state)
    batch = make_batch(PIXELS)
    state, scalars = update(state, batch)
    observation = batch.observations(3)[0]
    new = state.networks.actor(state.actor.params, observation)
    old = state.networks.actor(before.actor.params, observation)
    churn = np.abs(new - old).max(axis=1).mean()
    np.testing.assert_allclose(scalars["health/policy_churn"], churn, rtol=1e-3)
    encoder = networks.Encoder(config)
    features = encoder.apply({"params": state.critic.params["encoder"]}, observation["image"])
    norm = np.linalg.norm(features, axis=1).mean()
    np.testing.assert_allclose(scalars["health/feature_norm_critic"], norm, rtol=1e-4)
    change = [
        np.sum((a - b) ** 2)
        for a, b in zip(
            jax.tree.leaves(jax.device_get(state.actor.params)),
            jax.tree.leaves(before.actor.params),
            strict=True,
        )
    ]
    size = [np.sum(x**2) for x in jax.tree.leaves(before.actor.params)]
    ratio = np.sqrt(sum(change) / sum(size))
    np.testing.assert_allclose(scalars["health/update_to_weight_actor"], ratio, rtol=1e-3)


def test_names_of_the_reports_exist():
    _, scalars = update(init(tiny_config(), PIXELS, jax.random.key(0)), make_batch(PIXELS))
    stats = ("mean", "max", "min", "std")
    expected = {
        f"debug/{q}_{s}" for q in ("actor_q", "q1", "q2", "target_q", "reward") for s in stats
    }
    expected |= {"debug/td_error_q1", "debug/td_error_q2", "debug/done_ratio"}
    expected |= {"debug/effective_discount", "debug/overestimation", "train/actor_loss"}
    expected |= {"train/critic_loss", "train/critic_1_loss", "train/critic_2_loss"}
    expected |= {"train/q1_value", "train/q2_value", "health/bound_ratio", "health/non_finite"}
    expected |= {f"gradients/{n}_{p}_norm" for n in ("actor", "critic") for p in ("cnn", "mlp")}
    expected |= {f"{name}_clipped" for name in expected if name.startswith("gradients/")}
    assert expected <= set(scalars)
