"""Edge assembly crossover by its own rules: AB-cycles, offspring that are tours, results that do not depend on threads."""

import math

import numpy as np
import pytest

import redwood
from redwood.budget import Iterations
from redwood.problems.routing.travel import Metric, Travel
from redwood.problems.tsp.greedy_edges import candidate_lengths
from redwood.problems.tsp.instance import TSPInstance
from redwood.problems.tsp.problem import TSP
from redwood.solver import Run
from redwood.solvers.local_search.tsp import TSPLocalSearch
from redwood.solvers.local_search.tsp_candidates import candidate_nodes
from redwood.solvers.local_search.tsp_cycles_kernels import exchange, find_cycles, take_back
from redwood.solvers.local_search.tsp_population import Population, make_crossing

ENOUGH = 60_000
"""Iterations that allow populations of the sizes tested here."""


def grid(size, seed=0, side=30):
    """Return rounded distances of points on a small grid, where many are the same."""
    places = np.random.default_rng(seed).permutation(side * side)[:size]
    return Travel(Metric.EUC_2D, np.stack([places // side, places % side], axis=1).astype(float))


def room(travel, neighbours=6):
    """Return room to cross tours of these places."""
    nearest = candidate_nodes(travel, neighbours)
    crossing = make_crossing(travel, nearest, candidate_lengths(travel, nearest))
    crossing.random[:] = [7, 11]
    return crossing


def positions(order):
    """Return where each node stands in a tour."""
    place = np.empty_like(order)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place


def edges(order):
    """Return a tour's edges."""
    return {frozenset(edge) for edge in zip(order.tolist(), np.roll(order, -1).tolist(), strict=True)}


def length(travel, order):
    """Return the length of a tour."""
    return float(travel.between(order, np.roll(order, -1)).sum())


@pytest.mark.parametrize("size", [5, 9, 40, 200])
def test_cycles_split_the_edges_in_which_two_tours_differ(size):
    """AB-cycles take edges of A and B in turn; together they hold each edge that only one of the tours has, once."""
    rng = np.random.default_rng(size)
    travel = grid(size)
    a, b = (rng.permutation(size).astype(np.int32) for _ in range(2))
    crossing = room(travel, min(6, size - 1))
    count = find_cycles(crossing, a, positions(a), b, positions(b))
    taken, put = [], []
    for cycle in range(count):
        nodes = crossing.cycles[crossing.starts[cycle] : crossing.starts[cycle + 1]].tolist()
        ring = [frozenset(edge) for edge in zip(nodes, nodes[1:] + nodes[:1], strict=True)]
        taken += ring[::2]
        put += ring[1::2]
    assert len(taken) == len(set(taken))
    assert set(taken) == edges(a) - edges(b)
    assert len(put) == len(set(put))
    assert set(put) == edges(b) - edges(a)


@pytest.mark.parametrize("seed", range(4))
def test_every_offspring_is_a_tour_as_long_as_its_gain_says(seed):
    """Each AB-cycle gives one closed tour of all places, shorter by the gain; afterwards A stands as it stood."""
    rng = np.random.default_rng(seed)
    travel = grid(60, seed)
    a, b = (rng.permutation(60).astype(np.int32) for _ in range(2))
    crossing = room(travel)
    tours = 0
    for cycle in range(find_cycles(crossing, a, positions(a), b, positions(b))):
        before = crossing.adjacent.copy()
        gain, logged, _ = exchange(crossing, a, positions(a), cycle)
        if math.isfinite(gain):
            tours += 1
            previous, node, walk = -1, 0, []
            while len(walk) < 60 and (not walk or node != 0):
                walk.append(node)
                left, right = crossing.adjacent[node].tolist()
                previous, node = node, left if left != previous else right
            assert sorted(walk) == list(range(60))
            assert node == 0
            assert length(travel, np.array(walk)) == pytest.approx(length(travel, a) - gain)
        take_back(crossing, logged)
        assert np.array_equal(crossing.adjacent, before)
    assert tours > 0


def test_generations_never_lengthen_a_tour_and_keep_account():
    """Lengths that a population keeps are those of its tours, and none grows."""
    travel = grid(80)
    rng = np.random.default_rng(0)
    orders = np.stack([rng.permutation(80) for _ in range(12)]).astype(np.int32)
    before = np.array([length(travel, order) for order in orders])
    population = Population([room(travel)], orders, before.copy(), 1e-9, rng)
    for _ in range(5):
        population.generation(lambda: False, lambda: 0.0, None)
    after = np.array([length(travel, order) for order in population.orders])
    assert population.lengths == pytest.approx(after)
    assert (after <= before + 1e-6).all()
    assert after.sum() < before.sum()
    assert (np.sort(population.orders, axis=1) == np.arange(80)).all()


def solved(instance, threads=1, iterations=ENOUGH, **options):
    """Return the run of a search under a limit on iterations."""
    problem = TSP()
    run = Run(problem, instance, budget=Iterations(iterations), seed=3, threads=threads)
    TSPLocalSearch(**options).run(problem, instance, run)
    return run


def test_threads_change_nothing_under_a_limit_on_iterations():
    """Populations on one, two and three threads end at the same tour after the same number of iterations."""
    instance = TSPInstance(travel=grid(150))
    runs = [solved(instance, threads) for threads in (1, 2, 3)]
    assert len({run.best.tour.tobytes() for run in runs}) == 1
    assert len({run.iterations for run in runs}) == 1


def test_populations_find_what_perturbation_does_not():
    """On a grid with many equal distances, the same iterations with populations give a tour no longer than without."""
    instance = TSPInstance(travel=grid(250, seed=5, side=16))
    assert solved(instance).objective <= solved(instance, population=0).objective


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_scale_of_lengths_does_not_matter(scale):
    """Populations end, and find the same tour, whether distances are tiny or huge."""
    coords = np.random.default_rng(2).integers(0, 40, (60, 2)).astype(float)
    plain = solved(TSP().make(coords=coords)).objective
    assert solved(TSP().make(coords=coords * scale)).objective == pytest.approx(plain * scale, rel=1e-9)


def test_equal_distances_end_at_once():
    """Where every tour is as long as any other, nothing is crossed for ever."""
    matrix = np.ones((30, 30)) - np.eye(30)
    assert solved(TSP().make(matrix=matrix)).objective == pytest.approx(30.0)


def test_nine_to_thirty_places_keep_a_limit_on_iterations():
    """Small instances, with and without a population, stop at the limit or within one generation of it."""
    for size in (9, 12, 30):
        run = solved(redwood.generate("tsp", size, seed=1), iterations=30_000)
        assert 30_000 <= run.iterations <= 30_000 + 300 * 40
