"""Promises on degenerate instances: every solver answers them, none raises, and none is wrong."""

from __future__ import annotations

import pytest
from degenerate import PROBLEMS, Case, degenerate_cases, try_solver

from redwood.problems.tsp.problem import TSP

SOLVERS = ("local-search", "greedy", "random", "highs")
SHARE = 7
"""One of so many cases is tried here; ``python benchmarks/studies/degenerate.py`` tries them all, with every solver."""


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_answer_degenerate_instances(problem: str, solver: str) -> None:
    """Nothing to choose, no lengths, no room, lengths far from 1: no failure, no wrong proof, and no endless run."""
    cases = list(degenerate_cases(problem))[::SHARE]
    faults = {case.name: try_solver(case, solver, time_limit=0.02) for case in cases}
    assert {name: what for name, what in faults.items() if what} == {}


def test_bq_answers_an_instance_without_optional_nodes() -> None:
    """A start and an end and nothing else: the path between them is the solution, and its prize 1."""
    cases = [case for case in degenerate_cases("orienteering") if case.instance.size == 0]
    faults = [try_solver(case, "bq", time_limit=0.05) for case in cases]
    assert cases
    assert not any(faults)


def test_a_wrong_claim_is_told() -> None:
    """A case whose best objective is another one than a solver proves is a fault, so the sweep can fail."""
    instance = TSP().make(coords=[[0, 0], [3, 0], [3, 4]])
    assert try_solver(Case("triangle", instance, 12.0), "local-search", 0.02) == ""
    assert "called optimal" in try_solver(Case("triangle", instance, 11.0), "local-search", 0.02)
