"""Writes roads and junctions as OpenDRIVE 1.4 text. Format: ASAM OpenDRIVE, sections 5 to 8."""

from __future__ import annotations

from envs.standin.town.curves import length_of
from envs.standin.town.roads import (
    Connection,
    Controller,
    Crosswalk,
    Junction,
    Lane,
    Link,
    Mark,
    Network,
    Road,
    Signal,
)

_HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<OpenDRIVE>
<header revMajor="1" revMinor="4" name="{name}" version="1" date="2024-01-01T00:00:00"
 north="0" south="0" east="0" west="0" vendor="td3jax">
<geoReference><![CDATA[+proj=tmerc +lat_0=49 +lon_0=8 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m \
+geoidgrids=egm96_15.gtx +vunits=m +no_defs]]></geoReference>
</header>
"""


def to_text(network: Network) -> str:
    """The OpenDRIVE document of a network."""
    parts = [_HEADER.format(name=network.name)]
    parts += [_road(road) for road in network.roads]
    parts += [_controller(controller) for controller in network.controllers]
    parts += [_junction(junction) for junction in network.junctions]
    parts.append("</OpenDRIVE>\n")
    return "".join(parts)


def _road(road: Road) -> str:
    links = _road_link("predecessor", road.predecessor) + _road_link("successor", road.successor)
    return (
        f'<road name="" length="{length_of(road.curve):.6f}" id="{road.id}" '
        f'junction="{road.junction}">\n<link>{links}</link>\n'
        f'<type s="0" type="town">'
        f'<speed max="{road.speed_kmh / 1.609344:.3f}" unit="mph"/></type>\n'
        f"{_plan(road)}<elevationProfile>{_elevation(road)}</elevationProfile>\n"
        f"<lateralProfile/>\n{_lanes(road)}{_objects(road)}{_signals(road)}</road>\n"
    )


def _plan(road: Road) -> str:
    parts, s = ["<planView>\n"], 0.0
    for piece in road.curve:
        start = piece.start
        shape = f'<arc curvature="{piece.curvature:.12f}"/>' if piece.curvature else "<line/>"
        parts.append(
            f'<geometry s="{s:.6f}" x="{start.x:.9f}" y="{start.y:.9f}" hdg="{start.heading:.12f}" '
            f'length="{piece.length:.6f}">{shape}</geometry>\n'
        )
        s += piece.length
    return "".join([*parts, "</planView>\n"])


def _elevation(road: Road) -> str:
    return "".join(
        f'<elevation s="{s:.4f}" a="{a:.6f}" b="{b:.8f}" c="{c:.9f}" d="{d:.10f}"/>'
        for s, a, b, c, d in road.elevation
    )


def _lanes(road: Road) -> str:
    left = sorted((lane for lane in road.lanes if lane.id > 0), key=lambda lane: -lane.id)
    right = sorted((lane for lane in road.lanes if lane.id < 0), key=lambda lane: -lane.id)
    centre = f'<center><lane id="0" type="none" level="false">{_mark(road.centre)}</lane></center>'
    sides = [
        f"<{side}>{''.join(map(_lane, lanes))}</{side}>" if lanes else ""
        for side, lanes in (("left", left), ("right", right))
    ]
    return f'<lanes><laneSection s="0">{sides[0]}{centre}{sides[1]}</laneSection></lanes>\n'


def _lane(lane: Lane) -> str:
    links = "".join(
        f'<{name} id="{other}"/>'
        for name, other in (("predecessor", lane.predecessor), ("successor", lane.successor))
        if other is not None
    )
    return (
        f'<lane id="{lane.id}" type="{lane.kind}" level="false"><link>{links}</link>'
        f'<width sOffset="0" a="{lane.width}" b="0" c="0" d="0"/>{_mark(lane.mark)}</lane>'
    )


def _mark(mark: Mark) -> str:
    return (
        f'<roadMark sOffset="0" type="{mark.kind}" weight="standard" color="{mark.colour}" '
        f'material="standard" width="{mark.width}" laneChange="{mark.lane_change}"/>'
    )


def _road_link(name: str, link: Link | None) -> str:
    if link is None:
        return ""
    contact = f' contactPoint="{link.contact}"' if link.contact else ""
    return f'<{name} elementType="{link.kind}" elementId="{link.id}"{contact}/>'


def _objects(road: Road) -> str:
    if not road.crosswalks:
        return ""
    length = length_of(road.curve)
    walks = "".join(_crosswalk(walk, length) for walk in road.crosswalks)
    return f"<objects>\n{walks}</objects>\n"


def _crosswalk(walk: Crosswalk, road_length: float) -> str:
    s = min(max(walk.begin, 0.0), road_length - 0.01)
    begin, end = walk.begin - s, walk.end - s
    corners = ((begin, -1), (end, -1), (end, 1), (begin, 1), (begin, -1))
    outline = "".join(
        f'<cornerLocal u="{u:.4f}" v="{side * walk.side:.4f}" z="0"/>' for u, side in corners
    )
    return (
        f'<object id="{walk.id}" name="SimpleCrosswalk" type="crosswalk" '
        f's="{s:.4f}" t="0" zOffset="0" hdg="0" pitch="0" roll="0" '
        f'orientation="none" width="{2.0 * walk.side:.4f}" length="{walk.end - walk.begin:.4f}">'
        f"<outline>{outline}</outline></object>\n"
    )


def _signals(road: Road) -> str:
    own = "".join(
        f'<signal name="Signal_3Light_Post01" id="{signal.id}" s="{signal.s:.4f}" '
        f't="{signal.t:.4f}" zOffset="{signal.height}" hOffset="0" roll="0" pitch="0" '
        f'orientation="{signal.orientation}" dynamic="yes" country="OpenDRIVE" type="1000001" '
        f'subtype="-1" value="-1" text="" height="1.0" width="0.4">{_validity(signal)}</signal>\n'
        for signal in road.signals
    )
    references = "".join(
        f'<signalReference id="{signal.id}" s="{signal.s:.4f}" t="{signal.t:.4f}" '
        f'orientation="{signal.orientation}">{_validity(signal)}</signalReference>\n'
        for signal in road.references
    )
    return f"<signals>\n{own}{references}</signals>\n"


def _validity(signal: Signal) -> str:
    return f'<validity fromLane="{min(signal.lanes)}" toLane="{max(signal.lanes)}"/>'


def _controller(controller: Controller) -> str:
    controls = "".join(f'<control signalId="{i}" type="0"/>' for i in controller.signals)
    return f'<controller name="c{controller.id}" id="{controller.id}">{controls}</controller>\n'


def _junction(junction: Junction) -> str:
    connections = "".join(
        _connection(index, connection) for index, connection in enumerate(junction.connections)
    )
    controllers = "".join(f'<controller id="{i}" type="0"/>' for i in junction.controllers)
    return (
        f'<junction id="{junction.id}" name="j{junction.id}">\n'
        f"{connections}{controllers}</junction>\n"
    )


def _connection(index: int, connection: Connection) -> str:
    return (
        f'<connection id="{index}" incomingRoad="{connection.incoming}" '
        f'connectingRoad="{connection.path}" contactPoint="start">'
        f'<laneLink from="{connection.lane_from}" to="{connection.lane_to}"/></connection>\n'
    )
