"""Promises of ruin and recreate for the CVRP, and of the kernels below it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import redwood
from redwood.budget import Iterations, Seconds
from redwood.errors import OptionError
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.local import CVRPLocal
from redwood.problems.cvrp.plan import make_ground, make_plan
from redwood.problems.cvrp.problem import CVRP
from redwood.solver import Answer, Run
from redwood.solvers.local_search import cvrp
from redwood.solvers.local_search.cvrp import CVRPLocalSearch
from redwood.solvers.local_search.cvrp_pool import RoutePool

PROBLEM = CVRP()


def search(instance: CVRPInstance, iterations: int, seed: int = 0, initial: Routes | None = None) -> Run:
    """Return the run of a search over some iterations."""
    run = Run(PROBLEM, instance, budget=Iterations(iterations), seed=seed, initial=initial)
    answer = CVRPLocalSearch().run(PROBLEM, instance, run)
    assert isinstance(answer, Answer)
    return run


def generated(size: int, seed: int = 0, **options: Any) -> CVRPInstance:
    """Return a generated instance."""
    return PROBLEM.generate(size, np.random.default_rng(seed), **options)


def optimum(instance: CVRPInstance) -> float:
    """Return the least length over all orders of the customers, each cut into routes in the best way."""
    distance = instance.travel.full()
    best = np.inf
    for order in itertools.permutations(range(1, instance.size + 1)):
        costs = [0.0] + [np.inf] * instance.size
        for begin in range(instance.size):
            load, length, previous = 0, 0.0, 0
            for end in range(begin, instance.size):
                load += instance.demands[order[end]]
                if load > instance.capacity:
                    break
                length += distance[previous, order[end]]
                previous = order[end]
                costs[end + 1] = min(costs[end + 1], costs[begin] + length + distance[previous, 0])
        best = min(best, costs[-1])
    return float(best)


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_optimum_of_small_instances(seed: int) -> None:
    """Six customers are solved to the optimum that enumeration gives."""
    instance = generated(6, seed)
    assert search(instance, 2000, seed).objective == pytest.approx(optimum(instance))


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize("variant", CVRP.variants)
def test_any_size_is_served(size: int, variant: str) -> None:
    """Routes are feasible for one customer as for many (a run that reports others raises)."""
    assert search(generated(size, variant=variant), 200).best is not None


def test_same_seed_and_iterations_give_the_same_routes() -> None:
    """Iteration budgets make runs repeatable, and the seed matters."""
    instance = generated(60)
    first, again, other = (search(instance, 3000, seed) for seed in (1, 1, 2))
    assert first.best is not None
    assert again.best is not None
    assert other.best is not None
    assert first.best.to_dict() == again.best.to_dict() != other.best.to_dict()


def test_several_annealings_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Annealings in turn use up the iterations that were given, no more, and end at least as well as the first alone."""
    instance = generated(60)
    alone = search(instance, 751)
    monkeypatch.setattr(cvrp, "PAIR_ITERATIONS", 3001 / (4 * 60**2))  # few enough for four of them
    run = search(instance, 3001)
    assert run.iterations == 3001
    assert run.objective is not None
    assert alone.objective is not None
    assert run.objective <= alone.objective
    again = search(instance, 3001)
    assert again.objective == run.objective


def test_a_last_descent_leaves_no_move_of_the_local_search() -> None:
    """After a search that is too short to settle, neither relocate, swap, 2-opt*, 2-opt nor SWAP* improves its routes."""
    instance = generated(80, seed=4)
    routes = search(instance, 1).best
    assert isinstance(routes, Routes)
    local = CVRPLocal(instance)
    state = local.state(routes)
    local.descend(state)
    assert PROBLEM.objective(instance, local.solution(state)) == pytest.approx(PROBLEM.objective(instance, routes))


def test_never_worse_than_the_start() -> None:
    """An initial solution is kept where nothing better is found, and improved where something is."""
    instance = generated(40)
    start = search(instance, 5000).best
    assert isinstance(start, Routes)
    objective = PROBLEM.objective(instance, start)
    assert (search(instance, 1, seed=5, initial=start).objective or np.inf) <= objective
    poor = Routes([[customer] for customer in range(1, 41)])
    assert (search(instance, 500, initial=poor).objective or np.inf) < PROBLEM.objective(instance, poor)


def test_number_of_vehicles_is_kept() -> None:
    """With the fewest vehicles that can do, routes stay within their number and are improved."""
    free = generated(40, seed=3)
    instance = PROBLEM.make(
        coords=free.travel.coords, demands=free.demands, capacity=free.capacity, vehicles=free.fewest, name="tight"
    )
    run = search(instance, 5000)
    assert isinstance(run.best, Routes)
    assert len(run.best.routes) <= free.fewest
    assert len(run.trajectory) > 1


def test_says_when_no_routes_are_found() -> None:
    """Where demands cannot be packed, which no simple rule shows, there is no solution and a sentence says so."""
    instance = PROBLEM.make(coords=np.eye(5, 2), demands=[0, 4, 4, 4, 3], capacity=8, vehicles=2)
    assert search(instance, 300).best is not None
    tight = PROBLEM.make(coords=np.eye(6, 2), demands=[0, 3, 3, 3, 3, 3], capacity=8, vehicles=2)
    run = Run(PROBLEM, tight, budget=Iterations(300))
    answer = CVRPLocalSearch().run(PROBLEM, tight, run)
    assert answer.solution is None
    assert "2 vehicles" in answer.message


def test_explicit_matrices() -> None:
    """Distances may come as a matrix without coordinates."""
    matrix = np.abs(np.subtract.outer(np.arange(12.0), np.arange(12.0)))
    instance = PROBLEM.make(matrix=matrix, demands=[0] + [1] * 11, capacity=11)
    assert search(instance, 500).objective == 22


def test_fractional_demands() -> None:
    """Demands as shares of the capacity are packed to the brim."""
    instance = PROBLEM.make(coords=np.random.default_rng(0).random((11, 2)), demands=[0.0] + [0.1] * 10, capacity=1.0)
    run = search(instance, 500)
    assert isinstance(run.best, Routes)
    assert len(run.best.routes) == 1


def test_customers_at_one_place() -> None:
    """Distances of zero, and zero demands, do no harm."""
    instance = PROBLEM.make(coords=np.zeros((20, 2)), demands=[0] * 20, capacity=1)
    assert search(instance, 200).objective == 0


def test_time_limit_ends_the_run() -> None:
    """A run in seconds ends by itself and gives routes."""
    instance = generated(200)
    run = Run(PROBLEM, instance, budget=Seconds(0.2))
    CVRPLocalSearch().prepare(PROBLEM, instance)
    run.start_clock()
    CVRPLocalSearch().run(PROBLEM, instance, run)
    assert run.best is not None
    assert run.iterations > 0


def test_options_out_of_range_are_refused() -> None:
    """No neighbours are an error."""
    with pytest.raises(OptionError, match="neighbours 0"):
        CVRPLocalSearch(neighbours=0)


@pytest.mark.parametrize("size", [5, 120])
def test_undoing_restores_every_array(size: int) -> None:
    """Iterations that are all rejected leave the plan as it was, and lengths agree with their sum over the routes."""
    from redwood.kernels import random_state
    from redwood.problems.cvrp.plan import make_ground, make_plan, plan_routes, total_length
    from redwood.problems.cvrp.savings import savings_routes
    from redwood.solvers.local_search.cvrp_kernels import anneal
    from redwood.solvers.local_search.cvrp_ruin import Strings
    from redwood.solvers.local_search.cvrp_search import CURRENT, TEMPERATURE, make_search

    instance = generated(size)
    ground = make_ground(instance, 60)
    plan = make_plan(instance, ground, savings_routes(ground))
    memory = make_search(ground, plan, total_length(plan, size), np.full(size + 1, 100.0))
    state = random_state(np.random.default_rng(0))
    strings = Strings(10.0, 10.0, 0.5, 0.01, 0.01)
    memory.values[TEMPERATURE] = 1.0
    anneal(plan, ground, memory, strings, state, 500)
    routes = plan_routes(plan.after, size)
    assert PROBLEM.violations(instance, routes) == []
    assert memory.values[CURRENT] == pytest.approx(PROBLEM.objective(instance, routes))
    before = [plan.after.copy(), plan.before.copy(), plan.route.copy(), plan.leg.copy(), plan.load.copy()]
    memory.values[TEMPERATURE] = -1e9  # nothing is good enough
    anneal(plan, ground, memory, strings, state, 500)
    for old, new in zip(before, (plan.after, plan.before, plan.route, plan.leg, plan.load), strict=True):
        np.testing.assert_allclose(old, new, atol=1e-9)


def test_the_pool_combines_routes_of_different_plans():
    """Of two plans, each good in one half, the choice among their routes takes the good half of each."""
    coords = [[0, 0], [1, 10], [2, 10], [1, -10], [2, -10]]
    instance = redwood.instance("cvrp", coords=coords, demands=[0, 1, 1, 1, 1], capacity=2)
    ground, pool = make_ground(instance, 60), RoutePool(instance)
    for routes in ([[1, 2], [3], [4]], [[1], [2], [3, 4]]):
        pool.add(make_plan(instance, ground, routes))
    assert sorted(map(sorted, pool.best(5.0, []))) == [[1, 2], [3, 4]]


def test_a_time_limit_ends_with_a_choice_among_the_routes_met():
    """Within a time limit of seconds, where the pool is in use, everybody is served, and nothing is worse than savings."""
    instance = redwood.generate("cvrp", 30, seed=5)
    greedy = redwood.solve(instance, "greedy", bound_time_limit=0)
    timed = redwood.solve(instance, "local-search", time_limit=2.1, bound_time_limit=0)
    assert timed.status == "feasible"
    assert timed.objective <= greedy.objective * (1 + 1e-9)
