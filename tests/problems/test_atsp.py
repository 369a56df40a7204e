"""Promises of the ATSP: what it takes, what it refuses, how it prices, and what it writes."""

from __future__ import annotations

import contextlib
import csv
import itertools
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from redwood.errors import InstanceError, OptionError, RedwoodError, SolutionError
from redwood.problems.atsp.generators import close
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.atsp.problem import ATSP
from redwood.views.bound import Bound
from redwood.views.linear import Linear

PROBLEM = ATSP()
THREE = [[9999, 1, 5], [2, 9999, 3], [4, 7, 9999]]


class Clock:
    """A clock without an end."""

    seconds_left = float("inf")

    def stops(self) -> bool:
        return False


def generated(size: int, seed: int = 0, variant: str = "matnet") -> ATSPInstance:
    """Return a generated instance."""
    return PROBLEM.generate(size, np.random.default_rng(seed), variant=variant)


def optimum(matrix: np.ndarray) -> float:
    """Return the least length over all tours."""
    tours = (np.array([0, *rest]) for rest in itertools.permutations(range(1, len(matrix))))
    return min(float(matrix[tour, np.roll(tour, -1)].sum()) for tour in tours)


def test_each_direction_has_its_own_price() -> None:
    """The length follows the arcs in the direction of the tour: 1 + 3 + 4 one way, 5 + 7 + 2 the other."""
    instance = PROBLEM.make(matrix=THREE)
    assert PROBLEM.objective(instance, Tour([0, 1, 2])) == 8.0
    assert PROBLEM.objective(instance, Tour([0, 2, 1])) == 14.0


def test_the_diagonal_is_never_data() -> None:
    """Diagonals of 0, 9999 or NaN give the same instance, and one node has a tour of length 0."""
    clean = np.array(THREE, dtype=float)
    made = []
    for value in (0.0, 9999.0, np.nan):
        np.fill_diagonal(clean, value)
        made.append(PROBLEM.make(matrix=clean))
    assert all(np.array_equal(instance.matrix, made[0].matrix) for instance in made)
    assert PROBLEM.objective(PROBLEM.make(matrix=[[5.0]]), Tour([0])) == 0.0


def test_a_directed_graph_becomes_its_matrix() -> None:
    """Node i is the i-th of the graph's nodes, and each arc keeps its direction."""
    graph = networkx.DiGraph()
    graph.add_weighted_edges_from([("a", "b", 1), ("b", "a", 2), ("a", "c", 5), ("c", "a", 4), ("b", "c", 3), ("c", "b", 7)])
    assert np.array_equal(PROBLEM.make(graph=graph).matrix, PROBLEM.make(matrix=THREE).matrix)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({}, "once"),
        ({"matrix": [[0, 1, 2], [1, 0, 2]]}, r"shape \[2, 3\]"),
        ({"matrix": [[0, -1], [1, 0]]}, "negative"),
        ({"matrix": [[0, float("inf")], [1, 0]]}, "not finite"),
        ({"matrix": np.zeros((0, 0))}, "no nodes"),
    ],
)
def test_wrong_data_are_refused_in_words(data: dict[str, object], told: str) -> None:
    """Errors say what is wrong with the matrix."""
    with pytest.raises(InstanceError, match=told):
        PROBLEM.make(**data)


def test_violations_name_the_nodes() -> None:
    """A missing and a repeated node are both told; what is no list of whole numbers is no tour."""
    told = " ".join(PROBLEM.violations(PROBLEM.make(matrix=THREE), Tour([0, 1, 1])))
    assert "node 1 2 times" in told
    assert "not visit node 2" in told
    with pytest.raises(SolutionError):
        Tour([0.5, 1])


@pytest.mark.parametrize("variant", ATSP.variants)
def test_variants_keep_what_they_promise(variant: str) -> None:
    """Distances are whole and positive; ``matnet`` obeys the triangle inequality; ``city`` and ``roads`` have places."""
    instance = generated(12, variant=variant)
    assert instance.travel.integral
    assert (instance.matrix[~np.eye(12, dtype=bool)] > 0).all()
    if variant == "roads":
        assert np.abs(close(instance.matrix) - instance.matrix).max() <= 1.0  # the quickest ways, rounded
    else:
        assert np.array_equal(close(instance.matrix), instance.matrix) == (variant == "matnet")
    assert (instance.travel.coords is not None) == (variant in ("city", "roads"))


@pytest.mark.parametrize("seed", range(20))
def test_every_place_of_a_street_network_is_reached(seed: int) -> None:
    """One-way streets cut nothing off, and make some way there longer than the way back."""
    matrix = PROBLEM.generate(1 + 10 * seed, np.random.default_rng(seed), variant="roads").matrix
    assert np.isfinite(matrix).all()
    assert seed == 0 or (matrix > 1.05 * matrix.T).any()


def test_unknown_variants_and_sizes_are_refused() -> None:
    """A misspelt variant is met with a suggestion, a size of 0 with the least size."""
    with pytest.raises(OptionError, match="Did you mean 'matnet'"):
        generated(5, variant="matnett")
    with pytest.raises(OptionError, match="below 1"):
        generated(0)


@pytest.mark.parametrize("variant", ATSP.variants)
def test_files_and_tours_survive_writing_and_reading(variant: str) -> None:
    """Text written is read back as the same distances and the same tour."""
    instance = generated(7, variant=variant)
    again = PROBLEM.parse(PROBLEM.format(instance), "again")
    assert np.array_equal(again.matrix, instance.matrix)
    tour = Tour([3, 1, 0, 2, 6, 5, 4])
    read = PROBLEM.parse_solution(PROBLEM.format_solution(instance, tour), instance)
    assert read.tour.tolist() == tour.tour.tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.text(max_size=3))
def test_mangled_files_raise_typed_errors(begin: int, length: int, put: str) -> None:
    """A file with a piece replaced is read, or refused with an error of Redwood."""
    text = PROBLEM.format(generated(4))
    cut = begin % len(text)
    with contextlib.suppress(RedwoodError):
        PROBLEM.parse(text[:cut] + put + text[cut + length % 30 :], "mangled")


def test_all_public_files_are_read_and_bounded(data_folder: Path) -> None:
    """The ten files have the size in their name or above, and no bound is above the known optimum."""
    with (data_folder / "best_known.csv").open() as file:
        known = {row["file"]: float(row["value"]) for row in csv.DictReader(file) if row["problem"] == "atsp"}
    assert len(known) == 10
    for name, value in known.items():
        instance = PROBLEM.read(data_folder / name)
        if instance.size <= 50:
            assert PROBLEM.view(Bound, instance).bound(Clock()).value <= value


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("variant", ATSP.variants)
def test_the_bound_is_below_the_optimum(seed: int, variant: str) -> None:
    """The subtour bound never exceeds the best tour of all, and is at least the assignment bound's share of it."""
    instance = generated(3 + seed, seed, variant)
    best = optimum(instance.matrix)
    bound = PROBLEM.view(Bound, instance).bound(Clock()).value
    assert 0.7 * best <= bound <= best


def test_real_distances_have_a_valid_bound() -> None:
    """Distances that are not whole are bounded without rounding up."""
    matrix = np.random.default_rng(3).random((7, 7))
    instance = PROBLEM.make(matrix=matrix)
    bound = PROBLEM.view(Bound, instance).bound(Clock()).value
    assert 0.0 < bound <= optimum(instance.matrix)


def test_separation_finds_exactly_the_subtours() -> None:
    """Two cycles are cut off by a row that each of them violates; a tour needs none."""
    instance = generated(6)
    view = PROBLEM.view(Linear, instance)
    tour = view.start(Tour([0, 1, 2, 3, 4, 5]))
    assert tour is not None
    assert view.separate(tour, True) is None
    assert view.solution(tour).tour.tolist() == [0, 1, 2, 3, 4, 5]
    tails, heads = np.nonzero(~np.eye(6, dtype=bool))
    cycles = {(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)}
    values = np.array([float((i, j) in cycles) for i, j in zip(tails, heads, strict=True)])
    rows = view.separate(values, True)
    assert rows is not None
    assert values[rows.columns[rows.starts[0] : rows.starts[1]]].sum() < rows.lower[0]


@pytest.mark.parametrize("variant", ["city", "matnet"])
def test_pictures_show_arrows_or_the_matrix(variant: str) -> None:
    """With coordinates the tour is drawn, without them the distances in its order."""
    axes = Figure().add_subplot()
    PROBLEM.plot(generated(6, variant=variant), Tour([0, 2, 1, 3, 5, 4]), axes)
    assert axes.collections if variant == "city" else axes.images
    assert "6 nodes" in axes.get_xlabel()
