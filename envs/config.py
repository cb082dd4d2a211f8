"""Every number that describes the task, its sensors, reward, traffic and server.

Frozen and validated at construction; a wrong value raises ValueError naming the field.
Field names are unique over all configurations of the project, because they become flags.
Lengths are metres, times simulated seconds unless a name says otherwise, angles radians
(degrees only where CARLA's blueprints ask for them).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any


def _option(default: Any, text: str) -> Any:
    """A dataclass field with the help text that its command line flag shows."""
    return dataclasses.field(default=default, metadata={"help": text})


def _require(condition: bool, name: str, value: object, expected: str) -> None:
    if not condition:
        raise ValueError(f"{name} = {value!r}: expected {expected}")


def _require_numbers(config: object, names: str, low: float, text: str, strict: bool) -> None:
    for name in names.split():
        value = getattr(config, name)
        ok = math.isfinite(value) and (value > low if strict else value >= low)
        _require(ok, name, value, text)


def _positive(config: object, names: str) -> None:
    _require_numbers(config, names, 0.0, "a number above 0", strict=True)


def _non_negative(config: object, names: str) -> None:
    _require_numbers(config, names, 0.0, "a number of at least 0", strict=False)


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """What is driven, for how long, and when an episode ends."""

    town: str = _option("Town01", "map to drive in, by its name on the server")
    weather: tuple[str, ...] = _option(
        ("ClearNoon",), "weather presets of carla.WeatherParameters; each reset draws one"
    )
    ego_blueprint: str = _option("vehicle.tesla.model3", "blueprint of the driven vehicle")
    tick_seconds: float = _option(0.05, "simulated seconds per tick, at most 0.05")
    action_ticks: int = _option(1, "ticks that a step holds its action; their rewards are summed")
    episode_steps: int = _option(1000, "ticks after which an episode is truncated")
    route_length: float = _option(500.0, "least length of a route, m")
    steering_limit: float = _option(
        0.3, "share of the wheels' full lock (70 degrees) that a steering action of 1 asks for"
    )
    target_speed: float = _option(8.33, "speed to drive at on a free straight, m/s")
    waypoint_count: int = _option(10, "route waypoints in the observation")
    waypoint_spacing: float = _option(5.0, "distance between those waypoints along the route, m")
    goal_distance: float = _option(3.0, "the goal counts as reached this far before the end, m")
    off_road_seconds: float = _option(3.0, "time off every driving lane that ends an episode")
    wrong_way_seconds: float = _option(5.0, "time against the traffic that ends an episode")
    off_route_distance: float = _option(15.0, "distance from the route that ends an episode, m")
    stuck_seconds: float = _option(10.0, "time standing for no reason that ends an episode")
    stuck_speed: float = _option(0.3, "below this speed the ego counts as standing, m/s")
    stuck_grace: float = _option(3.0, "seconds after a reset before standing is counted")
    warmup_ticks: int = _option(8, "ticks between placing the ego and the first observation")
    expert_hints: bool = _option(False, "put the expert's action into info['expert_action']")

    def __post_init__(self) -> None:
        object.__setattr__(self, "weather", tuple(self.weather))
        _require(bool(self.weather), "weather", self.weather, "at least one preset")
        _require(bool(self.town), "town", self.town, "a map name")
        _require(
            0.0 < self.tick_seconds <= 0.05,
            "tick_seconds",
            self.tick_seconds,
            "a time in (0, 0.05]; vehicle physics is unstable beyond",
        )
        _positive(self, "episode_steps action_ticks waypoint_count waypoint_spacing target_speed")
        _positive(self, "goal_distance")
        _positive(self, "off_road_seconds wrong_way_seconds stuck_seconds off_route_distance")
        _non_negative(self, "stuck_speed stuck_grace")
        limit = self.steering_limit
        _require(0.0 < limit <= 1.0, "steering_limit", limit, "a share in (0, 1]")
        _require(self.warmup_ticks >= 2, "warmup_ticks", self.warmup_ticks, "at least 2 ticks")
        least = 2.0 * self.goal_distance
        _require(
            math.isfinite(self.route_length) and self.route_length > least,
            "route_length",
            self.route_length,
            f"more than twice goal_distance, {least:g} m",
        )

    @property
    def step_seconds(self) -> float:
        """Simulated seconds that an action is held."""
        return self.tick_seconds * self.action_ticks

    @property
    def vector_size(self) -> int:
        """Length of the vector observation: speed, lateral, heading and (x, y) per waypoint."""
        return 3 + 2 * self.waypoint_count


@dataclasses.dataclass(frozen=True)
class SensorConfig:
    """Cameras and what becomes of their pictures."""

    camera_width: int = _option(168, "width of the ego camera's picture, pixels")
    camera_height: int = _option(168, "height of the ego camera's picture, pixels")
    camera_fov: float = _option(90.0, "horizontal field of view, degrees")
    camera_x: float = _option(2.0, "camera position ahead of the ego's centre, m")
    camera_z: float = _option(1.5, "camera position above the ground, m")
    image_size: int = _option(
        84, "side of the square grey picture in the observation, pixels; 0 = the vector alone"
    )
    frame_stack: int = _option(4, "newest frames in one observation")
    imu: bool = _option(True, "attach an inertial sensor; its readings are in info['imu']")
    render_width: int = _option(640, "width of the pictures that render() returns, pixels")
    render_height: int = _option(360, "height of the pictures that render() returns, pixels")

    def __post_init__(self) -> None:
        _positive(self, "camera_width camera_height frame_stack")
        _non_negative(self, "image_size")
        _positive(self, "render_width render_height")
        fov = self.camera_fov
        _require(1.0 <= fov <= 170.0, "camera_fov", fov, "degrees in [1, 170]")


@dataclasses.dataclass(frozen=True)
class RewardConfig:
    """Weights are never negative: a term carries its own sign, so a crash cannot pay."""

    efficiency_weight: float = _option(2.0, "weight of speed tracking, a term in [-1, 1]")
    lane_keeping_weight: float = _option(2.0, "weight of lane keeping, a term in [-1, 1]")
    comfort_weight: float = _option(1.0, "weight of the jerk penalty, a term in [-1, 0]")
    safety_weight: float = _option(0.5, "weight of the safety penalties")
    progress_weight: float = _option(1.0, "weight of progress along the route")
    standing_penalty: float = _option(0.5, "taken from efficiency when standing for no reason")
    standing_speed: float = _option(1.0, "speed from which nothing is taken, m/s")
    speed_tolerance: float = _option(1.39, "deviation from the target speed that costs nothing")
    lateral_tolerance: float = _option(0.5, "lateral error at which its term is 0, m")
    heading_tolerance: float = _option(0.1, "heading error at which its term is 0, rad")
    lane_full_speed: float = _option(3.0, "speed from which lane keeping counts in full, m/s")
    jerk_tolerance: float = _option(4.0, "jerk that costs nothing, m/s^3")
    comfort_least_speed: float = _option(1.0, "speed below which jerk is not penalised, m/s")
    collision_penalty: float = _option(100.0, "for a collision that is the ego's fault, once")
    off_road_penalty: float = _option(50.0, "over the tolerated time off the road, evenly")
    lane_invasion_penalty: float = _option(10.0, "for each crossing of a lane mark")
    wrong_way_penalty: float = _option(5.0, "for each second against the traffic")
    nearness_penalty: float = _option(1.0, "per step at most, for nearness and time to collision")
    time_to_collision: float = _option(3.0, "time to collision below which nearness costs, s")
    near_distance: float = _option(4.0, "gap ahead below which nearness costs, m")
    progress_scale: float = _option(2.0, "reward for each metre along the route")
    waypoint_bonus: float = _option(1.0, "for each waypoint passed")
    goal_bonus: float = _option(100.0, "for reaching the goal, once")

    def __post_init__(self) -> None:
        weights = "efficiency_weight lane_keeping_weight comfort_weight safety_weight"
        _non_negative(self, weights + " progress_weight")
        _non_negative(self, "collision_penalty off_road_penalty lane_invasion_penalty")
        _non_negative(self, "wrong_way_penalty nearness_penalty progress_scale waypoint_bonus")
        _non_negative(self, "goal_bonus speed_tolerance comfort_least_speed standing_penalty")
        _positive(self, "standing_speed")
        _positive(self, "lateral_tolerance heading_tolerance lane_full_speed jerk_tolerance")
        _positive(self, "time_to_collision near_distance")


_SCENARIOS = {0: 20, 1: 50, 2: 100}


@dataclasses.dataclass(frozen=True)
class TrafficConfig:
    """Who else is on the road."""

    scenario: int = _option(0, "0, 1 or 2: 20, 50 or 100 NPC vehicles")
    npc_vehicles: int = _option(-1, "NPC vehicles; -1 = what the scenario says")
    npc_walkers: int = _option(0, "walkers on the pavements")
    npc_gap: float = _option(3.0, "least gap that NPC vehicles keep, m")
    npc_slowdown: float = _option(30.0, "how far below the limit NPC vehicles drive, percent")
    tm_port_offset: int = _option(6000, "Traffic Manager's port minus the server's port")

    def __post_init__(self) -> None:
        known = sorted(_SCENARIOS)
        _require(self.scenario in _SCENARIOS, "scenario", self.scenario, f"one of {known}")
        _require(self.npc_vehicles >= -1, "npc_vehicles", self.npc_vehicles, "-1 or a count")
        _non_negative(self, "npc_walkers npc_gap")
        slow = self.npc_slowdown
        _require(-100.0 <= slow < 100.0, "npc_slowdown", slow, "percent in [-100, 100)")
        offset = self.tm_port_offset
        _require(3 <= offset <= 30000, "tm_port_offset", offset, "a number in [3, 30000]")

    @property
    def vehicles(self) -> int:
        """NPC vehicles to spawn."""
        return _SCENARIOS[self.scenario] if self.npc_vehicles < 0 else self.npc_vehicles


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """Where the simulator is, and how long to wait for it; all times here are wall clock."""

    host: str = _option("", "host of a running server; empty = start one on a free port")
    port: int = _option(2000, "RPC port of the running server")
    server_command: str = _option(
        "", "command that starts a server, {port} and {town} filled in; empty = the stand-in"
    )
    server_log: str = _option("", "file for the output of the server and client; empty = none")
    connect_timeout: float = _option(
        60.0, "seconds for a server to answer; one of server_command has to start in them too"
    )
    load_timeout: float = _option(180.0, "seconds for a map to load")
    tick_timeout: float = _option(15.0, "seconds for one simulation step or sensor reading")
    restarts_per_hour: int = _option(12, "restarts after faults before giving up")
    restart_backoff: float = _option(0.5, "seconds before the second restart in a row; doubles")
    restart_episodes: int = _option(0, "restart our server every so many episodes; 0 = never")
    restart_megabytes: int = _option(
        0, "restart when our server or its client holds more memory than this, MB; 0 = never"
    )

    def __post_init__(self) -> None:
        _require(0 < self.port < 65000, "port", self.port, "a port number below 65000")
        _positive(self, "connect_timeout load_timeout tick_timeout")
        _non_negative(self, "restarts_per_hour restart_backoff restart_episodes")
        _non_negative(self, "restart_megabytes")
        own = not (self.host and self.server_command)
        _require(own, "server_command", self.server_command, "no command when host is given")


@dataclasses.dataclass(frozen=True)
class EnvConfig:
    """Everything about the driving environment."""

    task: TaskConfig = dataclasses.field(default_factory=TaskConfig)
    sensors: SensorConfig = dataclasses.field(default_factory=SensorConfig)
    reward: RewardConfig = dataclasses.field(default_factory=RewardConfig)
    traffic: TrafficConfig = dataclasses.field(default_factory=TrafficConfig)
    server: ServerConfig = dataclasses.field(default_factory=ServerConfig)


def with_options(config: EnvConfig, **options: Any) -> EnvConfig:
    """A copy with leaf fields replaced by name, e.g. `with_options(config, town="Town02")`."""
    groups = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    changes: dict[str, dict[str, Any]] = {name: {} for name in groups}
    for name, value in options.items():
        owner = next((g for g, part in groups.items() if name in _names(part)), None)
        if owner is None:
            raise ValueError(f"{name} = {value!r}: no such option of the environment")
        changes[owner][name] = value
    parts = {name: dataclasses.replace(groups[name], **new) for name, new in changes.items()}
    return EnvConfig(**parts)


def _names(config: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(config)}
