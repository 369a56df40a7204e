"""Promises of the CVRP: its instances, its routes and its files."""

from __future__ import annotations

import contextlib
import csv
import math
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import redwood
from redwood.errors import FormatError, InstanceError, OptionError, RedwoodError, SolutionError
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.problems.cvrp.problem import CVRP

SQUARE = [[0.0, 0.0], [3.0, 4.0], [3.0, 0.0], [0.0, 4.0]]
PROBLEM = CVRP()


def small(**changes: Any) -> CVRPInstance:
    """Return four corners of a rectangle, the depot in one, 7 units to deliver with capacity 5."""
    return PROBLEM.make(**({"coords": SQUARE, "demands": [0, 2, 2, 3], "capacity": 5, "name": "small"} | changes))


def test_objective_by_hand() -> None:
    """The objective is the length of every route from the depot and back."""
    assert PROBLEM.objective(small(), Routes([[1, 2], [3]])) == 5 + 4 + 3 + 4 + 4


def test_rounding_is_a_field() -> None:
    """EUC_2D rounds each distance to the nearest whole number, EXACT none."""
    data: dict[str, Any] = {"coords": [[0, 0], [1, 1]], "demands": [0, 1], "capacity": 1}
    assert PROBLEM.objective(PROBLEM.make(**data, metric="EUC_2D"), Routes([[1]])) == 2
    assert PROBLEM.objective(PROBLEM.make(**data), Routes([[1]])) == pytest.approx(2 * math.sqrt(2))


def test_feasible_routes_have_no_violations() -> None:
    """Routes that serve everyone once within the capacity break no rule."""
    assert PROBLEM.violations(small(vehicles=2), Routes([[1, 2], [3]])) == []


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ([[1, 2]], "customer 3 is served 0 times"),
        ([[1, 2], [3, 1]], "customer 1 is served 2 times"),
        ([[1, 3], [2], [4]], "node 4 is on a route"),
        ([[0, 1], [2, 3]], "node 0 is on a route"),
        ([[1, 2, 3]], "route 1 carries 7, above the vehicle capacity 5"),
        ([[1], [2], [3]], "3 routes are driven, and there are only 2 vehicles"),
    ],
)
def test_violations_are_told(routes: list[list[int]], words: str) -> None:
    """Every broken rule is told in words with the customer or route and the value."""
    assert any(words in told for told in PROBLEM.violations(small(vehicles=2), Routes(routes)))


def test_capacity_from_both_sides() -> None:
    """A load equal to the capacity is allowed, one above it is not; sums of fractions may round up."""
    assert PROBLEM.violations(small(capacity=1.0, demands=[0, 0.7, 0.2, 0.1]), Routes([[1, 2, 3]])) == []
    assert PROBLEM.violations(small(capacity=7), Routes([[1, 2, 3]])) == []
    assert PROBLEM.violations(small(capacity=6), Routes([[1, 2, 3]])) != []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"demands": [0, 2, 57, 3]}, "demand 57 of customer 2 exceeds the vehicle capacity 5, so no route can serve it."),
        ({"vehicles": 1}, "total demand 7 exceeds 5, what 1 vehicles of capacity 5 carry; at least 2 vehicles are needed."),
        ({"demands": [0, 3, 3, 3], "vehicles": 2}, "3 customers have demands above half"),
        ({"demands": [0, 2, float("nan"), 3]}, "demand nan of customer 2 is not finite"),
        ({"demands": [0, 2, -1, 3]}, "demand -1 of customer 2 is negative"),
        ({"demands": [1, 2, 2, 3]}, "demand 1 of the depot"),
        ({"demands": [2, 2, 3]}, "demands have shape [3]; expected [4]"),
        ({"demands": ["a", 2, 2, 3]}, "demands are not numbers"),
        ({"demands": None}, "no demands are given"),
        ({"capacity": 0}, "vehicle capacity 0 is not a positive number"),
        ({"capacity": float("nan")}, "vehicle capacity nan"),
        ({"capacity": "5"}, "vehicle capacity '5'"),
        ({"vehicles": 0}, "number of vehicles 0"),
        ({"vehicles": 2.5}, "number of vehicles 2.5"),
        ({"coords": [[0, 0]], "demands": [0]}, "a depot and at least one customer"),
        ({"coords": None, "matrix": [[0, 1], [2, 0]], "demands": [0, 1]}, "differs from"),
        ({"graph": nx.complete_graph(4), "matrix": np.zeros((4, 4))}, "both a graph and a matrix"),
    ],
)
def test_bad_instances_are_explained(changes: dict[str, Any], words: str) -> None:
    """Broken data and plain infeasibility are refused at the door, naming the entry, the rule and the value."""
    with pytest.raises(InstanceError) as error:
        small(**changes)
    assert words in str(error.value)


def test_graph_gives_matrix_and_demands() -> None:
    """A networkx graph gives the distances by its weights and, by default, demands by its nodes."""
    graph = nx.Graph()
    graph.add_nodes_from([("depot", {}), ("a", {"demand": 2}), ("b", {"demand": 1})])
    graph.add_weighted_edges_from([("depot", "a", 1.0), ("depot", "b", 2.0), ("a", "b", 2.5)])
    instance = PROBLEM.make(graph=graph, capacity=3)
    assert instance.demands.tolist() == [0, 2, 1]
    assert PROBLEM.objective(instance, Routes([[1, 2]])) == 5.5


def test_routes_take_lists_and_drop_empty_ones() -> None:
    """Routes come as lists of whole numbers; empty ones vanish, and anything else is refused."""
    given_routes: Any = [[1, 2], [], np.array([3])]
    assert Routes(given_routes).routes == [[1, 2], [3]]
    wrong: Any
    for wrong in ("12", [1, 2], [[1.5]], [["a"]], None):
        with pytest.raises(SolutionError):
            Routes(wrong)


@pytest.mark.parametrize("variant", CVRP.variants)
def test_generators_are_seeded_and_valid(variant: str) -> None:
    """The same seed gives the same valid instance of the size that was asked for, another seed another one."""
    first, again, other = (PROBLEM.generate(30, np.random.default_rng(seed), variant=variant) for seed in (1, 1, 2))
    assert first.size == 30
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    PROBLEM.validate(first)


@pytest.mark.parametrize(("size", "capacity"), [(100, 50), (200, 80), (500, 100), (1000, 250), (150, 65), (3, 20)])
def test_uniform_capacities(size: int, capacity: int) -> None:
    """Uniform instances have BQ-NCO's capacities, interpolated between its sizes, and demands from 1 to 9."""
    instance = PROBLEM.generate(size, np.random.default_rng(0))
    assert instance.capacity == capacity
    assert set(instance.demands[1:].tolist()) <= set(range(1, 10))


@pytest.mark.parametrize(
    ("demands", "low", "high"),
    [("unitary", 1, 1), ("small-even", 5, 10), ("large-even", 50, 100), ("quadrant", 1, 100), ("many-small", 1, 100)],
)
@pytest.mark.parametrize("customers", ["random", "clustered", "random-clustered"])
def test_xml100_classes(demands: str, low: int, high: int, customers: str) -> None:
    """XML100 instances have whole coordinates up to 1000, demands of their class and routes of the length asked for."""
    options = {"depot": "corner", "customers": customers, "demands": demands, "route_length": "medium"}
    instance = PROBLEM.generate(100, np.random.default_rng(3), variant="xml100", **options)  # type: ignore[arg-type]
    coords = np.asarray(instance.travel.coords)
    assert coords[0].tolist() == [0, 0]
    assert (coords == np.rint(coords)).all()
    assert 0 <= coords.min() <= coords.max() <= 1000
    assert low <= instance.demands[1:].min() <= instance.demands[1:].max() <= high
    assert 7.9 <= 100 * instance.capacity / instance.demands.sum() <= 13


def test_unknown_generator_options_are_errors() -> None:
    """Unknown variants and classes are refused with the known names."""
    options: dict[str, Any]
    for options in ({"variant": "moon"}, {"variant": "xml100", "depot": "moon"}, {"variant": "xml100", "demands": "u"}):
        with pytest.raises(OptionError):
            PROBLEM.generate(5, np.random.default_rng(0), **options)


VRP = """NAME : tiny
COMMENT : (by hand, No of trucks: 2, Optimal value: 20)
TYPE : CVRP
DIMENSION : 4
EDGE_WEIGHT_TYPE : EUC_2D
CAPACITY : 5
NODE_COORD_SECTION
1 3 0
2 0 0
3 3 4
4 0 4
DEMAND_SECTION
1 2
2 0
3 2
4 3
DEPOT_SECTION
2
-1
EOF
"""


def test_an_absurd_dimension_is_an_error_at_once() -> None:
    """A DIMENSION beyond all memory is refused for what the file lacks, before anything of that size is made."""
    with pytest.raises(FormatError, match="NODE_COORD_SECTION"):
        PROBLEM.parse(VRP.replace("DIMENSION : 4", "DIMENSION : 158499653801"), "file")


def test_vrp_with_fleet_value_and_any_depot() -> None:
    """The comment of the sets A and P gives fleet and value; a depot elsewhere becomes node 0, the rest keep their order."""
    instance = PROBLEM.parse(VRP, "file")
    assert (instance.name, instance.vehicles, instance.best_known, instance.capacity) == ("tiny", 2, 20.0, 5)
    assert instance.demands.tolist() == [0, 2, 2, 3]
    assert np.asarray(instance.travel.coords).tolist() == [[0, 0], [3, 0], [3, 4], [0, 4]]
    assert PROBLEM.objective(instance, Routes([[1, 2], [3]])) == 20


def test_unrounded_reading() -> None:
    """Reading unrounded takes Euclidean distances as they are and drops the value that assumes rounding."""
    instance = PROBLEM.parse(VRP.replace("3 3 4", "3 3 5"), "file", rounded=False)
    assert instance.best_known is None
    assert PROBLEM.objective(instance, Routes([[2]])) == pytest.approx(2 * math.sqrt(34))


def test_lower_row_matrix() -> None:
    """An explicit matrix in LOWER_ROW, depot included, is read in the order of the rows."""
    head = VRP[: VRP.index("NODE_COORD_SECTION")].replace("EUC_2D", "EXPLICIT\nEDGE_WEIGHT_FORMAT : LOWER_ROW")
    tail = "DEMAND_SECTION\n1 0\n2 2\n3 2\n4 3\nDEPOT_SECTION\n1\n-1\nEOF\n"
    instance = PROBLEM.parse(f"{head}EDGE_WEIGHT_SECTION\n1\n2 3\n4 5 6\n{tail}", "file")
    assert PROBLEM.objective(instance, Routes([[1, 2], [3]])) == 1 + 3 + 2 + 4 + 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("CAPACITY : 5", "CAPACITY : 5\nDISTANCE : 200"), "DISTANCE asks for a limit on the length of a route"),
        (("CAPACITY : 5", "CAPACITY : 5\nSERVICE_TIME : 10"), "service times"),
        (("DEPOT_SECTION", "TIME_WINDOW_SECTION\n1 0 10\nDEPOT_SECTION"), "time windows"),
        (("CAPACITY : 5", "CAPACITY : five"), "CAPACITY 'five'"),
        (("CAPACITY : 5\n", ""), "CAPACITY is missing"),
        (("\n2\n-1", "\n1\n2\n-1"), "2 depots"),
        (("4 3\nDEPOT", "DEPOT"), "DEMAND_SECTION ends after 3 of 4 nodes"),
        (("CAPACITY : 5", "CAPACITY : 2"), "demand 3 of customer 3 exceeds the vehicle capacity 2"),
        (("TYPE : CVRP", "TYPE : TSP"), "TYPE is 'TSP'"),
        (("4 3\nDEPOT", "4 nan\nDEPOT"), "nan"),
    ],
)
def test_bad_files_are_explained(change: tuple[str, str], words: str) -> None:
    """What a file asks for beyond the problem, and what it lacks, is refused in words."""
    with pytest.raises(FormatError) as error:
        PROBLEM.parse(VRP.replace(*change), "file")
    assert words in str(error.value)


@pytest.mark.parametrize("variant", CVRP.variants)
def test_written_instances_read_back(variant: str) -> None:
    """What `format` writes, `parse` reads back bit by bit."""
    instance = PROBLEM.generate(12, np.random.default_rng(4), variant=variant)
    assert PROBLEM.parse(PROBLEM.format(instance), "file").fingerprint() == instance.fingerprint()


def test_written_matrix_reads_back() -> None:
    """Matrix, fleet, fractions and best known value survive writing."""
    matrix = np.array([[0, 1.1, 2], [1.1, 0, 0.3], [2, 0.3, 0]])
    made = PROBLEM.make(matrix=matrix, demands=[0, 0.5, 0.25], capacity=0.9, vehicles=2, best_known=3.4, name="m")
    read = PROBLEM.parse(PROBLEM.format(made), "file")
    assert read.fingerprint() == made.fingerprint()
    assert read.best_known == 3.4


def test_solution_files() -> None:
    """A ``.sol`` text reads back to the same routes; strange lines are errors."""
    routes = Routes([[1, 2], [3]])
    text = PROBLEM.format_solution(small(), routes)
    assert text == "Route #1: 1 2\nRoute #2: 3\nCost 20\n"
    assert PROBLEM.parse_solution(text, small()).routes == routes.routes
    for wrong in ("", "Cost 5\n", "Route #1: 1 x\n", "Route #1: 1 2\nhello\n"):
        with pytest.raises(FormatError):
            PROBLEM.parse_solution(wrong, small())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mangled_files_give_typed_errors(data: st.DataObject) -> None:
    """A file with characters changed, lines lost or doubled is read or refused, and never crashes."""
    lines = VRP.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "text", "token"]))
        if kind == "drop":
            lines[at] = ""
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "text":
            lines[at] = data.draw(st.text(max_size=12))
        else:
            lines[at] = lines[at].replace("4", data.draw(st.sampled_from(["-1", "1e400", "nan", "0", "99999999999999"])))
    with contextlib.suppress(RedwoodError):
        PROBLEM.parse("\n".join(lines), "file")


def test_published_solutions_keep_their_value(data_folder: Path) -> None:
    """All best known solutions of X and XXL are feasible and cost exactly what is published."""
    values = published(data_folder)
    paths = sorted(data_folder.glob("cvrp/X*/*.sol"))
    assert len(paths) >= 52
    for path in paths:
        instance = PROBLEM.read(path.with_suffix(".vrp"))
        routes = PROBLEM.parse_solution(path.read_text(), instance)
        assert PROBLEM.violations(instance, routes) == []
        assert PROBLEM.objective(instance, routes) == values[f"cvrp/{path.parent.name}/{path.stem}.vrp"]


def test_fleets_of_a_and_p(data_folder: Path) -> None:
    """Files of A and P give at most k vehicles, k as in the name, and the published value."""
    values = published(data_folder)
    for path in sorted(data_folder.glob("cvrp/[AP]/*.vrp")):
        instance = PROBLEM.read(path)
        assert instance.vehicles == int(path.stem.split("-k")[1])
        assert instance.best_known == values[f"cvrp/{path.parent.name}/{path.name}"]


def published(folder: Path) -> dict[str, float]:
    """Return the known value of every file."""
    with (folder / "best_known.csv").open() as file:
        return {row["file"]: float(row["value"]) for row in csv.DictReader(file) if row["value"]}


def test_read_takes_the_rounding(tmp_path: Path) -> None:
    """`redwood.read` hands ``rounded=`` on to the problem, and refuses options that its reader does not take."""
    file = tmp_path / "small.vrp"
    file.write_text(
        "NAME : small\nTYPE : CVRP\nDIMENSION : 3\nEDGE_WEIGHT_TYPE : EUC_2D\nCAPACITY : 5\nNODE_COORD_SECTION\n"
        "1 0 0\n2 1 1\n3 2 1\nDEMAND_SECTION\n1 0\n2 2\n3 2\nDEPOT_SECTION\n1\n-1\nEOF\n"
    )
    routes = [[1, 2]]
    assert redwood.check(redwood.read(file), routes).objective == 1 + 1 + 2
    exact = redwood.check(redwood.read(file, rounded=False), routes).objective
    assert exact == pytest.approx(math.sqrt(2) + 1 + math.sqrt(5))
    with pytest.raises(OptionError, match="round"):
        redwood.read(file, round=False)


def test_matrices_and_fleets_are_drawn():
    """`matrix` has symmetric distances and no coordinates, `fleet` vehicles that are enough; both come back from files."""
    problem = CVRP()
    for variant in ("matrix", "fleet"):
        made = redwood.generate(f"cvrp/{variant}", 12, seed=3)
        assert made.fingerprint() == redwood.generate(f"cvrp/{variant}", 12, seed=3).fingerprint()
        assert problem.parse(problem.format(made), made.name).fingerprint() == made.fingerprint()
        assert (made.travel.coords is None) == (variant == "matrix")
        assert (made.vehicles is None) == (variant == "matrix")
        least = int(np.ceil(made.demands.sum() / made.capacity))
        assert variant == "matrix" or least <= made.vehicles <= least + 1
        assert redwood.solve(made, "highs", time_limit=20, bound_time_limit=0).objective is not None
