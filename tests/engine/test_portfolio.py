"""`portfolio`: several solvers of one instance at once, each in a process of its own."""

import psutil
import pytest

import redwood
from redwood.errors import FitError, OptionError
from redwood.solving.portfolio import Portfolio

CRASHING = """
from redwood.plugins.spec import SolverSpec, hookimpl
from redwood.solver import Solver

class Crashing(Solver):
    def run(self, problem, instance, run):
        raise ZeroDivisionError("on purpose")

@hookimpl
def redwood_solvers():
    return [SolverSpec(name="crashing", summary="Fails.", target=f"{__name__}:Crashing", problems=("countdown",))]
"""


def test_a_proof_ends_all():
    """The solver that proves its solution ends the others long before the time limit."""
    instance = redwood.generate("knapsack", size=40, seed=1)
    result = redwood.solve(instance, "portfolio", solvers="random,exact", time_limit=60, threads=2, bound_time_limit=0)
    assert result.status == "optimal"
    assert result.seconds.solve < 50
    assert "exact proved it optimal" in result.message


def test_the_best_solution_and_the_best_bound_count():
    """Where one solver is good at solutions and another one at bounds, the result has both."""
    instance = redwood.generate("cvrp", size=20, seed=3)
    alone = redwood.solve(instance, "local-search", iterations=3000, bound_time_limit=0)
    result = redwood.solve(instance, "portfolio", time_limit=8, threads=2, bound_time_limit=0)
    assert result.objective <= alone.objective * 1.02
    assert result.bound is not None
    assert 0 < result.bound <= result.objective


def test_iterations_and_seed_repeat_a_run():
    """With a limit on iterations all solvers run to their ends, and the same one is first each time."""
    instance = redwood.generate("tsp", size=60, seed=2)
    runs = [
        redwood.solve(instance, "portfolio", solvers="random,greedy", iterations=50, threads=2, seed=4, bound_time_limit=0)
        for _ in range(2)
    ]
    assert runs[0].solution.to_dict() == runs[1].solution.to_dict()
    assert runs[0].termination == "iterations"


def test_no_process_is_left():
    """When the result is there, all processes of the portfolio are gone."""
    before = set(psutil.Process().children(recursive=True))
    instance = redwood.generate("tsp", size=200, seed=2)
    redwood.solve(instance, "portfolio", time_limit=1, threads=2, bound_time_limit=0)
    assert set(psutil.Process().children(recursive=True)) <= before


def test_one_failure_is_told_and_spoils_nothing(countdown, tmp_path):
    """A solver that crashes is named in the message, and the others' solution counts."""
    (tmp_path / "crashing_plugin.py").write_text(CRASHING)
    countdown.load_file(tmp_path / "crashing_plugin.py")
    instance = redwood.instance("countdown", largest=9)
    result = redwood.solve(instance, Portfolio(solvers="crashing,steps"), time_limit=20, threads=2)
    assert result.objective == 3
    assert "crashing failed: ZeroDivisionError: on purpose" in result.message


def test_only_solvers_that_keep_the_instances_rules_take_part():
    """Of a TSP with fixed edges, the default portfolio has only solvers that keep these."""
    instance = redwood.instance("tsp", coords=[[0, 0], [1, 0], [1, 1], [0, 1], [2, 2]], fixed_edges=[[0, 2]])
    result = redwood.solve(instance, "portfolio", time_limit=20, threads=2, bound_time_limit=0)
    assert result.status == "optimal"
    with pytest.raises(FitError, match="fixed edges"):
        redwood.solve(instance, "portfolio", solvers="highs", time_limit=5)


@pytest.mark.parametrize("names", ["exact,exact", "portfolio,exact"])
def test_each_solver_is_named_once(names):
    """A solver twice, or the portfolio in itself, is refused."""
    instance = redwood.generate("knapsack", size=20, seed=1)
    with pytest.raises(OptionError, match="each of them once"):
        redwood.solve(instance, "portfolio", solvers=names, time_limit=5)
