"""What is drawn on the pictures of a drive: it says what it is given, within its own panels."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from launch.training.overlay import (
    BAD,
    BLUE,
    GOOD,
    LINES,
    Box,
    Facts,
    draw,
    layout,
)

STRAIGHT = np.stack([5.0 * np.arange(1, 11), np.zeros(10)], axis=1)
SEEN = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
PARTS = {"lane_keeping": 2.0, "safety": -8.0}
FACTS = Facts(SEEN, STRAIGHT, (0.5, -0.5), 6.0, 8.0, PARTS, np.full((20, 2), 7.0))
SIZES = [(360, 640), (540, 960), (180, 320)]


def blank(height: int = 360, width: int = 640) -> np.ndarray:
    return np.full((height, width, 3), 120, np.uint8)


def count(frame: np.ndarray, box: Box, colour: tuple[int, int, int]) -> int:
    """Pixels of a panel in a colour."""
    return int((box.of(frame) == colour).all(axis=-1).sum())


def amount(colour: tuple[int, int, int], panel: str, **changes: object) -> int:
    """Pixels of a colour in a panel where some facts are otherwise."""
    facts, frame = dataclasses.replace(FACTS, **changes), blank()
    return count(draw(frame, facts), getattr(layout(frame, facts), panel), colour)


def places(facts: Facts, frame: np.ndarray) -> list[Box]:
    found = layout(frame, facts)
    boxes = (found.seen, found.route, found.controls, found.parts, found.values)
    return [box for box in boxes if box is not None]


@pytest.mark.parametrize("size", SIZES)
def test_the_panels_are_on_the_frame_and_apart(size):
    frame = blank(*size)
    owners = np.zeros(size, int)
    for box in places(FACTS, frame):
        assert min(box.x, box.y) >= 0
        assert min(box.width, box.height) > 0
        assert (box.x + box.width, box.y + box.height) <= (size[1], size[0])
        box.of(owners)[:] += 1
    assert owners.max() == 1
    assert len(places(FACTS, frame)) == 5


@pytest.mark.parametrize("side", [48, 84, 200])
@pytest.mark.parametrize("size", SIZES)
def test_the_inset_is_the_agent_s_picture(side, size):
    """Each of its pixels is a square of one colour where the frame has the pixels for it."""
    seen = np.random.default_rng(1).integers(0, 256, (side, side), np.uint8)
    frame, facts = blank(*size), dataclasses.replace(FACTS, seen=seen)
    box = layout(frame, facts).seen
    assert box is not None
    inset = box.of(draw(frame, facts))
    assert (inset == inset[..., :1]).all()
    if side > size[0]:  # no pixels for it
        assert box.width < side
        return
    scale = box.width // side
    np.testing.assert_array_equal(inset[..., 0], np.kron(seen, np.ones((scale, scale))))
    assert box.width == pytest.approx(0.42 * size[0], rel=0.5)


def test_bars_grow_with_what_they_show():
    right = [amount(BLUE, "controls", action=(steer, 0.0)) for steer in (0.0, 0.3, 0.6, 1.0)]
    assert right[0] == 0
    assert right == sorted(set(right))
    assert amount(BLUE, "controls", action=(-0.6, 0.0)) == pytest.approx(right[2], rel=0.05)
    throttle, brake = ({"action": (0.0, pedal)} for pedal in (0.5, -0.5))
    assert (amount(BAD, "controls", **throttle), amount(GOOD, "controls", **brake)) == (0, 0)
    assert amount(GOOD, "controls", **throttle) == pytest.approx(
        amount(BAD, "controls", **brake), rel=0.05
    )
    for colour, values in ((GOOD, (0.5, 3.0, 60.0)), (BAD, (-0.5, -3.0, -60.0))):
        sizes = [amount(colour, "parts", parts={"speed": value}) for value in values]
        assert sizes == sorted(set(sizes))
        assert sizes[0] > 0
    assert amount(GOOD, "parts", parts={"speed": 0.0}) == 0


def test_a_bar_points_to_its_side():
    frame = blank()
    facts = [dataclasses.replace(FACTS, action=(steer, 0.0)) for steer in (-0.5, 0.5)]
    box = layout(frame, FACTS).controls
    ends = []
    for each in facts:
        columns = np.flatnonzero((box.of(draw(frame, each)) == BLUE).all(axis=-1).any(axis=0))
        ends.append((columns.min(), columns.max()))
    assert ends[0][1] <= ends[1][0]


def test_the_speed_reaches_its_mark_at_the_target():
    frame = blank()
    box = layout(frame, FACTS).controls

    def ends(speed: float) -> tuple[int, int]:
        """Columns of the bar's end and of the target's mark."""
        panel = box.of(draw(frame, dataclasses.replace(FACTS, speed=speed)))
        mark = np.flatnonzero((panel == LINES[0]).all(axis=-1).any(axis=0))
        row = panel[(panel == LINES[0]).all(axis=-1).any(axis=1)][0]
        left = round(0.40 * box.width)
        bar = np.flatnonzero((row[left : mark.min()] == (240, 243, 246)).all(axis=-1))
        return (left + bar.max() if bar.size else left), int(mark.min())

    assert ends(0.0)[0] < ends(3.0)[0] < ends(6.0)[0] < ends(6.0)[1]
    assert ends(8.0)[0] == pytest.approx(ends(8.0)[1], abs=2)


def test_the_route_bends_where_it_does():
    frame, box = blank(), layout(blank(), FACTS).route

    def middle(sideways: float) -> float:
        route = STRAIGHT + np.stack([np.zeros(10), sideways * np.arange(10)], axis=1)
        panel = box.of(draw(frame, dataclasses.replace(FACTS, route=route)))
        return float(np.flatnonzero((panel == BLUE).all(axis=-1).any(axis=0)).mean())

    assert middle(-2.0) < middle(0.0) - 5.0
    assert middle(2.0) > middle(0.0) + 5.0
    assert middle(0.0) == pytest.approx(box.width / 2, abs=2.0)


def test_without_a_critic_there_is_no_strip():
    none = dataclasses.replace(FACTS, values=None)
    assert layout(blank(), none).values is None
    lines = [count(draw(blank(), FACTS), layout(blank(), FACTS).values, c) for c in LINES[:2]]
    assert max(lines) > 0
    wide = layout(blank(), none)
    assert wide.parts.width > layout(blank(), FACTS).parts.width
    assert draw(blank(), none).shape == (360, 640, 3)


def test_the_strip_scrolls_to_the_left():
    """A step up of Q moves by two pixels a step as newer values follow it."""
    edges = []
    for after in (5, 25):
        values = np.r_[np.zeros(40), np.full(after, 10.0)][:, None]
        frame, facts = blank(), dataclasses.replace(FACTS, values=values)
        panel = layout(frame, facts).values.of(draw(frame, facts))[18:]
        line = panel[..., 0] > 150  # its edges are blended
        high = line[: line.shape[0] // 2].any(axis=0)
        edges.append(int(np.flatnonzero(high).min()))
    assert edges[0] - edges[1] == pytest.approx(40, abs=3)


WILD = [math.nan, math.inf, -math.inf, 1e30, -1e30]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("value", WILD)
def test_nothing_is_drawn_outside_the_panels(size, value):
    facts = Facts(
        SEEN,
        np.full((10, 2), value),
        (value, value),
        value,
        8.0,
        {f"a part with a very long name {i}": value for i in range(12)},
        np.array([[value, 0.0], [1.0, value]]),
    )
    frame = blank(*size)
    drawn = draw(frame, facts)
    outside = np.ones(size, bool)
    for box in places(facts, frame):
        box.of(outside)[:] = False
    caption = layout(frame, facts).seen
    assert caption is not None
    outside[caption.y + caption.height :, : size[1] // 2] = False
    assert (drawn[outside] == 120).all()
    assert (frame == 120).all()


def test_what_was_broken_and_the_end_are_told_in_the_middle():
    plain = draw(blank(), FACTS)
    for changes in ({"alert": "red light"}, {"reason": "goal"}, {"reason": "x" * 200}):
        drawn = draw(blank(), dataclasses.replace(FACTS, **changes))
        rows, columns = np.nonzero((drawn != plain).any(axis=-1))
        assert (rows.min() + rows.max()) / 2 == pytest.approx(0.46 * 360, abs=20)
        assert (columns.min() + columns.max()) / 2 == pytest.approx(320, abs=3)
    both = draw(blank(), dataclasses.replace(FACTS, alert="red light", reason="goal"))
    np.testing.assert_array_equal(both, draw(blank(), dataclasses.replace(FACTS, reason="goal")))
