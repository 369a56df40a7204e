"""Compiled ruin and recreate under simulated annealing for orienteering.

References
----------
Schrimpf, Schneider, Stamm-Wilbrandt, Dueck (2000), Record breaking optimization results using the ruin and recreate
principle, doi:10.1006/jcph.1999.6413; the string removal follows Christiaens and Vanden Berghe (2020),
doi:10.1287/trsc.2019.0914, section 5.1.
"""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_float
from redwood.problems.orienteering.local_kernels import improve, measure, place
from redwood.problems.orienteering.ruin import appraise, force, offer, recreate, ruin

COUNT, PRIZE, LENGTH, BEST_COUNT, BEST_PRIZE, BEST_LENGTH = range(6)
"""Entries of ``state``: the current path's number of entries, prize and length, and the same of the best path."""

ROUNDING = 1e-12
"""Share by which a path of the same prize must be shorter than the best one to take its place."""
_FORCED_SHARE = 0.3
_LENGTH_WEIGHT = 0.1


@kernel
def anneal(
    metric: int,
    points: Array,
    matrix: Array | None,
    neighbours: Array,
    prizes: Array,
    limit: float,
    path: Array,
    best: Array,
    state: Array,
    random: RandomState,
    iterations: int,
    temperature: float,
    cooling: float,
) -> float:
    """Run some iterations; ``path``, ``best``, ``state`` and ``random`` carry the search from call to call.

    Each iteration removes nodes or forces one in, repairs the length, shortens the path, and fills it up again. The
    result is accepted if prize minus a little length does not fall by more than the temperature allows. Returns the
    temperature reached.

    Parameters
    ----------
    metric, points, matrix
        Distances of the N nodes kept, as `redwood.problems.orienteering.local_kernels.between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    prizes
        Prizes [N] of the nodes between the ends.
    limit
        The longest that a path may be.
    path, best
        The current and the best path, in room [N + 2] each.
    state
        Numbers [6] named above.
    random
        The generator's state [2].
    iterations
        How many iterations are run.
    temperature, cooling
        Temperature, in the unit of the prizes, before the first iteration, and the factor on it for each.
    """
    size = len(prizes)
    pos = np.full(size, -1, np.int64)
    queued = np.zeros(size, np.bool_)
    stack = np.empty(size, np.int64)
    offered = np.empty(size, np.int64)
    value = np.empty(size)
    added = np.empty(size)
    behind = np.empty(size, np.int64)
    count = int(state[COUNT])
    trial = path.copy()
    place(trial, pos, count)
    for _ in range(iterations):
        temperature *= cooling
        waiting = 0
        if random_float(random) < _FORCED_SHARE:
            count, waiting = force(
                metric, points, matrix, neighbours, prizes, limit, trial, pos, count, stack, queued, random
            )
        else:
            count, waiting = ruin(neighbours, trial, pos, count, stack, queued, random)
        improve(metric, points, matrix, neighbours, trial, pos, count, stack, waiting, queued)
        length = measure(metric, points, matrix, trial, count)
        many = offer(neighbours, prizes, trial, pos, count, path, int(state[COUNT]), offered, queued, random)
        appraise(prizes, offered, many, value, random)
        for _round in range(2):
            grown, length, waiting = recreate(
                metric,
                points,
                matrix,
                neighbours,
                limit,
                trial,
                pos,
                count,
                length,
                offered,
                many,
                value,
                added,
                behind,
                stack,
                queued,
            )
            if grown == count:
                break
            count = grown
            if improve(metric, points, matrix, neighbours, trial, pos, count, stack, waiting, queued) == 0.0:
                break
            length = measure(metric, points, matrix, trial, count)
        count = _settle(prizes, limit, path, trial, pos, count, length, best, state, temperature, random)
    return temperature


@kernel
def _settle(
    prizes: Array,
    limit: float,
    path: Array,
    trial: Array,
    pos: Array,
    count: int,
    length: float,
    best: Array,
    state: Array,
    temperature: float,
    random: RandomState,
) -> int:
    """Accept the trial path or go back to the current one; keep the best. Returns the number of entries.

    Parameters
    ----------
    prizes
        Prizes [N] of the nodes between the ends.
    limit
        The longest that a path may be.
    path, trial
        The current path and the changed one, in room [N + 2] each; equal afterwards.
    pos
        The place of each node on ``trial``, [N], -1 where not visited; changes with it.
    count, length
        Entries of the trial path, its ends included, and its length.
    best
        The best path, in room [N + 2].
    state
        Numbers [6] named above.
    temperature
        In the unit of the prizes.
    random
        The generator's state [2].
    """
    prize = 0.0
    for at in range(1, count - 1):
        prize += prizes[trial[at]]
    exchange = _LENGTH_WEIGHT * state[BEST_PRIZE] / limit if limit > 0.0 else 0.0
    rise = prize - state[PRIZE] - exchange * (length - state[LENGTH])
    if length <= limit and (rise >= 0.0 or rise > temperature * math.log(max(random_float(random), 1e-300))):
        path[:count] = trial[:count]
        state[COUNT], state[PRIZE], state[LENGTH] = count, prize, length
        better = prize > state[BEST_PRIZE] or (prize == state[BEST_PRIZE] and length < state[BEST_LENGTH] * (1.0 - ROUNDING))
        if better:
            best[:count] = trial[:count]
            state[BEST_COUNT], state[BEST_PRIZE], state[BEST_LENGTH] = count, prize, length
        return count
    for at in range(count):
        pos[trial[at]] = -1
    count = int(state[COUNT])
    trial[:count] = path[:count]
    place(trial, pos, count)
    return count


@kernel
def fill(
    metric: int,
    points: Array,
    matrix: Array | None,
    neighbours: Array,
    prizes: Array,
    limit: float,
    path: Array,
    best: Array,
    state: Array,
) -> None:
    """Insert nodes into the current path, most prize per lengthening first, until none fits; make it the best path.

    Parameters
    ----------
    metric, points, matrix
        Distances of the N nodes kept, as `redwood.problems.orienteering.local_kernels.between` takes them.
    neighbours
        Neighbours [N, K] of each node, nearest first.
    prizes
        Prizes [N] of the nodes between the ends.
    limit
        The longest that a path may be.
    path, best
        The current path, which grows, and room for the best one, [N + 2] each.
    state
        Numbers [6] named above.
    """
    size = len(prizes)
    pos = np.full(size, -1, np.int64)
    count = int(state[COUNT])
    place(path, pos, count)
    offered = np.empty(size, np.int64)
    many = 0
    for node in range(size):
        if pos[node] < 0 and prizes[node] > 0.0:
            offered[many] = node
            many += 1
    added, behind = np.full(size, 1e300), np.full(size, -1, np.int64)
    stack, queued = np.empty(size, np.int64), np.zeros(size, np.bool_)
    count, length, _ = recreate(
        metric,
        points,
        matrix,
        neighbours,
        limit,
        path,
        pos,
        count,
        state[LENGTH],
        offered,
        many,
        prizes,
        added,
        behind,
        stack,
        queued,
    )
    prize = 0.0
    for at in range(1, count - 1):
        prize += prizes[path[at]]
    best[:count] = path[:count]
    state[COUNT], state[PRIZE], state[LENGTH] = count, prize, length
    state[BEST_COUNT], state[BEST_PRIZE], state[BEST_LENGTH] = count, prize, length
