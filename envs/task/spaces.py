"""The spaces of the environment, known without a simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from envs.config import EnvConfig
from envs.task import privileged
from envs.task.observation import vector_size

RENDER_MODES = ("rgb_array",)


def observation_space(config: EnvConfig) -> spaces.Dict:
    """Return {"image": uint8 (84, 84, 4), "vector": float32 (23,)} with the defaults; no image
    where its size is 0; with `privileged` also what no policy may see."""
    size = config.sensors.image_size
    channels = config.sensors.frame_stack * frame_channels(config)
    parts: dict[str, spaces.Space[Any]] = {}
    if size:
        parts["image"] = spaces.Box(0, 255, (size, size, channels), np.uint8)
    parts["vector"] = _unit(vector_size(config.task))
    if config.task.privileged:
        parts["privileged"] = _unit(len(privileged.names()))
        parts["expert"] = _unit(2)
    return spaces.Dict(parts)


def frame_channels(config: EnvConfig) -> int:
    """Return the channels of one frame of the image."""
    return 2 if config.sensors.red_green else 1


def _unit(size: int) -> spaces.Box:
    return spaces.Box(-1.0, 1.0, (size,), np.float32)


def action_space() -> spaces.Box:
    """Return float32 (2,) in [-1, 1]: steering (of `steering_limit`); throttle, or brake if
    negative."""
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def metadata(config: EnvConfig) -> dict[str, Any]:
    """Return gymnasium's facts of rendering, one picture a step, shown as fast as it was; and the
    channels of one frame of the image, of which observations have a stack."""
    return {
        "render_modes": list(RENDER_MODES),
        "render_fps": 1.0 / config.task.step_seconds,
        "frame_channels": frame_channels(config),
    }


def checked_render_mode(mode: str | None) -> str | None:
    """Return the mode; ValueError unless it is None or rgb_array."""
    if mode not in (None, *RENDER_MODES):
        raise ValueError(
            f"render_mode = {mode!r}: expected rgb_array or None; wrap the environment in "
            "gymnasium.wrappers.HumanRendering to see it in a window"
        )
    return mode


def checked_action(action: np.ndarray) -> np.ndarray:
    """Return the action as float32 (2,) within bounds; ValueError on a wrong shape or a NaN."""
    array = np.asarray(action, np.float32)
    if array.shape != (2,) or not np.isfinite(array).all():
        raise ValueError(f"action {action!r}: expected 2 finite numbers in [-1, 1]")
    return np.clip(array, -1.0, 1.0)
