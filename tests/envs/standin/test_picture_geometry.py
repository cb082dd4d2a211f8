"""Known places, projected with the camera's matrix, are where the pictures show them."""

import math

import numpy as np
import pytest

from envs.standin.picture import BOX, CAR, PROP, Camera, Renderer
from tests.envs.standin.town_support import town

NOON = np.array([5, 0, 0, 10, 0, 45, 2, 0.75, 0.1, 0, 1, 0.03, 0.03, 0.0])
TERRAIN, ROAD, LINES, CAR_TAG, SKY, STATIC = 10, 1, 24, 14, 11, 20


@pytest.fixture(scope="module")
def renderer():
    return Renderer(town("Town01"))


def camera_at(row, kind="rgb", width=320, height=240, fov=90.0, up=1.5, pitch=0.0, roll=0.0):
    x, y, _, _, yaw, _ = row
    return Camera(kind, width, height, fov, x, y, up, pitch, yaw, roll)


def matrix(camera):
    """World to pixels, as users of CARLA write it."""
    p, y, r = np.radians([camera.pitch, camera.yaw, camera.roll])
    cp, sp, cy, sy, cr, sr = np.cos(p), np.sin(p), np.cos(y), np.sin(y), np.cos(r), np.sin(r)
    to_world = np.eye(4)
    to_world[:3, :3] = [
        [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
        [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
        [sp, -cp * sr, cp * cr],
    ]
    to_world[:3, 3] = camera.x, camera.y, camera.z
    focal = camera.width / (2 * math.tan(math.radians(camera.fov) / 2))
    pinhole = np.array([[focal, 0, camera.width / 2], [0, focal, camera.height / 2], [0, 0, 1]])
    return np.linalg.inv(to_world), pinhole


def project(camera, point):
    """Pixel and depth of a point."""
    to_camera, pinhole = matrix(camera)
    forward, right, up, _ = to_camera @ [*point, 1.0]
    u, v, w = pinhole @ [right, -up, forward]
    return u / w, v / w, forward


def depth_of(picture):
    code = picture.astype(np.float64)
    return code[..., :3] @ (65536.0, 256.0, 1.0) / (2**24 - 1) * 1000.0


def crate(camera, forward, right, half=(1.0, 1.0, 1.0), turn=20.0, style=PROP, tag=STATIC):
    yaw = math.radians(camera.yaw)
    box = np.zeros(1, BOX)
    box["x"] = camera.x + forward * math.cos(yaw) - right * math.sin(yaw)
    box["y"] = camera.y + forward * math.sin(yaw) + right * math.cos(yaw)
    box["z"], box["yaw"] = half[2], camera.yaw + turn
    box["half_x"], box["half_y"], box["half_z"] = half
    box["r"], box["g"], box["b"] = 255, 0, 255
    box["id"], box["style"], box["tag"] = 259, style, tag
    return box


def corners(box):
    yaw = np.radians(float(box["yaw"][0]))
    for i in (-1, 1):
        for j in (-1, 1):
            for k in (-1, 1):
                x, y = i * box["half_x"][0], j * box["half_y"][0]
                yield (
                    box["x"][0] + x * np.cos(yaw) - y * np.sin(yaw),
                    box["y"][0] + x * np.sin(yaw) + y * np.cos(yaw),
                    box["z"][0] + k * box["half_z"][0],
                )


@pytest.mark.parametrize(("pitch", "roll"), [(0.0, 0.0), (-12.0, 0.0), (6.0, 9.0)])
def test_a_box_fills_exactly_the_outline_of_its_corners(renderer, pitch, roll):
    row = town("Town01").spawn_points[3]
    camera = camera_at(row, "semantic", pitch=pitch, roll=roll)
    box = crate(camera, 7.0, 0.4)
    shown = renderer.render(camera, box, NOON)[..., 2] == STATIC
    pixels = np.array([project(camera, corner)[:2] for corner in corners(box)])
    rows, columns = np.nonzero(shown)
    assert columns.min() + 0.5 == pytest.approx(pixels[:, 0].min(), abs=1.2)
    assert columns.max() + 0.5 == pytest.approx(pixels[:, 0].max(), abs=1.2)
    assert rows.min() + 0.5 == pytest.approx(pixels[:, 1].min(), abs=1.2)
    assert rows.max() + 0.5 == pytest.approx(pixels[:, 1].max(), abs=1.2)


@pytest.mark.parametrize("index", [0, 3, 11])
def test_lane_marks_are_where_the_map_says(renderer, index):
    row = town("Town01").spawn_points[index]
    camera = camera_at(row, "semantic", 800, 600, up=2.0, pitch=-10.0)
    tags = renderer.render(camera, np.zeros(0, BOX), NOON)[..., 2]
    found = checked = 0
    for line in town("Town01").road_map.marks:
        if line.kind != "Solid":
            continue
        for point in line.points:
            if np.hypot(point[0] - camera.x, point[1] - camera.y) > 20.0:
                continue
            u, v, depth = project(camera, (point[0], point[1], 0.0))
            if depth > 3.0 and 2 <= u < 798 and 2 <= v < 598:
                checked += 1
                near = tags[int(v) - 2 : int(v) + 3, int(u) - 2 : int(u) + 3]
                found += bool((near == LINES).any())
    assert checked > 4
    assert found == checked


def test_depth_on_the_ground_is_the_distance_along_the_axis(renderer):
    row = town("Town01").spawn_points[3]
    camera = camera_at(row, "depth", pitch=-8.0, roll=3.0)
    depth = depth_of(renderer.render(camera, np.zeros(0, BOX), NOON))
    yaw = math.radians(camera.yaw)
    for forward, right in ((4.0, 0.0), (9.0, 0.8), (14.0, -0.5)):
        place = (
            camera.x + forward * math.cos(yaw) - right * math.sin(yaw),
            camera.y + forward * math.sin(yaw) + right * math.cos(yaw),
            0.0,
        )
        u, v, expected = project(camera, place)
        assert depth[int(v), int(u)] == pytest.approx(expected, rel=0.03)


def test_depth_on_a_box_is_that_of_its_face(renderer):
    row = town("Town01").spawn_points[3]
    camera = camera_at(row, "depth")
    box = crate(camera, 8.0, 0.0, turn=0.0)
    depth = depth_of(renderer.render(camera, box, NOON))
    u, v, _ = project(camera, (float(box["x"][0]), float(box["y"][0]), 1.0))
    assert depth[int(v), int(u)] == pytest.approx(7.0, abs=0.01)
    assert depth[0, 160] > 40.0


def test_sky_is_as_far_as_can_be(renderer):
    row = town("Town01").spawn_points[3]
    up = Camera("depth", 64, 64, 60.0, row[0], row[1], 30.0, 60.0, row[4])
    assert depth_of(renderer.render(up, np.zeros(0, BOX), NOON)).min() == pytest.approx(1000.0)


def test_an_instance_picture_names_the_thing(renderer):
    camera = camera_at(town("Town01").spawn_points[3], "instance")
    box = crate(camera, 7.0, 0.0, (2.3, 0.95, 0.75), style=CAR, tag=CAR_TAG)
    picture = renderer.render(camera, box, NOON)
    u, v, _ = project(camera, (float(box["x"][0]), float(box["y"][0]), 0.6))
    assert tuple(picture[int(v), int(u)]) == (1, 3, CAR_TAG, 255)


def test_a_thing_before_another_hides_it(renderer):
    camera = camera_at(town("Town01").spawn_points[3], "instance")
    boxes = np.concatenate([crate(camera, 6.0, 0.0), crate(camera, 12.0, 0.0)])
    boxes["id"] = 1, 2
    picture = renderer.render(camera, boxes, NOON)
    u, v, _ = project(camera, (float(boxes["x"][0]), float(boxes["y"][0]), 1.0))
    assert picture[int(v), int(u), 1] == 1
    reverse = renderer.render(camera, boxes[::-1].copy(), NOON)
    assert np.array_equal(picture, reverse)


def test_a_wall_hides_what_is_behind(renderer):
    camera = camera_at(town("Town01").spawn_points[3], "instance")
    wall = crate(camera, 8.0, 0.0, (0.5, 6.0, 4.0), turn=0.0)
    far = crate(camera, 30.0, 0.0)
    far["id"] = 77
    picture = renderer.render(camera, np.concatenate([far, wall]), NOON)
    number = picture[..., 1] + 256 * picture[..., 0].astype(int)
    assert not ((number == 77) & (picture[..., 2] == STATIC)).any()


def test_a_car_right_before_the_camera_does_not_break_the_picture(renderer):
    camera = camera_at(town("Town01").spawn_points[3])
    for forward in (-1.0, 0.0, 0.5, 2.0):
        box = crate(camera, forward, 0.0, (2.3, 0.95, 0.75), turn=0.0, style=CAR, tag=CAR_TAG)
        picture = renderer.render(camera, box, NOON)
        assert picture.shape == (240, 320, 4)
