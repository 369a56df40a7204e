"""Separation of combs in Numba: handles grown node by node, with the best disjoint teeth among the intervals of an order.

A comb has a handle H and an odd number t of disjoint teeth T, each with nodes inside and outside of H; every tour has
``x(delta(H)) + sum of x(delta(T)) >= 3 t + 1``. Handles of one node pair give subtours, teeth of two nodes blossoms. For a
handle, the teeth that make this most violated are found by dynamic programming over all short intervals of an order of the
nodes, so that the order decides what is found: that of a good tour, and orders that follow the fractional point itself.

References
----------
V. Chvatal, Edmonds polytopes and weakly hamiltonian graphs, 1973, doi:10.1007/BF01580109: combs. D. Applegate, R. Bixby,
V. Chvatal and W. Cook, Implementing the Dantzig-Fulkerson-Johnson algorithm, 2003, doi:10.1007/s10107-003-0440-4, section
on teething: optimal teeth for a given handle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_float
from redwood.problems.routing.forest import root

DUST = 1e-9


class Support(NamedTuple):
    """The edges of positive value, each both ways: those of node i stand from ``starts[i]`` to ``starts[i + 1]``.

    Attributes
    ----------
    starts
        Where the edges of each node begin [N + 1].
    heads, values
        Other end and value of each edge [2 E].
    degree
        Sum of the values at each node [N].
    """

    starts: Array
    heads: Array
    values: Array
    degree: Array


class Teeth(NamedTuple):
    """An order of the nodes, the gains of its short intervals as teeth, and room to choose among them.

    Attributes
    ----------
    order, place
        The nodes in their order, and the place of each [N].
    tooth_gain
        3 less the value across the border of the interval of l + 1 nodes that begins at place p [N, L].
    best, chosen
        For each place and parity of the number of teeth: the largest gain of teeth that end there at the latest, and the
        first place of a tooth that ends there, -1 for none [N, 2].
    before
        The place whose `best` is the one to go on from [N].
    """

    order: Array
    place: Array
    tooth_gain: Array
    best: Array
    chosen: Array
    before: Array


class Combs(NamedTuple):
    """Room for C combs.

    Attributes
    ----------
    handle, handle_size
        Nodes of each handle [C, M] and their number [C].
    teeth, tooth_count
        First and last place of each tooth [C, M + 1, 2], and their number [C].
    violation
        By how much the comb is violated [C]; 0 or less where none was found.
    """

    handle: Array
    handle_size: Array
    teeth: Array
    tooth_count: Array
    violation: Array


@kernel
def measure_intervals(support: Support, order: Array, place: Array, values: Array) -> None:
    """Fill in the value across the border of the interval of l + 1 nodes that begins at place p, for all [N, L].

    Intervals that would go beyond the end of the order get the value 4.

    Parameters
    ----------
    support
        The fractional point.
    order, place
        The nodes in their order, and the place of each [N].
    values
        What is filled in [N, L].
    """
    size, reach = values.shape
    for first in range(size):
        border = 0.0
        for step in range(reach):
            last = first + step
            if last >= size:
                values[first, step] = 4.0
                continue
            node = order[last]
            inner = 0.0
            for entry in range(support.starts[node], support.starts[node + 1]):
                where = place[support.heads[entry]]
                if first <= where < last:
                    inner += support.values[entry]
            border += support.degree[node] - 2.0 * inner
            values[first, step] = border


@kernel
def follow_values(support: Support, base: Array, noise: float, state: RandomState, order: Array) -> None:
    """Fill in an order [N] of the nodes along paths of edges of large values; the paths stand as ``base`` [N] has them.

    Parameters
    ----------
    support
        The fractional point.
    base
        The nodes in an order in which the paths are joined.
    noise
        How much values are disturbed at random before they are compared.
    state
        The generator's state [2].
    order
        What is filled in [N].
    """
    size = len(base)
    count = 0
    for node in range(size):
        for entry in range(support.starts[node], support.starts[node + 1]):
            count += support.heads[entry] > node
    tails, heads, keys = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count)
    count = 0
    for node in range(size):
        for entry in range(support.starts[node], support.starts[node + 1]):
            if support.heads[entry] > node:
                tails[count], heads[count] = node, support.heads[entry]
                keys[count] = -support.values[entry] + noise * random_float(state)
                count += 1
    sides, group = np.full((size, 2), -1, np.int64), np.arange(size)
    for edge in np.argsort(keys):
        tail, head = tails[edge], heads[edge]
        if sides[tail, 1] >= 0 or sides[head, 1] >= 0:
            continue
        a, b = root(group, tail), root(group, head)
        if a == b:
            continue
        group[a] = b
        sides[tail, 0 if sides[tail, 0] < 0 else 1] = head
        sides[head, 0 if sides[head, 0] < 0 else 1] = tail
    done = np.zeros(size, np.bool_)
    filled = 0
    for start in base:
        if done[start] or sides[start, 1] >= 0:
            continue
        previous, node = -1, start
        while node >= 0:  # along a path, from one end to the other
            done[node] = True
            order[filled] = node
            filled += 1
            following = sides[node, 0] if sides[node, 0] != previous else sides[node, 1]
            previous, node = node, following


@kernel
def choose_teeth(teeth: Teeth, inside: Array, places: Array, count: int) -> tuple[int, float]:
    """Choose disjoint intervals that cross a handle, odd in number, of the largest gain; return (last place, gain).

    Parameters
    ----------
    teeth
        The order; its ``best``, ``chosen`` and ``before`` are overwritten.
    inside
        Which nodes are in the handle [N].
    places
        The places of the handle's nodes, rising, of which the first ``count`` count.
    count
        Their number.
    """
    order, tooth_gain, best, chosen, before = teeth.order, teeth.tooth_gain, teeth.best, teeth.chosen, teeth.before
    size, reach = tooth_gain.shape
    previous, at = -1, 0
    while at < count:
        begin = max(previous + 1, places[at] - reach + 1)
        end = min(size - 1, places[at] + reach - 1)
        while at + 1 < count and places[at + 1] - reach + 1 <= end + 1:
            at += 1
            end = min(size - 1, places[at] + reach - 1)
        at += 1
        change = -1
        for last in range(begin, end + 1):
            if last > begin:
                if inside[order[last - 1]] != inside[order[last]]:
                    change = last - 1
                before[last] = last - 1
            else:
                before[last] = previous
            none = before[last]
            for parity in range(2):
                best[last, parity] = best[none, parity] if none >= 0 else (0.0 if parity == 0 else -1e9)
                chosen[last, parity] = -1
            for first in range(change, max(begin, last - reach + 1) - 1, -1):
                gain = tooth_gain[first, last - first]
                if gain <= DUST:
                    continue
                none = before[first]
                for parity in range(2):
                    base = best[none, 1 - parity] if none >= 0 else (0.0 if parity == 1 else -1e9)
                    if base + gain > best[last, parity] + DUST:
                        best[last, parity] = base + gain
                        chosen[last, parity] = first
        previous = end
    return previous, best[previous, 1] if previous >= 0 else -1e9


@kernel
def keep_teeth(teeth: Teeth, last: int, kept: Array) -> int:
    """List the teeth that `choose_teeth` has chosen in ``kept`` [T, 2]; return how many, or 0 where there is no room."""
    parity, count = 1, 0
    while last >= 0:
        first = teeth.chosen[last, parity]
        if first < 0:
            last = teeth.before[last]
            continue
        if count == len(kept):
            return 0
        kept[count, 0], kept[count, 1] = first, last
        count += 1
        parity = 1 - parity
        last = teeth.before[first]
    return count


@kernel
def grow_combs(support: Support, teeth: Teeth, seeds: Array, noise: float, state: RandomState, combs: Combs) -> None:
    """Grow a handle from each seed and keep the most violated comb on the way, one for each seed.

    Parameters
    ----------
    support
        The fractional point.
    teeth
        The order whose intervals are teeth.
    seeds
        Nodes [C] to begin with.
    noise
        How much the choice of the next node is disturbed.
    state
        The generator's state [2].
    combs
        What is filled in, with handles of up to M nodes.
    """
    size, largest = len(support.degree), combs.handle.shape[1]
    inside, pull = np.zeros(size, np.bool_), np.zeros(size)
    frontier, places = np.empty(size, np.int64), np.empty(largest, np.int64)
    members, chosen = np.empty(largest, np.int64), np.empty((largest + 1, 2), np.int64)
    for row in range(len(seeds)):
        waiting, count, border, node = 0, 0, 0.0, seeds[row]
        combs.violation[row] = 0.0
        while count < largest:
            inside[node] = True
            border += support.degree[node] - 2.0 * pull[node]
            members[count] = node
            at = count
            while at > 0 and places[at - 1] > teeth.place[node]:
                places[at] = places[at - 1]
                at -= 1
            places[at] = teeth.place[node]
            count += 1
            for entry in range(support.starts[node], support.starts[node + 1]):
                other = support.heads[entry]
                if not inside[other]:
                    if pull[other] == 0.0:
                        frontier[waiting] = other
                        waiting += 1
                    pull[other] += support.values[entry]
            if count >= 2:
                last, tooth_gain = choose_teeth(teeth, inside, places, count)
                violation = 1.0 - border + tooth_gain
                if violation > combs.violation[row] + DUST:
                    kept = keep_teeth(teeth, last, chosen)
                    if kept >= 3:
                        combs.teeth[row, :kept] = chosen[:kept]
                        combs.violation[row], combs.tooth_count[row], combs.handle_size[row] = violation, kept, count
                        combs.handle[row, :count] = members[:count]
            best, found = -1.0, -1
            for k in range(waiting):
                value = pull[frontier[k]]
                if noise > 0.0:
                    value *= 1.0 + noise * random_float(state)
                if value > best:
                    best, found = value, k
            if found < 0:
                break
            node = frontier[found]
            waiting -= 1
            frontier[found] = frontier[waiting]
        for k in range(count):
            inside[members[k]] = False
            pull[members[k]] = 0.0
        for k in range(waiting):
            pull[frontier[k]] = 0.0


@kernel
def comb_of_handle(support: Support, teeth: Teeth, handle: Array, inside: Array, kept: Array) -> tuple[int, float]:
    """Choose the best teeth for a handle; return their number, in ``kept`` [T, 2], and by how much the comb is violated.

    Parameters
    ----------
    support
        The fractional point.
    teeth
        The order whose intervals are teeth.
    handle
        Its nodes.
    inside
        False [N], and so again afterwards.
    kept
        Gets first and last place of each tooth [T, 2].
    """
    border = 0.0
    places = np.sort(teeth.place[handle])
    for node in handle:
        inside[node] = True
    for node in handle:
        for entry in range(support.starts[node], support.starts[node + 1]):
            if not inside[support.heads[entry]]:
                border += support.values[entry]
    last, tooth_gain = choose_teeth(teeth, inside, places, len(places))
    count = keep_teeth(teeth, last, kept) if 1.0 - border + tooth_gain > 0.0 else 0
    for node in handle:
        inside[node] = False
    return (count, 1.0 - border + tooth_gain) if count >= 3 else (0, 0.0)
