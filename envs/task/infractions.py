"""What a tick broke, by name: for the marks on the map of a report. Scores are in `metrics`."""

from __future__ import annotations

from envs.task.ego_state import EgoState

RED_LIGHT, LANE_INVASION, OFF_ROAD = "red_light", "lane_invasion", "off_road"
COLLISION = "collision_{}"


def infractions(before: EgoState, now: EgoState, ran_red: bool) -> list[str]:
    """Return the names of what has happened since the tick before; off the road counts once."""
    happened = {
        COLLISION.format(now.collision_kind or "static"): now.collision,
        RED_LIGHT: ran_red,
        LANE_INVASION: now.lane_invasions > 0,
        OFF_ROAD: now.corner_off_road and not before.corner_off_road,
    }
    return [name for name, broken in happened.items() if broken]
