"""A short GIF of a video, for a README."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from launch.training.video import VideoFailed, encoder_failed

SECONDS = 8.0
WIDTH = 480
MOST_BYTES = 3_000_000
#: Frames a second and colours, from the best on, until the file is small enough.
QUALITIES = ((12, 128), (10, 112), (8, 96), (8, 64), (6, 48), (5, 32))


def liveliest(points: Sequence[tuple[float, float, float]], step: float) -> float:
    """Return the second from which a drive changes its speed and heading most in `SECONDS`.

    points: (x m, y m, speed) after each step of `step` seconds.
    """
    places = np.array([point[:2] for point in points], float).reshape(-1, 2)
    changes = np.linalg.norm(np.diff(places, n=2, axis=0), axis=1)
    window = max(1, round(SECONDS / step))
    if len(changes) <= window:
        return 0.0
    sums = np.convolve(changes, np.ones(window), "valid")
    return float(np.argmax(sums)) * step


def write_gif(video: Path, out: Path, start: float, most: int = MOST_BYTES) -> None:
    """Write `SECONDS` of a video, `WIDTH` wide and below `most` bytes; VideoFailed if it cannot."""
    part = out.with_name(f".{out.stem}.part.gif")
    try:
        for rate, colours in QUALITIES:
            _convert(video, part, start, rate, colours)
            if part.stat().st_size < most:
                os.replace(part, out)
                return
    finally:
        part.unlink(missing_ok=True)
    raise VideoFailed(None, f"no GIF of {SECONDS:g} s is below {most:,} bytes", str(out))


def _convert(video: Path, out: Path, start: float, rate: int, colours: int) -> None:
    pace = f"fps={rate},scale={WIDTH}:-2:flags=lanczos,split[a][b]"
    palette = f"[a]palettegen=max_colors={colours}:stats_mode=diff[p]"
    chain = f"{pace};{palette};[b][p]paletteuse=dither=bayer:bayer_scale=5:diff_mode=rectangle"
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-nostdin"]
    words += ["-ss", f"{start:g}", "-t", f"{SECONDS:g}", "-i", str(video)]
    words += ["-filter_complex", chain, "-threads", "2", str(out)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not out.is_file():
        raise encoder_failed(done.stderr, out)
