"""Promises of distances: conventions of rounding, kernels, neighbours, and refusals."""

import numpy as np
import pytest

from redwood.errors import InstanceError
from redwood.problems.routing.distance import distance
from redwood.problems.routing.travel import Metric, Travel, check_travel


def _length(metric: str, a: tuple[float, float], b: tuple[float, float]) -> float:
    travel = check_travel([a, b], None, metric, symmetric=True)
    return float(travel.between(np.array(0), np.array(1)))


def _random(metric: Metric, size: int = 30, seed: int = 1) -> Travel:
    rng = np.random.default_rng(seed)
    if metric is Metric.EXPLICIT:
        half = rng.integers(1, 100, (size, size))
        return check_travel(None, half + half.T, None, symmetric=True)
    coords = rng.random((size, 2)) * 100.0
    if metric is Metric.GEO:
        coords = np.round(rng.random((size, 2)) * [170.0, 350.0] - [85.0, 175.0], 2)
    return check_travel(coords, None, metric, symmetric=True)


@pytest.mark.parametrize(("apart", "rounded"), [(0.5, 1), (1.5, 2), (2.5, 3), (2.4999, 2), (0.0, 0)])
def test_euc_2d_rounds_halves_up(apart: float, rounded: int) -> None:
    """EUC_2D is int(d + 0.5): halves go up, also where rounding to even would take them down."""
    assert _length("EUC_2D", (0.0, 0.0), (apart, 0.0)) == rounded


def test_ceil_2d_rounds_up_but_keeps_whole_numbers() -> None:
    """CEIL_2D takes the root of 2 to 2, and 5 to 5."""
    assert _length("CEIL_2D", (0.0, 0.0), (1.0, 1.0)) == 2
    assert _length("CEIL_2D", (0.0, 0.0), (3.0, 4.0)) == 5


def test_att_rounds_the_root_of_a_tenth_up() -> None:
    """ATT of a difference of 10 is root(10) = 3.16..., so 4; of 3 and 4 it is root(2.5) = 1.58..., so 2."""
    assert _length("ATT", (0.0, 0.0), (10.0, 0.0)) == 4
    assert _length("ATT", (0.0, 0.0), (3.0, 4.0)) == 2
    assert _length("ATT", (0.0, 0.0), (0.0, 20.0)) == 7  # root(40) = 6.32...


def test_geo_gives_the_published_distances_of_ulysses() -> None:
    """GEO of the first towns of ulysses16 is 509 and 501 km, and 60 km to the eighth, as its published matrix says."""
    first = (38.24, 20.42)
    assert _length("GEO", first, (39.57, 26.15)) == 509
    assert _length("GEO", first, (40.56, 25.32)) == 501
    assert _length("GEO", first, (37.52, 20.44)) == 60


def test_manhattan_and_maximum_norm_round_to_the_nearest() -> None:
    """MAN_2D rounds the sum of the differences, MAX_2D each difference."""
    assert _length("MAN_2D", (0.0, 0.0), (1.2, 1.3)) == 3
    assert _length("MAX_2D", (0.0, 0.0), (1.2, 2.6)) == 3


def test_unrounded_distances_are_the_default_for_coordinates() -> None:
    """Without a metric, coordinates mean plain Euclidean distances."""
    travel = check_travel([(0.0, 0.0), (1.0, 1.0)], None, None, symmetric=True)
    assert travel.metric is Metric.EXACT
    assert travel.full()[0, 1] == pytest.approx(2**0.5)
    assert not travel.integral


@pytest.mark.parametrize("metric", Metric)
def test_kernel_agrees_with_numpy(metric: Metric) -> None:
    """The compiled distance equals the plain one, entry for entry."""
    travel = _random(metric)
    nodes = np.arange(travel.size)
    plain = travel.between(nodes[:, None], nodes[None, :])
    compiled = np.array([[distance(travel.arrays, i, j) for j in nodes] for i in nodes])
    off = ~np.eye(travel.size, dtype=bool)
    np.testing.assert_allclose(compiled[off], plain[off], rtol=1e-14 if metric is Metric.EXACT else 0)


@pytest.mark.parametrize("metric", Metric)
def test_nearest_nodes_are_the_nearest(metric: Metric) -> None:
    """Neighbour lists hold the K least distances of each node, in order, and never the node itself."""
    travel = _random(metric)
    near, full = travel.nearest(7), travel.full().copy()
    np.fill_diagonal(full, np.inf)
    assert near.shape == (30, 7)
    listed = np.take_along_axis(full, near.astype(np.int64), axis=1)
    assert (np.diff(np.round(listed, 6), axis=1) >= 0).all()
    np.testing.assert_allclose(listed, np.sort(full, axis=1)[:, :7], atol=1e-9)


def test_many_nodes_at_one_place_have_full_neighbour_lists() -> None:
    """Where more nodes share a place than a list holds, no list has the node itself or a node twice."""
    near = check_travel(np.zeros((40, 2)), None, None, symmetric=True).nearest(5)
    assert (near != np.arange(40)[:, None]).all()
    assert all(len(set(row)) == 5 for row in near.tolist())


@pytest.mark.parametrize("metric", Metric)
def test_a_part_keeps_its_distances(metric: Metric) -> None:
    """Part of the nodes has the same distances as in the whole."""
    travel, chosen = _random(metric), np.array([3, 1, 20])
    np.testing.assert_array_equal(travel.part(chosen).full(), travel.full()[np.ix_(chosen, chosen)])


def test_the_diagonal_of_a_matrix_is_not_data() -> None:
    """Whatever stands in the diagonal, NaN included, is read as 0."""
    travel = check_travel(None, [[np.nan, 2], [2, 1e8]], None, symmetric=True)
    assert travel.full().tolist() == [[0.0, 2.0], [2.0, 0.0]]
    assert travel.integral


@pytest.mark.parametrize(
    ("coords", "matrix", "metric", "words"),
    [
        (None, None, None, "neither coordinates nor a matrix"),
        ([1, 2, 3], None, None, r"shape \[3\]; expected \[N, 2\]"),
        ([[0, 0], [1, np.nan]], None, None, r"\[1.0, nan\] of node 1 are not finite"),
        ([["a", 0]], None, None, "not numbers"),
        ([[0, 1e16]], None, None, "exceed 1e15"),
        (None, [[0, 1, 2]], None, r"shape \[1, 3\]; expected \[N, N\]"),
        (None, [[0, -1], [-1, 0]], None, "distance -1.0 from node 0 to node 1 is negative"),
        (None, [[0, np.inf], [np.inf, 0]], None, "not finite"),
        (None, [[0, 1], [2, 0]], None, "distance 1.0 from node 0 to node 1 differs from 2.0 back"),
        ([[0, 0]], [[0, 1], [1, 0]], None, "1 coordinates and a matrix of 2 nodes disagree"),
        ([[0, 0]], None, "EUCLID", "metric 'EUCLID' is unknown"),
        ([[0, 0]], None, "EXPLICIT", "needs a matrix"),
        (None, [[0, 1], [1, 0]], "EUC_2D", "does not go with a matrix"),
    ],
)
def test_broken_data_are_refused_in_words(coords: object, matrix: object, metric: str | None, words: str) -> None:
    """Each broken rule has its own message, which names the entry and the value."""
    with pytest.raises(InstanceError, match=words):
        check_travel(coords, matrix, metric, symmetric=True)
