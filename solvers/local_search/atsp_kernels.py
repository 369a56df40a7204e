"""Compiled iterated local search for directed tours: double bridges, Or-3opt, and acceptance by temperature.

References
----------
Kanellakis, Papadimitriou (1980), Local search for the asymmetric traveling salesman problem, doi:10.1287/opre.28.5.1086,
for exchanges without reversal and the double bridge; Bentley (1992), doi:10.1287/ijoc.4.4.387, for neighbour lists and
don't-look bits.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_float
from redwood.problems.atsp.local_kernels import LOGGED, bridge, descend_from, swap

ROUNDING = 1e-12
"""Share by which a tour must be shorter to be the best: `LENGTH` is a sum of many changes."""
LENGTH, BEST = range(2)
"""Entries of ``state``: the length of the current and of the best tour."""


@kernel
def search(
    matrix: Array,
    heads: Array,
    tails: Array,
    order: Array,
    best: Array,
    state: Array,
    random: RandomState,
    iterations: int,
    temperature: float,
    cooling: float,
    window: int,
) -> float:
    """Run iterations of perturbation, descent, and acceptance; ``order``, ``best``, ``state`` and ``random`` carry on.

    An iteration makes a double bridge of three segments of at most ``window`` nodes and descends from the nodes it touched;
    if the tour is longer by more than a random multiple of ``temperature``, all exchanges are taken back by their log.
    Returns the temperature reached.

    Parameters
    ----------
    matrix
        Costs [N, N].
    heads, tails
        The K cheapest nodes to go to from each node, and to come from to it, [N, K], cheapest first.
    order, best
        The current and the best tour, [N].
    state
        Numbers [2] named above.
    random
        The generator's state [2].
    iterations
        How many iterations are run.
    temperature, cooling
        Temperature, in the unit of the costs, before the first iteration, and the factor on it for each.
    window
        Nodes of a segment of the double bridge, at most.
    """
    size = len(order)
    position = np.empty(size, np.int64)
    for at in range(size):
        position[order[at]] = at
    stack, queued = np.empty(size, np.int64), np.zeros(size, np.bool_)
    buffer = np.empty(size, np.int64)
    log = np.empty((LOGGED, 3), np.int64)
    for _ in range(iterations):
        temperature *= cooling
        change, logged, waiting = bridge(matrix, order, position, buffer, log, stack, queued, random, window)
        gained, logged = descend_from(matrix, heads, tails, order, position, buffer, stack, waiting, queued, log, logged)
        change -= gained
        if change <= 0.0 or change < -temperature * math.log(max(random_float(random), 1e-300)):
            state[LENGTH] += change
            if state[LENGTH] < state[BEST] * (1.0 - ROUNDING):
                state[BEST] = state[LENGTH]
                best[:] = order
        else:
            for entry in range(logged - 1, -1, -1):
                swap(order, position, buffer, log[entry, 0], log[entry, 2], log[entry, 1])
    return temperature
