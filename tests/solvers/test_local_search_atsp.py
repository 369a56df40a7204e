"""Promises of the local search for the ATSP, and of the kernels below it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from redwood.budget import Iterations
from redwood.errors import OptionError
from redwood.problems.atsp.instance import ATSPInstance, Tour
from redwood.problems.atsp.local_kernels import Ground, bridge, descend, make_draft, swap
from redwood.problems.atsp.problem import ATSP
from redwood.problems.atsp.start import nearest
from redwood.solver import Run
from redwood.solvers.local_search.atsp import ATSPLocalSearch

PROBLEM = ATSP()


def search(instance: ATSPInstance, iterations: int, seed: int = 0, initial: Tour | None = None) -> Run:
    """Return the run of a search over some iterations."""
    run = Run(PROBLEM, instance, budget=Iterations(iterations), seed=seed, initial=initial)
    ATSPLocalSearch().run(PROBLEM, instance, run)
    return run


def generated(size: int, seed: int = 0, variant: str = "uniform") -> ATSPInstance:
    """Return a generated instance."""
    return PROBLEM.generate(size, np.random.default_rng(seed), variant=variant)


def length(matrix: np.ndarray, order: np.ndarray) -> float:
    """Return the length of a tour."""
    return float(matrix[order, np.roll(order, -1)].sum())


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_optimum_of_small_instances(seed: int) -> None:
    """Seven nodes are solved to the optimum that enumeration gives."""
    instance = generated(7, seed)
    best = min(length(instance.matrix, np.array([0, *rest])) for rest in itertools.permutations(range(1, 7)))
    assert search(instance, 500, seed).objective == best


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_any_size_is_served(size: int) -> None:
    """Tours are complete for one node as for many (a run that reports others raises)."""
    assert search(generated(size), 50).best is not None


def test_same_seed_and_iterations_give_the_same_tour() -> None:
    """Iteration budgets make runs repeatable whatever the clock says, and the seed matters."""
    instance = generated(40)
    first, again, other = (search(instance, 3000, seed).best for seed in (1, 1, 2))
    assert isinstance(first, Tour)
    assert isinstance(again, Tour)
    assert isinstance(other, Tour)
    assert first.tour.tolist() == again.tour.tolist() != other.tour.tolist()


def test_a_start_is_never_made_worse() -> None:
    """The search begins at the start that it is given."""
    instance = generated(30)
    good = search(instance, 5000).best
    assert isinstance(good, Tour)
    assert search(instance, 1, seed=5, initial=good).objective <= PROBLEM.objective(instance, good)


def test_wrong_options_are_refused() -> None:
    """No neighbours are an error."""
    with pytest.raises(OptionError, match="neighbours 0"):
        ATSPLocalSearch(neighbours=0)


def test_swapping_segments_agrees_with_slices() -> None:
    """The kernel exchanges two adjacent segments around the end as slices of a rolled list do, and back."""
    for start, first, second in itertools.product(range(7), (1, 2, 3), (1, 2)):
        order = np.array([3, 1, 4, 0, 5, 2, 6])
        rolled = np.roll(order, -start)
        expected = np.concatenate([rolled[first : first + second], rolled[:first], rolled[first + second :]])
        before = order.copy()
        swap(make_draft(order), start, first, second)
        assert np.roll(order, -start).tolist() == expected.tolist()
        swap(make_draft(order), start, second, first)
        assert order.tolist() == before.tolist()


def test_a_bridge_tells_its_change() -> None:
    """The double bridge keeps the nodes, and announces the change of length that it makes."""
    matrix = np.array(generated(20).matrix)
    state = np.array([3, 5], dtype=np.uint64)
    for _ in range(50):
        order = np.random.default_rng(0).permutation(20)
        before = length(matrix, order)
        change, logged, _ = bridge(Ground(matrix, order[:, None], order[:, None]), make_draft(order), state, 5)
        assert sorted(order.tolist()) == list(range(20))
        assert length(matrix, order) == before + change
        assert logged == 2


def test_a_descent_leaves_no_improving_exchange() -> None:
    """With complete neighbour lists no exchange of adjacent segments shortens the tour any more."""
    matrix = np.array(generated(9).matrix)
    order = np.random.default_rng(1).permutation(9)
    descend(Ground(matrix, nearest(matrix, 8), nearest(matrix.T, 8)), order)
    reached = length(matrix, order)
    for start, first, second in itertools.product(range(9), range(1, 8), range(1, 8)):
        if first + second < 9:
            rolled = np.roll(order, -start)
            moved = np.concatenate([rolled[first : first + second], rolled[:first], rolled[first + second :]])
            assert length(matrix, moved) >= reached


def test_a_public_file_is_solved_to_its_optimum(data_folder: Path) -> None:
    """The file ftv33 comes to its known optimum 1286 within some thousand iterations."""
    assert search(PROBLEM.read(data_folder / "atsp" / "ftv33.atsp"), 50_000).objective == 1286
