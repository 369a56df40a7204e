"""Promises of orienteering: what it takes, what it refuses, how it prices, and what it writes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import redwood
from redwood.errors import FitError, FormatError, InstanceError, OptionError, RedwoodError
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour
from redwood.problems.orienteering.problem import Orienteering

PROBLEM = Orienteering()
LINE = [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (5.0, 0.0)]
PLAIN = "7\t1\n0 0 0\n3 4 0\n0 4 10\n3 0 5.5\n"


def line(**changes: object) -> OrienteeringInstance:
    """Return nodes at 0, 1, 2 and 5 on a line, with a budget that reaches node 2 and back."""
    return PROBLEM.make(**{"coords": LINE, "prizes": [0, 3, 4, 50], "budget": 4.0, **changes})


def test_prizes_count_once_and_ends_count() -> None:
    """The prize of a visited node counts once, that of the start too, and an empty tour earns only the start's."""
    instance = line(prizes=[2, 3, 4, 50])
    assert PROBLEM.objective(instance, Tour([0, 1, 2, 0])) == 9.0
    assert PROBLEM.objective(instance, Tour([0, 0])) == 2.0


def test_the_return_of_a_closed_tour_may_be_left_out() -> None:
    """The path with and without the return is the same tour: same prize, same length, both feasible."""
    instance = line()
    for nodes in ([0, 1, 2], [0, 1, 2, 0]):
        assert PROBLEM.violations(instance, Tour(nodes)) == []
        assert PROBLEM.length(instance, Tour(nodes)) == 4.0
    assert PROBLEM.violations(instance, Tour([0])) == []


def test_an_open_path_runs_from_start_to_end() -> None:
    """Start and end may differ, and a path that ends elsewhere is told so."""
    instance = line(start=0, end=2)
    assert PROBLEM.violations(instance, Tour([0, 1, 2])) == []
    assert "ends at node 1" in PROBLEM.violations(instance, Tour([0, 2, 1]))[0]
    assert "begins at node 1" in PROBLEM.violations(instance, Tour([1, 2]))[0]


def test_the_budget_holds_up_to_a_billionth() -> None:
    """A length may exceed the budget by 1e-9 of it, for the rounding of sums, and not by more."""
    tour = Tour([0, 1, 2, 0])
    assert PROBLEM.violations(line(budget=4.0 / (1 + 0.9e-9)), tour) == []
    told = PROBLEM.violations(line(budget=4.0 / (1 + 2e-9)), tour)
    assert "exceeds the budget" in told[0]


def test_repeated_and_unknown_nodes_are_told() -> None:
    """A node visited twice and a node that does not exist are named."""
    assert "node 1 is visited 2 times" in " ".join(PROBLEM.violations(line(), Tour([0, 1, 1, 0])))
    assert "node 9 does not exist" in PROBLEM.violations(line(), Tour([0, 9, 0]))[0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"budget": None}, "budget is missing"),
        ({"budget": -1}, "budget -1.0"),
        ({"budget": float("nan")}, "budget nan"),
        ({"prizes": None}, "prizes are missing"),
        ({"prizes": [1, 2]}, r"shape \[2\]; expected \[4\]"),
        ({"prizes": [0, 1, -2, 3]}, "prize -2.0 of node 2"),
        ({"start": 4}, "start 4"),
        ({"end": 1.5}, "end 1.5"),
        ({"start": 0, "end": 3}, "the way from start 0 to end 3 is 5 long, above the budget 4"),
    ],
)
def test_wrong_data_are_refused_in_words(changes: dict[str, object], told: str) -> None:
    """Errors name the entry, the rule and the value; an end beyond the budget is explained before any search."""
    with pytest.raises(InstanceError, match=told):
        line(**changes)


def test_nodes_beyond_reach_are_known_and_no_error() -> None:
    """Node 3 at distance 5 cannot be visited and left within a budget of 4, and the instance stands without it."""
    assert PROBLEM.unreachable(line()).tolist() == [3]


def test_a_way_through_others_makes_an_end_reachable() -> None:
    """A matrix that breaks the triangle inequality is feasible where a way through other nodes keeps within the budget."""
    matrix = np.array([[0, 1, 10], [1, 0, 1], [10, 1, 0]])
    instance = PROBLEM.make(matrix=matrix, prizes=[0, 0, 0], budget=2, start=0, end=2)
    assert PROBLEM.violations(instance, Tour([0, 1, 2])) == []


def test_a_graph_brings_distances_and_prizes() -> None:
    """Edge weights become distances, and the node attribute ``prize`` the prizes."""
    graph = networkx.Graph()
    graph.add_node("a")
    graph.add_node("b", prize=7)
    graph.add_edge("a", "b", weight=2)
    instance = PROBLEM.make(graph=graph, budget=4)
    assert instance.prizes.tolist() == [0.0, 7.0]
    assert PROBLEM.violations(instance, Tour([0, 1, 0])) == []


@pytest.mark.parametrize("variant", Orienteering.variants)
def test_generated_prizes_are_whole_and_the_depot_has_none(variant: str) -> None:
    """Prizes are 1 to 100, ``distance`` pays the farthest node 100, and the budget at 100 nodes is 4."""
    instance = PROBLEM.generate(100, np.random.default_rng(1), variant=variant)
    others = instance.prizes[1:]
    assert instance.size == 100
    assert instance.budget == 4.0
    assert instance.prizes[0] == 0.0
    assert others.min() >= 1.0
    assert others.max() <= 100.0
    if variant == "distance":
        distance = np.hypot(*(instance.travel.coords - instance.travel.coords[0]).T)
        assert others.max() == 100.0 == instance.prizes[distance.argmax()]


def test_wrong_generator_options_are_refused() -> None:
    """An unknown variant and a size of 0 are met with what is possible."""
    with pytest.raises(OptionError, match="Did you mean 'uniform'"):
        PROBLEM.generate(5, np.random.default_rng(0), variant="unifrom")
    with pytest.raises(OptionError, match="below 1"):
        PROBLEM.generate(0, np.random.default_rng(0))


def test_plain_files_are_read() -> None:
    """First the budget and one path, then a line a node: the first is the start, the second the end."""
    instance = PROBLEM.parse(PLAIN, "plain")
    assert (instance.budget, instance.start, instance.end) == (7.0, 0, 1)
    assert instance.prizes.tolist() == [0, 0, 10, 5.5]
    assert PROBLEM.length(instance, Tour([0, 2, 1])) == 7.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("7 1 3\n", "line 1: 3 entries"),
        ("7 2\n0 0 0\n1 1 0\n", "2 paths"),
        ("7 1\n0 0 0\n", "1 nodes"),
        ("7 1\n0 0 0\n1 1\n", "line 3: 2 entries"),
        ("7 1\n0 0 0\n1 x 0\n", "line 3: 'x'"),
        ("7 1\n0 0 0\nnan 1 0\n", "line 3: 'nan'"),
    ],
)
def test_broken_plain_files_name_the_line(text: str, told: str) -> None:
    """Errors in plain files say which line is wrong and why."""
    with pytest.raises(FormatError, match=told):
        PROBLEM.parse(text, "broken")


@pytest.mark.parametrize("changes", [{}, {"end": 2}, {"start": 1}, {"metric": "EUC_2D"}])
def test_oplib_files_survive_writing_and_reading(changes: dict[str, object]) -> None:
    """Text written is read back with the same distances, prizes, budget and ends, for coordinates and matrices."""
    by_coords = line(**changes)
    matrix = by_coords.travel.full()
    by_matrix = line(**{**changes, "coords": None, "metric": None, "matrix": matrix})
    for instance in (by_coords, by_matrix):
        again = PROBLEM.parse(PROBLEM.format(instance), instance.name)
        assert again.fingerprint() == instance.fingerprint()


def test_oplib_without_depots_begins_at_node_1() -> None:
    """A file without DEPOT_SECTION is a closed tour from its first node; three depots are refused."""
    text = PROBLEM.format(line())
    head = text.split("DEPOT_SECTION")[0]
    assert PROBLEM.parse(head + "EOF\n", "").start == 0
    with pytest.raises(FormatError, match="lists 3 nodes"):
        PROBLEM.parse(head + "DEPOT_SECTION\n1\n2\n3\n-1\nEOF\n", "")


def test_tours_survive_writing_and_reading() -> None:
    """A closed tour is written with its return; a plain list counted from 1 is read as well."""
    instance = line()
    text = PROBLEM.format_solution(instance, Tour([0, 1, 2]))
    assert PROBLEM.parse_solution(text, instance).tour.tolist() == [0, 1, 2, 0]
    assert PROBLEM.parse_solution("1 2 3 1", instance).tour.tolist() == [0, 1, 2, 0]


@settings(max_examples=80, deadline=None)
@given(st.booleans(), st.integers(0, 10**6), st.integers(0, 10**6), st.text(max_size=3))
def test_mangled_files_raise_typed_errors(plain: bool, begin: int, length: int, put: str) -> None:
    """A file with a piece replaced is read, or refused with an error of Redwood."""
    text = PLAIN if plain else PROBLEM.format(line())
    cut = begin % len(text)
    with contextlib.suppress(RedwoodError):
        PROBLEM.parse(text[:cut] + put + text[cut + length % 30 :], "mangled")


def test_all_public_files_are_read(data_folder: Path) -> None:
    """All 45 files are read as open paths from their first node to their second."""
    files = sorted((data_folder / "op").glob("*/*.txt"))
    instances = [PROBLEM.read(path) for path in files]
    assert len(instances) == 45
    assert all((instance.start, instance.end) == (0, 1) for instance in instances)


def test_pictures_need_coordinates() -> None:
    """Nodes and path are drawn with prize and length in the title; a matrix has no picture."""
    axes = Figure().add_subplot()
    PROBLEM.plot(line(), Tour([0, 1, 2, 0]), axes)
    assert "length 4, prize 7" in axes.get_title()
    with pytest.raises(FitError, match="no coordinates"):
        PROBLEM.plot(PROBLEM.make(matrix=np.zeros((2, 2)), prizes=[0, 1], budget=1), None, Figure().add_subplot())


@pytest.mark.parametrize("solver", ["highs", "greedy", "local-search", "random", "auto"])
def test_the_shortest_way_may_lead_through_others(solver):
    """Legs of 1.4 round to 1 each, the direct 2.8 to 3: a budget of 2 is enough, and one of 1 is not."""
    data = {"coords": [(0.0, 0.0), (1.4, 0.0), (2.8, 0.0)], "metric": "EUC_2D", "prizes": [0, 5, 0], "start": 0, "end": 2}
    result = redwood.solve(Orienteering().make(**data, budget=2), solver, time_limit=0.3, bound_time_limit=0)
    assert result.objective == 5
    with pytest.raises(InstanceError, match="a budget of at least 2"):
        Orienteering().make(**data, budget=1)
