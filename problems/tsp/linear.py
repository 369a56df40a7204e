"""The TSP as a mixed-integer program over edges, with subtours, blossoms and combs in rounds.

References
----------
G. Dantzig, R. Fulkerson and S. Johnson, Solution of a large-scale traveling-salesman problem, 1954,
doi:10.1287/opre.2.4.393: the model, and leaving edges out by their reduced costs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.errors import FitError, SolutionError, SolverError
from redwood.problems.tsp.bound import SMALLEST, OneTree, TSPBound
from redwood.problems.tsp.cuts import EPSILON, Cut, CutFinder, components, smaller_side
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.problems.tsp.relaxation import cut_entries, good_tour, relax
from redwood.tolerance import CONFLICT, SAME, to_beat
from redwood.views.linear import Linear, Rows

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

LARGEST = 5_000
"""Most nodes of an instance whose pairs of nodes are all looked at."""
MOST_EDGES = 600_000
"""Most edges of a model, for which Pyomo needs some ten seconds and a gigabyte."""
ASCENT = 2_000_000
"""Nodes times steps of the ascent that prices the edges first: about half a second."""
ROUNDS = 40_000
"""Nodes times rounds of the relaxation that prices the edges."""
MOST_CUTS = 100
"""Most cuts of a fractional point that one round adds."""


class TSPLinear(Linear):
    """A binary variable for each edge, and two edges at each node; rows against subtours follow in `separate`.

    The model holds only edges that a tour as short as the incumbent can use, by their reduced costs in a linear relaxation,
    and the cuts of that relaxation; without an incumbent, a heuristic tour takes its place.

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
        self._allowed = math.inf
        self._finder: CutFinder | None = None

    def allow(self, seconds: float) -> None:
        """Take at most so many seconds to find out what the model can do without, beyond `ROUNDS`."""
        self._allowed = seconds

    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model.

        Raises
        ------
        SolverError
            Where the model would have more than `MOST_EDGES` edges.
        """
        import pyomo.environ as pyo
        from pyomo.core.expr import LinearExpression

        self._edges, cuts = self._prepare(incumbent)
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
        rows, columns, values = cut_entries(size, cuts, *self._edges.T)
        ends = np.searchsorted(rows, np.arange(len(cuts) + 1))
        model.cuts = pyo.ConstraintList()
        for row, cut in enumerate(cuts):
            part = slice(ends[row], ends[row + 1])
            edges = [model.edge[e] for e in columns[part].tolist()]
            model.cuts.add(LinearExpression(linear_coefs=values[part].tolist(), linear_vars=edges) >= cut.least)
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
        """Return subtour rows of components, else (fractional values) of cuts of all kinds."""
        if self.instance.size <= 3:
            return None
        values, size = np.asarray(values, dtype=np.float64), self.instance.size
        tails, heads = self._chosen_edges().T
        parts = components(size, tails[values > EPSILON], heads[values > EPSILON])
        if parts.max() > 0:
            sides = (smaller_side(np.flatnonzero(parts == part), size) for part in range(parts.max() + 1))
            return self._rows([Cut((side,), 2.0, 2.0) for side in sides])
        if integral or size < SMALLEST:
            return None
        if self._finder is None:
            self._finder = CutFinder(good_tour(self.instance, Timer()))
        return self._rows(self._finder.find(tails, heads, values, MOST_CUTS, Timer()))

    def _rows(self, cuts: list[Cut]) -> Rows | None:
        """Return cuts as rows over the model's edges."""
        if not cuts:
            return None
        rows, columns, values = cut_entries(self.instance.size, cuts, *self._chosen_edges().T)
        starts = np.searchsorted(rows, np.arange(len(cuts) + 1)).astype(np.int32)
        least = np.array([cut.least for cut in cuts])
        return Rows(starts, columns.astype(np.int32), values, least, np.full(len(cuts), np.inf))

    def _chosen_edges(self) -> Array:
        if self._edges is None:
            self._edges, _ = self._prepare(None)
        return self._edges

    def _prepare(self, incumbent: float | None) -> tuple[Array, list[Cut]]:
        """Return the edges [E, 2], lower node first, of the model, and the cuts that the relaxation has found."""
        size = self.instance.size
        if size < SMALLEST:
            return np.array([pair for i in range(size) for pair in [(i, j) for j in range(i + 1, size)]] or [(0, 0)]), []
        rounds = max(1, ASCENT // (size * (50 + size // 20)))
        bound = TSPBound(self.instance)
        tree = cast(OneTree, bound.one_tree(Timer(), incumbent, rounds=rounds))  # an endless clock stops nothing
        relaxation = relax(self.instance, tree.edges, Timer(self._allowed))
        self._finder = relaxation.finder
        tour = relaxation.finder.tour
        limit = to_beat(math.fsum(self.instance.travel.between(tour, np.roll(tour, -1)).tolist()), "min")  # stays possible
        if incumbent is not None:
            limit = min(limit, to_beat(incumbent, "min", 1.0 if self.instance.travel.integral else 0.0))
        goal = math.inf if incumbent is None else bound.goal(incumbent)
        relaxation.tighten(Timer(self._allowed), goal, max(10, ROUNDS // size))
        limit += (SAME if self.instance.travel.integral else CONFLICT) * abs(limit)  # for the rounding of reduced costs
        found = relaxation.useful_edges(limit, MOST_EDGES)
        if found is None:
            raise SolverError(
                f"more than {MOST_EDGES} edges may be part of a tour of length {limit:.6g}, too many for the edge model; "
                "a shorter initial tour leaves fewer."
            )
        near = self.instance.travel.nearest(2)
        spare = np.stack([np.repeat(np.arange(size), near.shape[1]), near.ravel()], axis=1)
        kept = np.concatenate([found, tree.edges, spare])  # so that every node has some
        return np.unique(np.sort(kept, axis=1), axis=0), relaxation.cuts
