"""Published figures of the vehicles: sizes, masses and what they can do.

Figures are those of makers' data sheets (body width without mirrors) for the model that the
blueprint is named after; braking distances are of the order that magazines measure. A time of 0
means that none is published: the model then follows from power, mass and grip.

30 of the 41 vehicles have sources, most of them reviews: `docs/vehicle_sources.csv` has 85 figures
of 19 vehicles as printed, and those below were checked too. The other figures are from memory of
the data sheets and may be a few per cent off.

* audi.a2: width, height, mass, power, 0-100, top speed.
  https://fleetnews.co.uk/cars/reviews/audi/a2/hatchback-2000/16-se-fsi-5dr/33042
  https://www.tafichetechnique.fr/audi/a2/estandar/2000/audi-a2-2000-5p-14g-mt5-75cv-1lme
* audi.etron: sizes, power, 0-100, top speed. https://paperblog.fr/8762555/audi-e-tron/amp
* audi.tt: sizes, mass.
  https://completecar.ie/amp/car_news/3403/Wraps-come-off-third-gen-Audi-TT.html
* bmw.grandtourer: sizes, mass.
  https://authenticcars.blogspot.com/2015/02/bmw-2-series-gran-tourer-mpv-revealed.html
* citroen.c3: length, height, mass, turning circle.
  https://practicalmotoring.com.au/car-reviews/2017-citroen-c3-review-first-drive/
* dodge.charger_police, dodge.charger_police_2020 (V8): power, 0-100 (between 0-60 and 0-70 mph).
  http://www.topspeed.com/cars/car-news/dodge-charger-pursuit-achieves-record-time-at-michigan-evaluation-test-ar116713.html
  http://towerspropertymgmt.com/towers/content_feed.asp?article_id=3817
* ford.crown: power. https://www.modernracer.com/features/fordcrownvictoriacop.html
* kawasaki.ninja (400): mass (dry), power.
  https://www.motorbox.com/moto/magazine-moto/moto-novita/kawasaki-z400-2019-la-ninja-400-scarenata-arrivera-ad-eicma-2018
* lincoln.mkz_2017, lincoln.mkz_2020: sizes, mass, power. http://piglix.com/piglix/Lincoln_Zephyr/MKZ
  https://betweentheaxles.net/2017-lincoln-mkz-facelift-continental-nose-job-3l-turbo-v6-8239
* mercedes.sprinter: length, power.
  http://ybenz.com/2017-mercedes-benz-sprinter-316-cdi-mwb-review/
* micro.microlino: length, top speed.
  https://moniteurautomobile.be/actu-auto/nouveaute/microlino-prete-production-en-serie.html
* mini.cooper_s (R56 of 2010): sizes, mass, power, 0-100, top speed; mini.cooper_s_2021 (F56):
  sizes, top speed. https://ausmotive.com/category/mini/page/5
* nissan.patrol_2021: power. https://roadtestmaster.blogspot.com/2013/10/nissan-y62-patrol-st-l-v8.html
* tesla.cybertruck: sizes, within 0.3 %.
  https://www.breakinglatest.news/business/tesla-cybertruck-what-we-know-about-the-electric-pick-up-that-will-debut-on-november-30th/
* tesla.model3: power. https://evkx.net/models/tesla/model_3/model_3_long_range/
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VehicleSpec:
    """One vehicle. Lengths in m, mass in kg, power in kW, speeds in km/h, times in s."""

    name: str
    kind: str
    wheels: int
    generation: int
    length: float
    width: float
    height: float
    wheelbase: float
    mass: float
    power: float
    zero_to_hundred: float
    top_speed: float
    braking_100_0: float
    turning_circle: float
    special: str = ""
    gears: int = 6


def _car(
    name: str,
    generation: int,
    size: tuple[float, float, float, float],
    mass: float,
    power: float,
    figures: tuple[float, float, float, float],
    kind: str = "car",
    special: str = "",
    gears: int = 6,
) -> VehicleSpec:
    return VehicleSpec(name, kind, 4, generation, *size, mass, power, *figures, special, gears)


def _bike(
    name: str,
    size: tuple[float, float, float, float],
    mass: float,
    power: float,
    figures: tuple[float, float, float, float],
    kind: str = "bicycle",
    gears: int = 1,
) -> VehicleSpec:
    return VehicleSpec(name, kind, 2, 1, *size, mass, power, *figures, "", gears)


#: (length, width, height, wheelbase), mass, power, (0-100 s, top km/h, 100-0 m, turning circle m)
VEHICLES: tuple[VehicleSpec, ...] = (
    _car("audi.a2", 1, (3.826, 1.673, 1.553, 2.405), 895, 55, (12.3, 173, 39.5, 10.5)),
    _car("audi.etron", 1, (4.901, 1.935, 1.616, 2.928), 2490, 300, (5.7, 200, 36.0, 12.2), gears=1),
    _car("audi.tt", 1, (4.177, 1.832, 1.353, 2.505), 1230, 169, (5.9, 250, 34.9, 10.96)),
    _car("bmw.grandtourer", 1, (4.556, 1.800, 1.608, 2.780), 1395, 100, (9.3, 205, 36.5, 11.7)),
    _car("chevrolet.impala", 1, (5.113, 1.854, 1.496, 2.837), 1720, 227, (6.8, 240, 39.0, 11.8)),
    _car("citroen.c3", 1, (3.996, 1.749, 1.474, 2.540), 1051, 60, (12.8, 169, 38.0, 10.9)),
    _car("dodge.charger_2020", 2, (5.040, 1.905, 1.479, 3.052), 1900, 276, (5.3, 233, 38.0, 11.7)),
    _car(
        "dodge.charger_police",
        1,
        (5.078, 1.905, 1.482, 3.052),
        1930,
        276,
        (6.2, 240, 38.0, 11.5),
        special="emergency",
    ),
    _car(
        "dodge.charger_police_2020",
        2,
        (5.040, 1.905, 1.479, 3.052),
        1930,
        276,
        (6.2, 240, 38.0, 11.5),
        special="emergency",
    ),
    _car(
        "ford.crown",
        2,
        (5.385, 1.986, 1.443, 2.911),
        1870,
        178,
        (8.6, 208, 42.0, 12.3),
        special="taxi",
        gears=4,
    ),
    _car(
        "ford.mustang", 1, (4.613, 1.732, 1.298, 2.743), 1361, 147, (8.6, 177, 53.3, 11.6), gears=3
    ),
    _car(
        "jeep.wrangler_rubicon", 1, (3.879, 1.873, 1.840, 2.423), 1830, 147, (10.6, 172, 42.5, 10.4)
    ),
    _car("lincoln.mkz_2017", 1, (4.930, 1.864, 1.476, 2.850), 1700, 182, (7.1, 210, 37.5, 11.6)),
    _car("lincoln.mkz_2020", 2, (4.930, 1.864, 1.476, 2.850), 1700, 182, (7.1, 210, 37.5, 11.6)),
    _car("mercedes.coupe", 1, (4.696, 1.810, 1.405, 2.840), 1565, 180, (6.0, 250, 35.5, 11.2)),
    _car("mercedes.coupe_2020", 2, (4.696, 1.810, 1.405, 2.840), 1565, 180, (6.0, 250, 35.5, 11.2)),
    _car(
        "micro.microlino", 1, (2.519, 1.473, 1.501, 1.566), 535, 12.5, (0, 90, 44.0, 7.4), gears=1
    ),
    _car("mini.cooper_s", 1, (3.729, 1.683, 1.407, 2.467), 1140, 135, (7.0, 228, 37.0, 10.66)),
    _car("mini.cooper_s_2021", 2, (3.850, 1.727, 1.414, 2.495), 1250, 131, (6.7, 235, 35.5, 10.8)),
    _car("nissan.micra", 1, (3.719, 1.660, 1.540, 2.430), 975, 48, (15.0, 154, 42.0, 9.2), gears=5),
    _car("nissan.patrol", 1, (5.050, 1.940, 1.855, 2.970), 2450, 118, (15.2, 160, 45.0, 12.2)),
    _car("nissan.patrol_2021", 2, (5.315, 1.995, 1.940, 3.075), 2715, 298, (6.6, 210, 42.0, 12.5)),
    _car("seat.leon", 1, (4.263, 1.816, 1.459, 2.636), 1236, 110, (8.0, 215, 36.0, 10.3)),
    _car(
        "tesla.model3", 1, (4.694, 1.849, 1.443, 2.875), 1847, 324, (4.6, 233, 35.7, 11.6), gears=1
    ),
    _car(
        "tesla.cybertruck",
        1,
        (5.683, 2.032, 1.791, 3.635),
        3000,
        447,
        (4.3, 180, 41.0, 13.3),
        kind="truck",
        gears=1,
    ),
    _car(
        "toyota.prius", 1, (4.540, 1.760, 1.470, 2.700), 1400, 90, (10.4, 180, 38.5, 10.8), gears=1
    ),
    _car(
        "volkswagen.t2",
        1,
        (4.505, 1.720, 1.955, 2.400),
        1250,
        49,
        (0, 125, 50.0, 11.3),
        kind="van",
        gears=4,
    ),
    _car(
        "volkswagen.t2_2021",
        2,
        (4.505, 1.720, 1.955, 2.400),
        1250,
        49,
        (0, 125, 50.0, 11.3),
        kind="van",
        gears=4,
    ),
    _car(
        "mercedes.sprinter",
        2,
        (5.932, 1.993, 2.620, 3.665),
        2250,
        120,
        (13.5, 160, 44.0, 13.4),
        kind="van",
    ),
    _car(
        "ford.ambulance",
        2,
        (6.364, 2.351, 2.431, 4.014),
        4000,
        164,
        (14.5, 140, 52.0, 15.6),
        kind="van",
        special="emergency",
    ),
    _car(
        "carlamotors.carlacola",
        1,
        (5.204, 2.407, 2.467, 3.200),
        5500,
        110,
        (0, 110, 60.0, 13.0),
        kind="truck",
    ),
    _car(
        "carlamotors.firetruck",
        2,
        (8.468, 2.550, 3.833, 4.500),
        14500,
        235,
        (0, 110, 66.0, 17.6),
        kind="truck",
        special="emergency",
    ),
    _car(
        "carlamotors.european_hgv",
        2,
        (7.937, 2.550, 3.480, 3.900),
        9500,
        330,
        (0, 90, 66.0, 15.6),
        kind="truck",
        gears=12,
    ),
    _car(
        "mitsubishi.fusorosa",
        2,
        (6.990, 2.010, 2.635, 3.995),
        4000,
        110,
        (0, 120, 60.0, 14.2),
        kind="bus",
    ),
    _bike(
        "harley-davidson.low_rider",
        (2.355, 0.905, 1.160, 1.630),
        310,
        64,
        (5.0, 180, 42.0, 5.8),
        "motorcycle",
        6,
    ),
    _bike(
        "kawasaki.ninja",
        (2.015, 0.710, 1.110, 1.370),
        164,
        33,
        (5.4, 180, 41.0, 5.0),
        "motorcycle",
        6,
    ),
    _bike("vespa.zx125", (1.770, 0.690, 1.140, 1.280), 110, 6, (0, 90, 46.0, 4.0), "motorcycle"),
    _bike(
        "yamaha.yzf", (2.055, 0.690, 1.150, 1.405), 199, 147, (3.1, 290, 38.0, 6.6), "motorcycle", 6
    ),
    _bike("bh.crossbike", (1.800, 0.620, 1.080, 1.090), 13, 0.35, (0, 40, 62.0, 4.2)),
    _bike("diamondback.century", (1.700, 0.440, 1.010, 1.000), 10, 0.40, (0, 45, 62.0, 4.4)),
    _bike("gazelle.omafiets", (1.850, 0.590, 1.120, 1.150), 20, 0.25, (0, 30, 66.0, 4.4)),
)

BY_NAME: dict[str, VehicleSpec] = {f"vehicle.{spec.name}": spec for spec in VEHICLES}
