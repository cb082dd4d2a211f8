"""The mesh that walkers find their way on."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest

from envs.standin.town import TOWNS, town_from_osm
from envs.standin.town.detour import BLOCKED, CROSSWALK, ROAD, SIDEWALK
from envs.standin.town.lanes import RoadMap
from envs.standin.town.navigation import walkable
from tests.envs.standin.test_town_osm import extract
from tests.envs.standin.town_support import town


def graph(mesh, areas):
    """Pieces of some kinds of ground, and which lie beside which."""
    pieces = nx.Graph()
    pieces.add_nodes_from(np.flatnonzero(np.isin(mesh.areas, areas)).tolist())
    for piece in list(pieces):
        beside = [n for n in mesh.neighbours[piece].tolist() if n >= 0 and n in pieces]
        pieces.add_edges_from((piece, other) for other in beside)
    return pieces


@pytest.mark.parametrize("name", TOWNS)
def test_pieces_are_convex_and_share_the_sides_over_which_one_walks(name):
    mesh = walkable(town(name).road_map)
    outlines = mesh.vertices[mesh.corners][:, :, :2]
    steps = np.roll(outlines, -1, axis=1) - outlines
    after = np.roll(steps, -1, axis=1)
    turns = steps[..., 0] * after[..., 1] - steps[..., 1] * after[..., 0]
    assert (turns < 1e-3).all()
    for piece, side in np.argwhere(mesh.neighbours >= 0).tolist():
        other = mesh.neighbours[piece, side]
        mine = mesh.vertices[mesh.corners[piece, [side, (side + 1) % 4]]]
        theirs = mesh.vertices[mesh.corners[other]]
        gaps = np.linalg.norm(mine[:, None] - theirs[None], axis=2).min(axis=1)
        road = ROAD in (mesh.areas[piece], mesh.areas[other])
        assert gaps.max() < (0.7 if road else 1e-6)


def test_no_walker_is_sent_over_a_piece_that_is_not_convex():
    """As of a lane that opens within a few metres: the client's search takes convex ones alone."""
    strip = next(s for s in town("Town01").road_map.strips if s.kind == "sidewalk")
    bent = replace(strip, right=strip.right.copy())
    middle = len(bent.right) // 2
    bent.right[middle] = bent.right[middle - 2] + (bent.left[middle] - bent.right[middle])
    mesh = walkable(RoadMap((bent,), ()))
    assert BLOCKED in mesh.areas
    assert SIDEWALK in mesh.areas


def test_crosswalks_make_one_ground_of_all_pavements():
    mesh = walkable(town("Town05").road_map)
    crossings = int((mesh.areas == CROSSWALK).sum())
    assert crossings == len(town("Town05").road_map.crosswalks) == 26
    assert nx.is_connected(graph(mesh, [SIDEWALK, CROSSWALK]))
    assert nx.number_connected_components(graph(mesh, [SIDEWALK])) > 5


def test_without_crosswalks_the_road_alone_joins_pavements():
    mesh = walkable(town("Town01").road_map)
    assert not (mesh.areas == CROSSWALK).any()
    pavements = list(nx.connected_components(graph(mesh, [SIDEWALK])))
    assert len(pavements) > 5
    everything = graph(mesh, [SIDEWALK, ROAD])
    assert all(set(nx.node_connected_component(everything, min(p))) > p for p in pavements)


def test_streets_from_a_map_have_their_pavements():
    grid = town_from_osm(extract(), "grid")
    paved = [strip for strip in grid.road_map.strips if strip.kind == "sidewalk"]
    mesh = walkable(grid.road_map)
    assert paved
    assert mesh is not None
    assert (mesh.areas == SIDEWALK).sum() >= len(paved)
    assert grid.navigation_file.startswith("Nav/grid-")


def test_a_map_without_pavement_has_none():
    roads = tuple(s for s in town("Town01").road_map.strips if s.kind != "sidewalk")
    assert walkable(RoadMap(roads, ())) is None
