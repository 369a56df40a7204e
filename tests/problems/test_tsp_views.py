"""Promises of the views of the TSP: bounds that hold, moves that price right, models that keep the best tour."""

import csv
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree

import redwood
from redwood.arrays import Array
from redwood.clock import Timer
from redwood.errors import FitError, SolutionError
from redwood.problems.routing.spanning import SpanningTrees
from redwood.problems.routing.travel import Metric
from redwood.problems.tsp.bound import TSPBound
from redwood.problems.tsp.instance import Tour, TSPInstance
from redwood.problems.tsp.light_cut_kernels import light_cuts
from redwood.problems.tsp.linear import TSPLinear
from redwood.problems.tsp.local import TourState, TSPLocal
from redwood.problems.tsp.problem import TSP
from redwood.views.compiled import compile_model
from redwood.views.linear import Rows

PROBLEM = TSP()


def _instance(
    size: int, seed: int, metric: Metric = Metric.EXACT, *, side: float = 100.0, crowded: bool = False
) -> TSPInstance:
    rng = np.random.default_rng(seed)
    if metric is Metric.EXPLICIT:
        half = rng.integers(0, 50, (size, size))
        return PROBLEM.make(matrix=half + half.T)
    coords = side * rng.random((size, 2))
    if metric is Metric.GEO:
        coords = np.round(rng.random((size, 2)) * [170.0, 350.0] - [85.0, 175.0], 2)
    return PROBLEM.make(
        coords=np.floor(coords / 25.0) if crowded else coords, metric=None if metric is Metric.EXACT else metric
    )


def _shortest(instance: TSPInstance) -> tuple[float, list[Tour]]:
    """Return the least length, and every tour from node 0 that has it, by looking at all of them."""
    tours = np.array([(0, *rest) for rest in itertools.permutations(range(1, instance.size))])
    lengths = instance.travel.between(tours, np.roll(tours, -1, axis=1)).sum(axis=1)
    least = lengths.min()
    return float(least), [Tour(tour) for tour in tours[lengths <= least * (1 + 1e-12)]]


metrics = st.sampled_from(list(Metric))


@settings(max_examples=60, deadline=None)
@given(size=st.integers(3, 8), seed=st.integers(0, 10**6), metric=metrics, crowded=st.booleans())
def test_the_bound_never_exceeds_the_shortest_tour(size: int, seed: int, metric: Metric, crowded: bool) -> None:
    """On instances small enough to look at every tour, the bound is at most the optimum, with and without an incumbent."""
    instance = _instance(size, seed, metric, crowded=crowded)
    least, _ = _shortest(instance)
    for incumbent in (None, least):
        value = TSPBound(instance).bound(Timer(), incumbent).value
        assert 0.0 <= value <= least * (1 + 1e-15)
        assert value == int(value) or metric is Metric.EXACT


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_bound_of_the_only_tour_is_its_length(size: int) -> None:
    """Up to three nodes there is one tour, and the bound meets it."""
    instance = PROBLEM.make(coords=[(0, 0), (3, 4), (3, 0)][:size])
    assert TSPBound(instance).bound(Timer()).value == pytest.approx(PROBLEM.objective(instance, Tour(np.arange(size))))


@pytest.mark.parametrize(
    ("file", "most"), [("berlin52", 0.1), ("kroB100", 1.6), ("pr124", 2.0), ("lin105", 0.2), ("d198", 0.7)]
)
def test_the_ascent_comes_close_to_known_optima(data_folder: Path, file: str, most: float) -> None:
    """On TSPLIB, clusters included, the bound is within the stated per cent below the optimum, and never above."""
    with (data_folder / "best_known.csv").open() as table:
        known = {row["file"]: float(row["value"]) for row in csv.DictReader(table) if row["problem"] == "tsp"}
    optimum = known.get(f"tsplib/{file}.tsp", 7542.0)
    instance = redwood.read(data_folder / "tsplib" / f"{file}.tsp")
    value = TSPBound(instance).bound(Timer()).value  # type: ignore[arg-type]
    assert optimum * (1 - most / 100) <= value <= optimum


def test_the_bound_is_the_same_each_time_without_a_clock() -> None:
    """Without a time limit, the bound depends on nothing but the instance."""
    values = {TSPBound(_instance(60, 3)).bound(Timer()).value for _ in range(2)}
    assert len(values) == 1


def test_a_clock_that_has_run_out_still_gives_a_valid_bound() -> None:
    """With no time at all the bound is 0, as distances are not negative."""
    clock = Timer(1e-9)
    assert TSPBound(_instance(50, 1)).bound(clock).value == 0.0


def test_a_short_clock_gives_a_bound_between_none_and_the_best() -> None:
    """Time that allows half of the shortest edges, and little more, gives a weaker bound that is still above 0."""

    class Asked(Timer):
        """A clock that stops after it has been asked so many times."""

        def __init__(self, times: int) -> None:
            super().__init__()
            self.times = times

        def stops(self) -> bool:
            self.times -= 1
            return self.times < 0

    instance = _instance(60, 3, Metric.EUC_2D)
    values = [TSPBound(instance).bound(Asked(times)).value for times in (0, 1, 40, 10**9)]
    assert values == sorted(values)
    assert len(set(values)) == 4


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(2, 60),
    seed=st.integers(0, 10**6),
    metric=metrics,
    crowded=st.booleans(),
    spread=st.sampled_from([0, 5, 60]),
)
def test_spanning_trees_are_minimal(size: int, seed: int, metric: Metric, crowded: bool, spread: int) -> None:
    """Under any potentials the spanning tree weighs as much as scipy's on the full matrix, and spans."""
    instance = _instance(size, seed, metric, crowded=crowded)
    potentials = np.round(spread * np.random.default_rng(seed).standard_normal(size), 1)
    trees = SpanningTrees(instance.travel)
    edges = trees.tree(potentials, trees.nearby(), Timer())
    assert edges is not None
    weights = instance.travel.full() + potentials[:, None] + potentials[None, :]
    shift = 1.0 - weights.min()  # scipy takes zeros for missing edges
    shifted = weights + shift
    np.fill_diagonal(shifted, 0.0)
    expected = minimum_spanning_tree(shifted).sum() - (size - 1) * shift
    assert weights[edges[:, 0], edges[:, 1]].sum() == pytest.approx(expected)
    assert len(set(edges.ravel().tolist())) == size


@settings(max_examples=40, deadline=None)
@given(size=st.integers(3, 40), seed=st.integers(0, 10**6), metric=metrics)
def test_the_cheapest_edge_of_a_node_is_the_cheapest(size: int, seed: int, metric: Metric) -> None:
    """The k-d tree finds the same cheapest edge, another one skipped, as a scan does."""
    travel = _instance(size, seed, metric).travel
    potentials = 20.0 * np.random.default_rng(seed).standard_normal(size)
    trees = SpanningTrees(travel)
    trees.tree(potentials, trees.nearby(), Timer())
    weights = travel.full() + potentials[:, None] + potentials[None, :]
    weights[0, :2] = math.inf
    head, weight = trees.cheapest(0, 1)
    assert weight == pytest.approx(weights[0].min())
    assert weights[0, head] == pytest.approx(weight)


def test_half_of_the_two_shortest_edges_add_up() -> None:
    """The plain bound is half of the two least entries of each row of the matrix."""
    for metric in (Metric.EXACT, Metric.MAN_2D, Metric.EXPLICIT):
        travel = _instance(50, 2, metric).travel
        full = travel.full().copy()
        np.fill_diagonal(full, math.inf)
        expected = np.sort(full, axis=1)[:, :2].sum() / 2.0
        assert SpanningTrees(travel).half_sum(Timer()) == pytest.approx(expected)


def _check_state(instance: TSPInstance, view: TSPLocal, state: TourState) -> None:
    solution = view.solution(state)
    assert PROBLEM.violations(instance, solution) == []
    assert view.objective(state) == pytest.approx(PROBLEM.objective(instance, solution), abs=1e-6)
    np.testing.assert_array_equal(state.place[state.tour], np.arange(instance.size))


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 40), seed=st.integers(0, 10**6), metric=metrics, greedy=st.booleans())
def test_every_move_keeps_a_tour_and_its_length(size: int, seed: int, metric: Metric, greedy: bool) -> None:
    """After any of the methods the state is a tour, and its length what the problem says."""
    instance, rng = _instance(size, seed, metric), np.random.default_rng(seed)
    view = TSPLocal(instance)
    state = view.construct(rng) if greedy else view.initial(rng)
    for _ in range(5):
        _check_state(instance, view, state)
        proposed = view.propose(state, rng)
        assert (proposed is None) == (size < 4)
        if proposed is not None:
            before = view.objective(state)
            view.apply(state, proposed[0])
            assert view.objective(state) == pytest.approx(before + proposed[1])
        _check_state(instance, view, state)
        view.descend(state)
        _check_state(instance, view, state)
        view.perturb(state, rng)


def test_descending_never_lengthens_and_ends() -> None:
    """From a random tour the descent shortens a lot; then nothing waits, and a second one changes nothing."""
    instance, rng = redwood.generate("tsp", 300, seed=1), np.random.default_rng(1)
    view = TSPLocal(instance)  # type: ignore[arg-type]
    state = view.initial(rng)
    before = view.objective(state)
    view.descend(state)
    after = view.objective(state)
    assert after < 0.2 * before
    assert not state.waiting.any()
    view.descend(state)
    assert view.objective(state) == after


def test_copies_are_independent() -> None:
    """Changing a copy leaves the state alone."""
    view, rng = TSPLocal(_instance(30, 1)), np.random.default_rng(1)
    state = view.construct(rng)
    kept, copy = state.tour.copy(), view.copy(state)
    view.perturb(copy, rng)
    view.descend(copy)
    np.testing.assert_array_equal(state.tour, kept)


def test_proposals_reach_every_tour_of_five_nodes() -> None:
    """By proposed moves alone, all 12 tours of five nodes are met."""
    view, rng = TSPLocal(_instance(5, 1)), np.random.default_rng(1)
    state, met = view.initial(rng), set()
    for _ in range(2000):
        proposed = view.propose(state, rng)
        assert proposed is not None
        view.apply(state, proposed[0])
        tour = np.roll(state.tour, -int(state.place[0])).tolist()
        met.add(min(tuple(tour), (0, *tour[:0:-1])))
    assert len(met) == 12


def _violated(rows: Rows, values: Array) -> bool:
    sums = np.array([values[rows.columns[a:b]].sum() for a, b in itertools.pairwise(rows.starts)])
    return bool(((sums > rows.upper + 1e-9) | (sums < rows.lower - 1e-9)).all())


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 7), seed=st.integers(0, 10**6), metric=metrics, offset=st.sampled_from([None, 0.0, 1.0, 5.0]))
def test_the_model_keeps_a_best_tour(size: int, seed: int, metric: Metric, offset: float | None) -> None:
    """Edges left out cost no best tour, unless the incumbent is optimal; a tour starts and comes back as itself."""
    instance = _instance(size, seed, metric)
    least, tours = _shortest(instance) if size > 2 else (PROBLEM.objective(instance, Tour(range(size))), [Tour(range(size))])  # type: ignore[arg-type]
    view = TSPLinear(instance)
    view.model(None if offset is None else least + offset)
    if offset == 0.0:
        return
    starts = [(tour, values) for tour in tours if (values := view.start(tour)) is not None]
    assert starts
    _, values = starts[0]
    assert PROBLEM.objective(instance, view.solution(values)) == pytest.approx(least)
    assert view.separate(values, True) is None


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_the_model_compiles_with_its_objective(size: int) -> None:
    """The compiled model has the listed variables first, and prices a tour like the problem."""
    instance = _instance(size, 4)
    view = TSPLinear(instance)
    model = view.model()
    compiled = compile_model(model, view.variables(model))
    tour = Tour(_shortest(instance)[1][0].tour if size > 2 else np.arange(size))
    values = view.start(tour)
    assert values is not None
    assert compiled.objective(values) == pytest.approx(PROBLEM.objective(instance, tour))


def test_separation_cuts_off_two_triangles_and_no_tour() -> None:
    """Integral points of several cycles violate the rows found; the rows hold for every tour of the six nodes."""
    instance = PROBLEM.make(coords=[(0, 0), (1, 0), (0, 1), (9, 9), (9, 8), (8, 9)], metric="CEIL_2D")
    view = TSPLinear(instance)
    view._edges = np.array(list(itertools.combinations(range(6), 2)))
    cycles = [set(pair) <= {0, 1, 2} or set(pair) <= {3, 4, 5} for pair in view._edges.tolist()]
    rows = view.separate(np.array(cycles, dtype=float), True)
    assert rows is not None
    assert _violated(rows, np.array(cycles, dtype=float))
    for order in itertools.permutations(range(1, 6)):
        values = view.start(Tour(np.array([0, *order])))
        assert values is not None
        assert view.separate(values, True) is None
        assert not _violated(rows, values)
    with pytest.raises(SolutionError, match="no tour"):
        view.solution(np.array(cycles, dtype=float))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_fractional_rows_are_violated_and_hold_for_tours(seed: int) -> None:
    """Rows found at a mixture of tours and cycles are violated there, and by none of the tours of 7 nodes."""
    rng = np.random.default_rng(seed)
    view = TSPLinear(_instance(7, seed))
    view._edges = np.array(list(itertools.combinations(range(7), 2)))
    points = []
    for _ in range(3):  # 2-factors: a triangle and a square, or a tour
        order, parts = rng.permutation(7), [(0, 3), (3, 7)] if rng.random() < 0.7 else [(0, 7)]
        chosen = {tuple(sorted(pair)) for a, b in parts for pair in zip(order[a:b], np.roll(order[a:b], -1), strict=True)}
        points.append([tuple(pair) in chosen for pair in view._edges.tolist()])
    values = rng.dirichlet(np.ones(3)) @ np.array(points, dtype=float)
    rows = view.separate(values, False)
    if rows is None:
        return
    assert _violated(rows, values)
    for order in itertools.islice(itertools.permutations(range(1, 7)), 0, None, 7):
        start = view.start(Tour(np.array([0, *order])))
        assert start is not None
        sums = [start[rows.columns[a:b]].sum() for a, b in itertools.pairwise(rows.starts)]
        assert (np.array(sums) <= rows.upper).all()


@settings(max_examples=40, deadline=None)
@given(size=st.integers(3, 8), seed=st.integers(0, 10**6))
def test_light_cuts_find_a_cut_where_there_is_one(size: int, seed: int) -> None:
    """A cut below the limit is found just where looking at all subsets finds one, and has the value claimed."""
    rng = np.random.default_rng(seed)
    weights = np.triu(np.round(rng.random((size, size)) * (rng.random((size, size)) < 0.6), 2), 1)
    weights[np.arange(size - 1), np.arange(1, size)] += 0.1  # connected
    weights += weights.T
    graph = [np.flatnonzero(row) for row in weights]
    starts = np.cumsum([0, *map(len, graph)])
    heads = np.concatenate(graph)
    sides = np.zeros((10, size), dtype=np.bool_)
    values = weights[np.repeat(np.arange(size), np.diff(starts)), heads]
    count = light_cuts(starts, heads, values, np.arange(size), 1.0, sides)
    subsets = [np.array(bits) for bits in itertools.product([False, True], repeat=size)][1:-1]
    least = min(weights[bits][:, ~bits].sum() for bits in subsets)
    assert (count > 0) == (least < 1.0)
    assert all(weights[side][:, ~side].sum() < 1.0 + 1e-9 for side in sides[:count])


def test_instances_too_large_for_the_edge_model_are_refused() -> None:
    """Beyond the limit the refusal names it, rather than looking at all pairs for hours."""
    with pytest.raises(FitError, match="5001 nodes are more than the 5000"):
        TSPLinear(redwood.generate("tsp", 5_001))  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", ["EXACT", "EUC_2D"])
def test_nodes_at_one_place_have_a_bound_and_a_model(metric: str) -> None:
    """Where all distances are 0 the ascent ends, and the model still has a tour."""
    instance = PROBLEM.make(coords=np.zeros((12, 2)), metric=metric)
    assert TSPBound(instance).bound(Timer()).value == 0.0
    view = TSPLinear(instance)
    model = view.model()
    assert len(view.variables(model)) == 66
