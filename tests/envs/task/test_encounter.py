"""Weather and traffic of an episode, by its seed."""

from __future__ import annotations

import numpy as np
import pytest

from envs.config import EnvConfig, with_options
from envs.task.encounter import Encounter, draw

VARIED = with_options(
    EnvConfig(), npc_vehicles=20, train_npc_vehicles=(60, 62), train_weathers=("WetNoon", "Default")
)


def test_training_draws_from_its_ranges_and_an_evaluation_never_does():
    rng = np.random.default_rng(0)
    found = [draw(VARIED, True, rng) for _ in range(60)]
    assert {met.vehicles for met in found} == {60, 61, 62}
    assert {met.weather for met in found} == {"WetNoon", "Default"}
    assert {draw(VARIED, False, rng) for _ in range(9)} == {Encounter("ClearNoon", 20)}


def test_without_ranges_training_is_as_an_evaluation_and_draws_as_many_numbers():
    plain = EnvConfig()
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    assert draw(plain, True, one) == draw(plain, False, other) == Encounter("ClearNoon", 20)
    assert one.random() == other.random()


@pytest.mark.parametrize("wrong", [(60,), (80, 60), (-1, 5), (1, 2, 3), (1.5, 2)])
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match=r"train_npc_vehicles.*expected LEAST,MOST"):
        with_options(EnvConfig(), train_npc_vehicles=wrong)


def test_that_share_of_training_starts_before_lights():
    config, rng = with_options(EnvConfig(), train_light_starts=0.25), np.random.default_rng(0)
    share = np.mean([draw(config, True, rng).light_first for _ in range(1000)])
    assert 0.2 < share < 0.3
    assert not any(draw(config, False, rng).light_first for _ in range(100))
