"""Each example runs, and shows what it says."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import gymnasium
import jax
import numpy as np
import pytest

import td3jax
from launch import evaluate, train

ROOT = Path(__file__).resolve().parents[2]
TINY = [
    "--steps=120",
    "--learning_starts=20",
    "--hidden_sizes=16,16",
    "--batch_size=16",
    "--capacity=1000",
    "--checkpoint_every=60",
    "--eval_every=0",
    "--eval_episodes=1",
    "--final_episodes=1",
    "--norecord_video",
]
PIXELS = ["--conv_channels=4,4", "--conv_kernels=8,4", "--conv_strides=8,4", "--feature_size=8"]


def load(name: str):
    """The module of an example."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / f"examples/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def project_folder(monkeypatch):
    """Start commands in the project's folder, with its modules on the path, as a user does."""
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(ROOT)


def test_the_library_loop_learns_from_its_own_buffer():
    returns = load("train_loop").train(220)
    assert len(returns) == 2
    assert all(-2000 < value < 0 for value in returns)


@pytest.mark.slow
def test_a_loss_of_ones_own_is_the_one_that_is_used():
    own = load("own_loss")
    spaces = td3jax.Spaces(image=None, vector=3, action=1)
    state = td3jax.init(td3jax.AgentConfig(hidden_sizes=(8,)), spaces, jax.random.PRNGKey(0))
    rng = np.random.default_rng(0)
    batch = td3jax.Batch(
        frames=None,
        vector=rng.normal(size=(16, 3)).astype(np.float32),
        next_vector=rng.normal(size=(16, 3)).astype(np.float32),
        action=rng.uniform(-1, 1, (16, 1)).astype(np.float32),
        reward=rng.normal(size=16).astype(np.float32),
        terminated=np.ones(16, bool),
        steps=np.ones(16, np.int32),
    )
    q = np.asarray(
        state.networks.critic(state.critic.params, {"vector": batch.vector}, batch.action)
    )
    expected = np.log(np.cosh(q - batch.reward)).mean(axis=1).sum()
    np.testing.assert_allclose(own.one_update(state, batch), expected, rtol=1e-4)
    plain = td3jax.update(state, batch)[1]["train/critic_loss"]
    assert abs(float(plain) - expected) > 1e-3


@pytest.mark.slow
def test_seeds_under_vmap_are_those_apart():
    module = load("seeds_vmap")
    returns = module.train(seeds=2, steps=220)
    assert returns.shape == (2,)
    assert returns[0] != returns[1]
    assert all(seconds > 0 for seconds in module.seconds_per_update(2, rounds=2))


@pytest.mark.slow
def test_rules_reach_a_whole_run_and_its_policy_is_loaded_and_driven(tmp_path):
    folder = tmp_path / "r"
    rules = "--rules=examples/own_loss.py:RULES"
    assert train.main(["--env=Pendulum-v1", rules, *TINY, f"--run_dir={folder}"]) == 0
    example = load("load_policy")
    returns = example.drive(str(folder), example.make("Pendulum-v1"))
    assert -2000 < returns[0] < 0


@pytest.mark.parametrize(
    "env",
    ["Pendulum-v1", pytest.param("examples.own_environment:Dot-v0", marks=pytest.mark.slow)],
)
def test_sac_trains_resumes_and_is_evaluated_through_the_seam(tmp_path, env, capfd):
    folder = tmp_path / "r"
    code = [f"--env={env}", "--algorithm=examples/sac.py:SAC"]
    assert train.main([*code, *TINY, *PIXELS, f"--run_dir={folder}"]) == 0
    assert "train/alpha" in (folder / "metrics.csv").read_text()
    assert train.main([f"--resume={folder}", "--steps=140", *code]) == 0

    assert evaluate.main([*code, "--episodes=1", f"--run_dir={folder}"]) == 0
    assert len(json.loads((folder / "evaluation-checkpoint.json").read_text())["episodes"]) == 1

    capfd.readouterr()
    assert evaluate.main([f"--run_dir={folder}"]) == 2
    refused = capfd.readouterr().err
    assert "--algorithm=examples/sac.py:SAC" in refused  # a checkpoint names no code to run
    assert refused.count("\n") == 1

    with pytest.raises(ValueError, match="pass it as `algorithm`"):
        td3jax.load(folder)
    sac = load("sac")
    policy = td3jax.load(folder, sac.SAC)
    assert (policy.spaces.image is None) == (env == "Pendulum-v1")
    shapes = {"vector": policy.spaces.vector, "image": policy.spaces.image}
    observation = {
        name: np.zeros(shape, np.uint8 if name == "image" else np.float32)
        for name, shape in shapes.items()
        if shape
    }
    assert policy(observation).shape == (1,)


def test_sac_learns_pendulum():
    """Its losses and entropy move as they must: alpha falls towards the target entropy."""
    sac = load("sac")
    env = gymnasium.make("Pendulum-v1")
    assert env.action_space.shape == (1,)
    spaces = td3jax.Spaces(image=None, vector=3, action=1)
    config = td3jax.AgentConfig(hidden_sizes=(16,), actor_lr=1e-2, critic_lr=1e-2)
    state = sac.init(config, spaces, jax.random.PRNGKey(0))
    rng = np.random.default_rng(0)
    action = rng.uniform(-1, 1, (64, 1)).astype(np.float32)
    vector = rng.normal(size=(64, 3)).astype(np.float32)
    best = np.float32(0.5)
    batch = td3jax.Batch(
        frames=None,
        vector=vector,
        next_vector=vector,
        action=action,
        reward=-10.0 * ((action - best) ** 2)[:, 0],
        terminated=np.ones(64, bool),
        steps=np.ones(64, np.int32),
    )
    first = float(jax.numpy.abs(sac.act(state, {"vector": vector}) - best).mean())
    for _ in range(1500):
        state, metrics = sac.update(state, batch)
    last = float(jax.numpy.abs(sac.act(state, {"vector": vector}) - best).mean())
    assert last < 0.5 * first
    assert float(metrics["train/critic_loss"]) < 1.0
