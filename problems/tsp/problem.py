"""The symmetric travelling salesman problem: its rules, its objective, its files and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.budget import Sense
from redwood.errors import FitError, InstanceError
from redwood.problem import Problem
from redwood.problems.routing.fixed_edges import check_fixed_edges, missing_edges
from redwood.problems.routing.graph import graph_matrix
from redwood.problems.routing.repair_suggestions import permutation_suggestions
from redwood.problems.routing.sequence import permutation_violations
from redwood.problems.routing.travel import Metric, check_travel
from redwood.problems.tsp import files, generators
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local
from redwood.views.stepwise import Stepwise
from redwood.views.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TSP(Problem[TSPInstance, Tour]):
    """The symmetric travelling salesman problem.

    Given N nodes and their distances, the same both ways and none negative: visit each node exactly once and return, over
    the least total distance. A tour of two nodes goes there and back; the tour of one node has length 0.
    """

    name = "tsp"
    measure = "nodes"
    sense = Sense.MIN
    solution_type = Tour
    views: ClassVar[Mapping[type[View], str]] = {
        Linear: "redwood.problems.tsp.linear:TSPLinear",
        Local: "redwood.problems.tsp.local:TSPLocal",
        Bound: "redwood.problems.tsp.bound:TSPBound",
        Stepwise: "redwood.problems.tsp.stepwise:TSPStepwise",
    }
    variants = generators.VARIANTS
    suffix = ".tsp"
    solution_suffix = ".tour"

    def make(
        self,
        *,
        coords: Any = None,
        matrix: Any = None,
        graph: Any = None,
        weight: str = "weight",
        metric: str | Metric | None = None,
        fixed_edges: Any = None,
        name: str = "",
        best_known: float | None = None,
    ) -> TSPInstance:
        """Return the instance of coordinates, of a matrix or of a networkx graph.

        Parameters
        ----------
        coords
            Coordinates [N, 2]. Beside a matrix or graph they serve pictures only.
        matrix
            Distances [N, N], symmetric; the diagonal is ignored.
        graph
            A complete networkx graph; node i of the instance is the i-th of its nodes.
        weight
            The edge attribute of ``graph`` that holds the distance.
        metric
            How distances follow from coordinates: ``EXACT`` (Euclidean, not rounded; the default), ``EUC_2D`` (rounded to
            the nearest integer), ``CEIL_2D``, ``ATT``, ``GEO``, ``MAN_2D`` or ``MAX_2D``, as in TSPLIB; see `Metric`.
        fixed_edges
            Pairs of nodes that follow each other in every tour, either way.
        best_known
            Length of the best tour known, for reports.

        Raises
        ------
        InstanceError
            Where shapes disagree, the graph is not complete, a distance is negative, not finite or not symmetric, or no
            tour uses all fixed edges.
        """
        if graph is not None:
            if matrix is not None:
                raise InstanceError("matrix= and graph= both give the distances; give one of them.")
            matrix = graph_matrix(graph, weight)
        travel = check_travel(coords, matrix, metric, symmetric=True)
        edges = check_fixed_edges(fixed_edges, travel.size)
        instance = TSPInstance(travel=travel, fixed_edges=edges, name=name, best_known=best_known)
        _check_size(instance)
        return instance

    def generate(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        variant: str = "uniform",
        metric: str | Metric = Metric.EXACT,
        side: float | None = None,
        clusters: int | None = None,
    ) -> TSPInstance:
        """Return a random instance in a square.

        Parameters
        ----------
        variant
            How nodes are placed: ``uniform``, ``clustered`` around a few centres, or ``mixed``: half of them each way.
        metric
            A planar metric; by default Euclidean, not rounded.
        side
            Side of the square: by default 1, and 1,000,000 for metrics that round.
        clusters
            How many centres; by default one for 100 nodes, and at least 3.

        Raises
        ------
        OptionError
            Where the metric is not planar, a number is out of range or does not concern the variant.
        """
        convention = str(metric).upper()
        coords = generators.draw_nodes(size, rng, variant, convention, side, clusters)
        return self.make(coords=coords, metric=convention)

    def validate(self, instance: TSPInstance) -> None:
        """Raise `InstanceError` where there is no node, or a distance breaks a rule."""
        travel = instance.travel
        check_travel(travel.coords, travel.matrix, travel.metric, symmetric=True)
        check_fixed_edges(instance.fixed_edges, travel.size)
        _check_size(instance)

    def objective(self, instance: TSPInstance, solution: Tour) -> float:
        """Return the length of the closed tour: exact for whole distances, else the correctly rounded sum."""
        tour = solution.tour
        if len(tour) < 2:
            return 0.0
        return math.fsum(instance.travel.between(tour, np.roll(tour, -1)).tolist())

    def violations(self, instance: TSPInstance, solution: Tour) -> list[str]:
        """Return which nodes do not exist, are visited more than once, or not at all, and which fixed edges are not used."""
        told = permutation_violations(solution.tour, instance.size)
        return told or missing_edges(solution.tour, instance.fixed_edges)

    def repair_suggestions(self, instance: TSPInstance, solution: Tour) -> list[str]:
        """Return which visits to drop, and where missing nodes add least."""
        return permutation_suggestions(instance.travel, solution.tour, instance.size)

    def parse(self, text: str, name: str) -> TSPInstance:
        """Return the instance of a TSPLIB file of TYPE TSP."""
        return self.make(**files.parse_instance(text, name))

    def format(self, instance: TSPInstance) -> str:
        """Return the instance as TSPLIB text; distances that are not rounded get the EDGE_WEIGHT_TYPE EXACT_2D of LKH-3."""
        return files.format_instance(instance)

    def parse_solution(self, text: str, instance: TSPInstance) -> Tour:
        """Return the tour of a TSPLIB file of TYPE TOUR, or of one that Concorde wrote."""
        return files.parse_solution(text, instance)

    def format_solution(self, instance: TSPInstance, solution: Tour) -> str:
        """Return the tour as a TSPLIB file of TYPE TOUR."""
        return files.format_solution(instance, solution, self.objective(instance, solution))

    def plot(self, instance: TSPInstance, solution: Tour | None, axes: Axes) -> None:
        """Draw the nodes, and the tour as a closed line."""
        if instance.travel.coords is None:
            raise FitError("the instance has a matrix and no coordinates, so there is nothing to draw.")
        from redwood.problems.tsp.picture import draw

        draw(instance, solution, None if solution is None else self.objective(instance, solution), axes)


def _check_size(instance: TSPInstance) -> None:
    if instance.size == 0:
        raise InstanceError("the instance has no nodes; a tour needs at least one.")
