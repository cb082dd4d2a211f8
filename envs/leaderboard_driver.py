"""A policy of ours at the wheel of CARLA's Leaderboard 2; `envs/leaderboard_agent.py` is its entry.

Track MAP: camera as in training, satellite receiver, compass and speedometer, from which the place
on the route is estimated, and the map, which says what the receiver's degrees are in metres.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from envs.config import EnvConfig, with_options
from envs.task import observation, spaces
from envs.task.ego_state import EgoState
from envs.task.localisation import Fix, first_fix, follow
from envs.task.observation import FrameStack, Observation, frame
from envs.task.route import Route, locate, make_route, start_position

CAMERA, RECEIVER, INERTIA, SPEEDOMETER, MAP = "camera", "gnss", "imu", "speed", "map"
FURTHEST = 3.0  # m from the car's centre at which the Leaderboard allows a sensor
START_NEAR = 3.0  # m between the first reading and the plan's start; the receiver's noise is 0.6
Policy = Callable[[Observation], np.ndarray]


def sensors(config: EnvConfig) -> list[dict[str, Any]]:
    """Return the sensors of the agent, as the Leaderboard describes them; ValueError, one line,
    for a camera that it does not allow."""
    size, origin = config.sensors, {"x": 0.0, "y": 0.0, "z": 0.0}
    level = {"roll": 0.0, "pitch": 0.0, "yaw": 0.0}
    asked: list[dict[str, Any]] = [
        {"type": "sensor.other.gnss", "id": RECEIVER, **origin},
        {"type": "sensor.other.imu", "id": INERTIA, **origin, **level},
        {"type": "sensor.speedometer", "id": SPEEDOMETER},
        {"type": "sensor.opendrive_map", "id": MAP},
    ]
    if size.image_size:
        if math.hypot(size.camera_x, size.camera_z) > FURTHEST:
            raise ValueError(
                f"the policy's camera is at x {size.camera_x:g}, z {size.camera_z:g} m: the "
                f"Leaderboard allows {FURTHEST:g} m from the car's centre"
            )
        camera = {"type": "sensor.camera.rgb", "id": CAMERA, "fov": size.camera_fov}
        picture = {"width": size.camera_width, "height": size.camera_height}
        place = {"x": size.camera_x, "y": 0.0, "z": size.camera_z}
        asked.append({**camera, **picture, **place, **level})
    return asked


def route_of(plan: Sequence[tuple[Any, Any]]) -> Route:
    """Return the route along a plan of (carla.Transform, option), in its order.

    A plan is joined of pieces, and a piece may start a little behind the last one's end: a point
    that lies behind the one before it, by the direction of that, is left out.
    """
    kept: list[tuple[float, float, float]] = []
    heading = (0.0, 0.0)
    for transform, _ in plan:
        place, yaw = transform.location, math.radians(transform.rotation.yaw)
        if kept:
            step = (place.x - kept[-1][0], place.y - kept[-1][1])
            if step[0] * heading[0] + step[1] * heading[1] <= 0.0:
                continue
        kept.append((place.x, place.y, place.z))
        heading = (math.cos(yaw), math.sin(yaw))
    return make_route(np.array(kept))


Locator = Callable[[float, float], tuple[float, float]]


def locator_of(opendrive: str) -> Locator:
    """Return the function from latitude and longitude in degrees to CARLA's (x, y), m, of a map.

    The client's own inverse: what a map's reference means differs between releases of CARLA.
    """
    import carla

    town = carla.Map("route", opendrive)

    def locate_on_map(latitude: float, longitude: float) -> tuple[float, float]:
        place = town.geolocation_to_transform(carla.GeoLocation(latitude, longitude, 0.0))
        return float(place.x), float(place.y)

    return locate_on_map


class Driver:
    """The policy at the wheel of one route; `act` is called once a tick."""

    def __init__(self, policy: Policy, config: EnvConfig, route: Route, locator: Locator) -> None:
        self.config = config
        self.route = route
        self._policy = policy
        self._locator = locator
        self._fix: Fix | None = None
        self._position = start_position()
        self._yaw = route.yaw_at(0.0)
        self._speed = 0.0
        self._seen = self._chosen = -math.inf
        self._action = np.zeros(2, np.float32)
        self._stack: FrameStack | None = None

    def act(self, data: Mapping[str, tuple[int, Any]], seconds: float) -> np.ndarray:
        """Return the action (2,) from the readings by sensor, (frame, data) each, at a time, s.

        An action is held for as long as in training.
        """
        ego = self._locate(data, seconds)
        if seconds - self._chosen > self.config.task.step_seconds - 1e-3:
            self._look(data)
            self._action = spaces.checked_action(self._policy(self._observation(ego)))
            self._chosen = seconds
        return self._action

    def _locate(self, data: Mapping[str, tuple[int, Any]], seconds: float) -> EgoState:
        degrees, inertia = data[RECEIVER][1], data[INERTIA][1]
        speed = data[SPEEDOMETER][1]["speed"]
        reading = self._locator(float(degrees[0]), float(degrees[1]))
        compass = float(inertia[-1])
        if math.isfinite(compass):  # it is not a number now and then
            self._yaw = compass - 0.5 * math.pi
        if speed is not None and math.isfinite(speed):
            self._speed = float(speed)
        if self._fix is None:
            x, y = self.route.at(0.0)
            self._fix = first_fix(reading, self._yaw, (float(x), float(y)), START_NEAR)
        else:
            since = max(seconds - self._seen, 0.0)
            self._fix = follow(self._fix, reading, self._yaw, self._speed, since)
        self._seen = seconds
        self._position = locate(self.route, self._position, self._fix.x, self._fix.y, self._yaw)
        return EgoState(
            x=self._fix.x, y=self._fix.y, yaw=self._yaw, speed=self._speed, position=self._position
        )

    def _look(self, data: Mapping[str, tuple[int, Any]]) -> None:
        sensors = self.config.sensors
        if not sensors.image_size:
            return
        newest = frame(data[CAMERA][1], sensors)
        if self._stack is None:
            self._stack = FrameStack(newest, sensors.frame_stack)
        else:
            self._stack.push(newest)

    def _observation(self, ego: EgoState) -> Observation:
        vector = observation.vector(ego, self.route, self.config.task)
        return (
            {"vector": vector}
            if self._stack is None
            else {"image": self._stack.image, "vector": vector}
        )


def _options(table: dict[str, Any]) -> dict[str, Any]:
    """Return the task's options of a run's configuration."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for group in table.get("env", {}).values()
        for name, value in group.items()
    }


def load(path: str) -> tuple[Policy, EnvConfig]:
    """Return the policy of a run folder or checkpoint, compiled, and the task it was trained for.

    ValueError, one line, where it was trained for another task.
    """
    if not path:
        raise ValueError("no policy: --agent-config=RUN, a run folder or one of its checkpoints")
    checkpoint = importlib.import_module("td3jax.checkpoint")
    folder = checkpoint.find(Path(path))
    policy = importlib.import_module("td3jax").load(folder)
    table = checkpoint.read_json(folder / checkpoint.CONFIG)
    try:
        config = with_options(EnvConfig(), **_options(table) | {"privileged": False})
        space = spaces.observation_space(config)
        blank = {name: np.zeros_like(value) for name, value in space.sample().items()}
        spaces.checked_action(policy(blank))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{folder}: not a policy of the driving task ({error})") from error
    return policy, config


@functools.cache
def agent_class() -> type:
    """Return the agent, a subclass of the Leaderboard's own, which is imported here."""
    base = importlib.import_module("leaderboard.autoagents.autonomous_agent")
    from envs.world.ego import vehicle_control

    class Td3Agent(base.AutonomousAgent):  # type: ignore[name-defined]
        """Drives a policy of ours along the plan that the evaluator hands over."""

        _plan: Any = None
        _driver: Driver | None = None

        def setup(self, path_to_conf_file: str) -> None:
            """Load the policy of a run folder; it compiles here, before the route begins."""
            self.track = base.Track.MAP
            self._policy, self._config = load(path_to_conf_file)

        def set_global_plan(self, global_plan_gps: Any, global_plan_world_coord: Any) -> None:
            """Keep the whole plan, a point a metre: the base class keeps one every 200 m."""
            super().set_global_plan(global_plan_gps, global_plan_world_coord)
            self._plan = global_plan_world_coord

        def sensors(self) -> list[dict[str, Any]]:
            """Return the sensors that the policy was trained with."""
            return sensors(self._config)

        def run_step(self, input_data: Any, timestamp: float) -> Any:
            """Return the carla.VehicleControl of a tick."""
            if self._driver is None:
                if self._plan is None:
                    raise ValueError("the evaluator has not set a plan")
                locator = locator_of(input_data[MAP][1]["opendrive"])
                route = route_of(self._plan)
                self._driver = Driver(self._policy, self._config, route, locator)
            action = self._driver.act(input_data, timestamp)
            return vehicle_control(action, self._config.task.steering_limit)

        def destroy(self) -> None:
            """Forget the route."""
            self._driver = None

    return Td3Agent
