"""What the caller's functions raise is raised; what a solver raises, even to leave the process, is that run's failure."""

import itertools
import sys
from dataclasses import dataclass

import pytest

import redwood
from redwood.solver import Answer, Solver


@pytest.fixture(scope="module")
def tsp():
    """A small instance."""
    return redwood.generate("tsp", size=20, seed=1)


HERE = ["local-search", "greedy", "bq", "pyvrp", "ortools-routing", "cp-sat", "highs"]
CASES = [(solver, False, kind) for solver in HERE for kind in (ValueError, SystemExit)]
CASES.append(("local-search", True, ValueError))


@pytest.mark.parametrize(("solver", "isolate", "kind"), CASES)
def test_what_a_callback_raises_is_raised(tsp, solver, isolate, kind):
    """An exception of `on_improvement` ends the run and reaches the caller, in this process and isolated."""
    if redwood.plugins.host.host().solver_entry(solver, "tsp").missing:
        pytest.skip(f"{solver} is not installed")

    def broken(found):
        raise kind("mine")

    with pytest.raises(kind, match="mine"):
        redwood.solve(tsp, solver, time_limit=1, on_improvement=broken, isolate=isolate, bound_time_limit=0)


def test_ctrl_c_in_a_callback_interrupts(tsp):
    """Ctrl-C that happens to come while the callback runs keeps the best solution."""

    def interrupted(found):
        raise KeyboardInterrupt

    result = redwood.solve(tsp, "local-search", time_limit=5, on_improvement=interrupted, bound_time_limit=0)
    assert (result.status, result.termination) == ("feasible", "interrupted")


class StopEverythingError(BaseException):
    """An exception that is no `Exception`."""


@dataclass(frozen=True)
class Leaving(Solver):
    """Reports a tour, and leaves."""

    way: str = "exit"
    at: str = "run"

    def prepare(self, problem, instance):
        if self.at == "prepare":
            self.leave()

    def run(self, problem, instance, run):
        run.report(problem.solution(range(instance.size)))
        self.leave()
        return Answer(None)

    def leave(self):
        """Raise what is no `Exception`."""
        if self.way == "exit":
            sys.exit(0)
        raise StopEverythingError("stop")


@pytest.mark.parametrize("way", ["exit", "base"])
@pytest.mark.parametrize("at", ["run", "prepare"])
def test_a_solver_that_leaves_has_failed(tsp, way, at):
    """`sys.exit()` in a solver, and exceptions of the base class, are a failure that keeps what was reported."""
    result = redwood.solve(tsp, Leaving(way, at), time_limit=1)
    assert result.status == "failed"
    assert result.message.startswith("SystemExit: 0" if way == "exit" else "StopEverythingError: stop")
    assert (result.solution is not None) == (at == "run")


@dataclass(frozen=True)
class Reversing(Solver):
    """Reports routes whose costs differ by rounding, the larger one first."""

    def run(self, problem, instance, run):
        for _, routes in self.orders(problem, instance):
            run.report(routes)
        return Answer(None)

    @staticmethod
    def orders(problem, instance):
        ways = [problem.solution([[k] for k in order]) for order in itertools.permutations(range(1, instance.size + 1))]
        return sorted({problem.objective(instance, way): way for way in ways}.items(), reverse=True)


@pytest.mark.parametrize("isolate", [False, True])
def test_rounding_is_no_improvement(isolate):
    """The same routes summed in other orders are one improvement, whose value is the result's."""
    instance = redwood.generate("cvrp", size=5, seed=0)
    problem = redwood.plugins.host.host().problem("cvrp")
    values = [value for value, _ in Reversing.orders(problem, instance)]
    assert len(values) > 1
    met = []
    redwood.register(Reversing, name="reversing", problems=["cvrp"])
    result = redwood.solve(instance, "reversing", on_improvement=met.append, isolate=isolate, bound_time_limit=0)
    assert (len(met), len(result.trajectory)) == (1, 1)
    assert result.trajectory[-1][1] == result.objective == pytest.approx(values[-1], rel=1e-14)
