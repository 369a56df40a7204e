"""The solver keeps Redwood's promises on a problem to minimise and on one to maximise, and beats a descent."""

import redwood
from redwood.plugins.conformance.testing import solver_tests

test_on_tsp = solver_tests("annealing", "tsp", seeds=[0])
test_on_knapsack = solver_tests("annealing", "knapsack", seeds=[0])


def test_it_improves_on_a_descent():
    """Annealed for a while, a solution is better than the greedy one after a descent."""
    instance = redwood.generate("tsp", size=60, seed=1)
    descent = redwood.solve(instance, "greedy", seed=0)
    annealed = redwood.solve(instance, "annealing", iterations=300, seed=0)
    assert annealed.objective < descent.objective
