"""Promises of orienteering's views: bounds that hold, rows that cut off what is no path, models that mean the instance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import redwood
from redwood.problems.orienteering.bound import half_edge_bound
from redwood.problems.orienteering.cuts import violated_sets
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour
from redwood.problems.orienteering.network import make_network
from redwood.problems.orienteering.problem import Orienteering
from redwood.views.bound import Bound
from redwood.views.linear import Linear

PROBLEM = Orienteering()


class Clock:
    """A clock without an end, or one that has ended."""

    def __init__(self, ended: bool = False) -> None:
        self.seconds_left = 0.0 if ended else float("inf")

    def stops(self) -> bool:
        return self.seconds_left == 0.0


def generated(seed: int, *, closed: bool, size: int = 6, metric: str = "EXACT") -> OrienteeringInstance:
    """Return a small random instance with a budget of about half a tour."""
    rng = np.random.default_rng(seed)
    return PROBLEM.make(
        coords=np.rint(100 * rng.random((size + 2, 2))),
        prizes=rng.integers(0, 20, size + 2),
        budget=float(rng.uniform(150, 250)),
        start=0,
        end=0 if closed else size + 1,
        metric=metric,
    )


def optimum(instance: OrienteeringInstance) -> float:
    """Return the highest prize over all paths."""
    others = [node for node in range(instance.travel.size) if node not in (instance.start, instance.end)]
    best = -1.0
    for count in range(len(others) + 1):
        for inner in itertools.permutations(others, count):
            tour = Tour([instance.start, *inner, instance.end])
            if PROBLEM.length(instance, tour) <= instance.limit:
                best = max(best, PROBLEM.objective(instance, tour))
    return best


CASES = [pytest.param(seed, closed, id=f"{seed}-{'closed' if closed else 'open'}") for seed in range(3) for closed in (0, 1)]


@pytest.mark.parametrize(("seed", "closed"), CASES)
@pytest.mark.parametrize("metric", ["EXACT", "EUC_2D"])
def test_bounds_are_above_the_optimum(seed: int, closed: bool, metric: str) -> None:
    """Neither the bound at once nor that of the linear program is below the best prize, whatever the time."""
    instance = generated(seed, closed=closed, size=5, metric=metric)
    best = optimum(instance)
    view = PROBLEM.view(Bound, instance)
    assert view.bound(Clock()).value >= best
    assert view.bound(Clock(ended=True)).value >= view.bound(Clock()).value
    network = make_network(instance)
    assert half_edge_bound(network) + network.constant >= best


@pytest.mark.parametrize(("seed", "closed"), CASES)
def test_highs_proves_the_optimum(seed: int, closed: bool) -> None:
    """Mixed-integer programming gives the best prize of all paths."""
    instance = generated(seed, closed=closed, size=5)
    result = redwood.solve(instance, "highs", time_limit=30, bound_time_limit=0)
    assert result.status == "optimal"
    assert result.objective == optimum(instance)


def test_a_single_customer_is_a_tour() -> None:
    """Where the budget allows one node there and back, the model finds it; where it allows none, it stays at home."""
    coords = [(0, 0), (3, 0), (0, 2)]
    for budget, prize in ((6.0, 9.0), (4.5, 4.0), (3.0, 0.0)):
        instance = PROBLEM.make(coords=coords, prizes=[0, 9, 4], budget=budget)
        result = redwood.solve(instance, "highs", time_limit=30, bound_time_limit=0)
        assert (result.objective, result.status) == (prize, "optimal")


def test_nothing_within_reach_is_removed() -> None:
    """Nodes and edges are left out only where no path within the budget can use them, also after rounding."""
    instance = generated(1, closed=False, size=5, metric="EUC_2D")
    network = make_network(instance)
    for inner in itertools.permutations(range(1, 6), 2):
        tour = Tour([0, *inner, 6])
        if PROBLEM.length(instance, tour) <= instance.limit:
            a, b = sorted(np.searchsorted(network.nodes, inner))
            assert set(inner) <= set(network.nodes.tolist())
            assert network.allowed[a, b]


@pytest.mark.parametrize("closed", [False, True])
def test_a_path_survives_the_model_and_back(closed: bool) -> None:
    """The values of a path stand for it (or for its reverse), and need no further row."""
    instance = generated(0, closed=closed)
    greedy = redwood.solve(instance, "greedy", iterations=1, bound_time_limit=0).solution
    view = PROBLEM.view(Linear, instance)
    view.model()
    values = view.start(greedy)
    assert values is not None
    assert view.separate(values, True) is None
    back = view.solution(values).tour.tolist()
    assert back in (greedy.tour.tolist(), greedy.tour.tolist()[::-1])


def test_a_cycle_apart_from_the_root_is_cut_off() -> None:
    """A cycle that misses the root violates the row of its nodes, and fractional visits that of a minimum cut."""
    tails, heads, values = np.array([0, 1, 0, 3]), np.array([1, 2, 2, 4]), np.array([1.0, 1.0, 1.0, 2.0])
    found = violated_sets(4, np.array([1.0, 1.0, 1.0, 1.0]), tails, heads, values)
    assert [True, True, True, False] in found.members.tolist()
    halves = np.array([0.4, 0.4, 0.4, 0.2])
    found = violated_sets(3, np.array([0.5, 0.4, 0.4]), np.array([0, 1, 0, 0]), np.array([1, 2, 2, 3]), halves[[0, 1, 2, 3]])
    for members, kept in zip(found.members, found.kept, strict=True):
        assert members[kept]
