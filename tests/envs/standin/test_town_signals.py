"""Traffic lights as the genuine client reads them, and as the server runs them."""

from xml.etree import ElementTree

import carla
import numpy as np
import pytest

from envs.standin.town import TOWNS, town_from_opendrive
from tests.envs.standin.town_support import client_map, town

LIT = ("Town01", "Town04", "Town05", "Town10HD")


def test_these_towns_have_lights():
    assert tuple(name for name in TOWNS if town(name).signals) == LIT


@pytest.mark.parametrize("name", LIT)
def test_the_client_finds_every_light(name):
    landmarks = client_map(name).get_all_landmarks_of_type("1000001")
    assert {mark.id for mark in landmarks} == {signal.id for signal in town(name).signals}
    assert all(mark.is_dynamic for mark in landmarks)


@pytest.mark.parametrize("name", LIT)
def test_who_stands_in_a_stop_zone_sees_that_light_ahead(name):
    for signal in town(name).signals:
        for x, y, z, _, _, yaw in signal.boxes:
            waypoint = client_map(name).get_waypoint(carla.Location(x, y, z))
            ahead = waypoint.get_landmarks_of_type(4.0, "1000001")
            assert signal.id in [mark.id for mark in ahead]
            assert not waypoint.is_junction
            assert abs((waypoint.transform.rotation.yaw - yaw + 180) % 360 - 180) < 3.0
            assert waypoint.transform.location.distance(carla.Location(x, y, z)) < 0.4


@pytest.mark.parametrize("name", LIT)
def test_every_lane_into_a_lit_junction_has_one_stop_zone(name):
    lit = {signal.junction for signal in town(name).signals}
    zones = [
        client_map(name).get_waypoint(carla.Location(*box[:3]))
        for signal in town(name).signals
        for box in signal.boxes
    ]
    guarded = [(zone.road_id, zone.lane_id) for zone in zones]
    entries = set()
    for begin, end in client_map(name).get_topology():
        if end.is_junction and end.junction_id in lit and not begin.is_junction:
            entries.add((begin.road_id, begin.lane_id))
    assert sorted(guarded) == sorted(entries)


@pytest.mark.parametrize("name", LIT)
def test_crossing_approaches_are_never_green_together(name):
    """Those of one phase group come along the same line, from one side or from both."""
    groups = {}
    for signal in town(name).signals:
        groups.setdefault((signal.junction, signal.phase_group), []).append(signal.yaw)
    junctions = {junction for junction, _ in groups}
    for yaws in groups.values():
        for yaw in yaws[1:]:
            across = abs((yaw - yaws[0] + 90.0) % 180.0 - 90.0)
            assert across < 45.0
    for junction in junctions:
        assert len([key for key in groups if key[0] == junction]) >= 2


@pytest.mark.parametrize("name", LIT)
def test_lanterns_hang_over_the_road_and_face_the_traffic(name):
    for signal in town(name).signals:
        box = signal.boxes[0]
        yaw = np.radians(box[5])
        waiting = box[:2] - 3.0 * np.array([np.cos(yaw), np.sin(yaw)])  # a second car's place
        to_cars = waiting - (signal.x, signal.y)
        facing = np.array([np.cos(np.radians(signal.yaw)), np.sin(np.radians(signal.yaw))])
        assert to_cars @ facing / np.linalg.norm(to_cars) > 0.8
        assert 4.0 < signal.z - box[2] < 6.5


def test_signals_without_controllers_are_grouped_by_direction():
    import re

    text = re.sub(r"<controller name.*?</controller>", "", town("Town01").opendrive)
    text = re.sub(r'<controller id="\d+" type="0"/>', "", text)
    bare = town_from_opendrive(text, "bare")
    assert len(bare.signals) == len(town("Town01").signals)
    assert {signal.phase_group for signal in bare.signals} == {0, 1}


def test_lights_rule_lanes_that_refer_to_them_from_within_the_junction():
    """As RoadRunner writes it: a signal of no lane, and a reference on each path from its lanes."""
    root = ElementTree.fromstring(town("Town01").opendrive)
    at_end = {}
    for road in root.iter("road"):
        for signal in road.iter("signal"):
            at_end[road.get("id"), signal.get("orientation")] = signal.get("id")
            for validity in signal.iter("validity"):
                validity.set("fromLane", "0")
                validity.set("toLane", "0")
    for road in root.iter("road"):
        before = road.find("link/predecessor")
        if int(road.get("junction")) < 0 or before is None:
            continue
        way = "+" if before.get("contactPoint") == "end" else "-"
        identity = at_end.get((before.get("elementId"), way))
        if identity is not None:
            reference = f'<signalReference id="{identity}" s="0.4" t="0" orientation="-">'
            reference += '<validity fromLane="-1" toLane="-1"/></signalReference>'
            element = ElementTree.fromstring(f"<signals>{reference}</signals>")
            for old in road.findall("signals"):
                road.remove(old)
            road.append(element)
    text = ElementTree.tostring(root, encoding="unicode")
    assert "signalReference" in text
    referred, own = town_from_opendrive(text, "referred").signals, town("Town01").signals
    assert [signal.id for signal in referred] == [signal.id for signal in own]
    for signal, same in zip(referred, own, strict=True):
        assert (signal.junction, signal.phase_group) == (same.junction, same.phase_group)
        assert signal.boxes[:, :2] == pytest.approx(same.boxes[:, :2], abs=0.6)
