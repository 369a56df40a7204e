"""Compiled annealing of directed tours with precedences: adjacent segments change places where none must come before.

References
----------
Gambardella, Dorigo (2000), An ant colony system hybridized with a new local search for the sequential ordering problem,
doi:10.1287/ijoc.12.3.237.12636, section 4: exchanges of adjacent segments that keep their directions. Deviation: the
exchanges are drawn from lists of neighbours and annealed.
"""

from __future__ import annotations

import math

from redwood.arrays import Array
from redwood.kernels import kernel, random_below, random_float
from redwood.problems.atsp.local_kernels import Ground, make_draft, swap
from redwood.solvers.local_search.atsp_kernels import BEST, LENGTH, ROUNDING, Walk


@kernel(nogil=True)
def anneal(
    ground: Ground, before: Array, walk: Walk, iterations: int, temperature: float, cooling: float, longest: int
) -> float:
    """Try exchanges after each of which a node is followed by one of its near ones; return the temperature reached.

    Parameters
    ----------
    ground
        The costs, and the nodes to go to.
    before
        Whether each node must come before each other one [N, N].
    walk
        The search; its tours begin with node 0.
    iterations
        How many exchanges are tried.
    temperature, cooling
        Temperature, in the unit of the costs, before the first exchange, and the factor on it for each.
    longest
        Nodes of the segment that begins with the near node, at most.
    """
    matrix, heads, order, state, random = ground.matrix, ground.heads, walk.order, walk.state, walk.random
    draft = make_draft(order)
    position = draft.position
    size = len(order)
    for _ in range(iterations):
        temperature *= cooling
        node = random_below(random, size)
        near = heads[node, random_below(random, heads.shape[1])]
        length = 1 + random_below(random, longest)
        if near == 0 or before[near, node]:
            continue
        if position[near] > position[node]:
            first, middle = position[node] + 1, position[near]
            last = min(size, middle + length)
        else:
            first, last = position[near], position[node] + 1
            middle = min(first + length, last - 1)
        if first == middle or middle == last:
            continue
        following = order[last] if last < size else order[0]
        change = matrix[order[first - 1], order[middle]] - matrix[order[first - 1], order[first]]
        change += matrix[order[last - 1], order[first]] - matrix[order[middle - 1], order[middle]]
        change += matrix[order[middle - 1], following] - matrix[order[last - 1], following]
        if change >= -temperature * math.log(max(random_float(random), 1e-300)):
            continue
        if _must_stay(before, order, first, middle, last):
            continue
        swap(draft, first, middle - first, last - middle)
        state[LENGTH] += change
        if state[LENGTH] < state[BEST] - ROUNDING * abs(state[BEST]):
            state[BEST] = state[LENGTH]
            walk.best[:] = order
    return temperature


@kernel(nogil=True)
def _must_stay(before: Array, order: Array, first: int, middle: int, last: int) -> bool:
    """Return whether a node of the segment [first, middle) must come before one of [middle, last)."""
    for i in range(first, middle):
        for j in range(middle, last):
            if before[order[i], order[j]]:
                return True
    return False
