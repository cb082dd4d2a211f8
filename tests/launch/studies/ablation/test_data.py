"""The fixed buffer of the experiment: its n-step samples against sums written out by hand."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from envs.lane_toy import STACK, ToyConfig
from launch.studies.ablation.data import collect, n_step_batch

DISCOUNT, STEPS = 0.9, 3


@pytest.mark.slow
@pytest.mark.usefixtures("optimised")
def test_n_step_sums_stop_at_the_ends_of_episodes_and_of_the_buffer():
    buffer = collect(ToyConfig(size=16), jax.random.key(3), count=300)
    one, last = jax.device_get(buffer.batch), np.array(buffer.last)
    assert 2 <= last.sum() <= 100
    many = jax.device_get(n_step_batch(buffer.batch, buffer.last, STEPS, DISCOUNT))
    for start in range(300):
        total, end = float(one.reward[start]), start
        while end - start < STEPS - 1 and not last[end] and end + 1 < 300:
            end += 1
            total += DISCOUNT ** (end - start) * float(one.reward[end])
        np.testing.assert_allclose(many.reward[start], total, rtol=1e-5, atol=1e-6)
        assert many.steps[start] == end - start + 1
        assert many.terminated[start] == one.terminated[end]
        np.testing.assert_array_equal(many.next_vector[start], one.next_vector[end])
        np.testing.assert_array_equal(many.vector[start], one.vector[start])
        np.testing.assert_array_equal(many.frames[start, :STACK], one.frames[start, :STACK])
        np.testing.assert_array_equal(many.frames[start, -STACK:], one.frames[end, -STACK:])


def test_one_step_changes_nothing():
    buffer = collect(ToyConfig(size=16), jax.random.key(3), count=20)
    assert n_step_batch(buffer.batch, buffer.last, 1, DISCOUNT) is buffer.batch
