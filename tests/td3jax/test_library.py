"""td3jax as a library: inside the caller's transformations, donation, exports, checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import PIXELS, VECTOR, make_batch, tiny_config

import td3jax
from td3jax import Rules, act, init, networks, td3, update, update_many, values

ROOT = Path(__file__).resolve().parents[2]


def fresh(spaces=VECTOR, seed=0, **options):
    return init(tiny_config(**options), spaces, jax.random.PRNGKey(seed))


def stacked(trees):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def assert_close(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "spaces",
    [
        pytest.param(VECTOR, id="vector"),
        pytest.param(PIXELS, id="pixels", marks=pytest.mark.slow),
    ],
)
def test_update_and_act_inside_the_callers_jit(spaces):
    batch = make_batch(spaces)
    observation = batch.observations(spaces.stack)[0]
    expected, _ = update(fresh(spaces), batch)
    found, metrics = jax.jit(update)(fresh(spaces), batch)
    assert_close(found.critic, expected.critic)
    assert np.isfinite(metrics["train/critic_loss"])
    assert_close(jax.jit(act)(expected, observation), act(expected, observation))
    assert_close(jax.jit(values)(expected, observation), values(expected, observation))


def test_what_a_callers_jit_closes_over_is_a_constant_of_its_program():
    state, batch = fresh(), make_batch(VECTOR)
    observation = batch.observations(0)[0]
    found = jax.jit(lambda: (act(state, observation), values(state, observation)))()
    assert_close(found, (act(state, observation), values(state, observation)))
    stepped = jax.jit(lambda: update(state, batch)[0].critic)()
    assert_close(stepped, update(state, batch)[0].critic)


def test_update_inside_scan_equals_update_many():
    batches = stacked([make_batch(VECTOR, seed=seed) for seed in range(4)])
    scanned, _ = jax.lax.scan(update, fresh(), batches)
    many, _ = update_many(fresh(), batches)
    assert_close(scanned.critic, many.critic)
    assert_close(jax.jit(update_many)(fresh(), batches)[0].critic, many.critic)


@pytest.mark.slow
def test_seeds_under_vmap_equal_seeds_alone():
    keys = jax.random.split(jax.random.PRNGKey(0), 3)
    batches = [make_batch(VECTOR, seed=seed) for seed in range(3)]
    states = jax.vmap(lambda key: init(tiny_config(), VECTOR, key))(keys)
    together, _ = jax.vmap(update)(states, stacked(batches))
    for i, (key, batch) in enumerate(zip(keys, batches, strict=True)):
        alone, _ = update(init(tiny_config(), VECTOR, key), batch)
        assert_close(jax.tree.map(lambda leaf, i=i: leaf[i], together.critic), alone.critic)


@pytest.mark.slow
def test_64_bit_numbers_leave_the_agent_in_float32():
    code = """
import jax
jax.config.update("jax_enable_x64", True)
from support import PIXELS, make_batch, tiny_config
import td3jax
state = td3jax.init(tiny_config(health_every=1), PIXELS, jax.random.PRNGKey(0))
before = jax.tree.map(lambda leaf: leaf.dtype, (state.actor, state.critic))
batch = make_batch(PIXELS)
for _ in range(2):
    state, metrics = td3jax.update(state, batch)
assert before == jax.tree.map(lambda leaf: leaf.dtype, (state.actor, state.critic))
assert {str(value.dtype) for value in metrics.values()} == {"float32"}
assert td3jax.act(state, batch.observations(3)[0]).dtype == "float32"
"""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "td3jax")])
    environment = {**os.environ, "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=200)


def test_a_state_can_be_used_again_unless_it_was_donated():
    state, batch = fresh(), make_batch(VECTOR)
    first, _ = update(state, batch)
    again, _ = update(state, batch)
    assert_close(first.critic, again.critic)
    update(state, batch, donate=True)
    with pytest.raises((RuntimeError, ValueError)):
        np.asarray(state.critic.params["q1"]["out"]["bias"])


@pytest.mark.parametrize("name", ["td_target", "critic_loss", "actor_loss"])
def test_each_formula_of_the_rules_decides(name):
    batch = make_batch(VECTOR)
    own = getattr(td3, name)

    def scaled(*arguments):
        found = own(*arguments)
        return (3.0 * found[0], found[1]) if isinstance(found, tuple) else 3.0 * found

    options = {"policy_delay": 1, "critic_clip_norm": 0.0}
    plain, _ = update(fresh(**options), batch)
    for call in (update, lambda s, b, rules: update(s, b, scalars=False, rules=rules)):
        changed, _ = call(fresh(**options), batch, rules=Rules(**{name: scaled}))
        part = "actor" if name == "actor_loss" else "critic"
        a, b = (getattr(state, part).opt_state for state in (plain, changed))
        assert any(
            not np.allclose(x, y, rtol=1e-3)
            for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
        )


def test_everything_that_is_promised_is_exported():
    for name in td3jax.__all__:
        assert getattr(td3jax, name) is not None
    assert {"ReplayBuffer", "Rules", "Algorithm", "load", "values"} <= set(td3jax.__all__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        td3jax.nothing_of_the_kind  # noqa: B018


def test_importing_options_does_not_import_jax():
    code = "import sys, td3jax.config, td3jax.errors; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_the_representation_of_a_state_is_one_line():
    text = repr(fresh(PIXELS))
    assert "\n" not in text
    assert len(text) < 200
    assert "image=(9, 9, 3)" in text


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ({"vector": np.zeros((2, 4), np.float32)}, r"vector is float32 \(2, 4\)"),
        ({"vector": np.zeros(3, np.float32)}, r"expected float \(B, 3\)"),
        ({}, "lacks 'vector'"),
        ({"vector": np.zeros((2, 3), np.float32), "image": np.zeros(3)}, "has 'image'"),
    ],
)
def test_a_wrong_observation_is_refused_by_name(observation, message):
    with pytest.raises(ValueError, match=message):
        act(fresh(), observation)


def test_an_image_too_small_for_the_convolutions_is_refused_by_name():
    small = td3jax.Spaces((20, 84, 4), None, 2)
    with pytest.raises(ValueError, match="at least 36 x 36 pixels"):
        networks.make(td3jax.AgentConfig(), small)
    assert networks.make(td3jax.AgentConfig(), td3jax.Spaces((36, 36, 4), None, 2))


@pytest.mark.parametrize(
    "parts",
    [
        {"vector": 0},
        {"action": 0},
        {"image": (84, 84, 0)},
        {"vector": 2.5},
        {"vector": "3"},
        {"action": None},
        {"action": True},
        {"image": (84, 84, 1.0)},
        {"frame_channels": [1]},
        {"expert": [False]},
    ],
)
def test_spaces_without_a_size_are_refused_by_name(parts):
    with pytest.raises(ValueError, match=f"^{next(iter(parts))} = "):
        td3jax.Spaces(**{"image": None, "vector": 3, "action": 2, **parts})


@pytest.mark.parametrize(
    "options",
    [
        {"adam_b1": 1.0},
        {"adam_b2": 1.5},
        {"hidden_sizes": (0,)},
        {"hidden_sizes": 0},
        {"conv_strides": (0, 2, 1)},
        {"conv_channels": (-3, 4, 4)},
        {"feature_size": 0},
        {"critic_lr": float("inf")},
        {"critic_lr": 1e39},
        {"critic_lr": 10**400},
        {"policy_delay": 10**400},
        {"huber_delta": 0.0},
        {"value_sigma": 0.0},
        {"policy_delay": True},
        {"tau": "0.1"},
    ],
)
def test_values_out_of_bounds_are_refused_by_name(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} = "):
        td3jax.AgentConfig(**options)


def test_lists_are_taken_for_tuples():
    config = td3jax.AgentConfig(hidden_sizes=[4, 4])
    assert config.hidden_sizes == (4, 4)
    assert hash(config) == hash(td3jax.AgentConfig(hidden_sizes=(4, 4)))


def test_a_number_without_a_bound_cannot_be_declared():
    with pytest.raises(TypeError, match="needs a bound"):
        td3jax.options.option(1.0, "a new option")


@pytest.mark.parametrize("rules", ["no_such_module:RULES", "td3jax.td3:actor_loss", "x.py:RULES"])
def test_rules_that_are_none_are_refused_in_one_line(rules):
    with pytest.raises(ValueError, match=rules.split(":")[0].replace(".", r"\.")) as caught:
        td3jax.algorithm.find("td3", rules)
    assert "\n" not in str(caught.value)


def test_an_unknown_algorithm_is_refused():
    with pytest.raises(ValueError, match="'td4': expected td3"):
        td3jax.algorithm.find("td4")


def test_update_does_not_recompile_for_the_same_rules():
    rules = Rules()
    state, batch = fresh(), make_batch(VECTOR)
    compiled = td3jax.agent._compiled(td3jax.agent._step(rules, True), False)
    before = compiled._cache_size()
    for _ in range(3):
        state, _ = update(state, batch, rules=Rules())
    assert compiled._cache_size() - before <= 1
    assert jnp.isfinite(state.return_bound)
