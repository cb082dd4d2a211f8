"""A light is seen from where the expert stops for it, through the lens and in red less green."""

from __future__ import annotations

import math

import numpy as np

from envs.config import SensorConfig
from envs.standin.bodies import Bodies
from envs.standin.lights import GREEN, RED
from envs.standin.picture import Camera, Renderer
from envs.standin.town.model import ZONE_BEFORE
from envs.standin.world import Identity, Settings, World
from envs.task.allowed import COMFORT
from envs.task.expert import Car
from envs.task.observation import frame
from tests.envs.standin.test_picture_geometry import NOON
from tests.envs.standin.town_support import town

SENSORS = SensorConfig(camera_width=144, camera_height=144, image_size=48, lens=3.0, red_green=True)
SHIFT = 4  # pixels by which pictures are shifted at random in training


def changed_pixels(name: str, gap: float) -> list[int]:
    """For each stop zone: pixels of red less green, further than `SHIFT` from the edge, that a
    change from red to green changes by 30 and more, for a bonnet `gap` metres from the line."""
    world = World(town(name), 0, Identity(), Settings())
    renderer, bodies = Renderer(town(name)), Bodies()
    counts = []
    for light, signal in enumerate(world.lights.signals):
        for x, y, z, _, _, yaw in np.asarray(signal.boxes).reshape(-1, 6).tolist():
            ahead = ZONE_BEFORE - gap - Car().half_length + SENSORS.camera_x
            x += ahead * math.cos(math.radians(yaw))
            y += ahead * math.sin(math.radians(yaw))
            camera = Camera("rgb", 144, 144, 90.0, x, y, z + SENSORS.camera_z, 0.0, yaw, 0.0)
            seen = []
            for state in (RED, GREEN):
                world.lights.state[light] = state
                boxes = bodies.of(world)
                boxes["lights"][len(boxes) - len(world.lights) :] = world.lights.state
                seen.append(frame(renderer.render(camera, boxes, NOON), SENSORS)[..., 0])
            inner = np.abs(np.subtract(*seen, dtype=int))[SHIFT:-SHIFT, SHIFT:-SHIFT]
            counts.append(int((inner >= 30).sum()))
    return counts


def test_the_expert_stops_where_it_sees_the_light():
    assert min(changed_pixels("Town01", COMFORT.light_gap)) >= 3


def test_at_its_line_a_car_no_longer_does():
    assert max(changed_pixels("Town01", 0.5)) == 0
