"""The relaxations that describe pairs of tokens to the attention policies."""

import itertools

import networkx
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from redwood.problems.atsp.assignment_kernels import Assignment, path_is_whole, relax_tail
from redwood.problems.routing.relaxation_kernels import Ascent, grow_tree, relax_path
from redwood.problems.tsp.stepwise_kernels import ASCENT


def relaxed(xy, wanted, extra=0, joined=False):
    """Return share and alpha [n, n] of the relaxation of some positions."""
    n = len(xy)
    lengths, share, alpha = (np.zeros((n, n), np.float32) for _ in range(3))
    degrees = np.array(wanted, np.int32)
    relax_path(xy, degrees, extra, joined, ASCENT, lengths, share, alpha)
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
    unit, _ = relax_path(xy, np.array(path_degrees(n), np.int32), 0, True, Ascent(1, 0.4, 0.9, 0.1), lengths, share, alpha)
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


def tail(matrix, current, destination, opened, known=None):
    """Return duals, followers in the assignment and on the patched path, by node, of a tail of a directed tour."""
    size = len(matrix)
    place = np.full(size, -1, np.int32)
    place[opened] = np.arange(len(opened))
    relaxed = known or Assignment(np.zeros(size), np.zeros(size), *np.full((2, size), -1, np.int32))
    opened = np.array(opened, np.int32)
    relax_tail(matrix, current, destination, opened, place, known is not None, relaxed)
    return relaxed


def check_tail(matrix, current, destination, opened, relaxed):
    """Check the assignment against scipy's, its duals, and that the patched path visits all open nodes."""
    out, into, assigned, follow = relaxed
    rows, columns = [current, *opened], [destination, *opened]
    costs = matrix[np.ix_(rows, columns)]
    np.fill_diagonal(costs, 1e6)
    best = costs[linear_sum_assignment(costs)].sum()
    reduced = costs - out[rows][:, None] - into[columns]
    assert matrix[rows, assigned[rows]].sum() == pytest.approx(best)
    assert reduced.min() > -1e-9
    assert np.abs(matrix[rows, assigned[rows]] - out[rows] - into[assigned[rows]]).max() < 1e-9
    path = [current]
    for _ in rows:
        path.append(int(follow[path[-1]]))
    assert path[-1] == destination
    assert sorted(path[1:-1]) == sorted(opened)
    assert path_is_whole(current, destination, len(opened), follow)
    assert matrix[path[:-1], path[1:]].sum() >= best - 1e-9
    return path


@pytest.mark.parametrize("n", [1, 2, 4, 9, 40])
def test_the_assignment_is_scipys(n):
    """Followers cost what scipy's optimal assignment does, from an open node on and from a start that is the destination."""
    rng = np.random.default_rng(n)
    matrix, nodes = rng.random((n + 3, n + 3)), rng.permutation(n + 3).tolist()
    for destination in (nodes[1], nodes[0]):
        check_tail(matrix, nodes[0], destination, nodes[2 : 2 + n], tail(matrix, nodes[0], destination, nodes[2 : 2 + n]))


def test_an_earlier_assignment_is_renewed():
    """From the assignment of a longer tail the same is found as from nothing, whatever node the path went to."""
    rng = np.random.default_rng(3)
    matrix, opened, current = rng.random((30, 30)), list(range(1, 30)), 0
    known = tail(matrix, current, 0, opened)
    while len(opened) > 1:
        step = int(rng.choice(opened)) if rng.random() < 0.5 else int(known[3][current])
        stays = step == known[3][current]
        current = opened.pop(opened.index(step))
        assert path_is_whole(current, 0, len(opened), known[3]) or not stays
        known = tail(matrix, current, 0, opened, known)
        check_tail(matrix, current, 0, opened, known)


def test_patching_joins_two_cycles_at_least_cost():
    """Two far pairs of nodes, each its own cycle with the assignment, are joined by the cheapest exchange of two arcs."""
    far, near = 10.0, 1.0
    matrix = np.array(
        [[0, near, far, far], [near, 0, far - 3, far], [far, far, 0, near], [far, far - 2, near, 0]], dtype=float
    )
    _, _, assigned, follow = tail(matrix, 0, 0, [1, 2, 3])
    assert assigned.tolist() == [1, 0, 3, 2]
    cheapest = min(matrix[[0, *p], [*p, 0]].sum() for p in itertools.permutations([1, 2, 3]))
    path = [0]
    while len(path) < 4:
        path.append(int(follow[path[-1]]))
    assert matrix[path, [*path[1:], 0]].sum() == pytest.approx(cheapest)
