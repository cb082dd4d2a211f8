"""Binary layouts of CARLA 0.9.16 stream payloads: little endian, packed."""

from __future__ import annotations

import struct

import numpy as np

TOKEN_BYTES = 24
_TOKEN = struct.Struct("<IHBB16x")
_TCP = 1
_HOST_OF_CLIENT = 0

SENSOR_HEADER = struct.Struct("<QQd6f")
SNAPSHOT_HEADER = struct.Struct("<QdfiiiI")
IMAGE_HEADER = struct.Struct("<IIf")
LENGTH = struct.Struct("<I")
STREAM_ID = struct.Struct("<I")

MAP_CHANGED = 1

#: Index of each stream's payload in the client's registry of sensor types.
SENSOR_INDEX = {
    "sensor.other.collision": 0,
    "sensor.camera.depth": 1,
    "sensor.camera.normals": 2,
    "sensor.camera.dvs": 3,
    "sensor.other.gnss": 4,
    "sensor.other.imu": 5,
    "sensor.other.obstacle": 7,
    "sensor.camera.optical_flow": 8,
    "sensor.other.radar": 9,
    "sensor.lidar.ray_cast_semantic": 10,
    "sensor.lidar.ray_cast": 11,
    "sensor.camera.rgb": 13,
    "sensor.camera.semantic_segmentation": 14,
    "sensor.camera.instance_segmentation": 15,
}
WORLD_INDEX = 17

_ACTOR_FIELDS: list[tuple[str, object, int]] = [
    ("id", "<u4", 0),
    ("state", "u1", 4),
    # location, rotation (degrees), velocity, angular velocity (degrees/s), acceleration
    ("motion", ("<f4", (15,)), 5),
    ("pose", ("<f4", (6,)), 5),
    # vehicles
    ("pedals", ("<f4", (3,)), 65),
    ("switches", ("u1", (3,)), 77),
    ("gear", "<i4", 80),
    ("speed_limit", "<f4", 84),
    ("light_state", "u1", 88),
    ("at_light", "u1", 89),
    ("light_id", "<u4", 90),
    ("failure", "u1", 94),
    # walkers
    ("walk", ("<f4", (4,)), 65),
    ("jump", "u1", 81),
    # traffic lights and signs
    ("sign", "S32", 65),
    ("durations", ("<f4", (3,)), 97),
    ("elapsed", "<f4", 109),
    ("pole", "<u4", 113),
    ("frozen", "u1", 117),
    ("light", "u1", 118),
]

#: One actor of a world snapshot, 119 bytes; the part from byte 65 is a union by kind of actor.
ACTOR_RECORD = np.dtype(
    {
        "names": [name for name, _, _ in _ACTOR_FIELDS],
        "formats": [kind for _, kind, _ in _ACTOR_FIELDS],
        "offsets": [offset for _, _, offset in _ACTOR_FIELDS],
        "itemsize": 119,
    }
)


def token(stream_id: int, port: int) -> bytes:
    """The 24 bytes that tell a client where a stream is; it adds the host that it knows."""
    return _TOKEN.pack(stream_id, port, _TCP, _HOST_OF_CLIENT)
