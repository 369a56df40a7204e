"""Times of the model: the start of service at each customer, the departure of its vehicle, and what durations cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyomo.environ import Binary, Var

from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.linear_arcs import Times, times_of
from redwood.problems.vrp.linear_rows import Labels, RowList


def add_times(instance: VRPInstance, rows: RowList) -> Any:
    """Add times; return what they cost."""
    times = times_of(instance)
    first, last = times.earliest.min(axis=0), np.maximum(times.latest.max(axis=0), times.earliest.min(axis=0))
    begin = rows.labels("begin", None, None)
    for c in range(instance.size):
        begin[c].setlb(float(first[c]))
        begin[c].setub(float(last[c]))
    _add_travel(instance, rows, begin, last)
    _add_windows(instance, rows, begin, first, last)
    _add_ends(instance, rows, times, begin, last)
    _add_reload_times(instance, rows, begin, last)
    if not (any(vehicle.counts_time for vehicle in instance.vehicles) or bool((instance.release > 0).any())):
        return 0.0
    leave = _add_departures(instance, rows, times, begin)
    if (instance.release > 0).any() and (rows.arcs.depot >= 0).any():
        _add_releases_of_trips(instance, rows, begin, leave)
    return _add_durations(instance, rows, times, begin, leave, last)


def _add_travel(instance: VRPInstance, rows: RowList, begin: Labels, last: Any) -> None:
    """Add that service begins no earlier than the vehicle arrives from the customer before."""
    arcs = rows.arcs
    for i, j, along in arcs.pairs(instance.size):
        served = float(instance.service[i])
        slack = max(0.0, float(last[i]) + served - begin[j].lb)
        rows.add(begin[j] - begin[i] - rows.sum(along, arcs.duration[along] + slack), served - slack, None)
    for pick, drop in instance.shipments.tolist():
        served = float(instance.service[pick])
        slack = max(0.0, float(last[pick]) + served - begin[drop].lb)
        rows.add(begin[drop] - begin[pick] - slack * rows.sum(arcs.into(pick)), served - slack, None)


def _add_windows(instance: VRPInstance, rows: RowList, begin: Labels, first: Any, last: Any) -> None:
    """Add the choice of a window where a customer has several."""
    counts = np.diff(instance.window_starts)
    several = np.flatnonzero(counts > 1)
    if not len(several):
        return
    keys = [(int(c), w) for c in several for w in range(counts[c])]
    rows.model.window = Var(keys, domain=Binary)
    for c in several.tolist():
        windows = instance.windows_of(c)
        chosen = [rows.model.window[c, w] for w in range(len(windows))]
        rows.add(sum(chosen), 1.0, 1.0)
        opening = np.maximum(windows[:, 0], first[c])
        closing = np.minimum(windows[:, 1], last[c])
        rows.add(begin[c] - sum(float(a) * one for a, one in zip(opening, chosen, strict=True)), 0.0, None)
        rows.add(begin[c] - sum(float(b) * one for b, one in zip(closing, chosen, strict=True)), None, 0.0)


def _add_ends(instance: VRPInstance, rows: RowList, times: Times, begin: Labels, last: Any) -> None:
    """Add that vehicles come in time from their depots, and are back in time."""
    arcs, size = rows.arcs, instance.size
    for c in range(size):
        out, back = arcs.between(size, c), arcs.between(c, size + 1)
        late = np.maximum(0.0, times.begins[arcs.kind[out]] + arcs.duration[out] - begin[c].lb)
        rows.add(begin[c] - rows.sum(out, late), begin[c].lb, None)
        limits = times.closes[arcs.kind[back]] - arcs.duration[back] - float(instance.service[c])
        rows.add(begin[c] + rows.sum(back, np.maximum(0.0, last[c] - limits)), None, float(last[c]))


def _add_reload_times(instance: VRPInstance, rows: RowList, begin: Labels, last: Any) -> None:
    """Add that reloads begin while their depot is open."""
    arcs = rows.arcs
    for arc in np.flatnonzero(arcs.depot >= 0).tolist():
        i, j, depot = int(arcs.tail[arc]), int(arcs.head[arc]), int(arcs.depot[arc])
        used, (opens, shuts) = rows.sum(np.array([arc])), instance.depot_windows[depot].tolist()
        onward = _from_depot(instance, rows, arc)
        there = float(instance.service[i]) + float(arcs.duration[arc]) - onward - float(instance.reload_time[depot])
        late = float(last[i]) - (shuts - there)
        if late > 0.0:
            rows.add(begin[i] + late * used, None, float(last[i]))
        first = opens + float(instance.reload_time[depot]) + onward
        if first > begin[j].lb:
            rows.add(begin[j] - (first - begin[j].lb) * used, begin[j].lb, None)


def _from_depot(instance: VRPInstance, rows: RowList, arc: int) -> float:
    """Return the travel time from the depot of a reload to the next customer."""
    arcs = rows.arcs
    profile, place = instance.vehicles[arcs.kind[arc]].profile, len(instance.depots) + arcs.head[arc : arc + 1]
    return float(instance.roads.duration(profile, arcs.depot[arc : arc + 1], place)[0])


def _add_releases_of_trips(instance: VRPInstance, rows: RowList, begin: Labels, leave: Labels) -> None:
    """Add the last release behind each customer on its trip: the vehicle leaves the depot where that begins no earlier."""
    arcs, size = rows.arcs, instance.size
    most = float(instance.release.max())
    release = rows.labels("release", 0.0, most)
    for c in range(size):
        release[c].setlb(float(instance.release[c]))
        first = rows.sum(arcs.between(size, c))
        rows.add(leave[c] - release[c] - (most - leave[c].lb) * first, leave[c].lb - most, None)
    for i, j, along in arcs.pairs(size):
        rows.add(release[i] - release[j] - most * rows.sum(arcs.direct(along)), -most, None)
    for arc in np.flatnonzero(arcs.depot >= 0).tolist():
        j = int(arcs.head[arc])
        onward = _from_depot(instance, rows, arc)
        slack = max(0.0, most + onward - begin[j].lb)
        rows.add(begin[j] - release[j] - slack * rows.sum(np.array([arc])), onward - slack, None)


def _add_departures(instance: VRPInstance, rows: RowList, times: Times, begin: Labels) -> Labels:
    """Add when the vehicle of each customer left its depot: the same along a route, and no earlier than any release.

    Where vehicles reload, the releases are matters of trips.
    """
    arcs, size = rows.arcs, instance.size
    release = np.zeros(size) if (arcs.depot >= 0).any() else np.asarray(instance.release)
    low, high = float(times.begins.min()), float(max(times.begins_latest.max(), instance.release.max()))
    leave = rows.labels("leave", low, high)
    for c in range(size):
        into, first = arcs.into(c), arcs.between(size, c)
        kinds = arcs.kind[into]
        earliest = np.maximum(times.begins[kinds], float(release[c]))
        rows.add(leave[c] - rows.sum(into, earliest - low), low, None)
        rows.add(leave[c] + rows.sum(into, np.maximum(0.0, high - times.begins_latest[kinds])), None, high)
        slack = max(0.0, high - begin[c].lb)
        rows.add(begin[c] - leave[c] - rows.sum(first, arcs.duration[first] + slack), -slack, None)
    for i, j, along in arcs.pairs(size):
        both = np.concatenate([along, arcs.between(j, i)])
        rows.add(leave[i] - leave[j] + (high - low) * rows.sum(both), None, high - low)
        if not len(arcs.between(j, i)):
            rows.add(leave[j] - leave[i] + (high - low) * rows.sum(both), None, high - low)
    return leave


def _add_durations(instance: VRPInstance, rows: RowList, times: Times, begin: Labels, leave: Labels, last: Any) -> Any:
    """Add the limits of durations, and return what durations and waiting cost: waiting is the duration less what is busy.

    Parameters
    ----------
    instance, rows, times
        The instance, the model's rows and the times that are possible.
    begin, leave
        When the service of each customer begins, and when its vehicle left.
    last
        When the service of each customer begins at the latest [N].
    """
    arcs, size = rows.arcs, instance.size
    costs = any(vehicle.duration_cost + vehicle.waiting_cost for vehicle in instance.vehicles)
    paid = rows.labels("duration_cost", 0.0, None) if costs else []
    for c in range(size):
        for arc in arcs.between(c, size + 1).tolist():
            vehicle, used = instance.vehicles[arcs.kind[arc]], rows.sum(np.array([arc]))
            if not vehicle.counts_time:
                continue
            behind = float(instance.service[c]) + float(arcs.duration[arc])
            ends = [(begin[c] + behind, float(last[c]) + behind)]
            if vehicle.end is not None:
                opens = float(instance.depot_windows[vehicle.end, 0])
                ends.append((opens, opens))
            for end, latest in ends:
                longest = max(0.0, latest - float(times.begins.min()))
                if vehicle.max_duration < longest:
                    rows.add(end - leave[c] + (longest - vehicle.max_duration) * used, None, longest)
                rate = vehicle.duration_cost + vehicle.waiting_cost
                if rate:
                    rows.add(paid[c] - rate * (end - leave[c]) - rate * longest * used, -rate * longest, None)
    waits = np.array([vehicle.waiting_cost for vehicle in instance.vehicles])
    if not waits.any():
        return sum(paid)
    rows.model.time_cost = Var(bounds=(0.0, None))
    served = np.append(instance.service, [0.0, 0.0])
    busy = rows.sum(np.arange(len(arcs.kind)), waits[arcs.kind] * (arcs.duration + served[arcs.head]))
    rows.add(rows.model.time_cost - sum(paid) + busy, 0.0, None)
    return rows.model.time_cost
