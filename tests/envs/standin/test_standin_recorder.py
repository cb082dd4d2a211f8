"""Recordings made and played back through the real client."""

from __future__ import annotations

import math

import carla
import pytest

from tests.envs.standin.conftest import fresh_world

TICKS = 40


def spawn(world, name, transform, **attributes):
    blueprint = world.get_blueprint_library().find(name)
    for key, value in attributes.items():
        blueprint.set_attribute(key, value)
    return world.spawn_actor(blueprint, transform)


def ahead_of(actor, metres):
    here = actor.get_transform()
    place = here.location + here.get_forward_vector() * metres
    place.z += 0.3
    return carla.Transform(place, here.rotation)


@pytest.fixture
def recorded(client, world, model3, tmp_path):
    """A drive with lights on, beside a walker; a second car is destroyed halfway."""
    path = str(tmp_path / "drive.rec")
    other = spawn(world, "vehicle.audi.tt", ahead_of(model3, 60.0), role_name="other")
    assert client.start_recorder(path) == path
    model3.set_light_state(carla.VehicleLightState(carla.VehicleLightState.LowBeam))
    model3.apply_control(carla.VehicleControl(throttle=0.7, steer=0.05))
    poses = []
    for tick in range(TICKS):
        if tick == TICKS // 2:
            other.destroy()
        world.tick()
        poses.append(model3.get_transform())
    client.stop_recorder()
    return path, model3.id, other.id, poses


def test_the_file_says_what_happened(client, recorded):
    path, ego, other, _ = recorded
    text = client.show_recorder_file_info(path, False)
    assert "Version: 1" in text
    assert "Map: Town01" in text
    assert f" Create {ego}: vehicle.tesla.model3 (1) at (" in text
    assert "  role_name = other" in text
    assert f" Destroy {other}" in text
    assert f"Frames: {TICKS + 1}" in text
    assert f"Duration: {TICKS * 0.05:.0f} seconds" in text
    assert "Positions: " not in text
    assert "Positions: " in client.show_recorder_file_info(path, True)


@pytest.mark.parametrize("again", [False, True], ids=["cars made anew", "cars taken over"])
def test_a_playback_moves_cars_as_recorded(server, client, world, recorded, again):
    path, ego, _, poses = recorded
    if not again:
        fresh_world(server.port)
        world = server.client().get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
    client.set_replayer_time_factor(1.0)
    answer = client.replay_file(path, 0.0, 0.0, 0)
    assert "Total time recorded: 2.00" in answer
    for number, pose in enumerate(poses):
        world.tick()
        cars = world.get_actors().filter("vehicle.*")
        model3 = next(car for car in cars if car.type_id == "vehicle.tesla.model3")
        assert (model3.id == ego) == again
        assert model3.get_location().distance(pose.location) < 1e-3
        turned = model3.get_transform().rotation.yaw - pose.rotation.yaw
        assert abs(math.remainder(turned, 360.0)) < 0.01
        assert len(cars) == (2 if number < TICKS // 2 else 1)
    assert model3.get_light_state() == carla.VehicleLightState.LowBeam
    speed = model3.get_velocity().length()
    assert speed == pytest.approx(poses[-1].location.distance(poses[-2].location) / 0.05, rel=0.05)
    model3.apply_control(carla.VehicleControl(brake=1.0))
    for _ in range(60):  # its physics is back: it brakes
        world.tick()
    assert model3.get_velocity().length() < 0.1


def test_part_of_a_recording_at_twice_the_speed(client, world, recorded):
    path, ego, _, poses = recorded
    client.set_replayer_time_factor(2.0)
    client.replay_file(path, -1.0, 0.5, ego)
    world.tick()
    car = world.get_actor(ego)
    assert car.get_location().distance(poses[21].location) < 1e-3
    world.tick()
    eye = world.get_spectator().get_transform()
    assert eye.location.distance(car.get_location()) < 12.0  # it follows
    for _ in range(3):
        world.tick()
    assert car.get_location().distance(poses[29].location) < 1e-3
    client.set_replayer_time_factor(1.0)


def test_a_stopped_playback_takes_its_cars_along(server, client, world, recorded):
    path, _, _, _ = recorded
    for car in world.get_actors().filter("vehicle.*"):
        car.destroy()
    for keep, left in ((False, 0), (True, 2)):
        client.replay_file(path, 0.0, 0.0, 0)
        world.tick()
        client.stop_replayer(keep)
        world.tick()
        assert len(world.get_actors().filter("vehicle.*")) == left


def test_heroes_are_left_out_when_asked(client, world, model3, tmp_path):
    path = str(tmp_path / "hero.rec")
    hero = spawn(world, "vehicle.audi.tt", ahead_of(model3, 30.0), role_name="hero")
    client.start_recorder(path)
    world.tick()
    client.stop_recorder()
    model3.destroy()
    hero.destroy()
    world.tick()
    client.set_replayer_ignore_hero(True)
    client.replay_file(path, 0.0, 0.0, 0)
    world.tick()
    kinds = [car.type_id for car in world.get_actors().filter("vehicle.*")]
    client.set_replayer_ignore_hero(False)
    assert kinds == ["vehicle.tesla.model3"]


def test_collisions_and_blocked_cars_are_found(client, world, model3, tmp_path):
    path = str(tmp_path / "crash.rec")
    target = spawn(world, "vehicle.audi.tt", ahead_of(model3, 12.0), role_name="hero")
    client.start_recorder(path)
    model3.set_target_velocity(model3.get_transform().get_forward_vector() * 10.0)
    for _ in range(60):
        world.tick()
    pair = f"{model3.id} vehicle.tesla.model3"
    for kinds, found in (("vv", True), ("vh", True), ("aa", True), ("vw", False)):
        text = client.show_recorder_collisions(path, *kinds)
        assert (pair in text) == found, kinds
        assert (f"{target.id} vehicle.audi.tt" in text) == found
    for car in (model3, target):
        car.apply_control(carla.VehicleControl(hand_brake=True, brake=1.0))
    for _ in range(60):
        world.tick()
    client.stop_recorder()
    text = client.show_recorder_actors_blocked(path, 2.0, 100.0)
    assert "vehicle.tesla.model3" in text
    assert "vehicle.audi.tt" in text
    assert "vehicle" not in client.show_recorder_actors_blocked(path, 30.0, 100.0)


def test_what_is_no_recording_is_refused_by_name(client, world, tmp_path):
    (tmp_path / "noise.rec").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "empty.rec").write_bytes(b"")
    for name, text in (
        (tmp_path / "none.rec", "No such file"),
        (tmp_path / "noise.rec", "not a recording"),
        (tmp_path / "empty.rec", "not a recording"),
    ):
        for ask in (
            lambda name=name: client.show_recorder_file_info(str(name), False),
            lambda name=name: client.replay_file(str(name), 0.0, 0.0, 0),
        ):
            with pytest.raises(RuntimeError, match=text):
                ask()
    with pytest.raises(RuntimeError, match="cannot write"):
        client.start_recorder(str(tmp_path / "no" / "folder.rec"))
    world.tick()


def test_a_cut_file_plays_up_to_its_last_whole_tick(client, world, recorded):
    path, ego, _, poses = recorded
    with open(path, "r+b") as file:
        file.truncate(3 * file.seek(0, 2) // 4)
    text = client.show_recorder_file_info(path, False)
    whole = int(text.split("Frames: ")[1].split()[0])
    assert 2 < whole < TICKS
    client.replay_file(path, 0.0, 0.0, 0)
    for pose in poses[: whole - 1]:
        world.tick()
        assert world.get_actor(ego).get_location().distance(pose.location) < 1e-3


def test_lights_frozen_after_a_playback_stay_frozen(client, world, recorded):
    path, _, _, poses = recorded
    client.replay_file(path, 0.0, 0.0, 0)
    for _ in range(len(poses) + 2):  # to its end, and beyond
        world.tick()
    light = world.get_actors().filter("traffic.traffic_light")[0]
    light.freeze(True)
    world.tick()
    client.stop_replayer(True)
    world.tick()
    assert light.is_frozen()
    light.freeze(False)
