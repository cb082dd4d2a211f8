"""Videos as MP4 (H.264, yuv420p), which every browser plays.

The encoder is a process of ours: imageio_ffmpeg.write_frames forks with a function to run in the
child, which can hang in a process with threads, and does not tell whether the encoder failed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np

_SILENT = "the encoder ended without a word: see free memory, or go without (--norecord_video)"


class VideoFailed(OSError):
    """The encoder failed; `strerror` is the line that tells of a full disk, or its last one."""


def encoder_failed(said: str, path: Path) -> VideoFailed:
    """Return the failure of an encoder by what it said, a file's name included."""
    lines = said.strip().splitlines()
    # The encoder tells the cause first, then what follows from it.
    told = [line for line in lines if os.strerror(errno.ENOSPC) in line] or lines[-1:]
    return VideoFailed(None, told[0] if told else _SILENT, str(path))


class Video:
    """Frames uint8 (H, W, 3) into a file, which appears when `close` is called, or not at all."""

    def __init__(self, path: Path, frames_per_second: float) -> None:
        self.path, self.frames = path, 0
        self._fps = frames_per_second
        self._part = path.with_name(f".{path.stem}.part.mp4")
        self._encoder: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._shape = (0, 0)

    def add(self, frame: np.ndarray) -> None:
        """One picture; sides are cut to even numbers, which the format asks for."""
        height, width = (side - side % 2 for side in frame.shape[:2])
        if self._encoder is None:
            self._shape = (height, width)
            self._start()
        if (height, width) != self._shape:
            raise ValueError(f"frame of {height}x{width} in a video of {self._shape}")
        assert self._encoder is not None
        assert self._encoder.stdin is not None
        try:
            self._encoder.stdin.write(np.ascontiguousarray(frame[:height, :width]).tobytes())
        except BrokenPipeError:
            raise self._failure() from None
        self.frames += 1

    def _start(self) -> None:
        height, width = self._shape
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        coded = [
            "-an",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-preset",
            "veryfast",
            "-crf",
            "29",
        ]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._encoder = subprocess.Popen(
            [
                imageio_ffmpeg.get_ffmpeg_exe(),
                "-y",
                "-loglevel",
                "error",
                "-nostdin",
                *raw,
                "-r",
                f"{self._fps:g}",
                "-i",
                "-",
                *coded,
                "-threads",
                "2",
                "-movflags",
                "+faststart",
                str(self._part),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for us
        )

    def close(self) -> Path | None:
        """End the file; its path, or None without a frame. VideoFailed if the encoder failed."""
        if self._encoder is None:
            return None
        assert self._encoder.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._encoder.stdin.close()
        if self._encoder.wait() != 0:
            raise self._failure()
        self._encoder = None
        self._close_log()
        os.replace(self._part, self.path)
        return self.path

    def _failure(self) -> VideoFailed:
        assert self._log is not None
        self._log.seek(0)
        said = self._log.read().decode(errors="replace")
        self.discard()
        return encoder_failed(said, self.path)

    def discard(self) -> None:
        """Leave nothing behind; what is added then begins a new video."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            encoder.kill()
            encoder.wait()
            assert encoder.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                encoder.stdin.close()
        self._close_log()
        self._part.unlink(missing_ok=True)
        self.frames = 0

    def _close_log(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            log.close()


@contextlib.contextmanager
def kept(video: Video) -> Iterator[Video]:
    """Close the video at the end of the block; discard it where an exception ends the block."""
    try:
        yield video
        video.close()
    finally:
        video.discard()
