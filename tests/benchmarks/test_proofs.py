"""The standing defence against wrong proofs, and that it would notice one."""

import numpy as np
import proofs
import pytest
import tiny

from redwood.plugins.host import host
from redwood.problems.knapsack.instance import Packing
from redwood.solver import Answer, Solver
from redwood.solving.solve import solve

QUICK = {
    "tsp": ("highs", "exact", "greedy", "bound"),
    "atsp": ("highs", "greedy", "bound"),
    "cvrp": ("highs", "greedy", "bound"),
    "knapsack": ("auto", "highs", "exact", "greedy", "bound"),
    "orienteering": ("highs", "greedy", "bound"),
    "vrp": ("highs", "bound"),
    "cormab": ("bound",),
}


@pytest.mark.parametrize("problem", QUICK)
def test_no_claim_is_wrong_on_tiny_instances(problem):
    """On 30 instances of any scale and shape nothing that a solver claims contradicts enumeration."""
    runs = 0
    for seed in range(30):
        for solver, tally, faults in proofs.check(problem, seed, QUICK[problem], time_limit=2.0):
            assert not faults, (seed, solver, faults)
            runs += tally.runs
    assert runs >= 6 * len(QUICK[problem])


class Boaster(Solver):
    """Claims that whatever comes first is optimal."""

    def run(self, problem, instance, run):
        return Answer(Packing([int(np.argmin(instance.weights))]), proven=True)


def test_a_false_claim_is_noticed():
    """A solver that calls its first packing optimal is caught on some instance of ten."""
    caught = 0
    for seed in range(10):
        made = tiny.draw("knapsack", np.random.default_rng(seed))
        result = solve(made.instance, Boaster(), time_limit=1.0)
        caught += "optimal" in dict(proofs._wrong_answer(made, result))
    assert caught


def test_enumeration_knows_answers_worked_by_hand():
    """Two customers of demand 2 and capacity 3 need two routes; with one vehicle nothing is feasible."""
    lengths = [[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]
    cheapest = dict(tiny._cheapest_routes(lengths, [0, 2, 2], 3.0, 2))
    both = frozenset((1, 2))
    assert tiny._best_partition(cheapest, both, 2) == 6.0
    assert tiny._best_partition(cheapest, both, 1) is None
    assert tiny._best_partition(dict(tiny._cheapest_routes(lengths, [0, 2, 1], 3.0, 2)), both, 1) == 4.0
    assert host().problem("cvrp").sense == "min"
