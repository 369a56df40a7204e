"""Cuts of a fractional tour: subtours, blossoms and combs that it violates, each as sets whose borders are crossed often.

Every cut is ``sum over its sets S of x(delta(S)) >= least``: a subtour has one set and the least 2, a comb its handle and
an odd number t of teeth and the least 3 t + 1.

References
----------
M. Padberg and S. Hong, On the symmetric travelling salesman problem: a computational study, 1980, doi:10.1007/BFb0120888:
handles at the components of fractional edges. M. Groetschel and O. Holland, Solution of large-scale symmetric travelling
salesman problems, 1991, doi:10.1007/BF01586932, section 3: components under several thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock
from redwood.kernels import random_state
from redwood.problems.tsp.comb_kernels import (
    Combs,
    Support,
    Teeth,
    comb_of_handle,
    follow_values,
    grow_combs,
    measure_intervals,
)
from redwood.problems.tsp.light_cut_kernels import light_cuts

EPSILON = 1e-6
"""Values below this count as zero, values above one less it as one."""
VIOLATION = 1e-3
"""Cuts violated by less are left alone."""
REACH = 16
"""Most nodes of a tooth, and of an interval that is looked at as a subtour."""
THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Handles are components of the edges whose values are this far from 0 and 1."""
GROWN = 24
"""Most nodes of a handle that is grown."""
NOISES = (0.0, 0.5, 1.5)
"""Disturbances of orders and of growing handles, tried in turn while the former finds little."""
MOST_SIDES = 100
"""Most minimum cuts of a round."""


@dataclass(frozen=True, eq=False)
class Cut:
    """Sets [.] of nodes, the smaller side of each border, that every tour crosses at least ``least`` times in all."""

    sets: tuple[Array, ...]
    least: float
    violation: float

    @cached_property
    def key(self) -> bytes:
        """The same for equal cuts only."""
        return b"|".join(sorted(one.tobytes() for one in self.sets))


class CutFinder:
    """Finds cuts that fractional points of one instance violate.

    Parameters
    ----------
    tour
        A good tour [N]: its intervals are the first teeth.
    """

    def __init__(self, tour: Array) -> None:
        self.tour = np.asarray(tour, dtype=np.int64)
        self.size = len(tour)
        self._state = random_state(np.random.default_rng(0))

    def find(self, tails: Array, heads: Array, values: Array, most: int, clock: Clock) -> list[Cut]:
        """Return at most so many cuts, the most violated first; later kinds are sought where the former are few.

        Parameters
        ----------
        tails, heads, values
            The fractional point: edges [E] and their values, 2 in all at each node.
        most
            How many cuts are returned at most.
        clock
            Ends the search between two kinds.
        """
        support = support_of(self.size, tails, heads, values)
        found: dict[bytes, Cut] = {}
        for cuts in self._kinds(support, tails, heads, values):
            for cut in cuts:
                found.setdefault(cut.key, cut)
            if len(found) >= most or clock.stops():
                break
        return sorted(found.values(), key=lambda cut: -cut.violation)[:most]

    def _kinds(self, support: Support, tails: Array, heads: Array, values: Array) -> Iterator[list[Cut]]:
        parts = components(self.size, tails[values > EPSILON], heads[values > EPSILON])
        subtours = [self._cut([np.flatnonzero(parts == part)], 2.0, 2.0) for part in range(parts.max() + 1)]
        subtours = subtours if parts.max() > 0 else []
        orders = [self._teeth(support, self.tour), self._teeth(support, self._followed(support, 0.0))]
        for teeth in orders:
            subtours += self._intervals(teeth)
        yield subtours
        if not subtours:
            yield self._light(support, tails, heads, values)
        for teeth in orders:
            yield self._handles(support, teeth, tails, heads, values)
        split = np.zeros(self.size, dtype=np.bool_)
        fractional = (values > EPSILON) & (values < 1.0 - EPSILON)
        split[tails[fractional]] = split[heads[fractional]] = True
        seeds = np.flatnonzero(split)
        for noise in NOISES:
            if noise:
                orders[1] = self._teeth(support, self._followed(support, 0.2 * noise))
            for teeth in orders:
                yield self._grown(support, teeth, seeds, noise)

    def _teeth(self, support: Support, order: Array) -> Teeth:
        place = np.empty(self.size, dtype=np.int64)
        place[order] = np.arange(self.size)
        values = np.empty((self.size, min(REACH, self.size - 1)))  # no tooth holds all nodes
        measure_intervals(support, order, place, values)
        best, chosen = np.empty((self.size, 2)), np.empty((self.size, 2), dtype=np.int64)
        return Teeth(order, place, 3.0 - values, best, chosen, np.empty(self.size, dtype=np.int64))

    def _followed(self, support: Support, noise: float) -> Array:
        order = np.empty(self.size, dtype=np.int64)
        follow_values(support, self.tour, noise, self._state, order)
        return order

    def _intervals(self, teeth: Teeth) -> list[Cut]:
        """Return the subtours among the intervals: of those that begin at one place the most violated."""
        length = teeth.tooth_gain.argmax(axis=1)
        violation = teeth.tooth_gain[np.arange(self.size), length] - 1.0
        return [
            self._cut([teeth.order[first : first + length[first] + 1]], 2.0, float(violation[first]))
            for first in np.flatnonzero((violation > VIOLATION) & (length < self.size - 1))
        ]

    def _light(self, support: Support, tails: Array, heads: Array, values: Array) -> list[Cut]:
        """Return subtours at minimum cuts; paths of edges of value 1 are never cut."""
        whole = values > 1.0 - EPSILON
        labels = components(self.size, tails[whole], heads[whole])
        _, first = np.unique(labels, return_index=True)
        sides = np.zeros((MOST_SIDES, self.size), dtype=np.bool_)
        count = light_cuts(support.starts, support.heads, support.values, first[labels], 2.0 - VIOLATION, sides)
        cuts = []
        for side in sides[:count]:
            crossing = float(values[side[tails] != side[heads]].sum())
            cuts.append(self._cut([np.flatnonzero(side)], 2.0, 2.0 - crossing))
        return [cut for cut in cuts if cut.violation > VIOLATION]

    def _handles(self, support: Support, teeth: Teeth, tails: Array, heads: Array, values: Array) -> list[Cut]:
        """Return combs whose handle is a component of the edges far from 0 and 1."""
        cuts, inside = [], np.zeros(self.size, dtype=np.bool_)
        kept = np.empty((self.size + 1, 2), dtype=np.int64)
        for threshold in THRESHOLDS:
            split = (values > EPSILON + threshold) & (values < 1.0 - EPSILON - threshold)
            parts = components(self.size, tails[split], heads[split])
            order = np.argsort(parts, kind="stable")
            sizes = np.bincount(parts)
            ends = np.cumsum(sizes)
            for part in np.flatnonzero((sizes >= 3) & (sizes < self.size)):
                handle = order[ends[part] - sizes[part] : ends[part]]
                count, violation = comb_of_handle(support, teeth, handle, inside, kept)
                if count and violation > VIOLATION:
                    cuts.append(self._comb(teeth, handle, kept[:count], violation))
        return cuts

    def _grown(self, support: Support, teeth: Teeth, seeds: Array, noise: float) -> list[Cut]:
        """Return combs whose handle is grown node by node."""
        room, largest = len(seeds), min(GROWN, self.size - 1)
        combs = Combs(
            handle=np.empty((room, largest), dtype=np.int64),
            handle_size=np.zeros(room, dtype=np.int64),
            teeth=np.empty((room, largest + 1, 2), dtype=np.int64),
            tooth_count=np.zeros(room, dtype=np.int64),
            violation=np.zeros(room),
        )
        grow_combs(support, teeth, seeds, noise, self._state, combs)
        return [
            self._comb(
                teeth, combs.handle[row, : combs.handle_size[row]], combs.teeth[row, : combs.tooth_count[row]], violation
            )
            for row, violation in enumerate(combs.violation.tolist())
            if violation > VIOLATION
        ]

    def _comb(self, teeth: Teeth, handle: Array, kept: Array, violation: float) -> Cut:
        sets = [handle, *(teeth.order[first : last + 1] for first, last in kept.tolist())]
        return self._cut(sets, 3.0 * len(kept) + 1.0, violation)

    def _cut(self, sets: list[Array], least: float, violation: float) -> Cut:
        return Cut(tuple(smaller_side(one, self.size) for one in sets), least, violation)


def smaller_side(nodes: Array, size: int) -> Array:
    """Return a set of nodes or, where these are fewer, all others, rising; of two halves that with node 0."""
    inside = np.zeros(size, dtype=np.bool_)
    inside[nodes] = True
    if 2 * len(nodes) > size or (2 * len(nodes) == size and not inside[0]):
        inside = ~inside
    return np.flatnonzero(inside)


def components(size: int, tails: Array, heads: Array) -> Array:
    """Return the component [N], from 0, of each node in a graph."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(tails)), (tails, heads)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1])


def support_of(size: int, tails: Array, heads: Array, values: Array) -> Support:
    """Return the edges of positive value as a graph.

    Parameters
    ----------
    size
        Number of nodes.
    tails, heads, values
        Edges [E] and their values.
    """
    used = values > EPSILON
    begin, end = np.append(tails[used], heads[used]), np.append(heads[used], tails[used])
    weight = np.tile(values[used], 2)
    order = np.argsort(begin, kind="stable")
    starts = np.searchsorted(begin[order], np.arange(size + 1))
    degree = np.bincount(begin, weights=weight, minlength=size)
    return Support(starts, end[order].astype(np.int64), weight[order], degree)
