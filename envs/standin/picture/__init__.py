"""Pictures that the stand-in server's cameras take."""

from __future__ import annotations

from envs.standin.picture.renderer import Renderer
from envs.standin.picture.types import BIKE, BOX, CAR, PROP, SIGNAL, TRUCK, WALKER, Camera

__all__ = ["BIKE", "BOX", "CAR", "PROP", "SIGNAL", "TRUCK", "WALKER", "Camera", "Renderer"]
