"""The TSP as a mixed-integer program over edges, with rows against subtours in rounds.

References
----------
G. Dantzig, R. Fulkerson and S. Johnson, Solution of a large-scale traveling-salesman problem, 1954,
doi:10.1287/opre.2.4.393: the model. M. Padberg and S. Hong, On the symmetric travelling salesman problem: a computational
study, 1980, doi:10.1007/BFb0120888: blossom rows at the components of fractional edges.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.errors import FitError, SolutionError, SolverError
from redwood.problems.routing.spanning import SparseGraph
from redwood.problems.tsp.bound import OneTree, TSPBound
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.problems.tsp.linear_kernels import light_cuts, useful_edges
from redwood.problems.tsp.local import TSPLocal
from redwood.tolerance import CONFLICT, to_beat
from redwood.views.linear import Linear, Rows

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

LARGEST = 5_000
"""Most nodes of an instance whose pairs of nodes are all looked at."""
MOST_EDGES = 600_000
"""Most edges of a model, for which Pyomo needs some ten seconds and a gigabyte."""
ASCENT = 6_000_000
"""Nodes times steps of the ascent that prices the edges: about 1.5 s."""
EPSILON = 1e-6
"""Values below this count as zero, and rows violated by less are not added."""
MOST_CUTS = 100
"""Most cuts of a fractional point that one round adds."""


class TSPLinear(Linear):
    """A binary variable for each edge, and two edges at each node; rows against subtours follow in `separate`.

    The model holds only edges that a tour as short as the incumbent can use, by their reduced costs in a 1-tree; without
    an incumbent, a heuristic tour takes its place.

    Raises
    ------
    FitError
        Where the instance has more than `LARGEST` nodes.
    """

    def __init__(self, instance: TSPInstance) -> None:
        if instance.size > LARGEST:
            raise FitError(
                f"{instance.size} nodes are more than the {LARGEST} of the edge model, which looks at all pairs of them; "
                "a heuristic takes any number."
            )
        self.instance = instance
        self._edges: Array | None = None

    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model.

        Raises
        ------
        SolverError
            Where the model would have more than `MOST_EDGES` edges.
        """
        import pyomo.environ as pyo

        self._edges = self._useful_edges(incumbent)
        travel, size = self.instance.travel, self.instance.size
        lengths = travel.between(*self._edges.T).tolist() if size > 1 else [0.0]
        at: list[list[int]] = [[] for _ in range(size)]
        for edge, (tail, head) in enumerate(self._edges.tolist()):
            at[tail].append(edge)
            at[head].append(edge)
        model = pyo.ConcreteModel(name=self.instance.name or "tsp")
        # a tour of one or two nodes uses its only edge twice
        model.edge = pyo.Var(range(len(lengths)), domain=pyo.Integers, bounds=(0, 1 if size > 2 else 2))
        model.length = pyo.Objective(expr=pyo.quicksum(length * model.edge[e] for e, length in enumerate(lengths)))
        model.degree = pyo.Constraint(range(size), rule=lambda m, node: pyo.quicksum(m.edge[e] for e in at[node]) == 2)
        return model

    def variables(self, model: ConcreteModel) -> list[Any]:
        return [model.edge[e] for e in range(len(model.edge))]

    def solution(self, values: Array) -> Tour:
        """Return the tour of the edges whose values exceed a half.

        Raises
        ------
        SolutionError
            Where these edges are no tour.
        """
        if self.instance.size <= 3:
            return Tour(np.arange(self.instance.size))
        chosen = self._chosen_edges()[np.asarray(values) > 0.5]
        sides: list[list[int]] = [[] for _ in range(self.instance.size)]
        for tail, head in chosen.tolist():
            sides[tail].append(head)
            sides[head].append(tail)
        if any(len(side) != 2 for side in sides):
            raise SolutionError("the edges of value 1 are no tour: not every node has two of them.")
        tour, before = [0], -1
        while len(tour) <= len(sides):
            here = tour[-1]
            following = sides[here][0] if sides[here][0] != before else sides[here][1]
            if following == 0:
                break
            before = here
            tour.append(following)
        if len(tour) != len(sides):
            raise SolutionError(
                f"the edges of value 1 are no tour: that of node 0 visits {len(tour)} of {len(sides)} nodes."
            )
        return Tour(np.array(tour))

    def start(self, solution: Tour) -> Array | None:  # type: ignore[override]
        size = self.instance.size
        values = np.zeros(len(self._chosen_edges()))
        if size <= 2:
            return np.full(1, 2.0 if size == 2 else 1.0)
        ends = np.stack([solution.tour, np.roll(solution.tour, -1)], axis=1)
        used = {(min(pair), max(pair)) for pair in ends.tolist()}
        columns = [edge for edge, pair in enumerate(map(tuple, self._chosen_edges().tolist())) if pair in used]
        values[columns] = 1.0
        return values if len(columns) == size else None

    def separate(self, values: Array, integral: bool) -> Rows | None:
        """Return subtour rows: of components, else (fractional values) of light cuts and of blossoms."""
        if self.instance.size <= 3:
            return None
        values = np.asarray(values, dtype=np.float64)
        parts = self._components(values)
        if parts.max() > 0:
            return self._subtour_rows([parts == part for part in range(parts.max() + 1)], values)
        if integral:
            return None
        sides = self._light_sides(values)
        return _stack([self._subtour_rows(sides, values), self._blossom_rows(values)])

    def _chosen_edges(self) -> Array:
        if self._edges is None:
            self._edges = self._useful_edges(None)
        return self._edges

    def _useful_edges(self, incumbent: float | None) -> Array:
        """Return the edges [E, 2], lower node first, of the model."""
        size = self.instance.size
        if size <= 3:
            return np.array([pair for i in range(size) for pair in [(i, j) for j in range(i + 1, size)]] or [(0, 0)])
        local = TSPLocal(self.instance)
        state = local.construct(np.random.default_rng(0))
        local.descend(state)
        limit = to_beat(state.length, "min")  # the tour itself stays possible
        if incumbent is not None:
            limit = min(limit, to_beat(incumbent, "min", 1.0 if self.instance.travel.integral else 0.0))
        rounds = max(1, ASCENT // (size * (50 + size // 20)))
        tree = TSPBound(self.instance).one_tree(Timer(), limit if incumbent is None else incumbent, rounds=rounds)
        slack = 0.0 if self.instance.travel.integral else CONFLICT * abs(limit)  # for the rounding of reduced costs
        return self._priced_edges(cast(OneTree, tree), limit + slack)  # an endless clock stops nothing

    def _priced_edges(self, tree: OneTree, limit: float) -> Array:
        """Return the edges that a tour of at most ``limit`` can use, and the 1-tree's own, so that every node has some."""
        travel, size = self.instance.travel, self.instance.size
        graph = SparseGraph.of(travel, *tree.edges[:-1].T)
        leaf, other = tree.edges[-1]
        second = float(travel.between(leaf, other)) + tree.potentials[leaf] + tree.potentials[other]
        found = np.empty((MOST_EDGES, 2), dtype=np.int64)
        metric, points, matrix = travel.arrays
        room, sparse = limit - tree.value, (tree.potentials, graph.starts, graph.heads)
        count = useful_edges(metric, points, matrix, *sparse, leaf, second, room, found)
        if count > MOST_EDGES:
            raise SolverError(
                f"more than {MOST_EDGES} edges may be part of a tour of length {limit:.6g}, too many for the edge model; "
                "a shorter initial tour leaves fewer."
            )
        near = travel.nearest(2)
        spare = np.stack([np.repeat(np.arange(size), near.shape[1]), near.ravel()], axis=1)
        kept = np.concatenate([found[:count], tree.edges, spare])
        return np.unique(np.sort(kept, axis=1), axis=0)

    def _components(self, values: Array) -> Array:
        """Return the component [N], from 0, of each node in the graph of the edges that are used."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        used = self._chosen_edges()[values > EPSILON]
        size = self.instance.size
        graph = coo_matrix((np.ones(len(used)), tuple(used.T)), shape=(size, size))
        return np.asarray(connected_components(graph, directed=False)[1])

    def _light_sides(self, values: Array) -> list[Array]:
        """Return one side of each cut found whose edges' values add up to less than 2."""
        edges, size = self._chosen_edges(), self.instance.size
        used = values > EPSILON
        tails, heads = edges[used].T
        begin, end, weight = np.append(tails, heads), np.append(heads, tails), np.tile(values[used], 2)
        order = np.argsort(begin, kind="stable")
        starts = np.searchsorted(begin[order], np.arange(size + 1))
        sides = np.zeros((MOST_CUTS, size), dtype=np.bool_)
        count = light_cuts(starts, end[order], weight[order], self._whole_paths(values), 2.0 - 1e-4, sides)
        return list(sides[:count])

    def _whole_paths(self, values: Array) -> Array:
        """Return a node [N] for each that names its path of edges of value 1: such paths need not be cut."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        whole, size = self._chosen_edges()[values > 1.0 - EPSILON], self.instance.size
        graph = coo_matrix((np.ones(len(whole)), tuple(whole.T)), shape=(size, size))
        labels = connected_components(graph, directed=False)[1]
        _, first = np.unique(labels, return_index=True)
        return np.asarray(first[labels])

    def _subtour_rows(self, sides: list[Array], values: Array) -> Rows | None:
        """Return for each set of nodes the row against tours inside it, or, where shorter, inside of the other nodes."""
        tails, heads = self._chosen_edges().T
        rows = []
        for side in sides:
            inside, outside = side[tails] & side[heads], ~side[tails] & ~side[heads]
            least = inside if np.count_nonzero(inside) <= np.count_nonzero(outside) else outside
            nodes = np.count_nonzero(side) if least is inside else np.count_nonzero(~side)
            if values[least].sum() > nodes - 1 + EPSILON:
                rows.append((np.flatnonzero(least), float(nodes - 1)))
        return _rows(rows)

    def _blossom_rows(self, values: Array) -> Rows | None:
        """Return blossom rows: a component of fractional edges with an odd number, at least 3, of whole edges out of it."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        tails, heads = self._chosen_edges().T
        split, size = (values > EPSILON) & (values < 1.0 - EPSILON), self.instance.size
        graph = coo_matrix((np.ones(np.count_nonzero(split)), (tails[split], heads[split])), shape=(size, size))
        labels = connected_components(graph, directed=False)[1]
        whole = (values > 1.0 - EPSILON) & (labels[tails] != labels[heads])
        teeth = np.bincount(np.append(labels[tails[whole]], labels[heads[whole]]), minlength=labels.max() + 1)
        rows = []
        for label in np.flatnonzero((teeth >= 3) & (teeth % 2 == 1)):
            handle = labels == label
            used = (handle[tails] & handle[heads]) | (whole & (handle[tails] != handle[heads]))
            most = float(np.count_nonzero(handle) + (teeth[label] - 1) // 2)
            if values[used].sum() > most + EPSILON:
                rows.append((np.flatnonzero(used), most))
        return _rows(rows)


def _rows(rows: list[tuple[Array, float]]) -> Rows | None:
    """Return rows ``sum of the columns <= upper`` in compressed form."""
    if not rows:
        return None
    columns = np.concatenate([columns for columns, _ in rows])
    starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    upper = np.array([upper for _, upper in rows])
    return Rows(starts.astype(np.int32), columns.astype(np.int32), np.ones(len(columns)), np.full(len(rows), -np.inf), upper)


def _stack(parts: list[Rows | None]) -> Rows | None:
    """Return the rows of all parts."""
    rows = [
        (part.columns[begin:end], float(upper))
        for part in parts
        if part is not None
        for (begin, end), upper in zip(pairwise(part.starts), part.upper, strict=True)
    ]
    return _rows(rows)
