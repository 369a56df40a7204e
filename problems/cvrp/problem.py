"""The capacitated vehicle routing problem: the authority on its instances, routes and lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.budget import Sense
from redwood.errors import InstanceError
from redwood.problem import Problem, frozen
from redwood.problems.cvrp import files, generators
from redwood.problems.cvrp.checks import check_feasible, routes_violations
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.repair_suggestions import repair_suggestions
from redwood.problems.routing.graph import graph_matrix
from redwood.problems.routing.travel import Metric, Travel, check_travel
from redwood.settings import whole
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local
from redwood.views.stepwise import Stepwise

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class CVRP(Problem[CVRPInstance, Routes]):
    """Find routes from the depot and back that serve every customer exactly once, at the least total length.

    Node 0 is the depot; customers are the nodes 1..N. No route may carry more than the capacity, and there may be
    at most ``vehicles`` routes where that number is given. Distances are symmetric. The objective is the sum of the
    distances along all routes, with the rounding convention of the instance.
    """

    name = "cvrp"
    measure = "customers"
    sense = Sense.MIN
    solution_type = Routes
    views: ClassVar = {
        Linear: "redwood.problems.cvrp.linear:CVRPLinear",
        Local: "redwood.problems.cvrp.local:CVRPLocal",
        Bound: "redwood.problems.cvrp.bound:CVRPBound",
        Stepwise: "redwood.problems.cvrp.stepwise:CVRPStepwise",
    }
    variants = generators.VARIANTS
    variants_tried = ("matrix", "fleet")
    suffix = ".vrp"
    solution_suffix = ".sol"

    def make(
        self,
        *,
        demands: Any = None,
        capacity: float,
        coords: Any = None,
        matrix: Any = None,
        graph: Any = None,
        vehicles: int | None = None,
        metric: str | Metric | None = None,
        name: str = "",
        best_known: float | None = None,
    ) -> CVRPInstance:
        """Return a validated instance whose node 0 is the depot.

        Parameters
        ----------
        demands
            Demand of each node [N + 1], the depot's 0; with a graph, by default, the node attribute ``demand``,
            0 where a node has none.
        capacity
            The most that one route may carry.
        coords, matrix, graph
            Coordinates [N + 1, 2], symmetric distances [N + 1, N + 1] (coordinates may come beside them, for pictures), or
            a complete networkx graph with the edge attribute ``weight``, whose first node is the depot.
        vehicles
            The largest number of routes, by default any.
        metric
            How distances follow from coordinates: ``EXACT`` (Euclidean, not rounded; the default), ``EUC_2D`` (rounded to
            the nearest integer), ``CEIL_2D``, ``ATT``, ``GEO``, ``MAN_2D`` or ``MAX_2D``, as in TSPLIB; see `Metric`.
        """
        if graph is not None:
            if matrix is not None:
                raise InstanceError("both a graph and a matrix are given; give one of them.")
            matrix = graph_matrix(graph)
            demands = [graph.nodes[node].get("demand", 0) for node in graph] if demands is None else demands
        travel = check_travel(coords, matrix, metric, symmetric=True)
        return self.assemble(travel, demands, capacity, vehicles=vehicles, name=name, best_known=best_known)

    def assemble(
        self,
        travel: Travel,
        demands: Any,
        capacity: Any,
        *,
        vehicles: int | None = None,
        name: str = "",
        best_known: float | None = None,
    ) -> CVRPInstance:
        """Return a validated instance from checked distances.

        Parameters
        ----------
        travel
            Distances between the depot, node 0, and the customers.
        demands
            Demands [N + 1], the depot's 0.
        capacity
            Largest load of a vehicle, in the unit of the demands.
        vehicles
            Most routes of a solution; ``None`` for any number.
        name
            Name of the instance in messages and tables.
        best_known
            Length of the best solution known; ``None`` where it is not.
        """
        instance = CVRPInstance(
            travel=travel,
            demands=_whole_if_possible(demands),
            capacity=capacity,
            vehicles=vehicles,
            name=name,
            best_known=best_known,
        )
        self.validate(instance)
        return instance

    def generate(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        variant: str = "uniform",
        capacity: int | None = None,
        depot: str = "random",
        customers: str = "random",
        demands: str = "small-varied",
        route_length: str = "medium",
    ) -> CVRPInstance:
        """Return a random instance with ``size`` customers.

        Parameters
        ----------
        variant
            ``uniform``: depot and customers uniform on the unit square, demands from 1 to 9, unrounded distances;
            ``clustered``: the same with customers around 3 to 8 centres; ``xml100``: whole coordinates up to 1000,
            rounded distances, and the four options below, as in the benchmarks X and XML100; ``matrix``: as ``uniform``
            with detours, by distances alone; ``fleet``: as ``uniform`` with a number of vehicles that is hardly enough.
        capacity
            By default 50 / 80 / 100 / 250 at 100 / 200 / 500 / 1000 customers, interpolated between
            (`generators.CAPACITIES`); for ``xml100`` what the route length asks for.
        depot
            ``xml100`` only: ``random``, ``centre`` or ``corner``.
        customers
            ``xml100`` only: ``random``, ``clustered`` or ``random-clustered``.
        demands
            ``xml100`` only: ``unitary``, ``small-varied``, ``small-even``, ``large-varied``, ``large-even``,
            ``quadrant`` or ``many-small``.
        route_length
            ``xml100`` only: ``very-short``, ``short``, ``medium``, ``long``, ``very-long`` or ``ultra-long``.
        """
        if size < 1:
            raise InstanceError(f"size {size} is below 1; a routing instance has at least one customer.")
        label = f"cvrp-{variant}-{size}"
        if generators.choose("variant", variant, dict.fromkeys(self.variants, variant)) == "xml100":
            places = generators.xml_coords(size, rng, depot, customers)
            amounts = generators.xml_demands(places, rng, demands)
            most = generators.xml_capacity(amounts, rng, route_length) if capacity is None else capacity
            return self.make(coords=places, demands=amounts, capacity=most, metric=Metric.EUC_2D, name=label)
        draw = generators.clustered_coords if variant == "clustered" else generators.uniform_coords
        amounts = np.concatenate([[0], rng.integers(1, 10, size=size)])
        most = generators.uniform_capacity(size) if capacity is None else capacity
        places = draw(size, rng)
        if variant == "matrix":
            return self.make(matrix=generators.detours(places, rng), demands=amounts, capacity=most, name=label)
        fleet = generators.packed(amounts[1:], whole("capacity", most, 1)) if variant == "fleet" else None
        return self.make(coords=places, demands=amounts, capacity=most, vehicles=fleet, name=label)

    def validate(self, instance: CVRPInstance) -> None:
        """Raise `InstanceError` where the data break a rule, or where it is plain that no routes can serve everyone."""
        check_feasible(instance)

    def objective(self, instance: CVRPInstance, solution: Routes) -> float:
        """Return the total length of the routes."""
        stops = [np.zeros(1, dtype=np.int64)]
        for route in solution.routes:
            stops += [np.asarray(route, dtype=np.int64), np.zeros(1, dtype=np.int64)]
        walk = np.concatenate(stops)
        return float(instance.travel.between(walk[:-1], walk[1:]).sum())

    def violations(self, instance: CVRPInstance, solution: Routes) -> list[str]:
        """Return the customers not served once, the overloaded routes, and routes beyond the number of vehicles."""
        return routes_violations(instance, solution)

    def repair_suggestions(self, instance: CVRPInstance, solution: Routes) -> list[str]:
        """Return which visits to drop, whom to move from overloaded routes, and where to put those who are missing."""
        return repair_suggestions(instance, solution)

    def parse(self, text: str, name: str, *, rounded: bool = True) -> CVRPInstance:
        """Return the instance of a VRPLIB ``.vrp`` text, with its own rounding convention unless ``rounded`` is false.

        Unrounded, Euclidean distances are taken as they are; the best known value, which assumes the rounding, is dropped.
        """
        return files.parse_instance(self, text, name, rounded)

    def format(self, instance: CVRPInstance) -> str:
        """Return a VRPLIB ``.vrp`` text."""
        return files.format_instance(instance)

    def parse_solution(self, text: str, instance: CVRPInstance) -> Routes:
        """Return the routes of a CVRPLIB ``.sol`` text; its cost line is not believed."""
        return files.parse_solution(text)

    def format_solution(self, instance: CVRPInstance, solution: Routes) -> str:
        """Return a CVRPLIB ``.sol`` text."""
        return files.format_solution(solution, self.objective(instance, solution))

    def plot(self, instance: CVRPInstance, solution: Routes | None, axes: Axes) -> None:
        """Draw customers, depot and routes, one colour a route with its load in the legend."""
        from redwood.problems.cvrp.picture import draw

        draw(instance, solution, axes)


def _whole_if_possible(demands: Any) -> Array:
    """Return demands as int64 where all are whole numbers, else as float64."""
    if demands is None:
        raise InstanceError("no demands are given; give demands= [N + 1], the first being the depot's 0.")
    try:
        array = np.asarray(demands, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"demands are not numbers: {error}.") from error
    whole = bool(np.all(np.abs(array) < 2**53)) and bool(np.all(array == np.rint(array)))
    return frozen(array, np.int64 if whole else np.float64)
