"""Gymnasium environments as the agent sees them: dict observations, actions in [-1, 1]."""

from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import gymnasium
import numpy as np
from gymnasium import spaces

SIZE, STACK = 84, 4
Observation = dict[str, np.ndarray]


class ActionRepeat(gymnasium.Wrapper[Any, np.ndarray, Any, np.ndarray]):
    """Each action several times over, until an episode ends; rewards are summed."""

    def __init__(self, env: gymnasium.Env[Any, np.ndarray], times: int) -> None:
        super().__init__(env)
        self._times = times

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """The last observation, and whether the episode ended on the way."""
        total = 0.0
        for _ in range(self._times):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


class UnitActions(gymnasium.ActionWrapper[Any, np.ndarray, np.ndarray]):
    """Actions float32 in [-1, 1], scaled linearly onto a bounded Box."""

    def __init__(self, env: gymnasium.Env[Any, np.ndarray]) -> None:
        super().__init__(env)
        box = env.action_space
        assert isinstance(box, spaces.Box)
        self._low, self._high = box.low, box.high
        self.action_space = spaces.Box(-1.0, 1.0, box.shape, np.float32)

    def action(self, action: np.ndarray) -> np.ndarray:
        """From [-1, 1] to the environment's bounds."""
        scaled = self._low + (action + 1.0) * 0.5 * (self._high - self._low)
        return np.clip(scaled, self._low, self._high).astype(self._low.dtype)


class VectorObservations(gymnasium.ObservationWrapper[Any, np.ndarray, Any]):
    """A flat Box as {"vector": float32 (V,)}."""

    def __init__(self, env: gymnasium.Env[Any, np.ndarray]) -> None:
        super().__init__(env)
        size = int(np.prod(env.observation_space.shape or ()))
        vector = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.observation_space: spaces.Space[Any] = spaces.Dict({"vector": vector})

    def observation(self, observation: Any) -> Observation:
        """float32, flat."""
        return {"vector": np.asarray(observation, np.float32).reshape(-1)}


class GreyStack(gymnasium.Wrapper[Any, np.ndarray, Any, np.ndarray]):
    """Pictures as {"image": uint8 (84, 84, 4)}: grey, resized, the newest 4, oldest first.

    After a reset all four are the first picture.
    """

    def __init__(self, env: gymnasium.Env[Any, np.ndarray]) -> None:
        super().__init__(env)
        image = spaces.Box(0, 255, (SIZE, SIZE, STACK), np.uint8)
        self.observation_space: spaces.Space[Any] = spaces.Dict({"image": image})
        self._frames: deque[np.ndarray] = deque(maxlen=STACK)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A stack of the first picture."""
        picture, info = self.env.reset(seed=seed, options=options)
        self._frames.extend([grey(picture)] * STACK)
        return self._observation(), info

    def step(self, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One step; the oldest picture leaves the stack."""
        picture, reward, terminated, truncated, info = self.env.step(action)
        self._frames.append(grey(picture))
        return self._observation(), float(reward), terminated, truncated, info

    def _observation(self) -> Observation:
        return {"image": np.stack(self._frames, axis=-1)}


def grey(picture: np.ndarray) -> np.ndarray:
    """uint8 (84, 84) of a uint8 RGB (H, W, 3), (H, W, 1) or (H, W) picture."""
    if picture.ndim == 3 and picture.shape[2] == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    picture = picture.reshape(picture.shape[:2])
    if picture.shape != (SIZE, SIZE):
        picture = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return picture


def is_picture(space: spaces.Space[Any]) -> bool:
    """Whether a space holds uint8 pictures, grey or RGB."""
    if not isinstance(space, spaces.Box) or space.dtype != np.uint8:
        return False
    return len(space.shape) == 2 or (len(space.shape) == 3 and space.shape[2] in (1, 3))
