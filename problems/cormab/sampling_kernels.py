"""Random actions of sets whose oracles are too slow to draw a hundred actions a step."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array
from redwood.kernels import RandomState, kernel, random_below


@kernel
def _shuffle(order: Array, state: RandomState) -> None:
    """Put an array into random order."""
    for place in range(len(order) - 1, 0, -1):
        other = random_below(state, place + 1)
        order[place], order[other] = order[other], order[place]


@kernel
def draw_packings(count: int, costs: Array, capacities: Array, state: RandomState) -> Array:
    """Return actions [count, J]: arms in random order, each given to a random worker with room; none that fits is left.

    Parameters
    ----------
    count
        How many actions are drawn.
    costs, capacities
        What each arm costs, [J], and how much each worker can take, [W], whole numbers.
    state
        The generator's state [2].
    """
    arms, workers = len(costs), len(capacities)
    arm_actions = np.zeros((count, arms), np.int64)
    order = np.arange(arms)
    room = np.empty(workers, np.int64)
    for row in range(count):
        _shuffle(order, state)
        room[:] = capacities
        for arm in order:
            first = random_below(state, workers)
            for offset in range(workers):
                worker = (first + offset) % workers
                if room[worker] >= costs[arm]:
                    room[worker] -= costs[arm]
                    arm_actions[row, arm] = 1
                    break
    return arm_actions


@kernel
def _meet(arm_slots: Array, free: Array, taken: Array) -> int:
    """Write up to two free meetings with different workers to ``taken`` [2, 2], and return how many there are."""
    found = 0
    for worker in range(free.shape[0]):
        for slot in range(free.shape[1]):
            if arm_slots[slot] and free[worker, slot]:
                taken[found, 0] = worker
                taken[found, 1] = slot
                found += 1
                break
        if found == 2:
            break
    return found


@kernel
def draw_meetings(count: int, arm_slots: Array, worker_slots: Array, budget: int, state: RandomState) -> Array:
    """Return actions [count, J]: arms in random order, each pulled if two meetings with different workers are still free.

    Parameters
    ----------
    count
        How many actions are drawn.
    arm_slots, worker_slots
        Whether an arm, [J, K], and a worker, [W, K], is free in a slot.
    budget
        Most arms pulled.
    state
        The generator's state [2].
    """
    arms = len(arm_slots)
    arm_actions = np.zeros((count, arms), np.int64)
    order = np.arange(arms)
    taken = np.empty((2, 2), np.int64)
    for row in range(count):
        _shuffle(order, state)
        free = worker_slots.copy()
        pulled = 0
        for arm in order:
            if pulled == budget:
                break
            if _meet(arm_slots[arm], free, taken) == 2:
                free[taken[0, 0], taken[0, 1]] = False
                free[taken[1, 0], taken[1, 1]] = False
                arm_actions[row, arm] = 1
                pulled += 1
    return arm_actions


@kernel
def draw_closed_walks(
    count: int, starts: Array, heads: Array, distances: Array, source: int, budget: int, strict: bool, state: RandomState
) -> Array:
    """Return actions [count, J]: the nodes of a random closed walk of 2 ``budget`` moves, or all, ``budget`` of them at
    most.

    Three times out of four a walk goes on to a new node where it can and still come back.

    Parameters
    ----------
    count
        How many actions are drawn.
    starts, heads
        The neighbours of node i are ``heads[starts[i]:starts[i + 1]]``.
    distances
        Moves [J] from each node to the source.
    source
        The node where walks begin and end.
    budget
        Half of the moves of a walk, and the most pulls.
    strict
        Whether only nodes on the walk may be pulled; where not, any ``budget`` arms are.
    state
        The generator's state [2].
    """
    arms = len(distances)
    arm_actions = np.zeros((count, arms), np.int64)
    visited = np.empty(arms, np.bool_)
    order = np.arange(arms)
    for row in range(count):
        visited[:] = not strict
        visited[source] = True
        node = source
        for left in range(2 * budget - 1, -1, -1):
            if not strict:
                break
            fresh = random_below(state, 4) > 0
            chosen, seen, options = node, False, 0
            for place in range(starts[node], starts[node + 1]):
                head = heads[place]
                if distances[head] > left:
                    continue
                new = fresh and not visited[head]
                if seen and not new:
                    continue
                options = 1 if new and not seen else options + 1
                seen |= new
                if random_below(state, options) == 0:
                    chosen = head
            node = chosen
            visited[node] = True
        _shuffle(order, state)
        pulled = 0
        for arm in order:
            if visited[arm] and pulled < budget:
                arm_actions[row, arm] = 1
                pulled += 1
    return arm_actions
