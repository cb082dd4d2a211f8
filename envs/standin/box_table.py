"""Bounding boxes of CARLA 0.9.16's own vehicles, props and walkers.

They were measured on a real server by Scenic's authors and are rounded to mm:
https://github.com/BerkeleyLearnVerify/Scenic/blob/main/src/scenic/simulators/carla/_blueprintData.py
Boxes of vehicles hold mirrors, of bicycles and motorcycles the rider too.
"""

from __future__ import annotations

Size = tuple[float, float, float]

#: Length, width and height in m of `vehicle.*`.
VEHICLES: dict[str, Size] = {
    "audi.a2": (3.705, 1.789, 1.549),
    "audi.etron": (4.856, 2.033, 1.649),
    "audi.tt": (4.181, 1.994, 1.385),
    "bh.crossbike": (1.509, 0.866, 1.612),
    "bmw.grandtourer": (4.611, 2.242, 1.667),
    "carlamotors.carlacola": (5.204, 2.627, 2.467),
    "carlamotors.european_hgv": (7.936, 2.891, 3.462),
    "carlamotors.firetruck": (8.468, 2.891, 3.827),
    "chevrolet.impala": (5.357, 2.033, 1.411),
    "citroen.c3": (3.988, 1.851, 1.617),
    "diamondback.century": (1.656, 0.582, 1.620),
    "dodge.charger_2020": (5.008, 1.882, 1.535),
    "dodge.charger_police": (4.974, 2.038, 1.542),
    "dodge.charger_police_2020": (5.238, 1.930, 1.638),
    "ford.ambulance": (6.366, 2.351, 2.431),
    "ford.crown": (5.366, 1.801, 1.575),
    "ford.mustang": (4.718, 1.895, 1.301),
    "gazelle.omafiets": (1.843, 0.659, 1.776),
    "harley-davidson.low_rider": (2.350, 0.766, 1.649),
    "jeep.wrangler_rubicon": (3.866, 1.905, 1.878),
    "kawasaki.ninja": (2.044, 0.797, 1.523),
    "lincoln.mkz_2017": (4.902, 2.128, 1.511),
    "lincoln.mkz_2020": (4.892, 1.837, 1.490),
    "mercedes.coupe": (5.027, 2.152, 1.651),
    "mercedes.coupe_2020": (4.674, 1.812, 1.442),
    "mercedes.sprinter": (5.915, 1.988, 2.561),
    "micro.microlino": (2.207, 1.481, 1.376),
    "mini.cooper_s": (3.806, 1.970, 1.475),
    "mini.cooper_s_2021": (4.553, 2.097, 1.767),
    "mitsubishi.fusorosa": (10.273, 3.944, 4.253),
    "nissan.micra": (3.633, 1.845, 1.501),
    "nissan.patrol": (4.605, 1.932, 1.855),
    "nissan.patrol_2021": (5.566, 2.150, 2.045),
    "seat.leon": (4.193, 1.816, 1.474),
    "tesla.cybertruck": (6.274, 2.390, 2.098),
    "tesla.model3": (4.792, 2.163, 1.488),
    "toyota.prius": (4.514, 2.007, 1.525),
    "vespa.zx125": (1.817, 0.866, 1.590),
    "volkswagen.t2": (4.480, 2.069, 2.038),
    "volkswagen.t2_2021": (4.442, 1.775, 1.987),
    "yamaha.yzf": (2.191, 0.866, 1.530),
}

#: Length, width and height in m of `static.prop.*`.
PROPS: dict[str, Size] = {
    "advertisement": (1.549, 0.287, 2.443),
    "aporosatree": (12.958, 12.585, 15.633),
    "atm": (0.713, 0.874, 2.276),
    "barbeque": (0.946, 0.499, 1.264),
    "barrel": (0.460, 0.471, 0.807),
    "bench01": (1.544, 0.736, 0.970),
    "bench02": (1.564, 0.545, 0.509),
    "bench03": (1.583, 0.513, 0.513),
    "bike helmet": (0.186, 0.277, 0.171),
    "bin": (0.548, 0.638, 1.059),
    "box01": (0.652, 0.652, 0.692),
    "box02": (0.649, 0.649, 0.649),
    "box03": (0.661, 0.670, 0.649),
    "briefcase": (0.543, 0.181, 0.433),
    "brokentile01": (0.134, 0.176, 0.007),
    "brokentile02": (0.210, 0.152, 0.008),
    "brokentile03": (0.154, 0.145, 0.009),
    "brokentile04": (0.130, 0.126, 0.010),
    "busstop": (3.876, 1.894, 2.739),
    "busstoplb": (1.894, 3.876, 2.739),
    "calibrator": (1.548, 0.690, 0.202),
    "chainbarrier": (1.494, 0.239, 0.889),
    "chainbarrierend": (0.239, 0.239, 0.889),
    "clothcontainer": (1.239, 1.887, 1.810),
    "clothesline": (6.652, 1.118, 2.061),
    "coconutpalm": (8.604, 8.886, 20.315),
    "colacan": (0.068, 0.072, 0.110),
    "constructioncone": (0.344, 0.344, 0.586),
    "container": (1.932, 1.012, 1.714),
    "creasedbox01": (0.809, 0.713, 0.118),
    "creasedbox02": (1.633, 0.713, 0.212),
    "creasedbox03": (1.669, 0.713, 0.022),
    "cypresstree": (4.610, 4.628, 15.679),
    "dirtdebris01": (1.857, 1.514, 0.149),
    "dirtdebris02": (1.857, 1.514, 0.149),
    "dirtdebris03": (1.857, 1.514, 0.188),
    "doghouse": (1.079, 1.272, 1.094),
    "foodcart": (2.285, 4.638, 3.573),
    "fountain": (8.402, 8.402, 6.924),
    "garbage01": (0.053, 0.053, 0.087),
    "garbage02": (0.053, 0.053, 0.009),
    "garbage03": (0.060, 0.059, 0.079),
    "garbage04": (0.057, 0.056, 0.069),
    "garbage05": (0.232, 0.233, 0.058),
    "garbage06": (0.366, 0.213, 0.077),
    "gardenlamp": (0.297, 0.281, 0.648),
    "glasscontainer": (1.955, 2.009, 1.788),
    "gnome": (0.367, 0.376, 0.883),
    "guitarcase": (1.242, 0.125, 0.494),
    "haybale": (1.248, 1.193, 1.195),
    "haybalelb": (1.248, 1.193, 1.195),
    "ironplank": (1.452, 1.174, 0.021),
    "kiosk_01": (1.625, 1.654, 3.245),
    "mailbox": (0.527, 0.438, 1.157),
    "maptable": (1.573, 0.617, 1.181),
    "mobile": (0.080, 0.007, 0.166),
    "motorhelmet": (0.200, 0.259, 0.258),
    "pergola": (5.029, 5.085, 3.542),
    "plantpot01": (1.089, 0.476, 0.557),
    "plantpot02": (1.051, 0.431, 0.487),
    "plantpot03": (1.051, 0.431, 0.487),
    "plantpot04": (4.967, 0.737, 0.125),
    "plantpot05": (0.400, 0.400, 0.280),
    "plantpot06": (1.593, 1.593, 0.850),
    "plantpot07": (0.495, 0.476, 0.557),
    "plantpot08": (0.530, 0.530, 0.489),
    "plasticbag": (0.311, 0.403, 0.552),
    "plasticchair": (0.730, 0.750, 1.271),
    "plastictable": (2.482, 2.482, 2.480),
    "platformgarbage01": (3.633, 1.711, 0.332),
    "purse": (0.159, 0.333, 0.585),
    "shoppingbag": (0.474, 0.243, 0.601),
    "shoppingcart": (0.669, 1.208, 1.079),
    "shoppingtrolley": (0.506, 0.331, 1.094),
    "slide": (0.943, 4.122, 1.977),
    "streetbarrier": (1.215, 0.372, 1.069),
    "streetfountain": (0.287, 0.670, 1.259),
    "streetsign": (1.064, 0.125, 2.154),
    "streetsign01": (2.470, 0.303, 3.878),
    "streetsign04": (1.171, 0.125, 2.773),
    "swing": (4.105, 1.577, 2.572),
    "swingcouch": (1.357, 2.362, 2.249),
    "table": (2.156, 2.152, 0.846),
    "trafficcone01": (0.883, 0.882, 1.133),
    "trafficcone02": (0.456, 0.395, 1.183),
    "trafficwarning": (2.373, 2.871, 3.570),
    "trampoline": (4.132, 4.132, 2.802),
    "trashbag": (0.378, 0.430, 0.702),
    "trashcan01": (0.635, 0.568, 0.848),
    "trashcan02": (0.524, 0.514, 1.045),
    "trashcan03": (0.629, 0.545, 0.934),
    "trashcan04": (0.789, 0.580, 1.016),
    "trashcan05": (0.789, 0.580, 1.016),
    "travelcase": (0.567, 0.328, 1.263),
    "vendingmachine": (0.873, 1.102, 2.108),
    "warningaccident": (1.305, 1.055, 1.860),
    "warningconstruction": (1.305, 1.055, 1.860),
    "wateringcan": (0.070, 0.194, 0.135),
}

_ADULT: Size = (0.375, 0.375, 1.86)
_TODDLER: Size = (0.5, 0.5, 1.1)
_CHILD: Size = (0.375, 0.375, 1.3)
_CHILDREN = {9: _TODDLER, 10: _TODDLER, 11: _TODDLER, 48: _TODDLER, 49: _TODDLER}
_CHILDREN |= {12: _CHILD, 13: _CHILD, 14: _CHILD}

#: Length, width and height in m of `walker.pedestrian.*`, by number.
WALKERS: dict[int, Size] = {number: _CHILDREN.get(number, _ADULT) for number in range(1, 53)}


def half_of(type_id: str) -> Size:
    """Half sizes of a vehicle's, walker's or prop's box; zeros for what has none."""
    family, _, name = type_id.partition(".")
    if family == "vehicle":
        size = VEHICLES[name]
    elif family == "walker":
        size = WALKERS[int(name.rpartition(".")[2])]
    else:
        size = PROPS.get(name.removeprefix("prop."), (0.0, 0.0, 0.0))
    return size[0] / 2.0, size[1] / 2.0, size[2] / 2.0
