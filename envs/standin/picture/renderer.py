"""Pictures of a town: colour, classes, instances and depth from the same geometry."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture import classes, cull, foliage, statics
from envs.standin.picture import faces as geometry
from envs.standin.picture.air import Air
from envs.standin.picture.camera import View
from envs.standin.picture.facades import Facades
from envs.standin.picture.fill import Pixels, fill, pixels
from envs.standin.picture.groundview import GroundView
from envs.standin.picture.hillview import HillView
from envs.standin.picture.lightmap import LightMap
from envs.standin.picture.movers import Movers, mover_faces, movers_of
from envs.standin.picture.near import LEAST_ROWS, Near
from envs.standin.picture.paint import paint
from envs.standin.picture.sky import Sky
from envs.standin.picture.types import Camera, Image
from envs.standin.picture.weather import Light, light_of
from envs.standin.town.model import Town

Array = NDArray[np.float64]

_REACH = 260.0
_LEAST_PIXELS = 0.8
_WINDOW_PIXELS = 7.0
_CROWN_PIXELS = 9.0


class Renderer:
    """Draws what cameras see. The same arguments always give the same bytes."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._texture = paint(town)
        self._ground: GroundView | HillView = GroundView(self._texture)
        if not town.ground.flat:
            self._ground = HillView(self._texture, town.ground)
        self._near = Near(town)
        self._statics = statics.build(town.scenery)
        self._crowns = foliage.crowns(1)
        self._weather: bytes | None = None

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
        view = View(camera)
        if camera.kind == "rgb":
            return (yield from self._colour(view, boxes, time))
        faces, movers = self._gather(view, self._moving(view, boxes))
        yield
        if camera.kind == "depth":
            return classes.draw_depth(view, self._ground, faces, self._foliage)
        out = np.empty((camera.height, camera.width, 4), np.uint8)
        code = classes.codes(faces, self._statics, movers, camera.kind == "instance")
        classes.draw_codes(view, self._ground, faces, code, self._foliage, out)
        return out

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
        size = np.array(self._texture.surface.shape[::-1]) * self._texture.cell
        self._lights = LightMap(self._town.scenery, self._texture.low, size, self._light)

    def _colour(
        self, view: View, boxes: NDArray[np.void], time: float
    ) -> Generator[None, None, Image]:
        camera = view.camera
        out = np.empty((camera.height, camera.width, 4), np.uint8)
        top, below = self._ground.rows(view)
        if below:
            self._sky.draw(view, below, out)
        yield
        moving = self._moving(view, boxes)
        if top < camera.height:
            self._ground.draw(view, out)
            if camera.height >= LEAST_ROWS:
                self._near.draw(self._ground, view, top, out)
            yield
            self._lights.draw(self._ground, view, top, moving, out)
            yield
            self._air.veil(view, top, self._ground.row_depth(view, top), out)
        yield
        faces, _ = self._gather(view, moving)
        yield
        yield from self._paint(view, faces, out)
        self._air.rain(out, time)
        return out

    def _moving(self, view: View, boxes: NDArray[np.void]) -> Movers:
        """The moving things in or near the picture."""
        return movers_of(boxes[cull.visible(view, *_spheres(boxes), _REACH)])

    def _gather(self, view: View, movers: Movers) -> tuple[geometry.Faces, Movers]:
        """All faces that may be seen, and the moving things among them."""
        fixed, ground = self._statics, self._ground
        chosen = cull.visible_statics(view, fixed, _LEAST_PIXELS, _REACH)
        screen = cull.Screen(view, fixed, chosen)
        chosen = screen.shows(chosen, fixed.centre, fixed.radius, fixed.top)
        chosen = ground.in_sight(view, chosen, fixed.centre, fixed.top)
        radius = movers.radius()
        top = movers.centre[:, 2] + radius
        rows = screen.shows(movers.not_around(view.place), movers.centre, radius, top)
        movers = movers.take(ground.in_sight(view, rows, movers.centre, top))
        parts = [geometry.static_faces(view, fixed, chosen, self._lit),
                 geometry.crown_faces(view, fixed, chosen, self._foliage.colours)]
        if len(movers):
            parts.append(mover_faces(view, movers, self._light))
        return geometry.Faces.join(parts), movers

    def _paint(
        self, view: View, faces: geometry.Faces, out: Image
    ) -> Generator[None, None, None]:
        order = geometry.in_order(faces)
        shapes = geometry.outlines(view, faces.corners[order])
        index = order[shapes.index]
        source, distance = faces.source[index], faces.distance[index]
        share = self._light.fog(distance)
        colours = _hazy(faces.colour, index, share, self._light.haze)
        storey = 3.1 * view.focal / np.maximum(distance, 0.5)
        walls = (source >= 0) & (storey > _WINDOW_PIXELS)
        walls &= self._statics.facade[source] >= 0
        walls &= shapes.high[:, 0] - shapes.low[:, 0] > _WINDOW_PIXELS
        crowns = source < -1
        crowns &= shapes.high[:, 1] - shapes.low[:, 1] > _CROWN_PIXELS
        matrices = _wall_matrices(view.place, view.rays, self._statics.corners[source[walls]])
        textures = dict(zip(np.flatnonzero(walls).tolist(), matrices, strict=True))
        yield
        image, done, last = pixels(out), 0, len(index)
        for row in [*np.flatnonzero(walls | crowns).tolist(), last]:
            wall = row in textures
            fill(shapes.points, shapes.counts, colours, done, row + wall, image)
            if wall:
                self._wall(shapes, row, textures[row], int(source[row]), float(share[row]),
                           float(storey[row]), out)
            elif row < last:
                self._crown(shapes, row, int(source[row]), float(share[row]), image)
            done = row + 1

    def _crown(
        self, shapes: geometry.Outlines, row: int, source: int, share: float, image: Pixels
    ) -> None:
        low, high = shapes.low[row].tolist(), shapes.high[row].tolist()
        box = (low[0], low[1], max(high[0] - low[0], 0.5), max(high[1] - low[1], 0.5))
        self._foliage.draw(-2 - source, box, share, image)

    def _wall(
        self, shapes: geometry.Outlines, row: int, matrix: Array, face: int, share: float,
        storey: float, out: Image,
    ) -> None:
        (x0, y0), (x1, y1) = shapes.low[row].tolist(), shapes.high[row].tolist()
        left, top = max(0, int(x0)), max(0, int(y0))
        block = out[top:min(out.shape[0], int(y1) + 1), left:min(out.shape[1], int(x1) + 1)]
        if block.size:
            self._facades.draw(face, matrix, storey, self._light.haze, share, block, (left, top))


@compiled
def _spheres(boxes: NDArray[np.void]) -> tuple[Array, Array]:
    """Centres (N, 3) of things, and radii of spheres around them and their shadows."""
    centre, radius = np.empty((len(boxes), 3)), np.empty(len(boxes))
    for i in range(len(boxes)):
        box = boxes[i]
        centre[i, 0], centre[i, 1], centre[i, 2] = box.x, box.y, box.z
        radius[i] = 2.0 * max(box.half_x, box.half_z) + 6.0
    return centre, radius


@compiled
def _hazy(colour: Array, index: geometry.Index, share: Array, haze: Array) -> Pixels:
    """BGRA (K,) of some faces, each mixed with its share of haze."""
    mixed = np.empty(len(index), np.uint32)
    for row in range(len(index)):
        code = 255
        for c in (2, 1, 0):
            value = colour[index[row], c] * (1.0 - share[row]) + haze[c] * share[row]
            code = (code << 8) | int(np.rint(min(max(value, 0.0), 255.0)))
        mixed[row] = code
    return mixed


@compiled
def _wall_matrices(place: Array, rays: Array, corners: Array) -> Array:
    """(F, 3, 3): image coordinates to shares across and up each face."""
    matrices, normal = np.empty((len(corners), 3, 3)), np.empty(3)
    for face in range(len(corners)):
        corner = corners[face]
        geometry.cross(corner, normal)
        height = 0.0
        for k in range(3):
            height += normal[k] * (place[k] - corner[0, k])
            matrices[face, 2, k] = _along(normal, rays, k)
        for row, end in ((0, 1), (1, 3)):
            axis, square, begin = corner[end] - corner[0], 0.0, 0.0
            for k in range(3):
                square += axis[k] * axis[k]
                begin += axis[k] * (place[k] - corner[0, k])
            for k in range(3):
                matrices[face, row, k] = (
                    begin * matrices[face, 2, k] - height * _along(axis, rays, k)) / square
    return matrices


@compiled
def _along(vector: Array, rays: Array, column: int) -> float:
    return float(vector[0] * rays[0, column] + vector[1] * rays[1, column]
                 + vector[2] * rays[2, column])
