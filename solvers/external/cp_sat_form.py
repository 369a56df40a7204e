"""Instances as CP-SAT models: circuits and knapsacks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ortools.sat.python import cp_model

from redwood.arrays import Array
from redwood.errors import SolverError
from redwood.problem import Instance, Solution
from redwood.problems.atsp.instance import ATSPInstance
from redwood.problems.knapsack.instance import KnapsackInstance
from redwood.problems.orienteering.instance import OrienteeringInstance
from redwood.problems.tsp.instance import TSPInstance
from redwood.solvers.external.scaling import MOST_TOTAL, multiples, scaled
from redwood.tolerance import ROUNDING

LARGEST = 1_000_000.0
"""The largest distance or value of those that are rounded."""
MOST_NODES = 1_000
PARTS = 10**9
"""Parts of a limit that sizes are rounded up to where they have no common unit."""
NOISE = 1e-3
"""Parts by which a size may be off through rounding of floats: what fills the limit exactly must go on fitting."""


class Form:
    """An instance as a CP-SAT model, with the way back."""

    def __init__(self, instance: Instance) -> None:
        self.model = cp_model.CpModel()
        self.exact = True
        self.constant, self.unit = 0.0, 1.0
        self._instance = instance
        self._arcs: dict[tuple[int, int], Any] = {}
        self._items: list[Any] = []
        if isinstance(instance, KnapsackInstance):
            self._knapsack(instance)
        elif isinstance(instance, OrienteeringInstance):
            self._orienteering(instance)
        elif isinstance(instance, (ATSPInstance, TSPInstance)):
            distances = scaled(instance.travel, 2.0**50 if instance.travel.integral else LARGEST)
            self.exact = distances.scale == 1.0
            matrix = distances.matrix
            self._circuit(np.argwhere(~np.eye(len(matrix), dtype=bool)))
            self.model.minimize(sum(int(matrix[arc]) * literal for arc, literal in self._arcs.items()))
        else:
            raise TypeError(f"CP-SAT takes no {type(instance).__name__}.")

    def _circuit(self, arcs: Array) -> None:
        """Make a literal for each of the arcs [A, 2], and let those that hold form one circuit (loops stay out of it)."""
        if len(arcs) > MOST_NODES**2:
            raise SolverError(f"{len(arcs)} arcs are too many for CP-SAT; at most {MOST_NODES} nodes.")
        self._arcs = {(i, j): self.model.new_bool_var(f"{i}-{j}") for i, j in arcs.tolist()}
        self.model.add_circuit([(i, j, literal) for (i, j), literal in self._arcs.items()])

    def _orienteering(self, instance: OrienteeringInstance) -> None:
        """Close the path by the arc from the end to the start; loops stand for nodes left out."""
        full = instance.travel.full()
        lengths, budget = self._within(full, instance.limit, instance.travel.integral)
        prizes = self._objective(instance.prizes)
        start, end = instance.start, instance.end
        allowed = lengths <= budget
        np.fill_diagonal(allowed, True)
        if not instance.closed:
            allowed[:, start] = allowed[end, :] = allowed[start, start] = False
            allowed[end, start] = True
        self._circuit(np.argwhere(allowed))
        if not instance.closed:
            self.model.add(self._arcs[end, start] == 1)
            lengths[end, start] = 0
        loops = {i: literal for (i, j), literal in self._arcs.items() if i == j and i not in (start, end)}
        if instance.closed:  # a loop at the depot means the empty tour
            for literal in loops.values():
                self.model.add_implication(self._arcs[start, start], literal)
        used = sum(int(lengths[i, j]) * literal for (i, j), literal in self._arcs.items() if i != j)
        self.model.add(used <= budget)
        self.constant = float(instance.prizes[np.unique([start, end])].sum())
        self.model.maximize(sum(int(prizes[i]) * (1 - literal) for i, literal in loops.items()))

    def _knapsack(self, instance: KnapsackInstance) -> None:
        weights, capacity = self._within(instance.weights, instance.limit, np.issubdtype(instance.weights.dtype, np.integer))
        values = self._objective(instance.values)
        self._items = [self.model.new_bool_var(f"item {k}") for k in range(len(values))]
        for item in np.flatnonzero(weights > capacity):
            self.model.add(self._items[item] == 0)
        weights = np.where(weights > capacity, 0, weights)
        weight = sum(int(w) * literal for w, literal in zip(weights, self._items, strict=True))
        self.model.add(weight <= capacity)
        self.model.maximize(sum(int(v) * literal for v, literal in zip(values, self._items, strict=True)))

    def _within(self, sizes: Array, limit: float, integral: bool) -> tuple[Array, int]:
        """Return sizes as whole numbers and the most that some of them may sum to; no more of them than fit do fit.

        What is larger than the limit by itself is cut off above it. Without a common unit sizes are rounded up to parts of
        the limit, so that the proof of such a model proves nothing.
        """
        small = np.minimum(sizes, limit)
        largest = MOST_TOTAL / max(1, len(sizes))
        if integral and limit <= largest:
            most = math.floor(limit)
            return np.minimum(sizes, most + 1).astype(np.int64), most
        exact = None if integral else multiples(small[sizes <= limit])
        if exact is not None:
            most, certain = exact.fits(limit)
            if certain and most <= largest:
                counts = np.full(sizes.shape, most + 1, dtype=np.int64)
                counts[sizes <= limit] = exact.counts
                return counts, most
        self.exact = False
        most = PARTS if limit > 0.0 else 0
        parts = small / limit * PARTS if limit > 0.0 else np.where(sizes > 0.0, 1.0, 0.0)
        return np.where(sizes > limit, most + 1, np.ceil(parts - NOISE)).astype(np.int64), most

    def _objective(self, values: Array) -> Array:
        """Return values as whole numbers, and set what one of them stands for."""
        found = multiples(values)
        if found is not None and found.error <= ROUNDING * float(values.max(initial=0.0)):
            self.unit = float(found.unit)
            return found.counts
        self.exact = False
        scale = LARGEST / max(float(values.max(initial=0.0)), 1e-300)
        return np.rint(values * scale).astype(np.int64)

    def read(self, holds: Any) -> list[int]:
        """Return the items, or the nodes in their order; ``holds`` tells whether a literal is true."""
        if isinstance(self._instance, KnapsackInstance):
            return [k for k, literal in enumerate(self._items) if holds(literal)]
        following = {i: j for (i, j), literal in self._arcs.items() if i != j and holds(literal)}
        start = self._instance.start if isinstance(self._instance, OrienteeringInstance) else 0
        nodes = [start]
        while (node := following.get(nodes[-1], start)) != start:
            nodes.append(node)
        closed = isinstance(self._instance, OrienteeringInstance) and self._instance.closed
        return [*nodes, start] if closed else nodes

    def hint(self, initial: Solution | None) -> None:
        """Hand over a start."""
        if initial is None:
            return
        if isinstance(self._instance, KnapsackInstance):
            chosen = set(np.asarray(getattr(initial, "items")).tolist())  # noqa: B009
            for k, literal in enumerate(self._items):
                self.model.add_hint(literal, k in chosen)
            return
        nodes = np.asarray(getattr(initial, "tour")).tolist()  # noqa: B009
        used = set(zip(nodes, [*nodes[1:], nodes[0]], strict=True))
        visited = set(nodes)
        for (i, j), literal in self._arcs.items():
            self.model.add_hint(literal, (i, j) in used if i != j else i not in visited)
