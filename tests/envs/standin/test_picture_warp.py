"""Images in perspective, and runs of pixels, against plain numpy in float64."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.standin.picture import parts, warp
from envs.standin.picture.parts import Parts
from envs.standin.picture.runs import GROUND, SKY, multiply, runs_of
from envs.standin.picture.types import Camera, pixels

HEIGHT, WIDTH, BEYOND = 12, 40, (9, 90, 190, 255)


def image(seed: int, rows: int = 30, columns: int = 50) -> np.ndarray:
    """Noise, uint8 (rows, columns, 4)."""
    made = np.random.default_rng(seed).integers(0, 256, (rows, columns, 4), np.uint8)
    made[0, 0] = BEYOND
    return made


def matrix(seed: int) -> np.ndarray:
    """Image coordinates to texels, with a horizon above the picture."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-1.0, 1.0, (3, 3)) * [[1.5, 1.0, 12.0], [0.3, 2.5, 8.0], [0.0, 0.02, 0.0]]
    place[:2, 2] += (10.0, 8.0)
    place[2] = (rng.uniform(-0.005, 0.005), rng.uniform(0.0, 0.05), 1.0)
    return place


def reference(source: np.ndarray, place: np.ndarray, y: float, x: float, beyond: bool) -> tuple:
    """Bilinear colour of a place of the picture, and the texel that it is at."""
    u, v, w = place @ (x, y, 1.0)
    u, v = u / w, v / w
    rows, columns = source.shape[:2]
    if beyond and not (0.0 <= u <= columns - 1 and 0.0 <= v <= rows - 1):
        return np.array(BEYOND, float), u, v
    u, v = np.clip(u, 0, columns - 1.001), np.clip(v, 0, rows - 1.001)
    i, j = int(u), int(v)
    a, b = u - i, v - j
    texels = source.astype(float)
    upper = texels[j, i] * (1 - a) + texels[j, i + 1] * a
    lower = texels[j + 1, i] * (1 - a) + texels[j + 1, i + 1] * a
    return upper * (1 - b) + lower * b, u, v


@pytest.mark.parametrize("beyond", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_an_image_is_looked_up_between_four_texels(seed: int, beyond: bool) -> None:
    source, place = image(seed), matrix(seed)
    out, scratch = np.zeros(WIDTH, np.uint32), np.zeros((warp.SCRATCH, WIDTH), np.uint32)
    first = 0 if beyond else 7
    texels = np.concatenate([np.zeros(first, np.uint32), pixels(source).ravel()])
    warp.look_up(texels, first, 30, 50, beyond, place, 3.5, scratch, 5, out)
    drawn = out.view(np.uint8).reshape(WIDTH, 4).astype(float)
    for i in range(WIDTH):
        expected, u, v = reference(source, place, 3.5, 5 + i + 0.5, beyond)
        rim = min(abs(u), abs(v), abs(u - 49), abs(v - 29)) < 0.02
        # Shares have eight bits, each of three mixtures is rounded.
        assert rim or np.abs(drawn[i] - expected).max() <= 3.0


@pytest.mark.parametrize("times", [1, 2, 4, 8])
def test_drawing_averages_rows_and_keeps_to_its_runs(times: int) -> None:
    source, place = image(1), matrix(4)
    shown = np.full((HEIGHT, WIDTH), SKY, np.uint16)
    shown[4:, 3:20] = GROUND
    shown[6, 10] = 5
    runs = runs_of(shown[2:], 2)
    out = np.zeros((HEIGHT, WIDTH), np.uint32)
    warp.draw(pixels(source), place, True, times, runs, GROUND, 0, 9, out)
    drawn = out.view(np.uint8).reshape(HEIGHT, WIDTH, 4).astype(float)
    inside = (shown == GROUND) & (np.arange(HEIGHT) < 9)[:, None]
    assert not drawn[~inside].any()
    for y, x in zip(*np.nonzero(inside), strict=True):
        heights = y + (np.arange(times) + 0.5) / times
        found = [reference(source, place, height, x + 0.5, True) for height in heights]
        rim = any(min(abs(u), abs(v), abs(u - 49), abs(v - 29)) < 0.02 for _, u, v in found)
        assert rim or np.abs(drawn[y, x] - np.mean([c for c, *_ in found], axis=0)).max() <= 3.5


@given(st.floats(0.0, 1.0), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_veil_mixes_each_byte(share: float, pixel: int, colour: int) -> None:
    row = np.array([pixel], np.uint32)
    warp.veil(row, share, colour)
    one, other = (np.array([v], np.uint32).view(np.uint8).astype(float) for v in (pixel, colour))
    assert np.abs(row.view(np.uint8) - (one * (1.0 - share) + other * share)).max() <= 1.01


@settings(max_examples=60)
@given(st.integers(1, 5), st.integers(1, 70), st.integers(0, 10**6), st.integers(1, 40))
def test_runs_tell_every_pixel_once(height: int, width: int, seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    shown = np.repeat(rng.integers(0, 4, (height, width)), length, axis=1).astype(np.uint16)
    runs = runs_of(shown, 10)
    again = np.full_like(shown, 99)
    for row in range(height):
        before = 0
        for run in range(runs.first[row], runs.first[row + 1]):
            left, right = runs.left[run], runs.right[run]
            assert left == before < right
            assert (again[row, left:right] == 99).all()
            again[row, left:right], before = runs.what[run], right
        assert before == shown.shape[1]
    assert np.array_equal(again, shown)
    assert runs.rows == (10, 10 + height)
    lower = runs.below(10 + height - 1)
    assert lower.rows == (9 + height, 10 + height)
    assert lower.what[lower.first[0]] == shown[-1, 0]


def test_gains_multiply_the_ground_alone() -> None:
    picture, gain = image(2, HEIGHT, WIDTH), image(3, HEIGHT, WIDTH)
    shown = np.where(np.arange(WIDTH) % 5 < 3, GROUND, SKY).astype(np.uint16)
    runs = runs_of(np.tile(shown, (HEIGHT - 4, 1)), 4)
    out = picture.copy()
    multiply(out, gain, 140.0, runs)
    expected = np.minimum(picture * (gain / 140.0), 255.0)
    ground = (np.arange(HEIGHT) >= 4)[:, None] & (shown == GROUND)
    assert np.abs(out - expected)[ground].max() <= 0.51
    assert np.array_equal(out[~ground], picture[~ground])


def test_two_threads_do_every_row_once() -> None:
    done: list[tuple[int, int]] = []
    camera = Camera("rgb", 400, 301, 90.0, 0.0, 0.0, 1.0)
    for _ in Parts().do(lambda begin, end: done.append((begin, end)), camera):
        pass
    assert len(done) == 4
    assert [row for begin, end in sorted(done) for row in range(begin, end)] == list(range(301))


def test_a_fault_in_the_second_thread_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def work(begin: int, end: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            raise ValueError("a fault")
        assert begun.wait(timeout=30)

    monkeypatch.setattr(parts, "_PARTS", 2)
    camera = Camera("rgb", 400, 300, 90.0, 0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="a fault"):
        for _ in Parts().do(work, camera):
            pass
