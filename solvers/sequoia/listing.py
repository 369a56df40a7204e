"""`Listing`: a network's best action by going through all actions of a set, where these are few."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from redwood.planning import ActionSet, Array
from redwood.solvers.sequoia.folded import Folded, worths

MOST = 200_000
"""The most actions that are listed."""
BLOCK = 512
"""Actions that go through the network at once: few enough for the cache of one core."""


class Listing:
    """All actions of a set, and what the first layer of one network makes of them.

    Going through 66,000 actions of a 16-32 network takes a few milliseconds, far less than any program: this is how
    published instances of 20 arms are decided, exactly.
    """

    def __init__(self, actions: Array, weights: tuple[Array, ...], steps: int) -> None:
        from redwood.solvers.sequoia.listing_kernels import first_layer

        self._actions, self._weights = actions, weights
        self._first = np.asarray(first_layer(actions, np.ascontiguousarray(weights[0].T), steps))

    def best(self, folded: Folded, actions: ActionSet) -> tuple[Array, float]:
        """Return the best levels [J] and their worth."""
        from redwood.solvers.sequoia.listing_kernels import linear_worth

        best, place = -np.inf, 0
        direct = linear_worth(self._actions, worths(actions, folded.linear)) if folded.linear.any() else None
        for begin in range(0, len(self._actions), BLOCK):
            worth = self._through(folded, begin)
            if direct is not None:
                worth += direct[begin : begin + BLOCK]
            top = int(np.argmax(worth))
            if worth[top] > best:
                best, place = float(worth[top]), begin + top
        return self._actions[place].astype(np.int64), best + folded.offset

    def _through(self, folded: Folded, begin: int) -> Array:
        """Return what the ReLUs make of a block of actions."""
        value = self._first[begin : begin + BLOCK] + folded.biases[0]
        np.maximum(value, 0.0, out=value)
        for matrix, bias in zip(self._weights[1:-1], folded.biases[1:], strict=True):
            value = value @ matrix.T
            value += bias
            np.maximum(value, 0.0, out=value)
        found: Array = value @ self._weights[-1][0]
        return found


def listing_of(actions: ActionSet, weights: tuple[Array, ...]) -> Listing | None:
    """Return the listing of a set for a network, or ``None`` where the set is large or cannot be listed."""
    if actions not in _LISTED:
        from redwood.problems.cormab.listing import every

        _LISTED[actions] = every(actions, MOST)
    listed = _LISTED[actions]
    return None if listed is None or not weights else Listing(listed, weights, actions.levels - 1)


_LISTED: WeakKeyDictionary[ActionSet, Array | None] = WeakKeyDictionary()
