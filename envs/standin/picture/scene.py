"""All that a camera may see of static and moving things, as faces in the order of drawing."""

from __future__ import annotations

import math

import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture.camera import EYE, Eye
from envs.standin.picture.cull import ascending, visible
from envs.standin.picture.faces import Faces, Index, add_static
from envs.standin.picture.movers import MOVERS, Movers, add_mover, most_faces, movers_of, some_of
from envs.standin.picture.statics import STATICS, Statics
from envs.standin.picture.types import BOXES
from envs.standin.picture.weather import LIGHT, Light

Array = NDArray[np.float64]


@called_with(EYE, BOXES)
@compiled
def moving(eye: Eye, boxes: NDArray[np.void]) -> Movers:
    """Those of the moving things that are in or near the picture, with their shadows."""
    movers, radius = movers_of(boxes), np.empty(len(boxes))
    for i in range(len(boxes)):
        radius[i] = 2.0 * max(movers.half[i, 0], movers.half[i, 2]) + 6.0
    return some_of(movers, visible(eye, movers.centre, radius, radius, np.float64(0.0)))


@called_with(EYE, STATICS, i8[::1], f8[:, ::1], f8[:, ::1], MOVERS, i8[::1], LIGHT)
@compiled
def faces_of(
    eye: Eye,
    statics: Statics,
    fixed: Index,
    lit: Array,
    crowns: Array,
    movers: Movers,
    moving: Index,
    light: Light,
) -> Faces:
    """Faces of some static and some moving things.

    lit (Q, 3), crowns (KINDS, 3): colours of static faces and of tree crowns.
    """
    away, place = np.empty(len(moving) + len(fixed)), eye.place
    most = most_faces(movers, moving) + len(fixed)
    for i, row in enumerate(moving):
        x, y, z = movers.centre[row]
        flat = math.hypot(x - place[0], y - place[1])
        away[i] = -math.hypot(flat, z - place[2])
    for i, thing in enumerate(fixed):
        most += statics.faces[thing]
        away[len(moving) + i] = -math.hypot(
            statics.centre[thing, 0] - place[0], statics.centre[thing, 1] - place[1]
        )
    faces = Faces(
        np.empty((most, 4, 3)),
        np.empty((most, 3)),
        np.empty(most),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
    )
    found = int(np.int64(0))
    for i in ascending(away):
        if i < len(moving):
            found = add_mover(eye, movers, moving[i], -away[i], light, faces, found)
        else:
            thing = fixed[i - len(moving)]
            found = add_static(eye, statics, lit, crowns, thing, -away[i], faces, found)
    return Faces(
        faces.corners[:found],
        faces.colour[:found],
        faces.distance[:found],
        faces.thing[:found],
        faces.source[:found],
    )
