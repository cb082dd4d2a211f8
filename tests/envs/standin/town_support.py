"""Towns and their maps, made once for all tests."""

from functools import cache

import carla
import networkx as nx

from envs.standin.town import Town, load_town


@cache
def town(name: str) -> Town:
    return load_town(name)


@cache
def client_map(name: str) -> carla.Map:
    return carla.Map(name, town(name).opendrive)


@cache
def lane_graph(carla_map: carla.Map) -> nx.DiGraph:
    """Lanes (road, lane) and where each leads; edges weigh the lane's length in metres."""
    graph = nx.DiGraph()
    for begin, end in carla_map.get_topology():
        length = begin.transform.location.distance(
            begin.next_until_lane_end(2.0)[-1].transform.location
        )
        graph.add_edge((begin.road_id, begin.lane_id), (end.road_id, end.lane_id), length=length)
    return graph
