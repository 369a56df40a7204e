"""The views of the knapsack problem, against enumeration."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyomo.environ import value

from redwood.problems.knapsack.instance import Packing
from redwood.problems.knapsack.problem import Knapsack
from redwood.views.bound import Bound
from redwood.views.linear import Linear
from redwood.views.local import Local

PROBLEM = Knapsack()


class Clock:
    """A clock that stops after so many looks at it."""

    seconds_left = math.inf

    def __init__(self, looks=10**9):
        self.looks = looks

    def stops(self):
        self.looks -= 1
        return self.looks < 0


def optimum(instance):
    """Return the greatest value over all subsets that the problem itself calls feasible."""
    subsets = itertools.product([False, True], repeat=instance.size)
    packings = (Packing(np.flatnonzero(chosen)) for chosen in subsets)
    return max(PROBLEM.objective(instance, p) for p in packings if not PROBLEM.violations(instance, p))


@st.composite
def instances(draw, most=8):
    """Small instances: whole, decimal and binary numbers, with zeros, equal ratios and items that do not fit."""
    scale = draw(st.sampled_from([1, 1, 10, 3]))
    pairs = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=most))
    values, weights = np.array(pairs).T / scale
    if draw(st.booleans()):
        values = weights
    capacity = weights.min() + draw(st.integers(0, 40)) / scale
    return PROBLEM.make(values=values, weights=weights, capacity=capacity)


@settings(max_examples=60, deadline=None)
@given(instances())
def test_all_bounds_are_valid_and_each_is_at_least_as_good(instance):
    """Optimum <= core <= Martello-Toth <= linear relaxation, stopped at any time, with or without an incumbent."""
    view = PROBLEM.view(Bound, instance)
    best = optimum(instance)
    for looks in (0, 2, 10**9):
        for incumbent in (None, 0.0, best):
            core = view.bound(Clock(looks), incumbent).value
            assert best <= core <= view.martello_toth() + 1e-9
            assert view.martello_toth() <= view.relaxation() + 1e-9


@settings(max_examples=60, deadline=None)
@given(instances())
def test_a_core_of_all_items_gives_the_optimum(instance):
    """With few items the core holds them all, and the bound is tight."""
    best = optimum(instance)
    assert PROBLEM.view(Bound, instance).bound(Clock()).value == pytest.approx(best, rel=1e-8, abs=1e-12)


def test_the_relaxation_is_worked_by_hand():
    """Ratios 6, 5, 4, capacity 5: 6 + 10 + 2 * 4 = 24, and 22 with the gcd 2 of the values is the Martello-Toth bound."""
    view = PROBLEM.view(Bound, PROBLEM.make(values=[6, 10, 12], weights=[1, 2, 3], capacity=5))
    assert view.relaxation() == 24
    assert view.martello_toth() == 22


def test_common_divisors_sharpen_the_relaxation():
    """Even weights leave one unit of an odd capacity unused: 8 * 3.5; values that are multiples of 7 sum to one."""
    view = PROBLEM.view(Bound, PROBLEM.make(values=[14, 21], weights=[4, 6], capacity=9))
    assert view.relaxation() == 28
    view = PROBLEM.view(Bound, PROBLEM.make(values=[14, 21], weights=[4, 7], capacity=9))
    assert view.relaxation() == 28


def test_bounds_hold_for_large_instances_of_every_class():
    """A packing by local search is never above the bound, and the bound is near it."""
    for variant in Knapsack.variants:
        instance = PROBLEM.generate(400, np.random.default_rng(8), variant=variant)
        local = PROBLEM.view(Local, instance)
        state = local.construct(np.random.default_rng(0))
        local.descend(state)
        bound = PROBLEM.view(Bound, instance).bound(Clock(60)).value
        assert local.objective(state) <= bound <= 1.02 * local.objective(state)


@settings(max_examples=25, deadline=None)
@given(instances())
def test_the_model_agrees_with_the_problem(instance):
    """For each subset of the items that fit alone, row and objective of the model are weight and value."""
    view = PROBLEM.view(Linear, instance)
    model = view.model()
    variables = view.variables(model)
    assert len(variables) == int((instance.weights <= instance.limit).sum())
    for chosen in itertools.product([0, 1], repeat=min(len(variables), 6)):
        chosen += (0,) * (len(variables) - len(chosen))
        for variable, number in zip(variables, chosen, strict=True):
            variable.value = number
        packing = view.solution(np.array(chosen, dtype=float))
        fits = value(model.fits.body) <= value(model.fits.upper) * (1 + 1e-9)
        assert fits == (not PROBLEM.violations(instance, packing))
        assert value(model.value) == pytest.approx(PROBLEM.objective(instance, packing))
        assert view.start(packing).tolist() == list(chosen)


def test_rows_of_real_weights_are_scaled_without_loss():
    """Solvers check rows to an absolute 1e-6, so a small capacity is scaled by a power of two."""
    instance = PROBLEM.make(values=[1, 2], weights=[0.3, 0.7], capacity=0.8)
    model = PROBLEM.view(Linear, instance).model()
    factor = value(model.fits.upper) / (instance.limit * (1 - 1e-12))
    assert 2**19.5 <= value(model.fits.upper) <= 2**20.5
    assert math.log2(factor).is_integer()


def check_state(instance, view, state):
    """Assert that a state is feasible and knows its value; return the value."""
    packing = view.solution(state)
    assert PROBLEM.violations(instance, packing) == []
    objective = PROBLEM.objective(instance, packing)
    assert view.objective(state) == pytest.approx(objective)
    return objective


@settings(max_examples=60, deadline=None)
@given(instances(), st.integers(0, 2**32))
def test_local_search_keeps_states_feasible_and_priced(instance, seed):
    """Whatever the view does to a state, it stays feasible, and moves change the value by what was promised."""
    rng = np.random.default_rng(seed)
    view = PROBLEM.view(Local, instance)
    state = view.initial(rng)
    check_state(instance, view, state)
    for _ in range(20):
        move = view.propose(state, rng)
        before = view.objective(state)
        if move is not None:
            view.apply(state, move[0])
            assert check_state(instance, view, state) == pytest.approx(before + move[1])
        view.perturb(state, rng)
        check_state(instance, view, state)


@settings(max_examples=60, deadline=None)
@given(instances(), st.integers(0, 2**32))
def test_descent_ends_in_a_local_optimum(instance, seed):
    """After `descend` neither one more item nor any exchange of two improves the packing; it never gets worse."""
    view = PROBLEM.view(Local, instance)
    state = view.initial(np.random.default_rng(seed))
    before = view.objective(state)
    view.descend(state)
    best = check_state(instance, view, state)
    assert best >= before - 1e-9
    packed = set(view.solution(state).items.tolist())
    for entering in set(range(instance.size)) - packed:
        for leaving in [set(), *({item} for item in packed)]:
            neighbour = Packing(sorted(packed - leaving | {entering}))
            if not PROBLEM.violations(instance, neighbour):
                assert PROBLEM.objective(instance, neighbour) <= best + 1e-9


@settings(max_examples=40, deadline=None)
@given(instances())
def test_the_greedy_packing_is_worth_half_the_optimum(instance):
    """The better of the greedy packing and the best single item is at least half of the optimum."""
    view = PROBLEM.view(Local, instance)
    assert 2 * view.objective(view.construct(np.random.default_rng(0))) >= optimum(instance) - 1e-9


def test_a_single_item_may_beat_the_greedy_packing():
    """The item of the better ratio is worth next to nothing here."""
    instance = PROBLEM.make(values=[2, 100], weights=[1, 100], capacity=100)
    view = PROBLEM.view(Local, instance)
    assert view.objective(view.construct(np.random.default_rng(0))) == 100


def test_a_copy_is_independent():
    """Changing a copy leaves the original as it was; a solution becomes a state and back."""
    instance = PROBLEM.generate(30, np.random.default_rng(1), variant="circle")
    view = PROBLEM.view(Local, instance)
    state = view.state(Packing([3, 1]))
    copy = view.copy(state)
    view.descend(copy)
    assert view.solution(state).items.tolist() == [1, 3]
    assert view.objective(copy) > view.objective(state)


def test_random_states_differ_and_seeds_repeat():
    """Each call of `initial` is a fresh draw; the same seed gives the same walk."""
    instance = PROBLEM.generate(100, np.random.default_rng(1), variant="subset-sum")
    view = PROBLEM.view(Local, instance)

    def walk(seed):
        rng = np.random.default_rng(seed)
        state = view.initial(rng)
        for _ in range(50):
            view.apply(state, view.propose(state, rng)[0])
        view.perturb(state, rng)
        return view.solution(state).items.tolist()

    assert walk(1) == walk(1) != walk(2)
