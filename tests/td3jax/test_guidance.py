"""What only training has: who reads it, and what it adds to the actor's gradient."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import PRIVILEGED, make_batch, tiny_config

import td3jax
from td3jax import Spaces, guidance, init, networks, td3, update, update_many
from td3jax.batch import policy_view

NUMBERS = Spaces(image=None, vector=3, action=2, privileged=4, expert=True)
GUIDED = {
    "actor_q_scale": "spread",
    "actor_q_weight": 3.0,
    "expert_weight": 0.5,
    "expert_decay": 10,
    "policy_delay": 1,
}


def fresh(spaces=PRIVILEGED, **options):
    return init(tiny_config(**options), spaces, jax.random.key(0))


def largest(tree):
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))


def test_the_critic_reads_the_privileged_numbers_and_no_picture():
    state, batch = fresh(), make_batch(PRIVILEGED)
    observation, _ = batch.observations(3)
    assert "encoder" not in state.critic.params
    assert "encoder" in state.actor.params
    assert "encoder" in fresh(critic_image=True).critic.params

    def q(image, privileged):
        seen = observation | {"image": image, "privileged": privileged}
        return state.networks.critic(state.critic.params, seen, batch.action)

    usual = q(observation["image"], observation["privileged"])
    np.testing.assert_array_equal(usual, q(255 - observation["image"], observation["privileged"]))
    assert np.any(usual != q(observation["image"], -observation["privileged"]))


def test_a_policy_refuses_what_only_training_has():
    state = fresh()
    observation, _ = make_batch(PRIVILEGED).observations(3)
    policy = td3jax.Policy(td3jax.ALGORITHMS["td3"], state, PRIVILEGED)
    single = {name: np.asarray(part[0]) for name, part in observation.items()}
    for ask in (lambda: td3jax.act(state, observation), lambda: policy(single)):
        with pytest.raises(ValueError, match="'privileged', which is for training alone") as caught:
            ask()
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="'expert', which is for training alone: a policy reads"):
        td3jax.act(state, policy_view(observation) | {"expert": np.zeros((6, 2), np.float32)})
    seen = policy_view(observation)
    actions = td3jax.act(state, seen)
    np.testing.assert_allclose(actions[0], policy(policy_view(single)), rtol=1e-5)
    values = td3jax.values(state, observation)
    assert values.shape == (6,)
    twins = td3jax.ALGORITHMS["td3"].each_value(state, observation)
    assert twins.shape == (2, 6)
    assert np.any(twins[0] != twins[1])
    np.testing.assert_allclose(twins.min(axis=0), values, rtol=1e-6)


def test_the_actor_s_gradient_is_that_of_q_in_its_unit_and_of_the_labels():
    """By hand: (-w dQ/da / unit + 2 e (a - expert)) da/dtheta, over the batch's mean."""
    state, batch = fresh(**GUIDED), make_batch(PRIVILEGED)
    observation, _ = batch.observations(3)
    seen, nets, config = policy_view(observation), state.networks, state.config
    actor, critic = state.actor.params, state.critic.params
    given = guidance.guide(config, batch, jnp.int32(4))

    action, pullback = jax.vjp(lambda p: nets.actor(p, seen), actor)
    q = lambda a: nets.critic(critic, observation, a)[0]  # noqa: E731
    unit = float(jnp.sqrt(jnp.square(q(batch.action) - q(action)).mean()))
    slope = jax.grad(lambda a: q(a).mean())(action)
    labels = 2 * 0.5 * 0.6 * (action - batch.expert) / len(action)
    expected = pullback(-3.0 * slope / unit + labels)[0]
    loss = lambda a: guidance.actor_loss(given, nets, a, critic, observation)[0]  # noqa: E731
    grads = jax.grad(loss)(actor)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7), grads, expected
    )


def test_privileged_numbers_reach_the_actor_through_q_alone():
    batch = make_batch(NUMBERS)
    other = batch.replace(privileged=-batch.privileged)

    def gradient(batch, **options):
        state = fresh(NUMBERS, **{**GUIDED, **options})
        given = guidance.guide(state.config, batch, jnp.int32(1))
        frozen = functools.partial(guidance.actor_loss, given, state.networks)
        observation, _ = batch.observations(0)
        loss = lambda a: frozen(a, state.critic.params, observation)[0]  # noqa: E731
        return jax.grad(loss)(state.actor.params)

    apart = jax.tree.map(jnp.subtract, gradient(batch), gradient(other))
    assert largest(apart) > 0
    labels = {"actor_q_weight": 0.0}
    jax.tree.map(
        np.testing.assert_array_equal, gradient(batch, **labels), gradient(other, **labels)
    )


def test_the_auxiliary_head_teaches_the_encoder_and_leaves_the_head_of_actions():
    state, batch = fresh(auxiliary_weight=1.0, actor_q_weight=0.0), make_batch(PRIVILEGED)
    given = guidance.guide(state.config, batch, jnp.int32(1))

    def loss(actor):
        observation, _ = batch.observations(3)
        return guidance.actor_loss(given, state.networks, actor, state.critic.params, observation)[
            0
        ]

    grads = jax.grad(loss)(state.actor.params)
    assert set(grads) == {"encoder", "head", "auxiliary"}
    assert min(largest(grads["encoder"]), largest(grads["auxiliary"])) > 0
    assert largest(grads["head"]) == 0


@pytest.mark.slow
def test_many_updates_under_vmap_are_single_ones_and_log_the_terms():
    config = tiny_config(**GUIDED)
    keys = jax.random.split(jax.random.key(0), 2)
    batches = [make_batch(NUMBERS, seed=seed) for seed in (1, 2)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
    both = jax.vmap(lambda key: update_many(init(config, NUMBERS, key), stacked))(keys)
    state = init(config, NUMBERS, keys[1])
    for batch in batches:
        state, scalars = update(state, batch)
    jax.tree.map(
        lambda many, one: np.testing.assert_allclose(many[1], one, rtol=2e-3, atol=1e-5),
        (both[0].actor.params, both[0].critic.params, both[1]),
        (state.actor.params, state.critic.params, scalars),
    )
    assert float(scalars["train/expert_weight"]) == pytest.approx(0.4)
    parts = scalars["train/actor_q_term"] + 0.4 * scalars["train/expert_distance"]
    assert float(scalars["train/actor_loss"]) == pytest.approx(float(parts), rel=1e-5)


def test_the_label_s_weight_falls_to_nothing():
    config, batch = tiny_config(expert_weight=0.5, expert_decay=8), make_batch(PRIVILEGED)
    steps = (0, 2, 8, 100)
    found = [float(guidance.guide(config, batch, jnp.int32(n)).expert_weight) for n in steps]
    assert found == [0.5, 0.375, 0.0, 0.0]
    still = tiny_config(expert_weight=0.5)
    assert float(guidance.guide(still, batch, jnp.int32(100)).expert_weight) == 0.5


def test_the_spread_is_a_unit_that_no_shift_of_q_changes():
    q, replay = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.0, 4.0, 3.0])
    assert float(guidance.spread(q, replay)) == pytest.approx((5 / 3) ** 0.5)
    assert float(guidance.spread(q + 100, replay + 100)) == pytest.approx((5 / 3) ** 0.5)
    assert float(guidance.spread(q, q)) > 0
    assert largest(jax.grad(guidance.spread)(q, replay)) == 0


PLAIN = Spaces(image=(9, 9, 3), vector=3, action=2)


@pytest.mark.parametrize(
    ("options", "spaces"),
    [
        ({"expert_weight": 1.0}, PLAIN),
        ({"auxiliary_weight": 1.0}, PLAIN),
        ({"auxiliary_weight": 1.0}, NUMBERS),
        ({"encoder": "shared"}, PRIVILEGED),
    ],
)
def test_an_option_without_its_part_is_refused_by_name(options, spaces):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} = "):
        networks.make(tiny_config(**options), spaces)


def test_rules_with_an_actor_loss_of_their_own_are_not_guided_silently():
    rules = td3.Rules(actor_loss=lambda *arguments: td3.actor_loss(*arguments))
    with pytest.raises(ValueError, match="actor_loss of their own"):
        update(fresh(NUMBERS, **GUIDED), make_batch(NUMBERS), rules=rules)
