"""Promises of the CVRP's views: bounds that hold, a model that is exact, moves whose price is right."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redwood.problems.cvrp.bound import CVRPBound
from redwood.problems.cvrp.combinatorial import radial_bound, shortest_ways, tree_bound
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.linear import CVRPLinear
from redwood.problems.cvrp.local import CVRPLocal
from redwood.problems.cvrp.packing import packed_routes, random_routes
from redwood.problems.cvrp.plan import make_ground, make_plan, plan_routes, total_length
from redwood.problems.cvrp.problem import CVRP
from redwood.problems.cvrp.relaxation import Relaxation
from redwood.problems.cvrp.swap_star import swap_star
from redwood.problems.routing.capacity_cuts import CutSets, vehicles_needed, violated_sets
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local

PROBLEM = CVRP()


class Forever:
    """A clock that never stops."""

    seconds_left = math.inf

    def stops(self) -> bool:
        return False


class Stopped(Forever):
    """A clock that has stopped."""

    seconds_left = 0.0

    def stops(self) -> bool:
        return True


def generated(size: int, seed: int = 0, **options: Any) -> CVRPInstance:
    """Return a generated instance."""
    return PROBLEM.generate(size, np.random.default_rng(seed), **options)


def all_solutions(instance: CVRPInstance) -> list[Routes]:
    """Return every partition of up to six customers into feasible routes, in every order."""
    found = []
    for order in itertools.permutations(range(1, instance.size + 1)):
        for cuts in itertools.product([False, True], repeat=instance.size - 1):
            routes: list[list[int]] = [[order[0]]]
            for customer, cut in zip(order[1:], cuts, strict=True):
                routes.append([customer]) if cut else routes[-1].append(customer)
            if not PROBLEM.violations(instance, Routes(routes)):
                found.append(Routes(routes))
    return found


@pytest.fixture(scope="module")
def small() -> tuple[CVRPInstance, list[Routes], float]:
    """Five customers with rounded distances, all solutions, and the optimum."""
    instance = generated(5, seed=2, variant="xml100", demands="large-varied", route_length="very-short")
    solutions = all_solutions(instance)
    return instance, solutions, min(PROBLEM.objective(instance, routes) for routes in solutions)


def test_views_are_offered() -> None:
    """The problem hands out its three views."""
    instance = generated(5)
    for kind, made in ((Bound, CVRPBound), (Linear, CVRPLinear), (Local, CVRPLocal)):
        assert isinstance(PROBLEM.view(kind, instance), made)  # type: ignore[type-abstract]


def test_bounds_hold(small: tuple[CVRPInstance, list[Routes], float]) -> None:
    """No bound exceeds the optimum, with time and without."""
    instance, _, optimum = small
    for clock in (Forever(), Stopped()):
        found = CVRPBound(instance).bound(clock)
        assert 0 < found.value <= optimum
    assert tree_bound(instance) <= optimum
    assert radial_bound(instance) <= optimum


@pytest.mark.parametrize("size", [1, 2, 3])
def test_bounds_of_tiny_instances(size: int) -> None:
    """One, two or three customers with room for all in one route are bounded by the tour."""
    instance = generated(size, variant="xml100", demands="unitary", capacity=5)
    best = min(PROBLEM.objective(instance, Routes([list(p)])) for p in itertools.permutations(range(1, size + 1)))
    assert 0 < CVRPBound(instance).bound(Forever()).value <= best


def test_radial_bound_needs_no_triangle_inequality() -> None:
    """Where a detour is shorter than the direct way, the bound takes the detour."""
    matrix = np.array([[0.0, 1.0, 10.0], [1.0, 0.0, 1.0], [10.0, 1.0, 0.0]])
    instance = PROBLEM.make(matrix=matrix, demands=[0, 1, 1], capacity=2)
    assert shortest_ways(instance.travel.arrays, 3).tolist() == [0, 1, 2]
    assert radial_bound(instance) == 3.0


def test_any_duals_prove_a_bound(small: tuple[CVRPInstance, list[Routes], float]) -> None:
    """The bound holds for whatever duals, not only for those of an optimal basis."""
    instance, _, optimum = small
    relaxation = Relaxation(instance, instance.size)
    assert relaxation.solve(10.0)
    rng = np.random.default_rng(0)
    for _ in range(50):
        relaxation.duals = rng.normal(size=len(relaxation.lower)) * optimum
        assert relaxation.bound() <= optimum


def test_vehicles_needed_by_hand() -> None:
    """A set needs its demand over the capacity, rounded up, and a vehicle for each customer above half of it."""
    demand = np.array([0.0, 6.0, 6.0, 1.0, 0.0])
    members = np.array([[0, 1, 1, 0, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 1], [0, 1, 1, 1, 0]], dtype=bool)
    assert vehicles_needed(members, demand, 10.0).tolist() == [2, 1, 1, 2]


def test_separation_finds_a_subtour() -> None:
    """A cycle that misses the depot is found as a violated set."""
    from redwood.kernels import random_state

    tails, heads, values = np.array([0, 1, 1, 2]), np.array([4, 2, 3, 3]), np.array([2.0, 1.0, 1.0, 1.0])
    demand = np.array([0.0, 1.0, 1.0, 1.0, 1.0])
    sets = violated_sets(tails, heads, values, demand, 10.0, random_state(np.random.default_rng(0)))
    assert [0, 1, 1, 1, 0] in sets.members.astype(int).tolist()
    assert len(sets.joined(sets).needed) == len(sets.needed)
    assert len(CutSets.none(5).joined(sets).needed) == len(sets.needed)


def test_rows_cut_off_no_solution(small: tuple[CVRPInstance, list[Routes], float]) -> None:
    """Feasible routes become edge values and back, satisfy the model's rows, and need no further row."""
    instance, solutions, _ = small
    view = CVRPLinear(instance)
    view.model()
    for routes in solutions[::7]:
        values = view.start(routes)
        assert values is not None
        assert view.separate(values, integral=True) is None
        again = view.solution(values)
        assert PROBLEM.violations(instance, again) == []
        assert PROBLEM.objective(instance, again) == PROBLEM.objective(instance, routes)


def test_overloaded_routes_are_separated(small: tuple[CVRPInstance, list[Routes], float]) -> None:
    """Integral values of one route for everybody violate a row."""
    instance, _, _ = small
    view = CVRPLinear(instance)
    values = view.start(Routes([[1, 2, 3, 4, 5]]))
    assert values is not None
    rows = view.separate(values, integral=True)
    assert rows is not None
    for row in range(len(rows.lower)):
        entries = slice(rows.starts[row], rows.starts[row + 1])
        assert rows.values[entries] @ values[rows.columns[entries]] < rows.lower[row]


def test_incumbents_leave_the_optimum_in(small: tuple[CVRPInstance, list[Routes], float]) -> None:
    """With an incumbent, edges are left out, and the best solution stays unless the incumbent is as good."""
    instance, solutions, optimum = small
    best = next(routes for routes in solutions if PROBLEM.objective(instance, routes) == optimum)
    view = CVRPLinear(instance)
    model = view.model(incumbent=1.02 * optimum + 1)
    assert len(view.variables(model)) <= 15
    assert view.start(best) is not None


def test_highs_proves_small_instances(small: tuple[CVRPInstance, list[Routes], float]) -> None:
    """The model solved in rounds gives the optimum of enumeration, proven."""
    from redwood.budget import Seconds
    from redwood.solver import Run
    from redwood.solvers.mip.highs import HiGHS

    instance, _, optimum = small
    solver = HiGHS()
    solver.prepare(PROBLEM, instance)  # compiles, which may take longer than solving
    run = Run(PROBLEM, instance, budget=Seconds(60))
    assert solver.run(PROBLEM, instance, run).proven
    assert run.objective == optimum


@pytest.mark.parametrize(("size", "tight"), [(1, False), (2, False), (7, True), (40, True), (40, False)])
def test_moves_are_priced_right(size: int, tight: bool) -> None:
    """Every proposed move keeps the routes feasible and changes the length by what was said."""
    instance = generated(size, seed=size)
    if tight:
        instance = PROBLEM.make(
            coords=instance.travel.coords,
            demands=instance.demands,
            capacity=instance.capacity,
            vehicles=instance.fewest + 1,
        )
    view, rng = CVRPLocal(instance), np.random.default_rng(0)
    for state in (view.initial(rng), view.construct(rng)):
        for _ in range(150):
            proposed = view.propose(state, rng)
            if proposed is None:
                continue
            before = view.objective(state)
            view.apply(state, proposed[0])
            routes = view.solution(state)
            assert PROBLEM.violations(instance, routes) == []
            assert view.objective(state) == pytest.approx(PROBLEM.objective(instance, routes))
            assert view.objective(state) == pytest.approx(before + proposed[1])


def test_descent_ends_in_a_local_optimum() -> None:
    """Descent never makes routes longer, and afterwards no proposed move improves them."""
    instance = generated(40)
    view, rng = CVRPLocal(instance), np.random.default_rng(1)
    state = view.initial(rng)
    before = view.copy(state)
    view.descend(state)
    assert view.objective(state) < view.objective(before)
    assert view.objective(state) == pytest.approx(PROBLEM.objective(instance, view.solution(state)))
    for _ in range(500):
        proposed = view.propose(state, rng)
        assert proposed is None or proposed[1] > -1e-6


def test_perturbation_keeps_copies_apart() -> None:
    """A perturbed copy leaves the original as it was and is feasible."""
    instance = generated(30)
    view, rng = CVRPLocal(instance), np.random.default_rng(2)
    state = view.construct(rng)
    routes = view.solution(state)
    other = view.copy(state)
    view.perturb(other, rng)
    assert view.solution(state).routes == routes.routes
    assert PROBLEM.violations(instance, view.solution(other)) == []


def test_packing_uses_no_more_vehicles_than_there_are() -> None:
    """Random and packed routes fit into a tight fleet."""
    instance = PROBLEM.make(coords=np.eye(7, 2), demands=[0, 5, 4, 3, 3, 2, 3], capacity=10, vehicles=2)
    rng = np.random.default_rng(0)
    for routes in (packed_routes(instance, rng), random_routes(instance, rng)):
        assert PROBLEM.violations(instance, Routes(routes)) == []


def test_bounds_of_files_hold(data_folder: Path) -> None:
    """On files of A and P the bound is below the optimum by less than a tenth."""
    with (data_folder / "best_known.csv").open() as file:
        values = {row["file"]: row["value"] for row in csv.DictReader(file)}
    for name in ("cvrp/A/A-n32-k5.vrp", "cvrp/P/P-n40-k5.vrp"):
        instance = PROBLEM.read(data_folder / name)
        known = float(values[name])
        assert 0.9 * known < CVRPBound(instance).bound(Forever()).value <= known


@pytest.mark.parametrize("seed", range(4))
def test_swap_star_is_the_best_exchange_of_two_routes(seed: int) -> None:
    """SWAP* finds the gain of the best exchange of one customer of each route, each put anywhere, by enumeration."""
    rng = np.random.default_rng(seed)
    demands = np.array([0, 5, 6, 7, 4, 5, 8, 3, 6, 7])
    instance = PROBLEM.make(coords=rng.random((10, 2)), demands=demands, capacity=29)
    ground = make_ground(instance, 8)
    routes = [[1, 2, 3, 4, 5], [6, 7, 8, 9]]
    plan = make_plan(instance, ground, routes)
    length = total_length(plan, 9)
    best = 0.0
    for a, b in itertools.product(*routes):
        mine, theirs = [c for c in routes[0] if c != a], [c for c in routes[1] if c != b]
        for i, j in itertools.product(range(len(mine) + 1), range(len(theirs) + 1)):
            tried = Routes([[*mine[:i], b, *mine[i:]], [*theirs[:j], a, *theirs[j:]]])
            if not PROBLEM.violations(instance, tried):
                best = min(best, PROBLEM.objective(instance, tried) - length)
    change = swap_star(plan, ground, 0, 1)
    assert change == pytest.approx(best)
    assert PROBLEM.objective(instance, plan_routes(plan.after, 9)) == pytest.approx(length + change)
