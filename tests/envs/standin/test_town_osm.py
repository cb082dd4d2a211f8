"""Towns from OpenStreetMap extracts."""

import networkx as nx
import numpy as np
import pytest

from envs.standin.picture import BOX, Renderer
from envs.standin.town import town_from_osm
from tests.envs.standin.test_picture_geometry import NOON, camera_at
from tests.envs.standin.town_support import lane_graph


def extract(rows=3, columns=3, step=0.0012):
    """A grid of residential streets with traffic lights in the middle."""
    nodes, ways = [], []
    for i in range(rows):
        for j in range(columns):
            light = '<tag k="highway" v="traffic_signals"/>' if (i, j) == (1, 1) else ""
            nodes.append(
                f'<node id="{10 * i + j + 1}" version="1" lat="{49.0 + i * step}" '
                f'lon="{8.0 + j * step * 1.5}">{light}</node>'
            )
    lines = [[10 * i + j + 1 for j in range(columns)] for i in range(rows)]
    lines += [[10 * i + j + 1 for i in range(rows)] for j in range(columns)]
    for number, line in enumerate(lines):
        refs = "".join(f'<nd ref="{node}"/>' for node in line)
        ways.append(
            f'<way id="{900 + number}" version="1">{refs}'
            '<tag k="highway" v="residential"/><tag k="lanes" v="2"/></way>'
        )
    return f'<osm version="0.6">{"".join(nodes)}{"".join(ways)}</osm>'


@pytest.fixture(scope="module")
def grid():
    return town_from_osm(extract(), "grid")


def test_an_extract_becomes_a_town_to_drive_in(grid):
    import carla

    graph = lane_graph(carla.Map("grid", grid.opendrive))
    largest = max(nx.strongly_connected_components(graph), key=len)
    assert len(largest) > 0.8 * len(graph)
    assert len(grid.spawn_points) > 30
    assert len(grid.scenery.buildings) > 10


def test_an_extract_can_be_drawn(grid):
    picture = Renderer(grid).render(camera_at(grid.spawn_points[0]), np.zeros(0, BOX), NOON)
    assert picture[..., :3].std() > 20.0


def test_text_without_streets_is_refused():
    with pytest.raises(ValueError, match="OpenStreetMap"):
        town_from_osm('<osm version="0.6"></osm>', "empty")
