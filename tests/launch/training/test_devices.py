"""Several devices: the same training as on one, up to rounding; refusals in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_support import ROOT, as_flags, tiny

from launch.train import main

COMPARE = """
import sys
from pathlib import Path

sys.path.insert(0, "tests/launch")

import jax
import numpy as np
from run_support import session, tiny

from launch.training import checkpoint
from launch.training.loop import train

vector = {"steps": 40, "update_ratio": 2.0}
pixels = {"env": "envs:td3jax/LaneToy-v0", "encoder": "shared", "random_shift": 2}
pixels |= {"critic_norm": "layer", "conv_channels": (4,), "conv_kernels": (8,)}
pixels |= {"conv_strides": (8,), "feature_size": 16, "critic_clip_norm": 10.0}
pixels |= {"steps": 40}


def trained(folder, devices, updates, values):
    config = tiny(devices=devices, eval_every=0, n_step=3, log_every=1, **values)  # one program
    run = session(config, folder)
    assert train(run)
    assert run.learner.updates == updates
    run.close()
    leaves = jax.tree.leaves(run.learner.state.actor.params)
    assert {len(leaf.sharding.device_set) for leaf in leaves} == {devices}
    again = session(config, folder, resume=checkpoint.find(folder))
    again.close()
    for kept, read in zip(leaves, jax.tree.leaves(again.learner.state.actor.params)):
        np.testing.assert_array_equal(kept, read)
        assert len(read.sharding.device_set) == devices
    return jax.device_get((run.learner.state.actor.params, run.learner.state.critic.params))


assert jax.device_count() == 4
updates, values = {"vector": (40, vector), "pixels": (20, pixels)}[sys.argv[2]]
one, four = (
    trained(Path(sys.argv[1], str(devices)), devices, updates, values) for devices in (1, 4)
)
jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=5e-5), one, four)
"""


@pytest.mark.parametrize("observed", ["vector", pytest.param("pixels", marks=pytest.mark.slow)])
def test_four_devices_train_as_one_does(tmp_path: Path, observed: str) -> None:
    environment = {
        **os.environ,
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4",
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, "-c", COMPARE, str(tmp_path), observed]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_devices_that_do_not_fit_are_told_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    for words, message in (
        (["--devices=3"], "--batch_size = 8: expected a multiple of --devices=3"),
        (["--devices=4"], "--devices=4: this machine has 1 (cpu)"),
    ):
        assert main([*as_flags(), *words, f"--run_dir={tmp_path / 'run'}"]) == 2
        _, err = capfd.readouterr()
        assert err.count("\n") == 1
        assert message in err
        assert not (tmp_path / "run").exists()


def test_each_device_gets_its_share(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a multiple of --devices=16"):
        tiny(devices=16)
