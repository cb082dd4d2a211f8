"""Optimiser chains: true norms, clipping over encoder and head, rates per part, masked decay."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import PIXELS, make_batch, tiny_config

from td3jax import init, metrics, update
from td3jax.optim import _clip, make_optimizer, part_norms


def tree(encoder, head):
    return {
        "encoder": {"conv0": {"kernel": jnp.asarray(encoder), "bias": jnp.zeros(1)}},
        "head": {"out": {"kernel": jnp.asarray(head), "bias": jnp.zeros(1)}},
    }


def test_part_norms_are_global_l2_norms_not_sums_of_tensor_norms():
    norms = part_norms(
        {
            "encoder": {"a": jnp.array([3.0]), "b": jnp.array([4.0])},
            "head": {"c": jnp.array([12.0])},
        }
    )
    assert float(norms["cnn"]) == pytest.approx(5.0)
    assert float(norms["mlp"]) == pytest.approx(12.0)
    assert float(norms["all"]) == pytest.approx(13.0)


@given(st.floats(0.01, 100.0), st.floats(0.01, 10.0))
def test_clipped_norm_is_the_smaller_of_norm_and_bound(norm, clip):
    norms = {"cnn": norm * 0.6, "mlp": norm * 0.8, "all": norm}
    scalars = metrics.gradient_norms({k: jnp.asarray(v) for k, v in norms.items()}, clip, "actor")
    assert float(scalars["gradients/actor_norm_clipped"]) == pytest.approx(
        min(norm, clip), rel=1e-4
    )
    share = scalars["gradients/actor_cnn_norm_clipped"] / scalars["gradients/actor_norm_clipped"]
    assert float(share) == pytest.approx(0.6, rel=1e-4)


def test_logged_norm_is_that_of_the_gradient_and_clipping_keeps_its_direction():
    config = tiny_config(critic_clip_norm=1e-3, adam_eps=1e3)
    state = init(config, PIXELS, jax.random.key(0))
    before = jax.device_get(state.critic.params)
    state, scalars = update(state, make_batch(PIXELS))
    assert float(scalars["gradients/critic_norm"]) > 1e-3
    assert float(scalars["gradients/critic_norm_clipped"]) == pytest.approx(1e-3, rel=1e-3)
    # With a huge epsilon Adam is plain descent: step = rate x clipped gradient / epsilon.
    step = jax.tree.map(jnp.subtract, before, state.critic.params)
    scaled = optax.tree.norm(step["q1"]) / config.critic_lr
    assert float(scaled) <= 1.01e-3 / 1e3


@pytest.mark.parametrize("bound", [0.5, 1e4])
def test_clipping_is_optax_s(bound):
    state = init(tiny_config(), PIXELS, jax.random.key(0))
    grads = state.critic.params
    theirs = optax.clip_by_global_norm(bound)
    expected, _ = theirs.update(grads, theirs.init(grads))
    clipped = _clip(bound, grads, None)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-6), clipped, expected)
    assert float(optax.tree.norm(grads)) > 0.5


def test_decay_is_decoupled_and_spares_biases():
    config = tiny_config(critic_weight_decay=0.5, critic_lr=0.1, critic_cnn_lr=0.01)
    params = tree([2.0], [4.0])
    params["head"]["out"]["bias"] = jnp.array([3.0])
    optimizer = make_optimizer(config, "critic")
    zero = jax.tree.map(jnp.zeros_like, params)
    updates, _ = optimizer.update(zero, optimizer.init(params), params)
    new = optax.apply_updates(params, updates)
    assert float(new["encoder"]["conv0"]["kernel"][0]) == pytest.approx(2.0 * (1 - 0.01 * 0.5))
    assert float(new["head"]["out"]["kernel"][0]) == pytest.approx(4.0 * (1 - 0.1 * 0.5))
    assert float(new["head"]["out"]["bias"][0]) == 3.0


def test_each_part_has_its_own_rate():
    config = tiny_config(actor_lr=0.1, actor_cnn_lr=0.001)
    params = tree([1.0], [1.0])
    optimizer = make_optimizer(config, "actor")
    updates, _ = optimizer.update(tree([5.0], [5.0]), optimizer.init(params), params)
    np.testing.assert_allclose(updates["encoder"]["conv0"]["kernel"], -0.001, rtol=1e-5)
    np.testing.assert_allclose(updates["head"]["out"]["kernel"], -0.1, rtol=1e-5)
