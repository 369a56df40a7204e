"""Instances as CP-SAT models: circuits and knapsacks."""

from __future__ import annotations

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
from redwood.solvers.external.scaling import scaled, whole

_LARGEST = 1_000_000.0
_MOST_NODES = 1_000
_NOISE = 1e-12
"""Share of a budget by which a sum of scaled numbers may be off through rounding of floats."""


class Form:
    """An instance as a CP-SAT model, with the way back."""

    def __init__(self, instance: Instance) -> None:
        self.model = cp_model.CpModel()
        self.exact = True
        self.constant = 0.0
        self._instance = instance
        self._arcs: dict[tuple[int, int], Any] = {}
        self._items: list[Any] = []
        if isinstance(instance, KnapsackInstance):
            self._knapsack(instance)
        elif isinstance(instance, OrienteeringInstance):
            self._orienteering(instance)
        elif isinstance(instance, (ATSPInstance, TSPInstance)):
            distances = scaled(instance.travel, 2.0**40 if instance.travel.integral else _LARGEST)
            self.exact = distances.scale == 1.0
            matrix = distances.matrix
            self._circuit(np.argwhere(~np.eye(len(matrix), dtype=bool)))
            self.model.minimize(sum(int(matrix[arc]) * literal for arc, literal in self._arcs.items()))
        else:
            raise TypeError(f"CP-SAT takes no {type(instance).__name__}.")

    def _circuit(self, arcs: Array) -> None:
        """Make a literal for each of the arcs [A, 2], and let those that hold form one circuit (loops stay out of it)."""
        if len(arcs) > _MOST_NODES**2:
            raise SolverError(f"{len(arcs)} arcs are too many for CP-SAT; at most {_MOST_NODES} nodes.")
        self._arcs = {(i, j): self.model.new_bool_var(f"{i}-{j}") for i, j in arcs.tolist()}
        self.model.add_circuit([(i, j, literal) for (i, j), literal in self._arcs.items()])

    def _orienteering(self, instance: OrienteeringInstance) -> None:
        """Close the path by the arc from the end to the start; loops stand for nodes left out."""
        full = instance.travel.full()
        integral = instance.travel.integral
        scale = 1.0 if integral else 1e6 / max(instance.budget, 1e-300)
        noise = 0.0 if integral else _NOISE * 1e6  # what fills the budget exactly must go on fitting
        lengths = np.minimum(np.ceil(full * scale - noise), 1e12).astype(np.int64)
        prizes, prize_scale = whole(instance.prizes)
        self.exact = integral and prize_scale == 1.0
        size, start, end = len(full), instance.start, instance.end
        allowed = np.ones((size, size), dtype=bool)
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
        self.model.add(used <= int(instance.limit * scale))
        self.constant = float(instance.prizes[np.unique([start, end])].sum())
        self.model.maximize(sum(int(prizes[i]) * (1 - literal) for i, literal in loops.items()))

    def _knapsack(self, instance: KnapsackInstance) -> None:
        scale = 1.0 if np.issubdtype(instance.weights.dtype, np.integer) else 1e9 / max(instance.capacity, 1e-300)
        weights = np.ceil(instance.weights * scale).astype(np.int64)
        values, value_scale = whole(instance.values)
        self.exact = scale == 1.0 and value_scale == 1.0
        self._items = [self.model.new_bool_var(f"item {k}") for k in range(len(values))]
        weight = sum(int(w) * literal for w, literal in zip(weights, self._items, strict=True))
        self.model.add(weight <= int(instance.limit * scale))
        self.model.maximize(sum(int(v) * literal for v, literal in zip(values, self._items, strict=True)))

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
