"""The relaxations that describe pairs of tokens to the attention policies."""

import itertools

import networkx
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from redwood.problems.atsp.assignment_kernels import relax_directed_path
from redwood.problems.routing.relaxation_kernels import AVERAGING, DECAY, FIRST_STEP, TREES, grow_tree, relax_path


def relaxed(xy, wanted, extra=0, joined=False):
    """Return share and alpha [n, n] of the relaxation of some positions."""
    n = len(xy)
    lengths, share, alpha = (np.zeros((n, n), np.float32) for _ in range(3))
    degrees = np.array(wanted, np.int32)
    relax_path(xy, degrees, extra, joined, TREES, FIRST_STEP, DECAY, AVERAGING, lengths, share, alpha)
    return share, alpha


def path_degrees(n):
    """Return the degrees of a path from node 0 to node 1."""
    return [1, 1] + [2] * (n - 2)


@pytest.mark.parametrize("n", [2, 3, 8, 30])
def test_the_tree_is_a_shortest_one(n):
    """The length of the grown tree under potentials is networkx's."""
    rng = np.random.default_rng(n)
    xy, potential = rng.random((n, 2)), rng.normal(size=n).astype(np.float32)
    lengths = np.hypot(*(xy[:, None] - xy).transpose(2, 0, 1)).astype(np.float32)
    parent, order = np.zeros(n, np.int32), np.zeros(n, np.int32)
    grow_tree(n, lengths, potential, parent, order, np.zeros(n, np.float32))
    under = lengths + potential[:, None] + potential
    expected = networkx.minimum_spanning_tree(networkx.from_numpy_array(np.exp(under))).edges
    assert {frozenset((i, parent[i])) for i in order[1:].tolist()} == {frozenset(edge) for edge in expected}


def test_alpha_is_what_a_forced_pair_costs():
    """Alpha is the length of the shortest tree that has a pair, by networkx, less that of the shortest tree."""
    rng = np.random.default_rng(5)
    xy = rng.random((9, 2))
    n = len(xy)
    lengths, share, alpha = (np.zeros((n, n), np.float32) for _ in range(3))
    unit = relax_path(xy, np.array(path_degrees(n), np.int32), 0, True, 1, 0.4, 0.9, 0.1, lengths, share, alpha)
    nearest = np.sort(np.where(np.eye(n, dtype=bool), np.inf, lengths), axis=1)[:, :2]
    nearest[:2, 1] = nearest[:2, 0]  # ends have one edge
    potential = -0.25 * nearest.sum(axis=1)
    under = lengths + potential[:, None] + potential + 10.0
    graph = networkx.from_numpy_array(under)
    shortest = networkx.minimum_spanning_tree(graph).size(weight="weight")
    for i, j in itertools.combinations(range(n), 2):
        forced = graph.copy()
        forced[i][j]["weight"] = 1e-6
        longer = networkx.minimum_spanning_tree(forced).size(weight="weight") + under[i, j] - 1e-6 - shortest
        assert alpha[i, j] * unit == pytest.approx(longer, abs=1e-4)


def test_a_path_along_a_line_is_found():
    """On a line the relaxation has no gap: all trees end as the path, and its edges cost nothing."""
    places = np.array([0.0, 9.0, 3.0, 1.0, 7.0, 4.5])
    share, alpha = relaxed(np.stack([places, np.zeros(6)], axis=1), path_degrees(6))
    for i, j in ((0, 3), (3, 2), (2, 5), (5, 4), (4, 1)):
        assert share[i, j] == pytest.approx(1.0, abs=0.05)
        assert alpha[i, j] == 0.0
    assert share[0, 4] == pytest.approx(0.0, abs=0.05)


def test_shares_come_near_to_the_degrees():
    """After the ascent each node's shares sum to about as many edges as it has on a path."""
    share, _ = relaxed(np.random.default_rng(0).random((30, 2)), path_degrees(30))
    assert np.abs(share.sum(axis=1) - path_degrees(30)).mean() < 0.2
    assert share.sum() == pytest.approx(2 * 29, rel=1e-5)


def test_shares_of_routes_count_the_vehicles():
    """Two more vehicles are four more edges at the depot, and the sum of shares is that of the edges."""
    xy = np.random.default_rng(1).random((20, 2))
    wanted = [1, 5] + [2] * 18
    share, _ = relaxed(xy, wanted, extra=2, joined=True)
    assert share[1].sum() == pytest.approx(5.0, abs=0.7)
    assert share.sum() == pytest.approx(2 * 21, rel=1e-5)


@pytest.mark.parametrize("n", [3, 4, 9, 40])
def test_the_assignment_is_scipys(n):
    """Followers cost what scipy's optimal assignment does, and reduced costs are not negative and zero where chosen."""
    rng = np.random.default_rng(n)
    matrix, nodes = rng.random((n + 3, n + 3)), rng.permutation(n + 3)[:n].astype(np.int32)
    out, into, follower = np.empty(n), np.empty(n), np.empty(n, np.int64)
    relax_directed_path(matrix, nodes, out, into, follower)
    costs = matrix[np.ix_(nodes, nodes)]
    np.fill_diagonal(costs, 1e6)
    costs[0, 1] = 1e6
    rows, columns = np.delete(np.arange(n), 1), np.arange(1, n)
    found = linear_sum_assignment(costs[np.ix_(rows, columns)])
    reduced = costs - out[:, None] - into
    assert costs[rows, follower[rows]].sum() == pytest.approx(costs[np.ix_(rows, columns)][found].sum())
    assert reduced[np.ix_(rows, columns)].min() > -1e-9
    assert np.abs(reduced[rows, follower[rows]]).max() < 1e-9
