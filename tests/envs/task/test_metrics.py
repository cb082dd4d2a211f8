"""Driving metrics by hand-worked episodes."""

from __future__ import annotations

import math

import pytest

from envs.task.metrics import per_kilometre


def test_rates_per_kilometre_are_not_claimed_for_metres():
    assert math.isnan(per_kilometre(1, 0.001))
    assert per_kilometre(2, 4.0) == pytest.approx(0.5)
