"""The update as a state machine: delay, targets, compilation, determinism, several steps a call."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import PIXELS, VECTOR, make_batch, tiny_config

from td3jax import ALGORITHMS, TD3, act, agent, init, td3, update, update_many
from td3jax.metrics import WORST


def changed(before, after) -> bool:
    return any(
        np.any(a != b) for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    )


def host(tree):
    return jax.device_get(tree)


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_actor_and_targets_move_every_delay_gradient_steps(delay):
    state = init(tiny_config(policy_delay=delay), PIXELS, jax.random.key(0))
    for step in range(1, 7):
        before = host(state)
        state, _ = update(state, make_batch(PIXELS, seed=step))
        due = step % delay == 0
        assert changed(before.critic.params, host(state.critic.params))
        assert changed(before.actor.params, host(state.actor.params)) is due
        assert changed(before.actor.target_params, host(state.actor.target_params)) is due
        assert changed(before.critic.target_params, host(state.critic.target_params)) is due
    assert int(state.step) == 6


def test_delay_goes_on_where_a_saved_state_stopped():
    state = init(tiny_config(policy_delay=3), PIXELS, jax.random.key(0))
    for seed in (1, 2):
        state, _ = update(state, make_batch(PIXELS, seed=seed))
    state = jax.tree.map(jnp.asarray, host(state))
    before = host(state.actor.params)
    state, _ = update(state, make_batch(PIXELS, seed=3))
    assert changed(before, host(state.actor.params))


def test_every_target_leaf_moves_by_tau_once_an_actor_step():
    config = tiny_config(tau=0.1, policy_delay=2)
    state = init(config, PIXELS, jax.random.key(0))
    state, _ = update(state, make_batch(PIXELS, seed=1))
    before = host(state)
    state, _ = update(state, make_batch(PIXELS, seed=2))
    for name in ("actor", "critic"):
        net = host(getattr(state, name))
        expected = jax.tree.map(
            lambda new, old: 0.1 * new + 0.9 * old, net.params, getattr(before, name).target_params
        )
        assert "encoder" in expected
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
            net.target_params,
            expected,
        )


def test_one_compilation_for_a_hundred_updates():
    state = init(tiny_config(health_every=10), PIXELS, jax.random.key(0))
    compiled = agent._compiled(agent._step(TD3, True), False)
    before = compiled._cache_size()
    for seed in range(100):
        state, _ = update(state, make_batch(PIXELS, seed=seed))
    assert compiled._cache_size() - before == 1


@pytest.mark.parametrize("spaces", [VECTOR, pytest.param(PIXELS, marks=pytest.mark.slow)])
def test_the_step_without_scalars_is_the_same_step(spaces):
    config = tiny_config(health_every=2)
    lean = full = None
    for seed in range(4):
        if lean is None:
            lean, full = (init(config, spaces, jax.random.key(0)) for _ in range(2))
        batch = make_batch(spaces, seed=seed)
        lean, loss = update(lean, batch, scalars=False)
        full, scalars = update(full, batch)
        assert set(loss) == {"train/critic_loss", *WORST}
        for name, value in loss.items():
            np.testing.assert_allclose(value, scalars[name], rtol=1e-4, err_msg=name)
    for name in ("actor", "critic"):
        for a, b in zip(
            jax.tree.leaves(getattr(lean, name)), jax.tree.leaves(getattr(full, name)), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert int(lean.step) == int(full.step) == 4
    assert int(full.health_step) == 4
    assert int(lean.health_step) == 0


@pytest.mark.slow
def test_jitted_equals_unjitted():
    config = tiny_config(policy_delay=1)
    batch = make_batch(VECTOR)
    with jax.disable_jit():
        plain, plain_metrics = td3.update(init(config, VECTOR, jax.random.key(0)), batch)
    jitted, metrics = update(init(config, VECTOR, jax.random.key(0)), batch)
    for name, value in metrics.items():
        np.testing.assert_allclose(value, plain_metrics[name], rtol=1e-3, atol=1e-5, err_msg=name)
    for a, b in zip(
        jax.tree.leaves(plain.actor.params), jax.tree.leaves(jitted.actor.params), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spaces", [PIXELS, VECTOR], ids=["pixels", "vector"])
def test_several_updates_in_one_call_equal_single_ones(spaces):
    batches = [make_batch(spaces, seed=seed) for seed in range(5)]
    single = init(tiny_config(), spaces, jax.random.key(0))
    for batch in batches:
        single, _ = update(single, batch)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
    many, _ = update_many(init(tiny_config(), spaces, jax.random.key(0)), stacked)
    assert int(many.step) == 5
    for a, b in zip(jax.tree.leaves(single.critic), jax.tree.leaves(many.critic), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_same_key_same_updates_other_key_other_noise():
    def run(key):
        state = init(tiny_config(), PIXELS, jax.random.key(0)).replace(key=jax.random.key(key))
        return host(update(state, make_batch(PIXELS))[0].critic.params)

    assert not changed(run(1), run(1))
    assert changed(run(1), run(2))


@pytest.mark.parametrize("encoder", ["separate", "shared"])
def test_act_is_the_policy_and_bounded(encoder):
    state = init(tiny_config(encoder=encoder), PIXELS, jax.random.key(0))
    observation = make_batch(PIXELS, rows=64).observations(3)[0]
    action = act(state, observation)
    assert action.shape == (64, 2)
    assert float(jnp.abs(action).max()) <= 1.0
    expected = state.networks.actor(state.policy_params, observation)
    np.testing.assert_allclose(action, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(action, act(state, observation))
    part = ALGORITHMS["td3"].weights(state)
    np.testing.assert_array_equal(action, act(part, observation))
    shared = state.critic.params["encoder"] if encoder == "shared" else {}
    few = sum(leaf.size for leaf in jax.tree.leaves((state.actor.params, shared)))
    assert sum(leaf.size for leaf in jax.tree.leaves(part)) <= few + 8  # key and counters


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frames", np.zeros((6, 4, 9, 9), np.float32)),
        ("frames", np.zeros((6, 4, 9, 8), np.uint8)),
        ("frames", np.zeros((6, 3, 9, 9), np.uint8)),
        ("reward", np.zeros((6, 1), np.float32)),
        ("vector", np.zeros((6, 4), np.float32)),
        ("action", np.zeros((6, 3), np.float32)),
        ("terminated", np.zeros(6, np.float32)),
    ],
)
def test_a_wrong_shape_or_dtype_is_refused(state, batch, field, value):
    with pytest.raises(AssertionError):
        update(state, batch.replace(**{field: value}))


def test_a_batch_of_one_keeps_its_axis():
    state = init(tiny_config(), PIXELS, jax.random.key(0))
    _, metrics = update(state, make_batch(PIXELS, rows=1))
    assert np.isfinite(metrics["train/critic_loss"])
