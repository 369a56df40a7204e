"""Compiled ruin and recreate under simulated annealing for orienteering.

References
----------
Schrimpf, Schneider, Stamm-Wilbrandt, Dueck (2000), Record breaking optimization results using the ruin and recreate
principle, doi:10.1006/jcph.1999.6413; the string removal follows Christiaens and Vanden Berghe (2020),
doi:10.1287/trsc.2019.0914, section 5.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_float
from redwood.problems.orienteering.local_kernels import ALL, Draft, Ground, improve, measure, place
from redwood.problems.orienteering.ruin import Offers, appraise, force, offer, recreate, ruin

COUNT, PRIZE, LENGTH, BEST_COUNT, BEST_PRIZE, BEST_LENGTH = range(6)
"""Entries of ``state``: the current path's number of entries, prize and length, and the same of the best path."""

ROUNDING = 1e-12
"""Share by which a path of the same prize must be shorter than the best one to take its place."""
_FORCED_SHARE = 0.3
_LENGTH_WEIGHT = 0.1


class Walk(NamedTuple):
    """A search among paths.

    Attributes
    ----------
    path, best
        The current and the best path, in room [N + 2] each.
    state
        Numbers [6] named above.
    random
        The generator's state [2].
    """

    path: Array
    best: Array
    state: Array
    random: RandomState


@kernel(nogil=True)
def anneal(ground: Ground, walk: Walk, iterations: int, temperature: float, cooling: float) -> float:
    """Run some iterations; ``walk`` carries the search from call to call. Returns the temperature reached.

    Each iteration removes nodes or forces one in, repairs the length, shortens the path, and fills it up again. The
    result is accepted if prize minus a little length does not fall by more than the temperature allows.

    Parameters
    ----------
    ground
        The nodes that may be visited, renumbered.
    walk
        The search; changes.
    iterations
        How many iterations are run.
    temperature, cooling
        Temperature, in the unit of the prizes, before the first iteration, and the factor on it for each.
    """
    size, count, random = len(ground.prizes), int(walk.state[COUNT]), walk.random
    draft = Draft(walk.path.copy(), np.full(size, -1, np.int64), np.empty(size, np.int64), np.zeros(size, np.bool_))
    place(draft, count)
    offers = Offers(np.empty(size, np.int64), np.empty(size), np.empty(size), np.empty(size, np.int64))
    for _ in range(iterations):
        temperature *= cooling
        if random_float(random) < _FORCED_SHARE:
            count, waiting = force(ground, draft, count, random)
        else:
            count, waiting = ruin(ground, draft, count, random)
        improve(ground, draft, count, waiting, ALL)
        length = measure(ground, draft.path, count)
        many = offer(ground, draft, count, walk.path, int(walk.state[COUNT]), offers.nodes, random)
        appraise(ground.prizes, offers.nodes, many, offers.value, random)
        for _round in range(2):
            grown, length, waiting = recreate(ground, draft, count, length, offers, many, many, False)
            if grown == count:
                break
            count = grown
            saved, _ = improve(ground, draft, count, waiting, ALL)
            if saved == 0.0:
                break
            length = measure(ground, draft.path, count)
        count = _settle(ground, walk, draft, count, length, temperature)
    return temperature


@kernel
def _settle(ground: Ground, walk: Walk, draft: Draft, count: int, length: float, temperature: float) -> int:
    """Accept the draft or go back to the current path; keep the best. Returns the number of entries."""
    prizes, limit, state, path, trial = ground.prizes, ground.limit, walk.state, walk.path, draft.path
    prize = 0.0
    for at in range(1, count - 1):
        prize += prizes[trial[at]]
    exchange = _LENGTH_WEIGHT * state[BEST_PRIZE] / limit if limit > 0.0 else 0.0
    rise = prize - state[PRIZE] - exchange * (length - state[LENGTH])
    if length <= limit and (rise >= 0.0 or rise > temperature * math.log(max(random_float(walk.random), 1e-300))):
        path[:count] = trial[:count]
        state[COUNT], state[PRIZE], state[LENGTH] = count, prize, length
        better = prize > state[BEST_PRIZE] or (prize == state[BEST_PRIZE] and length < state[BEST_LENGTH] * (1.0 - ROUNDING))
        if better:
            walk.best[:count] = trial[:count]
            state[BEST_COUNT], state[BEST_PRIZE], state[BEST_LENGTH] = count, prize, length
        return count
    for at in range(count):
        draft.pos[trial[at]] = -1
    count = int(state[COUNT])
    trial[:count] = path[:count]
    place(draft, count)
    return count
