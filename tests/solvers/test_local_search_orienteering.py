"""Promises of the local search for orienteering, and of the kernels below it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from redwood.budget import Iterations
from redwood.errors import OptionError
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour
from redwood.problems.orienteering.moves import cheapest_place, improve, insert, measure, place, remove
from redwood.problems.orienteering.problem import Orienteering
from redwood.problems.orienteering.space import make_space, restricted
from redwood.solver import Run
from redwood.solvers.local_search.orienteering import OrienteeringLocalSearch

PROBLEM = Orienteering()


def search(instance: OrienteeringInstance, iterations: int, seed: int = 0, initial: Tour | None = None) -> Run:
    """Return the run of a search over some iterations."""
    run = Run(PROBLEM, instance, budget=Iterations(iterations), seed=seed, initial=initial)
    OrienteeringLocalSearch().run(PROBLEM, instance, run)
    return run


def generated(size: int, seed: int = 0, *, end: int = 0, budget: float = 1.5) -> OrienteeringInstance:
    """Return random nodes with random prizes."""
    rng = np.random.default_rng(seed)
    return PROBLEM.make(coords=rng.random((size, 2)), prizes=rng.integers(1, 100, size), budget=budget, end=end)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("end", [0, 6])
def test_finds_the_optimum_of_small_instances(seed: int, end: int) -> None:
    """Seven nodes are solved to the best prize of all paths, closed or open."""
    instance = generated(7, seed, end=end)
    others = [node for node in range(7) if node not in (0, end)]
    paths = (Tour([0, *inner, end]) for count in range(6) for inner in itertools.permutations(others, count))
    best = max(PROBLEM.objective(instance, path) for path in paths if PROBLEM.length(instance, path) <= instance.limit)
    assert search(instance, 500, seed).objective == best


@pytest.mark.parametrize("size", [1, 2, 3])
def test_any_size_is_served(size: int) -> None:
    """Paths are feasible also where there is nothing to visit (a run that reports others raises)."""
    assert search(generated(size), 20).best is not None


def test_everything_within_reach_ends_the_search() -> None:
    """A budget that allows every node is proven optimal at once."""
    run = search(generated(12, budget=50.0), 10_000)
    assert run.objective == run._instance.prizes.sum()  # type: ignore[attr-defined]
    assert run.iterations < 10_000


def test_same_seed_and_iterations_give_the_same_path() -> None:
    """Iteration budgets make runs repeatable whatever the clock says."""
    instance = generated(60, budget=2.5)
    first, again = (search(instance, 2000, 1).best for _ in range(2))
    assert isinstance(first, Tour)
    assert isinstance(again, Tour)
    assert first.tour.tolist() == again.tour.tolist()


def test_a_start_is_never_made_worse() -> None:
    """The search begins at the start that it is given, also one without its return."""
    instance = generated(40, budget=2.5)
    good = search(instance, 3000).best
    assert isinstance(good, Tour)
    for start in (good, Tour(good.tour[:-1])):
        assert search(instance, 1, seed=5, initial=start).objective >= PROBLEM.objective(instance, good)


def test_wrong_options_are_refused() -> None:
    """No neighbours and a hot temperature below the cold one are errors."""
    with pytest.raises(OptionError, match="neighbours 0"):
        OrienteeringLocalSearch(neighbours=0)
    with pytest.raises(OptionError, match="cold 2"):
        OrienteeringLocalSearch(hot=1.0, cold=2.0)


def test_insertion_and_removal_keep_the_places() -> None:
    """After any insertion or removal every node knows its place, and the start of a closed tour the first one."""
    path, pos = np.zeros(8, np.int64), np.full(6, -1, np.int64)
    count = 2
    place(path, pos, count)
    for node, at in ((3, 0), (1, 0), (5, 2), (2, 1)):
        count = insert(path, pos, count, at, node)
        assert [path[pos[k]] for k in path[:count]] == path[:count].tolist()
        assert pos[0] == 0
    count = remove(path, pos, count, 2, 3)
    assert [path[pos[k]] for k in path[:count]] == path[:count].tolist()
    assert (pos >= 0).sum() == count - 1


@pytest.mark.parametrize("end", [0, 11])
def test_the_cheapest_place_is_the_cheapest(end: int) -> None:
    """With complete neighbour lists of a short path, the kernel finds what trying all places finds."""
    instance = generated(12, end=end)
    travel = restricted(instance.travel, np.arange(12), True)
    space, near = make_space(travel, True), travel.nearest(11)
    path, pos = np.zeros(14, np.int64), np.full(12, -1, np.int64)
    path[:5] = [0, 3, 5, 7, end]
    place(path, pos, 5)
    for node in (1, 2, 4):
        grown = [np.insert(path[:5], at + 1, node) for at in range(4)]
        least = min(measure(*space, one, 6) for one in grown) - measure(*space, path, 5)
        added, at = cheapest_place(*space, near, path, pos, 5, node)
        assert added == pytest.approx(least)
        assert measure(*space, grown[at], 6) - measure(*space, path, 5) == pytest.approx(added)


@pytest.mark.parametrize("end", [0, 19])
def test_improving_shortens_by_what_it_says(end: int) -> None:
    """2-opt and Or-opt keep the nodes and the ends, and return the length that they saved."""
    instance = generated(20, end=end)
    travel = restricted(instance.travel, np.arange(20), True)
    space, near = make_space(travel, True), travel.nearest(19)
    inner = np.random.default_rng(2).permutation(np.arange(1, 19))
    path, pos = np.concatenate([[0], inner, [end], [0, 0]]), np.full(20, -1, np.int64)
    place(path, pos, 20)
    before = measure(*space, path, 20)
    nodes = np.unique(path[:20])
    stack, queued = np.zeros(20, np.int64), np.zeros(20, np.bool_)
    stack[: len(nodes)], queued[nodes] = nodes, True
    saved = improve(*space, near, path, pos, 20, stack, len(nodes), queued)
    assert saved > 0.0
    assert before - measure(*space, path, 20) == pytest.approx(saved)
    assert sorted(path[1:19].tolist()) == list(range(1, 19))
    assert (path[0], path[19]) == (0, end)
    assert [path[pos[node]] for node in nodes] == nodes.tolist()


def test_public_files_come_to_their_optimum(data_folder: Path) -> None:
    """Files of each set come to the prizes that mixed-integer programming proves."""
    proven = {
        "Tsiligirides_2/tsiligirides_problem_2_budget_32.txt": 300,
        "Tsiligirides_3/tsiligirides_problem_3_budget_055.txt": 550,
        "ChaoSet_66/set_66_1_115.txt": 1595,
    }
    for name, prize in proven.items():
        assert search(PROBLEM.read(data_folder / "op" / name), 20_000).objective == prize
