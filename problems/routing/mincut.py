"""Minimum cuts in sparse graphs with fractional capacities, for separating subtour rows."""

from __future__ import annotations

import numpy as np

from redwood.arrays import Array

UNIT = 1_000_000
"""Capacities are rounded to multiples of its inverse."""


class CutFinder:
    """A graph in which minimum cuts between one root and other nodes are asked for."""

    def __init__(self, size: int, tails: Array, heads: Array, capacities: Array) -> None:
        from scipy.sparse import coo_array

        units = np.rint(np.asarray(capacities) * UNIT).astype(np.int64)
        kept = units > 0
        graph = coo_array((units[kept], (tails[kept], heads[kept])), shape=(size, size)).tocsr()
        graph.data = np.minimum(graph.data, 2**30).astype(np.int32)
        self._graph = graph

    def cut(self, root: int, node: int) -> tuple[float, Array]:
        """Return the capacity of a minimum cut from ``root`` to ``node``, and which nodes [N] lie on the node's side."""
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        found = maximum_flow(self._graph, root, node)
        residual = (self._graph - found.flow).tocsr()
        residual.data[residual.data < 0] = 0
        residual.eliminate_zeros()
        reached = breadth_first_order(residual, root, return_predecessors=False)
        side = np.ones(self._graph.shape[0], dtype=bool)
        side[reached] = False
        return found.flow_value / UNIT, side
