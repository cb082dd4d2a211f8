"""Pictures of a town: colour, classes, instances and depth from the same geometry."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.picture import faces as geometry
from envs.standin.picture import foliage, statics
from envs.standin.picture.camera import View
from envs.standin.picture.facades import Facades
from envs.standin.picture.groundview import GroundView, horizon_rows
from envs.standin.picture.lightmap import LightMap
from envs.standin.picture.paint import paint
from envs.standin.picture.sky import Sky
from envs.standin.picture.types import Camera
from envs.standin.picture.weather import Light, light_of
from envs.standin.town.model import Town

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

_REACH = 260.0
_LEAST_PIXELS = 0.6
_WINDOW_PIXELS = 4.0


class Renderer:
    """Draws what cameras see. The same arguments always give the same bytes."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._texture = paint(town)
        self._ground = GroundView(self._texture)
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
        self._set_weather(np.asarray(weather, float))
        return self._colour(View(camera), boxes)

    def _set_weather(self, weather: Array) -> None:
        if weather.tobytes() == self._weather:
            return
        self._weather = weather.tobytes()
        self._light: Light = light_of(weather)
        self._sky = Sky(self._light)
        self._lit = self._statics.lit(self._light)
        self._foliage = foliage.Foliage(self._crowns, self._light)
        self._facades = Facades(self._statics, self._lit, self._light)
        size = np.array(self._texture.surface.shape[::-1]) * self._texture.cell
        self._lights = LightMap(self._town.scenery, self._texture.low, size, self._light)

    def _colour(self, view: View, boxes: NDArray[np.void]) -> Image:
        camera = view.camera
        out = np.empty((camera.height, camera.width, 4), np.uint8)
        top, below = horizon_rows(view)
        if below:
            self._sky.draw(view, below, out)
        moving = self._moving(view, boxes)
        if top < camera.height:
            self._ground.draw(view, out)
            self._lights.draw(view, top, moving, out)
        self._things(view, moving, out)
        out[..., 3] = 255
        return out

    def _moving(self, view: View, boxes: NDArray[np.void]) -> NDArray[np.void]:
        if not len(boxes):
            return boxes
        reach = geometry.half_sizes(boxes).max(axis=1) * 1.5 + 6.0
        chosen = geometry.visible(view, geometry.centres(boxes), reach, _REACH, 0.0)
        return boxes[chosen]

    def _things(self, view: View, boxes: NDArray[np.void], out: Image) -> None:
        fixed = self._statics
        chosen = geometry.visible(view, fixed.centre, fixed.radius, _REACH, _LEAST_PIXELS)
        parts = [geometry.static_faces(view, fixed, chosen, self._lit)]
        parts.append(geometry.crown_faces(view, fixed, chosen))
        if len(boxes):
            parts.append(geometry.box_faces(view, boxes, self._light))
        everything = geometry.Faces.join(parts)
        order = geometry.in_order(everything)
        index, polygons = geometry.outlines(view, everything.corners[order])
        faces = order[index]
        share = self._light.fog(everything.distance[faces])[:, None]
        colour = everything.colour[faces] * (1.0 - share) + self._light.haze * share
        colours = np.rint(colour).astype(int).tolist()
        source = everything.source[faces]
        storey = _storey_pixels(view, everything.distance[faces])
        special = np.where(source < -1, source, 0)
        special[(source >= 0) & (storey > _WINDOW_PIXELS) & (fixed.facade[source] >= 0)] = 1
        self._fill(view, polygons, colours, out, special, source, share, storey)

    def _fill(
        self, view: View, polygons: list[NDArray[np.int32]], colours: list[list[int]], out: Image,
        special: NDArray[np.int64], source: NDArray[np.int64], share: Array, storey: Array,
    ) -> None:
        fill, shift = cv2.fillConvexPoly, geometry.SHIFT
        walls = np.flatnonzero(special == 1)
        matrices = iter(_wall_matrices(view, self._statics.corners[source[walls]]))
        haze = tuple(self._light.haze.tolist())
        for row, (polygon, colour, kind) in enumerate(
            zip(polygons, colours, special.tolist(), strict=True)
        ):
            if kind < 0:
                low, high = polygon.min(axis=0) / 16.0, polygon.max(axis=0) / 16.0
                box = (low[0], low[1], max(high[0] - low[0], 0.5), max(high[1] - low[1], 0.5))
                self._foliage.draw(-2 - kind, box, haze, float(share[row, 0]), out)
                continue
            fill(out, polygon, colour, 8, shift)
            if kind:
                self._wall(polygon, next(matrices), int(source[row]), float(share[row, 0]),
                           float(storey[row]), out)

    def _wall(
        self, polygon: NDArray[np.int32], matrix: Array, face: int, share: float, storey: float,
        out: Image,
    ) -> None:
        x, y, width, height = cv2.boundingRect(polygon)
        x0, y0 = max(0, x >> 4), max(0, y >> 4)
        x1 = min(out.shape[1], ((x + width) >> 4) + 1)
        y1 = min(out.shape[0], ((y + height) >> 4) + 1)
        if x1 > x0 and y1 > y0:
            self._facades.draw(face, matrix, storey, self._light.haze, share,
                               out[y0:y1, x0:x1], (x0, y0))


def _storey_pixels(view: View, distance: Array) -> Array:
    return 3.1 * view.focal / np.maximum(distance, 0.5)


def _wall_matrices(view: View, corners: Array) -> Array:
    """(F, 3, 3): image coordinates to shares across and up each face."""
    across, up = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
    normal = np.cross(across, up)
    away = view.place - corners[:, 0]
    height = (normal * away).sum(axis=1)[:, None]
    slope = normal @ view.rays
    rows = []
    for axis in (across, up):
        axis = axis / (axis * axis).sum(axis=1, keepdims=True)
        begin = (axis * away).sum(axis=1)[:, None]
        rows.append(begin * slope - height * (axis @ view.rays))
    rows.append(slope)
    return np.stack(rows, axis=1)
