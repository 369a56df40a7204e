"""Local search for the ATSP with precedences: exchanges of adjacent segments, annealed in cycles that double in length."""

from __future__ import annotations

import time

import numpy as np

from redwood.arrays import Array
from redwood.polling import next_chunk
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.atsp.start import nearest
from redwood.problems.routing.precedences import all_precedences, nearest_allowed
from redwood.solver import Run
from redwood.solvers.local_search.threads import REPORT_SECONDS

CYCLE = 2000
"""Exchanges that the first cycle tries, in multiples of the number of nodes."""
LONGEST = 50
"""Nodes of the segment that is moved, at most."""


def improve_with_precedences(instance: ATSPInstance, run: Run, hot: float, cold: float, neighbours: int) -> Tour:
    """Search until the budget is used up and return the best tour; an iteration is one exchange that is tried.

    Parameters
    ----------
    instance
        An instance whose precedences some tour keeps.
    run
        The budget and the randomness; gets the improvements.
    hot, cold
        First and last temperature of a cycle, in units of the mean distance along the best tour.
    neighbours
        How many nodes to go to from each node are considered.
    """
    from redwood.kernels import random_state
    from redwood.problems.atsp.local_kernels import Ground
    from redwood.solvers.local_search.atsp_kernels import BEST, Walk
    from redwood.solvers.local_search.atsp_precedence_kernels import anneal

    matrix = np.array(instance.matrix, dtype=np.float64)
    size, before = len(matrix), all_precedences(instance.precedences, len(matrix))
    best = _start(matrix, before, run)
    run.report(Tour(best))
    if size <= 2:
        return Tour(best)
    heads, state = _neighbours(matrix, before, neighbours), np.full(2, float(matrix[best, np.roll(best, -1)].sum()))
    ground, walk = Ground(matrix, heads, heads), Walk(best.copy(), best, state, random_state(run.rng))
    chunk, cycle, left, temperature, cooling = 1000, CYCLE * size, 0, 1.0, 1.0
    reported, told = float(state[BEST]), time.perf_counter()
    while not run.stops():
        if left <= 0:
            walk.order[:], state[:] = best, state[BEST]
            temperature, left = hot * max(float(state[BEST]), 1e-9) / size, cycle
            cooling, cycle = (cold / hot) ** (1.0 / cycle), 2 * cycle
        count = int(min(chunk, left, max(1, run.iterations_left)))
        began = time.perf_counter()
        temperature = anneal(ground, before, walk, count, temperature, cooling, LONGEST)
        run.advance(count)
        left -= count
        now = time.perf_counter()
        chunk = next_chunk(chunk, now - began)
        if state[BEST] < reported and now - told > REPORT_SECONDS:
            run.report(Tour(best.copy()))
            reported, told = float(state[BEST]), now
    run.report(Tour(best.copy()))
    return Tour(best)


def _start(matrix: Array, before: Array, run: Run) -> Array:
    """Return the initial tour from node 0, else one by the nearest node that is allowed."""
    if not isinstance(run.initial, Tour):
        return nearest_allowed(matrix, before)
    tour = run.initial.tour
    return np.roll(tour, -int(np.flatnonzero(tour == 0)[0]))


def _neighbours(matrix: Array, before: Array, count: int) -> Array:
    """Return the nodes that are cheapest to go to from each node, those last that can never follow it."""
    barred = matrix.copy()
    barred[before.T] = matrix.max() * 2.0 + 1.0
    barred[:, 0] = matrix.max() * 2.0 + 1.0
    return nearest(barred, count)
