"""What savings tell the policy of the CVRP about pairs of customers."""

import numpy as np
import pytest

from redwood.problems.cvrp.problem import CVRP
from redwood.problems.cvrp.savings_shares import CHANNELS, WEIGHTS, describe_savings
from redwood.problems.cvrp.stepwise_kernels import PAIRS
from redwood.views.stepwise import Stepwise

N = 30


def described(room, seed=0, n=N):
    """Return positions, demands and the pairs' description [n, n, CHANNELS] of random customers, all of them shown."""
    rng = np.random.default_rng(seed)
    xy = rng.random((n, 2))
    demands = np.concatenate([[0.0, 0.0], rng.integers(1, 10, size=n - 2) / 40.0])
    features = np.zeros((n, 2 * CHANNELS), dtype=np.float32)
    edges = np.zeros((n, n, CHANNELS), dtype=np.float32)
    describe_savings(xy, demands, room, n, features, edges)
    return demands, features, edges


def routes_of(links):
    """Return the components of customers that the links [n, n] join without the depot, position 1."""
    n = len(links)
    label = np.arange(n)
    for _ in range(n):
        for i in range(n):
            for j in range(n):
                if links[i, j] and 1 not in (i, j):
                    label[i] = label[j] = min(label[i], label[j])
    return [np.flatnonzero(label == k) for k in set(label)]


@pytest.mark.parametrize("seed", range(5))
def test_the_best_solution_is_one(seed):
    """Each customer has two links, each route loads no more than a vehicle, the vehicle under way no more than its room."""
    demands, _, edges = described(0.5, seed)
    links = edges[:, :, 0]
    assert links[2:].sum(axis=1).tolist() == [2.0] * (N - 2)
    assert links[0].sum() == 1.0
    for route in routes_of(links):
        limit = 0.5 if 0 in route else 1.0
        assert demands[route].sum() <= limit + 1e-6


def test_shares_are_those_of_several_solutions():
    """Shares of links add to two at a customer; the best solution is among those counted; pairs linked are together."""
    _, features, edges = described(-1.0)
    best, share, together = edges[2:, 2:].transpose(2, 0, 1)
    assert edges[2:, :, 1].sum(axis=1) == pytest.approx(2.0, abs=1e-5)
    assert (share <= together + 1e-5).all()
    assert (share[best > 0] >= 1.0 / len(WEIGHTS) - 1e-6).all()
    assert ((share > 1e-3) & (share < 0.999)).sum() > 0  # the solutions differ
    assert features[:, CHANNELS:] == pytest.approx(edges[1])
    assert not edges[0].any()  # there is no route under way at the depot


def test_the_window_shows_the_savings_of_all_customers_in_reach():
    """A window smaller than the instance describes its pairs as one of all customers does."""
    problem = CVRP()
    rng = np.random.default_rng(4)
    demands = np.concatenate([[0], rng.integers(1, 10, size=40)])
    view = problem.view(Stepwise, problem.make(coords=rng.random((41, 2)), demands=demands, capacity=50))
    batch = view.begin(np.array([0]))
    small, whole = view.window(batch, 16), view.window(batch, 40)
    places = [whole.nodes[0, 2:].tolist().index(node) + 2 for node in small.nodes[0, 2:]]
    some = small.edges[0, 2:, 2:, PAIRS - CHANNELS :]
    assert some == pytest.approx(whole.edges[0][np.ix_(places, places)][:, :, PAIRS - CHANNELS :], abs=1e-6)
