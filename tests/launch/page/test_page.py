"""The page of a run, an evaluation and a log: what it says, in which order, and what it escapes."""

from __future__ import annotations

import json
import shlex
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import synthetic_runs
from synthetic_runs import write_events

import launch.diagnose
import launch.evaluate
import launch.train
from launch.config.presets import preset
from launch.config.tree import to_dict
from launch.diagnosis.examine import examine
from launch.page.next_steps import next_steps
from launch.page.policies import TITLES
from launch.page.subject import Subject, of_folder
from launch.page.write import write_diagnosis_page, write_evaluation_page, write_run_page
from launch.scores import POLICIES
from tests.launch.page.page_support import HOSTILE, add_policies, evaluation, write_run

CONDITIONS = Path(__file__).parents[1] / "data" / "conditions"


class Seen(HTMLParser):
    """The elements of a page, its text outside of scripts, and what its attributes point to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self._inside = tag
        for name, value in attributes:
            if name in ("src", "href", "data", "action", "poster", "srcset"):
                self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(name)

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    def handle_endtag(self, tag):
        self._inside = ""

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def the_page(folder: Path) -> Seen:
    write_run_page(folder)
    return Seen(folder / "report.html")


def test_the_order_of_a_run_s_page(tmp_path):
    run = write_run(tmp_path / "car", video=True, batch_size=64)
    add_policies(run, checkpoint=[80.0, 90.0, 70.0], blind=[20.0, 30.0, 10.0])
    text = the_page(run).text
    wanted = (
        "TD3 was trained for 2,000 steps in Town01 of the stand-in simulator",
        "its driving score is 80 of 100",
        "3 of 3 routes without a collision, better than a driver that sees nothing (20)",
        "its values, losses and gradients look healthy",
        "Video",
        "Beside others",
        "blind driver",
        "Not evaluated yet: expert, random",
        "Where it drove",
        "red light",
        "Returns",
        "Q of actor and replay",
        "Gradient norms",
        "Reward parts",
        "Settings that differ from the preset",
        "batch_size",
        "abc1234",
        "What to do next",
        "td3jax evaluate",
        "Gates",
        "Causes",
        "Everything else",
    )
    at = 0
    for words in wanted:
        assert words in text[at:], words
        at = text.index(words, at)


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    page = the_page(write_run(tmp_path / "car", video=True))
    assert [link[:20] for link in page.links if not link.startswith("data:")] == []
    assert "link" in page.elements
    assert "iframe" not in page.elements


def test_what_logs_and_names_say_stays_text(tmp_path):
    series = synthetic_runs.feature_leak()
    steps = series["debug/q1_mean"]
    series |= {f"reward/{HOSTILE}": steps, f"train/{HOSTILE}": steps, HOSTILE: steps}
    run = write_run(tmp_path / "<img src=x onerror=alert(1)>", series, table=True)
    table = evaluation([80.0, 20.0])
    table["episodes"][0]["track"]["infractions"][0][1] = HOSTILE
    table["episodes"][0]["reason"] = HOSTILE
    table["summary"][HOSTILE] = 1.0
    (run / "evaluation.json").write_text(json.dumps(table))
    start = {"command": ["td3jax", "train", HOSTILE], "commit": HOSTILE, "versions": {HOSTILE: 1}}
    (run / "sessions.jsonl").write_text(json.dumps({**start, "host": HOSTILE}))
    (run / "validate.json").write_text(json.dumps([{"stage": HOSTILE, "reasons": [HOSTILE]}]))
    hostile, plain = the_page(run), the_page(write_run(tmp_path / "plain", series, table=True))
    for element in ("img", "script"):  # the plots of both, no more
        assert hostile.elements.count(element) == plain.elements.count(element)
    assert hostile.handlers == []
    assert "</script><script>window.hacked" in hostile.text
    data = [script for script in hostile.scripts if '"layout"' in script]
    assert len(data) >= 5
    for script in data:
        assert not set("<>&") & set(script)
        json.loads(script)


@pytest.mark.parametrize(
    "name",
    [
        "healthy-sb3-pendulum-5",
        "overestimation-cleanrl-pendulum-4",
        "nothing_learned-sb3-pendulum-3",
    ],
)
def test_logs_of_others_get_the_page_with_what_they_have(tmp_path, name):
    log = CONDITIONS / name
    found = examine(log)
    page = Seen(write_diagnosis_page(tmp_path, found, log))
    assert page.text.startswith(f"{name} · td3jax {name} {found.verdict.decision} A run of ")
    assert "Returns" in page.text
    assert "Losses" in page.text
    for absent in ("not measured", "Gradient norms", "Beside others", "Where it drove", "Video"):
        assert absent not in page.text
    if found.verdict.decision == "NO-GO":
        assert "it is not healthy, and the likely cause is " in page.text
    assert not [path for path in log.iterdir() if path.suffix == ".html"]


def test_a_log_in_one_file(tmp_path):
    log = write_events(tmp_path / "logs", synthetic_runs.healthy(2000))
    page = Seen(write_diagnosis_page(tmp_path, examine(log), log))
    assert "A run of 2,000 steps" in page.text
    assert f"td3jax diagnose {log}" in page.text


def test_an_evaluation_of_no_run(tmp_path):
    file = tmp_path / "evaluation-blind.json"
    file.write_text(json.dumps(evaluation([20.0, 80.0], policy="blind", seed=0)))
    config = to_dict(preset("carla"))
    path = write_evaluation_page({"blind": file}, config)
    assert path == tmp_path / "evaluation-blind.html"
    page = Seen(path)
    assert "The blind driver in Town01 of the stand-in simulator." in page.text
    assert "collision with a vehicle" in page.text
    assert "Training" not in page.text
    both = {"blind": file, "random": file}
    assert write_evaluation_page(both, config) == tmp_path / "evaluation.html"


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_has_a_page_that_names_it(tmp_path, policy):
    file = tmp_path / f"{policy}.json"
    file.write_text(json.dumps(evaluation([20.0, 80.0], policy=policy, seed=0)))
    page = Seen(write_evaluation_page({policy: file}, to_dict(preset("carla"))))
    assert f"{TITLES[policy].name} in town01" in page.text.lower()


def test_the_page_shows_the_videos_of_the_evaluation_not_of_the_training_s_end(tmp_path):
    run = write_run(tmp_path / "car", video=True)
    assert "The first of 2 drives at the end of training: number 1, driving score 80, ended by" in (
        the_page(run).text
    )
    for what in ("best", "worst"):
        (run / f"evaluation-checkpoint-{what}.mp4").write_bytes(
            (run / "evaluation.mp4").read_bytes()
        )
    videos = [
        {"file": "evaluation-checkpoint-best.mp4", "what": "best", "episode": 1},
        {"file": "../car/evaluation-checkpoint-worst.mp4", "what": "worst", "episode": 2},
        {"file": "gone.mp4", "what": "best", "episode": 0},
        {"file": HOSTILE, "episode": HOSTILE},
        HOSTILE,
    ]
    table = evaluation([30.0, 90.0, 10.0], policy="checkpoint", seed=1000, videos=videos)
    table["episodes"][2]["track"] = table["episodes"][0].pop("track")
    (run / "evaluation-checkpoint.json").write_text(json.dumps(table))
    page = the_page(run)
    assert page.elements.count("video") == 2
    assert "Videos" in page.text
    assert "The best of 3 drives: number 2, driving score 90, ended by goal." in page.text
    assert "The worst of 3 drives: number 3, driving score 10, ended by collision." in page.text
    assert "at the end of training" not in page.text
    html = (run / "report.html").read_text()
    assert html.count('data-film="1"') == 2  # both marks of the third drive
    assert html.count("data-film=") == 2


def test_files_that_are_something_else_are_passed_over(tmp_path):
    run = write_run(tmp_path / "car")
    for name in ("evaluation.json", "evaluation-blind.json", "validate.json", "sessions.jsonl"):
        (run / name).write_text('{"summary": {}, "episodes": [1]}' if "b" in name else "[3, {")
    subject = of_folder(run, None)
    assert (subject.policies, subject.gates, subject.sessions) == ({}, [], [])
    assert "TD3 was trained" in the_page(run).text


@pytest.mark.parametrize(
    "track",
    [3, {}, {"x": [1.0], "y": [], "speed": [1.0], "infractions": []}, {"x": 1, "y": 1, "speed": 1}],
)
def test_a_track_that_is_not_whole_is_passed_over(tmp_path, track):
    run = write_run(tmp_path / "car")
    table = evaluation([80.0])
    table["episodes"][0]["track"] = track
    (run / "evaluation.json").write_text(json.dumps(table))
    assert of_folder(run, None).policies == {}


def commands(subject: Subject) -> list[list[str]]:
    return [shlex.split(step.command) for step in next_steps(subject) if step.command]


@pytest.mark.parametrize("fault", sorted(synthetic_runs.FAULTS))
def test_every_command_is_one_that_the_programs_take(tmp_path, fault):
    run = write_run(tmp_path / "a run's", synthetic_runs.FAULTS[fault](), seed=4)
    subject = of_folder(run, examine(run))
    parsers = {
        "train": launch.train.COMMAND,
        "evaluate": launch.evaluate.COMMAND,
        "diagnose": launch.diagnose.COMMAND,
    }
    told = commands(subject)
    assert ["tensorboard", "--logdir", str(tmp_path)] == told[-1]
    for program, name, *words in told[:-1]:
        assert program == "td3jax"
        given = parsers[name].parse(words)
        assert "run_dir" not in given or given["run_dir"] == str(run)
        if name == "evaluate":
            assert (given["seed"], given["episodes"]) == (1004, 48)


def test_a_run_that_was_compared_is_not_to_be_compared_again(tmp_path):
    run = write_run(tmp_path / "car")
    subject = of_folder(run, examine(run))
    assert [words[1] for words in commands(subject)[:2]] == ["evaluate", "train"]
    same = [50.0, 60.0]
    add_policies(run, checkpoint=same, expert=same, blind=same, random=same)
    subject = of_folder(run, examine(run))
    assert commands(subject)[0][:2] == ["td3jax", "train"]
    assert "no clear difference to a driver" in the_page(run).text


def test_policies_of_other_routes_are_not_paired(tmp_path):
    run = write_run(tmp_path / "car")
    add_policies(run, blind=[10.0, 20.0])
    text = the_page(run).text  # its own evaluation has other seeds
    assert "The episodes are not the same for all" in text
    assert "above blind" not in text
    assert "driver that sees nothing" not in text


def test_the_staged_gates_are_told(tmp_path):
    run = write_run(tmp_path / "car")
    gate = {"stage": "2K", "decision": "GO", "reasons": ["all holds"], "passed": True}
    (run / "validate.json").write_text(json.dumps([gate]))
    assert "Staged validation gate verdict reasons 2K GO all holds" in the_page(run).text
    assert '<details class="card" open>' in (run / "report.html").read_text()


def test_it_takes_values_that_are_not_finite(tmp_path):
    series = synthetic_runs.healthy(2000)
    broken = series["debug/actor_q_mean"]
    broken.values[-3:] = np.nan
    run = write_run(tmp_path / "car", series | {"train/critic_loss": broken})
    assert "NO-GO" in the_page(run).text
