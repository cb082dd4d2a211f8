"""Pictures of a town: colour, classes, instances and depth from the same geometry."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from envs.standin.picture import classes, foliage, statics
from envs.standin.picture.air import Air
from envs.standin.picture.camera import View
from envs.standin.picture.cull import in_view
from envs.standin.picture.facades import Facades
from envs.standin.picture.faces import Faces
from envs.standin.picture.groundview import GroundView
from envs.standin.picture.hillview import HillView
from envs.standin.picture.lightmap import LightMap
from envs.standin.picture.movers import Movers
from envs.standin.picture.near import LEAST_ROWS, Near
from envs.standin.picture.paint import paint as paint_ground
from envs.standin.picture.parts import Parts
from envs.standin.picture.runs import Runs, runs_of
from envs.standin.picture.scene import faces_of, moving
from envs.standin.picture.shapes import CROWN_PIXELS, cover, looks_of, paint, shapes_of
from envs.standin.picture.sky import Sky
from envs.standin.picture.types import Camera, Image, pixels
from envs.standin.picture.weather import Light, light_of
from envs.standin.town.model import Town

Array = NDArray[np.float64]


class Renderer:
    """Draws what cameras see. The same arguments always give the same bytes."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.texture = paint_ground(town)
        self._ground: GroundView | HillView = GroundView(self.texture)
        if not town.ground.flat:
            self._ground = HillView(self.texture, town.ground)
        self._near = Near(town)
        self._statics = statics.build(town.scenery)
        self._crowns = foliage.crowns(1)
        self._weather: bytes | None = None
        self._parts = Parts()

    def render(
        self, camera: Camera, boxes: NDArray[np.void], weather: Array, time: float = 0.0
    ) -> Image:
        """A picture, uint8 (H, W, 4) in B, G, R, A.

        Args:
          camera: what to draw, and from where.
          boxes: moving things, dtype BOX.
          weather: the 14 numbers of `carla.WeatherParameters`.
          time: simulated seconds, for what moves by itself (rain).
        """
        stages = self.stages(camera, boxes, weather, time)
        while True:
            try:
                next(stages)
            except StopIteration as end:
                return np.asarray(end.value)

    def stages(
        self, camera: Camera, boxes: NDArray[np.void], weather: Array, time: float = 0.0
    ) -> Generator[None, None, Image]:
        """`render` with pauses; no other picture may be begun before it is done."""
        self._set_weather(np.asarray(weather, float))
        view = View.of(camera)
        if camera.kind == "rgb":
            return (yield from self._colour(view, boxes, time))
        movers = moving(view.eye, boxes)
        faces = self._faces(view, movers)
        yield
        if camera.kind == "depth":
            return classes.draw_depth(view, self._ground, faces, self._foliage.crowns)
        code = classes.codes(faces, self._statics, movers, camera.kind == "instance")
        return classes.draw_codes(view, self._ground, faces, code, self._foliage.crowns)

    def _set_weather(self, weather: Array) -> None:
        if weather.tobytes() == self._weather:
            return
        self._weather = weather.tobytes()
        self._light: Light = light_of(weather)
        self._sky = Sky(self._light)
        self._lit = self._statics.lit(self._light)
        self._foliage = foliage.Foliage(self._crowns, self._light)
        self._facades = Facades(self._statics, self._lit, self._light)
        self._air = Air(self._light)
        size = np.array(self.texture.surface.shape[::-1]) * self.texture.cell
        self._lights = LightMap(self._town.scenery, self.texture.low, size, self._light)

    def _colour(
        self, view: View, boxes: NDArray[np.void], time: float
    ) -> Generator[None, None, Image]:
        camera, eye, crowns = view.camera, view.eye, self._foliage.crowns
        out = np.empty((camera.height, camera.width, 4), np.uint8)
        movers = moving(eye, boxes)
        faces = self._faces(view, movers)
        shapes = shapes_of(eye, faces)
        top, below = self._ground.rows(view)
        runs: dict[int, Runs] = {}
        yield

        def lay(begin: int, end: int) -> None:
            """Find what pixels show, and draw sky and unlit ground."""
            shown = self._ground.mark(view, begin, end)
            cover(shapes, crowns, CROWN_PIXELS, begin, shown)
            runs[begin] = runs_of(shown, begin)
            if begin < below:
                self._sky.draw(view, runs[begin], below, out)
            if end > top:
                self._ground.draw(view, runs[begin], out)

        yield from self._parts.do(lay, camera)
        near = camera.height >= LEAST_ROWS
        if near:
            self._near.mark(view, out)
            yield
        looks, walls = looks_of(eye, faces, shapes, self._statics, self._facades, self._light)
        shadows, beams = self._lights.shadows(eye, movers), self._lights.beams(eye, movers)
        gain = np.empty_like(out)
        yield

        def light(begin: int, end: int) -> None:
            """Lights the ground, and draws what stands on it."""
            if end > top:
                if near:
                    self._near.roughen(self._ground, view, runs[begin], gain, out)
                self._lights.draw(self._ground, view, runs[begin], shadows, beams, gain, out)
                depth = self._ground.row_depth(view, begin, end)
                self._air.veil(eye, runs[begin], depth, out)
            paint(shapes, looks, crowns, walls, runs[begin], pixels(out))

        yield from self._parts.do(light, camera)
        self._air.rain(out, time)
        return out

    def _faces(self, view: View, movers: Movers) -> Faces:
        """All faces that may be seen, far to near."""
        statics = self._statics
        fixed, rows = in_view(view.eye, statics, movers)
        if isinstance(self._ground, HillView):
            fixed = self._ground.in_sight(view, fixed, statics.centre, statics.top)
            top = movers.centre[:, 2] + np.linalg.norm(movers.half, axis=1)
            rows = self._ground.in_sight(view, rows, movers.centre, top)
        return faces_of(
            view.eye, statics, fixed, self._lit, self._foliage.colours, movers, rows, self._light
        )
