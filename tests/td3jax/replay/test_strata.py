"""Balanced batches: the strata's shares, and what an older file of a buffer lacks."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from td3jax.config import ReplayConfig, Spaces
from td3jax.replay.buffer import ReplayBuffer

SPACES = Spaces(None, 1, 1)


def filled(strata, capacity=100, shares=()):
    """A buffer whose n-th transition leaves an observation n of the n-th stratum, in episodes of
    five steps."""
    config = ReplayConfig(capacity=capacity, strata_shares=shares)
    buffer = ReplayBuffer(config, SPACES, 0.9)
    seen = lambda n: {"vector": np.array([n], np.float32)}  # noqa: E731
    for n, stratum in enumerate(strata):
        if n % 5 == 0:
            buffer.begin(seen(n), stratum)
        following = strata[n + 1] if n + 1 < len(strata) else 0
        buffer.add(np.zeros(1), 0.0, seen(n + 1), False, n % 5 == 4, following)
    return buffer


def strata_of(batch, strata):
    return np.array([strata[int(n)] for n in batch.vector[:, 0]])


@settings(max_examples=80, deadline=None)
@given(
    strata=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    capacity=st.integers(1, 40),
    shares=st.sampled_from([(0.2, 0.2), (0.5, 0.5), (0.0, 0.3), (1.0,), (0.3, 0.3, 0.1)]),
    size=st.integers(1, 40),
    seed=st.integers(0, 5),
)
def test_a_batch_has_at_least_its_share_of_every_stratum_there_is(
    strata, capacity, shares, size, seed
):
    buffer = filled(strata, capacity, shares)
    batch = buffer.sample(size, np.random.default_rng(seed))
    assert len(batch.reward) == size
    found, kept, left = strata_of(batch, strata), strata[-capacity:], size
    assert (batch.vector[:, 0] >= len(strata) - capacity).all()
    for stratum, share in enumerate(shares, start=1):
        least = min(left, math.ceil(share * size - 1e-9)) if stratum in kept else 0
        assert (found == stratum).sum() >= least
        left -= least
    again = buffer.sample(size, np.random.default_rng(seed))
    jax.tree.map(np.testing.assert_array_equal, batch, again)


def test_the_rest_is_uniform_and_without_shares_all_is():
    strata = [1] * 10 + [0] * 90
    batch = filled(strata, shares=(0.2,)).sample(20_000, np.random.default_rng(0))
    assert (strata_of(batch, strata) == 1).mean() == pytest.approx(0.2 + 0.8 * 0.1, abs=0.01)
    plain = filled(strata).sample(64, np.random.default_rng(7))
    drawn = np.random.default_rng(7).integers(0, 100, 64)
    np.testing.assert_array_equal(plain.vector[:, 0], drawn)


def test_a_saved_buffer_draws_the_same_and_an_older_one_has_one_stratum(tmp_path):
    strata = [n % 3 for n in range(30)]
    buffer = filled(strata, 20, (0.3, 0.3))
    buffer.save(tmp_path / "saved")
    other = filled([0], 20, (0.3, 0.3))
    other.load(tmp_path / "saved")
    ours, theirs = (b.sample(16, np.random.default_rng(1)) for b in (buffer, other))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    (tmp_path / "saved" / "stratum.npy").unlink()
    other.load(tmp_path / "saved")
    assert [len(other._ring.members(stratum)) for stratum in range(3)] == [20, 0, 0]


def test_a_stratum_that_is_no_byte_and_a_label_out_of_bounds_are_refused():
    buffer = ReplayBuffer(ReplayConfig(capacity=5), Spaces(None, 1, 1, expert=True), 0.9)
    seen = {"vector": np.zeros(1, np.float32), "expert": np.zeros(1, np.float32)}
    with pytest.raises(ValueError, match="stratum = 256"):
        buffer.begin(seen, 256)
    with pytest.raises(ValueError, match=r"expert = \[1.5\]"):
        buffer.begin(seen | {"expert": np.array([1.5], np.float32)})
    with pytest.raises(ValueError, match="observation lacks 'expert'"):
        buffer.begin({"vector": seen["vector"]})
