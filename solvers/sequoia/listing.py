"""`Listing`: a network's best action by going through all actions of a set, where these are few."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from redwood.planning import ActionSet, Array
from redwood.solvers.sequoia.folded import Folded, worths

MOST = 200_000
"""The most actions that are listed."""


class Listing:
    """All actions of a set, and what the first layer of one network makes of them.

    Going through 66,000 actions of a 16-32 network takes a few milliseconds, far less than any program: this is how
    published instances of 20 arms are decided, exactly.
    """

    def __init__(self, actions: Array, weights: tuple[Array, ...], steps: int) -> None:
        from redwood.solvers.sequoia.listing_kernels import first_layer

        self._actions = actions
        self._first = np.asarray(first_layer(actions, np.ascontiguousarray(weights[0].T), steps))
        self._widths = np.array([len(matrix) for matrix in weights[:-1]])
        self._deeper = np.concatenate([np.zeros(0), *(matrix.T.ravel() for matrix in weights[1:-1])])
        self._output = np.ascontiguousarray(weights[-1][0])

    def best(self, folded: Folded, actions: ActionSet) -> tuple[Array, float]:
        """Return the best levels [J] and their worth."""
        from redwood.solvers.sequoia.listing_kernels import best_listed

        linear = worths(actions, folded.linear) if folded.linear.any() else np.zeros((0, 1))
        biases = np.concatenate([np.zeros(0), *folded.biases[1:]])
        place, value = best_listed(
            self._actions, linear, self._first, folded.biases[0], self._widths, self._deeper, biases, self._output
        )
        return self._actions[place].astype(np.int64), float(value) + folded.offset


def listing_of(actions: ActionSet, weights: tuple[Array, ...]) -> Listing | None:
    """Return the listing of a set for a network, or ``None`` where the set is large or cannot be listed."""
    if actions not in _LISTED:
        from redwood.problems.cormab.listing import every

        _LISTED[actions] = every(actions, MOST)
    listed = _LISTED[actions]
    return None if listed is None or not weights else Listing(listed, weights, actions.levels - 1)


_LISTED: WeakKeyDictionary[ActionSet, Array | None] = WeakKeyDictionary()
