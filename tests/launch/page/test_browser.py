"""The pages in a real browser: nothing fails, everything is drawn, a mark leads to its moment.

Needs a Chromium on the PATH (Debian: apt-get install chromium).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic_runs

from launch.comparison import compare, read_entry
from launch.diagnosis.examine import examine
from launch.page.comparing import write_comparison_page
from launch.page.write import write_diagnosis_page, write_run_page
from tests.launch.page.browser import Tab, browsing, find_browser
from tests.launch.page.page_support import HOSTILE, add_policies, write_run

BROWSER = find_browser()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")
CONDITIONS = Path(__file__).parents[1] / "data" / "conditions"
DRAWN = """[...document.querySelectorAll(".plot")].map((plot) =>
    plot.querySelectorAll(".scatterlayer path").length)"""
WIDTH = "document.documentElement.scrollWidth"
MIDDLE = """(() => { const box = document.querySelector("#map .points path")
    .getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    assert BROWSER is not None
    with browsing(BROWSER, tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(autouse=True)
def _quiet(tab: Tab) -> Iterator[None]:
    """No page may complain, or ask for anything that is not inside it."""
    tab.errors.clear()
    tab.requests.clear()
    yield
    assert tab.errors == []
    elsewhere = [url for url in tab.requests if not url.startswith(("data:", "blob:"))]
    assert len(elsewhere) == 1  # the file itself
    assert elsewhere[0].startswith("file:")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with video and map, whose log has a hostile tag."""
    series = synthetic_runs.healthy(2000)
    series |= {f"reward/{HOSTILE}": series["debug/q1_mean"]}
    folder = write_run(tmp_path_factory.mktemp("runs") / "car", series, video=True, table=True)
    add_policies(folder, checkpoint=[80.0, 30.0], blind=[20.0, 30.0])
    write_run_page(folder)
    return folder / "report.html"


def test_a_run_is_whole_and_its_marks_lead_into_the_video(tab, run):
    tab.open(run)
    drawn = tab.see(DRAWN)
    assert len(drawn) == 6
    assert min(drawn) > 0
    assert tab.wait("document.getElementById('video-0').duration") == pytest.approx(8.0, abs=0.3)
    assert tab.see("document.getElementById('poster-0').naturalWidth") == 64
    assert tab.see("window.hacked") is None
    assert "</script>" in tab.see("document.querySelector('#plot-4 .legendtext').textContent")
    tab.see("document.querySelectorAll('button[data-video]')[1].click()")
    assert tab.wait("document.getElementById('video-0').currentTime") >= 6.5
    tab.see(
        "document.getElementById('video-0').pause();document.querySelector('#map').scrollIntoView()"
    )
    tab.wait("!document.getElementById('video-0').seeking")
    x, y = tab.see(MIDDLE)  # the red light
    tab.click(x, y, "#map .hoverlayer .hovertext")
    assert (
        2.5 <= tab.wait("(t => t < 6 && t)(document.getElementById('video-0').currentTime)") < 6.0
    )


def test_a_run_fits_a_phone(tab, run):
    tab.open(run, width=390, height=844)
    assert tab.see(WIDTH) == 390
    assert min(tab.see(DRAWN)) > 0


@pytest.mark.parametrize("name", ["overestimation-cleanrl-pendulum-4", "healthy-sb3-pendulum-5"])
def test_the_log_of_others_is_whole(tab, tmp_path, name):
    log = CONDITIONS / name
    tab.open(write_diagnosis_page(tmp_path, examine(log), log))
    assert len(tab.see(DRAWN)) == 3
    assert min(tab.see(DRAWN)) > 0
    assert tab.see(WIDTH) == 1200


def test_a_comparison_is_whole(tab, tmp_path):
    kinds, seeds = ("healthy", "saturated_policy"), (2, 5)
    names = [f"{kind}-ours-pendulum-{seed}" for kind in kinds for seed in seeds]
    found = compare([read_entry(CONDITIONS / name) for name in names])
    tab.open(write_comparison_page(tmp_path / "comparison.html", found), width=390, height=844)
    assert tab.see(DRAWN)[0] >= 2
    assert tab.see(WIDTH) == 390


@pytest.mark.slow
def test_colours_follow_the_person_s(tab, run):
    paper = "getComputedStyle(document.body).backgroundColor"
    tab.open(run)
    light = tab.see(paper)
    tab.dark()
    assert tab.see(paper) != light
    tick = "getComputedStyle(document.querySelector('.xtick text')).fill"
    dark = tab.see(tick)
    tab.dark(False)
    assert (tab.see(paper), tab.see(tick) != dark) == (light, True)
