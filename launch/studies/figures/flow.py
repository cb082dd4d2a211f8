"""The gradient of the actor's loss, right and wrong: which arrows it goes back along."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from launch.studies.figures.canvas import DARK, GREEN, GREY, RED, panels, save


class Box(NamedTuple):
    """A box by its centre; all are equally large."""

    x: float
    y: float
    text: str


WIDTH, HEIGHT = 1.5, 0.62
OBSERVATION = Box(0.9, 1.5, "observation")
ACTOR_ENCODER, ACTOR_HEAD = Box(3.0, 2.4, "actor's\nencoder"), Box(5.1, 2.4, "actor's\nhead")
CRITIC_ENCODER, CRITIC_HEADS = Box(3.0, 0.6, "critic's\nencoder"), Box(7.2, 1.5, "critic's\nheads")
VALUE = Box(9.2, 1.5, "−Q")
BOXES = (OBSERVATION, ACTOR_ENCODER, ACTOR_HEAD, CRITIC_ENCODER, CRITIC_HEADS, VALUE)


def draw_flow(folder: Path) -> Path:
    """Draw flow.svg."""
    figure, (right, wrong) = panels(10.5, 3.1, 2)
    for axes, title in ((right, "Here"), (wrong, "The predecessor")):
        axes.set(xlim=(0, 10.1), ylim=(0, 3.1))
        axes.axis("off")
        axes.set_title(title, fontsize=11, loc="left", weight="bold")
        for box in BOXES:
            _box(axes, box)
        _arrow(axes, OBSERVATION, ACTOR_ENCODER, GREY)
        _arrow(axes, ACTOR_ENCODER, ACTOR_HEAD, GREEN)
        _arrow(axes, ACTOR_HEAD, CRITIC_HEADS, GREEN, "action")
        _arrow(axes, CRITIC_HEADS, VALUE, GREEN)
    _arrow(right, OBSERVATION, CRITIC_ENCODER, GREY)
    _arrow(right, CRITIC_ENCODER, CRITIC_HEADS, GREY, "features: constants")
    _arrow(wrong, ACTOR_ENCODER, CRITIC_HEADS, RED, "features, with gradient")
    return save(figure, folder / "flow.svg")


def _box(axes: Any, box: Box) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (box.x - WIDTH / 2, box.y - HEIGHT / 2)
    axes.add_patch(
        FancyBboxPatch(corner, WIDTH, HEIGHT, "round,pad=0.06", facecolor="#f4f4f4", edgecolor=DARK)
    )
    axes.text(box.x, box.y, box.text, ha="center", va="center", fontsize=8.5, color=DARK)


def _arrow(axes: Any, start: Box, end: Box, colour: str, text: str = "") -> None:
    """An arrow from one box's right side to another's left side."""
    tail, head = (start.x + WIDTH / 2 + 0.06, start.y), (end.x - WIDTH / 2 - 0.06, end.y)
    width = 1.0 if colour == GREY else 2.2
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": width}
    axes.annotate("", head, tail, arrowprops=style)
    middle = ((tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2)
    if not text:
        return
    label = {"fontsize": 8, "color": DARK if colour == GREY else colour}
    if colour == RED:
        axes.text(middle[0] - 0.1, middle[1] - 0.25, text, ha="right", **label)
    else:
        up = 0.28 if tail[1] > head[1] else -0.3
        axes.text(middle[0] + 0.1, middle[1] + up, text, ha="left", **label)
