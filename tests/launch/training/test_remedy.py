"""What a person is told to look at when a simulator has failed for good."""

from pathlib import Path

import pytest

from launch.config.run import RunConfig
from launch.config.tree import replace_leaves
from launch.training.remedy import remedy


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"env": "Pendulum-v1"}, "mend the environment"),
        ({"servers": ("a:2000",)}, "--host=HOST --port=PORT checks each of --servers"),
        ({"host": "far", "port": 2010}, "td3jax doctor --host=far --port=2010 checks the server"),
        ({"ray_address": "auto"}, "the collector's host has its log"),
        ({}, "RUN/simulator.log has the simulator's words, td3jax doctor checks it"),
    ],
)
def test_the_remedy_names_what_can_be_looked_at(options: dict[str, object], told: str) -> None:
    config = replace_leaves(RunConfig(), options)
    assert told in remedy(config, Path("RUN/simulator.log"))
