"""What pictures are made of: the order of things, and images of walls that are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.standin.picture import BOX, Camera, facades, statics
from envs.standin.picture.camera import View
from envs.standin.picture.cull import ascending, in_view
from envs.standin.picture.facades import Facades
from envs.standin.picture.foliage import Foliage, crowns
from envs.standin.picture.scene import faces_of, moving
from envs.standin.picture.weather import light_of
from tests.envs.standin.test_picture_geometry import NOON
from tests.envs.standin.town_support import town


@given(st.lists(st.integers(0, 9), max_size=40))
def test_sorting_is_stable(values: list[int]) -> None:
    given_values = np.array(values, float)
    assert ascending(given_values).tolist() == np.argsort(given_values, kind="stable").tolist()


def test_faces_come_far_to_near_and_together() -> None:
    x, y, z, _, yaw, _ = town("Town01").spawn_points[3]
    eye = View.of(Camera("rgb", 200, 150, 90.0, x, y, z + 1.5, yaw=yaw)).eye
    boxes = np.zeros(12, BOX)
    boxes["x"] = x + np.linspace(5.0, 60.0, 12) * np.cos(np.radians(yaw))
    boxes["y"] = y + np.linspace(5.0, 60.0, 12) * np.sin(np.radians(yaw))
    boxes["z"], boxes["half_x"], boxes["half_y"], boxes["half_z"] = 0.75, 2.3, 0.9, 0.75
    light, fixed = light_of(NOON), statics.build(town("Town01").scenery)
    movers = moving(eye, boxes)
    chosen, rows = in_view(eye, fixed, movers)
    colours = Foliage(crowns(1), light).colours
    faces = faces_of(eye, fixed, chosen, fixed.lit(light), colours, movers, rows, light)
    assert len(rows) == 12
    assert (np.diff(faces.distance) <= 0.0).all()
    changes = np.flatnonzero(np.diff(faces.thing)) + 1
    groups = np.split(faces.thing, changes)
    assert len({int(group[0]) for group in groups}) == len(groups)
    assert {-1 - int(thing) for thing in faces.thing if thing < 0} == set(rows.tolist())


def test_walls_that_were_forgotten_look_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed, light = statics.build(town("Town01").scenery), light_of(NOON)
    faces = np.flatnonzero(fixed.facade >= 0)[:6]

    def images(made: Facades, some: np.ndarray) -> list[np.ndarray]:
        walls = made.walls(some)
        return [
            walls.texels[first : first + rows * columns].copy()
            for face in some
            for first, rows, columns in walls.place[face].tolist()
        ]

    plenty = images(Facades(fixed, fixed.lit(light), light), faces)
    room = sum(image.size for image in plenty) * 2 // 3
    monkeypatch.setattr(facades, "_ROOM", room)
    small = Facades(fixed, fixed.lit(light), light)
    images(small, faces[:3])
    assert images(small, faces[3:])[0].any()
    assert all(np.array_equal(a, b) for a, b in zip(images(small, faces), plenty, strict=True))
