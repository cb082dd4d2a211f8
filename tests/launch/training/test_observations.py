"""Foreign observation spaces as pictures and numbers."""

import numpy as np
import pytest
from gymnasium import spaces

from launch.errors import BadInput
from launch.training.observations import grey, is_picture, view


def test_grey_takes_every_kind_of_picture() -> None:
    for shape in ((84, 84), (84, 84, 1), (30, 200, 3)):
        assert grey(np.full(shape, 7, np.uint8)).shape == (84, 84)
    red = np.zeros((96, 96, 3), np.uint8)
    red[..., 0] = 255
    assert grey(red)[0, 0] == 76  # ITU-R BT.601: 0.299


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (spaces.Box(0, 255, (10, 12), np.uint8), True),
        (spaces.Box(0, 255, (10, 12, 3), np.uint8), True),
        (spaces.Box(0, 255, (128,), np.uint8), False),
        (spaces.Box(0, 1, (84, 84), np.float32), True),
        (spaces.Box(0, 1, (3, 64, 64), np.float32), True),
        (spaces.Box(-1, 1, (5, 5), np.float32), False),
        (spaces.Box(-1, 1, (4, 11, 11), np.float32), False),
        (spaces.Discrete(4), False),
    ],
)
def test_large_boxes_and_boxes_of_bytes_are_pictures(box: spaces.Space, expected: bool) -> None:
    assert is_picture(box) is expected


def test_a_part_that_is_missing_or_of_another_shape_is_named() -> None:
    space = spaces.Dict(car=spaces.Dict(speed=spaces.Box(0, 1, (2,)), gear=spaces.Discrete(3)))
    seen = view(space)
    found = seen.read({"car": {"speed": np.array([0.5, 1.0]), "gear": 1}})["vector"]
    assert sorted(found.tolist()) == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert found.dtype == np.float32
    with pytest.raises(BadInput, match=r"car\.speed has shape \(1,\): its space says \(2,\)"):
        seen.read({"car": {"speed": np.zeros(1), "gear": 1}})
    with pytest.raises(BadInput, match=r"car\.gear of the observation space is not in obs"):
        seen.read({"car": {"speed": np.zeros(2)}})


def test_what_is_read_is_the_agent_s_own() -> None:
    for box in (spaces.Box(-1, 1, (3,), np.float32), spaces.Box(0, 255, (84, 84), np.uint8)):
        given = np.zeros(box.shape, box.dtype)
        read = view(box).read(given)
        given[:] = 1
        assert not any(part.any() for part in read.values())
