"""The best pulls where pulled arms and pulled pairs of neighbours count: exactly along a frontier, and by swaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.kernels import kernel

GAIN = 1e-9
"""By how much a swap must gain."""


class FrontierPlan(NamedTuple):
    """In which order arms are decided, and which of them the decisions to come must know of: the frontier.

    Attributes
    ----------
    order
        The arms [J] in turn.
    slot
        Bit [J] that an arm has in the frontier's masks while it is there.
    link, link_slot, link_begin
        For the arm in turn k: its pairs with arms in the frontier and their bits, from ``link_begin[k]`` to the next.
    left, left_begin
        The arms that leave the frontier after turn k, whose neighbours are all decided.
    slots
        Number of bits.
    """

    order: Array
    slot: Array
    link: Array
    link_slot: Array
    link_begin: Array
    left: Array
    left_begin: Array
    slots: int


@kernel
def best_along_frontier(pulls: Array, pairs: Array, allowed: Array, plan: FrontierPlan) -> tuple[Array, Array]:
    """Return the best joint actions [N, J] and their values [N]: dynamic programming over frontier and number of pulls.

    Parameters
    ----------
    pulls
        Value [N, J] of pulling each arm.
    pairs
        Value [N, M] that pulling both arms of a pair adds.
    allowed
        Whether so many arms may be pulled [B + 1].
    plan
        The order of decisions.
    """
    count, arms = pulls.shape
    masks, most = 1 << plan.slots, len(allowed) - 1
    table = np.empty((masks, most + 1))
    taken = np.empty((arms, masks, most + 1), np.uint8)
    actions = np.zeros((count, arms), np.int64)
    values = np.empty(count)
    for row in range(count):
        table[:] = -np.inf
        table[0, 0] = 0.0
        active = 0
        for turn in range(arms):
            arm = plan.order[turn]
            bit = 1 << plan.slot[arm]
            for mask in range(masks):
                if mask & ~active:
                    continue
                value = pulls[row, arm]
                for place in range(plan.link_begin[turn], plan.link_begin[turn + 1]):
                    if (mask >> plan.link_slot[place]) & 1:
                        value += pairs[row, plan.link[place]]
                table[mask | bit, 0] = -np.inf
                for number in range(most):
                    table[mask | bit, number + 1] = table[mask, number] + value
            active |= bit
            for place in range(plan.left_begin[turn], plan.left_begin[turn + 1]):
                gone = 1 << plan.slot[plan.left[place]]
                active &= ~gone
                for mask in range(masks):
                    if mask & ~active:
                        continue
                    for number in range(most + 1):
                        pulled = table[mask | gone, number] > table[mask, number]
                        taken[place, mask, number] = pulled
                        if pulled:
                            table[mask, number] = table[mask | gone, number]
        number = -1
        for tried in range(most + 1):
            if allowed[tried] and (number < 0 or table[0, tried] > table[0, number]):
                number = tried
        values[row] = table[0, number]
        mask = 0
        for turn in range(arms - 1, -1, -1):
            for place in range(plan.left_begin[turn + 1] - 1, plan.left_begin[turn] - 1, -1):
                if taken[place, mask, number]:
                    mask |= 1 << plan.slot[plan.left[place]]
                    actions[row, plan.left[place]] = 1
            bit = 1 << plan.slot[plan.order[turn]]
            if mask & bit:
                mask &= ~bit
                number -= 1
    return actions, values


@kernel
def climb_pairs(actions: Array, classes: Array, pulls: Array, pairs: Array, edges: Array) -> Array:
    """Swap the actions of two arms of a class, the best swap first, until none gains; return the values [N].

    Parameters
    ----------
    actions
        Joint actions [N, J] of zeros and ones; changed in place.
    classes
        Class [J] of each arm, within which swaps are allowed.
    pulls, pairs
        Value [N, J] of each pull, and [N, M] of both of a pair.
    edges
        The pairs [M, 2].
    """
    count, arms = pulls.shape
    between = np.zeros((arms, arms))
    values = np.empty(count)
    gains = np.empty(arms)
    for row in range(count):
        for pair in range(len(edges)):
            one, other = edges[pair, 0], edges[pair, 1]
            between[one, other] = between[other, one] = pairs[row, pair]
        gains[:] = pulls[row]
        for pair in range(len(edges)):
            one, other = edges[pair, 0], edges[pair, 1]
            gains[one] += pairs[row, pair] * actions[row, other]
            gains[other] += pairs[row, pair] * actions[row, one]
        while True:
            best, leaves, enters = GAIN, -1, -1
            for one in range(arms):
                if not actions[row, one]:
                    continue
                for other in range(arms):
                    if actions[row, other] or classes[one] != classes[other]:
                        continue
                    gain = gains[other] - between[one, other] - gains[one]
                    if gain > best:
                        best, leaves, enters = gain, one, other
            if leaves < 0:
                break
            actions[row, leaves], actions[row, enters] = 0, 1
            for arm in range(arms):
                gains[arm] += between[arm, enters] - between[arm, leaves]
        total = 0.0
        for arm in range(arms):
            if actions[row, arm]:
                total += pulls[row, arm] + 0.5 * (gains[arm] - pulls[row, arm])
        values[row] = total
    return values
