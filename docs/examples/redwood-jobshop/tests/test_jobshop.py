"""The problem keeps Redwood's promises, and the textbook instance is solved to its known optimum."""

import redwood
from redwood.plugins.conformance.testing import problem_tests, solver_tests

FT06 = """6 6
 2 1  0 3  1 6  3 7  5 3  4 6
 1 8  2 5  4 10  5 10  0 10  3 4
 2 5  3 4  5 8  0 9  1 1  4 7
 1 5  0 5  2 5  3 3  4 8  5 9
 2 9  1 3  4 5  5 4  0 3  3 1
 1 3  3 3  5 9  0 10  4 4  2 1
"""

test_problem = problem_tests("jobshop", size=4, seeds=[0])
test_local_search = solver_tests("local-search", "jobshop", size=4, seeds=[0])


def test_three_families_solve_the_textbook_instance(tmp_path):
    """A file is recognised by its content; HiGHS proves 55, local search reaches it (Fisher and Thompson 1963)."""
    file = tmp_path / "ft06.txt"
    file.write_text(FT06)
    instance = redwood.read(file)
    found = redwood.solve(instance, "local-search", iterations=3000, seed=0)
    proven = redwood.solve(instance, "highs", time_limit=60, initial=found.solution)
    assert (found.objective, proven.objective, proven.bound) == (55, 55, 55)


def test_a_policy_is_trained_and_solves(tmp_path):
    """`train` makes labels by any solver and leaves weights that `bq` takes."""
    weights = redwood.train("bq", "jobshop", tmp_path, hours=0.005, preset="tiny", batch=32, test_instances=2)
    result = redwood.solve(redwood.generate("jobshop", size=6, seed=5), "bq", weights=str(weights), time_limit=1)
    assert result.status in ("feasible", "optimal")
