"""What each sensor measures, against what the world is known to be."""

from __future__ import annotations

import math

import carla
import numpy as np
import pytest

ROOF = carla.Transform(carla.Location(z=2.0))
AHEAD_M = 15.0


@pytest.fixture
def car_ahead(world, model3):
    """A standing car on the same line, `AHEAD_M` ahead of the first one."""
    here = model3.get_transform()
    place = here.location + here.get_forward_vector() * AHEAD_M
    place.z += 0.3
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    car = world.spawn_actor(blueprint, carla.Transform(place, here.rotation))
    for _ in range(8):
        world.tick()
    return car


def _gap(model3, car) -> float:
    """From the first car's origin to the back of the other."""
    return model3.get_location().distance(car.get_location()) - car.bounding_box.extent.x


def test_imu_at_rest_feels_gravity_and_knows_north(world, model3, attach):
    imu = attach("sensor.other.imu", model3)
    data = imu.get(world.tick())
    force = data.accelerometer
    assert (force.x, force.y) == pytest.approx((0.0, 0.0), abs=0.05)
    assert force.z == pytest.approx(9.81, abs=0.05)
    yaw = model3.get_transform().rotation.yaw
    assert math.cos(data.compass - math.radians(yaw + 90)) == pytest.approx(1.0, abs=1e-6)


def test_imu_feels_braking_and_turning(world, model3, attach):
    imu = attach("sensor.other.imu", model3)
    model3.set_target_velocity(model3.get_transform().get_forward_vector() * 10.0)
    model3.apply_control(carla.VehicleControl(brake=0.5, steer=0.1))
    for _ in range(5):
        frame = world.tick()
    data = imu.get(frame)
    assert data.accelerometer.x < -3.0
    assert data.accelerometer.y > 0.3
    assert data.gyroscope.z == pytest.approx(
        math.radians(model3.get_angular_velocity().z), abs=1e-4
    )


def test_imu_noise_is_seeded(world, model3, attach):
    noise = {"noise_accel_stddev_x": 0.5, "noise_seed": 7}
    first = attach("sensor.other.imu", model3, **noise)
    values = []
    for _ in range(100):
        values.append(first.get(world.tick()).accelerometer.x)
    assert np.std(values) == pytest.approx(0.5, rel=0.35)


def test_gnss_agrees_with_the_map(world, model3, attach):
    gnss = attach("sensor.other.gnss", model3, ROOF)
    data = gnss.get(world.tick())
    expected = world.get_map().transform_to_geolocation(data.transform.location)
    assert data.latitude == pytest.approx(expected.latitude, abs=1e-8)
    assert data.longitude == pytest.approx(expected.longitude, abs=1e-8)
    assert data.altitude == pytest.approx(expected.altitude, abs=1e-4)


def test_sensor_tick_thins_out_measurements(world, model3, attach):
    gnss = attach("sensor.other.gnss", model3, sensor_tick=0.2)
    for _ in range(40):
        world.tick()
    assert len(gnss.drain()) == pytest.approx(10, abs=1)


def test_every_interval_of_a_sensor_tick_is_as_long_as_it_says(world, model3, attach):
    gnss = attach("sensor.other.gnss", model3, sensor_tick=1.0)
    for _ in range(65):
        world.tick()
    frames = [data.frame for data in gnss.drain()]
    assert len(frames) >= 3
    assert np.diff(frames).tolist() == [20] * (len(frames) - 1)  # at 0.05 s a tick


def test_boxes_of_the_level_hold_cars_and_lights(world, model3, car_ahead):
    world.tick()
    cars = world.get_level_bbs(carla.CityObjectLabel.Car)
    for car in (model3, car_ahead):
        at, box = car.get_transform(), car.bounding_box
        middle = at.transform(carla.Location(box.location))
        (same,) = [other for other in cars if other.location.distance(middle) < 0.05]
        assert same.extent.distance(box.extent) < 1e-4
        assert same.rotation.yaw == pytest.approx(at.rotation.yaw + box.rotation.yaw, abs=0.01)
    lights = world.get_level_bbs(carla.CityObjectLabel.TrafficLight)
    assert len(lights) == len(world.get_actors().filter("traffic.traffic_light"))
    every = world.get_level_bbs(carla.CityObjectLabel.Any)
    assert len(every) >= len(cars) + len(lights)


def test_lidar_sees_ground_and_car_at_their_distance(world, model3, car_ahead, attach):
    lidar = attach(
        "sensor.lidar.ray_cast",
        model3,
        ROOF,
        range=50,
        points_per_second=200000,
        channels=32,
        rotation_frequency=20,
        dropoff_general_rate=0.0,
        dropoff_zero_intensity=0.0,
    )
    data = lidar.get(world.tick())
    points = np.frombuffer(data.raw_data, np.float32).reshape(-1, 4)
    assert data.channels == 32
    assert sum(data.get_point_count(channel) for channel in range(32)) == len(points)
    ahead = points[(np.abs(points[:, 1]) < 0.5) & (points[:, 0] > 3) & (points[:, 2] > -1.9)]
    height = model3.get_location().z + 2.0 - car_ahead.bounding_box.extent.z * 2
    assert len(ahead) > 0
    assert height > 0
    assert ahead[:, 0].min() == pytest.approx(_gap(model3, car_ahead), abs=0.3)
    ground = points[(np.abs(points[:, 0]) < 8) & (np.abs(points[:, 1]) < 2)]
    assert np.median(ground[:, 2]) == pytest.approx(-2.0, abs=0.1)
    assert np.all((points[:, 3] > 0) & (points[:, 3] <= 1))


def test_semantic_lidar_names_what_it_hits(world, model3, car_ahead, attach):
    lidar = attach(
        "sensor.lidar.ray_cast_semantic",
        model3,
        ROOF,
        range=50,
        points_per_second=200000,
        rotation_frequency=20,
    )
    data = lidar.get(world.tick())
    kind = np.dtype([("xyz", "f4", 3), ("cos", "f4"), ("id", "u4"), ("tag", "u4")])
    points = np.frombuffer(data.raw_data, kind)
    hits = points[points["id"] == car_ahead.id]
    assert len(hits) > 5
    assert set(hits["tag"]) == {14}
    assert model3.id not in points["id"]
    assert np.all((points["cos"] >= 0) & (points["cos"] <= 1 + 1e-6))


def test_ground_is_named_as_cameras_name_it(world, model3, attach):
    lidar = attach("sensor.lidar.ray_cast_semantic", model3, ROOF, range=40, lower_fov=-60)
    data = lidar.get(world.tick())
    kind = np.dtype([("xyz", "f4", 3), ("cos", "f4"), ("id", "u4"), ("tag", "u4")])
    points = np.frombuffer(data.raw_data, kind)
    ground = points[np.isin(points["tag"], [1, 2, 10, 24, 25])]
    assert {1, 2} <= set(ground["tag"].tolist())  # road and pavement
    assert np.abs(ground["xyz"][:, 2] + 2.0).max() < 0.2
    for point in ground[:: len(ground) // 10]:
        at = lidar.sensor.get_transform().transform(carla.Location(*map(float, point["xyz"])))
        down = carla.Vector3D(0.0, 0.0, -1.0)
        found = world.project_point(at + carla.Location(z=0.5), down, 5.0)
        assert int(found.label) == point["tag"]


def test_imu_on_a_sensor_of_a_car_feels_what_the_car_does(world, model3, attach):
    mast = attach("sensor.other.gnss", model3)
    on_car, on_mast = attach("sensor.other.imu", model3), attach("sensor.other.imu", mast.sensor)
    model3.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(15):
        frame = world.tick()
    felt, there = on_car.get(frame).accelerometer, on_mast.get(frame).accelerometer
    assert felt.x > 0.5
    assert there.x == pytest.approx(felt.x)


def test_radar_measures_closing_speed(world, model3, car_ahead, attach):
    front = carla.Transform(carla.Location(x=2.4, z=0.8))
    radar = attach("sensor.other.radar", model3, front, horizontal_fov=8, vertical_fov=2)
    model3.set_target_velocity(model3.get_transform().get_forward_vector() * 5.0)
    data = radar.get(world.tick())
    straight = [d for d in data if abs(d.azimuth) < 0.03 and d.altitude > -0.005]
    assert straight
    speed = model3.get_velocity().length()
    gap = _gap(model3, car_ahead) - 2.4
    for detection in straight:
        assert detection.velocity == pytest.approx(-speed, abs=0.1)
        assert detection.depth == pytest.approx(gap, abs=0.2)


def test_obstacle_detector_names_the_car_ahead(world, model3, car_ahead, attach):
    front = carla.Transform(carla.Location(x=2.4, z=0.8))
    detector = attach(
        "sensor.other.obstacle", model3, front, distance=20, hit_radius=0.3, only_dynamics=True
    )
    event = detector.get(world.tick())
    assert event.other_actor.id == car_ahead.id
    assert event.distance == pytest.approx(_gap(model3, car_ahead) - 2.4, abs=0.2)


def test_obstacle_detector_is_silent_when_the_way_is_free(world, model3, attach):
    front = carla.Transform(carla.Location(x=2.4, z=0.8))
    detector = attach("sensor.other.obstacle", model3, front, distance=4, hit_radius=0.3)
    for _ in range(5):
        world.tick()
    assert not detector.drain()


def test_cast_ray_and_ground_projection(world, model3, car_ahead):
    start = model3.get_location() + carla.Location(z=0.8)
    start += model3.get_transform().get_forward_vector() * 3.0
    end = car_ahead.get_location() + carla.Location(z=0.8)
    hits = world.cast_ray(start, end)
    assert hits[0].label == carla.CityObjectLabel.Car
    point = world.ground_projection(start, 10.0)
    assert point.location.z == pytest.approx(model3.get_location().z, abs=0.05)


@pytest.mark.parametrize(
    "name", ["sensor.camera.normals", "sensor.camera.optical_flow", "sensor.camera.dvs"]
)
def test_sensors_that_cannot_be_fed_are_refused(world, model3, name):
    blueprint = world.get_blueprint_library().find(name)
    with pytest.raises(RuntimeError, match=f"'{name}' is not supported"):
        world.spawn_actor(blueprint, carla.Transform(), attach_to=model3)


def _pixels(image) -> np.ndarray:
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


@pytest.fixture
def bumper() -> carla.Transform:
    """On the front of the car, at the height of the other car's body."""
    return carla.Transform(carla.Location(x=2.4, z=0.6))


def test_depth_camera_measures_the_car_ahead(world, model3, car_ahead, bumper, attach):
    camera = attach("sensor.camera.depth", model3, bumper, image_size_x=64, image_size_y=48, fov=40)
    pixels = _pixels(camera.get(world.tick())).astype(np.int64)
    code = pixels[..., 2] + 256 * pixels[..., 1] + 65536 * pixels[..., 0]
    depth = code / (2**24 - 1) * 1000.0
    gap = _gap(model3, car_ahead) - 2.4
    assert depth[24, 32] == pytest.approx(gap, abs=1.0)


def test_segmentation_cameras_name_the_car_ahead(world, model3, car_ahead, bumper, attach):
    size = {"image_size_x": 64, "image_size_y": 48, "fov": 40}
    classes = attach("sensor.camera.semantic_segmentation", model3, bumper, **size)
    instances = attach("sensor.camera.instance_segmentation", model3, bumper, **size)
    frame = world.tick()
    semantic, instance = _pixels(classes.get(frame)), _pixels(instances.get(frame))
    assert semantic[24, 32, 2] == 14
    assert instance[24, 32, 2] == 14
    identity = int(instance[24, 32, 1]) + 256 * int(instance[24, 32, 0])
    assert identity == car_ahead.id & 0xFFFF


def test_camera_sees_what_is_ahead_and_not_its_own_car(world, model3, car_ahead, bumper, attach):
    inside = carla.Transform(carla.Location(x=0.3, z=1.2))
    size = {"image_size_x": 64, "image_size_y": 48}
    camera = attach("sensor.camera.semantic_segmentation", model3, inside, **size)
    behind = carla.Transform(carla.Location(x=-6.0, z=2.5))
    chase = attach("sensor.camera.instance_segmentation", model3, behind, **size)
    frame = world.tick()
    own = _pixels(camera.get(frame))[..., 2]
    assert 0 < np.count_nonzero(own == 14) < own.size // 4
    seen = _pixels(chase.get(frame)).astype(int)
    identities = seen[..., 1] + 256 * seen[..., 0]
    assert np.count_nonzero(identities == model3.id) > 20


def test_no_rendering_mode_sends_black(world, model3, attach):
    settings = world.get_settings()
    settings.no_rendering_mode = True
    world.apply_settings(settings)
    camera = attach("sensor.camera.rgb", model3, image_size_x=16, image_size_y=8)
    assert not _pixels(camera.get(world.tick()))[..., :3].any()


def test_a_picture_shows_its_own_step_whatever_is_asked_while_it_is_made(
    world, model3, car_ahead, attach
):
    camera = attach("sensor.camera.rgb", model3, ROOF, image_size_x=640, image_size_y=480)
    before = bytes(camera.get(world.tick()).raw_data)
    frame = world.tick()
    # These calls reach the server while it still draws.
    car_ahead.set_transform(carla.Transform(carla.Location(z=-50.0)))
    world.set_weather(carla.WeatherParameters.HardRainSunset)
    assert world.get_snapshot().frame == frame
    assert bytes(camera.get(frame).raw_data) == before
    assert bytes(camera.get(world.tick()).raw_data) != before


def test_a_tick_waits_for_the_pictures_of_the_one_before(world, model3, attach):
    cameras = [
        attach("sensor.camera.rgb", model3, ROOF, image_size_x=640, image_size_y=480)
        for _ in range(3)
    ]
    frames = [world.tick() for _ in range(5)]
    for camera in cameras:
        assert [camera.get().frame for _ in frames] == frames
