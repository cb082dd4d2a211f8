"""The driving environment over the real client and the stand-in server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import carla
import cv2
import msgpack
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs.config import EnvConfig, with_options
from envs.errors import (
    EnvError,
    ServerUnreachable,
    SimulatorFault,
    UnknownBlueprint,
    UnknownMap,
    WrongVersion,
)
from envs.process import server as servers
from envs.process.server import Server
from envs.supervised import SupervisedCarlaEnv
from envs.task import privileged
from envs.task.expert import LIGHT_METRES, STANDING_LABEL
from envs.task.lens import through_lens
from envs.task.route import LaneGraph
from envs.task.stop_lines import stop_lines
from envs.world.lights import Lights
from envs.world.stage import LIGHT_AHEAD, Stage

SMALL = with_options(EnvConfig(), npc_vehicles=4, episode_steps=40)
STEER = np.array([0.1, 0.5], np.float32)


@pytest.fixture(scope="module")
def env() -> Iterator[SupervisedCarlaEnv]:
    made = SupervisedCarlaEnv(SMALL, render_mode="rgb_array")
    yield made
    made.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that is left running, for environments of a single test."""
    started = servers.start(SMALL)
    yield started
    started.kill()


def visitor(server: Server, config: EnvConfig = SMALL, **options: Any) -> SupervisedCarlaEnv:
    config = with_options(config, host=server.host, port=server.port)
    return SupervisedCarlaEnv(config, **options)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the checker advises on image shapes; errors still raise
def test_gymnasium_s_checker_passes(env):
    check_env(env, skip_render_check=True)


def test_a_step_has_what_it_promises(env):
    observation, info = env.reset(seed=3)
    image = observation["image"]
    assert (image.shape, image.dtype) == ((84, 84, 4), np.uint8)
    for older in range(3):
        np.testing.assert_array_equal(image[..., older], image[..., 3])
    frame = info["frame"]
    for _ in range(12):
        following, total, terminated, truncated, info = env.step(STEER)
        assert info["frame"] == frame + 1
        frame = info["frame"]
        assert sum(info["reward_parts"].values()) == pytest.approx(total)
        assert not terminated
        assert not truncated
        np.testing.assert_array_equal(following["image"][..., :3], observation["image"][..., 1:])
        assert observation["vector"].shape == (23,)
        observation = following
    assert info["speed"] > 0.0
    assert info["infractions"] == []
    # fault 2, stale reward inputs: the reward is of the speed after this very tick
    speed = info["speed"]
    expected = 2.0 * (speed / (8.33 - 1.39) - 0.5 * max(1.0 - speed, 0.0))
    assert info["reward_parts"]["efficiency"] == pytest.approx(expected, rel=0.05)
    assert env.render().shape == (360, 640, 3)


def second_client(env):
    """A client of our own beside the environment's, on the same server."""
    place = env.server or env.config.server
    client = carla.Client(place.host, place.port)
    client.set_timeout(10.0)
    return client


def test_full_steering_asks_for_the_limit_s_share_of_the_lock(env):
    env.reset(seed=3)
    client = second_client(env)
    world = client.get_world()
    for _ in range(2):
        env.step(np.array([1.0, -1.0], np.float32))
    cars = world.get_actors().filter("vehicle.tesla.model3")
    ego = next(car for car in cars if car.attributes["role_name"].endswith("_ego"))
    assert ego.get_control().steer == pytest.approx(SMALL.task.steering_limit)


def test_the_lanes_before_a_light_that_is_not_green_are_closed(env):
    env.reset(seed=3)
    client = second_client(env)
    world = client.get_world()
    for _ in range(2):
        env.step(STEER)
    closed = Lights(SimpleNamespace(world=world)).closed_lanes()
    lights = world.get_actors().filter("traffic.traffic_light")
    shut = [light for light in lights if light.get_state() != carla.TrafficLightState.Green]
    assert 0 < len(shut) < len(lights)
    graph = LaneGraph(world.get_map())
    assert len(closed) == len(shut)  # each light of this town is for one lane
    for lane in closed:
        assert set(graph.graph.successors(lane)) <= graph.junctions


def test_the_vector_alone_needs_no_camera(server):
    env = visitor(server, with_options(SMALL, image_size=0), render_mode="rgb_array")
    try:
        observation, _ = env.reset(seed=3, options={"video": False})
        assert env.observation_space.contains(observation)
        assert list(observation) == ["vector"]
        for _ in range(3):
            observation, reward, *_ = env.step(STEER)
            assert env.observation_space.contains(observation)
            assert np.isfinite(reward)
        with pytest.raises(EnvError, match="image_size is 0"):
            env.render()
        env.reset(seed=3, options={"video": True})
        assert env.render().shape == (360, 640, 3)
    finally:
        env.close()


def test_a_repeated_action_is_that_many_ticks_with_their_rewards_summed(env, server):
    env.reset(seed=5)
    for _ in range(2):
        rewards = []
        for _ in range(3):
            observation, reward, *_, info = env.step(STEER)
            rewards.append(reward)
    config = with_options(SMALL, action_ticks=3, episode_steps=7)
    held = visitor(server, config)
    try:
        first, _ = held.reset(seed=5)
        for _ in range(2):
            seen, total, *_, ended = held.step(STEER)
        np.testing.assert_array_equal(seen["vector"], observation["vector"])
        assert total == pytest.approx(sum(rewards))
        assert sum(ended["reward_parts"].values()) == pytest.approx(total)
        assert ended["frame"] == info["frame"] == 6
        np.testing.assert_array_equal(seen["image"][..., -1], observation["image"][..., -1])
        np.testing.assert_array_equal(seen["image"][..., 0], first["image"][..., 0])
        *_, truncated, last = held.step(STEER)
        assert (truncated, last["frame"]) == (True, 7)
        assert held.metadata["render_fps"] == pytest.approx(20 / 3)
        with pytest.raises(EnvError, match="every_tick"):
            held.pictures()
        held.reset(seed=5, options={"video": True, "every_tick": True})
        (begun,) = held.pictures()
        held.step(STEER)
        ticks = held.pictures()
        assert [len(ticks), len(held.pictures())] == [3, 0]
        for one, other in zip([begun, *ticks], ticks, strict=False):
            assert (one != other).any()
        np.testing.assert_array_equal(ticks[-1], held.render())
    finally:
        held.close()


def test_an_episode_ends_with_its_reason_and_metrics(env):
    env.reset(seed=4, options={"max_steps": 12})
    for _ in range(12):
        *_, terminated, truncated, info = env.step(np.zeros(2, np.float32))
    assert (terminated, truncated) == (False, True)
    assert info["termination_reason"] == "time_limit"
    metrics = info["episode_metrics"]
    assert 0.0 <= metrics["route_completion"] <= 1.0
    assert metrics["collisions"] == 0.0


def test_actors_stay_alive_between_episodes_and_foreign_ones_after_us():
    env = SupervisedCarlaEnv(SMALL)
    try:
        env.reset(seed=1)
        assert env.server is not None
        client = second_client(env)
        world = client.get_world()
        blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
        points = world.get_map().get_spawn_points()
        spawned = (world.try_spawn_actor(blueprint, point) for point in reversed(points))
        foreign = next(actor for actor in spawned if actor is not None)

        def vehicles() -> set[int]:
            seen, deadline = world.get_snapshot().frame, time.monotonic() + 10.0
            env.step(STEER)
            while world.get_snapshot().frame <= seen and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.2)  # this client hears of a tick on its own time
            return {actor.id for actor in world.get_actors().filter("vehicle.*")}

        before = vehicles()
        env.reset()
        assert vehicles() == before
        assert foreign.id in before
        assert env.child is not None
        env.child.end(10.0)
        env.child = None
        world.tick()
        left = {actor.id for actor in world.get_actors() if actor.type_id.startswith("vehicle.")}
        assert left == {foreign.id}
        assert not list(world.get_actors().filter("sensor.*"))
    finally:
        env.close()


def _poses(world: carla.World, kind: str) -> list[tuple[float, ...]]:
    """Place and heading of every actor of a kind in the first step that another client hears of."""
    deadline = time.monotonic() + 10.0
    while (snapshot := world.get_snapshot()).frame == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert snapshot.frame > 0
    poses = []
    for actor in world.get_actors().filter(kind):
        pose = snapshot.find(actor.id).get_transform()
        poses.append((pose.location.x, pose.location.y, pose.rotation.yaw))
    return sorted(poses)


def undisturbed(info: dict[str, Any]) -> None:
    """A Traffic Manager that had to be woken may have planned a step twice: another try then."""
    if info["traffic_wakes"]:
        raise SimulatorFault("the client's Traffic Manager was stuck")


@pytest.mark.parametrize(
    ("crowd", "steps"),
    [
        ({"npc_vehicles": 12}, 60),
        pytest.param({"npc_vehicles": 0, "npc_walkers": 6}, 60, marks=pytest.mark.slow),
        pytest.param(  # one is put where the ego still stands
            {"npc_vehicles": 90, "town": "Town02"}, 2, marks=pytest.mark.slow
        ),
    ],
    ids=["vehicles", "walkers and lights", "crowded"],
)
def test_a_seed_s_episode_is_the_same_wherever_it_comes_in_a_run(
    server: Server, crowd: dict[str, Any], steps: int
) -> None:
    def episode(env: SupervisedCarlaEnv, seed: int) -> tuple[list[bytes], list, list, list]:
        rng = np.random.default_rng(seed)
        observation, _ = env.reset(seed=seed)
        record = [observation["image"].tobytes() + observation["vector"].tobytes()]
        client = second_client(env)
        for step in range(steps):
            if step == steps - 1:
                world = client.get_world()
            steering = np.clip(STEER + 0.2 * rng.standard_normal(2), -1.0, 1.0)
            observation, reward, *_, info = env.step(steering.astype(np.float32))
            undisturbed(info)
            image, vector = observation["image"].tobytes(), observation["vector"].tobytes()
            record.append(image + vector + np.float64(reward).tobytes())
        vehicles, walkers = _poses(world, "vehicle.*"), _poses(world, "walker.*")
        lights = world.get_actors().filter("traffic.traffic_light")
        return record, vehicles, walkers, sorted((a.id, a.get_elapsed_time()) for a in lights)

    env = visitor(server, with_options(EnvConfig(), episode_steps=100, **crowd))
    try:
        first, other, again = (episode(env, seed) for seed in (5, 6, 5))
    finally:
        env.close()
    config = env.config.traffic
    assert (len(first[1]), len(first[2])) == (config.vehicles + 1, config.npc_walkers)
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]
    assert first[2] != other[2] or not config.npc_walkers


@pytest.mark.slow
def test_a_driver_who_sees_no_lights_is_counted_running_them_and_the_expert_is_not(
    server: Server,
) -> None:
    options = {"npc_vehicles": 0, "image_size": 0, "imu": False, "route_length": 300.0}
    env = visitor(server, with_options(EnvConfig(), expert_hints=True, action_ticks=2, **options))
    found = {}
    try:
        for who in ("expert_action", "blind_action"):
            _, info = env.reset(seed=0, options={"route": 0, "max_steps": 3000})
            while "episode_metrics" not in info:
                *_, info = env.step(info[who])
            assert info["termination_reason"] == "goal"
            found[who] = info["episode_metrics"]
    finally:
        env.close()
    assert (found["expert_action"]["red_lights"], found["blind_action"]["red_lights"]) == (0, 2)
    assert found["blind_action"]["driving_score"] == pytest.approx(49.0, abs=1.0)
    assert found["expert_action"]["driving_score"] > 99.0


def transitions(env: SupervisedCarlaEnv, seed: int, steps: int) -> bytes:
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    record = [observation["image"].tobytes(), observation["vector"].tobytes()]
    for _ in range(steps):
        action = rng.uniform(-1, 1, 2).astype(np.float32)
        observation, total, terminated, truncated, info = env.step(action)
        undisturbed(info)
        record += [observation["image"].tobytes(), observation["vector"].tobytes()]
        record.append(repr((total, terminated, truncated)).encode())
        if terminated or truncated:
            observation, _ = env.reset()
    return b"".join(record)


def test_the_same_seed_gives_the_same_transitions_byte_for_byte(server):
    fresh = SupervisedCarlaEnv(EnvConfig())
    running = visitor(server, EnvConfig())
    try:
        first = transitions(fresh, 5, 80)
        assert transitions(running, 5, 80) == first
        assert transitions(running, 6, 80) != first
    finally:
        fresh.close()
        running.close()


def one_line(error: pytest.ExceptionInfo[EnvError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_an_unreachable_server_is_named():
    config = with_options(SMALL, host="127.0.0.1", port=9, connect_timeout=2.0)
    env = SupervisedCarlaEnv(config)
    with pytest.raises(ServerUnreachable) as error:
        env.reset(seed=1)
    env.close()
    one_line(error, "127.0.0.1:9")


def test_an_unknown_town_or_blueprint_is_named(server, tmp_path):
    log = str(tmp_path / "server.log")
    started = SupervisedCarlaEnv(with_options(SMALL, server_log=log, town="Town99"))
    with pytest.raises(ServerUnreachable) as error:
        started.reset(seed=1)
    started.close()
    one_line(error, "Town99")
    for option, kind in (
        ({"town": "Town99"}, UnknownMap),
        ({"ego_blueprint": "vehicle.no.such"}, UnknownBlueprint),
    ):
        env = visitor(server, with_options(SMALL, **option))
        with pytest.raises(kind) as error:
            env.reset(seed=1)
        env.close()
        one_line(error, *option.values())


def test_a_server_of_another_version_is_refused():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def answer_everything() -> None:
        for _ in range(2):  # the first connection only looks whether anybody listens
            connection, _ = listener.accept()
            unpacker = msgpack.Unpacker()
            with connection:
                while data := connection.recv(4096):
                    unpacker.feed(data)
                    for _, number, _, _ in unpacker:
                        connection.sendall(msgpack.packb([1, number, None, [[1, "0.9.99"]]]))

    thread = threading.Thread(target=answer_everything, daemon=True)
    thread.start()
    env = SupervisedCarlaEnv(with_options(SMALL, host="127.0.0.1", port=port))
    with pytest.raises(WrongVersion) as error:
        env.reset(seed=1)
    env.close()
    thread.join(5.0)
    listener.close()
    one_line(error, "0.9.99", "0.9.16")


@pytest.mark.slow
def test_traffic_is_told_its_own_port_and_settings_survive_a_map_load(server):
    env = visitor(server, with_options(SMALL, npc_vehicles=0))
    try:
        env.reset(seed=1)
        env.reset(options={"town": "Town02"})
        client = second_client(env)
        world = client.get_world()
        settings = world.get_settings()
        assert settings.synchronous_mode
        assert settings.fixed_delta_seconds == pytest.approx(0.05)
        assert "Town02" in world.get_map().name
    finally:
        env.close()


TRAINED = with_options(
    SMALL,
    image_size=48,
    lens=3.0,
    red_green=True,
    render_width=SMALL.sensors.camera_width,
    render_height=SMALL.sensors.camera_height,
    npc_vehicles=3,
    train_npc_vehicles=(1, 6),
    train_weathers=("WetSunset", "ClearNight"),
    privileged=True,
    expert_hints=True,
    action_ticks=4,
    speed_weight=4.0,
    episode_steps=400,
)
TRAINING = {"training": True}


@pytest.fixture(scope="module")
def trained() -> Iterator[SupervisedCarlaEnv]:
    made = SupervisedCarlaEnv(TRAINED)
    yield made
    made.close()


def course(env: SupervisedCarlaEnv, seed: int, steps: int) -> list[Any]:
    """Observations and rewards of a training episode's start by the expert."""
    observation, info = env.reset(seed=seed, options=TRAINING)
    found: list[Any] = [observation]
    for _ in range(steps):
        observation, reward, *_, info = env.step(info["expert_action"])
        found += [observation, reward]
    return found


def test_training_episodes_draw_their_traffic_and_weather_and_evaluations_keep_theirs(trained):
    met = [trained.reset(seed=seed, options=TRAINING)[1] for seed in range(8)]
    numbers = {info["npc_vehicles"] for info in met}
    assert numbers <= set(range(1, 7))
    assert len(numbers) > 2
    assert {info["weather"] for info in met} == {"WetSunset", "ClearNight"}
    again = trained.reset(seed=3, options=TRAINING)[1]
    assert (again["npc_vehicles"], again["weather"]) == (met[3]["npc_vehicles"], met[3]["weather"])
    for _ in range(2):
        info = trained.reset(seed=5)[1]
        assert (info["npc_vehicles"], info["weather"]) == (3, "ClearNoon")
    client = second_client(trained)
    world = client.get_world()
    for _ in range(2):
        trained.step(STEER)
    cars = world.get_actors().filter("vehicle.*")
    npcs = [car for car in cars if car.attributes["role_name"].endswith("_npc")]
    assert len(npcs) == 3


def test_training_can_start_shortly_before_lights(server):
    stage = Stage(SMALL, server.host, server.port, server.port + servers.TM_PORT_OFFSET, "Town01")
    try:
        rng = np.random.default_rng(0)
        starts = [stage.plan(None, rng, light_first=True) for _ in range(12)]
        assert len({(start.location.x, start.location.y) for start, _ in starts}) > 8
        for start, route in starts:
            first = stop_lines(stage.graph, route, stage.lights.lanes)[0].metre
            assert LIGHT_AHEAD[0] < first < LIGHT_AHEAD[1]
            away = route.points[0, :2] - [start.location.x, start.location.y]
            assert np.linalg.norm(away) < 1.0
        one, other = stage.plan(7, rng), stage.plan(7, rng, light_first=True)
        np.testing.assert_array_equal(one[1].points, other[1].points)
    finally:
        stage.close()


def test_what_the_simulator_knows_belongs_to_the_state_that_is_returned(trained):
    observation, info = trained.reset(seed=11, options=TRAINING)
    names = privileged.names()
    moved = []
    for _ in range(60):
        assert trained.observation_space.contains(observation)
        known = dict(zip(names, observation["privileged"].tolist(), strict=True))
        assert known["speed"] == pytest.approx(observation["vector"][0], abs=1e-6)
        assert known["lateral"] == pytest.approx(observation["vector"][1], abs=1e-6)
        pedal = info["expert_action"][1]
        stands = known["allowed"] < 0.3 / 8.33 and known["speed"] < 1.0 / 16.66
        assert observation["expert"][1] == pytest.approx(STANDING_LABEL if stands else pedal)
        moves = abs(known["speed"]) * 16.66 >= 1.0
        light = (
            moves and known["light"] < LIGHT_METRES / privileged.METRES and not known["in_junction"]
        )
        starts = 2 * (not moves and pedal > 0)
        assert info["stratum"] == (3 if light else 1 if moves and pedal < 0 else starts)
        moved.append(moves)
        observation, _, terminated, truncated, info = trained.step(info["expert_action"])
        if terminated or truncated:
            break
    assert any(moved)
    assert not all(moved)


@pytest.mark.slow
def test_an_episode_is_the_same_whatever_traffic_was_there_before(trained):
    """A run that is resumed in a fresh simulator repeats its episode by the seed alone."""
    before = course(trained, 21, 25)
    fresh = SupervisedCarlaEnv(TRAINED)
    try:
        after = course(fresh, 21, 25)
    finally:
        fresh.close()
    for one, other in zip(before, after, strict=True):
        if isinstance(one, float):
            assert one == other
        else:
            for name in trained.observation_space:
                np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_the_newest_frame_is_the_camera_s_picture_through_the_lens(trained):
    trained.reset(seed=4, options=TRAINING)
    observation = trained.step(STEER)[0]
    picture = cv2.cvtColor(trained.render(), cv2.COLOR_RGB2GRAY)
    seen = through_lens(picture, 48, 3.0)
    np.testing.assert_array_equal(observation["image"][..., -1], seen)
