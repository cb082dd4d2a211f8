"""Gymnasium environments with the quirks that users report; `quirky_envs:NAME-v0` makes one."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

HUGE = np.finfo(np.float32).max
BYTES = {"low": 0, "high": 255, "dtype": np.uint8}


class Plain(gymnasium.Env):
    """A point on a line; the action is its speed; 50 steps an episode unless told otherwise."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012
    observation_space: spaces.Space = spaces.Box(-10, 10, (3,), np.float32)
    action_space: spaces.Space = spaces.Box(-1, 1, (2,), np.float32)

    def __init__(self, render_mode: str | None = None, length: int = 50) -> None:
        self.render_mode, self.length = render_mode, length
        self.actions: list[Any] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.t, self.x = 0, float(self.np_random.uniform(-1, 1))
        return self.look(), {}

    def look(self) -> Any:
        return np.array([self.x, self.t / 50, 1.0], np.float32)

    def step(self, action: Any) -> Any:
        self.actions.append(action)
        self.t += 1
        self.x = float(np.clip(self.x + 0.1 * float(np.ravel(action)[0]), -10, 10))
        return self.look(), self.reward(), False, self.t >= self.length, {}

    def reward(self) -> Any:
        return -abs(self.x)


class HugeActions(Plain):
    action_space = spaces.Box(-HUGE, HUGE, (2,), np.float32)


class UnboundedActions(Plain):
    action_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)


class IntActions(Plain):
    action_space = spaces.Box(-128, 127, (2,), np.int8)


class FewIntActions(Plain):
    action_space = spaces.Box(-1, 1, (2,), np.int8)


class FixedAxis(Plain):
    action_space = spaces.Box(np.array([-1, 0.3], np.float32), np.array([1, 0.3], np.float32))


class ScalarAction(Plain):
    action_space = spaces.Box(-1, 1, (), np.float32)


class InPlace(Plain):
    """Returns its own buffer, changed in place."""

    buffer = np.zeros(3, np.float32)

    def look(self) -> Any:
        self.buffer[:] = super().look()
        return self.buffer


class GreyInPlace(Plain):
    observation_space = spaces.Box(shape=(84, 84), **BYTES)
    buffer = np.zeros((84, 84), np.uint8)

    def look(self) -> Any:
        self.buffer[:] = self.t
        return self.buffer


class FloatPicture(Plain):
    observation_space = spaces.Box(0, 1, (84, 84, 3), np.float32)

    def look(self) -> Any:
        return np.full((84, 84, 3), self.t / 50, np.float32)


class SignedPicture(Plain):
    observation_space = spaces.Box(-1, 1, (1, 64, 96), np.float64)

    def look(self) -> Any:
        return np.full((1, 64, 96), self.t / 25 - 1.0)


class NanPicture(FloatPicture):
    def look(self) -> Any:
        return super().look() * (np.nan if self.t == 2 else 1.0)


class UnboundedPicture(Plain):
    observation_space = spaces.Box(-np.inf, np.inf, (84, 84, 3), np.float32)


class ChannelFirst(Plain):
    observation_space = spaces.Box(shape=(3, 84, 84), **BYTES)

    def look(self) -> Any:
        return np.full((3, 84, 84), self.t, np.uint8)


class Deep(Plain):
    observation_space = spaces.Box(shape=(84, 84, 7), **BYTES)


class ReadyStack(Plain):
    """Stacks whose first frames differ: the environment saw them before the episode."""

    observation_space = spaces.Box(shape=(84, 84, 4), **BYTES)

    def look(self) -> Any:
        return np.broadcast_to(np.arange(self.t, self.t + 4, dtype=np.uint8), (84, 84, 4))


class ReadyStackFirst(Plain):
    observation_space = spaces.Box(shape=(4, 60, 80), **BYTES)

    def look(self) -> Any:
        frames = np.arange(self.t, self.t + 4, dtype=np.uint8)
        return np.broadcast_to(frames[:, None, None], (4, 60, 80))


class Rgba(Plain):
    observation_space = spaces.Box(shape=(84, 84, 4), **BYTES)

    def look(self) -> Any:
        return np.full((84, 84, 4), self.t, np.uint8)


class ImageAndVector(Plain):
    observation_space = spaces.Dict(
        image=spaces.Box(shape=(96, 96, 3), **BYTES), vector=spaces.Box(-10, 10, (3,), np.float32)
    )

    def look(self) -> Any:
        return {"image": np.full((96, 96, 3), self.t, np.uint8), "vector": super().look()}


class DictOfBoxes(Plain):
    observation_space = spaces.Dict(
        position=spaces.Box(-np.inf, np.inf, (2, 1), np.float64),
        height=spaces.Box(-np.inf, np.inf, (), np.float64),
        gear=spaces.Dict(number=spaces.Discrete(3)),
    )

    def look(self) -> Any:
        return {
            "position": np.array([[self.x], [0.5]]),
            "height": np.float64(7.0),
            "gear": {"number": 2},
        }


class TwoPictures(Plain):
    observation_space = spaces.Dict(
        left=spaces.Box(shape=(84, 84, 3), **BYTES), right=spaces.Box(shape=(84, 84, 3), **BYTES)
    )


class Words(Plain):
    observation_space = spaces.Dict(text=spaces.Text(5))


class Bytes(Plain):
    observation_space = spaces.Box(shape=(128,), **BYTES)

    def look(self) -> Any:
        return np.full(128, self.t, np.uint8)


class WrongShape(Plain):
    observation_space = spaces.Box(-10, 10, (4,), np.float32)


class Endless(Plain):
    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode, 10**9)


class FewSeeds(Plain):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        assert seed is None or 0 <= seed < 100, f"scenario index (seed) {seed}"
        return super().reset(seed=seed)


class ArrayReward(Plain):
    def reward(self) -> Any:
        return np.array([-abs(self.x)], np.float32)


class TwoRewards(Plain):
    def reward(self) -> Any:
        return np.array([1.0, 2.0])


class OldReset(Plain):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return super().reset(seed=seed)[0]


class OldStep(Plain):
    def step(self, action: Any) -> Any:
        seen, reward, end, cut, info = super().step(action)
        return seen, reward, end or cut, info


class Crashes(Plain):
    """Loses its simulator once, at the 130th step."""

    def step(self, action: Any) -> Any:
        if len(self.actions) == 130:
            self.actions.append(action)
            raise ConnectionError("simulator lost")
        return super().step(action)


class Broken(Plain):
    def step(self, action: Any) -> Any:
        if len(self.actions) == 130:
            raise KeyError("wheel")
        return super().step(action)


class NoRendering(Plain):
    """Takes no render_mode, but arguments of other kinds."""

    def __init__(self, length: int = 50, name: str = "", weights: tuple[float, ...] = ()) -> None:
        super().__init__(None, length)
        self.name, self.weights = name, weights


for _kind in list(globals().values()):
    if isinstance(_kind, type) and issubclass(_kind, Plain):
        gymnasium.register(f"{_kind.__name__}-v0", _kind)
