"""The view `Linear`: the two-index edge model, with rounded capacity rows in rounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyomo.core.expr import LinearExpression
from pyomo.environ import Binary, ConcreteModel, Constraint, ConstraintList, Integers, Objective, Var, minimize

from redwood.arrays import Array
from redwood.clock import Timer
from redwood.kernels import random_state
from redwood.problems.cvrp.bound import LARGEST, find_sets, tighten
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.relaxation import Relaxation
from redwood.problems.routing.capacity_cuts import CutSets, vehicles_needed
from redwood.views.linear import Linear, Rows

PREPARATION = 3.0
"""Seconds that the linear relaxation may take at most to tell which edges are useless."""


class CVRPLinear(Linear):
    """Binary edges between customers, edges 0, 1 or 2 at the depot (2 for a route of one customer).

    Every customer has degree 2, the depot twice the number of routes. Rows ``x(delta(S)) >= 2 k(S)`` over sets S of
    customers, which need at least k(S) vehicles, come from `separate`: for integral values they are found whenever the
    values are no solution.

    References
    ----------
    Laporte, Nobert, Desrochers (1985), Optimal routing under capacity and distance restrictions,
    doi:10.1287/opre.33.5.1050.
    """

    def __init__(self, instance: CVRPInstance) -> None:
        self._allowed = PREPARATION
        self._instance = instance
        self._state = random_state(np.random.default_rng(0))
        self._tails, self._heads = np.triu_indices(instance.size + 1, 1)

    def allow(self, seconds: float) -> None:
        """Take at most so many seconds, and `PREPARATION`, to find out what the model can do without."""
        self._allowed = min(PREPARATION, seconds)

    def model(self, incumbent: float | None = None) -> ConcreteModel:
        """Return the model over the edges that a solution better than the incumbent may use, with rows found on the way."""
        instance = self._instance
        sets = self._prepare(incumbent)
        tails, heads = self._tails, self._heads
        model = ConcreteModel("cvrp")
        model.used = Var(range(len(tails)), domain=lambda _, edge: Integers if tails[edge] == 0 else Binary)
        edges = self.variables(model)
        for edge in np.flatnonzero(tails == 0).tolist():
            edges[edge].setlb(0)
            edges[edge].setub(2)
        costs = instance.travel.between(tails, heads).astype(float).tolist()
        model.length = Objective(expr=LinearExpression(linear_coefs=costs, linear_vars=edges), sense=minimize)
        model.degree = ConstraintList()
        for customer in range(1, instance.size + 1):
            model.degree.add(_sum(edges, (tails == customer) | (heads == customer)) == 2)
        most = None if instance.vehicles is None else 2 * instance.vehicles
        model.fleet = Constraint(expr=(2 * instance.fewest, _sum(edges, tails == 0), most))
        model.capacity = ConstraintList()
        for members, needed in zip(sets.members, sets.needed, strict=True):
            model.capacity.add(_sum(edges, members[tails] ^ members[heads]) >= 2.0 * float(needed))
        return model

    def variables(self, model: ConcreteModel) -> list[Any]:
        """Return the edges i < j, sorted by i and then j."""
        return list(model.used.values())

    def solution(self, values: Array) -> Routes:
        """Return the routes along the edges of (rounded) values."""
        links: dict[int, list[int]] = {node: [] for node in range(self._instance.size + 1)}
        for edge in np.flatnonzero(np.asarray(values) > 0.5):
            tail, head = int(self._tails[edge]), int(self._heads[edge])
            for _ in range(round(float(values[edge]))):
                links[tail].append(head)
                links[head].append(tail)
        routes = []
        while links[0]:
            row, previous, stop = [], 0, links[0].pop()
            while stop != 0:
                row.append(stop)
                links[stop].remove(previous)
                previous, stop = stop, links[stop].pop() if links[stop] else 0
            if previous in links[0]:
                links[0].remove(previous)
            routes.append(row)
        return Routes(routes)

    def start(self, solution: Routes) -> Array | None:  # type: ignore[override]
        """Return the edge values of some routes, or ``None`` where they use an edge that was left out."""
        nodes = self._instance.size + 1
        uses = np.zeros((nodes, nodes))
        for route in solution.routes:
            walk = np.array([0, *route, 0])
            np.add.at(uses, (np.minimum(walk[:-1], walk[1:]), np.maximum(walk[:-1], walk[1:])), 1.0)
        values = np.asarray(uses[self._tails, self._heads])
        return values if values.sum() == uses.sum() else None

    def separate(self, values: Array, integral: bool) -> Rows | None:
        """Return capacity rows that the values violate."""
        values = np.asarray(values, dtype=np.float64)
        sets = find_sets(self._instance, self._tails, self._heads, values, self._state)
        if integral and len(sets.needed) == 0:
            sets = self._broken_routes(values)
        return self._rows(sets) if len(sets.needed) else None

    def _broken_routes(self, values: Array) -> CutSets:
        """Return the customers of each tour that misses the depot or carries too much."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        nodes = self._instance.size + 1
        inner = (self._tails > 0) & (values > 0.5)
        graph = coo_array((np.ones(inner.sum()), (self._tails[inner], self._heads[inner])), shape=(nodes, nodes))
        count, label = connected_components(graph, directed=False)
        members = label[None, :] == np.arange(count)[:, None]
        members = members[~members[:, 0]]
        needed = vehicles_needed(members, self._instance.demands.astype(np.float64), self._instance.limit)
        border = np.array([values[row[self._tails] ^ row[self._heads]].sum() for row in members])
        broken = np.flatnonzero(border < 2.0 * needed - 0.5)
        return CutSets(members[broken], needed[broken])

    def _rows(self, sets: CutSets) -> Rows:
        columns = [np.flatnonzero(row[self._tails] ^ row[self._heads]) for row in sets.members]
        starts = np.cumsum([0] + [len(found) for found in columns])
        flat = np.concatenate(columns)
        return Rows(starts, flat, np.ones(len(flat)), 2.0 * sets.needed, np.full(len(columns), np.inf))

    def _prepare(self, incumbent: float | None) -> CutSets:
        """Leave out the edges that reduced costs prove useless; return the sets that the relaxation has rows for."""
        instance = self._instance
        self._tails, self._heads = np.triu_indices(instance.size + 1, 1)
        if incumbent is None or not 1 < instance.size <= LARGEST:
            return CutSets.none(instance.size + 1)
        relaxation = Relaxation(instance, instance.size)
        tighten(relaxation, instance, Timer(self._allowed), incumbent)
        if math.isfinite(relaxation.best):
            kept = ~relaxation.useless_edges(incumbent)[self._tails, self._heads]
            self._tails, self._heads = self._tails[kept], self._heads[kept]
        demand = instance.demands.astype(np.float64)
        return CutSets(relaxation.members, vehicles_needed(relaxation.members, demand, instance.limit))


def _sum(edges: list[Any], chosen: Array) -> Any:
    return LinearExpression(linear_coefs=[1.0] * int(chosen.sum()), linear_vars=[edges[k] for k in np.flatnonzero(chosen)])
