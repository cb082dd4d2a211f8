"""The Leaderboard's agent, called as its evaluator calls one, over the real client.

The Leaderboard itself is not installed here. What stands for it below has the order of its calls,
the noise of its sensors and the shape of their data (leaderboard_evaluator.py, agent_wrapper.py,
sensor_interface.py and autonomous_agent.py of release 2.1).
"""

from __future__ import annotations

import enum
import json
import math
import queue
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import carla
import jax
import numpy as np
import pytest

import td3jax
from envs import leaderboard_agent, leaderboard_driver
from envs.config import EnvConfig, with_options
from envs.leaderboard_driver import Driver, load, locator_of, route_of
from envs.process import server as servers
from envs.standin.town import load_town
from envs.task import observation
from envs.task.ego_state import EgoState
from envs.task.expert import Car
from envs.task.localisation import Fix, first_fix, follow
from envs.task.route import LaneGraph, Route, locate, start_position
from launch.config.run import RunConfig
from launch.config.tree import replace_leaves
from launch.training import checkpoint
from td3jax.errors import BadCheckpoint

ROOT = Path(__file__).resolve().parents[2]
CONFIG = with_options(EnvConfig(), action_ticks=2)
TICK = CONFIG.task.tick_seconds
SPEED = 6.0  # m/s
NOISE = {"noise_alt_stddev": 5e-6, "noise_lat_stddev": 5e-6, "noise_lon_stddev": 5e-6}


class Track(enum.Enum):
    MAP = "MAP"


class AutonomousAgent:
    """What the Leaderboard's base class is to an agent."""

    def __init__(self, carla_host: str, carla_port: int, debug: bool = False) -> None:
        self.track: Any = None

    def set_global_plan(self, degrees: Any, plan: Any) -> None:
        self._global_plan, self._global_plan_world_coord = degrees[::200], plan[::200]


@pytest.fixture
def evaluator(monkeypatch) -> None:
    """The module that the agent's class is derived from."""
    module = types.ModuleType("leaderboard.autoagents.autonomous_agent")
    module.AutonomousAgent, module.Track = AutonomousAgent, Track  # type: ignore[attr-defined]
    for name in ("leaderboard", "leaderboard.autoagents"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    leaderboard_driver.agent_class.cache_clear()
    yield
    leaderboard_driver.agent_class.cache_clear()


@pytest.fixture(scope="module")
def world() -> Iterator[carla.World]:
    running = servers.start(EnvConfig())
    client = carla.Client(running.host, running.port)
    client.set_timeout(10.0)
    made = client.get_world()
    settings = made.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, TICK
    made.apply_settings(settings)
    yield made
    running.stop()


def plan_of(world: carla.World, metres: float) -> tuple[list[Any], list[Any]]:
    """A plan as the evaluator hands it over: a point a metre, in degrees and in the world."""
    town = world.get_map()
    graph = LaneGraph(town)
    start = town.get_spawn_points()[10].location
    route = graph.plan(start, metres, np.random.default_rng(3))
    plan, degrees = [], []
    for (x, y, z), yaw in zip(route.points, route.yaws, strict=True):
        place = carla.Location(float(x), float(y), float(z))
        plan.append((carla.Transform(place, carla.Rotation(yaw=math.degrees(yaw))), 4))
        there = town.transform_to_geolocation(place)
        degrees.append(({"lat": there.latitude, "lon": there.longitude, "z": place.z}, 4))
    return degrees, plan


def steers_by_the_vector(seen: dict[str, np.ndarray]) -> np.ndarray:
    """A policy that follows the waypoints of the vector: the second one is 10 m ahead."""
    assert seen["image"].shape == (84, 84, 4)
    assert np.ptp(seen["image"][..., -1]) > 30
    vector = seen["vector"]
    ahead, right = 10.0 * vector[5], 10.0 * vector[6]
    angle = math.atan(2.0 * Car().wheelbase * right / (ahead**2 + right**2))
    lock = CONFIG.task.steering_limit * Car().most_steering
    pedal = 0.5 * (SPEED - 2.0 * CONFIG.task.target_speed * vector[0])
    return np.clip(np.array([angle / lock, pedal], np.float32), -1.0, 1.0)


class Ride:
    """The evaluator's part: a car with the sensors that an agent asks for."""

    def __init__(self, world: carla.World, asked: list[dict[str, Any]], start: Any) -> None:
        self.world = world
        self._opendrive = world.get_map().to_opendrive()
        library = world.get_blueprint_library()
        start = carla.Transform(start.location + carla.Location(z=0.5), start.rotation)
        self.car = world.spawn_actor(library.find("vehicle.lincoln.mkz_2020"), start)
        self._queues: dict[str, queue.Queue] = {}
        self._sensors = [self._attach(library, one) for one in asked if "x" in one]
        for _ in range(10):
            self.frame = world.tick()

    def _attach(self, library: Any, one: dict[str, Any]) -> Any:
        plan = library.find(one["type"])
        values = (
            {"image_size_x": one["width"], "image_size_y": one["height"], "fov": one["fov"]}
            if ("width" in one)
            else (NOISE if one["type"].endswith("gnss") else {})
        )
        for name, value in values.items():
            plan.set_attribute(name, str(value))
        place = carla.Transform(carla.Location(one["x"], one["y"], one["z"]))
        sensor = self.world.spawn_actor(plan, place, attach_to=self.car)
        readings: queue.Queue = queue.Queue()
        self._queues[one["id"]] = readings
        sensor.listen(readings.put)
        return sensor

    def data(self) -> dict[str, tuple[int, Any]]:
        """The readings of the frame, as sensor_interface.py makes them."""
        found: dict[str, tuple[int, Any]] = {}
        for name, readings in self._queues.items():
            while (reading := readings.get(timeout=10.0)).frame != self.frame:
                pass
            found[name] = (self.frame, as_array(reading))
        transform, velocity = self.car.get_transform(), self.car.get_velocity()
        ahead = transform.get_forward_vector()
        speed = velocity.x * ahead.x + velocity.y * ahead.y + velocity.z * ahead.z
        found["speed"] = (self.frame, {"speed": speed})
        found["map"] = (self.frame, {"opendrive": self._opendrive})
        return found

    def tick(self) -> float:
        self.frame = self.world.tick()
        return self.world.get_snapshot().timestamp.elapsed_seconds

    def end(self) -> None:
        for sensor in self._sensors:
            sensor.stop()
        self.world.tick()
        for actor in (*self._sensors, self.car):
            actor.destroy()


def as_array(reading: Any) -> np.ndarray:
    if isinstance(reading, carla.Image):
        flat = np.frombuffer(reading.raw_data, np.uint8).copy()
        return flat.reshape(reading.height, reading.width, 4)
    if isinstance(reading, carla.GnssMeasurement):
        return np.array([reading.latitude, reading.longitude, reading.altitude])
    a, g = reading.accelerometer, reading.gyroscope
    return np.array([a.x, a.y, a.z, g.x, g.y, g.z, reading.compass])


def test_the_agent_drives_a_plan_from_its_sensors_alone(world, evaluator, monkeypatch):
    monkeypatch.setattr(
        leaderboard_driver, "load", lambda path: (steers_by_the_vector, CONFIG) if path else None
    )
    degrees, plan = plan_of(world, 160.0)
    agent = getattr(leaderboard_agent, leaderboard_agent.get_entry_point())("localhost", 1, False)
    agent.set_global_plan(degrees, plan)
    agent.setup("runs/carla-001")
    assert agent.track is Track.MAP
    ride = Ride(world, agent.sensors(), plan[0][0])
    route, position, held = route_of(plan), start_position(), []
    try:
        for _ in range(900):
            seconds = ride.tick()
            control = agent.run_step(ride.data(), seconds)
            ride.car.apply_control(control)
            held.append((control.steer, control.throttle))
            now = ride.car.get_transform()
            here, yaw = now.location, math.radians(now.rotation.yaw)
            position = locate(route, position, here.x, here.y, yaw)
            fix = agent._driver._fix
            assert math.dist((fix.x, fix.y), (here.x, here.y)) < 0.7
            assert abs(position.lateral) < 1.5
            assert_same_vector(agent._driver, now, ride.car.get_velocity(), position)
            if position.progress > route.length - 8.0:
                break
        assert position.progress > route.length - 8.0
    finally:
        ride.end()
    assert all(held[i] == held[i + 1] for i in range(0, len(held) - 1, 2))  # action_ticks
    assert len(set(held)) > 50
    agent.destroy()
    assert agent._driver is None


def assert_same_vector(driver: Driver, now: Any, velocity: Any, position: Any) -> None:
    """What the agent's estimate gives is what the environment would see, within the noise."""
    yaw = math.radians(now.rotation.yaw)
    speed = velocity.x * math.cos(yaw) + velocity.y * math.sin(yaw)
    here = now.location
    true = EgoState(x=here.x, y=here.y, yaw=yaw, speed=speed, position=position)
    fix = driver._fix
    assert fix is not None
    own = EgoState(fix.x, fix.y, driver._yaw, driver._speed, position=driver._position)
    task = CONFIG.task
    difference = observation.vector(true, driver.route, task) - observation.vector(
        own, driver.route, task
    )
    assert np.abs(difference).max() < 0.2


def test_importing_our_environments_does_not_look_for_the_leaderboard():
    code = (
        "import sys\nsys.modules['leaderboard'] = None\n"
        "import envs, envs.leaderboard_agent as agent\n"
        "assert agent.get_entry_point() == 'Td3Agent'\n"
        "try:\n    agent.Td3Agent\nexcept ImportError:\n    sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60)
    assert done.returncode == 7


def test_it_is_loaded_by_its_path_beside_another_package_of_that_name(tmp_path):
    """The evaluator's script lies beside the Leaderboard's own `envs`, and Python looks there."""
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "__init__.py").write_text("")
    script = tmp_path / "evaluator.py"
    script.write_text(
        "import importlib, os, sys\npath = sys.argv[1]\n"
        "sys.path.insert(0, os.path.dirname(path))\n"
        "module = importlib.import_module(os.path.basename(path).split('.')[0])\n"
        "import envs.leaderboard_driver as driver\n"
        "print(module.get_entry_point(), driver.EnvConfig.__module__)\n"
        "import task\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), str(ROOT / "envs" / "leaderboard_agent.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "Td3Agent envs.config\n", done.stderr
    assert "No module named 'task'" in done.stderr  # our folder is not searched for others' names


def test_the_class_is_found_as_the_evaluator_looks_for_it(evaluator):
    assert leaderboard_agent.Td3Agent.__name__ == leaderboard_agent.get_entry_point()
    with pytest.raises(AttributeError):
        leaderboard_agent.NoSuchAgent  # noqa: B018


def test_the_sensors_are_those_of_the_map_track():
    asked = leaderboard_driver.sensors(CONFIG)
    allowed = {"sensor.camera.rgb", "sensor.other.gnss", "sensor.other.imu", "sensor.speedometer"}
    allowed |= {"sensor.opendrive_map"}
    assert {one["type"] for one in asked} == allowed
    assert len({one["id"] for one in asked}) == len(asked)
    camera = asked[-1]
    assert (camera["width"], camera["height"], camera["fov"]) == (168, 168, 90.0)
    assert (camera["x"], camera["z"]) == (2.0, 1.5)
    assert len(leaderboard_driver.sensors(with_options(CONFIG, image_size=0))) == 4
    with pytest.raises(ValueError, match=r"the Leaderboard allows 3 m"):
        leaderboard_driver.sensors(with_options(CONFIG, camera_x=3.5))


def test_no_policy_is_told_by_the_evaluators_flag():
    with pytest.raises(ValueError, match="--agent-config=RUN"):
        load("")


def transform(x: float, y: float, yaw: float) -> Any:
    return carla.Transform(carla.Location(x, y), carla.Rotation(yaw=yaw))


def test_a_plan_of_pieces_that_start_behind_each_other_has_no_way_back():
    straight = [transform(float(x), 0.0, 0.0) for x in (0, 1, 2, 3)]
    again = [transform(x, 0.0, 0.0) for x in (2.4, 3.4, 4.4)]
    route = route_of([(one, None) for one in [*straight, *again]])
    assert isinstance(route, Route)
    assert route.length == pytest.approx(4.4)
    np.testing.assert_allclose(route.yaws, 0.0, atol=1e-9)


def test_degrees_become_metres_as_the_map_has_them():
    opendrive = load_town("Town01").opendrive
    town, locator = carla.Map("Town01", opendrive), locator_of(opendrive)
    for x, y in ((0.0, 0.0), (392.0, -320.0), (-20.0, 200.0)):
        there = town.transform_to_geolocation(carla.Location(x, y, 3.0))
        assert locator(there.latitude, there.longitude) == pytest.approx((x, y), abs=0.01)


def test_a_fix_starts_on_the_plan_unless_the_receiver_is_elsewhere():
    assert first_fix((1.0, 0.0), 0.5, (0.0, 0.0), 3.0) == Fix(0.0, 0.0, 0.5, 50)
    assert first_fix((9.0, 0.0), 0.5, (0.0, 0.0), 3.0) == Fix(9.0, 0.0, 0.5, 1)


def test_a_wrong_start_is_forgotten_and_noise_is_not_followed():
    rng, fix = np.random.default_rng(0), Fix(2.0, 1.0, 0.0, 50)
    away = []
    for tick in range(1, 601):
        true = 0.3 * tick
        reading = (true + rng.normal(0.0, 0.55), rng.normal(0.0, 0.55))
        fix = follow(fix, reading, 0.0, 6.0, 0.05)
        away.append(math.dist((fix.x, fix.y), (true, 0.0)))
    assert max(away[300:]) < 0.25


def test_the_centre_of_a_car_is_followed_through_a_bend():
    """A quarter of a circle that the rear axle drives, with a receiver that says nothing new."""
    radius, rear, steps = 8.0, 1.4, 90
    fix = Fix(rear, 0.0, 0.0, 50)
    for step in range(1, steps + 1):
        yaw = 0.5 * math.pi * step / steps
        axle = (radius * math.sin(yaw), radius * (1.0 - math.cos(yaw)))
        centre = (axle[0] + rear * math.cos(yaw), axle[1] + rear * math.sin(yaw))
        speed = radius * 0.5 * math.pi / steps / 0.05
        fix = follow(fix, (fix.x, fix.y), yaw, speed, 0.05)
        assert math.dist((fix.x, fix.y), centre) < 0.35


def readings(tick: int, compass: float = 0.0, speed: float | None = 4.0) -> dict[str, Any]:
    inertia = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, compass])
    return {
        "gnss": (tick, np.zeros(3)),
        "imu": (tick, inertia),
        "speed": (tick, {"speed": speed}),
    }


def driver_of(policy: Any, config: EnvConfig) -> Driver:
    route = route_of([(transform(float(x), 0.0, 0.0), None) for x in range(50)])
    return Driver(policy, config, route, lambda latitude, longitude: (0.0, 0.0))


def test_the_policy_sees_the_frames_that_it_was_trained_on():
    """Lens and colours included; an action is held for two ticks, so every other frame."""
    config = with_options(CONFIG, lens=2.0, red_green=True)
    seen: list[np.ndarray] = []

    def policy(what: dict[str, np.ndarray]) -> np.ndarray:
        seen.append(what["image"])
        return np.zeros(2, np.float32)

    driver = driver_of(policy, config)
    shown = np.random.default_rng(0).integers(0, 256, (3, 168, 168, 4), np.uint8)
    for tick, picture in enumerate(shown):
        driver.act({**readings(tick), "camera": (tick, picture)}, 0.05 * tick)
    first, second = (observation.frame(picture, config.sensors) for picture in shown[::2])
    expected = np.concatenate([first, first, first, second], axis=-1)
    np.testing.assert_array_equal(seen[1], expected)


def test_a_broken_compass_and_speedometer_keep_their_last_values():
    seen = []

    def policy(what: dict[str, np.ndarray]) -> np.ndarray:
        seen.append(what["vector"])
        return np.zeros(2, np.float32)

    driver = driver_of(policy, with_options(EnvConfig(), image_size=0))
    for tick, (compass, speed) in enumerate([(math.pi / 2, 4.0), (math.nan, None)]):
        driver.act(readings(tick, compass, speed), 0.05 * tick)
    np.testing.assert_allclose(seen[0][0], seen[1][0])
    assert np.isfinite(seen).all()


def saved(folder: Path, vector: int, **options: Any) -> Path:
    """A run folder of an untrained policy with a vector of this size."""
    small = {"conv_channels": (4,), "conv_kernels": (8,), "conv_strides": (8,)}
    sizes = {"hidden_sizes": (8, 8), "feature_size": 8}
    task = {"action_ticks": 3, "weather": ("ClearNoon", "WetNoon"), "town": "Town02", **options}
    config = replace_leaves(RunConfig(), {**small, **sizes, **task})
    spaces = td3jax.Spaces(image=(84, 84, 4), vector=vector, action=2)
    state = td3jax.init(config.agent, spaces, jax.random.PRNGKey(0))
    checkpoint.save(folder, config, checkpoint.Snapshot(5, state, spaces, {}, []), None)
    return folder


def test_a_run_folder_gives_its_policy_and_its_task(tmp_path):
    policy, config = load(str(saved(tmp_path, 23)))
    assert (config.task.action_ticks, config.task.town) == (3, "Town02")
    assert config.task.weather == ("ClearNoon", "WetNoon")
    seen = {"image": np.zeros((84, 84, 4), np.uint8), "vector": np.zeros(23, np.float32)}
    assert policy(seen).shape == (2,)


def test_a_policy_that_a_simulator_taught_drives_without_what_that_knew(tmp_path):
    assert not load(str(saved(tmp_path, 23, privileged=True)))[1].task.privileged


def test_a_policy_of_another_task_is_told(tmp_path):
    with pytest.raises(ValueError, match="not a policy of the driving task"):
        load(str(saved(tmp_path, 17)))


def test_a_folder_without_a_checkpoint_is_told(tmp_path):
    with pytest.raises(BadCheckpoint, match="no checkpoint"):
        load(str(tmp_path))


@pytest.mark.parametrize("env", [[], {"task": 3}, {"task": {"no_such_option": 1}}])
def test_strange_options_of_a_policy_are_told(env, tmp_path):
    folder = checkpoint.find(saved(tmp_path, 23))
    table = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(table | {"env": env}))
    (folder / "manifest.json").write_text(json.dumps(checkpoint._manifest(folder)))
    with pytest.raises(ValueError, match="not a policy of the driving task"):
        load(str(tmp_path))
