"""Maps that cannot become a town are refused by the name of what is wrong in them."""

from __future__ import annotations

import pytest

from envs.standin.town.build import town_from_opendrive
from envs.standin.town.check import check_opendrive

MAP = """<?xml version="1.0"?>
<OpenDRIVE><header revMajor="1" revMinor="4"/>
<road name="lane" length="{length}" id="{id}" junction="-1"><link/>
<planView><geometry s="0" x="{x}" y="0" hdg="0" length="{length}"><line/></geometry></planView>
<elevationProfile/><lateralProfile/>
<lanes><laneSection s="0"><center><lane id="0" type="none" level="false"/></center><right>
<lane id="-1" type="driving" level="false"><link/>
<width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes></road>
{more}</OpenDRIVE>"""


def opendrive(**values):
    return MAP.format(**{"length": 80, "id": 1, "x": 0, "more": "", **values})


def test_a_sound_map_passes():
    check_opendrive(opendrive())
    assert len(town_from_opendrive(opendrive(), "lane").spawn_points)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id": "Main Street"}, "road 'Main Street': CARLA needs an id that is a whole number"),
        ({"x": "nan"}, "road '1': geometry has x=nan"),
        ({"x": "east"}, "road '1': geometry has x='east'"),
        ({"length": "1e7"}, "the map has 10,000 km of road; this server takes at most 1,000 km"),
        ({"length": "inf"}, "road '1': road has length=inf"),
        (
            {"more": '<junction id="5" type="direct"></junction>'},
            "junction '5' is a direct junction, which CARLA 0.9.16 does not read",
        ),
        ({"more": '<junction id="north"></junction>'}, "junction 'north': CARLA needs an id"),
        ({"more": "<road"}, "the OpenDRIVE text is not XML"),
    ],
)
def test_what_is_wrong_is_named_at_once(values, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        town_from_opendrive(opendrive(**values), "wrong")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
