"""HiGHS through `redwood.solve`, on a problem of a third party and on a built-in one."""

from pathlib import Path

import pytest

import redwood
from redwood.budget import Termination
from redwood.plugins.host import host
from redwood.result import Status

PLUGIN = Path(__file__).parents[1] / "plugins_for_tests" / "overrun.py"


@pytest.fixture(scope="module", autouse=True)
def overrun():
    """The problem of the plugin file."""
    host().load_file(PLUGIN)


def test_equations_are_solved():
    """A problem that declares nothing but a model is solved: 8 x + z = -20 with 4 y = z has integer solutions."""
    result = redwood.solve(redwood.instance("overrun", total=-20), solver="highs")
    assert result.status is Status.OPTIMAL
    x, y, z = result.solution.values
    assert (4 * y, 8 * x + z) == (z, -20)


def test_equations_without_solution_are_proven_infeasible():
    """Presolve sees that no integers solve 8 x + 4 y = -19."""
    result = redwood.solve(redwood.instance("overrun", total=-19), solver="highs")
    assert (result.status, result.termination) == (Status.INFEASIBLE, Termination.INFEASIBLE)
    assert result.solution is None


@pytest.mark.parametrize("isolate", [False, True])
def test_endless_search_ends_by_its_nodes(isolate):
    """Without presolve the search is endless; a budget in nodes ends it."""
    instance = redwood.instance("overrun", total=-19)
    result = redwood.solve(instance, solver="highs", presolve="off", iterations=50, isolate=isolate)
    assert (result.status, result.termination) == (Status.NONE, Termination.ITERATIONS)


@pytest.mark.parametrize(
    ("file", "optimum"), [("gr17", 2085), ("ulysses16", 6859), ("bays29", 2020), ("att48", 10628), ("berlin52", 7542)]
)
def test_tsplib_optima_are_proven(data_folder, file, optimum):
    """HiGHS proves the published optimum of small TSPLIB files of every distance convention."""
    found = [folder / f"{file}.tsp" for folder in (data_folder / "tsplib", data_folder / "tsplib-types")]
    instance = redwood.read(next(path for path in found if path.is_file()))
    result = redwood.solve(instance, solver="highs", time_limit=60)
    assert (result.status, result.objective, result.bound) == (Status.OPTIMAL, optimum, optimum)


def test_knapsack_is_proven_as_by_dynamic_programming():
    """HiGHS and the exact dynamic programming agree."""
    instance = redwood.generate("knapsack", size=60, seed=3)
    result = redwood.solve(instance, solver="highs")
    assert result.status is Status.OPTIMAL
    assert result.objective == pytest.approx(redwood.solve(instance, solver="exact").objective)
