"""What a driver saw, did and earned, drawn on a picture of its car.

Every panel is drawn within its own rectangle and measured in units of a 360th of the picture's
height, so that a video of any size looks the same.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

Colour = tuple[int, int, int]
WHITE: Colour = (240, 243, 246)
GREY: Colour = (140, 150, 160)
DARK = 18  # grey behind panels
GOOD: Colour = (92, 200, 120)
BAD: Colour = (240, 84, 76)
BLUE: Colour = (96, 168, 250)
#: Of the critics' values, in turn.
LINES: tuple[Colour, ...] = ((250, 190, 80), (120, 200, 250), (200, 160, 250))
SHADE = 0.62  # share of it
REACH = 50.0  # m of the route that its panel shows
LARGEST_PART = 100.0  # magnitude at which a part's bar is full; bars are logarithmic
MOST_PARTS = 8
CAPTION = "what the policy sees"
INSET = 0.42  # share of the picture's height that the agent's picture takes, at about
BOTTOM = 82  # units of height of the bar with the numbers


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a frame tells.

    seen: the agent's newest picture, uint8 (S, S), or None; route: (N, 2) m ahead of the car and
    to its right; action: (steering, pedal) in [-1, 1]; speed, target: m/s; parts: of the step's
    reward; values: Q of each critic in the latest steps, (T, K), newest last, none without a
    critic; alert: what was broken; reason: why the episode ended.
    """

    seen: np.ndarray | None
    route: np.ndarray
    action: tuple[float, float] = (0.0, 0.0)
    speed: float = 0.0
    target: float = 0.0
    parts: Mapping[str, float] = dataclasses.field(default_factory=dict)
    values: np.ndarray | None = None
    alert: str = ""
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in pixels; a view of it is what a panel is drawn on."""

    x: int
    y: int
    width: int
    height: int

    def of(self, frame: np.ndarray) -> np.ndarray:
        """Return the view of a frame."""
        return frame[self.y : self.y + self.height, self.x : self.x + self.width]


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the panels are; None for what is not shown."""

    unit: float
    seen: Box | None
    route: Box
    controls: Box
    parts: Box
    values: Box | None


def layout(frame: np.ndarray, facts: Facts) -> Layout:
    """Return where each panel is on a frame of (H, W, 3)."""
    height, width = frame.shape[:2]
    unit = height / 360.0
    gap, bottom = round(8 * unit), round(BOTTOM * unit)
    seen = None
    if facts.seen is not None:
        most = min(height - bottom - 3 * gap - round(8 * unit), width // 2)
        side = _inset(facts.seen.shape[0], INSET * height, most)
        seen = Box(gap, gap, side, side)
    across = round(96 * unit)
    route = Box(max(width - gap - across, 0), gap, across, round(124 * unit))
    count = 2 if facts.values is None else 3
    edges = [round(width * part / count) for part in range(count + 1)]
    columns = [
        Box(left, height - bottom, right - left, bottom)
        for left, right in itertools.pairwise(edges)
    ]
    return Layout(unit, seen, route, columns[0], columns[1], columns[2] if count > 2 else None)


def _inset(size: int, wanted: float, most: int) -> int:
    """Return a multiple of a picture's size near to a wanted side; `most` if one is too large."""
    return min(size * max(1, round(wanted / size)), max(most // size * size, size), most)


def draw(frame: np.ndarray, facts: Facts) -> np.ndarray:
    """Return a copy of a frame, uint8 RGB (H, W, 3), with the facts drawn on it."""
    frame = np.array(frame, np.uint8, order="C")
    places = layout(frame, facts)
    unit = places.unit
    if places.seen is not None and facts.seen is not None:
        _draw_seen(places.seen.of(frame), facts.seen)
        caption = places.seen.x, places.seen.y + places.seen.height + round(12 * unit)
        _text(frame, CAPTION, caption, WHITE, 0.85 * unit)
    _draw_route(places.route.of(frame), facts.route, unit)
    _draw_controls(places.controls.of(frame), facts, unit)
    _draw_parts(places.parts.of(frame), facts.parts, unit)
    if places.values is not None and facts.values is not None:
        _draw_values(places.values.of(frame), facts.values, unit)
    if facts.reason:
        _banner(frame, facts.reason, WHITE, 1.9 * unit)
    elif facts.alert:
        _banner(frame, facts.alert, BAD, 1.3 * unit)
    return frame


def _draw_seen(panel: np.ndarray, seen: np.ndarray) -> None:
    """Each pixel of the agent's picture is a square of the panel, without a blend."""
    height, width = panel.shape[:2]
    large = cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST)
    panel[:] = large[..., None]


def _draw_route(panel: np.ndarray, route: np.ndarray, unit: float) -> None:
    """The route from above, the car at the bottom, ahead is up."""
    _darken(panel)
    height, width = panel.shape[:2]
    foot = height - round(12 * unit)
    scale = (foot - 6 * unit) / REACH
    points = np.concatenate([np.zeros((1, 2)), np.nan_to_num(np.reshape(route, (-1, 2)))])
    points = np.clip(points, -4.0 * REACH, 4.0 * REACH)
    pixels = np.stack([width / 2 + scale * points[:, 1], foot - scale * points[:, 0]], axis=1)
    corners = np.rint(pixels).astype(np.int32)
    cv2.polylines(panel, [corners], False, BLUE, max(1, round(2 * unit)), cv2.LINE_AA)
    for x, y in corners[1:].tolist():
        cv2.circle(panel, (x, y), max(1, round(1.8 * unit)), WHITE, -1, cv2.LINE_AA)
    half, length = 4 * unit, 9 * unit
    car = [(width / 2 - half, foot + length / 2), (width / 2 + half, foot + length / 2)]
    car.append((width / 2, foot - length / 2))
    cv2.fillPoly(panel, [np.rint(car).astype(np.int32)], GOOD, cv2.LINE_AA)


def _draw_controls(panel: np.ndarray, facts: Facts, unit: float) -> None:
    _darken(panel)
    steering, pedal = (_within(value, -1.0, 1.0) for value in facts.action)
    most = max(1.5 * facts.target, 1.0)
    _row(panel, 0, 3, "steer", f"{steering:+.2f}", unit)
    _signed_bar(_track(panel, 0, 3, unit), steering, BLUE, BLUE)
    name = "brake" if pedal < 0.0 else "pedal"
    _row(panel, 1, 3, name, f"{abs(pedal):.2f}", unit)
    _signed_bar(_track(panel, 1, 3, unit), pedal, GOOD, BAD)
    speed = f"{3.6 * _within(facts.speed, -99.0, 999.0):.0f} of {3.6 * facts.target:.0f}"
    _row(panel, 2, 3, "km/h", speed, unit)
    track = _track(panel, 2, 3, unit)
    track[:] = _SLOT
    track[:, : round(_within(facts.speed / most, 0.0, 1.0) * track.shape[1])] = WHITE
    mark = round(_within(facts.target / most, 0.0, 1.0) * (track.shape[1] - 1))
    track[:, mark : mark + max(1, round(1.5 * unit))] = LINES[0]


def _draw_parts(panel: np.ndarray, parts: Mapping[str, float], unit: float) -> None:
    _darken(panel)
    shown = list(parts.items())[:MOST_PARTS]
    for row, (name, value) in enumerate(shown):
        _row(panel, row, len(shown), name.replace("_", " "), _brief(value), unit)
        _signed_bar(_track(panel, row, len(shown), unit), _share(value), GOOD, BAD)


def _draw_values(panel: np.ndarray, values: np.ndarray, unit: float) -> None:
    """A strip that moves to the left: one line for each critic, scaled to what is in it."""
    _darken(panel)
    values = np.clip(np.nan_to_num(np.atleast_2d(values).astype(float)), -1e12, 1e12)
    if not values.size:
        return
    head = round(18 * unit)
    for index, value in enumerate(values[-1]):
        name = f"Q{index + 1} {value:.4g}" if values.shape[1] > 1 else f"Q {value:.4g}"
        place = (round(8 * unit) + index * panel.shape[1] * 9 // 20, head - round(5 * unit))
        _text(panel, name, place, LINES[index % len(LINES)], unit)
    strip = panel[
        head : panel.shape[0] - round(6 * unit), round(8 * unit) : -round(8 * unit) or None
    ]
    if min(strip.shape[:2]) < 2:
        return
    strip[:] = _SLOT
    low, high = values.min(), values.max()
    least = 0.1 * max(abs(low), abs(high), 1e-3)  # a steady value is a line, not its noise
    middle, span = (low + high) / 2.0, max(high - low, least)
    height, width = strip.shape[:2]
    x = width - 1 - (len(values) - 1 - np.arange(len(values))) * max(1.0, 2 * unit)
    for index in range(values.shape[1]):
        y = (0.5 - 0.85 * (values[:, index] - middle) / span) * (height - 1)
        corners = np.rint(np.stack([x, y], axis=1)).astype(np.int32)
        colour = LINES[index % len(LINES)]
        cv2.polylines(strip, [corners], False, colour, max(1, round(unit)), cv2.LINE_AA)


_SLOT: Colour = (52, 60, 70)


def _row(panel: np.ndarray, row: int, rows: int, name: str, number: str, unit: float) -> None:
    """The name of a row of bars at its left, the number at its right."""
    top, height = _row_place(panel, row, rows, unit)
    base = top + round(height / 2 + 4 * unit)
    size = min(1.0, 5.5 / rows)
    _text(panel, name, (round(8 * unit), base), WHITE, size * unit)
    right = panel.shape[1] - round(8 * unit) - _width(number, size * unit)
    _text(panel, number, (right, base), WHITE, size * unit)


def _track(panel: np.ndarray, row: int, rows: int, unit: float) -> np.ndarray:
    """The view of a row in which its bar is drawn, between name and number."""
    top, height = _row_place(panel, row, rows, unit)
    thick = max(1, round(min(9 * unit, 0.7 * height)))
    above = top + (height - thick) // 2
    left, right = round(0.40 * panel.shape[1]), round(0.78 * panel.shape[1])
    return panel[above : above + thick, left:right]


def _row_place(panel: np.ndarray, row: int, rows: int, unit: float) -> tuple[int, int]:
    edge = round(4 * unit)
    inside = panel.shape[0] - 2 * edge
    top = edge + row * inside // rows
    return top, edge + (row + 1) * inside // rows - top


def _signed_bar(track: np.ndarray, share: float, above: Colour, below: Colour) -> None:
    """A bar from the middle: to the right for a positive share of 1, to the left for a negative."""
    track[:] = _SLOT
    width = track.shape[1]
    middle, end = width // 2, round(width // 2 + share * (width // 2))
    track[:, min(middle, end) : max(middle, end)] = above if share > 0.0 else below
    track[:, middle : middle + 1] = GREY


def _share(value: float) -> float:
    """A part of the reward as a share of its bar."""
    if math.isnan(value):
        return 0.0
    size = math.log1p(min(abs(value), LARGEST_PART)) / math.log1p(LARGEST_PART)
    return math.copysign(size, value)


def _brief(value: float) -> str:
    text = f"{value:+.0f}" if abs(value) >= 99.5 else f"{value:+.1f}"
    return "0" if text in ("+0.0", "-0.0") else text


def _banner(frame: np.ndarray, words: str, colour: Colour, size: float) -> None:
    """Words in the middle, on a dark band."""
    height, width = frame.shape[:2]
    size *= min(1.0, 0.8 * width / max(_width(words, size), 1))
    tall = round(26 * size)
    top = round(0.46 * height) - tall // 2
    across = min(width, _width(words, size) + round(28 * size))
    left = (width - across) // 2
    _darken(frame[top : top + tall, left : left + across])
    place = ((width - _width(words, size)) // 2, top + round(17 * size))
    _text(frame, words, place, colour, size)


def _darken(panel: np.ndarray) -> None:
    panel[:] = cv2.convertScaleAbs(panel, alpha=1.0 - SHADE, beta=SHADE * DARK)


def _text(panel: np.ndarray, words: str, place: Sequence[int], colour: Colour, unit: float) -> None:
    words = words.encode("ascii", "replace").decode()
    scale, thick = 0.42 * unit, max(1, round(0.9 * unit))
    cv2.putText(
        panel,
        words,
        (place[0], place[1]),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        colour,
        thick,
        cv2.LINE_AA,
    )


def _width(words: str, unit: float) -> int:
    thick = max(1, round(0.9 * unit))
    return cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.42 * unit, thick)[0][0]


def _within(value: float, low: float, high: float) -> float:
    return low if math.isnan(value) else max(low, min(value, high))
