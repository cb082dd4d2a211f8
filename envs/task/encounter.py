"""What an episode's driver meets: weather and traffic, drawn anew for training where asked for."""

from __future__ import annotations

import dataclasses

import numpy as np

from envs.config import EnvConfig


@dataclasses.dataclass(frozen=True)
class Encounter:
    """A weather preset, and a number of NPC vehicles."""

    weather: str
    vehicles: int


def draw(config: EnvConfig, training: bool, rng: np.random.Generator) -> Encounter:
    """Return an episode's: of the ranges for training where it is one, else as for evaluations."""
    task, traffic = config.task, config.traffic
    presets = (training and task.train_weathers) or task.weather
    weather = presets[int(rng.integers(len(presets)))]
    if not (training and traffic.train_npc_vehicles):
        return Encounter(weather, traffic.vehicles)
    least, most = traffic.train_npc_vehicles
    return Encounter(weather, int(rng.integers(least, most + 1)))
