"""The preset that fits an environment, where none is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launch.config.presets import DEFAULT, preset
from launch.config.run import CARLA
from launch.config.run_flags import configuration, env_of

PIXELS, VECTOR = "pixels", "vector"


def fitting_preset(given: Mapping[str, Any]) -> tuple[str, list[str]]:
    """A preset's name by the environment that the flags ask for, and a line that says so.

    The environment is made once, for its observations. BadInput where it cannot be made.
    """
    env = env_of(given)
    if env == CARLA:
        return DEFAULT, []
    from launch.training.environments import make_env, spaces_of  # OpenCV, a second

    config = configuration(given, preset(VECTOR))
    if config == configuration(given, preset(DEFAULT)) == configuration(given, preset(PIXELS)):
        return VECTOR, []  # the configuration file decides everything
    made = make_env(config)
    try:
        pictures = spaces_of(made).image is not None
    finally:
        made.close()
    name, seen = (PIXELS, "pictures") if pictures else (VECTOR, "observations without pictures")
    return name, [f"preset {name} fits {env}'s {seen}; --preset=NAME chooses another"]
