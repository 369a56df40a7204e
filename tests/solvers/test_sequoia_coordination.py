"""Coordination graphs: what they maximise is maximised exactly, Q is as defined, and policy iteration gains by them."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from redwood import generate, load_policy, save_policy, solve
from redwood.errors import SolutionError
from redwood.planning.additive_policy import AdditivePolicy
from redwood.planning.contract import Planning
from redwood.planning.steps import outcomes, step_rewards
from redwood.plugins.host import host
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.capacity import CapacitySet
from redwood.solvers.planning.exact import evaluate, induce
from redwood.solvers.sequoia.coordination_policy import CoordinationPolicy
from redwood.solvers.sequoia.learning.coordination_fit import fit_coordination
from redwood.solvers.sequoia.learning.fitted import collect
from redwood.solvers.sequoia.networks.coordination import CoordinationNetwork, encode, neighbours
from redwood.solvers.sequoia.search.pairs import PairMaximum, frontier_plan, value_of_pairs


class Endless:
    """A clock without a limit."""

    seconds_left = float("inf")

    def stops(self):
        """Return that there is time."""
        return False


def view(made):
    return host().problem("cormab").view(Planning, made)


def graph(arms, density, rng):
    """Return the pairs of a random graph."""
    pairs = np.array(list(combinations(range(arms), 2)), np.int64).reshape(-1, 2)
    return pairs[rng.random(len(pairs)) < density]


def network_for(planning, seed=0):
    """Return the policy of a random network."""
    rng, (arms, states) = np.random.default_rng(seed), planning.arms.start.shape
    values, pairs = rng.normal(size=(planning.horizon + 1, arms, states)), neighbours(planning)
    features = encode(planning, values, np.zeros((1, arms), np.int64), 0, 1.0).features.shape[2]
    network = CoordinationNetwork(arms, features, 6, pairs)
    weights = rng.normal(size=len(network.weights()))
    return CoordinationPolicy(values, pairs, weights, 6, features, 0.7)


@pytest.mark.parametrize("density", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("size", [1, 2, 6, 9])
def test_the_frontier_finds_the_best_of_all_actions(size, density):
    """By enumeration on random graphs: the dynamic program's action is allowed, has its value, and none has more."""
    rng = np.random.default_rng(size)
    edges, budget = graph(size, density, rng), max(1, size // 3)
    maximum = PairMaximum(BudgetSet(size, budget), edges)
    assert maximum.plan is not None
    listed = np.indices((2,) * size).reshape(size, -1).T
    listed = listed[listed.sum(axis=1) <= budget]
    pulls, pairs = rng.normal(size=(20, size)), rng.normal(size=(20, len(edges)))
    for row, found in enumerate(maximum.best(pulls, pairs)):
        values = value_of_pairs(listed, pulls[row][None], pairs[row][None], edges)
        assert found.value == pytest.approx(values.max(), abs=1e-12)
        own = value_of_pairs(found.arm_actions[None], pulls[row][None], pairs[row][None], edges)[0]
        assert own == pytest.approx(found.value, abs=1e-12)
        assert found.arm_actions.sum() <= budget


def test_the_program_and_the_frontier_agree():
    """On a graph of 25 arms HiGHS finds the value of the dynamic program, and swaps find no more."""
    rng = np.random.default_rng(0)
    edges = graph(25, 0.12, rng)
    maximum = PairMaximum(BudgetSet(25, 6), edges)
    pulls, pairs = rng.normal(size=(4, 25)), 2.0 * rng.normal(size=(4, len(edges)))
    climbed = maximum.climbed(pulls, pairs)
    for row, found in enumerate(maximum.best(pulls, pairs)):
        program = maximum._program(pulls[row], pairs[row])
        assert program.value == pytest.approx(found.value, abs=1e-7)
        assert program.bound >= found.value - 1e-9
        assert value_of_pairs(climbed[row][None], pulls[row][None], pairs[row][None], edges)[0] <= found.value + 1e-9


def test_sets_that_do_more_than_limit_pulls_go_to_the_program():
    """Under capacities there is no frontier; the program's action is the best of the enumerated ones."""
    rng = np.random.default_rng(1)
    actions, edges = CapacitySet(rng.integers(2, 7, 7), rng.integers(2, 8, 3)), graph(7, 0.4, rng)
    maximum = PairMaximum(actions, edges)
    assert maximum.plan is None
    listed = actions.enumerate(1000).astype(np.int64)
    pulls, pairs = rng.normal(size=(5, 7)), rng.normal(size=(5, len(edges)))
    for row, found in enumerate(maximum.best(pulls, pairs)):
        values = value_of_pairs(listed, pulls[row][None], pairs[row][None], edges)
        assert found.value == pytest.approx(values.max(), abs=1e-7)
    assert not len(actions.refused(maximum.climbed(pulls, pairs)))


def test_frontiers_of_clusters_are_narrow():
    """A ring of 25 cliques of four needs a frontier of six arms at most, and every arm is decided once."""
    cliques = [range(4 * number, 4 * number + 4) for number in range(25)]
    edges = [pair for clique in cliques for pair in combinations(clique, 2)]
    edges += [(4 * number, 4 * ((number + 1) % 25)) for number in range(25)]
    plan = frontier_plan(100, np.sort(np.array(edges), axis=1))
    assert plan.slots <= 6
    assert sorted(plan.order.tolist()) == list(range(100))


def test_q_is_the_exact_step_and_what_the_network_says():
    """Relative to pulling nobody, Q is the difference in this step and additive values, plus the network's parts."""
    planning = view(generate("cormab/network", size=6, seed=1, horizon=6))
    policy, rng = network_for(planning), np.random.default_rng(2)
    states, actions = rng.integers(0, 2, (1, 6)), planning.actions.enumerate(1000).astype(np.int64)
    here = np.broadcast_to(states, actions.shape)
    pulls, pairs = policy.parts(planning, states, 2)
    exact = step_rewards(planning, here, actions)
    exact = exact + np.einsum("njs,js->n", outcomes(planning, here, actions), policy.values[3])
    nobody = int(np.flatnonzero(actions.sum(axis=1) == 0)[0])
    learnt_pulls = pulls - np.array([exact[(actions == row).all(axis=1)][0] for row in np.eye(6, dtype=int)]) + exact[nobody]
    both = actions[:, policy.pairs[:, 0]] * actions[:, policy.pairs[:, 1]]
    expected = exact - exact[nobody] + (actions * learnt_pulls).sum(axis=1) + (both * pairs).sum(axis=1)
    assert np.abs(learnt_pulls).max() > 1e-3
    np.testing.assert_allclose(policy.q_values(planning, here, actions, 2), expected, atol=1e-9)
    found = policy.decide(planning, states, 2)[0]
    assert found.value == pytest.approx(expected.max(), abs=1e-9)


def test_the_last_step_is_exact():
    """Where nothing follows the network is silent, and the action is the best for this step's reward."""
    planning = view(generate("cormab/network", size=6, seed=1, horizon=6))
    policy = network_for(planning)
    plain = AdditivePolicy(np.zeros((7, 6, 2)))
    states = np.random.default_rng(0).integers(0, 2, (9, 6))
    last = replace(policy, values=np.concatenate([policy.values[:-1], 0 * policy.values[-1:]]))
    chosen = (each.choose(planning, states, 5, np.random.default_rng(0)) for each in (last, plain))
    one, other = (step_rewards(planning, states, actions) for actions in chosen)
    np.testing.assert_allclose(one, other)


def test_rounds_of_policy_iteration_gain_most_of_what_is_left():
    """By exact evaluation on eight nodes: three fits leave less than half of what the myopic policy lacks."""
    made = generate("cormab/network", size=8, seed=1)
    planning, rng = view(made), np.random.default_rng(0)
    policy = AdditivePolicy(np.repeat(made.arms.rewards[None, :, 0], 21, axis=0))
    optimum, before = induce(planning)[1], evaluate(planning, policy)
    for _ in range(3):
        samples = collect(planning, policy, policy, policy.values, 2000, rng, lambda: False)
        policy = fit_coordination(planning, samples, policy.values, 24, 200, rng, Endless())
    assert before < 0.99 * optimum
    assert evaluate(planning, replace(policy, exact=True)) > (before + optimum) / 2


def test_the_answer_is_kept_in_files(tmp_path):
    """A policy that was written and read again takes the same actions, and refuses an instance of another size."""
    made = generate("cormab/network", size=5, seed=0, horizon=8)
    found = solve(made, "sequoia", seed=0, bound_time_limit=0, rounds=1, states=200, hidden=4, steps=40)
    path = save_policy(found.solution, tmp_path / "policy")
    again, rng = load_policy(path), np.random.default_rng(0)
    states = np.indices((2,) * 5).reshape(5, -1).T
    for step in (0, 6, 7):
        one, other = (policy.choose(view(made), states, step, rng) for policy in (found.solution, again))
        np.testing.assert_array_equal(one, other)
    with pytest.raises(SolutionError, match="the Q-network is for"):
        again.choose(view(generate("cormab/network", size=6, seed=0)), np.zeros((1, 6), np.int64), 0, rng)
