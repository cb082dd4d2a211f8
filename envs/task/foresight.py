"""What other traffic that may cross the route lets the ego do: right of way and gap acceptance.

The ego passes a zone, where another lane crosses or joins its route, before another car comes or
after it has gone, and waits where it is in nobody's way. A car comes on any lane that it may be on
(`passages`) unless a light holds it. What follows is told once, as a `Crossing`, which the
`EgoState` carries: expert, reward, labels and figures read it there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from envs.task.passages import SCENE, Passage, Spot, Zone, passages, spots
from envs.task.route import LaneKey, Lanes, Route, RoutePosition
from envs.task.surroundings import NearbyActors, conflict, within

LOOK = 45.0  # m ahead of the bonnet in which zones count
LONG_HALF = 3.0  # m, half the length from which a car swings out in a turn
PEOPLE_HALF = 0.7  # m, half the length below which an actor keeps to no lane
PEOPLE_HORIZON = 4.0  # s


@dataclasses.dataclass(frozen=True)
class Caution:
    """How the ego takes turns with others; m, s, m/s and m/s^2.

    before: between the bonnet and a zone when it waits. lead, lag: how long it is out of a zone
    before another comes, and after it has gone. boldness: seconds by which a second of waiting
    shortens `lead`, down to `least_lead`, since others brake too. slowing, firm, hardest: its
    braking for those who go first, for those who should wait for it, and beyond which it is too
    late to stop. patience: how long one that stands, for no light, counts as about to start;
    patience_inside: as about to leave the zone it stands in. After that only its body counts.
    """

    before: float = 1.5
    lead: float = 1.0
    least_lead: float = -1.0
    boldness: float = 0.3
    lag: float = 0.3
    acceleration: float = 3.5
    slowing: float = 2.5
    firm: float = 4.0
    hardest: float = 8.5
    their_acceleration: float = 3.0
    their_speed: float = 9.0
    their_slowing: float = 4.0
    patience: float = 4.0
    patience_inside: float = 10.0
    standing: float = 0.4
    queue_gap: float = 2.0
    queue_speed: float = 1.5


@dataclasses.dataclass(frozen=True)
class Crossing:
    """Metres from the bonnet to where the ego has to be able to stop for crossing traffic, and the
    speed that this allows; infinity where it may drive on.

    margin: seconds between the ego and the nearest other in a zone, were it to drive on: the least
    over all comers, negative where both would be there at once, infinity where nobody comes.
    """

    metres: float = math.inf
    speed: float = math.inf
    margin: float = dataclasses.field(default=math.inf, compare=False)


@dataclasses.dataclass(frozen=True)
class Comer:
    """A car bound for a zone, by its number: seconds until it is there, and until it is gone."""

    zone: int
    comes: float
    goes: float


@dataclasses.dataclass(frozen=True)
class Sight:
    """The others of one tick, the seconds (N,) for which each has stood, and the lanes whose light
    is not green."""

    others: NearbyActors
    still: np.ndarray
    closed: frozenset[LaneKey]


@dataclasses.dataclass(frozen=True)
class Approach:
    """The ego before a junction: its middle's metre on the route, its speed and half length, the
    metre of the tail of a queue ahead, the seconds that it has waited, and those (M,) in which it
    is at `metres` (M,)."""

    distance: float
    speed: float
    half: float
    tail: float
    waited: float
    metres: np.ndarray
    seconds: np.ndarray

    @property
    def bonnet(self) -> float:
        """Metre of the route that its front has reached."""
        return self.distance + self.half

    def at(self, metre: float) -> float:
        """Return seconds until its middle is at a metre of the route, were it to drive on."""
        return float(np.interp(metre, self.metres, self.seconds))


class Foresight:
    """Crossing traffic of one route; `update` is called every tick and remembers who stands."""

    def __init__(
        self, lanes: Lanes, route: Route, cruise: np.ndarray, caution: Caution | None = None
    ) -> None:
        """cruise: (N,) the ego's speed at each point of the route if nobody were there, m/s."""
        self.route = route
        self.passages = passages(lanes, route)
        self.caution = caution or Caution()
        self._cruise = cruise
        self._still = np.zeros(0)
        self.waited = 0.0  # seconds that the ego has stood

    def update(
        self,
        others: NearbyActors,
        position: RoutePosition,
        speed: float,
        half: tuple[float, float],
        ahead: tuple[float, float],
        closed: frozenset[LaneKey],
        seconds: float,
    ) -> Callable[[], Crossing]:
        """Take in a tick, `seconds` after the last; return what tells what crossing traffic allows
        in it, which few ticks are asked for.

        half: the ego's half length and width; ahead: free metres to the actor ahead in its path and
        that one's speed; closed: the lanes whose light is not green.
        """
        self._count_standing(others, speed, seconds)
        sight = Sight(others, self._still, closed)
        return partial(self._crossing, sight, position, speed, half, ahead, self.waited)

    def _crossing(
        self,
        sight: Sight,
        position: RoutePosition,
        speed: float,
        half: tuple[float, float],
        ahead: tuple[float, float],
        waited: float,
    ) -> Crossing:
        ego = self._approach(position.distance, speed, half[0], ahead, waited)
        found = [_people(sight.others, self.route, position, ego, half, self.caution)]
        for passage in self.passages:
            if passage.enter < ego.bonnet + LOOK and passage.leave > ego.bonnet - 2.0 * ego.half:
                found.append(self._passing(passage, sight, ego))
        return _least(found)

    def _count_standing(self, others: NearbyActors, speed: float, seconds: float) -> None:
        self.waited = self.waited + seconds if speed < self.caution.standing else 0.0
        if len(self._still) != len(others):
            self._still = np.zeros(len(others))
        stands = np.hypot(others[:, 2], others[:, 3]) < self.caution.standing
        self._still = np.where(stands, self._still + seconds, 0.0)

    def _approach(
        self, distance: float, speed: float, half: float, ahead: tuple[float, float], waited: float
    ) -> Approach:
        """Return the ego's way as its acceleration and `cruise` allow."""
        gap, their_speed = ahead
        queues = their_speed < self.caution.queue_speed
        metres = distance + np.arange(0.0, 2.0 * LOOK)
        cruise = np.interp(metres, self.route.distances, self._cruise)
        speeds = [max(speed, 0.0)]
        for fastest in cruise[1:].tolist():
            faster = math.sqrt(speeds[-1] ** 2 + 2.0 * self.caution.acceleration)
            speeds.append(min(faster, max(fastest, 1.0)))
        means = 0.5 * (np.array(speeds[1:]) + np.array(speeds[:-1]))
        seconds = np.concatenate([[0.0], np.cumsum(1.0 / means)])
        tail = distance + half + gap if queues else math.inf
        return Approach(distance, max(speed, 0.0), half, tail, waited, metres, seconds)

    def _passing(self, passage: Passage, sight: Sight, ego: Approach) -> Crossing:
        comers = list(self._comers(passage, sight))
        used = {comer.zone for comer in comers}
        narrow = {
            number
            for number, zone in enumerate(passage.zones)
            if not zone.wide and (number in used or not zone.gates & sight.closed)
        }
        margins = [margin(passage.zones[comer.zone], comer, ego) for comer in comers]
        stops = [Crossing(margin=min(margins, default=math.inf))]
        for number, zone in enumerate(passage.zones):
            mine = [comer for comer in comers if comer.zone == number]
            met = any(meet(zone, comer, ego, self.caution) for comer in mine)
            full = number in narrow and queue_reaches(zone, ego, self.caution)
            if (met or full) and can_stop(zone, ego, self.caution):
                stops.append(self._stop(passage, number, ego, narrow))
        return _least(stops)

    def _comers(self, passage: Passage, sight: Sight) -> Iterator[Comer]:
        """Yield every zone that every car may come to; those held by a light do not stand."""
        others, still = sight.others, sight.still
        near = ((others[:, :2] - passage.middle) ** 2).sum(axis=1) < SCENE**2
        rows = np.flatnonzero(near & (others[:, 5] > PEOPLE_HALF))
        for spot in spots(passage, others[rows]):
            row = rows[spot.row]
            held = self._held(passage, spot, others[row], sight.closed)
            if held:
                still[row] = 0.0  # it may start with the light
            for number in np.flatnonzero(np.isfinite(passage.ahead[:, spot.lane])).tolist():
                comer = self._comer(passage, number, spot, others[row], still[row])
                if comer and number not in held:
                    yield comer

    def _held(
        self, passage: Passage, spot: Spot, other: np.ndarray, closed: frozenset[LaneKey]
    ) -> set[int]:
        """Return the zones that a light keeps a car from."""
        braking = (other[2] ** 2 + other[3] ** 2) / (2.0 * self.caution.their_slowing)
        held = set()
        for number, zone in enumerate(passage.zones):
            mouth = passage.ahead[number, spot.lane] - zone.first - spot.along - other[5]
            before = math.isfinite(mouth) and passage.lanes[spot.lane] != zone.lane
            if before and zone.gates & closed and mouth > braking - 2.0:
                held.add(number)
        return held

    def _comer(
        self, passage: Passage, number: int, spot: Spot, other: np.ndarray, still: float
    ) -> Comer | None:
        """Return a car's way to a zone; None where it is past it, or has stood for too long."""
        caution, zone = self.caution, passage.zones[number]
        metres = float(passage.ahead[number, spot.lane]) - spot.along - float(other[5])
        leaves = metres + zone.last - zone.first + 2.0 * float(other[5])
        if zone.wide and other[5] < LONG_HALF:
            return None
        patience = caution.patience_inside if metres <= 0.0 else caution.patience
        if leaves <= 0.0 or still > patience:
            return None
        speed = math.hypot(other[2], other[3])
        comes = arrival(metres, speed, caution.their_acceleration, caution.their_speed)
        stands = speed < caution.standing
        return Comer(number, comes, math.inf if stands else leaves / max(0.9 * speed, 1.0))

    def _stop(
        self, passage: Passage, number: int, ego: Approach, narrow: Iterable[int]
    ) -> Crossing:
        """Return where to stop for a zone: before the earlier ones that it would else stand on.

        narrow: the zones that are not to be stood on.
        """
        caution, zones = self.caution, passage.zones
        stop = zones[number].enter - caution.before
        for earlier in sorted(narrow, reverse=True):
            zone, mouth = zones[earlier], zones[earlier].enter - caution.before
            stands_on = zone.enter < stop and zone.leave > stop - 2.0 * ego.half
            if earlier < number and stands_on and mouth > ego.bonnet - 0.5:
                stop = min(stop, mouth)
        first = zones[number].turns and not passage.turns
        return _stopping(stop - ego.bonnet, caution.firm if first else caution.slowing)


def meet(zone: Zone, comer: Comer, ego: Approach, caution: Caution) -> bool:
    """Return whether both would be in the zone at once, or nearly so."""
    enters, leaves = _within_zone(zone, ego)
    lead = max(caution.lead - caution.boldness * ego.waited, caution.least_lead)
    return enters < comer.goes + caution.lag and leaves > comer.comes - lead


def margin(zone: Zone, comer: Comer, ego: Approach) -> float:
    """Return the seconds between one's leaving the zone and the other's coming; negative where both
    would be in it."""
    enters, leaves = _within_zone(zone, ego)
    return max(comer.comes - leaves, enters - comer.goes)


def _within_zone(zone: Zone, ego: Approach) -> tuple[float, float]:
    return ego.at(zone.enter - ego.half), ego.at(zone.leave + ego.half)


def can_stop(zone: Zone, ego: Approach, caution: Caution) -> bool:
    """Return whether the ego is before the zone and can still stay out of it."""
    return zone.enter - ego.bonnet > ego.speed**2 / (2.0 * caution.hardest) - 0.2


def queue_reaches(zone: Zone, ego: Approach, caution: Caution) -> bool:
    """Return whether a queue beyond the zone leaves the ego no place behind it."""
    place = ego.tail - caution.queue_gap - 2.0 * ego.half
    return ego.tail > zone.enter and place < zone.leave


def arrival(metres: float, speed: float, acceleration: float, fastest: float) -> float:
    """Return seconds to cover `metres` from `speed`, accelerating up to `fastest`."""
    if metres <= 0.0:
        return 0.0
    fastest = max(fastest, speed)
    ramp = (fastest**2 - speed**2) / (2.0 * acceleration)
    if metres <= ramp:
        return (math.sqrt(speed**2 + 2.0 * acceleration * metres) - speed) / acceleration
    return (fastest - speed) / acceleration + (metres - ramp) / fastest


def _people(
    others: NearbyActors,
    route: Route,
    position: RoutePosition,
    ego: Approach,
    half: tuple[float, float],
    caution: Caution,
) -> Crossing:
    """Return what those allow who keep to no lane, as if they went on as they do."""
    x, y = route.at(position.distance)
    people = within(others[others[:, 5] <= PEOPLE_HALF], x, y, LOOK)
    metres = conflict(people, route, position, ego.speed, half, PEOPLE_HORIZON)
    return _stopping(metres - caution.before, caution.slowing)


def _stopping(metres: float, slowing: float) -> Crossing:
    metres = max(metres, 0.0)
    return Crossing(metres, math.sqrt(2.0 * slowing * metres))


def _least(found: list[Crossing]) -> Crossing:
    least = min(found, key=lambda crossing: crossing.speed, default=Crossing())
    margins = [crossing.margin for crossing in found]
    return dataclasses.replace(least, margin=min(margins, default=math.inf))
