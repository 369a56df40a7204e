"""Promises of the genetic search for the CVRP: moves, splits, crossover, populations, and what they come to together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import redwood
from redwood.arrays import Array
from redwood.budget import Iterations
from redwood.kernels import random_state
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.problem import CVRP
from redwood.solver import Run
from redwood.solvers.local_search.cvrp_draft import Draft, Sites, fill_draft, make_draft, make_sites
from redwood.solvers.local_search.cvrp_genetic import breed
from redwood.solvers.local_search.cvrp_moves import improve
from redwood.solvers.local_search.cvrp_population import evolve
from redwood.solvers.local_search.cvrp_split import cross_tours, split_tour
from redwood.solvers.local_search.cvrp_table import (
    BEST,
    FEASIBLE,
    FEWEST,
    FREE,
    GENERATION,
    OVERLOADED,
    Population,
    difference,
    make_population,
)

PROBLEM = CVRP()


def generated(size: int, seed: int = 0, vehicles: int | None = None) -> CVRPInstance:
    """Return a generated instance."""
    drawn = PROBLEM.generate(size, np.random.default_rng(seed))
    return PROBLEM.make(coords=drawn.travel.coords, demands=drawn.demands, capacity=drawn.capacity, vehicles=vehicles)


def grown(instance: CVRPInstance, individuals: int, seed: int = 0) -> tuple[Sites, Population]:
    """Return a population after so many individuals."""
    sites = make_sites(instance, 0)
    population = make_population(sites)
    evolve(sites, make_draft(sites), population, random_state(np.random.default_rng(seed)), individuals)
    return sites, population


def routes_of(sites: Sites, draft: Draft) -> list[list[int]]:
    """Return the routes along the rings of a draft, after checking what it says of each stop and route."""
    routes = []
    for r in range(sites.fleet):
        end = sites.size + 1 + r
        route, stop, load = [], int(draft.after[end]), 0.0
        while stop != end:
            assert draft.before[draft.after[stop]] == stop
            load += sites.demand[stop]
            route.append(stop)
            assert (draft.route[stop], draft.place[stop], draft.carried[stop]) == (r, len(route), pytest.approx(load))
            stop = int(draft.after[stop])
        assert draft.load[r] == pytest.approx(load)
        assert draft.members[r] == len(route)
        routes.append(route)
    return routes


def penalised(sites: Sites, routes: list[list[int]], penalty: float) -> float:
    """Return the length of routes and the penalty for what they carry above the limit."""
    total = 0.0
    for route in routes:
        total += sum(sites.distance[i, j] for i, j in itertools.pairwise([0, *route, 0]))
        total += penalty * max(0.0, float(sites.demand[route].sum()) - sites.limit)
    return total


@pytest.mark.parametrize("penalty", [0.001, 1.0, 100.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_descent_shortens_routes_and_keeps_them_whole(seed: int, penalty: float) -> None:
    """From random routes, overloaded ones too, a descent leads to cheaper ones that serve everybody once."""
    instance = generated(40, seed)
    sites = make_sites(instance, 0)
    draft, rng = make_draft(sites), np.random.default_rng(seed)
    tour = (1 + rng.permutation(40)).astype(np.int32)
    starts = np.sort(np.append(rng.integers(0, 41, sites.fleet - 1), [0, 40]))
    fill_draft(sites, draft, tour, starts, penalty)
    before = penalised(sites, routes_of(sites, draft), penalty)
    improve(sites, draft, penalty, random_state(rng))
    routes = routes_of(sites, draft)
    assert sorted(itertools.chain(*routes)) == list(range(1, 41))
    first = penalised(sites, routes, penalty)
    assert first < before
    fill_draft(sites, draft, np.array([*itertools.chain(*routes)], np.int32), np.cumsum([0, *map(len, routes)]), penalty)
    improve(sites, draft, penalty, random_state(rng))
    assert penalised(sites, routes_of(sites, draft), penalty) <= first + 1e-9


def best_split(sites: Sites, tour: Array, penalty: float) -> float:
    """Return the least cost over all ways to cut a tour into at most so many routes as there are."""
    best = np.inf
    for cuts in range(min(sites.fleet, len(tour))):
        for places in itertools.combinations(range(1, len(tour)), cuts):
            routes = [part.tolist() for part in np.split(tour, places)]
            best = min(best, penalised(sites, routes, penalty))
    return best


@pytest.mark.parametrize("vehicles", [None, 2])
@pytest.mark.parametrize("seed", range(4))
def test_a_split_is_the_best_of_all_cuts(seed: int, vehicles: int | None) -> None:
    """Where overload is dear, a tour of eight customers is cut as enumeration says, with few vehicles too."""
    drawn = generated(8, seed)
    instance = PROBLEM.make(
        coords=drawn.travel.coords, demands=drawn.demands, capacity=drawn.demands.sum() / 1.9, vehicles=vehicles
    )
    sites = make_sites(instance, 0)
    tour, population = (1 + np.random.default_rng(seed).permutation(8)).astype(np.int32), make_population(sites)
    split_tour(sites, tour, 1000.0, population.costs, population.begins, population.starts)
    assert population.starts[0] == 0
    routes = [part.tolist() for part in np.split(tour, population.starts[1:-1])]
    assert penalised(sites, routes, 1000.0) == pytest.approx(best_split(sites, tour, 1000.0))


@pytest.mark.parametrize("seed", range(20))
def test_a_child_has_a_part_of_one_parent_and_the_order_of_the_other(seed: int) -> None:
    """A child serves everybody once; outside of a part of the first tour customers follow as in the second."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 12))
    first, second = ((1 + rng.permutation(size)).astype(np.int32) for _ in range(2))
    child = np.zeros(size, dtype=np.int32)
    cross_tours(first, second, child, np.zeros(size + 1, dtype=np.bool_), random_state(rng))
    assert sorted(child) == list(range(1, size + 1))
    ways = []
    for start, length in itertools.product(range(size), range(1, size + 1)):
        inside = (start + np.arange(length)) % size
        outside = (start + length + np.arange(size - length)) % size
        rest = [c for c in np.roll(second, -(start + length)) if c not in first[inside]]
        ways.append((child[inside] == first[inside]).all() and child[outside].tolist() == rest)
    assert any(ways)


def test_routes_driven_backwards_are_no_other_routes() -> None:
    """The difference of routes to themselves in the other direction is 0, and of 1-2 / 3 to 1 / 2-3 a third."""
    sites = make_sites(PROBLEM.make(coords=np.eye(4, 2), demands=[0, 1, 1, 1], capacity=3), 0)
    population = make_population(sites)
    for entry, (after, before) in enumerate([([2, 0, 0], [0, 1, 0]), ([0, 1, 0], [2, 0, 0]), ([0, 3, 0], [0, 0, 2])]):
        population.after[entry, 1:], population.before[entry, 1:] = after, before
    assert difference(population, 0, 1) == 0.0
    assert difference(population, 0, 2) == pytest.approx(1 / 3)


def test_a_population_stays_small_and_keeps_its_best() -> None:
    """However many individuals are made, neither kind grows beyond a generation, and the best routes are among them."""
    _, population = grown(generated(20), 400)
    for kind in (FEASIBLE, OVERLOADED):
        assert (population.kind == kind).sum() <= FEWEST + GENERATION
    assert population.length[population.kind == FEASIBLE].min() == pytest.approx(population.values[BEST])
    assert (population.overload[population.kind == FEASIBLE] == 0.0).all()
    assert (population.kind == FREE).any()


def optimum(instance: CVRPInstance) -> float:
    """Return the least length over all sets of customers that fit into a vehicle, each driven in its best order."""
    size, distance = instance.size, instance.travel.full()
    cost = {0: 0.0}
    for subset in range(1, 1 << size):
        members = [c for c in range(1, size + 1) if subset >> (c - 1) & 1]
        if instance.demands[members].sum() <= instance.limit:
            orders = itertools.permutations(members)
            cost[subset] = min(sum(distance[i, j] for i, j in itertools.pairwise([0, *order, 0])) for order in orders)
    best = [0.0] + [np.inf] * ((1 << size) - 1)
    for subset in range(1, 1 << size):
        part = subset
        while part:
            if part in cost:
                best[subset] = min(best[subset], cost[part] + best[subset ^ part])
            part = (part - 1) & subset
    return float(best[-1])


@pytest.mark.parametrize("seed", range(4))
def test_seven_customers_are_solved_to_the_optimum(seed: int) -> None:
    """The best routes of a population of seven customers are those that enumeration gives."""
    instance = generated(7, seed)
    assert grown(instance, 150, seed)[1].values[BEST] == pytest.approx(optimum(instance))


def bred(instance: CVRPInstance, iterations: int, threads: int = 1) -> Run:
    """Return the run of a genetic search without a start."""
    run = Run(PROBLEM, instance, budget=Iterations(iterations), threads=threads)
    breed(instance, run, [])
    return run


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_of_so_many_iterations_repeat(threads: int) -> None:
    """By iterations a run is the same each time, on several threads too, and uses up its iterations and no more."""
    instance = generated(30, seed=2)
    first, again = (bred(instance, 12_001, threads) for _ in range(2))
    assert isinstance(first.best, Routes)
    assert isinstance(again.best, Routes)
    assert first.best.routes == again.best.routes
    assert first.iterations == again.iterations == 12_001


def test_a_tight_fleet_is_kept() -> None:
    """With the fewest vehicles that can do, routes are found that need no more."""
    free = generated(40, seed=3)
    run = bred(generated(40, seed=3, vehicles=free.fewest), 40 * 400)
    assert isinstance(run.best, Routes)
    assert len(run.best.routes) <= free.fewest


def test_customers_at_one_place_are_served() -> None:
    """Where all distances are 0, customers still go to vehicles that can carry them."""
    instance = PROBLEM.make(coords=np.zeros((9, 2)), demands=[0, *[2] * 8], capacity=5)
    assert bred(instance, 8 * 200).objective == 0.0


def test_annealing_is_followed_by_a_genetic_search() -> None:
    """A budget that is large enough ends at routes that are no longer than those of annealing with its share of it."""
    instance = generated(20, seed=1)
    alone = redwood.solve(instance, "local-search", iterations=3_100, bound_time_limit=0)
    both = redwood.solve(instance, "local-search", iterations=15_500, bound_time_limit=0)
    assert both.objective <= alone.objective + 1e-9
