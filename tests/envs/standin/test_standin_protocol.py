"""The calls that every driving script makes, through the real client."""

from __future__ import annotations

import queue
import subprocess
import sys
import time

import carla
import numpy as np
import pytest

SYNCHRONOUS_STEPS = 40


def test_version_and_maps(client):
    assert client.get_server_version() == client.get_client_version() == "0.9.16"
    assert "/Game/Carla/Maps/Town01" in client.get_available_maps()


def test_map_has_start_places_on_driving_lanes(world):
    carla_map = world.get_map()
    points = carla_map.get_spawn_points()
    assert len(points) >= 30
    for point in points:
        waypoint = carla_map.get_waypoint(point.location, project_to_road=True)
        assert waypoint.transform.location.distance(point.location) < 1.0
        turn = (waypoint.transform.rotation.yaw - point.rotation.yaw + 180) % 360 - 180
        assert abs(turn) < 10


def test_settings_survive_the_round_trip(world):
    settings = world.get_settings()
    settings.no_rendering_mode = True
    settings.max_substeps = 7
    settings.max_substep_delta_time = 0.02
    world.apply_settings(settings)
    back = world.get_settings()
    assert back == settings
    assert back.fixed_delta_seconds == pytest.approx(0.05)


def test_bad_settings_are_refused(world):
    settings = world.get_settings()
    settings.fixed_delta_seconds = 1e9
    with pytest.raises(RuntimeError, match="fixed_delta_seconds"):
        world.apply_settings(settings)


def test_ticks_count_frames_and_time(world):
    before = world.get_snapshot()
    frames = [world.tick() for _ in range(5)]
    assert frames == list(range(frames[0], frames[0] + 5))
    now = world.get_snapshot()
    assert now.frame == frames[-1]
    assert now.timestamp.delta_seconds == pytest.approx(0.05)
    steps = now.frame - before.frame
    elapsed = now.timestamp.elapsed_seconds - before.timestamp.elapsed_seconds
    assert elapsed == pytest.approx(0.05 * steps)


def test_asynchronous_world_runs_by_itself(client):
    world = client.get_world()
    first = world.wait_for_tick().frame
    start = time.monotonic()
    while world.wait_for_tick().frame < first + 15:
        pass
    assert time.monotonic() - start > 0.3


def test_weather_round_trip(world):
    weather = carla.WeatherParameters(cloudiness=80.0, sun_altitude_angle=-10.0, fog_density=12.5)
    world.set_weather(weather)
    assert world.get_weather() == weather


def test_spectator_can_be_moved(world):
    spectator = world.get_spectator()
    spectator.set_transform(carla.Transform(carla.Location(1, 2, 30), carla.Rotation(-90, 45, 0)))
    world.tick()
    assert spectator.get_transform().location.distance(carla.Location(1, 2, 30)) < 1e-4
    assert spectator.get_transform().rotation.pitch == pytest.approx(-90)


def test_reload_gives_a_new_world(client, world, model3):
    fresh = client.reload_world(False)
    assert fresh.id != world.id
    assert fresh.get_settings().synchronous_mode
    fresh.tick()
    assert not fresh.get_actors().filter("vehicle.*")


def test_unknown_map_is_named(client):
    with pytest.raises(RuntimeError, match="Atlantis"):
        client.load_world("Atlantis")


def test_occupied_place_refuses_the_second_vehicle(world, model3):
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    place = world.get_map().get_spawn_points()[0]
    assert world.try_spawn_actor(blueprint, place) is None
    with pytest.raises(RuntimeError, match="collision at spawn position"):
        world.spawn_actor(blueprint, place)


def test_destroyed_actor_leaves_and_its_id_is_not_reused(world, model3):
    place = world.get_map().get_spawn_points()[0]
    old = model3.id
    assert model3.destroy()
    world.tick()
    assert world.get_actor(old) is None or old not in [a.id for a in world.get_actors()]
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    assert world.spawn_actor(blueprint, place).id > old


def test_attributes_come_back(world):
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    blueprint.set_attribute("role_name", "hero")
    blueprint.set_attribute("color", "1,2,3")
    vehicle = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[3])
    assert vehicle.attributes["role_name"] == "hero"
    assert vehicle.attributes["color"] == "1,2,3"
    assert vehicle.attributes["number_of_wheels"] == "4"
    assert vehicle.bounding_box.extent.x == pytest.approx(4.792 / 2, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("vehicle.tesla.model3", (4.792, 2.163, 1.488)),
        ("vehicle.mitsubishi.fusorosa", (10.273, 3.944, 4.253)),
        ("vehicle.kawasaki.ninja", (2.044, 0.797, 1.523)),
        ("walker.pedestrian.0001", (0.375, 0.375, 1.86)),
        ("walker.pedestrian.0009", (0.5, 0.5, 1.1)),
        ("static.prop.trashcan04", (0.789, 0.580, 1.016)),
    ],
)
def test_boxes_are_those_of_carla(world, name, size):
    place = world.get_map().get_spawn_points()[2]
    place.location.z += 1.0
    actor = world.spawn_actor(world.get_blueprint_library().find(name), place)
    extent = actor.bounding_box.extent
    assert (extent.x, extent.y, extent.z) == pytest.approx([side / 2 for side in size], abs=1e-3)


def test_a_car_drives_over_debris_and_into_a_barrel(world, model3, attach):
    library, here = world.get_blueprint_library(), model3.get_transform()
    ahead = here.get_forward_vector()
    place = here.location + ahead * 6.0
    world.spawn_actor(
        library.find("static.prop.dirtdebris01"), carla.Transform(place, here.rotation)
    )
    place = here.location + ahead * 12.0
    barrel = world.spawn_actor(
        library.find("static.prop.barrel"), carla.Transform(place, here.rotation)
    )
    sensor = attach("sensor.other.collision", model3)
    model3.set_target_velocity(ahead * 8.0)
    for _ in range(40):
        world.tick()
    assert {event.other_actor.id for event in sensor.drain()} == {barrel.id}


def test_steps_of_a_fixed_length_do_not_wait_for_the_clock(world):
    """Of an asynchronous world: at the clock's pace each would take twice as long as we wait."""
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = False, 10.0
    world.apply_settings(settings)
    before = world.wait_for_tick(5.0)
    for _ in range(3):
        now = world.wait_for_tick(5.0)
    steps = now.frame - before.frame
    assert steps >= 3
    passed = now.timestamp.elapsed_seconds - before.timestamp.elapsed_seconds
    assert passed == pytest.approx(10.0 * steps)


def test_camera_images_belong_to_their_tick(world, model3, attach):
    mount = carla.Transform(carla.Location(x=2.0, z=1.5))
    camera = attach("sensor.camera.rgb", model3, mount, image_size_x=96, image_size_y=64)
    for _ in range(SYNCHRONOUS_STEPS):
        frame = world.tick()
        image = camera.get()
        assert image.frame == frame
        assert image.timestamp == pytest.approx(world.get_snapshot().timestamp.elapsed_seconds)
        assert (image.width, image.height, image.fov) == (96, 64, 90.0)
        assert len(image.raw_data) == 96 * 64 * 4
        offset = image.transform.location - model3.get_location()
        assert np.hypot(offset.x, offset.y) == pytest.approx(2.0, abs=0.1)


def test_two_clients_see_the_same_camera(server, world, model3, attach):
    first = attach("sensor.camera.rgb", model3, image_size_x=32, image_size_y=24)
    other_world = server.client().get_world()
    other_world.tick()
    second: queue.Queue = queue.Queue()
    twin = other_world.get_actor(first.sensor.id)
    twin.listen(second.put)
    frame = world.tick()
    assert bytes(first.get(frame).raw_data) == bytes(second.get(timeout=5).raw_data)
    twin.stop()


def test_control_takes_effect_in_the_same_step(world, model3):
    model3.apply_control(carla.VehicleControl(throttle=0.75, steer=-0.25))
    world.tick()
    control = model3.get_control()
    assert (control.throttle, control.steer) == (0.75, -0.25)
    assert model3.get_velocity().length() > 0.05


def test_batch_spawns_and_runs_what_follows(client, world):
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    points = world.get_map().get_spawn_points()
    target = carla.command.FutureActor
    spawn = carla.command.SpawnActor(blueprint, points[2])
    moving = spawn.then(carla.command.ApplyTargetVelocity(target, carla.Vector3D(x=1.0, y=2.0)))
    answers = client.apply_batch_sync([moving, spawn], False)
    assert not answers[0].error
    assert "collision" in answers[1].error
    vehicle = world.get_actor(answers[0].actor_id)
    world.tick()
    assert vehicle.get_velocity().y == pytest.approx(2.0, rel=0.5)
    gone = client.apply_batch_sync([carla.command.DestroyActor(vehicle.id)] * 2, False)
    assert [bool(answer.error) for answer in gone] == [False, True]


def test_crash_into_a_standing_car_is_reported_to_both(world, model3, attach):
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    here = model3.get_transform()
    ahead = here.location + here.get_forward_vector() * 12.0
    ahead.z += 0.3
    victim = world.spawn_actor(blueprint, carla.Transform(ahead, here.rotation))
    mine = attach("sensor.other.collision", model3)
    theirs = attach("sensor.other.collision", victim)
    model3.set_target_velocity(here.get_forward_vector() * 10.0)
    for _ in range(30):
        world.tick()
    event, reply = mine.get(), theirs.get()
    assert event.other_actor.id == victim.id
    assert reply.other_actor.id == model3.id
    assert event.frame == reply.frame
    forward = here.get_forward_vector()
    impulse = event.normal_impulse
    assert impulse.x * forward.x + impulse.y * forward.y < -1000
    assert victim.get_velocity().length() > 1.0


def test_lane_invasion_names_the_marking(world, model3, attach):
    sensor = attach("sensor.other.lane_invasion", model3)
    model3.set_target_velocity(model3.get_transform().get_forward_vector() * 8.0)
    model3.apply_control(carla.VehicleControl(throttle=0.4, steer=-0.25))
    for _ in range(60):
        world.tick()
    event = sensor.get()
    assert event.crossed_lane_markings


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--town", "Atlantis"], "unknown town 'Atlantis'"),
        (["--port", "0"], "--port must be in 1 to 65534"),
        (["--seed", "-1"], "--seed must not be negative"),
    ],
)
def test_bad_flags_are_one_line(arguments, text):
    result = _run(arguments)
    assert result.returncode != 0
    assert result.stderr.count("\n") == 1
    assert text in result.stderr


def test_port_in_use_is_one_line(server):
    result = _run(["--port", str(server.port)])
    assert result.returncode != 0
    assert result.stderr.count("\n") == 1
    assert "choose another port" in result.stderr


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envs.standin", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)
