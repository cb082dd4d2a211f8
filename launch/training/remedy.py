"""What a person can do about a simulator that has failed for good."""

from __future__ import annotations

from pathlib import Path

from launch.config.run import CARLA, RunConfig


def remedy(config: RunConfig, log: Path) -> str:
    """Say what to look at before going on. log: of a simulator that was started here."""
    loop, server = config.loop, config.env.server
    if loop.env != CARLA:
        return "mend the environment"
    if loop.servers:
        return "td3jax doctor --host=HOST --port=PORT checks each of --servers"
    if server.host:
        return f"td3jax doctor --host={server.host} --port={server.port} checks the server"
    if loop.ray_address:
        return "the collector's host has its log, with temporary files"
    return f"{log} has the simulator's words, td3jax doctor checks it"
