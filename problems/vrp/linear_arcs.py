"""The arcs that a feasible route can use, and when each customer can be served at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from redwood.arrays import Array
from redwood.problems.vrp.instance import VRPInstance

NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Arcs:
    """Arcs by types of vehicles. Nodes are the N customers, then N for the start of a route and N + 1 for its end.

    Attributes
    ----------
    kind, tail, head
        Type of vehicle and nodes of each arc [A].
    distance, duration
        Of each arc [A], reload included; 0 to an open end.
    depot
        Where the vehicle reloads between tail and head [A], -1 where it does not.
    """

    kind: Array
    tail: Array
    head: Array
    distance: Array
    duration: Array
    depot: Array

    @cached_property
    def _by_pair(self) -> dict[tuple[int, int], Array]:
        found: dict[tuple[int, int], list[int]] = {}
        for arc, key in enumerate(zip(self.tail.tolist(), self.head.tolist(), strict=True)):
            found.setdefault(key, []).append(arc)
        return {key: np.array(some, dtype=np.int64) for key, some in found.items()}

    def between(self, tail: int, head: int) -> Array:
        """Return the arcs from one node to another, one for each type that can drive it and each depot to reload at."""
        return self._by_pair.get((tail, head), NONE)

    def direct(self, arcs: Array) -> Array:
        """Return those of some arcs on which no vehicle reloads."""
        return arcs[self.depot[arcs] < 0]

    def reloading(self, arcs: Array) -> Array:
        """Return those of some arcs on which a vehicle reloads."""
        return arcs[self.depot[arcs] >= 0]

    def pairs(self, size: int) -> Iterator[tuple[int, int, Array]]:
        """Yield each pair of customers that has arcs, and these."""
        for (tail, head), arcs in self._by_pair.items():
            if tail < size and head < size:
                yield tail, head, arcs

    def into(self, node: int, kind: int | None = None) -> Array:
        """Return the arcs that lead to a node, of one type or of all."""
        return np.flatnonzero((self.head == node) & (True if kind is None else self.kind == kind))

    def out_of(self, node: int, kind: int | None = None) -> Array:
        """Return the arcs that leave a node, of one type or of all."""
        return np.flatnonzero((self.tail == node) & (True if kind is None else self.kind == kind))


@dataclass(frozen=True)
class Times:
    """When things can be at the earliest and at the latest, without infinities.

    Attributes
    ----------
    begins, begins_latest, closes
        When a vehicle of each type may leave first and last, and must be back [K].
    earliest, latest
        When the service of each customer can begin [K, N]; earliest is after latest where a type cannot serve it.
    """

    begins: Array
    begins_latest: Array
    closes: Array
    earliest: Array
    latest: Array


def times_of(instance: VRPInstance) -> Times:
    """Return first and last times by the quickest ways, through other places where these are quicker."""
    homes, size, types = len(instance.depots), instance.size, instance.vehicles
    begins = np.array([max(v.shift[0], float(instance.depot_windows[v.start, 0])) for v in types])
    nodes = np.arange(instance.roads.size)
    direct = {k: instance.roads.duration(k, nodes[:, None], nodes[None, :]) for k in {v.profile for v in types}}
    longest = max(float(np.max(one, initial=0.0, where=np.isfinite(one))) for one in direct.values())
    quickest = {k: _quickest(one) for k, one in direct.items()}
    known = np.concatenate([instance.windows[:, 0], instance.release, begins, instance.depot_windows[:, 0]])
    horizon = float(known.max()) + float(instance.service.sum()) + (size + 1) * longest + 1.0
    if any(v.reload_depots for v in types):
        horizon += size * (longest + float(instance.reload_time.max()))
    closes = np.minimum(np.array([instance.latest_end(v) for v in types]), horizon)
    begins_latest = np.minimum(np.array([instance.latest_start(v) for v in types]), closes)
    opening = instance.windows[instance.window_starts[:-1], 0]
    closing = instance.windows[instance.window_starts[1:] - 1, 1]
    there = np.stack([quickest[v.profile][v.start, homes:] for v in types])
    back = np.stack([np.zeros(size) if v.end is None else quickest[v.profile][homes:, v.end] for v in types])
    loaded = np.stack([quickest[v.profile][[v.start, *v.reload_depots], homes:].min(axis=0) for v in types])
    return Times(
        begins=begins,
        begins_latest=begins_latest,
        closes=closes,
        earliest=np.maximum(opening, np.maximum(begins[:, None] + there, instance.release[None] + loaded)),
        latest=np.minimum(closing, closes[:, None] - back - instance.service),
    )


def _quickest(durations: Array) -> Array:
    """Return the durations [P, P] of the quickest ways through any places (Floyd and Warshall)."""
    best = np.array(durations, dtype=np.float64)
    np.fill_diagonal(best, 0.0)
    for place in range(len(best)):
        np.minimum(best, best[:, place, None] + best[place], out=best)
    return best


def usable_arcs(instance: VRPInstance) -> Arcs:
    """Return the arcs that time, skills, loads, shipments and orders allow."""
    times = times_of(instance)
    parts = [_arcs_of(instance, k, times) for k in range(len(instance.vehicles))]
    parts += [_reload_arcs(instance, k, depot, times) for k, v in enumerate(instance.vehicles) for depot in v.reload_depots]
    return Arcs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _reload_arcs(instance: VRPInstance, k: int, depot: int, times: Times) -> tuple[Array, ...]:
    """Return the arcs of a type between customers on which it reloads at a depot."""
    vehicle, size, slack = instance.vehicles[k], instance.size, instance.time_slack
    nodes = len(instance.depots) + np.arange(size)
    roads, home, profile = instance.roads, np.array([depot]), vehicle.profile
    distance = roads.distance(profile, nodes, home)[:, None] + roads.distance(profile, home, nodes)[None]
    there, onward = roads.duration(profile, nodes, home), roads.duration(profile, home, nodes)
    duration = (there + float(instance.reload_time[depot]))[:, None] + onward[None]
    able = _able(instance, k, times)
    usable = np.isfinite(distance) & np.isfinite(duration) & able[:, None] & able[None] & ~np.eye(size, dtype=np.bool_)
    if instance.timed:
        opens, shuts = instance.depot_windows[depot].tolist()
        arrive = times.earliest[k] + instance.service + there
        usable &= (arrive <= shuts + slack)[:, None]
        leave = np.maximum(arrive, opens) + float(instance.reload_time[depot])
        usable &= leave[:, None] + onward[None] <= times.latest[k][None] + slack
    usable[instance.shipments[:, 0]] = usable[:, instance.shipments[:, 1]] = False
    if instance.linehauls_first:
        usable &= np.asarray(instance.delivery.any(axis=1))[None]
    for _, customers in instance.prefixes:
        usable[:, list(customers)] = usable[list(customers[:-1])] = False
    tail, head = np.nonzero(usable)
    count = len(tail)
    return np.full(count, k), tail, head, distance[tail, head], duration[tail, head], np.full(count, depot)


def _able(instance: VRPInstance, k: int, times: Times) -> Array:
    """Return which customers [N] a type can serve by its skills and their windows."""
    slack = instance.time_slack
    drives = instance.vehicles[k].number != 0 and bool(times.begins[k] <= times.begins_latest[k] + slack)
    able = np.array(instance.may_serve[k] if drives else np.zeros(instance.size, dtype=np.bool_))
    return able & (times.earliest[k] <= times.latest[k] + slack) if instance.timed else able


def _arcs_of(instance: VRPInstance, k: int, times: Times) -> tuple[Array, ...]:
    vehicle, size, homes = instance.vehicles[k], instance.size, len(instance.depots)
    slack = instance.time_slack
    places = np.concatenate(
        [homes + np.arange(size), [vehicle.start, vehicle.start if vehicle.end is None else vehicle.end]]
    )
    distance = np.array(instance.roads.distance(vehicle.profile, places[:, None], places[None, :]), dtype=np.float64)
    duration = np.array(instance.roads.duration(vehicle.profile, places[:, None], places[None, :]), dtype=np.float64)
    if vehicle.end is None:
        distance[:, size + 1] = duration[:, size + 1] = 0.0
    usable = np.array(np.isfinite(distance) & np.isfinite(duration))
    np.fill_diagonal(usable, False)
    usable[:, size] = usable[size + 1, :] = usable[size, size + 1] = False
    able = _able(instance, k, times)
    if instance.timed:
        arrive = times.earliest[k][:, None] + (instance.service[:, None] + duration[:size, :size])
        usable[:size, :size] &= arrive <= times.latest[k][None, :] + slack
    usable[:size, :] &= able[:, None]
    usable[:, :size] &= able[None, :]
    usable[:size, :size] &= _together(instance, k)
    for pick, drop in instance.shipments.tolist():
        usable[size, drop] = usable[pick, size + 1] = usable[drop, pick] = False
    if instance.linehauls_first:
        brings, takes = np.asarray(instance.delivery.any(axis=1)), np.asarray(instance.pickup.any(axis=1))
        usable[size, :size] &= brings
        usable[:size, :size] &= ~(takes[:, None] & brings[None, :])
    for kind, customers in instance.prefixes:
        chain = [size, *customers]
        for before, after in pairwise(chain):
            kept = bool(usable[before, after]) and kind == k
            usable[:, after] = False
            if before < size:
                usable[before, :] = False
            usable[before, after] = kept
    tail, head = np.nonzero(usable)
    count = len(tail)
    return np.full(count, k), tail, head, distance[tail, head], duration[tail, head], np.full(count, -1)


def _together(instance: VRPInstance, k: int) -> Array:
    """Return which pairs [N, N] of customers the loads, lengths and groups allow on one route."""
    capacity = np.array(instance.vehicles[k].capacity) + instance.load_slack
    fits = np.ones((instance.size, instance.size), dtype=np.bool_)
    for loads in (instance.delivery, instance.pickup):
        fits &= (loads[:, None] + loads[None, :] <= capacity).all(axis=2)
    group = instance.group_of
    fits &= ~((group[:, None] == group[None, :]) & (group[:, None] >= 0))
    return np.asarray(fits)
