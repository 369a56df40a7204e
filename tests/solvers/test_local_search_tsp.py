"""The TSP local search against enumeration and against its own promises."""

import math

import numpy as np
import pytest

import redwood
from redwood.budget import Iterations, Seconds
from redwood.errors import OptionError
from redwood.problems.routing.travel import Metric
from redwood.problems.tsp.instance import Tour
from redwood.problems.tsp.problem import TSP
from redwood.solver import Run
from redwood.solvers.local_search.tsp import TSPLocalSearch


def solved(instance, iterations=200, seed=0, solver=None, initial=None):
    """Run the search on an instance; returns the run and the answer."""
    problem = TSP()
    run = Run(problem, instance, budget=Iterations(iterations), seed=seed, initial=initial)
    return run, (solver or TSPLocalSearch()).run(problem, instance, run)


def random_instance(size, seed=0, **data):
    """Return points on a grid of a thousand."""
    return TSP().make(coords=np.random.default_rng(seed).integers(0, 1000, (size, 2)).astype(float), **data)


def length(instance, tour):
    """Return the length of a tour."""
    return instance.travel.between(np.asarray(tour), np.roll(tour, -1)).sum()


@pytest.mark.parametrize("size", range(1, 14))
def test_tiny_instances_get_a_feasible_tour(size):
    """From one node on, every size gives a tour of all nodes."""
    instance = random_instance(size)
    run, answer = solved(instance)
    assert sorted(answer.solution.tour) == list(range(size))
    assert answer.proven == (size <= 8)
    assert run.objective == pytest.approx(length(instance, answer.solution.tour))


def test_nine_nodes_are_solved_as_enumeration_does():
    """The search finds what trying all tours finds."""
    from redwood.solvers.local_search.tsp_search import shortest_order

    for seed in range(5):
        instance = random_instance(9, seed)
        assert solved(instance)[0].objective == pytest.approx(length(instance, shortest_order(instance.travel)))


@pytest.mark.parametrize("metric", [metric for metric in Metric if metric is not Metric.EXPLICIT])
def test_every_metric_is_searched(metric):
    """Each convention of distances leads to a tour shorter than the order of the input."""
    coords = np.random.default_rng(1).random((60, 2)) * [80.0, 170.0]
    instance = TSP().make(coords=coords, metric=metric)
    assert solved(instance)[0].objective < 0.5 * length(instance, np.arange(60))


def test_matrix_without_coordinates_gives_the_same_tour_length():
    """A matrix of the same distances is searched as well as coordinates are."""
    instance = random_instance(60)
    matrix = TSP().make(matrix=instance.travel.full())
    assert solved(matrix, 2000)[0].objective == pytest.approx(solved(instance, 2000)[0].objective)


@pytest.mark.parametrize("places", [1, 2, 3, 5, 12])
def test_nodes_at_one_place_are_visited_together(places):
    """Many nodes at few places cost no more than the places alone."""
    few = np.random.default_rng(0).integers(0, 100, (places, 2)).astype(float)
    crowd = TSP().make(coords=few[np.random.default_rng(1).integers(0, places, 80)])
    alone = TSP().make(coords=np.unique(crowd.travel.coords, axis=0))
    run, answer = solved(crowd)
    assert sorted(answer.solution.tour) == list(range(80))
    assert run.objective == pytest.approx(solved(alone)[0].objective)


def test_same_seed_and_iterations_give_the_same_tour():
    """A run depends on the seed and the number of iterations only, however fast the machine is."""
    instance = random_instance(300)
    first, second = (solved(instance, 3000, seed=5)[1].solution.tour for _ in range(2))
    assert (first == second).all()


def test_size_of_bursts_does_not_matter():
    """Doing a hundred iterations at once or one by one leads to the same tour."""
    from redwood.solvers.local_search.tsp_search import Places, TourSearch

    tours = []
    for burst in (1, 7, 100):
        places = Places(random_instance(200).travel)
        search = TourSearch(places, 8, (8, 5, 5), np.random.default_rng(0))
        while not search.settled:
            search.descend(burst)
        for _ in range(700 // burst):
            search.iterate(burst)
        tours.append(search.tour())
    assert (tours[0] == tours[1]).all()
    assert (tours[0] == tours[2]).all()


def test_gains_add_up_to_the_length_of_the_tour():
    """What the kernels say they gained is what the tour became shorter by, undone perturbations included."""
    from redwood.solvers.local_search.tsp_search import Places, TourSearch

    instance = random_instance(400, metric="EUC_2D")
    search = TourSearch(Places(instance.travel), 8, (8, 5, 5, 5), np.random.default_rng(0))
    before, gained = length(instance, search.tour()), 0.0
    while not search.settled:
        gained += search.descend(50)
    gained += search.iterate(2000)
    assert length(instance, search.tour()) == before - gained
    assert sorted(search.tour()) == list(range(400))


def test_initial_tour_is_never_made_worse():
    """A search from a good tour ends at least as good."""
    instance = random_instance(120)
    good = solved(instance, 3000)[0]
    again = solved(instance, 50, seed=9, initial=Tour(np.roll(good.best.tour, 17)))[0]
    assert again.objective <= good.objective


def test_time_limit_holds():
    """A run in seconds ends by itself with a tour."""
    problem, instance = TSP(), random_instance(500)
    run = Run(problem, instance, budget=Seconds(0.2))
    assert TSPLocalSearch().run(problem, instance, run).solution is not None
    assert run.stops()


def test_batch_of_instances_has_an_answer_for_each():
    """`run_many` answers every instance."""
    problem = TSP()
    instances = [random_instance(size, size) for size in (4, 20, 50)]
    runs = [Run(problem, instance, budget=Iterations(50)) for instance in instances]
    answers = TSPLocalSearch().run_many(problem, instances, runs)
    assert [len(answer.solution.tour) for answer in answers] == [4, 20, 50]


@pytest.mark.parametrize("options", [{"neighbours": 1}, {"population": -1}])
def test_options_out_of_range_are_refused(options):
    """An option that makes no sense is an error that names it."""
    with pytest.raises(OptionError, match=next(iter(options))):
        TSPLocalSearch(**options)


def test_nodes_at_one_place_may_be_worth_two_visits():
    """Rounded distances break the triangle rule: between two nodes at one place a tour of 6 goes elsewhere, not one of 7."""
    coords = [(2, 3), (0, 1), (1, 2), (1, 2), (0, 0)]
    result = redwood.solve(redwood.instance("tsp", coords=coords, metric="EUC_2D"), "local-search", time_limit=1)
    assert (result.objective, str(result.status)) == (6, "optimal")


def test_merged_places_prove_nothing_where_the_triangle_rule_fails():
    """Nine nodes at three places of a rounded instance are solved, and nothing is claimed."""
    coords = [(0, 0), (1, 1), (2, 2)] * 3
    result = redwood.solve(
        redwood.instance("tsp", coords=coords, metric="EUC_2D"), "local-search", time_limit=0.3, bound_time_limit=0
    )
    assert str(result.status) == "feasible"
    exact = redwood.solve(redwood.instance("tsp", coords=coords), "local-search", time_limit=0.3, bound_time_limit=0)
    assert str(exact.status) == "optimal"


class _Settling:
    """A search whose descents end at once, eight of them, and which notes how many perturbations it is asked for."""

    size = 100

    def __init__(self):
        self.descents = 0
        self.bursts = []

    @property
    def settled(self):
        return self.descents >= 8

    def descend(self, steps):
        self.descents += 1
        return 0.0

    def iterate(self, burst, heat, done, limit):
        self.bursts.append(burst)
        return 0.0


class _NoReports:
    def offer(self):
        """Nothing is reported."""

    poll = offer


def test_short_descents_do_not_make_bursts_long():
    """Descents that end at once say nothing about how long perturbations take, the first burst of which is short."""
    search, run = _Settling(), Run(TSP(), random_instance(20), budget=Iterations(1_000_000))
    TSPLocalSearch()._perturb(search, run, math.inf, 0.0, _NoReports())
    assert search.bursts[0] <= 100
