"""The benchmark: rows, contestants in real processes, absent peers, and the command itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from launch import benchmark
from launch.benchmarks import contest, rows, tasks
from launch.benchmarks.contest import Contestant
from launch.benchmarks.suites import gpu, scaling, standin


@pytest.mark.parametrize(
    ("ratio", "bar", "holds"),
    [
        (1.25, ">= 1.25", True),
        (1.24, ">= 1.25", False),
        (0.6, "<= 0.6", True),
        (0.61, "<= 0.6", False),
        (None, ">= 1", None),
        (2.0, "", None),
    ],
)
def test_a_bar_is_kept_or_broken(ratio, bar, holds):
    assert rows.meets(ratio, bar) is holds


def test_ratio_is_the_median_of_paired_rounds():
    row = rows.compare("s", "n", "ms", [1.0, 2.0, 4.0], [3.0, 8.0, 4.0], "peer", ">= 2")
    assert (row.ours, row.peer, row.ratio, row.holds) == (2.0, 4.0, 3.0, True)
    share = rows.compare("s", "n", "ms", [1.0, 2.0], [2.0, 4.0], "peer", "<= 0.4", inverse=True)
    assert (share.ratio, share.holds) == (0.5, False)


def test_an_absent_peer_is_said_in_the_row():
    row = rows.compare("s", "n", "ms", [1.0], f"torch {rows.NOT_INSTALLED}", "SB3", ">= 2")
    assert row.holds is row.ratio is row.peer is None
    assert "pip install -e .[bench]" in rows.table([row])


def test_contestants_take_turns_in_processes_of_their_own():
    matmul = {"library": "numpy", "size": 64}
    results = contest.run(
        [
            Contestant("a", "ours:matmul", matmul, work=10),
            Contestant("b", "ours:matmul", {**matmul, "size": 512}, {"OMP_NUM_THREADS": "1"}, 10),
        ],
        rounds=2,
    )
    small, large = (contest.column(results[name]) for name in "ab")
    assert len(small) == len(large) == 2
    assert np.median(small) < np.median(large)
    assert all(answer["cpu"] > 0 for answer in results["b"])


def test_a_missing_library_is_reported_and_the_others_run(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')\n")
    path = {"PYTHONPATH": str(tmp_path)}
    results = contest.run(
        [
            Contestant("absent", "ours:matmul", {"library": "torch", "size": 64}, path),
            Contestant("present", "ours:matmul", {"library": "numpy", "size": 64}),
        ],
        rounds=1,
    )
    assert results["absent"] == "torch not installed: pip install -e .[bench]"
    assert len(contest.column(results["present"])) == 1


def test_a_contestant_that_fails_is_named():
    with pytest.raises(RuntimeError, match="'broken' ended with status 1"):
        contest.run([Contestant("broken", "ours:matmul", {"library": "numpy", "size": -1})], 1)


@pytest.mark.slow
def test_a_contestant_that_hangs_is_killed_and_the_others_run():
    matmul = {"library": "numpy", "size": 64}
    results = contest.run(
        [
            Contestant("hung", "ours:matmul", matmul, work=10**10, patience_s=5.0),
            Contestant("works", "ours:matmul", matmul),
        ],
        rounds=1,
    )
    assert results["hung"] == "no answer within 5 s: run the suite again"
    assert len(contest.column(results["works"])) == 1


def test_the_stand_in_s_suite_says_which_row_hung(monkeypatch):
    monkeypatch.setattr(contest, "run", lambda runners, rounds: {runners[0].name: "no answer"})
    with pytest.raises(RuntimeError, match="20 NPC: no answer"):
        standin.run(2)


def test_work_of_an_update_is_what_was_counted_by_hand():
    assert tasks.gflop("pixels") == pytest.approx(32.17, abs=0.02)
    assert tasks.gflop("vector") == pytest.approx(0.4146, rel=0.01)


def test_the_command_writes_rows_and_machine(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("os.sched_setaffinity", lambda pid, cores: None)
    monkeypatch.setattr("launch.benchmarks.suites.replay._CAPACITY", 500)
    path = tmp_path / "rows.json"
    assert benchmark.main(["--suite", "replay", "--rounds", "1", "--json", str(path)]) == 0
    found = json.loads(path.read_text())
    names = {"suite", "name", "unit", "ours", "peer", "peer_name", "ratio", "bar", "holds", "why"}
    assert all(set(row) == names for row in found)
    assert found[0]["bar"] == "<= 7300"
    assert "| replay | 84 x 84 x 4, a transition |" in capsys.readouterr().out
    machine = json.loads((tmp_path / "rows.machine.json").read_text())
    assert machine["versions"]["jax"]


def test_a_missed_bar_is_explained_below_the_table():
    missed = rows.explained(rows.alone("s", "n", "ms", 3.0, "<= 2"), "the host is slow")
    kept = rows.explained(rows.alone("s", "m", "ms", 1.0, "<= 2"), "not shown")
    lines = rows.table([missed, kept]).splitlines()
    assert lines[-1] == "* s, n: the host is slow"
    assert len(lines) == 6


def test_a_missed_bar_without_a_reason_gets_the_machine_s_speed(monkeypatch):
    monkeypatch.setattr(rows, "product_gflops", lambda: 102.0)
    missed, kept = (rows.alone("s", "n", "ms", figure, "<= 2") for figure in (3.0, 1.0))
    known = rows.explained(missed, "the host is slow")
    found = rows.explain_rest([missed, kept, known])
    assert found[0].why.startswith("right after, this machine multiplied large matrices at 102 ")
    assert [row.why for row in found[1:]] == ["", "the host is slow"]


def test_the_stand_in_s_rows_tell_what_the_client_takes(monkeypatch):
    answers = [{"seconds": 4e-3, "cpu": 2e-3}, {"seconds": 4e-3, "cpu": 2e-3}]
    monkeypatch.setattr(contest, "run", lambda runners, rounds: {runners[0].name: answers})
    monkeypatch.setattr(standin, "_start_seconds", lambda rounds: 1.0)
    slow, met, met_too, start = standin.run(2)
    assert slow.ours == pytest.approx(250)
    assert slow.holds is False
    assert slow.why == (
        "of 4 ms a tick the carla client's own threads compute 2; the bar leaves "
        "1.67 for client and server"
    )
    assert (met.why, met_too.why, start.why) == ("", "", "")


def test_without_a_gpu_the_suite_says_so(monkeypatch):
    monkeypatch.setattr(gpu, "GPU", {"JAX_PLATFORMS": "no_such_platform"})
    (row,) = gpu.run(1)
    assert row.ours is row.holds is None
    assert "JAX sees no GPU" in rows.table([row])


def test_rows_of_a_gpu_are_held_against_sb3_and_the_card_s_products():
    def answer(seconds):
        return [{"seconds": seconds}]

    results = {
        "float32": answer(2e-3),
        "awaited": answer(3e-3),
        "bfloat16": answer(1.5e-3),
        "calls": answer(1e-3),
        "sb3": answer(12e-3),
        "product float32": answer(22e-3),
        "product bfloat16": answer(2e-3),
    }
    assert {c.name for c in gpu.contestants()} == set(results)
    found = gpu.rows(results, "a card")
    assert (found[0].ratio, found[0].holds, found[0].peer_name) == (
        pytest.approx(6.0),
        True,
        "SB3 as it comes, a card",
    )
    assert (found[4].ours, found[4].unit) == (pytest.approx(1000.0), "updates/s")
    # 32.17 GFLOP in 2 ms are 16.1 TFLOP/s; the product's 1,100 GFLOP in 22 ms are 50.
    assert found[5].ours == pytest.approx(16.08, abs=0.02)
    assert found[5].ratio == pytest.approx(16.08 / 49.98, abs=0.002)


@pytest.mark.slow
def test_an_update_that_is_awaited_runs():
    options = {"task": "vector", "batch_size": 8, "awaited": True}
    results = contest.run([Contestant("update", "ours:update", options, work=3)], 1)
    assert contest.column(results["update"])[0] > 0


@pytest.mark.parametrize("wrong", [["--rounds", "0"], ["--json", "/no/such/folder/rows.json"]])
def test_the_command_refuses_with_one_line(wrong, capsys):
    assert benchmark.main(["--suite", "replay", *wrong]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_scaling_curve_is_drawn(tmp_path):
    path = scaling.plot(scaling.CURVES[0], {32: 20.0, 512: 300.0}, tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")
