"""Conformance as pytest tests: one test a rule, made by a line in a plugin's own test file.

from redwood.plugins.conformance.testing import planning_tests, problem_tests, solver_tests

test_problem = problem_tests("my_problem")
test_solver = solver_tests("my-solver", "tsp")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from redwood.plugins.conformance.checks import check_planning, check_problem, check_solver
from redwood.plugins.conformance.planning_rules import PLANNING_RULES
from redwood.plugins.conformance.problem_rules import PROBLEM_RULES
from redwood.plugins.conformance.rules import Rule, chosen
from redwood.plugins.conformance.solver_rules import SOLVER_RULES


def problem_tests(name: str, *, exclude: Sequence[str] = (), since: str | None = None, **settings: Any) -> Any:
    """Return a pytest test of a problem, one case a rule; settings are those of `check_problem`.

    Parameters
    ----------
    name
        A registered problem.
    exclude
        Names of rules to leave out.
    since
        The release of Redwood whose rules are asked for; by default all rules.
    **settings
        Further arguments of `check_problem`.
    """
    return _tests(PROBLEM_RULES, lambda others: check_problem(name, exclude=others, **settings), exclude, since)


def planning_tests(name: str, *, exclude: Sequence[str] = (), since: str | None = None, **settings: Any) -> Any:
    """Return a pytest test of a problem's view `Planning`, one case a rule; settings are those of `check_planning`.

    Parameters
    ----------
    name
        A registered problem with the view.
    exclude
        Names of rules to leave out.
    since
        The release of Redwood whose rules are asked for; by default all rules.
    **settings
        Further arguments of `check_planning`.
    """
    return _tests(PLANNING_RULES, lambda others: check_planning(name, exclude=others, **settings), exclude, since)


def solver_tests(name: str, problem: str, *, exclude: Sequence[str] = (), since: str | None = None, **settings: Any) -> Any:
    """Return a pytest test of a solver on a problem, one case a rule; settings are those of `check_solver`.

    Parameters
    ----------
    name
        A registered solver.
    problem
        A problem, with or without a variant, that it takes.
    exclude
        Names of rules to leave out.
    since
        The release of Redwood whose rules are asked for; by default all rules.
    **settings
        Further arguments of `check_solver`.
    """
    return _tests(SOLVER_RULES, lambda others: check_solver(name, problem, exclude=others, **settings), exclude, since)


def _tests(
    rules: Sequence[Rule[Any]], check: Callable[[list[str]], list[Any]], exclude: Sequence[str], since: str | None
) -> Any:
    import pytest

    wanted = [rule.name for rule in chosen(rules, exclude, since)]

    @pytest.mark.parametrize("rule", wanted)
    def test(rule: str) -> None:
        """The rule holds on random instances."""
        findings = check([other.name for other in rules if other.name != rule])
        if findings:
            pytest.fail("\n".join(map(str, findings)), pytrace=False)

    return test
