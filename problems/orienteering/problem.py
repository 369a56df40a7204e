"""The orienteering problem: what its data are, what a solution is worth, and when it is feasible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.errors import InstanceError, OptionError, suggestion
from redwood.problem import Problem, Solution, frozen
from redwood.problems.orienteering import files, generators
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour, detours, path, shortest_path
from redwood.problems.routing.graph import graph_matrix
from redwood.problems.routing.travel import Metric, check_travel, path_length
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local
from redwood.views.stepwise import Stepwise
from redwood.views.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_REPORTED = 10


class Orienteering(Problem[OrienteeringInstance, Tour]):
    """Collect the highest sum of prizes on a path from a start to an end that is no longer than a budget.

    Each node but the start of a closed tour is visited at most once. Distances are symmetric; a length may exceed the
    budget by 1e-9 of it, which allows for the rounding of sums.

    References
    ----------
    Golden, Levy, Vohra (1987), The orienteering problem,
    doi:10.1002/1520-6750(198706)34:3<307::AID-NAV3220340302>3.0.CO;2-D.
    """

    name: ClassVar[str] = "orienteering"
    measure: ClassVar[str] = "nodes to visit"
    sense: ClassVar[Sense] = Sense.MAX
    solution_type: ClassVar[type[Solution]] = Tour
    views: ClassVar[Mapping[type[View], str]] = {
        Linear: "redwood.problems.orienteering.linear:OrienteeringLinear",
        Local: "redwood.problems.orienteering.local:OrienteeringLocal",
        Bound: "redwood.problems.orienteering.bound:OrienteeringBound",
        Stepwise: "redwood.problems.orienteering.stepwise:OrienteeringStepwise",
    }
    variants: ClassVar[tuple[str, ...]] = generators.VARIANTS
    suffix: ClassVar[str] = ".oplib"
    solution_suffix: ClassVar[str] = ".tour"

    def make(
        self,
        *,
        coords: Any = None,
        matrix: Any = None,
        graph: Any = None,
        weight: str = "weight",
        prizes: Any = None,
        budget: float | None = None,
        start: int = 0,
        end: int | None = None,
        metric: str | Metric | None = None,
        name: str = "",
        best_known: float | None = None,
    ) -> OrienteeringInstance:
        """Return a validated instance.

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
        prizes
            Prize of each node, [N], not negative; with a graph by default its node attribute ``prize`` (0 if absent).
        budget
            Longest length of the path.
        start, end
            Node numbers; by default node 0, and a closed tour.
        metric
            How distances follow from coordinates: ``EXACT`` (Euclidean, not rounded; the default), ``EUC_2D`` (rounded to
            the nearest integer), ``CEIL_2D``, ``ATT``, ``GEO``, ``MAN_2D`` or ``MAX_2D``, as in TSPLIB; see `Metric`.
        """
        if graph is not None:
            matrix, prizes = _from_graph(graph, weight, matrix, prizes)
        travel = check_travel(coords, matrix, metric, symmetric=True)
        instance = OrienteeringInstance(
            name=name,
            best_known=best_known,
            travel=travel,
            prizes=_check_prizes(prizes, travel.size),
            budget=_check_budget(budget),
            start=_check_node(start, travel.size, "start"),
            end=_check_node(start if end is None else end, travel.size, "end"),
        )
        self.validate(instance)
        return instance

    def generate(
        self, size: int, rng: np.random.Generator, *, variant: str = "distance", budget: float | None = None
    ) -> OrienteeringInstance:
        """Return ``size`` random nodes and a depot in the unit square; see `generators` for the variants.

        ``budget`` is by default 4 sqrt(size / 100).
        """
        if variant not in self.variants:
            raise OptionError(f"orienteering has no variant {variant!r}.{suggestion(variant, self.variants)}")
        coords, prizes = generators.draw_nodes(size, rng, variant)
        longest = generators.usual_budget(size) if budget is None else budget
        return self.make(coords=coords, prizes=prizes, budget=longest, name=f"orienteering-{variant}-{size}")

    def validate(self, instance: OrienteeringInstance) -> None:
        """Raise `InstanceError` where no path from the start to the end keeps within the budget."""
        shortest = path_length(instance.travel, shortest_path(instance))
        if shortest > instance.limit:
            raise InstanceError(
                f"the way from start {instance.start} to end {instance.end} is {shortest:g} long, above the budget "
                f"{instance.budget:g}, so no path is feasible; give a budget of at least {shortest:g}."
            )

    def unreachable(self, instance: OrienteeringInstance) -> Array:
        """Return the numbers of the nodes too far away to be visited directly from the start on the way to the end.

        Such nodes are no error: the instance stays feasible without them. (Where a matrix breaks the triangle
        inequality, a path through other nodes may still reach one of them.)
        """
        return np.flatnonzero(detours(instance) > instance.limit)

    def objective(self, instance: OrienteeringInstance, solution: Tour) -> float:
        """Return the sum of the prizes of the visited nodes, each counted once."""
        return float(instance.prizes[np.unique(solution.tour)].sum())

    def length(self, instance: OrienteeringInstance, solution: Tour) -> float:
        """Return the length of the path."""
        return path_length(instance.travel, path(instance, solution))

    def violations(self, instance: OrienteeringInstance, solution: Tour) -> list[str]:
        """Return the broken rules: unknown and repeated nodes, wrong ends, and a length above the budget."""
        nodes = solution.tour
        wrong = [int(node) for node in nodes if not 0 <= node < instance.travel.size]
        if wrong:
            return [f"node {node} does not exist; nodes are 0 to {instance.travel.size - 1}." for node in wrong[:_REPORTED]]
        if not len(nodes):
            return [f"the tour is empty; it must begin at the start {instance.start}."]
        return [*_end_faults(instance, nodes), *_repetitions(instance, solution), *_excess(instance, solution)]

    def repair_suggestions(self, instance: OrienteeringInstance, solution: Tour) -> list[str]:
        """Return which nodes to leave out, those first that save most length for their prize."""
        from redwood.problems.orienteering.repair_suggestions import repair_suggestions

        return repair_suggestions(instance, solution)

    def parse(self, text: str, name: str) -> OrienteeringInstance:
        """Return the instance in a text of Chao and Tsiligirides or of OPLib."""
        return self.make(**files.parse_instance(text, name))

    def format(self, instance: OrienteeringInstance) -> str:
        """Return the instance as OPLib text."""
        return files.format_instance(instance)

    def parse_solution(self, text: str, instance: OrienteeringInstance) -> Tour:
        """Return the tour in a TSPLIB ``.tour`` text, or in a plain list of node numbers counted from 1."""
        return files.parse_solution(text)

    def format_solution(self, instance: OrienteeringInstance, solution: Tour) -> str:
        """Return the tour as TSPLIB ``.tour`` text, nodes counted from 1, start and end both listed."""
        return files.format_solution(instance, path(instance, solution))

    def plot(self, instance: OrienteeringInstance, solution: Tour | None, axes: Axes) -> None:
        """Draw nodes sized by prize, the path, and in grey what lies too far away."""
        from redwood.problems.orienteering.picture import draw

        draw(instance, solution, self.unreachable(instance), axes)


def _from_graph(graph: Any, weight: str, matrix: Any, prizes: Any) -> tuple[Array, Any]:
    if matrix is not None:
        raise InstanceError("matrix= and graph= both give the distances; give one of them.")
    distances = graph_matrix(graph, weight)
    return distances, [value for _, value in graph.nodes(data="prize", default=0.0)] if prizes is None else prizes


def _check_prizes(prizes: Any, size: int) -> Array:
    if prizes is None:
        raise InstanceError(f"prizes are missing; give prizes= with {size} numbers.")
    try:
        array = frozen(prizes, np.float64)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"prizes are not numbers: {error}.") from error
    if array.shape != (size,):
        raise InstanceError(f"prizes have shape {list(array.shape)}; expected [{size}], one for each node.")
    for node in np.flatnonzero(~(np.isfinite(array) & (array >= 0) & (array <= 1e15))):
        raise InstanceError(f"prize {array[node]} of node {node} is not a finite number of 0 to 1e15.")
    return array


def _check_budget(budget: Any) -> float:
    if budget is None:
        raise InstanceError("the budget is missing; give budget=, the longest length of the path.")
    try:
        value = float(budget)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"budget {budget!r} is not a number.") from error
    if not 0.0 <= value < float("inf"):
        raise InstanceError(f"budget {value} is not a finite number of 0 or more.")
    return value


def _check_node(node: Any, size: int, what: str) -> int:
    if isinstance(node, bool) or not isinstance(node, (int, np.integer)) or not 0 <= node < size:
        raise InstanceError(f"{what} {node!r} is not a node number; nodes are 0 to {size - 1}.")
    return int(node)


def _end_faults(instance: OrienteeringInstance, nodes: Array) -> list[str]:
    faults = []
    if nodes[0] != instance.start:
        faults.append(f"the tour begins at node {nodes[0]}, not at the start {instance.start}.")
    if not instance.closed and nodes[-1] != instance.end:
        faults.append(f"the tour ends at node {nodes[-1]}, not at the end {instance.end}.")
    return faults


def _repetitions(instance: OrienteeringInstance, solution: Tour) -> list[str]:
    nodes = path(instance, solution)
    inner = nodes[:-1] if instance.closed else nodes
    visited, counts = np.unique(inner, return_counts=True)
    repeated = np.flatnonzero(counts > 1)[:_REPORTED]
    return [f"node {visited[k]} is visited {counts[k]} times; once is allowed." for k in repeated]


def _excess(instance: OrienteeringInstance, solution: Tour) -> list[str]:
    length = path_length(instance.travel, path(instance, solution))
    if length <= instance.limit:
        return []
    return [f"the length {length:.12g} exceeds the budget {instance.budget:.12g} by {length - instance.budget:.6g}."]
