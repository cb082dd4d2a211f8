"""TD targets and losses on hand-computed numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import VECTOR, make_batch, tiny_config

from td3jax import networks, td3, value


def nets(config, **functions):
    """Networks of which the given functions are replaced."""
    return networks.make(config, VECTOR)._replace(**functions)


def fixed_twins(config):
    """Target twins that answer (5, 3) for the first row and (-1, 2) for the second."""
    twins = jnp.array([[5.0, -1.0], [3.0, 2.0]])
    return nets(config, critic=lambda *_: twins, actor=lambda *_: jnp.zeros((2, 2)))


def target(config, **fields):
    defaults = {
        "reward": np.array([1.0, 10.0], np.float32),
        "terminated": np.array([False, False]),
        "steps": np.array([1, 1], np.int32),
    }
    batch = make_batch(VECTOR, rows=2, **{**defaults, **fields})
    return np.asarray(td3.td_target(fixed_twins(config), {}, {}, batch, {}, jax.random.key(0)))


@pytest.mark.parametrize(
    ("options", "fields", "expected"),
    [
        ({}, {}, [1 + 0.9 * 3, 10 - 0.9]),
        ({}, {"terminated": np.array([False, True])}, [3.7, 10.0]),
        ({}, {"steps": np.array([2, 3], np.int32)}, [1 + 0.81 * 3, 10 - 0.729]),
        ({"double_q_alpha": 0.75}, {}, [1 + 0.9 * 3.5, 10 + 0.9 * (-0.75 + 0.5)]),
        ({"double_q_alpha": 0.0}, {}, [1 + 0.9 * 5, 10 + 0.9 * 2]),
        ({"target_bound": 4.0}, {}, [3.7, 4.0]),
    ],
)
def test_target_by_hand(options, fields, expected):
    config = tiny_config(discount=0.9, **options)
    np.testing.assert_allclose(target(config, **fields), expected, rtol=1e-6)


def test_target_has_no_gradient():
    twins = fixed_twins(tiny_config())
    batch = make_batch(VECTOR, rows=2)
    grad = jax.grad(
        lambda r: td3.td_target(twins, {}, {}, batch.replace(reward=r), {}, jax.random.key(0)).sum()
    )(jnp.ones(2))
    np.testing.assert_array_equal(grad, 0)


def smoothed(actor, **options):
    replaced = nets(tiny_config(**options), actor=lambda *_: actor)
    return np.asarray(td3.smoothed_action(replaced, {}, {}, jax.random.key(0)))


def test_smoothing_noise_differs_by_row_and_is_bounded():
    still = jnp.zeros((4096, 2))
    action = smoothed(still, target_noise=0.2, target_noise_clip=0.5)
    assert len(np.unique(action[:, 0])) > 4000
    assert np.abs(action).max() <= 0.5
    assert action.std() == pytest.approx(0.2, rel=0.05)
    action = smoothed(still, target_noise=5.0, target_noise_clip=0.5)
    assert np.abs(action).max() == pytest.approx(0.5)


def test_smoothed_actions_stay_in_bounds():
    assert float(smoothed(jnp.full((64, 2), 0.95)).max()) == 1.0


def test_hl_gauss_labels_are_a_distribution_with_the_targets_mean():
    config = tiny_config(critic_loss="hl_gauss", value_bins=50, value_min=-10.0, value_max=10.0)
    targets = jnp.array([-3.3, 0.0, 7.1])
    labels = value.gauss_labels(config, targets)
    np.testing.assert_allclose(labels.sum(axis=1), 1.0, rtol=1e-5)
    logits = jnp.log(labels + 1e-20)[None]
    np.testing.assert_allclose(value.values(config, logits)[0], targets, atol=0.02)


def test_huber_is_quadratic_then_linear():
    config = tiny_config(critic_loss="huber", huber_delta=1.0)
    fixed = nets(config, critic_outputs=lambda *_: jnp.array([[[0.5], [4.0]]] * 2))
    loss, info = td3.critic_loss(fixed, {}, {}, jnp.zeros((2, 2)), jnp.zeros(2))
    by_hand = (0.5 * 0.25 + (4.0 - 0.5)) / 2
    np.testing.assert_allclose(info["losses"], [by_hand, by_hand])
    np.testing.assert_allclose(loss, 2 * by_hand)


def test_clipped_actor_q_has_zero_gradient_beyond_the_bound():
    """Why actor_q_clip hides a divergence and cures nothing: the policy stops learning."""

    def largest_gradient(config):
        fixed = nets(
            config,
            critic=lambda p, o, action: jnp.stack([200.0 + action[:, 0]] * 2),
            pre_tanh=lambda p, o: p["x"],
        )
        grad = jax.grad(lambda p: td3.actor_loss(fixed, p, {}, {})[0])
        return float(jnp.abs(grad({"x": jnp.zeros((3, 2))})["x"]).max())

    assert largest_gradient(tiny_config(actor_q_clip=100.0)) == 0
    assert largest_gradient(tiny_config()) > 0
