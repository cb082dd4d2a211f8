"""Questions about a recording, answered as text in the columns of the real server."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from envs.standin.recording import Frame, Recording, poses_of

_KINDS = {"vehicle.": ("v", 1), "walker.": ("w", 2), "traffic.traffic_light": ("t", 3)}


def events(recording: Recording, everything: bool) -> str:
    """List what was created, destroyed, hit and switched, by frame; `everything` adds who moved."""
    lines = [recording.head()]
    for number, frame in enumerate(recording.frames, 1):
        found = list(_events(frame, everything))
        if found:
            lines += [f"Frame {number} at {frame['time']:g} seconds", *found]
    return "\n".join([*lines, _foot(recording)])


def collisions(recording: Recording, first: str, second: str) -> str:
    """When actors of two kinds met: h hero, v vehicle, w walker, t light, o other, a any."""
    names, heroes = recording.names(), _heroes(recording)
    lines = [recording.head(), f"{'Time':>8}  Types {'Id':>6} {'Actor 1':<35} {'Id':>6} Actor 2"]
    touching: set[tuple[int, int]] = set()
    for frame in recording.frames:
        pairs = {(a, b) for a, b in frame.get("hits", ())}
        for one, other in sorted(pairs - touching):
            kinds = _kind(names.get(one, "")), _kind(names.get(other, ""))
            if _is(first, kinds[0], one in heroes) and _is(second, kinds[1], other in heroes):
                lines.append(
                    f"{frame['time']:8.0f}  {kinds[0]} {kinds[1]}   {one:6d} "
                    f"{names.get(one, ''):<35} {other:6d} {names.get(other, '')}"
                )
        touching = pairs
    return "\n".join([*lines, "", _foot(recording)])


def blocked(recording: Recording, least_time: float, least_distance: float) -> str:
    """Vehicles that moved less than `least_distance` cm for `least_time` s, the longest first."""
    names = recording.names()
    anchor: dict[int, tuple[float, np.ndarray]] = {}
    found: list[tuple[float, float, int]] = []

    def leave(actor_id: int, now: float) -> None:
        since, _ = anchor.pop(actor_id)
        if now - since >= least_time:
            found.append((now - since, since, actor_id))

    for frame in recording.frames:
        now, poses = frame["time"], poses_of(frame)
        for actor_id in [known for known in anchor if known not in poses]:
            leave(actor_id, now)
        for actor_id, pose in poses.items():
            if not names.get(actor_id, "").startswith("vehicle."):
                continue
            place = pose[:3]
            if actor_id in anchor and (
                100.0 * np.linalg.norm(place - anchor[actor_id][1]) >= least_distance
            ):
                leave(actor_id, now)
            anchor.setdefault(actor_id, (now, place))
    for actor_id in list(anchor):
        leave(actor_id, recording.seconds)
    lines = [recording.head(), f"{'Time':>8} {'Id':>6} {'Actor':<35} {'Duration':>10}"]
    for seconds, since, actor_id in sorted(found, key=lambda row: (-row[0], row[1], row[2])):
        lines.append(f"{since:8.0f} {actor_id:6d} {names[actor_id]:<35} {seconds:10.0f}")
    return "\n".join([*lines, "", _foot(recording)])


def _foot(recording: Recording) -> str:
    return f"Frames: {len(recording.frames)}\nDuration: {recording.seconds:.0f} seconds\n"


def _events(frame: Frame, everything: bool) -> Iterator[str]:
    for actor_id, (_, type_id, attributes), pose, parent in frame.get("created", ()):
        x, y, z = pose[:3]
        yield f" Create {actor_id}: {type_id} ({_number(type_id)}) at ({x:g}, {y:g}, {z:g})"
        yield from (f"  {name} = {value}" for name, _, value in attributes)
        if parent:
            yield f" Parenting {actor_id} with {parent}"
    yield from (f" Destroy {actor_id}" for actor_id in frame.get("destroyed", ()))
    yield from (f" Collision {a} with {b}" for a, b in frame.get("hits", ()))
    if not everything:
        return
    lights = frame.get("lights", b"")
    if lights:
        yield f" State traffic lights: {len(lights)}"
    poses = poses_of(frame)
    if poses:
        yield f" Positions: {len(poses)}"
    for actor_id, pose in poses.items():
        x, y, z = pose[:3]
        yield f"  Id: {actor_id} Location: ({x:.2f}, {y:.2f}, {z:.2f}) Yaw: {pose[4]:.1f}"


def _heroes(recording: Recording) -> set[int]:
    return {
        actor_id
        for frame in recording.frames
        for actor_id, description, _, _ in frame.get("created", ())
        if any(name == "role_name" and value == "hero" for name, _, value in description[2])
    }


def _kind(type_id: str) -> str:
    return next((mark for start, (mark, _) in _KINDS.items() if type_id.startswith(start)), "o")


def _number(type_id: str) -> int:
    return next((code for start, (_, code) in _KINDS.items() if type_id.startswith(start)), 0)


def _is(wanted: str, kind: str, hero: bool) -> bool:
    return wanted == "a" or (wanted == "h" and hero) or wanted == kind
