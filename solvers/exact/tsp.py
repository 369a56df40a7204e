"""The solver `exact` for tiny travelling salesman instances: dynamic programming over subsets of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from redwood.errors import FitError, OptionError
from redwood.problem import Instance, Problem
from redwood.problems.routing.fixed_edges import lifted, nearest_chains
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.solver import Answer, Run, Solver
from redwood.tolerance import ROUNDING

LARGEST = 22
"""More nodes would take above 400 MB."""
SUBSETS = 2**14
"""Subsets between two looks at the clock: some tens of milliseconds."""


@dataclass(frozen=True)
class HeldKarp(Solver):
    """Solve a travelling salesman problem of a few nodes by dynamic programming over subsets.

    Time grows as N^2 2^N and memory as N 2^N: 16 nodes take 4 MB, 20 take 80 MB. Iterations are subsets of nodes. The
    tour of the order given, or one that uses the fixed edges, is reported first; the next one is the shortest. Stopped
    before, it knows no bound.

    Parameters
    ----------
    max_size
        The most nodes to accept, by default 16; at most 22.

    Raises
    ------
    OptionError
        Where ``max_size`` is outside 1 to 22.

    References
    ----------
    Held, Karp (1962), A dynamic programming approach to sequencing problems, Journal of the SIAM 10, doi:10.1137/0110015.
    """

    keeps: ClassVar[frozenset[str]] = frozenset({"fixed edges"})
    max_size: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.max_size <= LARGEST:
            raise OptionError(f"max_size {self.max_size} is outside 1 to {LARGEST}.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels; refuse what is too large."""
        self._checked(instance)
        from redwood.solvers.exact.tsp_kernels import extend_paths, trace_tour

        lengths = np.empty((4, 2))
        extend_paths(np.ones((3, 3)), lengths, 1, 4)
        trace_tour(np.ones((3, 3)), lengths)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Fill the table of shortest paths subset by subset, then read the tour off it."""
        from redwood.solvers.exact.tsp_kernels import extend_paths, trace_tour

        checked = self._checked(instance)
        edges = checked.fixed_edges
        run.report(Tour(nearest_chains(checked.travel, edges) if len(edges) else np.arange(checked.size)))
        if checked.size <= 3:  # all tours are the same
            return Answer(run.best, run.objective, proven=True)
        distances = lifted(checked.travel, edges) if len(edges) else checked.travel
        travel = np.ascontiguousarray(distances.full(), dtype=np.float64)
        subsets = 2 ** (checked.size - 1)
        lengths = np.empty((subsets, checked.size - 1))
        begin = 1
        while begin < subsets and not run.stops():
            end = int(min(subsets, begin + SUBSETS, begin + run.iterations_left))
            extend_paths(travel, lengths, begin, end)
            run.advance(end - begin)
            begin = end
        if begin < subsets:
            return Answer(run.best)
        run.report(Tour(trace_tour(travel, lengths)))
        rounding = 0.0 if run.objective is None or checked.travel.integral else ROUNDING * run.objective
        return Answer(run.best, None if run.objective is None else run.objective - rounding, proven=True)

    def _checked(self, instance: Instance) -> TSPInstance:
        if not isinstance(instance, TSPInstance):
            raise FitError(f"HeldKarp takes instances of the TSP, not {type(instance).__name__}.")
        if instance.size > self.max_size:
            raise FitError(
                f"'exact' takes TSP instances of up to max_size={self.max_size} nodes, and this one has {instance.size}; "
                f"raise max_size (to {LARGEST} at most), or use 'local-search' or 'highs'."
            )
        return instance
