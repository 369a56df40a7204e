"""`Search`: a good action of a network in milliseconds, with a proven bound on every other one's worth."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.planning.action_set import ActionSet
from redwood.solvers.sequoia.networks.conditioned import (
    ConditionedNetwork,
    Reach,
    coefficients_of,
    indicators,
    limits,
    linear_bound,
)
from redwood.solvers.sequoia.search.bounded_action import BoundedAction

ROUNDS = 12
"""The most oracle calls on slopes."""
DRAWN, STARTS = 128, 4
"""Random actions of a set, drawn once, and how many of them, the best in a state, a search starts from as well."""
TRIALS = (4, 12, 24)
"""How many improving swaps are tried for being allowed, batch after batch, before a climb over swaps ends."""
FORCED = 16
"""How many single changes, the most promising ones, the oracle is asked to build an action around."""
STEP = 1e-9
"""By how much an action must be better for the search to go on from it."""


class Search:
    """Finds good actions of networks that differ in biases and linear part alone, over one action set.

    Lines above the network and single changes of an action go to the set's oracle; the former also bound the network.
    Where the bound does not prove what was found, swaps of two arms climb from it and from a few random actions, and the
    oracle builds the best action around each promising single change. All of that is done by the network itself, a
    thousand actions a millisecond; the bound is not improved by it.

    Parameters
    ----------
    weights
        Those of the networks, with at least one hidden layer.
    first
        What the first layer can come to over the set.
    starts
        Random actions, the best of `drawn_from` in a state, to start from besides those that the oracle finds.
    """

    def __init__(self, actions: ActionSet, weights: tuple[Array, ...], first: Reach, starts: int = STARTS) -> None:
        self._actions, self._first, self._starts = actions, first, starts
        self._widths = np.array([len(matrix) for matrix in weights[:-1]])
        self._matrices = np.concatenate([np.zeros(0), *(matrix.T.ravel() for matrix in weights[1:-1])])
        self._output = np.ascontiguousarray(weights[-1][0])
        shape = actions.arms, actions.arm_actions - 1, len(weights[0])
        effects = np.ascontiguousarray(weights[0].T, np.float64).reshape(shape)
        self._effects = np.concatenate([np.zeros((shape[0], 1, shape[2])), effects], axis=1)

    def best(self, conditioned: ConditionedNetwork, tolerance: float, least: float = 1.0) -> BoundedAction:
        """Return a good action and the best bound met on the way, ending early where `BoundedAction.proven` says so."""
        best = self._climbed(conditioned, limits(conditioned, self._first), tolerance, least)
        for arm_actions, value in self._tried(conditioned, best):
            if value > best.value:
                best = BoundedAction(arm_actions, value, best.bound)
            if best.proven(tolerance, least):
                break
        return BoundedAction(best.arm_actions, self._value(conditioned, best.arm_actions), best.bound)

    def _tried(self, conditioned: ConditionedNetwork, best: BoundedAction) -> Iterator[tuple[Array, float]]:
        """Yield actions that swaps end at, and at last one that the oracle does not better either."""
        if best.proven(0.0):
            return
        arm_actions, value = self._swapped(conditioned, best.arm_actions, best.value)
        yield arm_actions, value
        for start, q_values in self._drawn(conditioned):
            other, q_values = self._swapped(conditioned, start, q_values)
            yield other, q_values
            if q_values > value:
                arm_actions, value = other, q_values
        while True:
            other, q_values = self._forced(conditioned, arm_actions)
            if q_values <= value + STEP:
                return
            arm_actions, value = self._swapped(conditioned, other, q_values)
            yield arm_actions, value

    def _drawn(self, conditioned: ConditionedNetwork) -> list[tuple[Array, float]]:
        """Return the best random actions in this state, with their values."""
        if not self._starts:
            return []
        drawn = drawn_from(self._actions)
        values = conditioned.values(indicators(drawn, self._actions.arm_actions))
        return [(drawn[row], float(values[row])) for row in np.argsort(-values)[: self._starts]]

    def _climbed(
        self, conditioned: ConditionedNetwork, found: list[tuple[Array, Array]], tolerance: float, least: float
    ) -> BoundedAction:
        """Follow lines above the network and single changes of it, each time to the action that the oracle gives."""
        slope, constant = linear_bound(conditioned, found, np.zeros(len(conditioned.linear)))
        choice = self._actions.argmax(coefficients_of(self._actions, slope))
        best = BoundedAction(choice.arm_actions, self._value(conditioned, choice.arm_actions), np.inf)
        bound, current = choice.bound + constant, choice.arm_actions
        for turn in range(ROUNDS):
            if turn % 2 == 0:
                slope, constant = linear_bound(conditioned, found, indicators(current[None], self._actions.arm_actions)[0])
                choice = self._actions.argmax(coefficients_of(self._actions, slope))
                bound = min(bound, choice.bound + constant)
            else:
                singles, _ = self.around(conditioned, best.arm_actions)
                choice = self._actions.argmax(singles - singles[:, :1])
            value = self._value(conditioned, choice.arm_actions)
            stuck = np.array_equal(choice.arm_actions, current) and turn % 2 == 1
            current = choice.arm_actions
            best = (
                BoundedAction(current, value, bound)
                if value > best.value
                else BoundedAction(best.arm_actions, best.value, bound)
            )
            if stuck or best.proven(tolerance, least):
                break
        return best

    def around(self, conditioned: ConditionedNetwork, arm_actions: Array) -> tuple[Array, Array]:
        """Return Q where one arm has another action [J, A], and where two arms swap theirs [J, J]; see `value_around`."""
        from redwood.solvers.sequoia.search.search_kernels import value_around

        inner = conditioned.biases[0] + self._effects[np.arange(len(arm_actions)), arm_actions].sum(axis=0)
        linear, biases = (
            coefficients_of(self._actions, conditioned.linear),
            np.concatenate([np.zeros(0), *conditioned.biases[1:]]),
        )
        deeper = self._widths, self._matrices, biases, self._output
        singles, swaps = value_around(arm_actions, linear, self._effects, inner, *deeper)
        return singles + conditioned.offset, swaps + conditioned.offset

    def _swapped(self, conditioned: ConditionedNetwork, arm_actions: Array, value: float) -> tuple[Array, float]:
        """Return actions that no allowed change of one arm, and no swap among the most promising ones, betters."""
        while True:
            singles, swaps = self.around(conditioned, arm_actions)
            q_values = np.concatenate([singles.ravel(), swaps.ravel()])
            better = np.flatnonzero(q_values > value + STEP)
            better = better[np.argsort(-q_values[better])][: sum(TRIALS)]
            allowed = self._first_allowed(arm_actions, better, singles.shape)
            if allowed is None:
                return arm_actions, value
            arm_actions = allowed
            value = self._value(conditioned, arm_actions)

    def _first_allowed(self, arm_actions: Array, changes: Array, shape: tuple[int, int]) -> Array | None:
        """Return the first of the changed actions that the set allows, ``None`` where it allows none.

        Changes below J A are actions of single arms, those above are pairs of arms.
        """
        arms, count = shape
        for batch in np.split(changes, np.cumsum(TRIALS)[:-1]):
            if not len(batch):
                return None
            tried, rows = np.repeat(arm_actions[None], len(batch), axis=0), np.arange(len(batch))
            single = batch < arms * count
            tried[rows[single], batch[single] // count] = batch[single] % count
            left, right = np.divmod(batch[~single] - arms * count, arms)
            tried[rows[~single], left], tried[rows[~single], right] = arm_actions[right], arm_actions[left]
            allowed = np.delete(rows, self._actions.refused(tried))
            if len(allowed):
                first: Array = tried[allowed[0]]
                return first
        return None

    def _forced(self, conditioned: ConditionedNetwork, arm_actions: Array) -> tuple[Array, float]:
        """Return the best one of the oracle's actions around the most promising changes of one arm, with its value."""
        singles, _ = self.around(conditioned, arm_actions)
        gains = singles - singles[:, :1]
        promise = singles.copy()
        promise[np.arange(len(arm_actions)), arm_actions] = -np.inf
        arm, arm_action = np.divmod(
            np.argsort(-promise, axis=None)[: min(FORCED, promise.size - len(arm_actions))], gains.shape[1]
        )
        asked = np.repeat(gains[None], len(arm), axis=0)
        asked[np.arange(len(arm)), arm, arm_action] += (
            1.0 + 2.0 * np.abs(gains).max(axis=1).sum()
        )  # all others make up for less
        tried = self._actions.choose(asked)
        values = conditioned.values(indicators(tried, self._actions.arm_actions))
        return tried[int(np.argmax(values))], float(values.max())

    def _value(self, conditioned: ConditionedNetwork, arm_actions: Array) -> float:
        return float(conditioned.values(indicators(arm_actions[None], self._actions.arm_actions))[0])


def drawn_from(actions: ActionSet) -> Array:
    """Return random actions [N, J] of a set, always the same."""
    if actions not in _DRAWN_FROM:
        _DRAWN_FROM[actions] = np.asarray(actions.samples(DRAWN, np.random.default_rng(0)), np.int64)
    return _DRAWN_FROM[actions]


_DRAWN_FROM: WeakKeyDictionary[ActionSet, Array] = WeakKeyDictionary()
