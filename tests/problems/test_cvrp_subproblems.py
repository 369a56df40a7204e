"""Groups of routes that are decided anew."""

import numpy as np
import pytest

from redwood.problems.cvrp.instance import Routes
from redwood.problems.cvrp.subproblems import GROWTH, MOST, _apart, draw_groups


def scattered(rng, routes):
    """Return positions [N, 2] with the depot first, and routes of random lengths through all others."""
    sizes = rng.integers(1, 9, size=routes)
    customers = 1 + rng.permutation(int(sizes.sum()))
    return rng.random((len(customers) + 1, 2)), [c.tolist() for c in np.split(customers, np.cumsum(sizes)[:-1])]


def test_routes_are_as_far_apart_as_their_customers():
    """The distance is the mean over a route's customers of that to the nearest customer of the other route."""
    positions, routes = scattered(np.random.default_rng(1), 7)
    arrays = [np.array(route) for route in routes]
    found = _apart(positions, arrays, 3)
    for r, route in enumerate(routes):
        expected = np.mean([min(np.hypot(*(positions[c] - positions[d])) for d in routes[3]) for c in route])
        assert found[r] == pytest.approx(expected, abs=1e-12)


def test_groups_share_all_routes_out():
    """Every route is in one group; all but the last have two routes at least, and few enough customers."""
    rng = np.random.default_rng(2)
    positions, routes = scattered(rng, 40)
    groups = draw_groups(0, positions, Routes(routes), 12, rng)
    assert sorted(r for group in groups for r in group.routes) == list(range(40))
    assert all(len(group.routes) >= 2 for group in groups[:-1])
    for group in groups:
        assert len(group.routes) <= MOST or len(group.nodes) - 1 <= GROWTH * 12
        assert sorted(group.nodes[1:]) == sorted(c for r in group.routes for c in routes[r])
