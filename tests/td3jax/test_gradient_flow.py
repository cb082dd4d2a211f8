"""Which leaves each loss reaches, and that the action is the actor's only way to raise Q."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import PIXELS, make_batch, tiny_config

from td3jax import init, networks, td3, update


def norms(tree):
    return {jax.tree_util.keystr(p): float(jnp.abs(x).max()) for p, x in _leaves(tree)}


def _leaves(tree):
    return jax.tree_util.tree_flatten_with_path(tree)[0]


@pytest.fixture
def observation(batch):
    return batch.observations(3)[0]


def nets_of(config):
    return networks.make(config, PIXELS)


def actor_loss_of(config, observation):
    return lambda actor, critic: td3.actor_loss(nets_of(config), actor, critic, observation)[0]


def test_actor_loss_reaches_every_actor_leaf(config, state, observation):
    grads = jax.grad(actor_loss_of(config, observation))(state.actor.params, state.critic.params)
    assert min(norms(grads).values()) > 0


def test_actor_step_leaves_the_critic_bit_identical(config, state, batch, monkeypatch):
    frozen = tiny_config(critic_lr=0.0, critic_cnn_lr=0.0, policy_delay=1)
    state = init(frozen, PIXELS, jax.random.key(0))
    before = jax.device_get((state.actor.params, state.critic.params))
    state, _ = update(state, batch)
    jax.tree.map(np.testing.assert_array_equal, before[1], jax.device_get(state.critic.params))
    moved = jax.tree.map(lambda a, b: np.any(a != b), before[0], jax.device_get(state.actor.params))
    assert all(jax.tree.leaves(moved))


def test_critic_loss_reaches_every_critic_leaf_and_no_other(config, state, batch, observation):
    def loss(critic, actor, targets):
        nets, next_observation = nets_of(config), batch.observations(3)[1]
        target = td3.td_target(nets, *targets, batch, next_observation, jax.random.key(1))
        del actor
        return td3.critic_loss(nets, critic, observation, batch.action, target)[0]

    targets = state.actor.target_params, state.critic.target_params
    grads = jax.grad(loss, argnums=(0, 1, 2))(state.critic.params, state.actor.params, targets)
    assert min(norms(grads[0]).values()) > 0
    assert max(norms(grads[1]).values()) == 0
    assert max(norms(grads[2]).values()) == 0


@pytest.mark.parametrize("encoder", ["separate", "shared"])
def test_purity_actor_gradient_is_zero_when_the_action_is_detached(encoder, observation):
    config = tiny_config(encoder=encoder)
    state = init(config, PIXELS, jax.random.key(0))

    def detached(actor_params):
        nets = state.networks
        full = nets.complete(actor_params, state.critic.params)
        action = jax.lax.stop_gradient(nets.actor(full, observation))
        return -nets.critic(state.critic.params, observation, action)[0].mean()

    grads = jax.grad(detached)(state.actor.params)
    assert max(norms(grads).values()) == 0


def test_actor_loss_has_no_gradient_but_through_the_action(config, state, observation):
    """The chain rule by hand: dQ/da times da/dtheta is the whole gradient."""
    actor, critic, nets = state.actor.params, state.critic.params, state.networks
    action, pullback = jax.vjp(lambda p: nets.actor(p, observation), actor)
    slope = jax.grad(lambda a: -nets.critic(critic, observation, a)[0].mean())(action)
    expected = pullback(slope)[0]
    grads = jax.grad(actor_loss_of(config, observation))(actor, critic)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8), grads, expected
    )


def test_critic_does_not_depend_on_the_actors_encoder(config, state, observation, batch):
    nets = state.networks
    q = nets.critic(state.critic.params, observation, batch.action)
    louder = jax.tree.map(lambda x: 100.0 * x, state.actor.params["encoder"])
    actor = {**state.actor.params, "encoder": louder}
    nets.actor(actor, observation)
    again = nets.critic(state.critic.params, observation, batch.action)
    np.testing.assert_array_equal(q, again)
    _, info = td3.actor_loss(nets, actor, state.critic.params, observation)
    action = nets.actor(actor, observation)
    independent = nets.critic(state.critic.params, observation, action)[0]
    np.testing.assert_allclose(info["q"], independent, rtol=1e-6)


def test_rescaling_features_inside_the_actor_changes_neither_policy_nor_actor_q(
    config, state, observation
):
    actor = jax.tree.map(lambda x: x, state.actor.params)
    size = config.feature_size
    scaled = jax.tree.map(lambda x: x, actor)
    scaled["encoder"]["dense"] = jax.tree.map(lambda x: 8.0 * x, actor["encoder"]["dense"])
    kernel = actor["head"]["dense0"]["kernel"]
    scaled["head"]["dense0"]["kernel"] = kernel.at[:size].divide(8.0)
    plain = td3.actor_loss(state.networks, actor, state.critic.params, observation)[1]
    other = td3.actor_loss(state.networks, scaled, state.critic.params, observation)[1]
    np.testing.assert_allclose(plain["pre_tanh"], other["pre_tanh"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(plain["q"], other["q"], rtol=1e-5, atol=1e-6)


def test_public_functions_take_observations_and_refuse_features(config, state):
    features = {"image": jnp.ones((2, config.feature_size))}
    nets, action = state.networks, jnp.zeros((2, 2))
    for function in (nets.actor, nets.pre_tanh):
        with pytest.raises(ValueError, match="expected uint8"):
            function(state.actor.params, features)
    for function in (nets.critic, nets.critic_outputs):
        with pytest.raises(ValueError, match="expected uint8"):
            function(state.critic.params, features, action)


def test_shared_encoder_is_trained_by_the_critic_alone(batch):
    config = tiny_config(encoder="shared", critic_lr=0.0, critic_cnn_lr=0.0, policy_delay=1)
    state = init(config, PIXELS, jax.random.key(0))
    assert "encoder" not in state.actor.params
    encoder = jax.device_get(state.critic.params["encoder"])
    state, _ = update(state, make_batch(PIXELS))
    jax.tree.map(
        np.testing.assert_array_equal, encoder, jax.device_get(state.critic.params["encoder"])
    )


@pytest.mark.slow
def test_a_bfloat16_encoder_learns_float32_weights_along_nearly_the_same_gradient(batch):
    observation = batch.observations(3)[0]
    target, found = jnp.ones(batch.action.shape[0]), []
    for name in ("float32", "bfloat16"):
        config = tiny_config(encoder_dtype=name, feature_size=16, conv_channels=(8, 8))
        params = init(config, PIXELS, jax.random.key(0)).critic.params
        grad = jax.grad(td3.critic_loss, argnums=1, has_aux=True)
        gradient = jax.jit(grad, static_argnums=0)
        found.append(gradient(nets_of(config), params, observation, batch.action, target)[0])
        leaves = jax.tree.leaves((params, found[-1]))
        assert {leaf.dtype for leaf in leaves} == {jnp.dtype("float32")}
    for exact, rough in zip(*map(jax.tree.leaves, found), strict=True):
        assert np.any(exact != rough)
        cosine = (exact * rough).sum() / jnp.linalg.norm(exact) / jnp.linalg.norm(rough)
        assert cosine > 0.98
