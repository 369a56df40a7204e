"""Promises of the TSP: what it takes, what it refuses, how it prices, and what it writes."""

import csv
from pathlib import Path

import networkx
import numpy as np
import pytest
from matplotlib.figure import Figure

import redwood
from redwood.errors import FitError, FormatError, InstanceError, OptionError, SolutionError
from redwood.problems.routing.travel import Metric
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.problems.tsp.problem import TSP

PROBLEM = TSP()
SQUARE = [(0.0, 0.0), (3.0, 4.0), (3.0, 0.0), (0.0, 4.0)]
ULYSSES16 = "1 14 13 12 7 6 15 5 11 9 10 16 3 2 4 8"  # optimal tours, published with TSPLIB
BERLIN52 = (
    "1 49 32 45 19 41 8 9 10 43 33 51 11 52 14 13 47 26 27 28 12 25 4 6 15 5 24 48 38 37 40 39 36 35 34 44 46 16 29 50 20 "
    "23 30 2 7 42 21 17 3 18 31 22"
)


def _tour(text: str) -> Tour:
    return Tour(np.array([int(word) - 1 for word in text.split()]))


def _graph(kind: type[networkx.Graph] = networkx.Graph) -> networkx.Graph:
    graph = kind()
    graph.add_weighted_edges_from([("a", "b", 3), ("b", "c", 4), ("c", "a", 5)])
    return graph


def test_a_tour_is_priced_around_and_back() -> None:
    """The length counts every step and the way back to the first node."""
    instance = PROBLEM.make(coords=SQUARE)
    assert PROBLEM.objective(instance, Tour([0, 2, 1, 3])) == 14.0
    assert PROBLEM.objective(instance, Tour([0, 1, 2, 3])) == 18.0


def test_rotated_and_reversed_tours_cost_the_same_to_the_last_bit() -> None:
    """The unrounded length depends neither on the start nor on the direction."""
    rng = np.random.default_rng(5)
    instance, tour = PROBLEM.make(coords=rng.random((50, 2))), rng.permutation(50)
    lengths = {PROBLEM.objective(instance, Tour(np.roll(tour[::way], by))) for by in range(50) for way in (1, -1)}
    assert len(lengths) == 1


@pytest.mark.parametrize("metric", ["EXACT", "EUC_2D", "GEO"])
def test_one_and_two_nodes_have_a_tour(metric: str) -> None:
    """One node has a tour of length 0, and two nodes one that goes there and back."""
    one, two = (PROBLEM.make(coords=SQUARE[:size], metric=metric) for size in (1, 2))
    assert PROBLEM.violations(one, Tour([0])) == []
    assert PROBLEM.objective(one, Tour([0])) == 0.0
    there = float(two.travel.between(np.array(0), np.array(1)))
    assert PROBLEM.objective(two, Tour([1, 0])) == 2 * there > 0


def test_no_nodes_are_refused() -> None:
    """An instance without nodes is an error and no empty tour."""
    with pytest.raises(InstanceError, match="no nodes"):
        PROBLEM.make(coords=np.zeros((0, 2)))


def test_violations_name_the_nodes() -> None:
    """A missing node, one visited twice and one that does not exist are each told."""
    instance = PROBLEM.make(coords=SQUARE)
    told = PROBLEM.violations(instance, Tour([0, 1, 1, 7]))
    assert told == [
        "tour visits node 7 at position 3, which is not one of 0 to 3.",
        "tour visits node 1 2 times instead of once.",
        "tour does not visit node 2.",
        "tour does not visit node 3.",
    ]


def test_the_sum_of_the_nodes_is_not_what_makes_a_tour() -> None:
    """0 3 3 0 has as many nodes as 0 1 2 3, with the same sum, and is no tour."""
    assert PROBLEM.violations(PROBLEM.make(coords=SQUARE), Tour([0, 3, 3, 0]))


def test_many_violations_are_counted_rather_than_listed() -> None:
    """A tour that breaks a thousand rules is told in about ten lines, with their number."""
    told = PROBLEM.violations(redwood.generate("tsp", 1000), Tour(np.zeros(1000, dtype=int)))
    assert len(told) == 10
    assert "1000" in told[-1]


@pytest.mark.parametrize("wrong", [[[0, 1]], [0.5], ["a"], [True], [float("nan")], [2**70], [[1], [2, 3]], None, 5])
def test_a_tour_is_a_flat_list_of_whole_numbers(wrong: object) -> None:
    """Anything else is refused when the tour is made."""
    with pytest.raises(SolutionError):
        Tour(wrong)  # type: ignore[arg-type]


def test_a_tour_cannot_be_changed() -> None:
    """The nodes of a tour are a read-only copy."""
    given = np.arange(4)
    tour = Tour(given)
    given[0] = 3
    assert tour.tour.tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        tour.tour[0] = 1


@pytest.mark.parametrize("kind", [networkx.Graph, networkx.DiGraph])
def test_a_complete_graph_gives_its_edge_weights(kind: type[networkx.Graph]) -> None:
    """Node i is the i-th node of the graph; a directed graph does where both directions agree."""
    graph = _graph(kind)
    if graph.is_directed():
        graph.add_weighted_edges_from([("b", "a", 3), ("c", "b", 4), ("a", "c", 5)])
    instance = PROBLEM.make(graph=graph)
    assert instance.travel.full().tolist() == [[0, 3, 5], [3, 0, 4], [5, 4, 0]]


def test_graphs_that_do_not_give_every_distance_are_refused() -> None:
    """A missing edge, a missing attribute, parallel edges and asymmetry each have their own message."""
    sparse = _graph()
    sparse.remove_edge("a", "c")
    with pytest.raises(InstanceError, match="no edge from node 'a' to 'c'"):
        PROBLEM.make(graph=sparse)
    with pytest.raises(InstanceError, match="no attribute 'time'"):
        PROBLEM.make(graph=_graph(), weight="time")
    with pytest.raises(InstanceError, match="parallel edges"):
        PROBLEM.make(graph=_graph(networkx.MultiGraph))
    with pytest.raises(InstanceError, match="networkx graph, not list"):
        PROBLEM.make(graph=[1, 2])
    with pytest.raises(InstanceError, match="atsp"):
        PROBLEM.make(graph=networkx.DiGraph([(0, 1, {"weight": 1}), (1, 0, {"weight": 2})]))


def test_instances_of_other_data_have_other_fingerprints() -> None:
    """The fingerprint tells data and metric apart, and not the name."""
    plain = PROBLEM.make(coords=SQUARE)
    assert plain.fingerprint() == PROBLEM.make(coords=SQUARE, name="square").fingerprint()
    others = [
        PROBLEM.make(coords=SQUARE, metric="EUC_2D"),
        PROBLEM.make(coords=SQUARE[::-1]),
        PROBLEM.make(matrix=plain.travel.full()),
        PROBLEM.make(matrix=plain.travel.full(), coords=SQUARE),
    ]
    assert len({instance.fingerprint() for instance in [plain, *others]}) == 5


@pytest.mark.parametrize("variant", PROBLEM.variants)
def test_generators_draw_in_their_square_and_repeat(variant: str) -> None:
    """Each variant fills the square of the given side, the same way for the same seed."""
    first, again = (redwood.generate(f"tsp/{variant}", 300, seed=4, side=50) for _ in range(2))
    other = redwood.generate(f"tsp/{variant}", 300, seed=5, side=50)
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    coords = first.travel.coords  # type: ignore[attr-defined]
    assert coords.shape == (300, 2)
    assert coords.min() >= 0
    assert coords.max() <= 50


def test_clustered_nodes_are_closer_than_uniform_ones() -> None:
    """The mean distance to the nearest node falls from uniform over mixed to clustered."""

    def closeness(name: str) -> float:
        travel = redwood.generate(name, 1000, seed=1).travel  # type: ignore[attr-defined]
        return float(travel.between(np.arange(1000), travel.nearest(1)[:, 0]).mean())

    assert closeness("tsp/clustered") < closeness("tsp/mixed") < closeness("tsp/uniform")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"metric": "GEO"}, "planar"),
        ({"side": -1.0}, "side -1.0"),
        ({"side": "wide"}, "side 'wide' is not positive"),
        ({"clusters": 3}, "clusters"),
        ({"centres": 3}, "takes no 'centres'"),
    ],
)
def test_generators_refuse_options_that_make_no_sense(options: dict[str, object], words: str) -> None:
    """No option is ignored."""
    with pytest.raises(OptionError, match=words):
        redwood.generate("tsp", 10, **options)


@pytest.mark.parametrize("metric", Metric)
def test_written_instances_read_back_the_same(metric: Metric) -> None:
    """TSPLIB text keeps every distance to the last bit, and the coordinates behind a matrix."""
    coords = np.random.default_rng(3).random((9, 2)) * 80.0
    if metric is Metric.EXPLICIT:
        plain = PROBLEM.make(coords=coords)
        instance = PROBLEM.make(matrix=plain.travel.full(), coords=coords, name="nine  nodes")
    else:
        instance = PROBLEM.make(coords=coords, metric=metric, name="nine nodes")
    again = PROBLEM.parse(PROBLEM.format(instance), "")
    assert again.fingerprint() == instance.fingerprint()
    assert again.name == "nine nodes"


def test_tours_are_written_and_read_as_tsplib_has_them() -> None:
    """A .tour file lists nodes from 1 and ends with -1; its DIMENSION must be that of the instance."""
    instance, tour = PROBLEM.make(coords=SQUARE, name="square"), Tour([2, 0, 3, 1])
    text = PROBLEM.format_solution(instance, tour)
    assert text.split("\n")[-7:] == ["3", "1", "4", "2", "-1", "EOF", ""]
    assert "length 14" in text
    assert PROBLEM.parse_solution(text, instance).tour.tolist() == [2, 0, 3, 1]
    with pytest.raises(FormatError, match="DIMENSION 4 is not the 3 nodes"):
        PROBLEM.parse_solution(text, PROBLEM.make(coords=SQUARE[:3]))


@pytest.mark.parametrize(
    ("file", "tour", "length"), [("tsplib-types/ulysses16", ULYSSES16, 6859), ("tsplib/berlin52", BERLIN52, 7542)]
)
def test_published_optimal_tours_have_their_published_length(data_folder: Path, file: str, tour: str, length: int) -> None:
    """The checker reproduces the optimal values of instances whose optimal tour is published."""
    checked = redwood.check(redwood.read(data_folder / f"{file}.tsp"), _tour(tour))
    assert checked.violations == ()
    assert checked.objective == length


def test_all_tsplib_files_read(data_folder: Path) -> None:
    """Every file of the folders reads, has as many nodes as its name says, and whole distances."""
    files = sorted([*data_folder.glob("tsplib/*.tsp"), *data_folder.glob("tsplib-types/*.tsp")])
    with (data_folder / "best_known.csv").open() as table:
        known = {row["file"] for row in csv.DictReader(table) if row["problem"] == "tsp"}
    assert len(files) == 47
    assert known <= {str(file.relative_to(data_folder)) for file in files}
    for file in files:
        instance = redwood.read(file)
        assert isinstance(instance, TSPInstance)
        assert str(instance.size) in file.stem
        assert instance.travel.integral


@pytest.mark.parametrize("size", [1, 2, 200])
def test_instances_and_tours_have_a_picture(size: int) -> None:
    """The picture has one dot a node, and the tour as one closed line."""
    instance = redwood.generate("tsp", size, seed=2)
    axes = Figure().add_subplot()
    redwood.plot(instance, np.arange(size), axes=axes)
    assert len(axes.collections[0].get_offsets()) == size  # type: ignore[arg-type]
    assert len(axes.lines[0].get_xdata()) == size + 1  # type: ignore[arg-type]


def test_latitude_is_drawn_upwards() -> None:
    """GEO coordinates are latitude and longitude, so the first is y in the picture."""
    axes = Figure().add_subplot()
    redwood.plot(PROBLEM.make(coords=[(10.0, 60.0), (20.0, 70.0)], metric="GEO"), axes=axes)
    assert axes.collections[0].get_offsets().tolist() == [[60.0, 10.0], [70.0, 20.0]]  # type: ignore[union-attr]


def test_a_matrix_alone_has_no_picture() -> None:
    """Without coordinates the refusal says why."""
    with pytest.raises(FitError, match="no coordinates"):
        redwood.plot(PROBLEM.make(matrix=[[0, 1], [1, 0]]), axes=Figure().add_subplot())
