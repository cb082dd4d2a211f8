"""Axes on which small and large numbers of both signs are seen."""

from __future__ import annotations

import numpy as np
import pytest

from launch.diagnosis.axes import plain, scale_for


def test_numbers_of_about_one_size_have_a_linear_axis():
    for curve in ([1.0, 50.0], [-3.0, 0.0, 3.0], [0.0, 0.0], []):
        scale = scale_for([np.array(curve)])
        assert scale.unit is None
        np.testing.assert_array_equal(scale.place(np.array(curve)), curve)


def test_a_small_and_a_large_curve_are_both_seen():
    small, large = np.array([0.5, -0.7]), np.array([1e6, -2e6])
    scale = scale_for([small, large])
    places = scale.place(np.concatenate([small, [0.0], large]))
    np.testing.assert_array_equal(np.sign(places), [1, -1, 0, 1, -1])
    assert places[3] / places[0] < 60.0
    np.testing.assert_array_equal(np.argsort(places), [4, 1, 2, 0, 3])


def test_zeros_do_not_take_decades():
    scale = scale_for([np.array([0.0] * 50 + [100.0, 200.0]), np.array([0.02, 0.03])])
    assert scale.unit == pytest.approx(0.01)
    assert scale.place(np.array([0.0])) == 0.0


def test_ticks_are_plain_numbers_in_order():
    axis = scale_for([np.array([-5.0, 3e5]), np.array([2.0, 4.0])]).axis()
    assert axis["ticktext"] == ["0", "10", "1,000", "100,000"]
    assert axis["tickvals"] == sorted(axis["tickvals"])
    assert [plain(number) for number in (0.5, 1234.0, 2e10)] == ["0.5", "1,234", "2e+10"]
    assert [plain(number) for number in (1e-5, -2.5e-7, 1e-9)] == [
        "0.00001",
        "-0.00000025",
        "1e-09",
    ]
