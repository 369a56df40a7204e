"""The solvers that take any problem with a `Local` view: random, greedy and the generic local search."""

import pytest

import redwood
from redwood.budget import Iterations, Seconds, Sense
from redwood.errors import OptionError
from redwood.plugins.host import host
from redwood.solver import Run
from redwood.solvers.baselines.greedy import Greedy
from redwood.solvers.baselines.random import Random
from redwood.solvers.local_search.generic import IteratedLocalSearch

PROBLEMS = ["knapsack", "tsp"]
SIZES = {"knapsack": 120, "tsp": 30}


def run(solver, problem, budget, seed=0, size=None, **options):
    instance = redwood.generate(problem, size=size or SIZES[problem], seed=5)
    lent = Run(host().problem(problem), instance, budget=budget, seed=seed, **options)
    solver.prepare(host().problem(problem), instance)
    solver.run(host().problem(problem), instance, lent)
    return lent


@pytest.mark.parametrize("problem", PROBLEMS)
def test_random_gives_at_least_one_solution(problem):
    """Even with no time there is one random solution."""
    lent = run(Random(), problem, Seconds(1e-9))
    assert (lent.best is not None, lent.iterations) == (True, 1)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_more_samples_are_never_worse(problem):
    """The best of a hundred samples is no worse than the first of them, and they differ."""
    one, many = (run(Random(samples=count), problem, Seconds(60)) for count in (1, 100))
    assert many.iterations == 100
    assert not many.sense.better(one.objective, many.objective)
    assert len(many.trajectory) > 1


@pytest.mark.parametrize("problem", PROBLEMS)
def test_greedy_beats_random_and_descends(problem):
    """Greedy is better than one random solution, and no worse for its descent."""
    plain, improved = (run(Greedy(descend=descend), problem, Seconds(60)) for descend in (False, True))
    random = run(Random(samples=1), problem, Seconds(60))
    assert plain.sense.better(plain.objective, random.objective)
    assert not plain.sense.better(plain.objective, improved.objective)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_local_search_improves_on_greedy(problem):
    """Perturbations never end worse than the start; a few hundred of them find the optimum of a small instance."""
    greedy = run(Greedy(), problem, Seconds(60), size=12)
    searched = run(IteratedLocalSearch(), problem, Iterations(400), size=12)
    exact = redwood.solve(redwood.generate(problem, size=12, seed=5), solver="exact")
    assert not greedy.sense.better(greedy.objective, searched.objective)
    assert searched.objective == pytest.approx(exact.objective)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_local_search_keeps_a_better_start(problem):
    """A start is never made worse."""
    best = run(IteratedLocalSearch(), problem, Iterations(200)).best
    again = run(IteratedLocalSearch(), problem, Iterations(3), initial=best)
    value = again.trajectory[0][1]
    assert again.objective == value or again.sense.better(again.objective, value)


@pytest.mark.parametrize("solver", [Random(), Greedy(), IteratedLocalSearch()])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_same_seed_and_iterations_give_the_same_result(solver, problem):
    """The seed decides everything."""
    values = [run(solver, problem, Iterations(20), seed=seed).objective for seed in (3, 3)]
    assert values[0] == values[1]


def test_both_senses_are_covered():
    """The problems of these tests are one of each sense."""
    assert {host().problem(problem).sense for problem in PROBLEMS} == {Sense.MIN, Sense.MAX}


def test_wrong_options_are_refused():
    """A count below one is an error with name and value."""
    with pytest.raises(OptionError, match="samples 0"):
        Random(samples=0)
