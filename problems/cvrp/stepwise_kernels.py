"""Compiled steps of the CVRP's decision process. Node 0 is the depot; rows are as in the routing kernels.

``room[b]`` is the capacity left on the vehicle of row b. ``via[b, s]`` says whether step s went via the depot.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.cvrp.savings_shares import CHANNELS, describe_savings, shortest_of_savings
from redwood.problems.routing.relaxation_kernels import EDGES, Ascent, describe_pairs, relax_path
from redwood.problems.routing.stepwise_kernels import (
    SURROUNDINGS,
    describe_places,
    draw_turn,
    listed_remaining,
    nearest_remaining,
    remove,
    window_scale,
)
from redwood.problems.routing.windows import WindowArrays

MARKS = 2
BASE = 14
"""Features before those of the surroundings."""
RELAXED = BASE + SURROUNDINGS
SAVINGS = RELAXED + MARKS * EDGES
"""Where the features begin that the relaxation and the savings tell."""
FEATURES = SAVINGS + MARKS * CHANNELS
PAIRS = EDGES + CHANNELS
"""Numbers that describe a pair of tokens."""
ASCENT = Ascent(steps=60, first_step=0.6, decay=0.94, averaging=0.08)
"""So many trees that the potentials nearly settle."""
CONTEXT = 1.5
"""How many customers the relaxation is made of, in sizes of the window: without some outside, its rim would be wrong."""
REACH = 3
"""How many customers savings are made of, in sizes of the window: they need whole routes."""
AHEAD = 216
"""How many of the nearest customers a look-ahead builds routes of."""
AROUND_DEPOT = 0.25
"""Share of the window that is kept for the customers nearest to the depot."""


class Instances(NamedTuple):
    """Positions [all nodes, 2], where the nodes of each instance begin, [I + 1], demands [all nodes], capacities [I]."""

    points: Array
    offsets: Array
    demands: Array
    limits: Array


class Labels(NamedTuple):
    """Labelled routes of all instances.

    Attributes
    ----------
    routes, starts
        From the second entry of each instance on, [all nodes]: customers route by route, and which begin a route.
    sectors
        Which instances [I] leave a wide sector around the depot without customers.
    """

    routes: Array
    starts: Array
    sectors: Array


class Rows(NamedTuple):
    """The arrays of `redwood.problems.cvrp.stepwise.Tails`."""

    rows: Array
    left: Array
    current: Array
    room: Array
    load: Array
    remaining: Array
    place: Array
    order: Array
    via: Array
    steps: Array
    turn: Array


class Around(NamedTuple):
    """Room for what lies around a window.

    Attributes
    ----------
    pool, keys
        The open customers nearest to the current node, and their squared distances, [k].
    home, home_keys
        Those nearest to the depot, and their squared distances, [T - 2].
    seen
        The nodes of the tokens, then those of ``pool`` that the window does not show, [T + k or less].
    """

    pool: Array
    keys: Array
    home: Array
    home_keys: Array
    seen: Array


@kernel
def begin_rows(offsets: Array, batch: Rows) -> None:
    """Open every customer of instances whose nodes begin at ``offsets`` [I + 1]; the vehicle stands at the depot."""
    for b in range(len(batch.rows)):
        size = offsets[batch.rows[b] + 1] - offsets[batch.rows[b]]
        batch.place[b, 0] = -1
        for node in range(1, size):
            batch.remaining[b, node - 1] = node
            batch.place[b, node] = node - 1
        batch.left[b] = size - 1


@kernel
def act_rows(instances: Instances, batch: Rows, nodes: Array, through: Array) -> None:
    """Serve one more customer in each row that is not finished.

    Parameters
    ----------
    instances
        All instances.
    batch
        The rows, which change.
    nodes, through
        Customer to serve, [B], open in every row that is not finished, and whether by way of the depot, [B].
    """
    for b in range(len(nodes)):
        if batch.left[b] == 0:
            continue
        node = nodes[b]
        demand = instances.demands[instances.offsets[batch.rows[b]] + node]
        if through[b]:
            batch.room[b] = instances.limits[batch.rows[b]]
        batch.room[b] -= demand
        batch.load[b] -= demand
        remove(node, batch.remaining[b], batch.place[b], batch.left[b])
        batch.left[b] -= 1
        batch.current[b] = node
        batch.order[b, batch.steps[b]] = node
        batch.via[b, batch.steps[b]] = through[b]
        batch.steps[b] += 1


@kernel
def sample_rows(instances: Instances, labels: Labels, batch: Rows, state: RandomState) -> None:
    """Open a random tail of the labelled routes of each row: around the depot from a random one on, in random directions.

    Labels have their routes in the order around the depot. Instances that are sectors begin with their first or their last.

    Parameters
    ----------
    instances, labels
        All instances, and their labels.
    batch
        Room for the tails. The open customers, and whether each is reached by the depot, stand in ``order`` and ``via``.
    state
        The generator's state [2].
    """
    for b in range(len(batch.rows)):
        offset = instances.offsets[batch.rows[b]]
        size = instances.offsets[batch.rows[b] + 1] - offset
        end = offset + size
        draw_turn(batch.turn[b], state)
        begins = offset + 1 + np.flatnonzero(labels.starts[offset + 1 : end])
        first = random_below(state, len(begins))
        sense = -1 if random_float(state) < 0.5 else 1
        if labels.sectors[batch.rows[b]]:
            first = 0 if sense > 0 else len(begins) - 1
        step = 0
        for turned in range(len(begins)):
            at = begins[(first + sense * turned) % len(begins)]
            stop = at + 1
            while stop < end and not labels.starts[stop]:
                stop += 1
            backward = random_float(state) < 0.5
            for k in range(stop - at):
                batch.order[b, step] = labels.routes[stop - 1 - k] if backward else labels.routes[at + k]
                batch.via[b, step] = k == 0
                step += 1
        done = random_below(state, size - 1)
        batch.room[b] = instances.limits[batch.rows[b]]
        batch.current[b] = 0
        batch.load[b] = 0.0
        for k in range(done):
            if batch.via[b, k]:
                batch.room[b] = instances.limits[batch.rows[b]]
            batch.room[b] -= instances.demands[offset + batch.order[b, k]]
            batch.current[b] = batch.order[b, k]
        for node in range(size):
            batch.place[b, node] = -1
        batch.left[b] = size - 1 - done
        for k in range(batch.left[b]):
            node = batch.order[b, done + k]
            batch.order[b, k] = node
            batch.via[b, k] = batch.via[b, done + k]
            batch.remaining[b, k] = node
            batch.place[b, node] = k
            batch.load[b] += instances.demands[offset + node]


@kernel
def window_rows(instances: Instances, lists: Array, batch: Rows, size: int, window: WindowArrays, mask: Array) -> None:
    """Fill the window with the current node, the depot, and open customers nearest to the two.

    Parameters
    ----------
    instances
        All instances.
    lists
        Neighbours [all nodes, K] of each node, nearest first, -1 where there are fewer; [0, 0] to search all open customers
        instead.
    batch
        The rows.
    size
        Tokens beside the two marked ones, T - 2.
    window
        Room.
    mask
        Room [B, T, 2]. Gets whether a customer may be served next, straight on and by way of the depot.
    """
    beside = int(size * AROUND_DEPOT)
    context = int(CONTEXT * size)
    around = Around(
        np.empty(REACH * size, dtype=np.int32),
        np.empty(REACH * size, dtype=np.float64),
        np.empty(size, dtype=np.int32),
        np.empty(size, dtype=np.float64),
        np.empty(MARKS + REACH * size + beside, dtype=np.int32),
    )
    seen = around.seen
    xy = np.empty((len(seen), 2), dtype=np.float64)
    shares = np.zeros(len(seen), dtype=np.float64)
    relaxed = MARKS + context + beside
    lengths = np.empty((relaxed, relaxed), dtype=np.float32)
    share = np.empty((relaxed, relaxed), dtype=np.float32)
    alpha = np.empty((relaxed, relaxed), dtype=np.float32)
    wanted = np.full(relaxed, 2, dtype=np.int32)
    wanted[0] = 1
    for b in range(len(batch.rows)):
        offset = instances.offsets[batch.rows[b]]
        window.nodes[b, 0] = batch.current[b]
        window.nodes[b, 1] = 0
        window.nodes[b, MARKS:] = -1
        window.features[b] = 0.0
        window.edges[b] = 0.0
        mask[b] = False
        if batch.left[b] == 0:
            continue
        tokens, total, scale = _gather(instances, lists, batch, b, beside, window.nodes[b], around)
        _picture(instances.points, offset, batch.turn[b], scale, seen[:total], xy)
        limit = instances.limits[batch.rows[b]]
        at_depot = batch.current[b] == 0
        _describe_loads(instances, batch, b, window.nodes[b, :tokens], window.features[b], mask[b])
        for k in range(MARKS, total):
            shares[k] = instances.demands[offset + seen[k]] / limit
        describe_savings(
            xy[:total],
            shares[:total],
            -1.0 if at_depot else batch.room[b] / limit,
            tokens,
            window.features[b, :, SAVINGS:],
            window.edges[b, :, :, EDGES:],
        )
        total = min(total, relaxed)
        describe_places(xy[:total], MARKS, tokens, 10, BASE, window.features[b])
        fresh = _fresh_vehicles(instances.demands[offset:], seen[MARKS:total], batch.room[b], limit, at_depot)
        wanted[1] = 1 + 2 * fresh
        unit, _ = relax_path(xy[:total], wanted, fresh, not at_depot, ASCENT, lengths, share, alpha)
        if unit > 0.0:
            describe_pairs(tokens, share, alpha, window.features[b, :, RELAXED:SAVINGS], window.edges[b])


@kernel
def look_ahead_rows(instances: Instances, lists: Array, batch: Rows, nodes: Array, through: Array, costs: Array) -> None:
    """Write the length of a step to each of some customers with the shortest of the routes that savings build of the rest.

    Parameters
    ----------
    instances, lists, batch
        As for `window_rows`.
    nodes, through
        Customers [B, K] that may be served next, -1 for none, and whether by way of the depot, [B, K].
    costs
        Room [B, K]. Gets the lengths, infinite where there is no customer.
    """
    pool = np.empty(AHEAD, dtype=np.int32)
    keys = np.empty(AHEAD, dtype=np.float64)
    xy = np.empty((MARKS + AHEAD, 2), dtype=np.float64)
    loads = np.zeros(len(xy), dtype=np.float64)
    costs[:] = math.inf
    for b in range(len(batch.rows)):
        offset = instances.offsets[batch.rows[b]]
        demands, limit = instances.demands[offset:], instances.limits[batch.rows[b]]
        points = instances.points[offset:]
        here, current = batch.current[b], points[batch.current[b]]
        count = -1
        if lists.shape[1] > 0:
            count = listed_remaining(instances.points, offset, here, lists, batch.place[b], batch.left[b], pool, keys)
        if count < 0:
            open_nodes = batch.remaining[b, : batch.left[b]]
            count = nearest_remaining(instances.points, offset, here, open_nodes, pool, keys)
        for k in range(nodes.shape[1]):
            node = nodes[b, k]
            if node < 0:
                continue
            total = MARKS
            for other in pool[:count]:
                if other != node:
                    xy[total] = points[other] - current
                    loads[total] = demands[other] / limit
                    total += 1
            xy[0] = points[node] - current
            xy[1] = points[0] - current
            step = math.hypot(xy[0, 0], xy[0, 1])
            if through[b, k]:
                step = math.hypot(xy[1, 0], xy[1, 1]) + math.hypot(xy[0, 0] - xy[1, 0], xy[0, 1] - xy[1, 1])
            room = ((limit if through[b, k] else batch.room[b]) - demands[node]) / limit
            costs[b, k] = step + shortest_of_savings(xy[:total], loads[:total], max(0.0, room))
        if count > 0:
            costs[b] += costs[b].min() * (batch.left[b] / count - 1.0)  # the others cost as much, whatever comes next


@kernel
def _gather(
    instances: Instances, lists: Array, batch: Rows, b: int, beside: int, nodes: Array, around: Around
) -> tuple[int, int, float]:
    """Write the window to ``nodes``, after its two marked ones, and with those around it to ``around.seen``.

    Where not all open customers are shown, the last ``beside`` of the window are the nearest to the depot. Returns how many
    are in the window, how many were seen, and the scale of the window.
    """
    points, offset = instances.points, instances.offsets[batch.rows[b]]
    left, open_nodes = batch.left[b], batch.remaining[b, : batch.left[b]]
    pool, keys, home, seen = around.pool, around.keys, around.home, around.seen
    size = len(home)
    count = -1
    if lists.shape[1] > 0:
        count = listed_remaining(points, offset, nodes[0], lists, batch.place[b], left, pool, keys)
    if count < 0:
        count = nearest_remaining(points, offset, nodes[0], open_nodes, pool, keys)
    shown = min(count, size - beside) if left > size else count
    scale = window_scale(points, offset + nodes[0], offset, keys, shown)
    tokens = MARKS + shown
    nodes[MARKS:tokens] = pool[:shown]
    if left > size:
        found = nearest_remaining(points, offset, 0, open_nodes, home, around.home_keys)
        tokens = _append_new(home[:found], nodes, tokens)
    seen[:tokens] = nodes[:tokens]
    return tokens, _append_new(pool[shown:count], seen, tokens), scale


@kernel
def _describe_loads(instances: Instances, batch: Rows, b: int, nodes: Array, features: Array, mask: Array) -> None:
    """Write what the tokens weigh, what the vehicle can take and what is left to serve, and which actions are allowed.

    Of ``features`` [T, F] of the ``nodes`` [T] columns 4 to 9 and 11 to 13 are written. ``mask`` [T, 2], false before, gets
    whether a customer may be served next, straight on and by way of the depot.
    """
    demands, limit = instances.demands[instances.offsets[batch.rows[b]] :], instances.limits[batch.rows[b]]
    at_depot, room, load = batch.current[b] == 0, batch.room[b], batch.load[b]
    tokens = len(nodes)
    for k in range(MARKS, tokens):
        demand = demands[nodes[k]]
        mask[k, 0] = not at_depot and demand <= room
        mask[k, 1] = True
        features[k, 4] = demand / limit
        features[k, 5] = min(demand / max(room, 1e-9 * limit), 2.0)
        features[k, 6] = 1.0 if demand <= room else 0.0
    now, closed = spare_room(load / limit, (limit if at_depot else room) / limit)
    for k in range(tokens):
        features[k, 7] = room / limit
        features[k, 8] = math.log((batch.left[b] + 2.0) / tokens)
        features[k, 9] = math.log1p(load / limit)
        features[k, 11] = now
        features[k, 12] = closed
        features[k, 13] = 1.0 if closed > now else 0.0


@kernel
def spare_room(load: float, room: float) -> tuple[float, float]:
    """Return the least capacity that stays unused if the present vehicle goes on, and if it ends its route here.

    All in capacities of a vehicle: ``load`` is the demand that is left, ``room`` what the present vehicle can take of it.
    The second is less than the first, by what is wasted, unless ending here costs one more vehicle: then it is greater.
    """
    going_on = room + max(0.0, math.ceil(load - room - 1e-9)) - load
    ending = math.ceil(load - 1e-9) - load
    return going_on, ending


@kernel
def _fresh_vehicles(demands: Array, nodes: Array, room: float, limit: float, at_depot: bool) -> int:
    """Return how many vehicles are needed besides the one on its way (at the depot: besides the first)."""
    load = 0.0
    for k in range(len(nodes)):
        load += demands[nodes[k]]
    return max(0, math.ceil((load - (limit if at_depot else room)) / limit - 1e-9))


@kernel
def _append_new(candidates: Array, nodes: Array, count: int) -> int:
    """Append candidates that are not among the first ``count`` nodes yet, while there is room; return the new count."""
    known = count
    for i in range(len(candidates)):
        if count == len(nodes):
            break
        new = True
        for k in range(MARKS, known):
            if nodes[k] == candidates[i]:
                new = False
                break
        if new:
            nodes[count] = candidates[i]
            count += 1
    return count


@kernel
def _picture(points: Array, offset: int, turn: Array, scale: float, nodes: Array, xy: Array) -> None:
    """Write the scaled and turned positions of the nodes, relative to the first one."""
    x = points[offset + nodes[0], 0]
    y = points[offset + nodes[0], 1]
    for k in range(len(nodes)):
        dx = (points[offset + nodes[k], 0] - x) * scale
        dy = (points[offset + nodes[k], 1] - y) * scale
        xy[k, 0] = turn[0, 0] * dx + turn[0, 1] * dy
        xy[k, 1] = turn[1, 0] * dx + turn[1, 1] * dy


@kernel
def target_rows(nodes: Array, batch: Rows, anywhere: Array, choice: Array, right: Array, neighbours: Array) -> None:
    """Write the action of the label, all right actions, and the tokens before and after each customer on its route.

    Open customers stand in the label's order. The depot is token 1. From a finished route either neighbour of the served
    sector may follow, ``anywhere`` [B] any route, from either end.

    Parameters
    ----------
    nodes
        Node of each token, [B, T], -1 where there is none.
    batch
        The rows, in the label's order.
    anywhere
        Rows [B] in which any route may be the next one.
    choice
        Room [B]. Gets twice the token of the label's next customer, and one more by way of the depot; -1 outside of the
        window.
    right
        Room [B, T, 2]. Gets which actions are as good as the label's.
    neighbours
        Room [B, T, 2]. Gets the tokens before and after each customer on its route, -1 where outside of the window or none.
    """
    via, left, place = batch.via, batch.left, batch.place
    right[:] = False
    tokens = nodes.shape[1]
    for b in range(len(nodes)):
        where = np.full(left[b], -1, dtype=np.int32)
        for k in range(MARKS, tokens):
            if nodes[b, k] >= 0:
                where[place[b, nodes[b, k]]] = k
        neighbours[b] = -1
        choice[b] = -1
        if left[b] == 0:
            continue
        if where[0] >= 0:
            choice[b] = 2 * where[0] + (1 if via[b, 0] else 0)
            right[b, where[0], 1 if via[b, 0] else 0] = True
        last = left[b] - 1
        while last > 0 and not via[b, last]:  # down to 0
            last -= 1
        second = 1
        while second < left[b] and not via[b, second]:  # up to the last one
            second += 1
        if nodes[b, 0] != 0:
            neighbours[b, 0, 1] = 1 if via[b, 0] else where[0]
        for i in range(left[b]):
            if where[i] < 0:
                continue
            neighbours[b, where[i], 0] = 1 if via[b, i] else (where[i - 1] if i > 0 else 0)
            ends = i + 1 == left[b] or via[b, i + 1]
            neighbours[b, where[i], 1] = 1 if ends else where[i + 1]
            beside = i < second or i >= last or anywhere[b]
            if via[b, 0] and beside and (ends or via[b, i]):
                right[b, where[i], 1] = True
