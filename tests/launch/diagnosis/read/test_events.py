"""Event files as they come: whole, resumed, cut short, empty, garbage, huge, foreign."""

from __future__ import annotations

import resource
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_runs import write_events
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util
from tensorboardX import SummaryWriter

from launch.diagnosis.plots import plot_q_values
from launch.diagnosis.read.columns import Scalars, Unreadable, join_sessions
from launch.diagnosis.read.events import read_event_file
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.read.records import masked_crc
from launch.diagnosis.read.tables import read_csv
from launch.diagnosis.series import curve, thin
from launch.diagnosis.tags import (
    FOREIGN_TAGS,
    GROUPS,
    derive_scalars,
    last_step,
    read_tag_map,
    rename,
)


@pytest.fixture(scope="module")
def event_file(tmp_path_factory) -> Path:
    """300 points of one tag, 30 of another, a histogram, a text and an image between them."""
    folder = tmp_path_factory.mktemp("events")
    with SummaryWriter(str(folder)) as writer:
        for step in range(300):
            writer.add_scalar("debug/actor_q_mean", step / 2, step, walltime=1000.0 + step)
            if step % 10 == 0:
                writer.add_scalar("train/actor_loss", -step, step, walltime=1000.0 + step)
        writer.add_histogram("weights", np.arange(10.0), 5)
        writer.add_text("note", "hello", 5)
        writer.add_image("frame", np.zeros((1, 4, 4), np.uint8), 5)
    return next(folder.glob("*tfevents*"))


def test_reads_what_the_writer_wrote(event_file):
    result = read_event_file(event_file)
    steps, values, wall = result.series["debug/actor_q_mean"]
    np.testing.assert_array_equal(steps, np.arange(300))
    np.testing.assert_allclose(values, np.arange(300) / 2)
    np.testing.assert_allclose(wall, 1000.0 + np.arange(300))
    np.testing.assert_array_equal(result.series["train/actor_loss"].values, -np.arange(0, 300, 10))
    assert set(result.series) == {"debug/actor_q_mean", "train/actor_loss"}
    assert result.warnings == ()


def test_agrees_with_tensorboards_own_loader(event_file):
    theirs = [
        (event.step, float(tensor_util.make_ndarray(value.tensor)))
        for event in EventFileLoader(str(event_file)).Load()
        for value in event.summary.value
        if value.tag == "debug/actor_q_mean"
    ]
    ours = read_event_file(event_file).series["debug/actor_q_mean"]
    assert theirs == list(zip(ours.steps.tolist(), ours.values.tolist(), strict=True))


def test_non_finite_values_survive(tmp_path):
    values = {"train/actor_loss": curve([1, 2, 3], [1.0, np.nan, np.inf], [1, 2, 3])}
    read = read_event_file(write_events(tmp_path, values)).series["train/actor_loss"].values
    assert read[0] == 1.0
    assert np.isnan(read[1])
    assert np.isposinf(read[2])


def test_a_scalar_written_as_a_tensor_is_read(tmp_path):
    tensor = tensor_util.make_tensor_proto(np.float32(3.5))
    value = Summary.Value(tag="train/critic_loss", tensor=tensor)
    value.metadata.plugin_data.plugin_name = "scalars"
    curve_of = Summary.Value(tag="pr", tensor=tensor_util.make_tensor_proto(np.zeros((2, 3))))
    event = Event(step=7, wall_time=1.0, summary=Summary(value=[value, curve_of]))
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(_frame([event.SerializeToString()]))
    series = read_event_file(path).series
    assert set(series) == {"train/critic_loss"}
    assert series["train/critic_loss"].values.tolist() == [3.5]


def _frame(payloads: list[bytes]) -> bytes:
    def crc(data: bytes) -> bytes:
        return masked_crc(np.frombuffer(data, np.uint8)[None])[0].tobytes()

    parts = []
    for payload in payloads:
        head = struct.pack("<Q", len(payload))
        parts += [head, crc(head), payload, crc(payload)]
    return b"".join(parts)


@given(cut=st.integers(0, 400))
@settings(max_examples=20, deadline=None)
def test_a_file_cut_anywhere_gives_a_prefix_and_one_warning(event_file, cut):
    data = event_file.read_bytes()
    path = event_file.parent / "cut"
    path.write_bytes(data[: len(data) - cut])
    result = read_event_file(path)
    whole = read_event_file(event_file).series["debug/actor_q_mean"]
    steps = result.series["debug/actor_q_mean"].steps
    np.testing.assert_array_equal(steps, whole.steps[: steps.size])
    assert len(result.warnings) <= 1
    assert all("cut short" in line for line in result.warnings)
    path.unlink()


@given(at=st.integers(200, 15_000), bit=st.integers(0, 7))
@settings(max_examples=15, deadline=None)
def test_a_flipped_bit_never_passes_unnoticed(event_file, at, bit):
    data = bytearray(event_file.read_bytes())
    at = at % len(data)
    data[at] ^= 1 << bit
    path = event_file.parent / "flipped"
    path.write_bytes(bytes(data))
    result = read_event_file(path)
    assert any("damaged" in line or "cut short" in line for line in result.warnings)
    whole = read_event_file(event_file).series
    for tag, values in result.series.items():
        known = dict(zip(whole[tag].steps.tolist(), whole[tag].values.tolist(), strict=True))
        assert all(
            known[step] == value
            for step, value in zip(values.steps.tolist(), values.values.tolist(), strict=True)
        )
    path.unlink()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty file"),
        (b"hello, this is no event file at all\n" * 50, "damaged record at byte 0"),
        (np.random.default_rng(0).bytes(200_000), "damaged record at byte 0"),
        (b"\x00" * 5000, "damaged record at byte 0"),
        (b"\x05", "cut short at byte 0"),
    ],
    ids=["empty", "text", "noise", "zeros", "stub"],
)
def test_worthless_files_are_named(tmp_path, data, words):
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(data)
    result = read_event_file(path)
    assert result.series == {}
    assert any(words in line for line in result.warnings)
    assert all("\n" not in line for line in result.warnings)
    with pytest.raises(Unreadable, match="no scalars could be read"):
        read_run(tmp_path)


def test_a_missing_path_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(Unreadable, match="no such file"):
        read_run(tmp_path / "nowhere")
    with pytest.raises(Unreadable, match="no event file"):
        read_run(tmp_path)


def huge_file(path: Path, points: int) -> None:
    """An event file of `points` scalars, stamped out from one event that protobuf made."""
    first = 1 << 14  # steps whose varint takes three bytes
    value = Summary.Value(tag="debug/actor_q_mean", simple_value=1.0)
    event = Event(step=first, wall_time=1.0, summary=Summary(value=[value]))
    record = np.frombuffer(_frame([event.SerializeToString()]), np.uint8)
    table = np.tile(record, (points, 1))
    steps = first + np.arange(points)
    body = bytes(record[12:-4])
    at = 12 + body.index(b"\x10\x80\x80\x01") + 1
    for byte in range(3):
        table[:, at + byte] = (steps >> (7 * byte) & 0x7F) | (0x80 if byte < 2 else 0)
    values = 50 + 10 * np.sin(np.arange(points) / 1e4)
    values[points // 3] = 777.0
    place = 12 + body.rindex(np.float32(1.0).tobytes())
    table[:, place : place + 4] = values.astype("<f4").view(np.uint8).reshape(points, 4)
    table[:, -4:] = masked_crc(table[:, 12:-4]).view(np.uint8).reshape(points, 4)
    head = Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString()
    path.write_bytes(_frame([head]) + table.tobytes())


@pytest.mark.slow
def test_a_long_file_is_read_in_bounded_memory(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    huge_file(path, 300_000)
    loader = EventFileLoader(str(path)).Load()
    next(loader)
    for index in range(50):
        event = next(loader)
        assert event.step == (1 << 14) + index
        assert float(tensor_util.make_ndarray(event.summary.value[0].tensor)) > 49.0

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values = read_event_file(path).series["debug/actor_q_mean"]
    assert values.steps.size == 300_000
    assert values.values.max() == 777.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB

    few = read_event_file(path, max_points=10_000)
    kept = few.series["debug/actor_q_mean"]
    assert kept.steps.size <= 20_000
    assert kept.values.max() == 777.0
    assert any("thinned" in line for line in few.warnings)

    picture = plot_q_values({"debug/actor_q_mean": values}, tmp_path / "q.png")
    assert picture is not None
    assert picture.stat().st_size > 5000


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(np.inf), min_size=1, max_size=400),
    st.integers(8, 60),
)
@settings(max_examples=30, deadline=None)
def test_thinning_keeps_extremes_ends_and_faults(values, limit):
    whole = curve(np.arange(len(values)), values)
    few = thin(whole, limit)
    assert few.steps.size <= 2 * limit
    assert few.steps[0] == 0
    assert few.steps[-1] == len(values) - 1
    finite = whole.finite().values
    if finite.size:
        assert few.finite().values.max() == finite.max()
        assert few.finite().values.min() == finite.min()
    assert np.isnan(few.values).any() == np.isnan(whole.values).any() or np.isinf(few.values).any()
    assert np.all(np.diff(few.steps) > 0)


def test_a_resumed_run_replaces_what_it_repeats():
    first = {"a": curve([1, 2, 3, 4], [1, 1, 1, 1]), "b": curve([1], [5])}
    second = {"a": curve([3, 4, 5], [2, 2, 2])}
    joined = join_sessions([Scalars(first, (), ()), Scalars(second, (), ())])
    assert joined["a"].steps.tolist() == [1, 2, 3, 4, 5]
    assert joined["a"].values.tolist() == [1, 1, 2, 2, 2]
    assert joined["b"].values.tolist() == [5]


def test_a_resumed_session_purges_what_it_never_repeats(tmp_path):
    with SummaryWriter(str(tmp_path), filename_suffix=".a") as writer:
        for step in (100, 200, 300):
            writer.add_scalar("train/actor_loss", step, step, walltime=step)
        writer.add_scalar("eval/return", 7.0, 250, walltime=250)
    with SummaryWriter(str(tmp_path), purge_step=201, filename_suffix=".b") as writer:
        writer.add_scalar("train/actor_loss", 1.0, 400, walltime=1000)
    run = read_run(tmp_path)
    assert run.series["train/actor_loss"].values.tolist() == [100, 200, 1]
    assert "eval/return" not in run.series


def test_sessions_in_one_folder_are_one_run_and_folders_are_not(tmp_path):
    early = {"train/actor_loss": curve([100, 200, 300], [1, 2, 3], [10, 20, 30])}
    late = {"train/actor_loss": curve([200, 300, 400], [7, 8, 9], [100, 110, 120])}
    write_events(tmp_path / "one", early)
    for path in (tmp_path / "one").glob("*tfevents*"):
        path.rename(path.with_name("events.out.tfevents.2.first"))
    write_events(tmp_path / "two", late)
    source = next((tmp_path / "two").glob("*tfevents*"))
    target = tmp_path / "one" / "events.out.tfevents.1.second"
    target.write_bytes(source.read_bytes())
    run = read_run(tmp_path / "one")
    assert run.series["train/actor_loss"].values.tolist() == [1, 7, 8, 9]
    with pytest.raises(Unreadable, match="several runs beneath it"):
        read_run(tmp_path)


def test_folders_with_different_tags_are_one_run(tmp_path):
    write_events(tmp_path / "train", {"train/actor_loss": curve([1, 2], [1, 2], [1, 2])})
    write_events(tmp_path / "eval", {"eval/return": curve([1, 2], [1, 2], [1, 2])})
    assert {"train/actor_loss", "eval/return"} <= set(read_run(tmp_path).series)


def test_csv_wide_long_and_spinning_up(tmp_path):
    wide = tmp_path / "metrics.csv"
    wide.write_text("step,train/actor_loss,debug/q1_mean\n100,-3,\n200,-4,nan\n300,x,5\n")
    series = read_csv(wide).series
    assert series["train/actor_loss"].values.tolist() == [-3, -4]
    assert series["debug/q1_mean"].steps.tolist() == [200, 300]
    assert read_run(tmp_path).series["debug/actor_q_mean"].values.tolist() == [3, 4]

    long = tmp_path / "long.csv"
    long.write_text("tag,step,value\ntrain/actor_loss,5,1.5\n")
    assert read_csv(long).series["train/actor_loss"].steps.tolist() == [5]

    tabs = tmp_path / "progress.txt"
    tabs.write_text("TotalEnvInteracts\tLossPi\tAverageQ1Vals\n4000\t-7\t6.5\n")
    renamed = rename(read_csv(tabs).series)
    assert renamed["train/actor_loss"].values.tolist() == [-7]
    assert renamed["train/q1_value"].values.tolist() == [6.5]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"a,b\n1,2\n", "no step column"), (b"\xff\xfe\x00step", "not a CSV|no step column")],
)
def test_a_csv_without_steps_is_named(tmp_path, data, words):
    path = tmp_path / "metrics.csv"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=words):
        read_csv(path)


def test_every_foreign_tag_maps_to_a_name_of_ours():
    assert all(ours.startswith(GROUPS) for ours in FOREIGN_TAGS.values())
    assert not any(theirs in FOREIGN_TAGS.values() for theirs in FOREIGN_TAGS)


def test_stable_baselines_and_cleanrl_logs_read_as_ours(tmp_path):
    sb3 = {
        "rollout/ep_rew_mean": curve([100, 200], [1, 2], [1, 2]),
        "train/actor_loss": curve([100, 200], [-5, -6], [1, 2]),
        "train/n_updates": curve([100, 200], [50, 150], [1, 2]),
    }
    write_events(tmp_path / "sb3", sb3)
    run = read_run(tmp_path / "sb3")
    assert run.series["train/episode_reward"].values.tolist() == [1, 2]
    assert run.series["agent/total_iterations"].values.tolist() == [50, 150]
    assert run.series["debug/actor_q_mean"].values.tolist() == [5, 6]
    assert "debug/actor_q_mean" in run.derived

    cleanrl = {
        "charts/episodic_return": curve([100], [9], [1]),
        "losses/qf1_values": curve([100], [4], [1]),
        "charts/SPS": curve([100], [300], [1]),
    }
    write_events(tmp_path / "cleanrl", cleanrl)
    run = read_run(tmp_path / "cleanrl")
    assert run.series["train/episode_reward"].values.tolist() == [9]
    assert run.series["debug/q1_mean"].values.tolist() == [4]
    assert run.foreign == ("charts/SPS",)


def test_a_tag_map_names_what_is_unknown(tmp_path):
    write_events(tmp_path / "run", {"my/loss": curve([1, 2], [-3, -4], [1, 2])})
    with pytest.raises(Unreadable, match="--tag_map"):
        read_run(tmp_path / "run")
    table = tmp_path / "map.json"
    table.write_text('{"my/loss": "train/actor_loss"}')
    run = read_run(tmp_path / "run", read_tag_map(table))
    assert run.series["train/actor_loss"].values.tolist() == [-3, -4]


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "not JSON"), ("[1]", "expected a JSON object"), ('{"a": "b"}', "no name of ours")],
)
def test_a_bad_tag_map_is_one_clear_line(tmp_path, text, words):
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=words) as caught:
        read_tag_map(path)
    assert "\n" not in str(caught.value)


def test_config_is_read_and_a_broken_one_is_named(tmp_path):
    write_events(tmp_path, {"train/actor_loss": curve([1, 2], [1, 2], [1, 2])})
    (tmp_path / "config.json").write_text('{"agent": {"discount": 0.9, "tau": 0.001}, "seed": 1}')
    run = read_run(tmp_path)
    assert run.facts.discount == 0.9
    assert run.facts.tau == 0.001
    (tmp_path / "config.json").write_text("{")
    run = read_run(tmp_path)
    assert run.config is None
    assert any("config.json" in line for line in run.warnings)


def test_last_step_ignores_episode_numbers():
    series = {
        "train/episode_reward": curve([1, 90_000], [1, 1]),
        "debug/actor_q_mean": curve([100, 5000], [1, 1]),
    }
    assert last_step(series) == 5000
    assert last_step({"train/episode_reward": series["train/episode_reward"]}) == 90_000


def test_critic_loss_is_the_sum_of_its_two():
    parts = {f"train/critic_{i}_loss": curve([1, 2], [i, i]) for i in (1, 2)}
    full, derived = derive_scalars(parts)
    assert full["train/critic_loss"].values.tolist() == [3, 3]
    assert derived == ("train/critic_loss",)
