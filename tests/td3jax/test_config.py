"""Configuration: bad values are refused by name, and every field changes what the agent does."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
from support import PIXELS, make_batch, tiny_config
from test_reference import OPTIONS

from td3jax import AgentConfig, ReplayConfig, Spaces, init, td3, update

HL_GAUSS = {"critic_loss": "hl_gauss", "value_bins": 11, "value_min": -2.0, "value_max": 2.0}
#: Fields whose effect `test_reference` holds against an independent computation.
REFERENCED = {name for options in OPTIONS.values() for name in options} - {"final_init"}
# field: (other value, options without which it has no meaning)
OTHER = {
    "conv_channels": ((3, 3), {}),
    "conv_kernels": ((2, 2), {}),
    "conv_strides": ((1, 1), {}),
    "feature_size": (6, {}),
    "hidden_sizes": ((4, 4), {}),
    "encoder_dtype": ("bfloat16", {}),
    "final_init": (3e-3, {}),
    "value_sigma": (3.0, HL_GAUSS),
    "random_shift": (2, {}),
    "shift_axes": ("vertical", {"random_shift": 2}),
    "health_every": (1, {}),
}


def configured(options):
    return tiny_config(**{"policy_delay": 1, **options})


def layout(options):
    state = jax.eval_shape(lambda key: init(configured(options), PIXELS, key), jax.random.key(0))
    leaves, structure = jax.tree.flatten((state.actor, state.critic))
    return structure, [leaf.shape for leaf in leaves]


def outcome(options):
    state = init(configured(options), PIXELS, jax.random.key(0))
    with jax.disable_jit():  # many programs, each run once
        state, scalars = td3.update(state, make_batch(PIXELS))
    leaves, structure = jax.tree.flatten(jax.device_get((state.actor, state.critic, scalars)))
    return structure, [np.asarray(leaf) for leaf in leaves]


def test_every_field_is_tried():
    assert set(OTHER) | REFERENCED == {field.name for field in dataclasses.fields(AgentConfig)}


_BASES: dict[str, tuple] = {}


def same_outcome(options, context):
    if repr(context) not in _BASES:
        _BASES[repr(context)] = outcome(context)
    structure, leaves = _BASES[repr(context)]
    other_structure, other_leaves = outcome(options)
    return structure == other_structure and all(
        np.array_equal(a, b) for a, b in zip(leaves, other_leaves, strict=True)
    )


SLOW = {"encoder_dtype", "value_sigma", "health_every", "random_shift", "shift_axes"}  # to compile


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in OTHER]
)
def test_field_is_live(name):
    value, context = OTHER[name]
    options = {**context, name: value}
    same = layout(options) == layout(context) and same_outcome(options, context)
    assert not same, f"{name} changes nothing"


@pytest.mark.slow
def test_an_update_runs_in_another_layout():
    sizes = ("conv_channels", "conv_kernels", "conv_strides", "feature_size", "hidden_sizes")
    config = configured({name: OTHER[name][0] for name in sizes})
    state, _ = update(init(config, PIXELS, jax.random.key(0)), make_batch(PIXELS))
    for leaf in jax.tree.leaves((state.actor.params, state.critic.params)):
        assert np.isfinite(leaf).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("discount", 1.0),
        ("tau", 0.0),
        ("policy_delay", 0),
        ("critic_norm", "group"),
        ("encoder", "none"),
        ("actor_lr", -1e-3),
        ("actor_q_scale", "mean"),
        ("expert_weight", -1.0),
        ("conv_kernels", (8, 4)),
        ("hidden_sizes", ()),
        ("value_min", 2000.0),
    ],
)
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} = "):
        AgentConfig(**{name: value})


@pytest.mark.parametrize(
    "options",
    [
        {"capacity": 0},
        {"n_step": 0},
        {"reward_scale": 0.0},
        {"strata_shares": (0.6, 0.5)},
        {"strata_shares": (-0.1,)},
    ],
)
def test_a_bad_replay_value_is_refused_by_name(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ReplayConfig(**options)


def test_an_observation_needs_a_part():
    with pytest.raises(ValueError, match="image"):
        Spaces(image=None, vector=None, action=2)


def test_every_field_has_help():
    for config in (AgentConfig, ReplayConfig):
        assert all(len(f.metadata["help"]) > 10 for f in dataclasses.fields(config))
