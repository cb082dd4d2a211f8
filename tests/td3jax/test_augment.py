"""Random shift: a crop of the edge-padded image, one offset for a whole stack."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from support import tiny_config

from td3jax.augment import random_shift


@pytest.mark.parametrize("axes", ["both", "vertical"])
def test_every_result_is_one_crop_for_the_whole_stack(axes):
    image = np.random.default_rng(0).integers(0, 256, (16, 6, 6, 3), dtype=np.uint8)
    config = tiny_config(random_shift=2, shift_axes=axes)
    shifted = np.asarray(random_shift(config, {"image": image}, jax.random.key(0))["image"])
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    seen = set()
    for row in range(16):
        matches = {
            (i, j)
            for i in range(5)
            for j in range(5)
            if np.array_equal(padded[row, i : i + 6, j : j + 6], shifted[row])
        }
        assert matches
        seen |= matches
    assert len(seen) > 3
    assert axes == "both" or {j for _, j in seen} == {2}


def test_off_means_untouched():
    observation = {"image": np.zeros((1, 6, 6, 3), np.uint8)}
    assert random_shift(tiny_config(), observation, jax.random.key(0)) is observation
