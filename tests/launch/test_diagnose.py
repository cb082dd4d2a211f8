"""`td3jax diagnose` as a user runs it, and the staged protocol."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import synthetic_runs
from synthetic_runs import write_events

from launch import validate
from launch.diagnose import diagnose, main, summary
from launch.diagnosis.examine import examine
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.report import own_names
from launch.diagnosis.series import Curve, curve
from launch.diagnosis.verdict import GO, NO_GO
from launch.studies.validation import Gate, exit_code, run_protocol, train_command


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of other people's logs are written into the folder that the command is started in."""
    monkeypatch.chdir(tmp_path_factory.mktemp("here"))


class Done(NamedTuple):
    """What a command left: exit code and output."""

    returncode: int
    stdout: str
    stderr: str


def command(main: Callable[[list[str]], int], *arguments: object) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, arguments)])
    return Done(code, out.getvalue(), err.getvalue())


@pytest.mark.parametrize("number", range(5))
def test_each_reports_event_file_is_no_go_by_the_leak(tmp_path, number):
    write_events(tmp_path, synthetic_runs.report_series(number))
    found = examine(tmp_path)
    assert found.verdict.decision == NO_GO
    assert found.causes[0].name == "feature_leak"


def test_command_line_prints_the_verdict_cause_and_slope_of_report_2(tmp_path):
    logs = tmp_path / "logs"
    write_events(logs, synthetic_runs.report_series(2))
    result = command(main, f"--run_dir={logs}", f"--out_dir={tmp_path / 'out'}")
    assert result.returncode == 3, result.stderr
    assert result.stdout.startswith("NO-GO (5,000 steps, 5K gate)")
    assert "likely cause, score" in result.stdout
    assert "feature leak" in result.stdout
    assert "to the power 5.6 between steps 2,800 and 5,000" in result.stdout
    assert "not logged: " in result.stdout
    assert "try first: " in result.stdout
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"report.md", "report.json", "q_values.png", "losses.png", "returns.png"} <= names
    table = json.loads((tmp_path / "out" / "report.json").read_text())
    assert table["decision"] == "NO-GO"
    assert table["likely_causes"][0] == "feature_leak"
    assert (tmp_path / "out" / "report.md").read_text().startswith("# NO-GO\n")


def test_command_line_go_with_limits_and_a_stage(tmp_path):
    write_events(tmp_path, synthetic_runs.healthy())
    (tmp_path / "config.json").write_text('{"agent": {"discount": 0.99}}')
    good = command(main, f"--run_dir={tmp_path}", "--stage=5K")
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.startswith("GO (")
    assert (tmp_path / "diagnosis" / "report.md").is_file()
    strict = command(
        main,
        f"--run_dir={tmp_path}",
        "--limits=critic_loss=0.001",
        "--limits=form=absolute",
    )
    assert strict.returncode == 3


def test_the_log_s_own_names_are_told():
    log = Path(__file__).parent / "data" / "conditions" / "overestimation-cleanrl-pendulum-4"
    found = examine(log)
    assert summary(found)[-1] == "note: in this log debug/q1_mean is losses/qf1_values"
    (told,) = own_names(found.run)
    assert "train/episode_reward is charts/episodic_return" in told
    assert "actor_q_mean" not in told  # computed from the actor's loss


@pytest.mark.slow
def test_diagnosing_twice_gives_the_same(tmp_path):
    write_events(tmp_path, synthetic_runs.healthy(2000))
    first = diagnose(tmp_path)[2].read_text()
    assert diagnose(tmp_path)[2].read_text() == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--run_dir"),
        (["--run_dir=/nowhere/at/all"], "no such file or folder"),
        (["--run_dir={empty}"], "no event file"),
        (["--run_dir={garbage}"], "no scalars could be read"),
        (["--run_dir={good}", "--limits=foo=1"], "unknown; known"),
        (["--run_dir={good}", "--tag_map={good}/none.json"], "cannot be read"),
        (["--run_dir={good}", "--out_dir={file}/x"], "name a folder with --out_dir"),
    ],
)
def test_bad_use_is_one_line_and_exit_2(tmp_path, arguments, words):
    for name in ("empty", "garbage", "good"):
        (tmp_path / name).mkdir()
    (tmp_path / "garbage" / "events.out.tfevents.1").write_bytes(b"not an event" * 100)
    write_events(tmp_path / "good", synthetic_runs.report_series(4))
    (tmp_path / "file").write_text("in the way")
    places = {name: tmp_path / name for name in ("empty", "garbage", "good", "file")}
    result = command(main, *(a.format(**places) for a in arguments))
    assert result.returncode == 2, result.stdout
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "empty" / "diagnosis").exists()


def test_an_undecided_run_exits_2_and_says_why(tmp_path):
    write_events(tmp_path, synthetic_runs.healthy(1600))
    result = command(main, f"--run_dir={tmp_path}")
    assert result.returncode == 2
    assert result.stdout.startswith("UNDECIDED")
    assert "too few" in result.stdout


@pytest.mark.parametrize(("score", "end"), [(0.0, ""), (0.3, "; nearest: feature_leak (0.30)")])
def test_a_signature_that_is_not_near_is_not_called_the_nearest(tmp_path, score, end):
    write_events(tmp_path, synthetic_runs.feature_leak())
    found = examine(tmp_path)
    causes = tuple(dataclasses.replace(c, score=min(c.score, score)) for c in found.causes)
    assert summary(found._replace(causes=causes))[-1] == f"no signature matches{end}"


def test_the_logs_of_somebody_else_are_left_alone(tmp_path):
    logs = tmp_path / "their.logs"
    write_events(logs, synthetic_runs.healthy(1600))
    before = sorted(logs.iterdir())
    result = command(main, logs)
    assert "report: diagnosis-their.logs/report.md" in result.stdout
    assert sorted(logs.iterdir()) == before
    assert Path("diagnosis-their.logs", "report.md").is_file()


def test_a_truncated_file_is_judged_as_far_as_it_goes(tmp_path):
    path = write_events(tmp_path, synthetic_runs.feature_leak())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    verdict, causes, report = diagnose(tmp_path)
    assert verdict.decision == NO_GO
    assert causes[0].name == "feature_leak"
    assert "cut short" in report.read_text()


class Trainer:
    """Stands where `launch.train` does: writes the next stretch of a recorded run."""

    def __init__(self, run: dict[str, Curve]) -> None:
        self.run, self.calls, self.done = run, [], 0

    def __call__(self, steps: int, run_dir: Path, resume: bool) -> int:
        self.calls.append((steps, resume))
        part = {}
        for tag, values in self.run.items():
            keep = (values.steps > self.done) & (values.steps <= steps)
            part[tag] = Curve(*(column[keep] for column in values))
        self.done = steps
        write_events(run_dir / f"session_{steps}", {t: c for t, c in part.items() if c.steps.size})
        for path in (run_dir / f"session_{steps}").iterdir():
            path.rename(run_dir / f"{path.name}.{steps}")
        return 0


def test_each_gate_opens_the_next(tmp_path):
    trainer = Trainer(synthetic_runs.healthy())
    said: list[str] = []
    gates = run_protocol(tmp_path, ["2K", "5K", "10K"], trainer, VerdictLimits(), said.append)
    assert [gate.verdict.decision for gate in gates] == [GO] * 3
    assert trainer.calls == [(2000, False), (5000, True), (10_000, True)]
    text = (tmp_path / "validate.md").read_text()
    assert text.count("| GO |") == 3
    assert "| 10K | evaluation" in text or "eval/return" in text
    table = json.loads((tmp_path / "validate.json").read_text())
    assert [entry["passed"] for entry in table] == [True] * 3
    assert (tmp_path / "gate_5K" / "report.md").is_file()
    assert any("actor_q_mean, largest" in line for line in said)


def test_a_failed_gate_closes_the_protocol(tmp_path):
    trainer = Trainer(synthetic_runs.feature_leak())
    gates = run_protocol(tmp_path, ["2K", "5K"], trainer, VerdictLimits(), lambda line: None)
    assert [gate.verdict.decision for gate in gates] == [NO_GO]
    assert gates[0].causes == ("feature_leak",)
    assert trainer.calls == [(2000, False)]
    assert "| 5K | 5,000 | not run |" in (tmp_path / "validate.md").read_text()


def test_training_that_fails_is_no_pass(tmp_path):
    healthy = Trainer(synthetic_runs.healthy())

    def crashes(steps: int, run_dir: Path, resume: bool) -> int:
        healthy(steps, run_dir, resume)
        return 1

    gates = run_protocol(tmp_path / "a", ["2K", "5K"], crashes, VerdictLimits(), lambda line: None)
    assert len(gates) == 1
    assert not gates[0].passed

    def says_nothing(steps: int, run_dir: Path, resume: bool) -> int:
        run_dir.mkdir()
        return 4

    gates = run_protocol(tmp_path / "b", ["2K"], says_nothing, VerdictLimits(), lambda line: None)
    assert gates[0].verdict is None
    assert "no event file" in gates[0].error


@pytest.mark.slow
def test_the_exit_code_is_the_last_gate_s(tmp_path):
    def gates(run: dict[str, Curve], code: int) -> list[Gate]:
        recorded = Trainer(run)

        def train(steps: int, run_dir: Path, resume: bool) -> int:
            recorded(steps, run_dir, resume)
            return code

        folder = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        return run_protocol(folder, ["2K"], train, VerdictLimits(), lambda line: None)

    assert exit_code(gates(synthetic_runs.healthy(), 0)[-1]) == 0
    assert exit_code(gates(synthetic_runs.healthy(), 1)[-1]) == 1
    assert exit_code(gates(synthetic_runs.feature_leak(), 0)[-1]) == 3
    assert exit_code(gates(synthetic_runs.healthy(1600), 0)[-1]) == 2
    assert exit_code(Gate("2K", 143, None, (), "no event file")) == 143


def test_flags_that_training_refuses_leave_nothing(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    assert validate.main([f"--run_dir={tmp_path / 'new'}", "--", "--stepz=1"]) == 2
    assert "Unknown command line flag 'stepz'" in capfd.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_training_command_resumes_after_the_first_stage():
    first = train_command(2000, Path("/runs/a"), False, ["--preset=carla"])
    assert first[1:3] == ["-m", "launch.train"]
    assert first[3:] == ["--steps=2000", "--run_dir=/runs/a", "--preset=carla"]
    assert "--resume=/runs/a" in train_command(5000, Path("/runs/a"), True, [])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--run_dir"),
        (["--run_dir={here}"], "exists already"),
        (["--run_dir={here}/new", "--stages=3K"], "choose from"),
    ],
)
def test_bad_use_of_validate_is_one_line_and_exit_2(tmp_path, arguments, words):
    (tmp_path / "something").write_text("here")
    result = command(validate.main, *(a.format(here=tmp_path) for a in arguments))
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_several_runs_beneath_are_refused_by_name(tmp_path):
    for name in ("a", "b"):
        write_events(tmp_path / name, {"debug/actor_q_mean": curve([1, 2], [1, 2], [1, 2])})
    result = command(main, f"--run_dir={tmp_path}")
    assert result.returncode == 2
    assert f"--run_dir={tmp_path / 'a'}" in result.stderr
