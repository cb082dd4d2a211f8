"""What TensorBoard shows of a run beside its scalars: settings, the charts to look at first, and
pictures of the evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import custom_scalars, hparams, text

from launch.config.run import RunConfig
from launch.config.tree import get_leaf, leaves
from launch.files import markdown_table

OUTCOMES = ("eval/return", "eval/success", "eval/driving_score", "eval/collisions")
#: Of the tab "Custom scalars", in this order: title -> its charts -> their scalars.
FIRST: dict[str, dict[str, tuple[str, ...]]] = {
    "1. Does it learn?": {
        "returns": ("train/episode_reward", "eval/return"),
        "episode length": ("train/episode_length",),
        "driving score": ("eval/driving_score",),
    },
    "2. Is it healthy?": {
        "Q of actor and replay": ("debug/actor_q_mean", "debug/q1_mean", "debug/target_q_mean"),
        "gradient that bypasses the action": ("health/actor_bypass",),
        "largest gradient": ("gradients/norm_max",),
        "actions at their bounds": ("health/action_saturation",),
        "TD errors": ("debug/td_error_q1", "debug/td_error_q2"),
    },
    "3. How fast?": {
        "a second": ("time/steps_per_second", "time/updates_per_second"),
    },
}
_SIDE, _ACROSS, _PICTURES = 320, 3, 6


def settings(config: RunConfig) -> Iterator[Summary]:
    """Yield the run's options as text and as hyperparameters, and the layout of its charts."""
    known = leaves(RunConfig).values()
    options = {leaf.name: get_leaf(config, leaf) for leaf in known}
    flat = {n: _listed(v) if isinstance(v, tuple) else v for n, v in options.items()}
    rows = ((f"`--{name}`", value) for name, value in flat.items())
    yield text("settings", "\n".join(markdown_table(("option", "value"), rows)))
    yield from hparams(flat, dict.fromkeys(OUTCOMES))
    charts = {
        title: {name: ["Multiline", list(tags)] for name, tags in each.items()}
        for title, each in FIRST.items()
    }
    yield custom_scalars(charts)


def _listed(values: tuple[object, ...]) -> str:
    return ",".join(map(str, values))


def picture(tag: str, pixels: np.ndarray) -> Summary:
    """Return a picture, uint8 (H, W, 3) in the order blue, green, red."""
    done, coded = cv2.imencode(".jpg", pixels)
    assert done
    height, width, channels = pixels.shape
    image = Summary.Image(
        height=height, width=width, colorspace=channels, encoded_image_string=coded.tobytes()
    )
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def film_strip(video: Path) -> np.ndarray | None:
    """Return six pictures of a video, evenly over its length, in the order blue, green, red;
    uint8 (H, W, 3), or None where it cannot be read."""
    source = cv2.VideoCapture(str(video))
    try:
        count = int(source.get(cv2.CAP_PROP_FRAME_COUNT))
        wanted = {int(at) for at in np.linspace(0, max(count - 1, 0), _PICTURES)}
        read = (source.read()[1] for _ in range(count))
        frames = [frame for at, frame in enumerate(read) if at in wanted and frame is not None]
    finally:
        source.release()
    return _tiled(frames, cv2.INTER_AREA) if frames else None


def seen_strip(
    observations: Sequence[Mapping[str, np.ndarray]], channels: int
) -> np.ndarray | None:
    """Return six of the pictures that a policy saw, as `film_strip`, or None where it saw none.

    channels: of one frame of its stacks, 1 = grey, 3 = red, green, blue.
    """
    if channels not in (1, 3) or not observations or "image" not in observations[0]:
        return None
    wanted = sorted({int(at) for at in np.linspace(0, len(observations) - 1, _PICTURES)})
    newest = [observations[at]["image"][..., -channels:] for at in wanted]
    frames = [np.broadcast_to(frame[..., ::-1], (*frame.shape[:2], 3)) for frame in newest]
    return _tiled([np.ascontiguousarray(frame) for frame in frames], cv2.INTER_NEAREST)


def _tiled(frames: Sequence[np.ndarray], interpolation: int) -> np.ndarray:
    height = max(round(_SIDE * frames[0].shape[0] / frames[0].shape[1]), 1)
    small = [cv2.resize(frame, (_SIDE, height), interpolation=interpolation) for frame in frames]
    small += [np.zeros_like(small[0])] * (-len(small) % _ACROSS)
    rows = [np.hstack(small[at : at + _ACROSS]) for at in range(0, len(small), _ACROSS)]
    return np.vstack(rows)
