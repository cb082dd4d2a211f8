"""Every number that describes the task, its sensors, reward, traffic and server.

Frozen and validated at construction; a wrong value raises ValueError naming the field.
Field names are unique over all configurations of the project, because they become flags.
Lengths are metres, times simulated seconds unless a name says otherwise, angles radians
(degrees only where CARLA's blueprints ask for them).
"""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from td3jax.options import Options, option, require, suggestion


@dataclasses.dataclass(frozen=True)
class TaskConfig(Options):
    """The task: town, car, route, time step, and the limits that end an episode."""

    town: str = option("Town01", "map to drive in, by its name on the server")
    weather: tuple[str, ...] = option(
        ("ClearNoon",), "weather presets of carla.WeatherParameters; each reset draws one"
    )
    train_weathers: tuple[str, ...] = option(
        (), "weather presets of training episodes; each draws one; empty = as weather"
    )
    train_light_starts: float = option(
        0.0,
        "share of training episodes that start shortly before a traffic light of their route",
        low=0,
        high=1,
    )
    ego_blueprint: str = option("vehicle.tesla.model3", "blueprint of the driven vehicle")
    tick_seconds: float = option(
        0.05, "simulated seconds per tick, at most 0.05", above=0, high=0.05
    )
    action_ticks: int = option(
        1, "ticks that a step holds its action; their rewards are summed", low=1
    )
    episode_steps: int = option(1000, "ticks after which an episode is truncated", low=1)
    route_length: float = option(500.0, "least length of a route, m", above=0)
    steering_limit: float = option(
        0.3,
        "share of the wheels' full lock (70 degrees) that a steering action of 1 asks for",
        above=0,
        high=1,
    )
    target_speed: float = option(8.33, "speed to drive at on a free straight, m/s", above=0)
    waypoint_count: int = option(10, "route waypoints in the observation", low=1)
    waypoint_spacing: float = option(
        5.0, "distance between those waypoints along the route, m", above=0
    )
    goal_distance: float = option(
        3.0, "the goal counts as reached this far before the end, m", above=0
    )
    off_road_seconds: float = option(
        3.0, "time off every driving lane that ends an episode", above=0
    )
    wrong_way_seconds: float = option(5.0, "time against the traffic that ends an episode", above=0)
    off_route_distance: float = option(
        15.0, "distance from the route that ends an episode, m", above=0
    )
    stuck_seconds: float = option(10.0, "time standing for no reason that ends an episode", above=0)
    stuck_speed: float = option(0.3, "below this speed the ego counts as standing, m/s", low=0)
    stuck_grace: float = option(3.0, "seconds after a reset before standing is counted", low=0)
    warmup_ticks: int = option(8, "ticks between placing the ego and the first observation", low=2)
    expert_hints: bool = option(
        False,
        "put the expert's action into info['expert_action'], and that of a driver who knows the "
        "route alone into info['blind_action']",
    )
    privileged: bool = option(
        False,
        "put what the simulator knows into the observation, for a critic that is not the driver: "
        "'privileged', and 'expert', the expert's action; and info['stratum']",
    )

    def check(self) -> None:
        """Check that there is a town and weather, and that the goal is not at the start."""
        require(bool(self.weather), "weather", self.weather, "at least one preset")
        require(bool(self.town), "town", self.town, "a map name")
        least = 2.0 * self.goal_distance
        text = f"more than twice goal_distance, {least:g} m"
        require(self.route_length > least, "route_length", self.route_length, text)

    @property
    def step_seconds(self) -> float:
        """Simulated seconds that an action is held."""
        return self.tick_seconds * self.action_ticks


@dataclasses.dataclass(frozen=True)
class SensorConfig(Options):
    """Cameras and what becomes of their pictures."""

    camera_width: int = option(168, "width of the ego camera's picture, pixels", low=1, high=8192)
    camera_height: int = option(168, "height of the ego camera's picture, pixels", low=1, high=8192)
    camera_fov: float = option(90.0, "horizontal field of view, degrees", low=1, high=170)
    camera_x: float = option(
        2.0, "camera position ahead of the ego's centre, m", low=-100, high=100
    )
    camera_z: float = option(1.5, "camera position above the ground, m", low=-100, high=100)
    image_size: int = option(
        84,
        "side of the square picture in the observation, pixels; 0 = the vector alone",
        low=0,
        high=8192,
    )
    lens: float = option(
        1.0,
        "how many times larger the picture's middle is shown, at an unchanged field of view; "
        "1 = no lens",
        low=1,
        high=8,
    )
    red_green: bool = option(
        False,
        "give each frame of the observation a second channel, red less green, in which lights and "
        "brake lamps stand out",
    )
    frame_stack: int = option(4, "newest frames in one observation", low=1, high=255)
    imu: bool = option(True, "attach an inertial sensor; its readings are in info['imu']")
    render_width: int = option(
        640, "width of the pictures that render() returns, pixels", low=1, high=8192
    )
    render_height: int = option(
        360, "height of the pictures that render() returns, pixels", low=1, high=8192
    )

    def check(self) -> None:
        """Check that the camera has a pixel for each that the lens shows."""
        least = self.lens * self.image_size
        text = f"at least {least:g}, lens times image_size"
        for name in ("camera_width", "camera_height"):
            size = getattr(self, name)
            require(self.lens == 1.0 or size >= least, name, size, text)


@dataclasses.dataclass(frozen=True)
class RewardConfig(Options):
    """Weights are never negative: a term carries its own sign, so a crash cannot pay."""

    efficiency_weight: float = option(2.0, "weight of speed tracking, a term in [-1, 1]", low=0)
    lane_keeping_weight: float = option(2.0, "weight of lane keeping, a term in [-1, 1]", low=0)
    comfort_weight: float = option(1.0, "weight of the jerk penalty, a term in [-1, 0]", low=0)
    safety_weight: float = option(0.5, "weight of the safety penalties", low=0)
    progress_weight: float = option(1.0, "weight of progress along the route", low=0)
    speed_weight: float = option(
        0.0,
        "weight of keeping to the speed that bends, the car ahead, lights and crossing traffic "
        "allow, a term in [-1, 1]; 0 = without it",
        low=0,
    )
    red_light_weight: float = option(
        0.0, "weight of the penalty for running a red light; 0 = without it", low=0
    )
    standing_penalty: float = option(
        0.5, "taken from efficiency when standing for no reason", low=0
    )
    standing_speed: float = option(1.0, "speed from which nothing is taken, m/s", above=0)
    speed_tolerance: float = option(
        1.39, "deviation from the target speed that costs nothing", low=0
    )
    lateral_tolerance: float = option(0.5, "lateral error at which its term is 0, m", above=0)
    heading_tolerance: float = option(0.1, "heading error at which its term is 0, rad", above=0)
    lane_full_speed: float = option(
        3.0, "speed from which lane keeping counts in full, m/s", above=0
    )
    jerk_tolerance: float = option(4.0, "jerk that costs nothing, m/s^3", above=0)
    comfort_least_speed: float = option(1.0, "speed below which jerk is not penalised, m/s", low=0)
    collision_penalty: float = option(100.0, "for a collision that is the ego's fault, once", low=0)
    off_road_penalty: float = option(50.0, "over the tolerated time off the road, evenly", low=0)
    red_light_penalty: float = option(50.0, "for each red light that is run", low=0)
    lane_invasion_penalty: float = option(10.0, "for each crossing of a lane mark", low=0)
    wrong_way_penalty: float = option(5.0, "for each second against the traffic", low=0)
    nearness_penalty: float = option(
        1.0, "per step at most, for nearness and time to collision", low=0
    )
    time_to_collision: float = option(
        3.0, "time to collision below which nearness costs, s", above=0
    )
    near_distance: float = option(4.0, "gap ahead below which nearness costs, m", above=0)
    progress_scale: float = option(2.0, "reward for each metre along the route", low=0)
    waypoint_bonus: float = option(1.0, "for each waypoint passed", low=0)
    goal_bonus: float = option(100.0, "for reaching the goal, once", low=0)

    def check(self) -> None:
        """Check that no value is negative, those of terms yet to be written included."""
        for name, value in dataclasses.asdict(self).items():
            require(value >= 0, name, value, "at least 0")


_SCENARIOS = {0: 20, 1: 50, 2: 100}
_LONGEST = 1e6  # seconds of patience; the system's calls take no more than 2**31 milliseconds


@dataclasses.dataclass(frozen=True)
class TrafficConfig(Options):
    """Other vehicles and walkers."""

    scenario: int = option(0, "0, 1 or 2: 20, 50 or 100 NPC vehicles", choices=tuple(_SCENARIOS))
    npc_vehicles: int = option(-1, "NPC vehicles; -1 = what the scenario says", low=-1)
    train_npc_vehicles: tuple[int, ...] = option(
        (),
        "LEAST,MOST: each training episode draws how many NPC vehicles it has; evaluations keep "
        "npc_vehicles; empty = so does training",
    )
    npc_walkers: int = option(0, "walkers on the pavements", low=0)
    npc_gap: float = option(3.0, "least gap that NPC vehicles keep, m", low=0)
    npc_slowdown: float = option(
        30.0, "how far below the limit NPC vehicles drive, percent", low=-100, below=100
    )
    tm_port_offset: int = option(
        6000, "Traffic Manager's port minus that of a running server (--host)", low=3, high=30000
    )

    def check(self) -> None:
        """Check that the range of training's NPC vehicles is one."""
        numbers = self.train_npc_vehicles
        fits = len(numbers) == 2 and all(type(number) is int for number in numbers)
        fits = fits and 0 <= numbers[0] <= numbers[1]
        shown = ",".join(map(str, numbers))
        require(fits or not numbers, "train_npc_vehicles", shown, "LEAST,MOST, such as 60,80")

    @property
    def vehicles(self) -> int:
        """NPC vehicles of an evaluation's episode."""
        return _SCENARIOS[self.scenario] if self.npc_vehicles < 0 else self.npc_vehicles


@dataclasses.dataclass(frozen=True)
class ServerConfig(Options):
    """The simulator's address and all patience with it; times here are wall clock."""

    host: str = option("", "host of a running server; empty = start one on a free port")
    port: int = option(2000, "RPC port of the running server", above=0, below=65000)
    server_command: str = option(
        "", "command that starts a server, {port} and {town} filled in; empty = the stand-in"
    )
    server_stop_command: str = option(
        "",
        "command that ends what server_command has left, as a container that outlives its client: "
        '"docker rm -f carla-{port}"',
    )
    server_log: str = option("", "file for the output of the server and client; empty = none")
    connect_timeout: float = option(
        60.0,
        "seconds for a server to answer; one of server_command has to start in them too",
        above=0,
        high=_LONGEST,
    )
    load_timeout: float = option(180.0, "seconds for a map to load", above=0, high=_LONGEST)
    tick_timeout: float = option(
        15.0, "seconds for one simulation step or sensor reading", above=0, high=_LONGEST
    )
    restarts_per_hour: int = option(12, "restarts after faults before giving up", low=0)
    restart_backoff: float = option(
        0.5, "seconds before the second restart in a row; doubles", low=0, high=_LONGEST
    )
    restart_episodes: int = option(0, "restart our server every so many episodes; 0 = never", low=0)
    restart_megabytes: int = option(
        0, "restart when our server or its client holds more memory than this, MB; 0 = never", low=0
    )

    def check(self) -> None:
        """Check that the server is either a running one or one of ours."""
        own = not (self.host and self.server_command)
        require(own, "server_command", self.server_command, "no command when host is given")
        for name in ("server_command", "server_stop_command"):
            text = getattr(self, name)
            try:
                words = shlex.split(text)
            except ValueError as error:
                raise ValueError(f"{name} = {text!r}: {error}") from error
            require(bool(words) or not text, name, text, "a command")


@dataclasses.dataclass(frozen=True)
class EnvConfig:
    """Everything about the driving environment."""

    task: TaskConfig = dataclasses.field(default_factory=TaskConfig)
    sensors: SensorConfig = dataclasses.field(default_factory=SensorConfig)
    reward: RewardConfig = dataclasses.field(default_factory=RewardConfig)
    traffic: TrafficConfig = dataclasses.field(default_factory=TrafficConfig)
    server: ServerConfig = dataclasses.field(default_factory=ServerConfig)


def with_options(config: EnvConfig, **options: Any) -> EnvConfig:
    """Copy with leaf fields replaced by name, e.g. `with_options(config, town="Town02")`."""
    groups = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    owners = {leaf: group for group, part in groups.items() for leaf in _names(part)}
    changes: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        if name not in owners:
            hint = suggestion(name, owners)
            raise ValueError(f"{name} = {value!r}: no such option of the environment{hint}")
        changes.setdefault(owners[name], {})[name] = value
    parts = {group: dataclasses.replace(groups[group], **new) for group, new in changes.items()}
    return dataclasses.replace(config, **parts)


def _names(config: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(config)}
