"""Entry points of `gymnasium.make`: environments from options by name."""

from __future__ import annotations

from typing import Any

import gymnasium

from envs.config import EnvConfig, with_options


def carla(
    render_mode: str | None = None,
    *,
    config: EnvConfig | None = None,
    supervised: bool = True,
    **options: Any,
) -> gymnasium.Env[Any, Any]:
    """Make the driving environment; `options` are leaves of EnvConfig, e.g. `town="Town02"`.

    The client runs in a watched process of its own and a server is started where `host` is empty.
    With `supervised=False` it runs in this process, on the running server at `host` and `port`.
    """
    chosen = with_options(config or EnvConfig(), **options)
    if supervised:
        from envs.supervised import SupervisedCarlaEnv

        return SupervisedCarlaEnv(chosen, render_mode)
    from envs.carla_env import CarlaEnv  # imports the carla client

    host, port = chosen.server.host, chosen.server.port
    if not host:
        raise ValueError("host = '': expected a running server; supervised = True starts one")
    return CarlaEnv(chosen, host, port, render_mode)


def lane_toy(render_mode: str | None = None, **options: Any) -> gymnasium.Env[Any, Any]:
    """Make the lane toy; `options` are fields of ToyConfig, e.g. `size=84`."""
    from envs.lane_toy import LaneToy, ToyConfig  # imports jax

    return LaneToy(ToyConfig(**options), render_mode)
