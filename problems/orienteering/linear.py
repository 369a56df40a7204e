"""The view `Linear`: visits and edges, with generalised subtour rows in rounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyomo.core.expr import LinearExpression
from pyomo.environ import Binary, ConcreteModel, ConstraintList, Objective, Var, maximize

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.problems.orienteering.cuts import CutSets, violated_sets
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, path
from redwood.problems.orienteering.network import make_network
from redwood.problems.orienteering.relaxation import Relaxation
from redwood.problems.routing.travel import path_length
from redwood.tolerance import to_beat
from redwood.views.linear import Linear, Rows

PREPARATION = 5.0
"""Seconds that the linear relaxation may take at most to tell which edges are useless."""


class OrienteeringLinear(Linear):
    """Binary visits and edges, the path without inner nodes, and a closed tour's trip to the best single node.

    Every visited node has two edges, the start and the end one each (the start of a closed tour two), the edges keep within
    the budget, and ``x(E(S)) <= y(S) - y_i`` holds for sets S of inner nodes and i in S. Given an incumbent, edges are left
    out whose reduced cost in the relaxation proves that no better path uses them. An integral point whose path is longer
    than the budget by less than a solver's tolerance is cut off by its edges.

    References
    ----------
    Fischetti, Salazar Gonzalez, Toth (1998), doi:10.1287/ijoc.10.2.133, section 2.
    """

    def __init__(self, instance: OrienteeringInstance) -> None:
        self._allowed = PREPARATION
        self._instance = instance
        self._network = make_network(instance)
        self._tails, self._heads = np.nonzero(self._network.allowed)

    @property
    def _own(self) -> int:
        """Number of variables that are no edges: visits, the direct path, and the trip to a single node."""
        return self._network.size + (2 if self._network.single >= 0 else 1)

    def allow(self, seconds: float) -> None:
        """Take at most so many seconds, and `PREPARATION`, to find out what the model can do without."""
        self._allowed = min(PREPARATION, seconds)

    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model over the edges that a better path than the incumbent may use, with the rows found on the way."""
        sets = self._prepare(incumbent)
        network, size = self._network, self._network.size
        model = ConcreteModel("orienteering")
        model.used = Var(range(self._own + len(self._tails)), domain=Binary)
        used = self.variables(model)
        prize = LinearExpression(constant=network.constant, linear_coefs=network.prizes.tolist(), linear_vars=used[:size])
        model.prize = Objective(expr=prize, sense=maximize)
        model.rows = ConstraintList()
        for node in range(size):
            extra = {network.single: {size + 1: 2.0}}.get(node, {})
            model.rows.add(self._degree(used, node, {node: -2.0, **extra}) == 0)
        alone = {size + 1: 2.0} if network.single >= 0 else {}
        if self._instance.closed:
            model.rows.add(self._degree(used, size, {size: 2.0, **alone}) == 2)
        else:
            model.rows.add(self._degree(used, size, {size: 1.0}) == 1)
            model.rows.add(self._degree(used, size + 1, {size: 1.0}) == 1)
        model.rows.add(self._length(used) <= network.limit)
        for columns, values in self._subtour_terms(sets):
            model.rows.add(_sum(values.tolist(), [used[k] for k in columns]) <= 0)
        return model

    def variables(self, model: ConcreteModel) -> list[Any]:
        """Return visits, the direct path, the trip to a single node (of closed tours), and edges."""
        return list(model.used.values())

    def solution(self, values: Array) -> Tour:
        """Return the path along the edges of (rounded) values."""
        chosen = np.flatnonzero(np.asarray(values)[self._own :] > 0.5)
        tails, heads = self._tails[chosen], self._heads[chosen]
        if self._network.single >= 0 and values[self._network.size + 1] > 0.5:
            tails, heads = np.array([self._network.single]), np.array([self._network.size])
        return self._network.tour(tails, heads)

    def start(self, solution: Tour) -> Array | None:  # type: ignore[override]
        """Return the values of a path, or ``None`` where it uses an edge that was left out or a trip to another node."""
        size = self._network.size
        nodes = path(self._instance, solution)[1:-1]
        if not np.isin(nodes, self._network.nodes).all():
            return None
        inner = np.searchsorted(self._network.nodes, nodes)
        values = np.zeros(self._own + len(self._tails))
        values[inner] = 1.0
        if len(inner) == 0 or (len(inner) == 1 and self._instance.closed):
            if len(inner) and inner[0] != self._network.single:
                return None
            values[size + len(inner)] = 1.0
            return values
        walk = np.concatenate([[size], inner, [size if self._instance.closed else size + 1]])
        uses = np.zeros((size + 2, size + 2))
        uses[np.minimum(walk[:-1], walk[1:]), np.maximum(walk[:-1], walk[1:])] = 1.0
        values[self._own :] = uses[self._tails, self._heads]
        return values if values[self._own :].sum() == len(walk) - 1 else None

    def separate(self, values: Array, integral: bool) -> Rows | None:
        """Return subtour rows that the values violate; for an integral path that is too long, the row against its edges."""
        values = np.asarray(values, dtype=np.float64)
        size = self._network.size
        tails, heads, uses = self._tails, self._heads, values[self._own :]
        if self._network.single >= 0:  # the trip uses an edge to the root twice
            tails, heads = np.append(tails, self._network.single), np.append(heads, size)
            uses = np.append(uses, 2.0 * values[size + 1])
        sets = violated_sets(size, values[:size], tails, heads, uses)
        terms = self._subtour_terms(sets)
        upper = np.zeros(len(terms))
        if not terms and integral:
            nodes = path(self._instance, self.solution(values))
            if path_length(self._instance.travel, nodes) > self._instance.limit:
                edges = self._own + np.flatnonzero(values[self._own :] > 0.5)
                terms, upper = [(edges, np.ones(len(edges)))], np.array([len(edges) - 1.0])
        if not terms:
            return None
        starts = np.cumsum([0] + [len(columns) for columns, _ in terms])
        columns, coefficients = (np.concatenate(parts) for parts in zip(*terms, strict=True))
        return Rows(starts, columns, coefficients, np.full(len(terms), -np.inf), upper)

    def _degree(self, used: list[Any], node: int, others: dict[int, float]) -> Any:
        edges = self._own + np.flatnonzero((self._tails == node) | (self._heads == node))
        columns = [*others, *edges.tolist()]
        return _sum([*others.values(), *[1.0] * len(edges)], [used[k] for k in columns])

    def _length(self, used: list[Any]) -> Any:
        network = self._network
        values = [network.direct, *network.lengths[self._tails, self._heads].tolist()]
        if network.single >= 0:
            values.insert(1, 2.0 * float(network.lengths[network.single, network.size]))
        return _sum(values, used[network.size :])

    def _subtour_terms(self, sets: CutSets) -> list[tuple[Array, Array]]:
        """Return columns and values of the rows ``x(E(S)) - y(S) + y_i <= 0``."""
        inner = np.flatnonzero(self._heads < self._network.size)
        terms = []
        for members, kept in zip(sets.members, sets.kept, strict=True):
            edges = self._own + inner[members[self._tails[inner]] & members[self._heads[inner]]]
            visits = np.setdiff1d(np.flatnonzero(members), [kept])
            signs = np.concatenate([-np.ones(len(visits)), np.ones(len(edges))])
            terms.append((np.concatenate([visits, edges]), signs))
        return terms

    def _prepare(self, incumbent: float | None) -> CutSets:
        """Leave out the edges that reduced costs prove useless; return the sets that the relaxation has rows for."""
        network = self._network
        allowed = network.allowed
        relaxation = Relaxation(network)
        if incumbent is not None and network.size > 1:
            relaxation.tighten(Timer(self._allowed))
            if math.isfinite(relaxation.best):
                least = to_beat(incumbent, "max", network.step) - network.constant
                allowed = allowed & (relaxation.best - relaxation.edge_costs >= least)
        self._tails, self._heads = np.nonzero(allowed)
        return relaxation.sets


def _sum(values: list[float], variables: list[Any]) -> Any:
    return LinearExpression(linear_coefs=values, linear_vars=variables)
