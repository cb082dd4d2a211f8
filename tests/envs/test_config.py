"""Options of the environment: names are unique, bad values are refused by name."""

from __future__ import annotations

import dataclasses

import pytest

from envs.config import EnvConfig, RewardConfig, with_options


@pytest.mark.parametrize("name", ["safety_weight", "progress_weight", "collision_penalty"])
def test_fault_4_negative_weights_are_refused(name):
    with pytest.raises(ValueError, match=name):
        RewardConfig(**{name: -0.1})


def test_fault_12_options_have_one_home_and_bad_ones_are_refused_by_name():
    names = [
        leaf.name
        for group in dataclasses.fields(EnvConfig)
        for leaf in dataclasses.fields(getattr(EnvConfig(), group.name))
    ]
    assert len(names) == len(set(names))
    with pytest.raises(ValueError, match="no_such"):
        with_options(EnvConfig(), no_such=1)
    with pytest.raises(ValueError, match="tick_seconds"):
        with_options(EnvConfig(), tick_seconds=0.2)
