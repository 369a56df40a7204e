"""Promises of the local search for orienteering, and of the kernels below it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from redwood.budget import Iterations
from redwood.errors import OptionError
from redwood.problems.orienteering.instance import OrienteeringInstance, Tour
from redwood.problems.orienteering.local_kernels import Ground, cheapest_place, improve, insert, make_draft, measure, remove
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
    """No neighbours are an error."""
    with pytest.raises(OptionError, match="neighbours 0"):
        OrienteeringLocalSearch(neighbours=0)


def test_insertion_and_removal_keep_the_places() -> None:
    """After any insertion or removal every node knows its place, and the start of a closed tour the first one."""
    draft, count = make_draft(6, np.zeros(2, np.int64)), 2
    path, pos = draft.path, draft.pos
    for node, at in ((3, 0), (1, 0), (5, 2), (2, 1)):
        count = insert(draft, count, at, node)
        assert [path[pos[k]] for k in path[:count]] == path[:count].tolist()
        assert pos[0] == 0
    count = remove(draft, count, 2, 3)
    assert [path[pos[k]] for k in path[:count]] == path[:count].tolist()
    assert (pos >= 0).sum() == count - 1


@pytest.mark.parametrize("end", [0, 11])
def test_the_cheapest_place_is_the_cheapest(end: int) -> None:
    """With complete neighbour lists of a short path, the kernel finds what trying all places finds."""
    instance = generated(12, end=end)
    travel = restricted(instance.travel, np.arange(12), True)
    ground = Ground(make_space(travel, True), travel.nearest(11), instance.prizes, 1.0)
    draft = make_draft(12, np.array([0, 3, 5, 7, end]))
    path = draft.path
    for node in (1, 2, 4):
        grown = [np.insert(path[:5], at + 1, node) for at in range(4)]
        least = min(measure(ground, one, 6) for one in grown) - measure(ground, path, 5)
        added, at = cheapest_place(ground, draft, 5, node)
        assert added == pytest.approx(least)
        assert measure(ground, grown[at], 6) - measure(ground, path, 5) == pytest.approx(added)


@pytest.mark.parametrize("end", [0, 19])
def test_improving_shortens_by_what_it_says(end: int) -> None:
    """2-opt and Or-opt keep the nodes and the ends, and return the length that they saved."""
    instance = generated(20, end=end)
    travel = restricted(instance.travel, np.arange(20), True)
    ground = Ground(make_space(travel, True), travel.nearest(19), instance.prizes, 1.0)
    inner = np.random.default_rng(2).permutation(np.arange(1, 19))
    draft = make_draft(20, np.concatenate([[0], inner, [end]]))
    path, pos = draft.path, draft.pos
    before = measure(ground, path, 20)
    nodes = np.unique(path[:20])
    draft.stack[: len(nodes)], draft.queued[nodes] = nodes, True
    saved, _ = improve(ground, draft, 20, len(nodes), 10_000)
    assert saved > 0.0
    assert before - measure(ground, path, 20) == pytest.approx(saved)
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


def enumerated(instance: OrienteeringInstance) -> float:
    """Return the highest prize over all paths within the budget, by trying all."""
    others = [node for node in range(instance.travel.size) if node not in (instance.start, instance.end)]
    lengths = instance.travel.full()
    best = -1.0
    for count in range(len(others) + 1):
        for inner in itertools.permutations(others, count):
            nodes = [instance.start, *inner, instance.end]
            if sum(lengths[a, b] for a, b in itertools.pairwise(nodes)) <= instance.limit:
                best = max(best, float(instance.prizes[list(set(nodes))].sum()))
    return best


def test_a_node_within_reach_on_a_roundabout_way_is_found() -> None:
    """Rounded legs can make a way through another node shorter than the direct one: 14 is the optimum here, and not 8."""
    coords = [(9, 16), (5, 1), (7, 5), (15, 0), (17, 0), (10, 15)]
    instance = PROBLEM.make(coords=coords, prizes=[0, 6, 6, 2, 5, 2], budget=31, metric="EUC_2D")
    run = Run(PROBLEM, instance, budget=Iterations(2000))
    answer = OrienteeringLocalSearch().run(PROBLEM, instance, run)
    assert run.objective == 14.0
    assert not answer.proven or answer.bound == 14.0


@pytest.mark.parametrize("metric", ["EUC_2D", "ATT", "MAN_2D", "MAX_2D", "CEIL_2D", "EXACT", "EXPLICIT"])
def test_what_is_called_optimal_is_the_optimum_of_all_paths(metric: str) -> None:
    """On 60 instances of six nodes for each metric, every proof agrees with enumeration, as nearly all solutions do."""
    proofs = found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        coords = rng.integers(0, 20, (6, 2))
        place = {"matrix": np.maximum(draws := rng.integers(1, 20, (6, 6)), draws.T)} if metric == "EXPLICIT" else None
        place = place or {"coords": coords, "metric": metric}
        budget = int(rng.integers(20, 70))
        instance = PROBLEM.make(**place, prizes=rng.integers(0, 7, 6), budget=budget, end=0)
        run = Run(PROBLEM, instance, budget=Iterations(300), seed=seed)
        answer = OrienteeringLocalSearch().run(PROBLEM, instance, run)
        best = enumerated(instance)
        assert run.objective is not None
        assert run.objective <= best
        found += run.objective == best
        if answer.proven:
            proofs += 1
            assert answer.bound == best
    assert proofs > 5
    assert found == 60 or (metric == "EXPLICIT" and found > 50)


@pytest.mark.parametrize("seed", range(5))
def test_a_budget_of_exactly_a_tour_through_all_suffices(seed: int) -> None:
    """With whole distances the shortest tour through all nodes is within a budget of its length, and nothing is left out."""
    rng = np.random.default_rng(seed)
    instance = PROBLEM.make(coords=rng.integers(0, 100, (7, 2)), prizes=np.ones(7), budget=1e4, metric="EUC_2D")
    lengths = instance.travel.full()
    tours = ([0, *inner, 0] for inner in itertools.permutations(range(1, 7)))
    exact = min(sum(lengths[a, b] for a, b in itertools.pairwise(nodes)) for nodes in tours)
    tight = PROBLEM.make(coords=instance.travel.coords, prizes=np.ones(7), budget=exact, metric="EUC_2D")
    assert search(tight, 3000).objective == 7.0
