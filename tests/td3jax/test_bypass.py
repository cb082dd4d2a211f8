"""What the actor learns past its action: nothing, unless features leak."""

from __future__ import annotations

import jax
import pytest
from flax import serialization
from support import PIXELS, make_batch, tiny_config

from launch.studies.conditions.rules import LEAK
from td3jax import init, update
from td3jax.checkpoint import STATE, read_state
from td3jax.errors import BadCheckpoint
from td3jax.metrics import BYPASS


def measured(rules=None, **options) -> float:
    config = tiny_config(health_every=1, policy_delay=1, **options)
    given = {"rules": rules} if rules else {}
    state = init(config, PIXELS, jax.random.key(0))
    return float(update(state, make_batch(PIXELS), **given)[1][BYPASS])


@pytest.mark.parametrize(
    "options",
    [
        {"encoder": "shared", "critic_norm": "batch", "pre_tanh_penalty": 0.1},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"encoder": "shared"}, marks=pytest.mark.slow),
        pytest.param({"critic_norm": "batch"}, marks=pytest.mark.slow),
        pytest.param({"pre_tanh_penalty": 0.1}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_td3_has_none(options):
    assert measured(**options) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"critic_norm": "batch", "actor_q_clip": 20.0},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"critic_norm": "layer"}, marks=pytest.mark.slow),
        pytest.param({"critic_norm": "batch"}, marks=pytest.mark.slow),
        pytest.param({"actor_q_clip": 20.0}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_leak_has_it_masked_or_not(options):
    assert 0.1 < measured(LEAK, **options) < 10.0


def test_a_state_of_before_it_was_measured_is_read(tmp_path):
    state = init(tiny_config(health_every=1), PIXELS, jax.random.PRNGKey(0))
    table = serialization.to_state_dict(jax.device_get(state))
    del table["health"][BYPASS]
    (tmp_path / STATE).write_bytes(serialization.msgpack_serialize(table))
    read = read_state(tmp_path, lambda: state)
    assert float(read.health[BYPASS]) == 0.0
    del table["actor"]["params"]["encoder"]
    (tmp_path / STATE).write_bytes(serialization.msgpack_serialize(table))
    with pytest.raises(BadCheckpoint, match="actor/params/encoder"):
        read_state(tmp_path, lambda: state)
