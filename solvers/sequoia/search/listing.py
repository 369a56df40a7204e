"""`Listing`: a network's best action by going through all actions of a set, where these are few."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import ActionSet
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, coefficients_of, harmful, indicators

MOST = 200_000
"""The most actions that are listed."""
BLOCK = 128
"""Actions that go through the network at once: few enough for the cache of one core."""
ENOUGH = 512
"""Actions left by tangents that are no longer screened."""
SCREENED = 2048
"""Longer lists are screened for concave networks before actions go through these."""
TANGENTS = 12
"""The most tangents that screen a list."""


class Listing:
    """All actions of a set, and what the first layer of one network makes of them.

    Going through 66,000 actions of a 16-32 network takes a few milliseconds, far less than any program: this is how
    published instances of 20 arms are decided, exactly.
    """

    def __init__(self, actions: Array, weights: tuple[Array, ...], steps: int) -> None:
        from redwood.solvers.sequoia.search.listing_kernels import first_layer

        self._actions, self._weights = actions, weights
        self._first = _blocks(first_layer(actions, np.ascontiguousarray(weights[0].T), steps))
        self._widths = np.array([len(matrix) for matrix in weights[:-1]])
        self._matrices = np.concatenate([np.zeros(0), *(matrix.ravel() for matrix in weights[1:-1])])
        self._output = np.ascontiguousarray(weights[-1][0], np.float64)
        self._concave = len(weights) == 2 and bool(harmful(weights)[0].all())

    def best(self, conditioned: ConditionedNetwork, actions: ActionSet) -> tuple[Array, float]:
        """Return the best actions [J] and their value."""
        rows = self._screened(conditioned, actions) if self._concave and len(self._actions) > SCREENED else None
        listed, q_values = (self._actions if rows is None else self._actions[rows]), self.q_values(conditioned, rows)
        place = int(np.argmax(q_values))
        return listed[place].astype(np.int64), float(q_values[place]) + conditioned.offset

    def q_values(self, conditioned: ConditionedNetwork, rows: Array | None = None) -> Array:
        """Return what the network says of the actions of these rows [N], or of all, its offset left out."""
        from redwood.solvers.sequoia.search.listing_kernels import linear_value, value_of_blocks

        listed, first = self._actions, self._first
        if rows is not None:
            listed, first = listed[rows], _blocks(first[rows // BLOCK, :, rows % BLOCK])
        biases = np.concatenate(conditioned.biases)
        found = value_of_blocks(first, self._widths, self._matrices, biases, self._output).ravel()[: len(listed)]
        direct = np.hstack([np.zeros((listed.shape[1], 1)), conditioned.linear.reshape(listed.shape[1], -1)])
        total: Array = found + linear_value(listed, direct) if conditioned.linear.any() else found
        return total

    def _screened(self, conditioned: ConditionedNetwork, actions: ActionSet) -> Array:
        """Return the rows of a concave network that may be best: those where no tangent is below the best action met.

        The first tangent is taken at the oracle's answer to the one without an action, the next ones where those
        before them promise most.
        """
        from redwood.solvers.sequoia.search.listing_kernels import linear_value

        rows, promise = None, np.empty(0)
        slope, _, _ = self._tangent(conditioned, np.zeros(len(conditioned.linear)))
        at, best = actions.argmax(coefficients_of(actions, slope)).arm_actions, -np.inf
        for _ in range(TANGENTS):
            slope, constant, value = self._tangent(conditioned, indicators(np.asarray(at)[None], actions.arm_actions)[0])
            best = max(best, value)
            said = (
                linear_value(self._actions if rows is None else self._actions[rows], coefficients_of(actions, slope))
                + constant
            )
            promise = said if rows is None else np.minimum(promise, said)
            kept = np.flatnonzero(promise >= best - 1e-9 * max(1.0, abs(best)))
            rows, promise = (kept if rows is None else rows[kept]), promise[kept]
            if len(rows) <= ENOUGH:
                break
            at = self._actions[rows[np.argmax(promise)]]
        return np.arange(len(self._actions)) if rows is None else rows

    def _tangent(self, conditioned: ConditionedNetwork, point: Array) -> tuple[Array, float, float]:
        """Return slope [K] and constant of the tangent of a concave network at a point [K], and the value of that point."""
        inner = self._weights[0] @ point + conditioned.biases[0]
        active = self._weights[1][0] * (inner > 0)
        slope, constant = conditioned.linear + active @ self._weights[0], float(active @ conditioned.biases[0])
        return slope, constant, float(slope @ point) + constant


def _blocks(first: Array) -> Array:
    """Return the first layer [N, n] of actions in blocks [M, n, BLOCK], the last one filled with zeros."""
    count, width = first.shape
    padded = np.zeros((-(-count // BLOCK) * BLOCK, width))
    padded[:count] = first
    return np.ascontiguousarray(padded.reshape(-1, BLOCK, width).transpose(0, 2, 1))


def listing_of(actions: ActionSet, weights: tuple[Array, ...]) -> Listing | None:
    """Return the listing of a set for a network, or ``None`` where the set is large or cannot be listed."""
    if actions not in _LISTED:
        _LISTED[actions] = actions.enumerate(MOST)
    listed = _LISTED[actions]
    return None if listed is None or not weights else Listing(listed, weights, actions.arm_actions - 1)


_LISTED: WeakKeyDictionary[ActionSet, Array | None] = WeakKeyDictionary()
