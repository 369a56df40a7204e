"""Local searches on several threads: repeatable under a limit on iterations, and never worse than their start."""

import pytest

import redwood
from redwood.solvers.local_search.threads import SharedAnnealing, thread_pool

CASES = [("tsp", 60), ("atsp", 30), ("orienteering", 40), ("cvrp", 300), ("vrp", 60)]


@pytest.mark.parametrize(("problem", "size"), CASES)
@pytest.mark.parametrize("threads", [2, 3])
def test_seed_and_threads_repeat_a_run(problem, size, threads):
    """The same seed, iterations and threads give the same solution."""
    instance = redwood.generate(problem, size, seed=1)
    runs = [
        redwood.solve(instance, "local-search", iterations=3001, seed=5, threads=threads, bound_time_limit=0)
        for _ in range(2)
    ]
    assert runs[0].solution.to_dict() == runs[1].solution.to_dict()
    assert runs[0].objective == runs[1].objective
    assert runs[0].termination == "iterations"


@pytest.mark.parametrize(("problem", "size"), CASES)
def test_a_time_limit_holds_on_two_threads(problem, size):
    """Two threads end with the clock, as one does, and have a feasible solution."""
    instance = redwood.generate(problem, size, seed=1)
    result = redwood.solve(instance, "local-search", time_limit=0.3, threads=2, bound_time_limit=0)
    assert result.status == "feasible"
    assert result.termination == "time"


class Counting:
    """An annealing that only counts, with cycles of ten iterations."""

    def __init__(self, rank):
        self.rank = rank
        self.left = 0
        self.done = 0
        self.begun_from = []

    def begin_cycle(self, best):
        self.left = 10
        self.begun_from.append(best.rank)

    def advance(self, iterations):
        self.left -= iterations
        self.done += iterations


@pytest.mark.parametrize("steps", [1, 7, 10, 35])
def test_every_cycle_begins_from_the_best_of_all(steps):
    """However many iterations are made at a time, cycles begin together, each from the best solution of any annealing."""
    annealings = [Counting(rank) for rank in (3, 1, 2)]
    with thread_pool(3) as executor:
        shared = SharedAnnealing(annealings, executor)
        made = 0
        while made < 105:
            made += shared.advance(steps, 105 - made)
    assert made == 105
    assert [annealing.done for annealing in annealings] == [35, 35, 35]
    assert [annealing.begun_from for annealing in annealings] == [[1, 1, 1, 1]] * 3
    assert shared.best is annealings[1]


def test_last_iterations_go_to_the_first_annealings():
    """A limit that does not divide by the number of threads is kept to the last iteration."""
    annealings = [Counting(rank) for rank in (3, 1, 2)]
    shared = SharedAnnealing(annealings, None)
    assert shared.advance(5, 7) == 6
    assert shared.advance(5, 1) == 1
    assert [annealing.done for annealing in annealings] == [3, 2, 2]


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_save_vehicles_too(threads):
    """With the fewest vehicles as objective, annealings side by side come to as few as one does."""
    rows = [{"name": str(k), "x": k % 6, "y": k // 6, "delivery": 5} for k in range(1, 31)]
    instance = redwood.instance(
        "vrp",
        customers=rows,
        depots=[{"x": 0, "y": 0}],
        vehicles=[{"number": 30, "capacity": 50}],
        objective="fewest-vehicles",
    )
    result = redwood.solve(instance, "local-search", iterations=4000, threads=threads, bound_time_limit=0)
    assert len(result.solution.routes) == 3
