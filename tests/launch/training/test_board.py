"""TensorBoard shows settings, charts and pictures beside scalars; --track=wandb writes a copy."""

from __future__ import annotations

import importlib.util
import json
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from run_support import ROOT, as_flags
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from launch.config.run import RunConfig, resolve
from launch.config.tree import replace_leaves
from launch.diagnosis.read.logs import read_run
from launch.errors import BadInput
from launch.training import board
from launch.training.scalars import ScalarWriter, read_rows
from launch.training.video import Video
from tests.launch.diagnosis.test_scalar_docs import documented

HAS_WANDB = importlib.util.find_spec("wandb") is not None


@pytest.fixture
def written(tmp_path: Path) -> EventAccumulator:
    """The events of a writer that got settings, a scalar and a picture."""
    writer = ScalarWriter(tmp_path)
    writer.settings(0, replace_leaves(RunConfig(), {"town": "Town02", "hidden_sizes": (8, 4)}))
    writer.write(100, {"debug/q1_mean": 2.5})
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[..., 2] = 200  # red
    writer.picture(100, "evaluation/drive", pixels)
    writer.close()
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0})
    return events.Reload()


def test_settings_are_shown_as_text(written):
    (event,) = written.Tensors("settings/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    assert "| `--town` | Town02 |" in text
    assert "| `--hidden_sizes` | 8,4 |" in text


def test_settings_are_hyperparameters(written):
    content = written.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    found = HParamsPluginData.FromString(content).session_start_info.hparams
    assert found["town"].string_value == "Town02"
    assert found["discount"].number_value == 0.99
    assert found["privileged"].bool_value is False


def test_the_first_charts_are_of_known_scalars(written):
    (event,) = written.Tensors("custom_scalars__config__")
    layout = Layout.FromString(event.tensor_proto.string_val[0])
    tags = [tag for part in layout.category for chart in part.chart for tag in chart.multiline.tag]
    assert tags[:2] == ["train/episode_reward", "eval/return"]
    assert {*tags, *board.OUTCOMES} <= set(documented())


def test_a_picture_keeps_its_size_and_colours(written):
    (image,) = written.Images("evaluation/drive")
    assert (image.step, image.height, image.width) == (100, 20, 30)
    shown = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    blue, _, red = shown.mean(axis=(0, 1))
    assert red > 180.0
    assert blue < 20.0


def test_what_is_no_scalar_leaves_the_scalars_readable(written, tmp_path):
    (tmp_path / "metrics.csv").unlink()
    series = read_run(tmp_path).series
    assert set(series) == {"debug/q1_mean", "train/q1_value"}  # two names of one scalar
    assert series["debug/q1_mean"].values.tolist() == [2.5]


def test_six_pictures_of_a_video_in_their_order(tmp_path):
    video = Video(tmp_path / "drive.mp4", 10.0)
    for level in range(0, 240, 4):
        video.add(np.full((64, 96, 3), level, np.uint8))
    video.close()
    strip = board.film_strip(tmp_path / "drive.mp4")
    height, width = strip.shape[0] // 2, strip.shape[1] // 3
    middles = strip[height // 2 :: height, width // 2 :: width].mean(axis=2).ravel()
    assert middles.size == 6
    assert np.all(np.diff(middles) > 30.0)


@pytest.mark.parametrize("channels", [1, 3])
def test_six_of_the_newest_pictures_that_were_seen(channels):
    shape = (8, 8, 4 * channels)
    seen = [{"image": np.full(shape, level, np.uint8)} for level in range(0, 250, 10)]
    for observation in seen:
        observation["image"][..., :-channels] = 255  # older frames of the stack
    strip = board.seen_strip(seen, channels)
    assert strip.shape == (640, 960, 3)
    assert strip[160::320, 160::320].mean(axis=2).ravel().tolist() == [0, 40, 90, 140, 190, 240]
    assert board.seen_strip([{"vector": np.zeros(2)}], channels) is None


def test_what_was_seen_keeps_its_colours():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    assert board.seen_strip([{"image": red}], 3)[100, 100].tolist() == [0, 0, 200]


def test_a_video_that_cannot_be_read_has_no_pictures(tmp_path):
    (tmp_path / "drive.mp4").write_bytes(b"nothing")
    assert board.film_strip(tmp_path / "drive.mp4") is None


@pytest.mark.skipif(HAS_WANDB, reason="wandb is installed")
def test_wandb_that_is_not_installed_is_told_at_once():
    with pytest.raises(BadInput, match=r"--track=wandb: .* pip install 'td3jax\[wandb\]'"):
        resolve(replace_leaves(RunConfig(), {"track": "wandb"}))


def records(path: Path) -> list[bytes]:
    """The records of a file of wandb: a head of 7 bytes, then LevelDB's log format."""
    data, at, found = path.read_bytes(), 7, []
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", data[at : at + 7])
        part = data[at + 7 : at + 7 + size]
        if kind in (1, 2):  # whole, or the first part
            found.append(part)
        else:
            found[-1] += part
        at += 7 + size
    return found


@pytest.mark.skipif(not HAS_WANDB, reason="wandb is not installed")
def test_wandb_gets_what_the_table_has(tmp_path):
    folder = tmp_path / "run"
    flags = as_flags(track="wandb", steps=60, log_every=20, eval_every=0)
    words = [sys.executable, "-m", "launch.train", *flags, f"--run_dir={folder}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    parsed = [Record.FromString(record) for record in records(path)]
    rows: dict[int, dict[str, float]] = {}
    for record in parsed:
        row = {
            item.key or "/".join(item.nested_key): json.loads(item.value_json)
            for item in record.history.item
        }
        if row:
            rows.setdefault(row.pop("environment_step"), {}).update(row)
    for step, scalars in read_rows(folder):
        known = {tag: value for tag, value in scalars.items() if np.isfinite(value)}
        assert {tag: rows[step][tag] for tag in known} == pytest.approx(known)
    settings = {item.key: item.value_json for r in parsed for item in r.run.config.update}
    assert json.loads(settings["loop"])["track"] == "wandb"


@pytest.mark.skipif(not HAS_WANDB, reason="wandb is not installed")
def test_a_fault_of_wandb_ends_the_copy_alone(tmp_path, capsys):
    from launch.training.wandb_run import WandbRun

    copy = WandbRun(tmp_path, RunConfig())
    copy._run.finish()  # as if its process had ended: it takes nothing more
    copy.scalars(1, {"debug/q1_mean": 2.5})
    copy.scalars(2, {"debug/q1_mean": 2.5})
    copy.close()
    assert capsys.readouterr().out.count("nothing more is copied there") == 1


@pytest.mark.skipif(not HAS_WANDB, reason="wandb is not installed")
def test_wandb_that_does_not_start_is_told_with_what_to_do(tmp_path, monkeypatch):
    from launch.training.wandb_run import WandbRun

    monkeypatch.setenv("WANDB_MODE", "nonsense")
    with pytest.raises(BadInput, match="WANDB_MODE=offline"):
        WandbRun(tmp_path, RunConfig())
