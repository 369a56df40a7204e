"""The asymmetric travelling salesman problem: its rules, its objective, its files and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.budget import Sense
from redwood.errors import InstanceError, OptionError, suggestion
from redwood.problem import Problem, Solution
from redwood.problems.atsp import files, generators
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.routing.graph import graph_matrix
from redwood.problems.routing.precedences import broken_precedences, check_precedences
from redwood.problems.routing.repair_suggestions import permutation_suggestions
from redwood.problems.routing.sequence import permutation_violations
from redwood.problems.routing.travel import Metric, check_travel
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local
from redwood.views.stepwise import Stepwise
from redwood.views.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ATSP(Problem[ATSPInstance, Tour]):
    """The asymmetric travelling salesman problem.

    Given N nodes and the distance from each to each other, none negative, which may differ by direction: visit each node
    exactly once and return, over the least total distance. The tour of one node has length 0.
    """

    name: ClassVar[str] = "atsp"
    measure: ClassVar[str] = "nodes"
    sense: ClassVar[Sense] = Sense.MIN
    solution_type: ClassVar[type[Solution]] = Tour
    views: ClassVar[Mapping[type[View], str]] = {
        Linear: "redwood.problems.atsp.linear:ATSPLinear",
        Local: "redwood.problems.atsp.local:ATSPLocal",
        Bound: "redwood.problems.atsp.bound:ATSPBound",
        Stepwise: "redwood.problems.atsp.stepwise:ATSPStepwise",
    }
    variants: ClassVar[tuple[str, ...]] = generators.VARIANTS
    suffix: ClassVar[str] = ".atsp"
    solution_suffix: ClassVar[str] = ".tour"

    def make(
        self,
        *,
        matrix: Any = None,
        graph: Any = None,
        weight: str = "weight",
        coords: Any = None,
        precedences: Any = None,
        name: str = "",
        best_known: float | None = None,
    ) -> ATSPInstance:
        """Return the instance of a matrix or of a networkx graph.

        Parameters
        ----------
        matrix
            Distances [N, N]; entry (i, j) leads from i to j; the diagonal is ignored.
        graph
            A complete networkx graph, usually a DiGraph; node i of the instance is the i-th of its nodes.
        weight
            The edge attribute of ``graph`` that holds the distance.
        coords
            Coordinates [N, 2], for pictures only.
        precedences
            Pairs of nodes: in every tour, read from node 0, the first is visited before the second.
        best_known
            Length of the best tour known, for reports.

        Raises
        ------
        InstanceError
            Where shapes disagree, the graph is not complete, a distance is negative or not finite, or no tour keeps all
            precedences.
        """
        if (matrix is None) == (graph is None):
            raise InstanceError("give the distances once: as matrix= [N, N] or as graph= (networkx).")
        distances = graph_matrix(graph, weight) if matrix is None else matrix
        travel = check_travel(coords, distances, Metric.EXPLICIT, symmetric=False)
        pairs = check_precedences(precedences, travel.size)
        instance = ATSPInstance(travel=travel, precedences=pairs, name=name, best_known=best_known)
        _check_size(instance)
        return instance

    def generate(self, size: int, rng: np.random.Generator, *, variant: str = "matnet") -> ATSPInstance:
        """Return a random instance with whole-numbered distances; see `generators.draw_matrix` for the variants."""
        if variant not in self.variants:
            raise OptionError(f"atsp has no variant {variant!r}.{suggestion(variant, self.variants)}")
        matrix, coords = generators.draw_matrix(size, rng, variant)
        return self.make(matrix=matrix, coords=coords, name=f"atsp-{variant}-{size}")

    def validate(self, instance: ATSPInstance) -> None:
        """Raise `InstanceError` where there is no node, or a distance breaks a rule."""
        check_travel(instance.travel.coords, instance.travel.matrix, instance.travel.metric, symmetric=False)
        check_precedences(instance.precedences, instance.size)
        _check_size(instance)

    def objective(self, instance: ATSPInstance, solution: Tour) -> float:
        """Return the length of the closed tour: exact for whole distances, else the correctly rounded sum."""
        tour = solution.tour
        return math.fsum(instance.matrix[tour, np.roll(tour, -1)].tolist()) if len(tour) > 1 else 0.0

    def violations(self, instance: ATSPInstance, solution: Tour) -> list[str]:
        """Return which nodes do not exist, are visited more than once, or not at all, and which precedences are broken."""
        told = permutation_violations(solution.tour, instance.size)
        return told or broken_precedences(solution.tour, instance.precedences)

    def repair_suggestions(self, instance: ATSPInstance, solution: Tour) -> list[str]:
        """Return which visits to drop, and where missing nodes add least."""
        return permutation_suggestions(instance.travel, solution.tour, instance.size)

    def parse(self, text: str, name: str) -> ATSPInstance:
        """Return the instance of a TSPLIB file of TYPE ATSP or SOP."""
        return self.make(**files.parse_instance(text, name))

    def format(self, instance: ATSPInstance) -> str:
        """Return the instance as TSPLIB text."""
        return files.format_instance(instance)

    def parse_solution(self, text: str, instance: ATSPInstance) -> Tour:
        """Return the tour of a TSPLIB file of TYPE TOUR, or of one that Concorde wrote."""
        return files.parse_solution(text, instance)

    def format_solution(self, instance: ATSPInstance, solution: Tour) -> str:
        """Return the tour as a TSPLIB file of TYPE TOUR."""
        return files.format_solution(instance, solution, self.objective(instance, solution))

    def plot(self, instance: ATSPInstance, solution: Tour | None, axes: Axes) -> None:
        """Draw the directed tour where there are coordinates, else the distances in the order of the tour."""
        from redwood.problems.atsp.picture import draw

        draw(instance, solution, None if solution is None else self.objective(instance, solution), axes)


def _check_size(instance: ATSPInstance) -> None:
    if instance.size == 0:
        raise InstanceError("the instance has no nodes; a tour needs at least one.")
