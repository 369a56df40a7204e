"""Compiled steps of the CVRP's decision process. Node 0 is the depot; rows are as in the routing kernels.

``room[b]`` is the capacity left on the vehicle of row b. ``via[b, s]`` says whether step s went via the depot.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below, random_float
from redwood.problems.cvrp.savings_shares import CHANNELS, describe_savings
from redwood.problems.routing.relaxation_kernels import EDGES, describe_pairs, relax_path
from redwood.problems.routing.stepwise_kernels import (
    NEAR,
    SURROUNDINGS,
    describe_surroundings,
    draw_turn,
    listed_remaining,
    nearest_remaining,
    pull,
    remove,
    window_scale,
)

MARKS = 2
BASE = 14
"""Features before those of the surroundings."""
RELAXED = BASE + SURROUNDINGS
SAVINGS = RELAXED + MARKS * EDGES
"""Where the features begin that the relaxation and the savings tell."""
FEATURES = SAVINGS + MARKS * CHANNELS
PAIRS = EDGES + CHANNELS
"""Numbers that describe a pair of tokens."""
TREES, FIRST_STEP, DECAY, AVERAGING = 60, 0.6, 0.94, 0.08
"""Arguments of `relax_path`: so many trees that the potentials nearly settle."""
CONTEXT = 1.5
"""How many customers the relaxation is made of, in sizes of the window: without some outside, its rim would be wrong."""
REACH = 3
"""How many customers savings are made of, in sizes of the window: they need whole routes."""
AROUND_DEPOT = 0.25
"""Share of the window that is kept for the customers nearest to the depot."""


@kernel
def begin_rows(rows: Array, offsets: Array, remaining: Array, place: Array, left: Array) -> None:
    """Open every customer; the vehicle stands at the depot.

    Parameters
    ----------
    rows
        Instance of each row, [B].
    offsets
        Where the nodes of each instance begin among all, [I + 1].
    remaining, place
        Room [B, N]. Get the customers in any order, and where each stands among them, -1 for the depot.
    left
        Room [B]. Gets how many customers there are.
    """
    for b in range(len(rows)):
        size = offsets[rows[b] + 1] - offsets[rows[b]]
        place[b, 0] = -1
        for node in range(1, size):
            remaining[b, node - 1] = node
            place[b, node] = node - 1
        left[b] = size - 1


@kernel
def act_rows(
    nodes: Array,
    through: Array,
    rows: Array,
    offsets: Array,
    demands: Array,
    limits: Array,
    current: Array,
    room: Array,
    remaining: Array,
    place: Array,
    left: Array,
    load: Array,
    order: Array,
    via: Array,
    steps: Array,
) -> None:
    """Serve ``nodes[b]`` next in each row that is not finished, with a fresh vehicle where ``through[b]``.

    Parameters
    ----------
    nodes, through
        Customer to serve, [B], open in every row that is not finished, and whether by way of the depot, [B].
    rows
        Instance of each row, [B].
    offsets
        Where the nodes of each instance begin among all, [I + 1].
    demands, limits
        Demands [all nodes], the depots' 0, and the capacity of the vehicles of each instance, [I].
    current, room
        Node [B] where the vehicle stands, and the capacity left on it, [B]; both change.
    remaining, place, left
        Open customers [B, N] in any order, where each stands among them (-1 for none), and how many there are, [B]; all
        change.
    load
        Demand [B] of all open customers; falls by that of the customer.
    order, via, steps
        Customers served so far, [B, N], whether by way of the depot, [B, N], and how many, [B]; all grow by the customer.
    """
    for b in range(len(nodes)):
        if left[b] == 0:
            continue
        node = nodes[b]
        demand = demands[offsets[rows[b]] + node]
        if through[b]:
            room[b] = limits[rows[b]]
        room[b] -= demand
        load[b] -= demand
        remove(node, remaining[b], place[b], left[b])
        left[b] -= 1
        current[b] = node
        order[b, steps[b]] = node
        via[b, steps[b]] = through[b]
        steps[b] += 1


@kernel
def sample_rows(
    rows: Array,
    offsets: Array,
    demands: Array,
    limits: Array,
    routes: Array,
    starts: Array,
    sectors: Array,
    current: Array,
    room: Array,
    remaining: Array,
    place: Array,
    left: Array,
    load: Array,
    plan: Array,
    via: Array,
    turn: Array,
    state: RandomState,
) -> None:
    """Open a random tail of the labelled routes of each row: around the depot from a random one on, in random directions.

    Labels have their routes in the order around the depot. Instances in ``sectors`` begin with their first or their last.

    Parameters
    ----------
    rows
        Instance of each row, [B].
    offsets
        Where the nodes of each instance begin among all, [I + 1].
    demands, limits
        Demands [all nodes], the depots' 0, and the capacity of the vehicles of each instance, [I].
    routes, starts
        Labels [all nodes] from each instance's second entry on: customers route by route, and which begin a route.
    sectors
        Which instances [I] leave a wide sector around the depot without customers.
    current, room
        Room [B]. Get the node where the vehicle stands, 0 for the depot, and the capacity left on it.
    remaining, place, left
        Room [B, N], [B, N] and [B]. Get the open customers, where each stands among them (-1 for none), and how many there
        are.
    load
        Room [B]. Gets the demand of all open customers.
    plan, via
        Room [B, N]. Get the open customers in the label's order, and whether each is reached by way of the depot.
    turn
        Room [B, 2, 2]. Gets a random rotation and mirror of each row.
    state
        The generator's state [2].
    """
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        size = offsets[rows[b] + 1] - offset
        end = offset + size
        draw_turn(turn[b], state)
        begins = offset + 1 + np.flatnonzero(starts[offset + 1 : end])
        first = random_below(state, len(begins))
        sense = -1 if random_float(state) < 0.5 else 1
        if sectors[rows[b]]:
            first = 0 if sense > 0 else len(begins) - 1
        step = 0
        for turned in range(len(begins)):
            at = begins[(first + sense * turned) % len(begins)]
            stop = at + 1
            while stop < end and not starts[stop]:
                stop += 1
            backward = random_float(state) < 0.5
            for k in range(stop - at):
                plan[b, step] = routes[stop - 1 - k] if backward else routes[at + k]
                via[b, step] = k == 0
                step += 1
        done = random_below(state, size - 1)
        room[b] = limits[rows[b]]
        current[b] = 0
        load[b] = 0.0
        for k in range(done):
            if via[b, k]:
                room[b] = limits[rows[b]]
            room[b] -= demands[offset + plan[b, k]]
            current[b] = plan[b, k]
        for node in range(size):
            place[b, node] = -1
        left[b] = size - 1 - done
        for k in range(left[b]):
            node = plan[b, done + k]
            plan[b, k] = node
            via[b, k] = via[b, done + k]
            remaining[b, k] = node
            place[b, node] = k
            load[b] += demands[offset + node]


@kernel
def window_rows(
    points: Array,
    offsets: Array,
    lists: Array,
    demands: Array,
    limits: Array,
    rows: Array,
    current: Array,
    room: Array,
    remaining: Array,
    place: Array,
    left: Array,
    load: Array,
    turn: Array,
    size: int,
    features: Array,
    edges: Array,
    nodes: Array,
    mask: Array,
) -> None:
    """Fill ``features`` [B, T, F], ``edges`` [B, T, T, E], ``nodes`` [B, T] (-1 for none) and ``mask`` [B, T, 2].

    Parameters
    ----------
    points, offsets
        Positions [all nodes, 2] of all instances, and where those of each begin, [I + 1].
    lists
        Neighbours [all nodes, K] of each node, nearest first, -1 where there are fewer; [0, 0] to search all open customers
        instead.
    demands, limits
        Demands [all nodes], the depots' 0, and the capacity of the vehicles of each instance, [I].
    rows
        Instance of each row, [B].
    current, room
        Node [B] where the vehicle stands, 0 for the depot, and the capacity left on it, [B].
    remaining, place, left
        Open customers [B, N] in any order, where each stands among them (-1 for none), and how many there are, [B].
    load
        Demand [B] of all open customers.
    turn
        Rotation and mirror [B, 2, 2] in which each row is shown.
    size
        Tokens beside the two marked ones, T - 2.
    features, edges
        Room [B, T, F] and [B, T, T, E]. Get the numbers that describe tokens and pairs, 0 where there is none.
    nodes
        Room [B, T]. Gets the node of each token: the current one, the depot, the chosen customers, -1 where there is none.
    mask
        Room [B, T, 2]. Gets whether a customer may be served next, straight on and by way of the depot.
    """
    beside = int(size * AROUND_DEPOT)
    context = int(CONTEXT * size)
    pool = np.empty(REACH * size, dtype=np.int32)
    keys = np.empty(REACH * size, dtype=np.float64)
    home = np.empty(size, dtype=np.int32)
    home_keys = np.empty(size, dtype=np.float64)
    seen = np.empty(MARKS + REACH * size + beside, dtype=np.int32)
    xy = np.empty((len(seen), 2), dtype=np.float64)
    shares = np.zeros(len(seen), dtype=np.float64)
    relaxed = MARKS + context + beside
    lengths = np.empty((relaxed, relaxed), dtype=np.float32)
    share = np.empty((relaxed, relaxed), dtype=np.float32)
    alpha = np.empty((relaxed, relaxed), dtype=np.float32)
    wanted = np.full(relaxed, 2, dtype=np.int32)
    wanted[0] = 1
    for b in range(len(rows)):
        offset = offsets[rows[b]]
        nodes[b, 0] = current[b]
        nodes[b, 1] = 0
        nodes[b, MARKS:] = -1
        features[b] = 0.0
        edges[b] = 0.0
        mask[b] = False
        if left[b] == 0:
            continue
        tokens, total, scale = _gather(
            points, offset, lists, remaining[b, : left[b]], place[b], beside, nodes[b], pool, keys, home, home_keys, seen
        )
        _picture(points, offset, turn[b], scale, seen[:total], xy)
        limit = limits[rows[b]]
        at_depot = current[b] == 0
        _describe_loads(
            nodes[b, :tokens], demands[offset:], limit, at_depot, room[b], load[b], left[b], features[b], mask[b]
        )
        for k in range(MARKS, total):
            shares[k] = demands[offset + seen[k]] / limit
        describe_savings(
            xy[:total],
            shares[:total],
            -1.0 if at_depot else room[b] / limit,
            tokens,
            features[b, :, SAVINGS:],
            edges[b, :, :, EDGES:],
        )
        total = min(total, relaxed)
        _describe(xy[:total], tokens, features[b])
        fresh = _fresh_vehicles(demands[offset:], seen[MARKS:total], room[b], limit, at_depot)
        wanted[1] = 1 + 2 * fresh
        around = xy[:total]
        if relax_path(around, wanted, fresh, not at_depot, TREES, FIRST_STEP, DECAY, AVERAGING, lengths, share, alpha) > 0.0:
            describe_pairs(tokens, share, alpha, features[b, :, RELAXED:SAVINGS], edges[b])


@kernel
def _gather(
    points: Array,
    offset: int,
    lists: Array,
    open_nodes: Array,
    place: Array,
    beside: int,
    nodes: Array,
    pool: Array,
    keys: Array,
    home: Array,
    home_keys: Array,
    seen: Array,
) -> tuple[int, int, float]:
    """Write the window to ``nodes``, after its two marked ones, and with those around it to ``seen``.

    Where not all ``open_nodes`` are shown, the last ``beside`` of the window are the nearest to the depot. Returns how many
    are in the window, how many were seen, and the scale of the window.

    Parameters
    ----------
    points, offset
        Positions [all nodes, 2] of all instances, and where those of this instance begin.
    lists
        Neighbours [all nodes, K] of each node, or [0, 0], as for `window_rows`.
    open_nodes, place
        Open customers [n] in any order, and where each node stands among them, [N], -1 for none.
    beside
        How many customers near the depot a full window shows.
    nodes
        Room [T], of which the first two are given: the current node and the depot. Gets the chosen customers.
    pool, keys
        Room [k] for the customers nearest to the current node, and their squared distances.
    home, home_keys
        Room [T - 2] for the customers nearest to the depot, and their squared distances.
    seen
        Room [T + k or less]. Gets the tokens' nodes, then those of ``pool`` that the window does not show.
    """
    size = len(home)
    left = len(open_nodes)
    count = -1
    if lists.shape[1] > 0:
        count = listed_remaining(points, offset, nodes[0], lists, place, left, pool, keys)
    if count < 0:
        count = nearest_remaining(points, offset, nodes[0], open_nodes, pool, keys)
    shown = min(count, size - beside) if left > size else count
    scale = window_scale(points, offset + nodes[0], offset, keys, shown)
    tokens = MARKS + shown
    nodes[MARKS:tokens] = pool[:shown]
    if left > size:
        found = nearest_remaining(points, offset, 0, open_nodes, home, home_keys)
        tokens = _append_new(home[:found], nodes, tokens)
    seen[:tokens] = nodes[:tokens]
    return tokens, _append_new(pool[shown:count], seen, tokens), scale


@kernel
def _describe_loads(
    nodes: Array,
    demands: Array,
    limit: float,
    at_depot: bool,
    room: float,
    load: float,
    left: int,
    features: Array,
    mask: Array,
) -> None:
    """Write what the tokens weigh, what the vehicle can take and what is left to serve, and which actions are allowed.

    Parameters
    ----------
    nodes
        Node of each token, [T], all there.
    demands
        Demands [N] of the instance.
    limit, room
        Capacity of a vehicle, and what the present one can still take.
    at_depot
        Whether the vehicle stands at the depot, so that every way leads via it.
    load, left
        Demand of all open customers, and how many they are.
    features
        Features [T, F] of which columns 4 to 9 and 11 to 13 are written.
    mask
        Room [T, 2], false before. Gets whether a customer may be served next, straight on and by way of the depot.
    """
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
        features[k, 8] = math.log((left + 2.0) / tokens)
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
def _describe(xy: Array, tokens: int, features: Array) -> None:
    """Write position, distances from the current node and the depot, how far the depot is, and the surroundings."""
    near = np.empty(NEAR, dtype=np.float64)
    near_xy = np.empty((NEAR, 2), dtype=np.float64)
    for k in range(tokens):
        describe_surroundings(xy, MARKS, k, near, near_xy, features[k, BASE : BASE + SURROUNDINGS])
    far = math.hypot(xy[1, 0], xy[1, 1])
    for k in range(tokens):
        home = math.hypot(xy[k, 0] - xy[1, 0], xy[k, 1] - xy[1, 1])
        away = math.hypot(xy[k, 0], xy[k, 1])
        features[k, 0] = xy[k, 0] * pull(away)
        features[k, 1] = xy[k, 1] * pull(away)
        features[k, 2] = away * pull(away)
        features[k, 3] = home * pull(home)
        features[k, 10] = math.log1p(far)


@kernel
def target_rows(
    nodes: Array,
    plan: Array,
    via: Array,
    left: Array,
    place: Array,
    anywhere: Array,
    choice: Array,
    right: Array,
    neighbours: Array,
) -> None:
    """Write the action of the label, all right actions, and the tokens before and after each customer on its route.

    ``place`` [B, N] is where each open customer stands in ``plan`` [B, N], the label's order. The depot is token 1. From
    a finished route either neighbour of the served sector may follow, ``anywhere`` [B] any route, from either end.

    Parameters
    ----------
    nodes
        Node of each token, [B, T], -1 where there is none.
    plan, via
        Open customers [B, N] in the label's order, and whether each is reached by way of the depot.
    left
        How many customers are open, [B].
    place
        Where each open customer stands in ``plan``, [B, N].
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
