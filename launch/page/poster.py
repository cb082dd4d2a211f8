"""A picture to show where a video has not been started, and on paper."""

from __future__ import annotations

import subprocess
from pathlib import Path


def poster(video: Path) -> bytes | None:
    """A frame from the first seconds as JPEG; None without ffmpeg, or of a video that is none."""
    try:
        import imageio_ffmpeg  # absent where only logs are judged

        encoder = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        return None
    for second in ("3", "0"):
        words = [encoder, "-loglevel", "error", "-nostdin", "-ss", second, "-i", str(video)]
        words += ["-frames:v", "1", "-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "4", "-"]
        done = subprocess.run(words, capture_output=True, check=False)
        if done.stdout:
            return done.stdout
    return None
