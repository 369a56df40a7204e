"""The relaxation of the TSP: its cuts hold for every tour, its bound for every instance, whatever the distances."""

import itertools
import math

import numpy as np
import pytest

import redwood
from redwood.clock import Timer
from redwood.problems.tsp.bound import TSPBound
from redwood.problems.tsp.cuts import CutFinder, smaller_side
from redwood.problems.tsp.relaxation import relax

SIZE = 8
TOURS = np.array([(0, *rest) for rest in itertools.permutations(range(1, SIZE)) if rest[0] < rest[-1]])
SCALES = (1e-9, 1.0, 1e9)


def matrix_of(seed: int) -> np.ndarray:
    """Return distances that the seed chooses: points, ties, zeros, no triangle rule, of any scale."""
    rng = np.random.default_rng(seed)
    kind = seed % 4
    if kind == 0:
        spots = rng.random((SIZE, 2))
        matrix = np.hypot(*(spots[:, None] - spots[None]).transpose(2, 0, 1))
    else:
        highest = {1: 3, 2: 1000, 3: 2}[kind]
        half = rng.integers(0, highest, (SIZE, SIZE)).astype(float)
        matrix = half + half.T
        if kind == 3:
            matrix[rng.random((SIZE, SIZE)) < 0.5] *= 1000.0
            matrix = np.minimum(matrix, matrix.T)
    np.fill_diagonal(matrix, 0.0)
    return matrix * SCALES[seed // 4 % 3]


def shortest(matrix: np.ndarray) -> float:
    """Return the length of a shortest tour by looking at all."""
    return float(matrix[TOURS, np.roll(TOURS, -1, axis=1)].sum(axis=1).min())


@pytest.mark.parametrize("part", range(4))
def test_the_bound_holds_on_distances_of_all_kinds(part):
    """On 24 instances of each kind the bound is at most the shortest tour, and nearly all bounds are within a thousandth."""
    close = 0
    for seed in range(part, 96, 4):
        matrix = matrix_of(seed)
        least = shortest(matrix)
        value = TSPBound(redwood.instance("tsp", matrix=matrix)).bound(Timer()).value
        assert value <= least * (1 + 1e-12)
        close += value >= 0.999 * least
    assert close >= 22


@pytest.mark.parametrize("seed", range(40))
def test_every_cut_holds_for_every_tour(seed):
    """Cuts found at vertices of the relaxation, and at random points, are crossed as often as they say by all tours."""
    rng = np.random.default_rng(seed)
    instance = redwood.instance("tsp", matrix=matrix_of(4 * seed))
    relaxation = relax(instance, np.zeros((0, 2), dtype=np.int64), Timer())
    relaxation.tighten(Timer())
    tails, heads = np.triu_indices(SIZE, 1)
    finder = CutFinder(rng.permutation(SIZE))
    cuts = list(relaxation.cuts)
    for _ in range(5):  # odd cycles of half edges and pairs: where blossoms and combs are violated
        values = np.zeros((SIZE, SIZE))
        nodes = rng.permutation(SIZE)
        for ring in (nodes[:3], nodes[3:6]):
            for a, b in zip(ring, np.roll(ring, 1), strict=True):
                values[a, b] += 0.5
        for a, b in (
            (nodes[0], nodes[3]),
            (nodes[1], nodes[4]),
            (nodes[2], nodes[6]),
            (nodes[6], nodes[7]),
            (nodes[7], nodes[5]),
        ):
            values[a, b] += 1.0
        values += values.T
        cuts += finder.find(tails, heads, values[tails, heads], 100, Timer())
    assert any(len(cut.sets) > 1 for cut in cuts)
    for cut in cuts:
        crossed = np.zeros(len(TOURS))
        for one in cut.sets:
            inside = np.isin(TOURS, one)
            crossed += (inside != np.roll(inside, -1, axis=1)).sum(axis=1)
        assert crossed.min() >= cut.least


def test_the_point_of_two_triangles_is_cut_off_by_a_comb():
    """Two triangles of half edges joined by three whole edges violate no subtour, and the blossom by a whole unit."""
    tails, heads = np.array([0, 1, 0, 3, 4, 3, 0, 1, 2]), np.array([1, 2, 2, 4, 5, 5, 3, 4, 5])
    values = np.array([0.5] * 6 + [1.0] * 3)
    cuts = CutFinder(np.array([0, 3, 4, 1, 2, 5])).find(tails, heads, values, 100, Timer())
    assert cuts
    assert cuts[0].least == 10.0
    assert cuts[0].violation == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(3))
def test_teeth_are_disjoint_where_subtours_are_violated_too(seed):
    """Beside cycles, where one tooth around a whole component counts more than three teeth, combs keep their own teeth."""
    tails, heads, values, order = [], [], [], []
    for base in range(0, 36, 12):
        ring = [*range(base, base + 6)]
        a, b, c, d, e, f = range(base + 6, base + 12)
        tails += [*ring, a, b, c, d, e, f, a, b, c]
        heads += [*ring[1:], base, b, c, a, e, f, d, d, e, f]
        values += [1.0] * 6 + [0.5] * 6 + [1.0] * 3
        order += [*ring, a, d, e, b, c, f]
    names = np.random.default_rng(seed).permutation(36)
    found = CutFinder(names[order]).find(names[tails], names[heads], np.array(values), 10**6, Timer())
    combs = [cut for cut in found if len(cut.sets) > 1]
    assert combs
    for cut in combs:
        teeth = np.concatenate(cut.sets[1:])
        assert len(teeth) == len(np.unique(teeth))


def test_bounds_say_whether_they_were_cut_short():
    """A bound whose clock stops early says so; one without a limit does not."""

    class Asked(Timer):
        """A clock that stops after it has been asked so many times."""

        def __init__(self, times: int) -> None:
            super().__init__()
            self.times = times

        def stops(self) -> bool:
            self.times -= 1
            return self.times < 0

    instance = redwood.generate("tsp", 60, seed=3, metric="EUC_2D")
    assert TSPBound(instance).bound(Asked(50)).cut_short
    assert not TSPBound(instance).bound(Timer()).cut_short


def test_sides_of_a_set_are_the_same_set():
    """A set of nodes and all others have one smaller side, also where both are as large."""
    for nodes in ([1, 2], [0, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7]):
        others = [node for node in range(SIZE) if node not in nodes]
        side = smaller_side(np.array(nodes), SIZE)
        assert side.tolist() == smaller_side(np.array(others), SIZE).tolist()
        assert len(side) <= SIZE / 2


def test_highs_proves_files_that_cuts_bring_close(data_folder):
    """kroB100, and ftv47 whose start HiGHS 1.16 misprices, are proven to be optimal at their known values."""
    for file, value in (("tsplib/kroB100.tsp", 22141.0), ("atsp/ftv47.atsp", 1776.0)):
        result = redwood.solve(redwood.read(data_folder / file), "highs", time_limit=60.0, bound_time_limit=0.0)
        assert (result.status, result.objective) == ("optimal", value)
        assert math.isclose(result.bound, value)
