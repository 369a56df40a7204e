"""Compiled iterated local search for the TSP: a queue of nodes to look at, local perturbation, and undo at its own cost.

References
----------
Bentley (1992), doi:10.1287/ijoc.4.4.387 (don't-look bits, neighbour lists). Applegate, Cook, Rohe (2003), Chained
Lin-Kernighan for Large Traveling Salesman Problems, doi:10.1287/ijoc.15.1.82.15157 (local kicks, queue of their ends).
"""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import kernel, random_below, random_float
from redwood.solvers.local_search.tsp_moves import Search, between, improve, node_at

# places in Search.counters
_HEAD, _WAITING, _LOGGED, _CHANGED = 0, 1, 2, 3

STEPS = 50
"""Number of steps of the random walks that find where to perturb."""
REACH = 1000
"""Largest distance along the tour between places that one perturbation changes."""
MOVES = 50
"""Moves made at one node before the others in the queue have their turn."""
BLOCK = 5000
"""Perturbations are made in so many neighbouring nodes, one for each, before the search moves on to the next ones."""


@kernel(nogil=True, _nrt=False)
def fill_queue(search: Search) -> None:
    """Queue all nodes in the order of the tour."""
    for node in search.order:
        _push(search, node)


@kernel(nogil=True, _nrt=False)
def descend(search: Search, limit: int) -> float:
    """Improve at up to ``limit`` queued nodes; returns the gain. Nothing can be undone afterwards."""
    total = 0.0
    while search.counters[_WAITING] > 0 and limit > 0:  # at most ``limit`` times
        limit -= 1
        search.counters[_LOGGED] = 0
        total += _improve_next(search)
    search.counters[_LOGGED] = 0
    search.counters[_CHANGED] = 0
    search.balances[0] = 0.0
    _copy(search.best, search.order)
    return total


@kernel(_nrt=False)
def waiting(search: Search) -> int:
    """Return the number of queued nodes."""
    return int(search.counters[_WAITING])


@kernel(nogil=True, _nrt=False)
def iterate(search: Search, iterations: int, heat: float, done: int, limit: float) -> float:
    """Perturb and repair ``iterations`` times; returns by how much the best tour became shorter.

    What is longer is kept with the probability that annealing at a temperature ``heat`` * (1 - i / ``limit``) gives it;
    i counts from ``done``.

    Parameters
    ----------
    search
        The state of the search, at a local optimum; changes.
    iterations
        How many perturbations are made.
    heat
        Temperature at iteration 0, in the unit of the lengths; 0 for no annealing.
    done
        Iterations that lie behind.
    limit
        The iteration at which the temperature reaches 0; infinite for a constant one.
    """
    balances = search.balances
    gained = 0.0
    for iteration in range(done, done + iterations):
        search.counters[_LOGGED] = 0
        change = _kick(search, iteration)
        while search.counters[_WAITING] > 0:  # ends: what is queued stems from a move, and the log has room for so many
            change -= _improve_next(search)
        temperature = heat * (1.0 - iteration / limit)
        allowed = search.tolerance
        if temperature > 0.0:
            allowed -= temperature * math.log(1.0 - random_float(search.random))
        if change > allowed:
            _undo(search)
            continue
        _mark_changes(search)
        balances[0] += change
        if balances[0] < -search.tolerance:
            gained -= balances[0]
            balances[0] = 0.0
            _keep(search)
    return gained


@kernel(_nrt=False)
def _mark_changes(search: Search) -> None:
    """Remember the places that differ from the best tour; too many count as all."""
    log_place, changed, counters = search.log_place, search.changed, search.counters
    logged, known = counters[_LOGGED], counters[_CHANGED]
    if known + logged > len(changed):
        counters[_CHANGED] = len(changed) + 1
        return
    for entry in range(logged):
        changed[known + entry] = log_place[entry]
    counters[_CHANGED] = known + logged


@kernel(_nrt=False)
def _copy(best: Array, order: Array) -> None:
    for place in range(len(order)):
        best[place] = order[place]


@kernel(_nrt=False)
def _keep(search: Search) -> None:
    """Make the tour the best one, at the cost of the places that differ."""
    best, order, changed, counters = search.best, search.order, search.changed, search.counters
    if counters[_CHANGED] > len(changed):
        _copy(best, order)
    else:
        for entry in range(counters[_CHANGED]):
            place = changed[entry]
            best[place] = order[place]
    counters[_CHANGED] = 0


@kernel(_nrt=False)
def _improve_next(search: Search) -> float:
    """Take a node from the queue and improve there as long as possible, `MOVES` times at most; returns the gain."""
    node = _pop(search)
    total = 0.0
    for _ in range(MOVES):
        gain = improve(search, min(search.shift, len(search.log_place) - search.counters[_LOGGED]), node)
        if gain <= 0.0:
            return total
        total += gain
        _queue_ends(search)
        _rearrange(search)
    _push(search, node)
    return total


@kernel(_nrt=False)
def _push(search: Search, node: int) -> None:
    queue, queued, counters = search.queue, search.queued, search.counters
    if queued[node]:
        return
    queued[node] = True
    place = counters[_HEAD] + counters[_WAITING]
    if place >= len(queue):
        place -= len(queue)
    queue[place] = node
    counters[_WAITING] += 1


@kernel(_nrt=False)
def _pop(search: Search) -> int:
    queue, counters = search.queue, search.counters
    head = counters[_HEAD]
    node = queue[head]
    search.queued[node] = False
    counters[_HEAD] = head + 1 if head + 1 < len(queue) else 0
    counters[_WAITING] -= 1
    return int(node)


@kernel(_nrt=False)
def _queue_ends(search: Search) -> None:
    """Queue the nodes whose neighbours along the tour change."""
    order, path = search.order, search.path
    base, direction = path[0, 0], path[0, 1]
    for i in range(1, path[0, 2] + 1):
        _push(search, node_at(order, base, direction, path[i, 0]))
        _push(search, node_at(order, base, direction, path[i, 1]))


@kernel(_nrt=False)
def _rearrange(search: Search) -> None:
    """Write the tour whose path consists of the segments in ``path``, and log what it overwrites.

    The longest segment stays where it is, and so does every other one that keeps its place and direction.
    """
    order, position, path, buffer = search.order, search.position, search.path, search.buffer
    log_place, log_node, counters = search.log_place, search.log_node, search.counters
    size = len(order)
    base, direction, count = path[0, 0], path[0, 1], path[0, 2]
    longest = 1
    for i in range(2, count + 1):
        if abs(path[i, 1] - path[i, 0]) > abs(path[longest, 1] - path[longest, 0]):
            longest = i
    logged = counters[_LOGGED]
    forward = path[longest, 0] <= path[longest, 1]
    target = max(path[longest, 0], path[longest, 1]) + 1
    filled = 0
    i = longest
    for _ in range(count - 1):
        if forward:
            i = i + 1 if i < count else 1
            first, last = path[i, 0], path[i, 1]
        else:
            i = i - 1 if i > 1 else count
            first, last = path[i, 1], path[i, 0]
        if target >= size:
            target -= size
        if first > last or first != target:
            step = direction if first <= last else -direction
            source = _wrap(base + direction * first, size)
            place = _wrap(base + direction * target, size)
            for _ in range(abs(last - first) + 1):
                buffer[filled] = order[source]
                log_place[logged + filled] = place
                filled += 1
                source = _wrap(source + step, size)
                place = _wrap(place + direction, size)
        target += abs(last - first) + 1
    for entry in range(filled):
        place = log_place[logged + entry]
        node = buffer[entry]
        log_node[logged + entry] = order[place]
        order[place] = node
        position[node] = place
    counters[_LOGGED] = logged + filled


@kernel(_nrt=False)
def _wrap(place: int, size: int) -> int:
    if place < 0:
        return place + size
    return place - size if place >= size else place


@kernel(_nrt=False)
def _undo(search: Search) -> None:
    """Take back every change since the log was last emptied."""
    order, position, counters = search.order, search.position, search.counters
    for entry in range(counters[_LOGGED] - 1, -1, -1):
        place, node = search.log_place[entry], search.log_node[entry]
        order[place] = node
        position[node] = place
    counters[_LOGGED] = 0


@kernel(_nrt=False)
def _kick(search: Search, iteration: int) -> float:
    """Exchange two neighbouring sub-paths of the tour that begin and end near each other; returns by how much it grows.

    This is a double bridge: four edges near a node, found by random walks, are replaced.
    """
    order, position, path = search.order, search.position, search.path
    size = len(order)
    block = min(BLOCK, size)
    node = (iteration // block * block + random_below(search.random, block)) % size
    base = position[node] + 1 if position[node] + 1 < size else 0
    a, b, c = 0, 1, 2
    for _ in range(3):
        u = _walk(search, node, base)
        v = _walk(search, node, base)
        w = _walk(search, node, base)
        if u != v and v != w and u != w and max(u, v, w) < size - 1:
            a, b, c = u, v, w
            break
    first = min(a, b, c) + 1
    third = max(a, b, c) + 1
    second = a + b + c - first - third + 3
    path[0, 0], path[0, 1], path[0, 2] = base, 1, 4
    path[1, 0], path[1, 1] = second, third - 1
    path[2, 0], path[2, 1] = first, second - 1
    path[3, 0], path[3, 1] = 0, first - 1
    path[4, 0], path[4, 1] = third, size - 1
    change = 0.0
    for i in range(1, 5):
        tail = node_at(order, path[0, 0], 1, path[i, 1])
        old = node_at(order, path[0, 0], 1, path[i, 1] + 1 if path[i, 1] + 1 < size else 0)
        head = node_at(order, path[0, 0], 1, path[i + 1 if i < 4 else 1, 0])
        change += between(search.distances, tail, head)
        change -= between(search.distances, tail, old)
    _queue_ends(search)
    _rearrange(search)
    return change


@kernel(_nrt=False)
def _walk(search: Search, node: int, base: int) -> int:
    """Return the path coordinate of the last node within reach that a random walk along candidate edges visits."""
    size, count = search.neighbours.shape
    found = 0
    for _ in range(STEPS):
        node = search.neighbours[node, random_below(search.random, count)]
        coordinate = search.position[node] - base
        if coordinate < 0:
            coordinate += size
        if coordinate < REACH or coordinate > size - REACH:
            found = coordinate
    return found
