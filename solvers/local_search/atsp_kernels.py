"""Compiled iterated local search for directed tours: double bridges, Or-3opt, and acceptance by temperature.

References
----------
Kanellakis, Papadimitriou (1980), Local search for the asymmetric traveling salesman problem, doi:10.1287/opre.28.5.1086,
for exchanges without reversal and the double bridge; Bentley (1992), doi:10.1287/ijoc.4.4.387, for neighbour lists and
don't-look bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_float
from redwood.problems.atsp.local_kernels import Ground, bridge, descend_from, make_draft, swap

ROUNDING = 1e-12
"""Share by which a tour must be shorter to be the best: `LENGTH` is a sum of many changes."""
LENGTH, BEST = range(2)
"""Entries of ``state``: the length of the current and of the best tour."""


class Walk(NamedTuple):
    """A search among tours.

    Attributes
    ----------
    order, best
        The current and the best tour, [N].
    state
        Numbers [2] named above.
    random
        The generator's state [2].
    """

    order: Array
    best: Array
    state: Array
    random: RandomState


@kernel(nogil=True)
def search(ground: Ground, walk: Walk, iterations: int, temperature: float, cooling: float, window: int) -> float:
    """Run iterations of perturbation, descent, and acceptance; ``walk`` carries on. Return the temperature reached.

    An iteration makes a double bridge of three segments of at most ``window`` nodes and descends from the nodes it touched;
    if the tour is longer by more than a random multiple of ``temperature``, in the unit of the costs, all exchanges are
    taken back by their log. Each iteration multiplies the temperature by ``cooling``.

    Parameters
    ----------
    ground, walk
        The costs, and the search, which changes.
    iterations
        How many iterations are run.
    temperature, cooling
        Temperature, in the unit of the costs, before the first iteration, and the factor on it for each.
    window
        Nodes of a segment of the double bridge, at most.
    """
    draft, state, random = make_draft(walk.order), walk.state, walk.random
    for _ in range(iterations):
        temperature *= cooling
        change, logged, waiting = bridge(ground, draft, random, window)
        gained, logged = descend_from(ground, draft, waiting, logged)
        change -= gained
        if change <= 0.0 or change < -temperature * math.log(max(random_float(random), 1e-300)):
            state[LENGTH] += change
            if state[LENGTH] < state[BEST] * (1.0 - ROUNDING):
                state[BEST] = state[LENGTH]
                walk.best[:] = walk.order
        else:
            for entry in range(logged - 1, -1, -1):
                swap(draft, draft.log[entry, 0], draft.log[entry, 2], draft.log[entry, 1])
    return temperature
