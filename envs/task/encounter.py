"""What an episode's driver meets, drawn anew for training where asked for."""

from __future__ import annotations

import dataclasses

import numpy as np

from envs.config import EnvConfig


@dataclasses.dataclass(frozen=True)
class Encounter:
    """A weather preset, a number of NPC vehicles, and whether a traffic light is soon met."""

    weather: str
    vehicles: int
    light_first: bool = False


def draw(config: EnvConfig, training: bool, rng: np.random.Generator) -> Encounter:
    """Return an episode's: of the ranges for training where it is one, else as for evaluations."""
    task, traffic = config.task, config.traffic
    presets = (training and task.train_weathers) or task.weather
    weather = presets[int(rng.integers(len(presets)))]
    vehicles, light_first = traffic.vehicles, False
    if training and traffic.train_npc_vehicles:
        least, most = traffic.train_npc_vehicles
        vehicles = int(rng.integers(least, most + 1))
    if training and task.train_light_starts:
        light_first = bool(rng.random() < task.train_light_starts)
    return Encounter(weather, vehicles, light_first)
