"""What does not change while routes are searched: places, customers and types of vehicles as arrays for kernels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, go_on
from redwood.kernel_fields import by_reference
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.reload_stops import with_reload_stops
from redwood.problems.vrp.roads_kernels import RoadArrays, road_arrays

LOOK = 50
"""Customers whose neighbours are looked for between two looks at a clock."""
FOREVER = 1e18
"""A time that never comes."""


@by_reference
class Ground(NamedTuple):
    """What does not change: places, customers and types of vehicles as arrays.

    Attributes
    ----------
    roads
        Distances and durations.
    customers, size, homes
        Numbers of customers, of stops that can join a route (customers, then reloads), and of depots.
    reloading, reload_depot, most_reloads
        Whether there are reloads, the depot of each [size - customers], and how often each type may reload on a route [T].
    timed, ordered
        Whether times matter; whether deliveries come before pickups on each route.
    time_slack, load_slack
        By how much limits may be exceeded.
    brought, left, peak
        What each customer is brought, what it leaves on board, and the most of both [N, M].
    service, release, prize
        Of each customer [N].
    opening, closing, window_starts
        Windows of all customers [W], and where those of each begin [N + 1].
    required, group, group_required, partner, collects, rank
        Of each customer [N]: whether it must be served, its group, the other end of its shipment (-1 for none), whether it
        collects the goods of one, and 0 for a delivery, 1 for both, 2 for a pickup; of each group whether it must.
    near, close, reach
        Customers beside whom it may be cheap to be [N, K], the nearest ones [N, K], and how far `near` reaches [N].
    may
        Whether each type may serve each customer [T, N].
    start, end, profile, number
        Of each type [T]: depots (-1 for an open end), profile, and how many there are.
    by_vehicle, by_distance, by_duration, by_busy
        What each type costs: a vehicle, a unit of distance and of duration [T], and what is taken off again for a unit of
        driving and service, so that waiting costs more than these.
    fixed, change
        Whether each stop belongs to a prefix [N + 2R], and what a change of the type of vehicle costs [T, N].
    alike, larger, priced
        Whether types differ in nothing but capacity and costs of a vehicle and of distance [T, T]; those alike that carry
        more [T, G], cheap ones first, padded with -1; whether any change of vehicle costs.
    turns
        Whether a route may begin with any of its stops: vehicles end where they begin, and nothing has its time or order.
    begins, begins_latest, back, closes
        When each type may leave first and last, and when a route may end first and last [T].
    longest, farthest, farthest_slack, capacity
        Limits of each type: duration [T], distance [T] with its slack [T], loads [T, M].
    """

    roads: RoadArrays
    customers: int
    size: int
    homes: int
    reloading: bool
    reload_depot: Array
    most_reloads: Array
    timed: bool
    ordered: bool
    time_slack: float
    load_slack: float
    brought: Array
    left: Array
    peak: Array
    service: Array
    release: Array
    prize: Array
    opening: Array
    closing: Array
    window_starts: Array
    required: Array
    group: Array
    group_required: Array
    partner: Array
    collects: Array
    rank: Array
    near: Array
    close: Array
    reach: Array
    may: Array
    start: Array
    end: Array
    profile: Array
    number: Array
    by_vehicle: Array
    by_distance: Array
    by_duration: Array
    by_busy: Array
    fixed: Array
    change: Array
    alike: Array
    larger: Array
    priced: bool
    turns: bool
    begins: Array
    begins_latest: Array
    back: Array
    closes: Array
    longest: Array
    farthest: Array
    farthest_slack: Array
    capacity: Array


def make_ground(instance: VRPInstance, neighbours: int, clock: Clock | None = None) -> Ground:
    """Return the arrays of an instance; ``neighbours`` nearest customers are looked at around each.

    Arrays of customers go on with reloads, where vehicles can; neighbours are customers of customers.

    Raises
    ------
    OutOfTimeError
        Where the clock stops before.
    """
    near, close = neighbourhoods(instance, min(neighbours, instance.size - 1), clock)
    reach, slots, price = _reach(instance, close), max(1, instance.slots), instance.vehicle_price
    customers, (instance, reload_depot) = instance.size, with_reload_stops(instance)
    types, size = instance.vehicles, instance.size
    left = instance.pickup + instance.shipped
    finite = [math.inf if v.number is None else v.number for v in types]
    closings = np.minimum(instance.windows[:, 1], FOREVER)
    brings, takes = instance.delivery.any(axis=1), instance.pickup.any(axis=1)
    collects = np.zeros(size, dtype=np.bool_)
    collects[instance.shipments[:, 0]] = True
    alike = _alike(instance)
    return Ground(
        roads=road_arrays(instance.roads),
        customers=customers,
        size=size,
        homes=len(instance.depots),
        reloading=size > customers,
        reload_depot=reload_depot,
        most_reloads=np.array([instance.most_trips(v) - 1 for v in types], dtype=np.int64),
        timed=instance.timed,
        ordered=instance.linehauls_first,
        time_slack=0.1 * instance.time_slack,
        load_slack=0.1 * instance.load_slack,
        brought=np.array(instance.delivery, dtype=np.float64),
        left=np.array(left, dtype=np.float64),
        peak=np.array(np.maximum(instance.delivery, left), dtype=np.float64),
        service=np.array(instance.service),
        release=np.array(instance.release),
        prize=np.array(instance.prize),
        opening=np.array(instance.windows[:, 0]),
        closing=np.array(closings),
        window_starts=np.array(instance.window_starts),
        required=_required(instance),
        group=np.array(instance.group_of),
        group_required=np.array(instance.group_required, dtype=np.bool_),
        partner=np.array(instance.partner),
        collects=collects,
        rank=np.where(brings & takes, 1, np.where(takes, 2, 0)).astype(np.int64),
        near=near,
        close=close,
        reach=reach,
        may=np.array(instance.may_serve),
        start=np.array([v.start for v in types], dtype=np.int64),
        end=np.array([-1 if v.end is None else v.end for v in types], dtype=np.int64),
        profile=np.array([v.profile for v in types], dtype=np.int64),
        number=np.minimum(np.array(finite, dtype=np.float64), size).astype(np.int64),
        by_vehicle=np.array([v.fixed_cost + price for v in types], dtype=np.float64),
        by_distance=np.array([v.distance_cost for v in types], dtype=np.float64),
        by_duration=np.array([v.duration_cost + v.waiting_cost for v in types], dtype=np.float64),
        by_busy=np.array([v.waiting_cost for v in types], dtype=np.float64),
        fixed=np.concatenate([instance.fixed, np.zeros(2 * slots, dtype=np.bool_)]),
        change=np.array(instance.change_costs),
        alike=alike,
        larger=_larger(instance, alike),
        priced=bool(instance.change_costs.any()),
        turns=size == customers and _turns(instance),
        begins=np.array([max(v.shift[0], instance.depot_windows[v.start, 0]) for v in types], dtype=np.float64),
        begins_latest=np.minimum(np.array([instance.latest_start(v) for v in types], dtype=np.float64), FOREVER),
        back=np.array([-FOREVER if v.end is None else instance.depot_windows[v.end, 0] for v in types], dtype=np.float64),
        closes=np.minimum(np.array([instance.latest_end(v) for v in types], dtype=np.float64), FOREVER),
        longest=np.array([v.max_duration for v in types], dtype=np.float64),
        farthest=np.array([v.max_distance for v in types], dtype=np.float64),
        farthest_slack=np.array([0.1 * v.distance_slack for v in types], dtype=np.float64),
        capacity=np.array([v.capacity for v in types], dtype=np.float64).reshape(len(types), -1),
    )


def _reach(instance: VRPInstance, close: Array) -> Array:
    """Return how far the nearest customers of each [N, K] reach [N], infinite where they are all."""
    size, homes = instance.size, len(instance.depots)
    if close.shape[1] == size - 1:
        return np.full(size, math.inf)
    nodes = homes + np.arange(size)
    distances = instance.roads.distance(instance.vehicles[0].profile, nodes[:, None], homes + close)
    return np.array(distances.max(axis=1), dtype=np.float64)


def _alike(instance: VRPInstance) -> Array:
    """Return whether a vehicle of one type may take over a route of another [T, T] where it has the capacity."""
    may, change = instance.may_serve, instance.change_costs
    codes: dict[tuple[object, ...], int] = {}
    code = np.empty(len(instance.vehicles), dtype=np.int64)
    for k, v in enumerate(instance.vehicles):
        limits = (v.profile, v.start, v.end, v.shift, v.max_duration, v.max_distance, v.duration_cost, v.waiting_cost)
        code[k] = codes.setdefault((*limits, v.max_reloads, may[k].tobytes(), change[k].tobytes()), k)
    same = np.asarray(code[:, None] == code[None])
    np.fill_diagonal(same, False)
    return same


def _turns(instance: VRPInstance) -> bool:
    """Return whether any stop of a route may be its first in an instance without reloads."""
    if instance.linehauls_first or len(instance.shipments) or instance.fixed.any() or instance.change_costs.any():
        return False
    types = instance.vehicles
    untimed = not (instance.windows[:, 0] > 0).any() and not np.isfinite(instance.windows[:, 1]).any()
    turning = (v.start == v.end and v.profile == types[0].profile for v in types)
    return untimed and all(turning) and not any(v.duration_cost or v.waiting_cost for v in types)


def _larger(instance: VRPInstance, alike: Array) -> Array:
    """Return for each type those alike that carry more of some load [T, G], by cost of a vehicle, padded with -1."""
    capacity = np.array([v.capacity for v in instance.vehicles]).reshape(len(instance.vehicles), -1)
    cheap = np.argsort([v.fixed_cost for v in instance.vehicles], kind="stable")
    found = [[t for t in cheap if alike[k, t] and (capacity[t] > capacity[k]).any()] for k in range(len(capacity))]
    width = max(len(types) for types in found)
    return np.array([types + [-1] * (width - len(types)) for types in found], dtype=np.int64).reshape(len(found), width)


def _required(instance: VRPInstance) -> Array:
    """Return whether each customer must be served [N]: of a shipment both ends, where one must or is in a prefix."""
    required = np.array(instance.required)
    required[instance.shipments] = required[instance.shipments].any(axis=1, keepdims=True)
    return required


def neighbourhoods(instance: VRPInstance, count: int, clock: Clock | None = None) -> tuple[Array, Array]:
    """Return for each customer those beside whom it is cheap with regard to windows, and the nearest ones, [N, K] each.

    The first order adds to the distance a fifth of the waiting between both and all the lateness, as PyVRP does.
    """
    size, homes = instance.size, len(instance.depots)
    nodes = homes + np.arange(size)
    first, last = instance.windows[instance.window_starts[:-1], 0], instance.windows[instance.window_starts[1:] - 1, 1]
    near, close = np.empty((size, count), dtype=np.int32), np.empty((size, count), dtype=np.int32)
    profile = instance.vehicles[0].profile
    for customer in range(size):
        if customer % LOOK == LOOK - 1:
            go_on(clock, 4 * size)  # a look at a customer takes longer here
        out = instance.roads.distance(profile, np.array([nodes[customer]]), nodes)
        back = instance.roads.distance(profile, nodes, np.array([nodes[customer]]))
        way = np.minimum(out, back)
        around = instance.roads.duration(profile, np.array([nodes[customer]]), nodes) + instance.service[customer]
        to = instance.roads.duration(profile, nodes, np.array([nodes[customer]])) + instance.service
        behind = out + _misfit(first[customer] + around, last[customer] + around, first, last)
        ahead = back + _misfit(first + to, last + to, first[customer], last[customer])
        score = np.minimum(behind, ahead)
        way[customer] = score[customer] = np.nan  # sorted behind all others
        close[customer] = np.argsort(way, kind="stable")[:count]
        near[customer] = np.argsort(score, kind="stable")[:count]
    return near, close


def _misfit(early: Array, late: Array, opening: Array, closing: Array) -> Array:
    """Return a fifth of the waiting and all of the lateness between arrivals from early to late and windows."""
    with np.errstate(invalid="ignore"):
        waiting = np.nan_to_num(opening - late, nan=0.0, neginf=0.0)
        lateness = np.nan_to_num(early - closing, nan=0.0, neginf=0.0)
    return np.asarray(0.2 * np.maximum(waiting, 0.0) + np.maximum(lateness, 0.0))
