"""The promises that everything registered has to keep."""

from dataclasses import replace

import pytest

from redwood.plugins.conformance.checks import check_bounds, check_planning, check_problem, check_solver, rule_names
from redwood.plugins.host import host
from redwood.solvers.sequoia import deep_q


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    """Let Q-networks be pre-trained for a moment: with the published steps a loaded machine takes all of a time limit."""
    monkeypatch.setattr(deep_q, "PUBLISHED", replace(deep_q.PUBLISHED, pretraining=5))


PROBLEMS = sorted(entry.spec.name for entry in host().problem_entries if entry.plugin == "builtin")
PAIRS = sorted(
    {(entry.spec.name, problem) for problem in PROBLEMS for entry in host().fitting(problem) if entry.plugin == "builtin"}
)

SMALL = {
    "lp-update": {"every": 20, "window": 2},
    "rollout": {"improvements": 1},
    "quadratic": {"episodes": 20},
    "sequoia": {"rounds": 1, "states": 100, "hidden": 4, "steps": 20},
}
"""Options of solvers that would otherwise learn or think for minutes."""


def cases(problem):
    """Return the instances to check solvers on: one small one of bandits, since every check simulates policies."""
    return {"seeds": [0], "size": 5} if problem == "cormab" else {"seeds": [0, 1]}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_problem_keeps_its_promises(problem):
    """Generators repeat, instances pickle and survive files, and the local-search view agrees with the problem."""
    assert check_problem(problem) == []


def test_planning_keeps_its_promises():
    """Arms are distributions, action sets exact, and simulations repeat, in every domain of the bandits."""
    assert check_planning("cormab", seeds=[0]) == []


@pytest.mark.parametrize(("solver", "problem"), PAIRS)
def test_solver_keeps_its_promises(solver, problem):
    """Answers are feasible and repeatable, a start is never made worse, unknown options are refused."""
    entry = host().solver_entry(solver, problem)
    if entry.missing:
        pytest.skip(f"{solver} is not installed: {entry.missing[0]}")
    options = SMALL.get(solver, {})
    assert check_solver(solver, problem, **cases(problem), iterations=5, exclude=["budget-kept"], **options) == []


@pytest.mark.slow
@pytest.mark.parametrize(("solver", "problem"), PAIRS)
def test_solver_keeps_its_time_limit(solver, problem):
    """With its own options every solver ends at its time limit, or soon after it."""
    entry = host().solver_entry(solver, problem)
    if entry.missing:
        pytest.skip(f"{solver} is not installed: {entry.missing[0]}")
    others = [rule for rule in rule_names() if rule != "budget-kept"]
    assert check_solver(solver, problem, **cases(problem), exclude=others) == []


@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_bound_contradicts_a_solution(problem):
    """No solver and no view claims a bound that somebody's solution beats."""
    assert check_bounds(problem, **cases(problem), iterations=5, options=SMALL) == []
