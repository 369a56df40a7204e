"""The exact knapsack solver, against enumeration, known optima and its own promises."""

import csv
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redwood.budget import AnyOf, Iterations, Target
from redwood.errors import FitError, OptionError
from redwood.problems.knapsack.instance import Packing
from redwood.problems.knapsack.problem import Knapsack
from redwood.solver import Run
from redwood.solvers.exact.knapsack import KnapsackExact, _Search, greedy
from redwood.solvers.exact.knapsack_kernels import bundle_starts
from redwood.solvers.exact.knapsack_whole import whole_items

PROBLEM = Knapsack()
FOREVER = AnyOf()


def optimum(instance):
    """Return the greatest value over all subsets that the problem itself calls feasible."""
    subsets = itertools.product([False, True], repeat=instance.size)
    packings = (Packing(np.flatnonzero(chosen)) for chosen in subsets)
    return max(PROBLEM.objective(instance, p) for p in packings if not PROBLEM.violations(instance, p))


def solve(instance, solver=KnapsackExact(), budget=FOREVER, initial=None):  # noqa: B008
    """Return the answer and the run."""
    run = Run(PROBLEM, instance, budget=budget, initial=initial)
    return solver.run(PROBLEM, instance, run), run


@st.composite
def instances(draw):
    """Small instances: whole, decimal and binary numbers, with zeros, equal ratios and items that do not fit."""
    scale = draw(st.sampled_from([1, 1, 10, 1000, 3, 0.7]))
    pairs = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=10))
    values, weights = np.array(pairs).T / scale
    if draw(st.booleans()):
        values = weights + draw(st.integers(0, 5)) / scale
    capacity = weights.min() + draw(st.integers(0, 120)) / scale
    return PROBLEM.make(values=values, weights=weights, capacity=capacity)


@settings(max_examples=150, deadline=None)
@given(instances())
def test_small_instances_are_solved_to_the_optimum(instance):
    """The answer is the optimum found by enumeration, proven, and its bound is tight."""
    answer, _ = solve(instance)
    best = optimum(instance)
    assert answer.proven
    assert PROBLEM.violations(instance, answer.solution) == []
    assert PROBLEM.objective(instance, answer.solution) == pytest.approx(best, rel=1e-9)
    assert best <= answer.bound <= best * (1 + 1e-8) + 1e-12


@pytest.mark.parametrize("variant", Knapsack.variants)
def test_every_class_agrees_with_the_full_table(variant):
    """Instances of 60 items of every class: the same optimum as the textbook table over all capacities."""
    options = {} if variant == "uniform" else {"largest": 50}
    instance = PROBLEM.generate(60, np.random.default_rng(4), variant=variant, **options)
    scale = 1000 if variant == "uniform" else 1
    values, weights = np.rint(instance.values * scale).astype(int), np.rint(instance.weights * scale).astype(int)
    table = np.zeros(instance.capacity * scale + 1, dtype=np.int64)
    for gain, weight in zip(values, weights, strict=True):
        if weight < len(table):
            table[weight:] = np.maximum(table[weight:], table[: len(table) - weight] + gain)
    answer, _ = solve(instance)
    assert answer.proven
    assert PROBLEM.objective(instance, answer.solution) == pytest.approx(table[-1] / scale, rel=1e-12)


def test_known_optima_are_reproduced(data_folder):
    """All 52 files of Pisinger's classes are solved to their known optimum, proven, with a tight bound."""
    with (data_folder / "best_known.csv").open(newline="") as lines:
        known = {row["file"]: float(row["value"]) for row in csv.DictReader(lines) if row["problem"] == "kp"}
    assert len(known) == 52
    for file, best in known.items():
        instance = PROBLEM.read(data_folder / file)
        answer, _ = solve(instance)
        assert (PROBLEM.objective(instance, answer.solution), answer.bound, answer.proven) == (best, best, True), file


def test_binary_fractions_are_solved_within_the_stated_share():
    """Values that are no decimal fractions are exact to 1e-9, and the bound is above the objective by no more."""
    rng = np.random.default_rng(0)
    instance = PROBLEM.make(values=rng.random(300), weights=rng.random(300), capacity=20.5)
    answer, _ = solve(instance)
    objective = PROBLEM.objective(instance, answer.solution)
    assert answer.proven
    assert objective <= answer.bound <= objective * (1 + 1e-9)


def test_decimal_fractions_are_exact():
    """Thousandths become whole numbers: nothing is lost, and the capacity is met to the last digit."""
    whole = whole_items(PROBLEM.make(values=[0.1, 0.2, 0.3], weights=[0.001, 0.002, 0.004], capacity=0.003))
    assert (whole.values.tolist(), whole.weights.tolist(), whole.capacity, whole.loss) == ([2, 1], [2, 1], 3, 0.0)


def test_numbers_of_very_different_size_do_not_overflow():
    """Tiny and huge real numbers side by side are scaled into 64 bits."""
    instance = PROBLEM.make(values=[1e300, 1.5e300, 1e-300], weights=[1e-200, 3e-200, 1e-210], capacity=3.5e-200)
    answer, _ = solve(instance)
    assert answer.proven
    assert set(answer.solution.items) >= {1}


def test_huge_whole_values_are_exact():
    """Values just below 2^53 in sum differ in their last unit, and the solver sees it."""
    base = 2**49
    instance = PROBLEM.make(values=[base, base + 1, base - 1, base + 2], weights=[2, 2, 2, 2], capacity=5)
    answer, _ = solve(instance)
    assert PROBLEM.objective(instance, answer.solution) == answer.bound == 2 * base + 3


def test_items_without_weight_are_always_packed():
    """They cost nothing, whether or not others are left to decide."""
    answer, _ = solve(PROBLEM.make(values=[5, 3, 0], weights=[0, 4, 0], capacity=0))
    assert (answer.solution.items.tolist(), answer.bound, answer.proven) == ([0], 5, True)


def test_everything_is_packed_where_it_fits():
    """A capacity of the total weight, from both sides."""
    values, weights = [3, 4, 5], [1, 2, 3]
    answer, _ = solve(PROBLEM.make(values=values, weights=weights, capacity=6))
    assert (answer.bound, answer.proven) == (12, True)
    answer, _ = solve(PROBLEM.make(values=values, weights=weights, capacity=5))
    assert (answer.bound, answer.proven) == (9, True)


HARD = {"variant": "inverse-strongly-correlated", "largest": 100_000}


def test_a_stopped_run_has_a_valid_bound():
    """After a few items the best packing is no proof yet, and its bound is at least the optimum."""
    instance = PROBLEM.generate(300, np.random.default_rng(0), variant="strongly-correlated")
    best = solve(instance)[0].bound
    for iterations in (1, 3, 10, 30, 100):
        answer, run = solve(instance, budget=Iterations(iterations))
        assert run.iterations <= iterations
        assert PROBLEM.objective(instance, answer.solution) <= best <= answer.bound
        assert answer.proven is False or PROBLEM.objective(instance, answer.solution) == best


def test_improvements_are_reported_from_the_greedy_packing_on():
    """The trajectory begins with a packing at once and rises strictly."""
    instance = PROBLEM.generate(300, np.random.default_rng(0), variant="strongly-correlated")
    _, run = solve(instance)
    objectives = [objective for _, objective in run.trajectory]
    assert len(objectives) > 1
    assert objectives == sorted(set(objectives))


def test_a_target_ends_the_run():
    """The greedy packing already meets an easy target."""
    instance = PROBLEM.generate(300, np.random.default_rng(0), **HARD)
    answer, run = solve(instance, budget=Target(1))
    assert run.iterations == 0
    assert not answer.proven


def test_an_initial_packing_is_never_made_worse():
    """An optimal start stays the answer; a poor one is improved."""
    instance = PROBLEM.generate(100, np.random.default_rng(0), variant="strongly-correlated")
    best, _ = solve(instance)
    for initial in (best.solution, Packing([0])):
        answer, _ = solve(instance, initial=initial)
        assert PROBLEM.objective(instance, answer.solution) == best.bound
        assert answer.proven


def test_the_answer_does_not_depend_on_the_seed():
    """The solver is deterministic."""
    instance = PROBLEM.generate(200, np.random.default_rng(0), variant="almost-strongly-correlated")
    runs = [Run(PROBLEM, instance, budget=FOREVER, seed=seed) for seed in (0, 1)]
    first, second = (KnapsackExact().run(PROBLEM, instance, run) for run in runs)
    assert first.solution.items.tolist() == second.solution.items.tolist()


def test_too_many_states_end_the_run_honestly():
    """Beyond ``max_states`` the best packing so far is the answer, with a valid bound and a message, not proven."""
    instance = PROBLEM.generate(300, np.random.default_rng(1), **HARD)
    answer, _ = solve(instance, KnapsackExact(max_states=1000))
    objective = PROBLEM.objective(instance, answer.solution)
    assert not answer.proven
    assert "max_states=1000" in answer.message
    assert objective < answer.bound < 1.01 * objective
    assert solve(instance)[0].bound <= answer.bound


@pytest.mark.parametrize("max_states", [999, 2**28 + 1, -1])
def test_the_number_of_states_is_validated(max_states):
    """The message names the option and its range."""
    with pytest.raises(OptionError, match="max_states"):
        KnapsackExact(max_states=max_states)


def test_another_problem_is_refused():
    """The solver is made for knapsack instances."""
    from redwood.problems.tsp.problem import TSP

    instance = TSP().make(coords=[[0, 0], [1, 1]])
    with pytest.raises(FitError, match="TSPInstance"):
        KnapsackExact().run(TSP(), instance, Run(TSP(), instance, budget=FOREVER))


def test_tidying_the_pool_loses_no_decision():
    """With the pool tidied at every turn, the packings read off are worth what their states say."""
    instance = PROBLEM.generate(400, np.random.default_rng(2), variant="strongly-correlated")
    whole = whole_items(instance)
    search = _Search(whole, 0, 10**6)
    proven = False
    while not proven:
        proven = search.advance(5, 10**9)
        search.tidy()
        chosen = search.chosen()
        assert whole.values[chosen].sum() == search.best
        assert whole.weights[chosen].sum() <= whole.capacity
    assert search.steps > 128
    assert search.best == solve(instance)[0].bound


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.data())
def test_bundles_tell_every_number_of_equal_items(runs, data):
    """Bundles hold equal items, end at the break item, are in order, and sum to every number up to a run's length."""
    items = np.repeat(np.arange(len(runs)) + 1, runs)
    place = data.draw(st.integers(0, len(items) - 1))
    starts = bundle_starts(items, items, place)
    assert (starts[0], starts[-1]) == (0, len(items))
    assert np.all(np.diff(starts) > 0)
    assert place in starts
    for run in range(1, len(runs) + 1):
        for left in (True, False):
            sizes = [
                int(end - begin)
                for begin, end in itertools.pairwise(starts)
                if items[begin] == run and (end <= place) == left
            ]
            sums = {sum(part) for count in range(len(sizes) + 1) for part in itertools.combinations(sizes, count)}
            side = items[:place] if left else items[place:]
            assert sums == set(range(int((side == run).sum()) + 1))
    assert all(len(set(items[begin:end])) == 1 for begin, end in itertools.pairwise(starts))


def test_many_equal_items_are_solved():
    """A hundred thousand items of two kinds, worked by hand: 333 of weight 3 leave 1, which no item fits."""
    instance = PROBLEM.make(values=[5] * 50_000 + [4] * 50_000, weights=[3] * 100_000, capacity=1000)
    answer, _ = solve(instance)
    assert (answer.bound, answer.proven) == (1665, True)


def test_greedy_packs_what_still_fits():
    """Items that no longer fit are passed over: by ratio 3, 2, 1 with capacity 5, the second is too heavy."""
    whole = whole_items(PROBLEM.make(values=[9, 10, 2, 1], weights=[3, 5, 2, 9], capacity=5))
    assert whole.packing(greedy(whole)).items.tolist() == [0, 2]
    assert math.isclose(float(whole.unit), 1)
