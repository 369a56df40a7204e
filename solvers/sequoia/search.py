"""A quick good action of a network: oracle calls on its slopes, then swaps of two arms; with a proven bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.planning import ActionSet, Array
from redwood.solvers.sequoia.folded import Folded, Reach, indicators, limits, linear_bound, worths

ROUNDS = 12
"""The most oracle calls on slopes."""
TRIALS = 40
"""How many improving swaps are tried for being allowed, before the search ends."""


@dataclass(frozen=True, eq=False)
class Found:
    """Levels [J], their worth by the network, and a proven upper bound on that of every action of the set."""

    levels: Array
    value: float
    bound: float

    def proven(self, tolerance: float = 1e-7) -> bool:
        """Return whether no action is better by more than a relative tolerance."""
        return self.bound - self.value <= tolerance * max(1.0, abs(self.value))


def search(folded: Folded, actions: ActionSet, first: Reach | None, tolerance: float) -> Found:
    """Return a good action and the best bound met on the way, ending early where they agree within the tolerance."""
    if not folded.weights or first is None:
        choice = actions.argmax(worths(actions, folded.linear))
        return Found(choice.levels, choice.value + folded.offset, choice.bound + folded.offset)
    found = limits(folded, first)
    best = _climb(folded, actions, found, tolerance)
    if best.proven(tolerance):
        return best
    levels, value = swaps(folded, actions, best.levels, best.value)
    return Found(levels, value, best.bound)


def _climb(folded: Folded, actions: ActionSet, found: list[tuple[Array, Array]], tolerance: float) -> Found:
    """Follow lines above the network and single changes of it, each time to the action that the oracle gives."""
    slope, constant = linear_bound(folded, found, np.zeros(len(folded.linear)))
    choice = actions.argmax(worths(actions, slope))
    best = Found(choice.levels, float(folded.values(indicators(choice.levels[None], actions.levels))[0]), np.inf)
    bound, current = choice.bound + constant, choice.levels
    for turn in range(ROUNDS):
        at = indicators(current[None], actions.levels)[0]
        if turn % 2 == 0:
            slope, constant = linear_bound(folded, found, at)
            choice = actions.argmax(worths(actions, slope))
            bound = min(bound, choice.bound + constant)
        else:
            choice = actions.argmax(_changes(folded, actions, best.levels))
        value = float(folded.values(indicators(choice.levels[None], actions.levels))[0])
        stuck = np.array_equal(choice.levels, current) and turn % 2 == 1
        current = choice.levels
        if value > best.value:
            best = Found(current, value, bound)
        best = Found(best.levels, best.value, bound)
        if stuck or best.proven(tolerance):
            break
    return best


def _changes(folded: Folded, actions: ActionSet, levels: Array) -> Array:
    """Return by how much Q changes [J, A] when one arm alone is set to each level."""
    count = actions.levels
    tried = np.repeat(levels[None], actions.arms * count, axis=0)
    rows = np.arange(len(tried))
    tried[rows, rows // count] = rows % count
    changed = folded.values(indicators(tried, count)).reshape(actions.arms, count)
    gains: Array = changed - changed[:, :1]
    return gains


def swaps(folded: Folded, actions: ActionSet, levels: Array, value: float) -> tuple[Array, float]:
    """Return levels that no allowed raise, and no swap of two arms' levels among the most promising ones, betters."""
    while True:
        tried = neighbours(levels, actions.levels)
        worth = folded.values(indicators(tried, actions.levels))
        order = np.argsort(-worth)[:TRIALS]
        order = order[worth[order] > value + 1e-9]
        allowed = next((row for row in order if actions.contains(tried[row])), None)
        if allowed is None:
            return levels, value
        levels, value = tried[allowed], float(worth[allowed])


def neighbours(levels: Array, count: int) -> Array:
    """Return the actions that differ in one arm, or by two arms of different levels having exchanged them."""
    arms = len(levels)
    single = np.repeat(levels[None], arms * (count - 1), axis=0)
    rows = np.arange(len(single))
    single[rows, rows // (count - 1)] = (single[rows, rows // (count - 1)] + 1 + rows % (count - 1)) % count
    left, right = np.nonzero(np.triu(levels[:, None] != levels[None, :]))
    double = np.repeat(levels[None], len(left), axis=0)
    rows = np.arange(len(left))
    double[rows, left], double[rows, right] = levels[right], levels[left]
    return np.concatenate([single, double])
