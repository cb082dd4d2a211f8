"""From where a light is seen, through the lens and in red less green."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.config import SensorConfig
from envs.standin.bodies import Bodies
from envs.standin.lights import GREEN, RED
from envs.standin.picture import Camera, Renderer
from envs.standin.town.model import ZONE_BEFORE
from envs.standin.world import Identity, Settings, World
from envs.task.allowed import COMFORT
from envs.task.expert import Car
from envs.task.observation import frame
from launch.config.presets import PRESETS
from tests.envs.standin.test_picture_geometry import NOON
from tests.envs.standin.town_support import town

WINDSCREEN = SensorConfig(
    camera_width=144, camera_height=144, image_size=48, lens=3.0, red_green=True
)
GUIDED = PRESETS["guided"].config.env.sensors
SHIFT = 4  # pixels by which pictures are shifted at random in training


def changed_pixels(sensors: SensorConfig, name: str, gap: float) -> list[int]:
    """For each stop zone: pixels of red less green, further than `SHIFT` from the edge, that a
    change from red to green changes by 30 and more, for a bonnet `gap` metres from the line."""
    world = World(town(name), 0, Identity(), Settings())
    renderer, bodies = Renderer(town(name)), Bodies()
    counts = []
    for light, signal in enumerate(world.lights.signals):
        for x, y, z, _, _, yaw in np.asarray(signal.boxes).reshape(-1, 6).tolist():
            ahead = ZONE_BEFORE - gap - Car().half_length + sensors.camera_x
            x += ahead * math.cos(math.radians(yaw))
            y += ahead * math.sin(math.radians(yaw))
            size = sensors.camera_width, sensors.camera_height
            pose = x, y, z + sensors.camera_z, 0.0, yaw, 0.0
            camera = Camera("rgb", *size, sensors.camera_fov, *pose)
            seen = []
            for state in (RED, GREEN):
                world.lights.state[light] = state
                boxes = bodies.of(world)
                boxes["lights"][len(boxes) - len(world.lights) :] = world.lights.state
                seen.append(frame(renderer.render(camera, boxes, NOON), sensors)[..., 0])
            inner = np.abs(np.subtract(*seen, dtype=int))[SHIFT:-SHIFT, SHIFT:-SHIFT]
            counts.append(int((inner >= 30).sum()))
    return counts


@pytest.mark.parametrize("gap", [0.5, COMFORT.light_gap, 15.0])
def test_a_camera_above_the_seats_sees_the_light_to_its_line(gap: float) -> None:
    assert min(changed_pixels(GUIDED, "Town01", gap)) >= 3


def test_one_behind_the_windscreen_sees_it_from_where_the_expert_stops() -> None:
    assert min(changed_pixels(WINDSCREEN, "Town01", COMFORT.light_gap)) >= 3
    assert max(changed_pixels(WINDSCREEN, "Town01", 0.5)) == 0
