"""The console command: every command by its name, help, exit codes, packages of somebody else."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from run_support import ROOT
from synthetic_runs import report_series, write_events

from launch.cli import guarded
from launch.command import MODULES, main
from launch.signals import run_child

OURS = [name for name in MODULES if name != "standin"]


def run(
    *words: object, cwd: Path = ROOT, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """`td3jax WORDS` in a folder; path: a folder that Python searches before ours."""
    places = [str(place) for place in (path, ROOT) if place]
    return subprocess.run(
        [sys.executable, "-m", "td3jax", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_alone_it_lists_every_command_with_a_line() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("example: td3jax train")
    named = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert [words[0] for words in named] == list(MODULES)
    assert all(len(words) > 4 for words in named)
    assert run("--help").stdout == done.stdout


@pytest.mark.parametrize("name", OURS)
def test_help_exits_0_begins_with_an_example_and_tells_the_codes(
    name: str, capsys: pytest.CaptureFixture
) -> None:
    assert main([name, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"example: td3jax {name} ")
    assert 2 <= out.count("\n  --") <= 11
    assert "exit codes: 0 done, or GO;" in out
    assert "--helpfull lists all" in out.splitlines()[-1]


def test_help_as_a_process() -> None:
    done = run("train", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("example: td3jax train ")


def test_the_stand_in_is_a_command() -> None:
    done = run("standin", "--help")
    assert done.returncode == 0
    assert "--port" in done.stdout
    assert run("standin", "--port=99999").returncode == 2


@pytest.mark.parametrize("name", OURS)
def test_a_wrong_flag_is_one_line_and_exit_2(name: str, capsys: pytest.CaptureFixture) -> None:
    stray = "no such file" if name == "compare" else "not a flag"  # it takes any number of runs
    for words, told in ((["--no_such_flag=1"], "'no_such_flag'"), (["a", "b"], stray)):
        assert main([name, *words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith(f"{name}: ")
        assert told in err


@pytest.mark.parametrize("name", OURS)
def test_helpfull_has_every_flag(name: str, capsys: pytest.CaptureFixture) -> None:
    command = importlib.import_module(MODULES[name]).COMMAND
    assert main([name, "--helpfull"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n  --") == len(command.flags)


def test_a_typo_as_a_process_is_one_line_and_exit_2() -> None:
    done = run("train", "--stepz=3")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "Did you mean: steps ?" in done.stderr


def test_an_unknown_command_is_one_line_with_the_nearest() -> None:
    done = run("trian")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "did you mean train?" in done.stderr


def test_the_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("td3jax ")


def test_no_go_is_3_and_a_typo_is_2(tmp_path: Path) -> None:
    write_events(tmp_path / "run", report_series(2))
    judged = run("diagnose", tmp_path / "run", f"--out_dir={tmp_path / 'out'}")
    assert judged.returncode == 3, judged.stderr
    assert judged.stdout.startswith("NO-GO")
    assert run("diagnose", f"--logdri={tmp_path / 'run'}").returncode == 2


def test_help_and_wrong_flags_are_answered_before_jax_is_imported() -> None:
    program = (
        "import sys\nfrom launch.command import main\nfor name in sys.argv[1:]:\n"
        "    assert main([name, '--help']) == 0\n    assert main([name, '--no_such_flag']) == 2\n"
        "    assert 'jax' not in sys.modules, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *OURS], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_diagnosis_and_its_flags_do_without_jax(tmp_path: Path) -> None:
    write_events(tmp_path / "run", report_series(2))
    program = (
        "import sys\nfrom launch.command import main\ncode = main(sys.argv[1:])\n"
        "assert code == 3, code\nassert 'jax' not in sys.modules\n"
    )
    words = ["diagnose", str(tmp_path / "run"), f"--out_dir={tmp_path / 'out'}"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["envs", "launch"])
def test_a_package_of_somebody_else_is_named(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name
    theirs.mkdir()
    (theirs / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
    done = run("train", "--help", cwd=tmp_path, path=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert str(theirs / "__init__.py") in done.stderr
    assert str(ROOT / name) in done.stderr


def test_a_module_of_somebody_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "envs.py").write_text("")
    done = run("diagnose", "--help", cwd=tmp_path, path=tmp_path)
    assert done.returncode == 2
    assert f"a package envs of somebody else, {tmp_path / 'envs.py'}" in done.stderr


def test_a_folder_without_an_init_does_not_hide_ours(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    assert run("diagnose", "--help", cwd=tmp_path, path=tmp_path).returncode == 0


def test_the_processes_that_it_starts_find_ours_too(tmp_path: Path) -> None:
    """`validate` starts `python -m launch.train`, which must not find a folder here."""
    for name in ("envs", "launch"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not ours')\n")
    program = "import sys\nfrom td3jax.__main__ import main\nsys.exit(main())\n"
    start = tmp_path / "bin" / "td3jax"  # as the script that is installed: not in this folder
    start.parent.mkdir()
    start.write_text(program)
    done = subprocess.run(
        [sys.executable, str(start), "validate", "--run_dir=run", "--", "--stepz=3"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "train: Unknown command line flag 'stepz'" in done.stderr
    assert "not ours" not in done.stderr


def test_errors_are_one_line_and_only_those_of_files_name_one(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def reads() -> int:
        return len((tmp_path / "none").read_text())

    def loses_a_connection() -> int:
        raise ConnectionError("the simulator\nis gone")

    assert guarded("x", reads) == 1
    assert capsys.readouterr().err == f"x: {tmp_path / 'none'}: No such file or directory\n"
    assert guarded("x", loses_a_connection) == 1
    told = capsys.readouterr().err
    assert told.startswith("x: ConnectionError: the simulator is gone (test_command.py, line ")
    assert told.count("\n") == 1


def test_a_signal_is_passed_on_and_the_child_awaited(tmp_path: Path) -> None:
    """As a study is stopped: the training that it waits for saves its state first."""
    child = (
        "import pathlib, signal, sys, time\nhere = pathlib.Path(sys.argv[1])\n"
        "def end(*_):\n    time.sleep(0.5)\n    (here / 'saved').touch()\n    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, end)\n(here / 'ready').touch()\ntime.sleep(60)\n"
    )
    parent = (
        "import sys\nfrom launch.signals import run_child\n"
        "sys.exit(run_child([sys.executable, '-c', sys.argv[1], sys.argv[2]]))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent, child, str(tmp_path)], cwd=ROOT)
    try:
        for _ in range(2000):
            if (tmp_path / "ready").exists():
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    finally:
        process.kill()
    assert (tmp_path / "saved").exists()


def test_the_exit_code_of_a_child() -> None:
    assert run_child([sys.executable, "-c", "import sys; sys.exit(3)"]) == 3
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_child([sys.executable, "-c", killed]) == 128 + signal.SIGKILL


def test_a_package_that_is_not_installed_is_one_line(capsys: pytest.CaptureFixture) -> None:
    def lacks(name: str) -> int:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    assert guarded("x", lambda: lacks("scipy")) == 2
    err = capsys.readouterr().err
    assert err.startswith("x: scipy is not installed: pip install 'td3jax[carla]'")
    assert err.count("\n") == 1
    with pytest.raises(ModuleNotFoundError):  # a fault of ours
        guarded("x", lambda: lacks("launch.nowhere"))
