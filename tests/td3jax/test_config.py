"""Configuration: bad values are refused by name, and every field changes what the agent does."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest
from support import PIXELS, PRIVILEGED, make_batch, tiny_config

from td3jax import AgentConfig, ReplayConfig, Spaces, init, td3, update

HL_GAUSS = {"critic_loss": "hl_gauss", "value_bins": 11, "value_min": -2.0, "value_max": 2.0}
# field: (other value, options without which it has no meaning)
OTHER = {
    "discount": (0.5, {}),
    "tau": (0.5, {}),
    "policy_delay": (2, {}),
    "target_noise": (0.05, {}),
    "target_noise_clip": (0.01, {}),
    "actor_lr": (1e-2, {}),
    "critic_lr": (1e-2, {}),
    "actor_cnn_lr": (1e-2, {}),
    "critic_cnn_lr": (1e-2, {}),
    "adam_b1": (0.1, {}),
    "adam_b2": (0.1, {}),
    "adam_eps": (1.0, {}),
    "actor_clip_norm": (1e-9, {}),
    "critic_clip_norm": (1e-9, {}),
    "actor_weight_decay": (10.0, {}),
    "critic_weight_decay": (10.0, {}),
    "critic_l2": (10.0, {}),
    "encoder": ("shared", {}),
    "conv_channels": ((3, 3), {}),
    "conv_kernels": ((2, 2), {}),
    "conv_strides": ((1, 1), {}),
    "feature_size": (6, {}),
    "hidden_sizes": ((4, 4), {}),
    "encoder_dtype": ("bfloat16", {}),
    "encoder_norm": ("layer", {}),
    "trunk_size": (3, {}),
    "actor_norm": ("layer", {}),
    "critic_norm": ("batch", {}),
    "final_init": (3e-3, {}),
    "critic_loss": ("huber", {}),
    "huber_delta": (0.01, {"critic_loss": "huber"}),
    "value_bins": (13, HL_GAUSS),
    "value_min": (-5.0, HL_GAUSS),
    "value_max": (5.0, HL_GAUSS),
    "value_sigma": (3.0, HL_GAUSS),
    "double_q_alpha": (0.5, {}),
    "target_bound": (0.01, {}),
    "actor_q_clip": (1e-3, {}),
    "actor_q_weight": (10.0, {}),
    "actor_q_scale": ("spread", {}),
    "pre_tanh_penalty": (10.0, {}),
    "expert_weight": (10.0, {}),
    "expert_decay": (3, {"expert_weight": 10.0}),
    "auxiliary_weight": (1.0, {}),
    "critic_image": (True, {}),
    "random_shift": (2, {}),
    "shift_axes": ("vertical", {"random_shift": 2}),
    "reuse_features": (True, {"critic_cnn_lr": 1e-2}),
    "health_every": (1, {}),
}


#: Fields that mean nothing without what only training has.
OF_TRAINING = ("expert_weight", "expert_decay", "auxiliary_weight", "critic_image")


def configured(options):
    return tiny_config(**{"policy_delay": 1, **options})


def layout(options, spaces):
    state = jax.eval_shape(lambda key: init(configured(options), spaces, key), jax.random.key(0))
    leaves, structure = jax.tree.flatten((state.actor, state.critic))
    return structure, [leaf.shape for leaf in leaves]


def outcome(options, spaces):
    state = init(configured(options), spaces, jax.random.key(0))
    with jax.disable_jit():  # many programs, each run twice
        for seed in (1, 2):
            state, scalars = td3.update(state, make_batch(spaces, seed=seed))
    leaves, structure = jax.tree.flatten(jax.device_get((state.actor, state.critic, scalars)))
    return structure, [np.asarray(leaf) for leaf in leaves]


def test_every_field_is_tried():
    assert set(OTHER) == {field.name for field in dataclasses.fields(AgentConfig)}


_BASES: dict[str, tuple] = {}


def same_outcome(options, context, spaces):
    base = repr((context, spaces))
    if base not in _BASES:
        _BASES[base] = outcome(context, spaces)
    structure, leaves = _BASES[base]
    other_structure, other_leaves = outcome(options, spaces)
    return structure == other_structure and all(
        np.array_equal(a, b) for a, b in zip(leaves, other_leaves, strict=True)
    )


@pytest.mark.parametrize("name", OTHER)
def test_field_is_live(name):
    value, context = OTHER[name]
    options, spaces = {**context, name: value}, PRIVILEGED if name in OF_TRAINING else PIXELS
    same = layout(options, spaces) == layout(context, spaces)
    same = same and same_outcome(options, context, spaces)
    assert not same, f"{name} changes nothing"


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
        ("conv_kernels", (8, 4)),
        ("hidden_sizes", ()),
        ("value_min", 2000.0),
        ("actor_q_scale", "mean"),
        ("expert_weight", -1.0),
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
