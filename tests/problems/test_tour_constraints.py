"""Fixed edges of the TSP and precedences of the ATSP: data, files, checker and solvers."""

import itertools

import numpy as np
import pytest

import redwood
from redwood.errors import FitError, FormatError, InstanceError
from redwood.problems.atsp.problem import ATSP
from redwood.problems.tsp.problem import TSP

SOP = """NAME : four
TYPE : SOP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EXPLICIT
EDGE_WEIGHT_FORMAT : FULL_MATRIX
EDGE_WEIGHT_SECTION
4
0 1 9 99
-1 0 1 5
-1 -1 0 4
-1 -1 -1 0
EOF
"""
SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]


def cheapest(problem, instance):
    """Return the least length of the tours from node 0 that the checker lets pass."""
    tours = ((0, *rest) for rest in itertools.permutations(range(1, instance.size)))
    allowed = [problem.solution_type(list(tour)) for tour in tours]
    return min(problem.objective(instance, tour) for tour in allowed if not problem.violations(instance, tour))


@pytest.mark.parametrize("solver", ["local-search", "exact"])
@pytest.mark.parametrize("size", [4, 7, 10])
def test_solvers_find_the_shortest_tour_with_fixed_edges(solver, size):
    """The answer uses the fixed edges and is as short as the shortest such tour, by enumeration up to seven nodes."""
    rng = np.random.default_rng(size)
    instance = TSP().make(coords=rng.random((size, 2)), fixed_edges=[(0, size // 2), (size // 2, size - 1)])
    result = redwood.solve(instance, solver, iterations=2000, bound_time_limit=0)
    assert not TSP().violations(instance, result.solution)
    if size < 10:
        assert result.objective == pytest.approx(cheapest(TSP(), instance), abs=1e-9)
    else:
        assert result.objective == pytest.approx(redwood.solve(instance, "exact", bound_time_limit=0).objective, abs=1e-9)


def test_many_fixed_edges_stay_in_the_tour():
    """On 200 nodes with 40 fixed edges every improvement uses them all, and the last one is shorter than the first."""
    rng = np.random.default_rng(3)
    order = rng.permutation(200)
    instance = TSP().make(coords=rng.random((200, 2)), fixed_edges=order[:80].reshape(-1, 2))
    seen = []
    result = redwood.solve(instance, "local-search", iterations=3000, on_improvement=seen.append, bound_time_limit=0)
    assert not TSP().violations(instance, result.solution)
    assert result.objective < seen[0].objective


def test_a_tour_without_a_fixed_edge_is_told():
    """The checker names the edge that is missing, and takes the edge in either direction."""
    instance = TSP().make(coords=SQUARE, fixed_edges=[(2, 0)])
    told = TSP().violations(instance, TSP.solution_type([0, 1, 2, 3]))
    assert told == ["tour does not use the edge between 2 and 0, which is fixed."]
    assert not TSP().violations(instance, TSP.solution_type([0, 2, 1, 3]))


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([(0, 4)], r"names the pair \(0, 4\), and nodes are 0 to 3"),
        ([(1, 1)], "joins node 1 to itself"),
        ([(0, 1), (1, 0)], "holds an edge twice"),
        ([(0, 1), (0, 2), (0, 3)], "node 0 has 3 fixed edges"),
        ([(0, 1), (1, 2), (2, 0)], "close a cycle of 3 nodes"),
        ([(0.5, 1)], "not a list of pairs"),
    ],
)
def test_fixed_edges_that_no_tour_uses_are_refused(edges, message):
    """Each rule for fixed edges is an `InstanceError` that names the nodes."""
    with pytest.raises(InstanceError, match=message):
        TSP().make(coords=SQUARE, fixed_edges=edges)


def test_fixed_edges_are_written_and_read():
    """The section of fixed edges comes back as it was."""
    instance = TSP().make(coords=SQUARE, metric="EUC_2D", fixed_edges=[(2, 0), (1, 3)])
    again = TSP().parse(TSP().format(instance), "")
    assert again.fixed_edges.tolist() == [[2, 0], [1, 3]]


def test_solvers_that_do_not_keep_what_is_asked_are_refused():
    """A solver that knows no fixed edges or precedences says so and does not ignore them."""
    fixed = TSP().make(coords=SQUARE, fixed_edges=[(2, 0)])
    with pytest.raises(FitError, match="does not keep fixed edges"):
        redwood.solve(fixed, "highs")
    ordered = ATSP().make(matrix=np.ones((4, 4)), precedences=[(2, 1)])
    with pytest.raises(FitError, match="does not keep precedences"):
        redwood.solve(ordered, "highs")


@pytest.mark.parametrize("seed", range(6))
def test_local_search_finds_the_cheapest_tour_with_precedences(seed):
    """On seven nodes with random precedences the answer is the cheapest of all tours that keep them."""
    rng = np.random.default_rng(seed)
    rank = np.concatenate([[0], 1 + rng.permutation(6)])
    pairs = [(i, j) for i in range(1, 7) for j in range(1, 7) if rank[i] < rank[j] and rng.random() < 0.3]
    instance = ATSP().make(matrix=rng.integers(1, 50, size=(7, 7)), precedences=pairs or [(1, 2)])
    result = redwood.solve(instance, "local-search", iterations=20_000, bound_time_limit=0)
    assert not ATSP().violations(instance, result.solution)
    assert result.objective == cheapest(ATSP(), instance)


def test_an_sop_file_is_a_tour_whose_way_back_costs_nothing():
    """By hand: from the first to the last node over 1 + 1 + 4 = 6; written again the file says the same."""
    instance = ATSP().parse(SOP, "four.sop")
    assert redwood.solve(instance, "local-search", iterations=5000, bound_time_limit=0).objective == 6.0
    told = ATSP().violations(instance, ATSP.solution_type([0, 2, 1, 3]))
    assert told == ["tour visits node 2 before node 1, which must come first."]
    again = ATSP().parse(ATSP().format(instance), "four.sop")
    assert again.precedences.tolist() == instance.precedences.tolist()
    assert redwood.solve(again, "local-search", iterations=5000, bound_time_limit=0).objective == 6.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-1 0 1 5", "-1 0 -1 5", "circle"),
        ("SECTION\n4\n", "SECTION\n5\n", "begins with 5, and DIMENSION is 4"),
        ("FULL_MATRIX", "UPPER_ROW", "an SOP file has EDGE_WEIGHT_FORMAT FULL_MATRIX"),
        ("0 1 9 99", "0 1", "ends after 15 of 16 numbers"),
    ],
)
def test_sop_files_that_break_a_rule_are_refused(old, new, message):
    """Each is a `FormatError` of the file."""
    with pytest.raises(FormatError, match=message):
        ATSP().parse(SOP.replace(old, new), "four.sop")


def test_precedences_before_the_start_are_refused():
    """A tour starts from node 0, so nothing comes before it."""
    with pytest.raises(InstanceError, match="before node 0"):
        ATSP().make(matrix=np.ones((3, 3)), precedences=[(1, 0)])
