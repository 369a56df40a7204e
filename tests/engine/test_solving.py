"""`solve` and `solve_many` from end to end, on a problem small enough to check by eye."""

import dataclasses
import json
import time
from dataclasses import dataclass

import pytest

import redwood
from redwood.budget import Budget, Progress, Termination
from redwood.errors import FitError, InstanceError, OptionError, UnknownNameError
from redwood.execution.checking import Checker
from redwood.plugins.host import host
from redwood.result import Result, Status
from redwood.solving.batches import checked_again

pytestmark = pytest.mark.usefixtures("countdown")


def number(largest=10):
    return redwood.instance("countdown", largest=largest, name="ten")


def test_result_holds_what_the_problem_checked():
    """A finished run gives objective, the problem's own bound, the gap and the status that follows from them."""
    result = redwood.solve(number(), solver="steps", seed=4)
    assert (result.objective, result.bound, result.gap) == (3, 3, 0)
    assert (result.status, result.termination) == (Status.OPTIMAL, Termination.CONVERGED)
    assert (result.problem, result.instance, result.size, result.solver, result.seed) == ("countdown", "ten", 10, "steps", 4)
    assert [value for _, value in result.trajectory] == [10, 9, 8, 7, 6, 5, 4, 3]


def test_iteration_budget_stops_with_the_best_so_far():
    """An iteration limit ends the run with what it had, and says so."""
    result = redwood.solve(number(), solver="steps", iterations=2)
    assert (result.objective, result.termination, result.status) == (8, Termination.ITERATIONS, Status.FEASIBLE)
    assert result.gap == pytest.approx(5 / 8)


@pytest.mark.parametrize(("pause", "words"), [(0.01, ""), (0.5, "The run ended 0.")])
def test_a_run_that_ends_late_says_so(pause, words):
    """A solver that does not look at its limit for long has a message by how much it was late, and others have none."""
    result = redwood.solve(number(10_000), solver="steps", pause=pause, time_limit=0.1, bound_time_limit=0)
    assert result.message.startswith(words)
    assert ("after its time limit" in result.message) == bool(words)


def test_time_limit_holds():
    """A solver that polls the clock stops at its limit."""
    began = time.perf_counter()
    result = redwood.solve(number(10_000), solver="steps", pause=0.01, time_limit=0.2)
    assert result.termination is Termination.TIME
    assert time.perf_counter() - began < 5
    assert result.objective < 10_000


def test_target_stops_at_the_objective():
    """A target ends the run as soon as a solution is as good."""
    result = redwood.solve(number(), solver="steps", target=6)
    assert (result.objective, result.termination) == (6, Termination.TARGET)


def test_a_user_can_write_a_budget():
    """Any subclass of Budget ends a run."""

    class ThreeImprovements(Budget):
        def reason(self, progress: Progress):
            return Termination.TARGET if progress.objective is not None and progress.objective <= 7 else None

    assert redwood.solve(number(), solver="steps", budget=ThreeImprovements()).objective == 7


def test_initial_solution_is_accepted_and_never_made_worse():
    """A feasible start is accepted, and the result is at least as good."""
    result = redwood.solve(number(), solver="steps", initial=5, iterations=1)
    assert (result.initial, result.objective) == ("accepted", 4)


def test_infeasible_initial_solution_is_rejected_with_its_reason():
    """An infeasible start is rejected, the reason is given, and the run goes on without it."""
    result = redwood.solve(number(), solver="steps", initial={"value": 99}, iterations=1)
    assert result.initial == "rejected: number 99 is not between 3 and 10"
    assert result.objective == 9


def test_improvements_are_called_out_as_they_come():
    """`on_improvement` sees every incumbent, in order."""
    seen = []
    redwood.solve(number(6), solver="steps", on_improvement=lambda incumbent: seen.append(incumbent.objective))
    assert seen == [6, 5, 4, 3]


def test_interrupt_returns_the_best_so_far():
    """Ctrl-C ends the run with what it had."""

    def interrupt(incumbent):
        if incumbent.objective == 8:
            raise KeyboardInterrupt

    result = redwood.solve(number(), solver="steps", on_improvement=interrupt)
    assert (result.objective, result.termination, result.status) == (8, Termination.INTERRUPTED, Status.FEASIBLE)


def test_failure_is_a_status_and_keeps_what_was_reported():
    """A solver that raises gives status failed, the error in words, and the solution reported before."""
    result = redwood.solve(number(), solver="crash")
    assert (result.status, result.termination, result.objective) == (Status.FAILED, Termination.ERROR, 5)
    assert "RuntimeError: out of paper" in result.message


@pytest.mark.parametrize("wrong", ["solution", "report"])
def test_infeasible_answers_are_found_out(wrong):
    """A solver that hands in an infeasible solution fails, and the broken rule is named."""
    result = redwood.solve(number(), solver="cheat", wrong=wrong)
    assert result.status is Status.FAILED
    assert result.objective is None
    assert "number 0 is not between 3 and 10" in result.message


def test_impossible_bound_is_dropped_and_said():
    """A bound that a checked solution contradicts is not passed on."""
    result = redwood.solve(number(), solver="cheat", wrong="bound", bound_time_limit=0)
    assert (result.objective, result.bound, result.status) == (3, None, Status.FEASIBLE)
    assert "bound of 99 contradicts the checked objective 3" in result.message


def test_auto_takes_the_highest_score_for_size_and_time():
    """`auto` follows the choices that solvers declare, and says what it chose."""
    assert redwood.solve(number(10)).solver == "steps"
    assert redwood.solve(number(30), time_limit=9).solver == "proving"
    result = redwood.solve(number(30), time_limit=1)
    assert (result.solver, result.message) == ("steps", "auto chose steps.")


def test_proof_is_reported_as_such():
    """A proven answer is optimal, with its objective as bound."""
    result = redwood.solve(number(), solver="proving")
    assert (result.status, result.termination, result.bound) == (Status.OPTIMAL, Termination.OPTIMAL, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: redwood.solve(number(), solver="stpes"),
            UnknownNameError,
            "no solver is named 'stpes'. Did you mean 'steps'",
        ),
        (lambda: redwood.solve(number(), solver="steps", pauze=1), OptionError, "no option 'pauze'. Did you mean 'pause'"),
        (
            lambda: redwood.solve(number(), solver="highs"),
            FitError,
            "'highs' does not fit problem 'countdown': it needs view Linear",
        ),
        (lambda: redwood.solve(number(), seed=-1), OptionError, "seed -1"),
        (lambda: redwood.solve(number(), threads=0), OptionError, "threads 0"),
        (lambda: redwood.solve(number(), time_limit=-1), OptionError, "time limit -1"),
        (lambda: redwood.solve(number(), bound_time_limit=-1), OptionError, "bound time limit -1"),
        (lambda: redwood.instance("countdwn", largest=4), UnknownNameError, "Did you mean 'countdown'"),
        (lambda: redwood.instance("countdown", larges=4), OptionError, "Did you mean 'largest'"),
        (lambda: redwood.instance("countdown", largest=1), InstanceError, "largest 1 is below 3"),
        (lambda: redwood.generate("countdown/hard", size=4), UnknownNameError, "no variant 'hard'"),
        (lambda: redwood.generate("countdown", size=0), OptionError, "size 0"),
        (lambda: redwood.generate("countdown", size=4, exta=1), OptionError, "Did you mean 'extra'"),
    ],
)
def test_wrong_use_is_explained(call, error, message):
    """Wrong names, options and data raise an error that names them and, where close, what was meant."""
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_result_survives_json():
    """`read_result` gives back what `to_json` wrote."""
    result = redwood.solve(number(), solver="steps", iterations=3, initial=9)
    again = redwood.read_result(result.to_json())
    assert again.to_dict() == result.to_dict()
    assert again.solution.value == result.solution.value
    assert set(json.loads(result.to_json())) >= {"problem", "objective", "gap", "seconds", "best_known"}


def test_broken_json_is_refused():
    """Text that is no result is a typed error."""
    for text in ("{", "[]", '{"problem": "countdown"}'):
        with pytest.raises(redwood.RedwoodError):
            redwood.read_result(text)


def test_the_old_name_of_reading_a_result_says_the_new_one():
    """`Result.from_json` is an error that names `redwood.read_result`."""
    with pytest.raises(OptionError, match="read_result"):
        Result.from_json("{}")


def test_solve_many_keeps_order_and_seeds():
    """A batch gives a result an instance, in order, each repeatable by its own seed."""
    results = redwood.solve_many([number(5), number(6), number(7)], solver="steps", seed=10, iterations=1)
    assert [result.objective for result in results] == [4, 5, 6]
    assert [result.seed for result in results] == [10, 11, 12]


def test_solve_many_with_jobs_gives_the_results_of_one():
    """`jobs=2` gives the same solutions, seeds and order as one job, with the instances attached."""
    instances = [redwood.generate("knapsack", 12, seed=k) for k in range(4)]
    settings = {"solver": "random", "seed": 3, "iterations": 20, "bound_time_limit": 0}
    one, two = redwood.solve_many(instances, **settings), redwood.solve_many(instances, jobs=2, **settings)
    assert [result.solution.to_dict() for result in two] == [result.solution.to_dict() for result in one]
    assert [result.seed for result in two] == [3, 4, 5, 6]
    assert [result.source for result in two] == instances


def test_what_another_process_says_of_a_solution_is_checked():
    """A result whose objective is not its solution's is failed, as one with an infeasible solution; a true one is kept."""
    instance = redwood.generate("knapsack", 12, seed=0)
    true = redwood.solve(instance, "random", iterations=20, bound_time_limit=0)
    checker = Checker.of(host().problem("knapsack"), instance, apart=True)
    assert checked_again(true, checker) is true
    lie = checked_again(dataclasses.replace(true, objective=true.objective + 1), checker)
    assert (lie.status, lie.solution) == ("failed", None)
    assert "was refused" in lie.message
    stranger = redwood.solve(redwood.generate("knapsack", 30, seed=1), "random", iterations=20, bound_time_limit=0)
    assert checked_again(stranger, checker).status == "failed"


@pytest.mark.parametrize("wrong", [None, 7, "abc", [1, 2], [None]])
def test_what_is_no_instance_is_one_error(wrong):
    """Whatever takes instances names the type of what is none, alone or in a list."""
    for use in (redwood.solve, redwood.solve_many, redwood.bound, lambda given: redwood.check(given, [0])):
        with pytest.raises(OptionError, match=r"no instance|takes a list of instances"):
            use(wrong)


def test_solve_many_shares_the_time_limit():
    """`time_limit` is for the whole batch."""
    results = redwood.solve_many([number(10_000)] * 3, solver="steps", pause=0.01, time_limit=0.6)
    assert sum(result.seconds.solve for result in results) < 3
    assert all(result.termination is Termination.TIME for result in results)


def test_generators_repeat():
    """The same seed gives the same instance, another seed another one."""
    prints = [redwood.generate("countdown", size=1000, seed=seed).fingerprint() for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_files_are_recognised_by_content(tmp_path):
    """A file is read by what it holds, whatever its suffix; unknown content is refused with the known suffixes."""
    file = tmp_path / "anything.dat"
    file.write_text("COUNTDOWN 12\n")
    assert redwood.read(file).largest == 12
    file.write_text("no such thing")
    with pytest.raises(redwood.RedwoodError, match="no known instance format"):
        redwood.read(file)
    with pytest.raises(redwood.RedwoodError, match="cannot be read: No such file"):
        redwood.read(tmp_path / "missing.count")


def test_check_prices_or_explains():
    """`check` gives the objective of a feasible solution and the broken rules of another."""
    assert redwood.check(number(), 4).objective == 4
    found = redwood.check(number(), 1)
    assert not found.feasible
    assert found.violations == ("number 1 is not between 3 and 10",)


def test_bound_reports_its_method_and_time():
    """`bound` gives the value, how it was proven, and the seconds."""
    report = redwood.bound(number())
    assert (report.value, report.method) == (3, "by eye")
    assert report.seconds >= 0


def test_the_answer_ends_the_trajectory():
    """A better answer than all that was reported is an improvement at the end of the run."""
    result = redwood.solve(redwood.instance("countdown", largest=10), solver="proving", time_limit=1)
    assert [value for _, value in result.trajectory] == [3]
    assert result.trajectory[0][0] == result.seconds.solve


@dataclass(frozen=True)
class HandingOn(redwood.Solver):
    """Hands its solutions to a solver that does not fit."""

    partner = "lagrangian"

    def run(self, problem, instance, run):
        return redwood.Answer(None)


def test_a_partner_that_does_not_fit_is_named():
    instance = redwood.generate("knapsack", size=5, seed=0)
    with pytest.raises(FitError, match="HandingOn would hand its solutions on, but solver 'lagrangian' does not fit"):
        redwood.solve(instance, HandingOn())
