"""Foreign observation spaces as the agent's: one grey picture and one vector, each optional.

Every leaf of a Dict or Tuple space is a picture or goes into the vector, in the space's order, but
for "privileged" and "expert" of a Dict, which are for training alone and stay parts of their own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

import cv2
import numpy as np
from gymnasium import spaces

from launch.errors import BadInput, NonFinite
from td3jax.batch import TRAINING_PARTS

SIZE = 84  # side of the grey picture
STACK = 4  # frames in an observation
LEAST_SIDE = 32  # pixels; a smaller Box of other numbers than bytes is no picture
NUMBERS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
Observation = dict[str, np.ndarray]
Path = tuple[Any, ...]
_TRAINING = {(name,) for name in TRAINING_PARTS}


@dataclasses.dataclass(frozen=True)
class View:
    """An observation in the agent's parts: `read` gives what `space` says, in arrays of its own.

    stacked: the image is a ready stack (H, W, 4), else one grey frame (84, 84).
    """

    space: spaces.Dict
    read: Callable[[Any], Observation]
    stacked: bool = False


def view(space: spaces.Space[Any]) -> View:
    """Return how the agent sees the observations of a space; BadInput where it cannot."""
    leaves = list(_leaves(space))
    training = {path[0]: leaf for path, leaf in leaves if path in _TRAINING}
    leaves = [(path, leaf) for path, leaf in leaves if path not in _TRAINING]
    pictures = {path: leaf for path, leaf in leaves if is_picture(leaf)}
    numbers = [(path, leaf) for path, leaf in leaves if path not in pictures]
    if not leaves:
        raise BadInput("observations have nothing that a policy may read")
    if len(pictures) > 1:
        names = ", ".join(map(_name, pictures))
        raise BadInput(f"{len(pictures)} pictures ({names}): the agent takes one")
    for path, leaf in numbers:
        _check_numbers(path, leaf)
    parts: dict[str, spaces.Space[Any]] = {}
    readers: dict[str, Callable[[Any], np.ndarray]] = {}
    stacked = False
    if pictures:
        path, box = next(iter(pictures.items()))
        stacked = _channels(box) == STACK
        shape = _frame_shape(box) if stacked else (SIZE, SIZE)
        parts["image"] = spaces.Box(0, 255, shape, np.uint8)
        picture = _picture_reader(path, box)
        readers["image"] = picture if stacked else lambda value: grey(picture(value))
    if numbers:
        size = sum(spaces.flatdim(leaf) for _, leaf in numbers)
        parts["vector"] = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        readers["vector"] = _vector_reader(numbers)
    for name, leaf in training.items():
        _check_numbers((name,), leaf)
        parts[name] = spaces.Box(-np.inf, np.inf, (spaces.flatdim(leaf),), np.float32)
        readers[name] = _vector_reader([((name,), leaf)])

    def read(value: Any) -> Observation:
        return {name: reader(value) for name, reader in readers.items()}

    return View(spaces.Dict(parts), read, stacked)


def _leaves(space: Any, path: Path = ()) -> Iterator[tuple[Path, spaces.Space[Any]]]:
    if isinstance(space, spaces.Dict):
        for key, part in space.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(space, spaces.Tuple):
        for index, part in enumerate(space.spaces):
            yield from _leaves(part, (*path, index))
    else:
        yield path, space


def _name(path: Path) -> str:
    return ".".join(map(str, path)) or "the observation"


def is_picture(space: Any) -> TypeGuard[spaces.Box]:
    """Tell whether a space holds pictures: bytes of 2 or 3 dimensions, or large enough a Box."""
    if not isinstance(space, spaces.Box) or len(space.shape) not in (2, 3):
        return False
    return space.dtype == np.uint8 or sorted(space.shape)[-2] >= LEAST_SIDE


def _channels(box: spaces.Box) -> int:
    """Channels of a picture (H, W), (H, W, C) or (C, H, W); 0 for another shape."""
    if len(box.shape) == 2:
        return 1
    first, _, last = box.shape
    known = (1, 3, STACK)
    return last if last in known else first if first in known else 0


def _check_numbers(path: Path, space: Any) -> None:
    if not isinstance(space, NUMBERS):
        raise BadInput(f"{_name(path)} is {space}: expected pictures or numbers")


def _frame_shape(box: spaces.Box) -> tuple[int, ...]:
    return box.shape if box.shape[-1] == _channels(box) else (*box.shape[1:], box.shape[0])


def _picture_reader(path: Path, box: spaces.Box) -> Callable[[Any], np.ndarray]:
    """Return what reads a picture as uint8 (H, W, C)."""
    channels = _channels(box)
    if not channels:
        raise BadInput(
            f"{_name(path)} is {box}: expected pictures (H, W), (H, W, C) or (C, H, W) with C = 1, "
            f"3 or a stack of {STACK}"
        )
    to_bytes = _bytes_reader(path, box)

    def read(observation: Any) -> np.ndarray:
        picture = to_bytes(_at(observation, path, box))
        if picture.ndim == 2:
            return picture[..., None]
        return picture if picture.shape[-1] == channels else np.moveaxis(picture, 0, -1)

    return read


def _bytes_reader(path: Path, box: spaces.Box) -> Callable[[np.ndarray], np.ndarray]:
    if box.dtype == np.uint8:
        return lambda picture: np.array(picture, np.uint8)
    low, high = float(box.low.min()), float(box.high.max())
    if not (np.isfinite([low, high]).all() and low < high):
        raise BadInput(
            f"{_name(path)} is a picture with bounds {low:g} and {high:g}: expected finite ones, "
            "which become 0 and 255"
        )

    def read(picture: np.ndarray) -> np.ndarray:
        if not np.isfinite(picture).all():
            raise NonFinite(f"{_name(path)} holds a value that is not finite")
        share = (np.asarray(picture, np.float32) - low) / (high - low)
        return np.rint(255.0 * np.clip(share, 0.0, 1.0)).astype(np.uint8)

    return read


def _vector_reader(leaves: list[tuple[Path, Any]]) -> Callable[[Any], np.ndarray]:
    def read(observation: Any) -> np.ndarray:
        parts = [_numbers(_at(observation, path, leaf), leaf) for path, leaf in leaves]
        return np.concatenate(parts, dtype=np.float32)

    return read


def _numbers(value: Any, space: Any) -> np.ndarray:
    numbers = value if isinstance(space, spaces.Box) else spaces.flatten(space, value)
    return np.ravel(np.asarray(numbers))


def _at(observation: Any, path: Path, space: Any) -> Any:
    """Return the part at a path; BadInput where it is missing or has another shape."""
    try:
        for key in path:
            observation = observation[key]
    except (KeyError, IndexError, TypeError) as error:
        raise BadInput(f"{_name(path)} of the observation space is not in observations") from error
    if isinstance(space, spaces.Box) and np.shape(observation) != space.shape:
        raise BadInput(
            f"{_name(path)} has shape {np.shape(observation)}: its space says {space.shape}"
        )
    return observation


def grey(picture: np.ndarray) -> np.ndarray:
    """Return uint8 (84, 84) of a uint8 RGB (H, W, 3), (H, W, 1) or (H, W) picture."""
    if picture.ndim == 3 and picture.shape[2] == 3:
        picture = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    picture = picture.reshape(picture.shape[:2])
    if picture.shape != (SIZE, SIZE):
        picture = cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return picture
