"""An environment of one's own, trained by the command line:

    td3jax train --env=examples.own_environment:Dot-v0 --steps=2000

A dot has to be pushed to the middle of a line. It is seen in a grey picture; its speed is a number.
"""

from typing import Any

import gymnasium
import numpy as np


class Dot(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """Observations are a Dict of a picture and numbers; any of the two may be absent."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, size: int = 24) -> None:
        self.size = size
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = gymnasium.spaces.Dict(
            {
                "image": gymnasium.spaces.Box(0, 255, (size, size), np.uint8),
                "vector": gymnasium.spaces.Box(-2.0, 2.0, (1,), np.float32),
            }
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Put the dot at a random place."""
        super().reset(seed=seed)
        self._place, self._speed = self.np_random.uniform(-1.0, 1.0), 0.0
        return self._observation(), {}

    def step(self, action: np.ndarray) -> Any:
        """Push the dot; the reward falls with its distance from the middle."""
        self._speed = float(np.clip(0.8 * self._speed + 0.2 * action[0], -2.0, 2.0))
        self._place = float(np.clip(self._place + 0.2 * self._speed, -1.0, 1.0))
        return self._observation(), -abs(self._place), False, False, {}

    def _observation(self) -> dict[str, np.ndarray]:
        image = np.zeros((self.size, self.size), np.uint8)
        column = round((self._place + 1.0) / 2.0 * (self.size - 3))
        image[self.size // 2 - 1 : self.size // 2 + 2, column : column + 3] = 255
        return {"image": image, "vector": np.array([self._speed], np.float32)}


gymnasium.register("Dot-v0", entry_point=Dot, max_episode_steps=50)
