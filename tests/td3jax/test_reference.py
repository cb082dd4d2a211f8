"""Whole updates equal an independent float64 computation, for every option and usual mixtures."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import reference
from support import PIXELS, PRIVILEGED, VECTOR, make_batch, tiny_config

from td3jax import init, update

OPTIONS = {
    "plain": {},
    "clip": {"actor_clip_norm": 0.01, "critic_clip_norm": 0.1},
    "rates": {"actor_lr": 1e-2, "critic_lr": 2e-2, "actor_cnn_lr": 3e-2, "critic_cnn_lr": 4e-2},
    "adam": {"adam_b1": 0.5, "adam_b2": 0.9, "adam_eps": 1e-3},
    "decay": {"actor_weight_decay": 0.5, "critic_weight_decay": 0.3},
    "critic_l2": {"critic_l2": 0.01},
    "discount_tau": {"discount": 0.9, "tau": 0.3},
    "noise": {"target_noise": 0.5, "target_noise_clip": 0.3},
    "weighted_double_q": {"double_q_alpha": 0.75},
    "target_bound": {"target_bound": 0.3},
    "actor_q_clip": {"actor_q_clip": 0.05},
    "pre_tanh": {"pre_tanh_penalty": 0.1},
    "huber": {"critic_loss": "huber", "huber_delta": 0.4},
    "hl_gauss": {"critic_loss": "hl_gauss", "value_bins": 7, "value_min": -2.0, "value_max": 3.0},
    "encoder_norm": {"encoder_norm": "layer"},
    "trunk": {"trunk_size": 3},
    "head_norms": {"actor_norm": "layer", "critic_norm": "layer"},
    # a bias before batch normalisation has no gradient; a large epsilon keeps Adam from
    # turning its rounding error into a step
    "batch_norm": {"critic_norm": "batch", "adam_eps": 1e-3},
    "final_init": {"final_init": 3e-3},
    "no_delay": {"policy_delay": 1},
    "shared": {"encoder": "shared"},
    "reuse": {"reuse_features": True, "critic_cnn_lr": 0.01},
    "report_mixture": {
        "actor_clip_norm": 1.0,
        "critic_clip_norm": 10.0,
        "critic_weight_decay": 0.01,
        "double_q_alpha": 0.75,
        "target_noise": 0.1,
        "target_noise_clip": 0.3,
    },
    "modern_mixture": {
        "encoder": "shared",
        "trunk_size": 3,
        "actor_norm": "layer",
        "critic_norm": "layer",
        "critic_loss": "hl_gauss",
        "value_bins": 7,
        "value_min": -2.0,
        "value_max": 3.0,
    },
    "asymmetric": {},
    "guided": {
        "policy_delay": 1,
        "actor_q_scale": "spread",
        "actor_q_weight": 3.0,
        "actor_clip_norm": 1.0,
        "expert_weight": 0.5,
        "expert_decay": 4,
        "auxiliary_weight": 0.3,
    },
    "critic_image": {"critic_image": True, "encoder": "shared", "expert_weight": 0.5},
    "many": {
        "actor_lr": 1e-2,
        "critic_lr": 2e-2,
        "actor_cnn_lr": 3e-2,
        "critic_cnn_lr": 4e-2,
        "adam_b1": 0.5,
        "adam_b2": 0.9,
        "adam_eps": 1e-3,
        "actor_weight_decay": 0.5,
        "critic_l2": 0.01,
        "discount": 0.9,
        "tau": 0.3,
        "target_bound": 0.3,
        "pre_tanh_penalty": 0.1,
        "encoder_norm": "layer",
    },
}
#: Options that a mixture here has too; alone they are slow tests.
MIXED = {
    *("rates", "adam", "decay", "critic_l2", "discount_tau", "target_bound", "pre_tanh"),
    *("encoder_norm", "noise", "weighted_double_q", "hl_gauss", "trunk", "head_norms"),
    *("no_delay", "asymmetric", "final_init"),
}


def reference_updates(config, state, batches, normals):
    """Parameters and targets after one update for each batch, as float64 trees."""
    nets = {
        name: {
            "params": reference.to_float64(getattr(state, name).params),
            "target": reference.to_float64(getattr(state, name).target_params),
            "moments": ({}, {}),
            "steps": 0,
        }
        for name in ("actor", "critic")
    }

    def full(actor, critic):
        if config.encoder == "shared" and "encoder" in critic:
            return {**actor, "encoder": critic["encoder"]}
        return actor

    def step(name, loss):
        net = nets[name]
        net["steps"] += 1
        grads = reference.gradient(loss, net["params"])
        reference.optimiser_step(config, name, net["params"], grads, *net["moments"], net["steps"])

    actor, critic = nets["actor"], nets["critic"]
    stack = state.spaces.image[2] if state.spaces.image else 0
    for count, (batch, normal) in enumerate(zip(batches, normals, strict=True), start=1):
        obs, following = jax.device_get(batch.observations(stack))
        targets = full(actor["target"], critic["target"]), critic["target"]
        y = reference.td_target(config, *targets, batch, following, normal)
        old_encoder = reference.to_float64(critic["params"].get("encoder", {}))
        step(
            "critic",
            lambda p, o=obs, a=batch.action, t=y: reference.critic_loss(config, p, o, a, t),
        )
        if count % config.policy_delay:
            continue
        judge = critic["params"]
        if config.reuse_features and "encoder" in judge:
            judge = {**judge, "encoder": old_encoder}
        unit = reference.q_unit(config, full(actor["params"], judge), judge, obs, batch)
        step(
            "actor",
            lambda p, o=obs, j=judge, given=(batch, unit, count): reference.actor_loss(
                config, full(p, j), j, o, *given
            ),
        )
        for net in nets.values():
            online = dict(reference.leaves(net["params"]))
            for path, leaf in reference.leaves(net["target"]):
                leaf += config.tau * (online[path] - leaf)
    return nets


TRAINING = ("asymmetric", "guided", "critic_image")
CASES = [
    pytest.param(
        name,
        PRIVILEGED if name in TRAINING else PIXELS,
        marks=[pytest.mark.slow] if name in MIXED else [],
    )
    for name in OPTIONS
]
CASES += [(name, VECTOR) for name in ("plain", "report_mixture", "modern_mixture")]


@pytest.mark.parametrize(("name", "spaces"), CASES)
def test_updates_equal_float64_reference(name, spaces):
    config = tiny_config(**OPTIONS[name])
    state = init(config, spaces, jax.random.key(3))
    batches = [make_batch(spaces, seed=seed) for seed in (1, 2)]
    batches[1] = batches[1].replace(steps=np.array([1, 2, 3, 1, 2, 3], np.int32))
    key, normals = state.key, []
    for batch in batches:
        key, target_key, _, _ = jax.random.split(key, 4)
        normals.append(np.asarray(jax.random.normal(target_key, batch.action.shape)))
    expected = reference_updates(config, state, batches, normals)
    for batch in batches:
        state, _ = update(state, batch, scalars=False)
    for net in ("actor", "critic"):
        got = getattr(state, net)
        for tree, key in ((got.params, "params"), (got.target_params, "target")):
            actual = dict(reference.leaves(jax.device_get(tree)))
            for path, leaf in reference.leaves(expected[net][key]):
                cnn = path[0] == "encoder"
                rate = getattr(config, f"{net}_cnn_lr" if cnn else f"{net}_lr")
                np.testing.assert_allclose(
                    actual[path], leaf, rtol=2e-4, atol=0.05 * rate, err_msg=f"{net} {key} {path}"
                )
