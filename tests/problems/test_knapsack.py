"""Instances, generators, rules and pictures of the knapsack problem."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redwood.errors import InstanceError, OptionError, SolutionError
from redwood.problems.knapsack.instance import KnapsackInstance, Packing
from redwood.problems.knapsack.problem import Knapsack

PROBLEM = Knapsack()
SMALL = {"values": [6, 10, 12], "weights": [1, 2, 3], "capacity": 5}


def test_whole_numbers_of_any_type_are_kept_as_integers():
    """Whole floats become int64, so that their objective is exact; the capacity becomes an int."""
    instance = PROBLEM.make(values=[1.0, 2.0], weights=np.array([3, 4], dtype=np.uint8), capacity=5.0)
    assert instance.values.dtype == instance.weights.dtype == np.int64
    assert isinstance(instance.capacity, int)


def test_real_numbers_are_kept_as_floats():
    """Values and weights are treated apart: one of them may be whole."""
    instance = PROBLEM.make(values=[1.5, 2.0], weights=[3, 4], capacity=4.5)
    assert instance.values.dtype == np.float64
    assert instance.weights.dtype == np.int64


def test_arrays_are_read_only():
    """An instance never changes after it was validated."""
    instance = PROBLEM.make(**SMALL)
    with pytest.raises(ValueError, match="read-only"):
        instance.values[0] = 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity": 0}, "capacity 0 is below the smallest weight 1 .item 0"),
        ({"capacity": -1}, "capacity -1 must be"),
        ({"capacity": float("nan")}, "capacity nan"),
        ({"capacity": float("inf")}, "capacity inf"),
        ({"capacity": "5"}, "capacity '5' is not a number"),
        ({"capacity": None}, "capacity None is not a number"),
        ({"weights": [1, -2, 3]}, "weight -2 of item 1 is negative"),
        ({"values": [6, -10, 12]}, "value -10 of item 1 is negative"),
        ({"values": [6, float("nan"), 12]}, "value nan of item 1 is not finite"),
        ({"weights": [1, 2, float("inf")]}, "weight inf of item 2 is not finite"),
        ({"weights": [1, 2]}, "3 values and 2 weights disagree"),
        ({"weights": [[1, 2, 3]]}, r"weights have shape \[1, 3\]"),
        ({"values": ["a", "b", "c"]}, "value 'a' of item 0 is not a number"),
        ({"values": [True, False, True]}, "value True of item 0 is not a number"),
        ({"values": [[1], [2, 3]]}, "values are not a list of numbers"),
        ({"values": [], "weights": []}, "no items"),
    ],
)
def test_faulty_data_are_refused_in_words(change, message):
    """The message names the entry, the value and the rule."""
    with pytest.raises(InstanceError, match=message):
        PROBLEM.make(**{**SMALL, **change})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([2**52, 2**52], "values sum to 9007199254740992, which is not below 2.53"),
        ([2**63, 1], "value 9223372036854775808 of item 0"),
        (np.array([2**63, 1], dtype=np.uint64), "values sum to 9.22"),
        ([2**70, 1], "value 1180591620717411303424 of item 0 is not below 2.53"),
        ([1e308, 1e308], "sum to more than a float can hold"),
    ],
)
def test_values_that_cannot_be_added_exactly_are_refused(values, message):
    """Whole values must sum to less than 2^53, in whatever type they come."""
    with pytest.raises(InstanceError, match=message):
        PROBLEM.make(values=values, weights=[1, 1], capacity=2)


def test_the_largest_whole_values_are_exact():
    """Up to 2^53 - 1 nothing is rounded."""
    instance = PROBLEM.make(values=[2**53 - 3, 1, 1], weights=[1, 1, 1], capacity=3)
    assert PROBLEM.objective(instance, Packing([0, 1, 2])) == 2**53 - 1


def test_an_item_heavier_than_the_capacity_is_allowed():
    """Only an instance in which nothing fits is refused: from both sides of the boundary."""
    assert PROBLEM.make(values=[1, 1], weights=[5, 6], capacity=5).size == 2
    with pytest.raises(InstanceError, match="no item fits"):
        PROBLEM.make(values=[1, 1], weights=[5, 6], capacity=4)


def test_objective_adds_the_values():
    """Worked by hand: 10 + 12, and nothing for no items."""
    instance = PROBLEM.make(**SMALL)
    assert PROBLEM.objective(instance, Packing([2, 1])) == 22
    assert PROBLEM.objective(instance, Packing([])) == 0


def test_every_broken_rule_is_told():
    """Items outside, twice packed and too heavy are named, the overweight by how much."""
    instance = PROBLEM.make(**SMALL)
    told = PROBLEM.violations(instance, Packing([0, 1, 2, 2, 7, -1]))
    assert told == [
        "item 7 is not one of 0 to 2.",
        "item -1 is not one of 0 to 2.",
        "item 2 is packed 2 times.",
        "the items weigh 6, which exceeds the capacity 5 by 1.",
    ]
    assert PROBLEM.violations(instance, Packing([1, 2])) == []


def test_real_weights_may_exceed_the_capacity_by_rounding_only():
    """Ten times 0.1 fits into 1 although it adds up to more or less; a thousandth above does not."""
    instance = PROBLEM.make(values=[1] * 10, weights=[0.1] * 10, capacity=1)
    assert PROBLEM.violations(instance, Packing(np.arange(10))) == []
    tight = PROBLEM.make(values=[1] * 10, weights=[0.1] * 10, capacity=0.999)
    assert "exceeds the capacity 0.999 by 0.001" in PROBLEM.violations(tight, Packing(np.arange(10)))[0]


def test_whole_weights_have_no_slack():
    """With whole weights one unit too much is too much, however large the capacity."""
    instance = PROBLEM.make(values=[1, 1], weights=[2**50, 1], capacity=2**50)
    assert PROBLEM.violations(instance, Packing([0, 1]))


@pytest.mark.parametrize("items", [[[0]], [0.5], ["a"], [True], [float("nan")], [2**60], 3])
def test_malformed_items_are_refused(items):
    """A packing is a flat list of whole numbers."""
    with pytest.raises(SolutionError):
        PROBLEM.solution(items)


def test_a_packing_survives_its_dictionary():
    """`to_dict` and `from_dict` are inverse."""
    packing = Packing([4, 2])
    assert Packing.from_dict(packing.to_dict()).items.tolist() == [4, 2]


@pytest.mark.parametrize("variant", Knapsack.variants)
@pytest.mark.parametrize("size", [1, 50])
def test_generated_instances_are_valid_and_repeatable(variant, size):
    """The same seed gives the same instance, another seed another one."""
    draws = [PROBLEM.generate(size, np.random.default_rng(seed), variant=variant) for seed in (1, 1, 2)]
    assert draws[0].size == size
    assert draws[0].fingerprint() == draws[1].fingerprint() != draws[2].fingerprint()


def test_the_uniform_kind_is_that_of_the_literature():
    """Values and weights are k / 1000 with k from 1 to 998; the capacity is 25 at every size."""
    instance = PROBLEM.generate(3000, np.random.default_rng(0))
    assert instance.capacity == 25
    for numbers in (instance.values, instance.weights):
        assert numbers.min() == 0.001
        assert numbers.max() == 0.998
        assert np.array_equal(np.rint(numbers * 1000) / 1000, numbers)


def draw(variant, **options):
    return PROBLEM.generate(2000, np.random.default_rng(3), variant=variant, **options)


@pytest.mark.parametrize(
    ("variant", "low", "high"),
    [
        ("weakly-correlated", -100, 100),
        ("strongly-correlated", 100, 100),
        ("inverse-strongly-correlated", -100, -100),
        ("almost-strongly-correlated", 98, 102),
        ("subset-sum", 0, 0),
        ("multiple-strongly-correlated", 200, 300),
        ("profit-ceiling", 0, 2),
    ],
)
def test_values_follow_weights_as_the_class_says(variant, low, high):
    """Value minus weight has the range that Pisinger (2005) gives for R = 1000."""
    instance = draw(variant)
    difference = instance.values - instance.weights
    assert (difference.min(), difference.max()) == (low, high)


def test_similar_weights_lie_in_a_narrow_range():
    """Weights lie in 100,000 to 100,100 for R = 1000."""
    weights = draw("uncorrelated-similar-weights").weights
    assert (weights.min(), weights.max()) == (100_000, 100_100)


@pytest.mark.parametrize("variant", [name for name in Knapsack.variants if name.startswith("spanner")])
def test_spanners_are_multiples_of_two_items(variant):
    """At most twenty different items exist, with two ratios."""
    instance = draw(variant)
    assert len(np.unique(np.stack([instance.values, instance.weights]), axis=1).T) <= 20
    assert len(np.unique(np.round(instance.values / instance.weights, 9))) <= 2


def test_circles_lie_on_their_arc():
    """Rounded values differ from 2/3 sqrt(4 R^2 - (w - 2 R)^2) by at most one half."""
    instance = draw("circle")
    assert np.all(np.abs(instance.values - 2 / 3 * np.sqrt(4e6 - (instance.weights - 2000.0) ** 2)) <= 0.5)


def test_series_sets_the_capacity():
    """The capacity is h / (H + 1) of the total weight, rounded down, by default 50 / 101."""
    total = int(draw("uncorrelated").weights.sum())
    assert draw("uncorrelated").capacity == 50 * total // 101
    assert draw("uncorrelated", series=(1, 3)).capacity == total // 4
    assert draw("uncorrelated", capacity=77).capacity == 77


def test_the_range_scales_the_class():
    """R = 100 makes surcharges of 10."""
    instance = draw("strongly-correlated", largest=100)
    assert set(instance.values - instance.weights) == {10}
    assert instance.weights.max() == 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "uniform", "largest": 10}, "neither largest= nor series="),
        ({"variant": "circle", "largest": 9}, "largest 9 is not a whole number from 10 up"),
        ({"variant": "circle", "largest": "many"}, "largest 'many' is not"),
        ({"variant": "circle", "series": (0, 5)}, "series .0, 5."),
        ({"variant": "circle", "series": (6, 5)}, "series .6, 5."),
        ({"variant": "circle", "series": 3}, "series 3 must be a pair"),
        ({"variant": "circle", "series": (1, 5), "capacity": 3}, "give one of them"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    """The message names the option and its range."""
    with pytest.raises(OptionError, match=message):
        PROBLEM.generate(5, np.random.default_rng(0), **options)


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_below_one_are_refused(size):
    """There is no instance without items."""
    with pytest.raises(OptionError, match=f"size {size}"):
        PROBLEM.generate(size, np.random.default_rng(0))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=4), st.floats())
def test_any_floats_make_an_instance_or_a_typed_error(pairs, capacity):
    """No other error than `InstanceError` comes out of `make`, and what comes out is valid."""
    try:
        instance = PROBLEM.make(values=[v for v, _ in pairs], weights=[w for _, w in pairs], capacity=capacity)
    except InstanceError:
        return
    assert isinstance(instance, KnapsackInstance)
    PROBLEM.validate(instance)


def test_pictures_draw_every_item():
    """All items are drawn, with or without a packing."""
    figure = pytest.importorskip("matplotlib.figure").Figure()
    instance = PROBLEM.make(**SMALL)
    empty, packed = figure.subplots(1, 2)
    PROBLEM.plot(instance, None, empty)
    PROBLEM.plot(instance, Packing([1, 2]), packed)
    assert sum(len(points.get_offsets()) for points in empty.collections) == 3
    assert sorted(len(points.get_offsets()) for points in packed.collections) == [1, 2]
    assert packed.get_title() == "value 22, weight 5 of 5"
