"""Maps that others drew, sent by the real client: lights, bridges, lanes in pieces."""

from __future__ import annotations

import carla
import numpy as np
import pytest

from envs.standin.town import town_from_opendrive

LANE = (
    '<lane id="{id}" type="driving" level="false"><link>{link}</link>'
    '<width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'
)


def road(
    number,
    x=0.0,
    y=0.0,
    hdg=0.0,
    length=120.0,
    heights=(),
    pieces=(0.0,),
    signals="",
    link="",
    junction=-1,
):
    """A straight road with a lane each way; `heights`: (s, a, b, c, d), `pieces`: lane sections."""
    sections = []
    for index, s in enumerate(pieces):
        joins = '<predecessor id="{0}"/>' if index or junction >= 0 else ""
        joins += '<successor id="{0}"/>' if index + 1 < len(pieces) or junction >= 0 else ""
        left, right = (LANE.format(id=n, link=joins.format(n)) for n in (1, -1))
        sections.append(
            f'<laneSection s="{s}"><left>{left}</left><center><lane id="0" type="none" '
            f'level="false"/></center><right>{right}</right></laneSection>'
        )
    rises = "".join(
        f'<elevation s="{s}" a="{a}" b="{b}" c="{c}" d="{d}"/>' for s, a, b, c, d in heights
    )
    return (
        f'<road name="" length="{length}" id="{number}" junction="{junction}">'
        f"<link>{link}</link><planView>"
        f'<geometry s="0" x="{x}" y="{y}" hdg="{hdg}" length="{length}"><line/></geometry>'
        f"</planView><elevationProfile>{rises}</elevationProfile><lateralProfile/>"
        f"<lanes>{''.join(sections)}</lanes><signals>{signals}</signals></road>"
    )


def signal(number, s, kind="1000001", way="+", lanes=None, **more):
    valid = "" if lanes is None else f'<validity fromLane="{lanes[0]}" toLane="{lanes[1]}"/>'
    values = {"subtype": "-1", "value": "-1", **more}
    return (
        f'<signal name="" id="{number}" s="{s}" t="-4" zOffset="5" hOffset="0" '
        f'orientation="{way}" dynamic="yes" country="OpenDRIVE" type="{kind}" '
        f'subtype="{values["subtype"]}" value="{values["value"]}">{valid}</signal>'
    )


def drawn(*roads):
    header = '<header revMajor="1" revMinor="4" name="drawn" version="1"/>'
    return f'<?xml version="1.0"?><OpenDRIVE>{header}{"".join(roads)}</OpenDRIVE>'


def crossing(signals=""):
    """Two straight roads, 1 and 2, and a path, 101, through the junction of 20 m between them."""
    ends = (
        road(
            1,
            length=60.0,
            signals=signals,
            link='<successor elementType="junction" elementId="7"/>',
        ),
        road(
            2,
            x=80.0,
            length=60.0,
            link='<predecessor elementType="junction" elementId="7"/>',
        ),
    )
    joined = (
        '<predecessor elementType="road" elementId="1" contactPoint="end"/>'
        '<successor elementType="road" elementId="2" contactPoint="start"/>'
    )
    path = road(101, x=60.0, length=20.0, link=joined, junction=7)
    links = '<laneLink from="-1" to="-1"/>'
    junction = (
        '<junction id="7" name=""><connection id="0" incomingRoad="1" connectingRoad="101" '
        f'contactPoint="start">{links}</connection></junction>'
    )
    return (*ends, path, junction)


@pytest.fixture
def loaded(client):
    """Sends a map to the server; returns its world, which steps when it is told to."""

    def load(text):
        world = client.generate_opendrive_world(text)
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        world.tick()
        return world

    return load


def test_every_signal_that_is_a_light_becomes_one_and_rules_the_lanes_that_it_names(loaded):
    signals = (
        signal(11, 110, lanes=(-1, -1)),
        signal(12, 10, way="none", lanes=(1, 1)),
        signal(13, 60, "1000011", lanes=(-1, -1)),
        signal(14, 80, lanes=(0, 0)),
        signal(15, 90, "F", way="-"),
        signal(16, 30, way="none"),
        signal(17, 100, "1000020", way="+"),
    )
    text = drawn(road(1, signals="".join(signals)))
    world = loaded(text)
    lights = {
        int(light.get_opendrive_id()): light
        for light in world.get_actors().filter("traffic.traffic_light")
    }
    assert sorted(lights) == [11, 12, 13, 14, 15, 16, 17]
    for mark in world.get_map().get_all_landmarks():  # the client lists none that names no lane
        assert world.get_traffic_light(mark).id == lights[int(mark.id)].id
    ruled = {
        int(signal.id): sorted(
            world.get_map().get_waypoint(carla.Location(*box[:3])).lane_id for box in signal.boxes
        )
        for signal in town_from_opendrive(text, "drawn").signals
    }
    assert ruled == {11: [-1], 12: [1], 13: [-1], 14: [-1], 15: [1], 16: [-1, 1], 17: [-1]}
    assert all(len(light.get_group_traffic_lights()) == 1 for light in lights.values())


def test_stop_yield_and_speed_limit_signs_are_actors(loaded):
    signals = (
        signal(21, 40, "206", lanes=(-1, -1)),
        signal(22, 60, "205", lanes=(-1, -1)),
        signal(23, 80, "274", subtype="50", lanes=(-1, -1)),
        signal(24, 90, "274", value="30", lanes=(-1, -1)),
        signal(25, 95, "1000003"),
    )
    world = loaded(drawn(road(1, signals="".join(signals))))
    found = {}
    for mark in world.get_map().get_all_landmarks():
        sign = world.get_traffic_sign(mark)
        if sign is not None:
            found[int(mark.id)] = sign.type_id
            assert not sign.destroy()
    limits = {23: "traffic.speed_limit.50", 24: "traffic.speed_limit.30"}
    assert found == {21: "traffic.stop", 22: "traffic.yield", **limits}
    assert len(world.get_actors().filter("traffic.*")) == 4
    assert len(world.get_level_bbs(carla.CityObjectLabel.TrafficSigns)) == 4
    stop = next(iter(world.get_actors().filter("traffic.stop")))
    box = stop.trigger_volume
    zone = stop.get_transform().transform(carla.Location(box.location))
    assert world.get_map().get_waypoint(zone).lane_id == -1
    assert zone.x == pytest.approx(37.0, abs=0.1)


def test_a_yield_sign_tells_a_car_to_wait_while_another_is_in_the_junction(loaded):
    stem = signal(22, 55, "205", lanes=(-1, -1))
    world = loaded(drawn(*crossing(signals=stem)))
    carla_map, library = world.get_map(), world.get_blueprint_library()

    def put(number, s, lane=-1):
        place = carla_map.get_waypoint_xodr(number, lane, s).transform
        place.location.z += 0.3
        car = world.spawn_actor(library.find("vehicle.audi.tt"), place)
        world.tick()
        return car

    waits = put(1, 52.0)
    told = waits.get_traffic_light_state
    assert (told(), waits.is_at_traffic_light()) == (carla.TrafficLightState.Green, False)
    behind = put(1, 30.0)
    assert told() == carla.TrafficLightState.Green
    inside = put(101, 8.0)
    world.tick()
    assert (told(), waits.is_at_traffic_light()) == (carla.TrafficLightState.Red, False)
    assert inside.get_traffic_light_state() == carla.TrafficLightState.Green
    assert behind.get_traffic_light_state() == carla.TrafficLightState.Green
    inside.destroy()
    world.tick()
    assert told() == carla.TrafficLightState.Green
    put(2, 5.0)  # drives away from the junction
    world.tick()
    assert told() == carla.TrafficLightState.Green
    put(2, 5.0, lane=1)  # comes to it
    world.tick()
    assert told() == carla.TrafficLightState.Red


def test_cars_on_a_bridge_and_under_it_keep_to_their_roads(loaded):
    up, down = (0.0, 0.0, 0.0, 0.0024, -0.000016), (100.0, 8.0, 0.0, -0.0024, 0.000016)
    world = loaded(
        drawn(
            road(1, x=-100.0, length=200.0),
            road(2, y=-100.0, hdg=np.pi / 2, length=200.0, heights=(up, down)),
        )
    )
    carla_map, library = world.get_map(), world.get_blueprint_library()
    for point in carla_map.get_spawn_points():
        lane = carla_map.get_waypoint(point.location)
        assert lane.transform.location.distance(point.location) < 0.6
    cars = []
    for number in (1, 2):
        start = carla_map.get_waypoint_xodr(number, -1, 60.0).transform
        start.location.z += 0.3
        cars.append(world.spawn_actor(library.find("vehicle.tesla.model3"), start))
        cars[-1].enable_constant_velocity(carla.Vector3D(12.0, 0.0, 0.0))
    highest = [0.0, 0.0]
    for _ in range(110):
        world.tick()
        for index, car in enumerate(cars):
            here = car.get_location()
            highest[index] = max(highest[index], here.z)
            along = here.x + 100.0 if index == 0 else 100.0 - here.y
            lane = carla_map.get_waypoint_xodr(index + 1, -1, along)
            assert here.z == pytest.approx(lane.transform.location.z, abs=0.35)
    assert highest[0] < 0.35  # from where it was dropped
    assert highest[1] > 7.5


def test_a_lane_goes_on_over_its_sections(loaded):
    pieces = tuple(float(s) for s in range(0, 120, 12))
    world = loaded(drawn(road(1, pieces=pieces)))
    whole = loaded(drawn(road(1)))
    in_pieces, in_one = (w.get_map().get_spawn_points() for w in (world, whole))
    assert len(in_pieces) == len(in_one) >= 16


def test_a_map_of_one_short_lane_has_a_place_to_start(loaded):
    world = loaded(drawn(road(1, length=15.0)))
    points = world.get_map().get_spawn_points()
    assert [point.location.x for point in points] == pytest.approx([7.5, 7.5], abs=0.01)
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    assert all(world.try_spawn_actor(blueprint, point) for point in points)
