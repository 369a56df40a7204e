"""`Listing`: a network's best action by going through all actions of a set, where these are few."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.planning.action_set import ActionSet
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork

MOST = 200_000
"""The most actions that are listed."""
BLOCK = 128
"""Actions that go through the network at once: few enough for the cache of one core."""


class Listing:
    """All actions of a set, and what the first layer of one network makes of them.

    Going through 66,000 actions of a 16-32 network takes a few milliseconds, far less than any program: this is how
    published instances of 20 arms are decided, exactly.
    """

    def __init__(self, actions: Array, weights: tuple[Array, ...], steps: int) -> None:
        from redwood.solvers.sequoia.search.listing_kernels import first_layer

        self._actions = actions
        self._first = _blocks(first_layer(actions, np.ascontiguousarray(weights[0].T), steps))
        self._widths = np.array([len(matrix) for matrix in weights[:-1]])
        self._matrices = np.concatenate([np.zeros(0), *(matrix.ravel() for matrix in weights[1:-1])])
        self._output = np.ascontiguousarray(weights[-1][0], np.float64)

    def best(self, conditioned: ConditionedNetwork) -> tuple[Array, float]:
        """Return the best actions [J] and their value."""
        q_values = self.q_values(conditioned)
        place = int(np.argmax(q_values))
        return self._actions[place].astype(np.int64), float(q_values[place]) + conditioned.offset

    def q_values(self, conditioned: ConditionedNetwork) -> Array:
        """Return what the network says of all actions, its offset left out."""
        from redwood.solvers.sequoia.search.listing_kernels import linear_value, value_of_blocks

        biases = np.concatenate(conditioned.biases)
        found = value_of_blocks(self._first, self._widths, self._matrices, biases, self._output).ravel()
        found = found[: len(self._actions)]
        if not conditioned.linear.any():
            return found
        direct = conditioned.linear.reshape(self._actions.shape[1], -1)
        total: Array = found + linear_value(self._actions, np.hstack([np.zeros((len(direct), 1)), direct]))
        return total


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
    return None if listed is None else Listing(listed, weights, actions.arm_actions - 1)


_LISTED: WeakKeyDictionary[ActionSet, Array | None] = WeakKeyDictionary()
