"""SEQUOIA's decisions are the best of all allowed actions, however they are found, and OMLT agrees."""

from itertools import product

import numpy as np
import pytest
import torch

from redwood import generate
from redwood.errors import SolverError
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.solvers.sequoia.networks.conditioned import indicators
from redwood.solvers.sequoia.networks.network import QNetwork, Shape
from redwood.solvers.sequoia.search.bounded_action import BoundedAction
from redwood.solvers.sequoia.search.embedding import Embedding
from redwood.solvers.sequoia.search.search import Search, drawn_from

DOMAINS = ["capacity", "schedule", "path", "interventions", "overlapping"]


def small(domain, size, budget, seed=0):
    instance = generate(f"cormab/{domain}", size=size, seed=seed, budget=budget)
    return host().problem("cormab").view(Planning, instance)


def network_for(planning, seed=0, hidden=(8, 6)):
    arms, arm_actions, states = planning.arms.shape
    torch.manual_seed(seed)
    network = QNetwork(Shape(arms, arm_actions, states, planning.horizon, hidden, unit=20.0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    return network


@pytest.mark.parametrize("domain", [*DOMAINS, "budget", "path-published"])
def test_lists_hold_every_allowed_action_once(domain):
    """The list of a set is what the set's own check lets through of all actions."""
    actions = small(domain, 5, 2).actions
    listed = actions.enumerate(10_000)
    allowed = [
        arm_actions
        for arm_actions in product(range(actions.arm_actions), repeat=5)
        if actions.contains(np.array(arm_actions))
    ]
    assert sorted(map(tuple, listed.tolist())) == allowed


def test_large_sets_are_not_listed():
    """One action more than the limit, and there is no list; at the limit there is."""
    actions = small("budget", 6, 2).actions
    assert len(actions.enumerate(22)) == 22
    assert actions.enumerate(21) is None


@pytest.mark.parametrize("domain", DOMAINS)
def test_all_ways_find_the_best_of_eight_arms(domain):
    """List, search with program, and program alone are worth what the best of all allowed actions is."""
    planning = small(domain, 8, 3, seed=2)
    network, allowed = network_for(planning, seed=3), planning.actions.enumerate(100_000)
    listing, program = (Embedding(planning.actions, network.matrices(), listed=listed) for listed in (True, False))
    states = np.random.default_rng(1).integers(0, planning.arms.shape[2], (2, 8))
    for conditioned in network.condition(states, np.array([0, 13])):
        best = float(conditioned.values(indicators(allowed, planning.actions.arm_actions)).max())
        for decision in (listing.decide(conditioned), program.decide(conditioned), program.solve(conditioned)):
            assert planning.actions.contains(decision.arm_actions)
            assert decision.value == pytest.approx(best, abs=2e-6)
            assert best - 1e-9 <= decision.bound <= best + 2e-5 * max(1.0, abs(best))


@pytest.mark.parametrize("domain", ["capacity", "interventions"])
@pytest.mark.parametrize("hidden", [(8,), (8, 6)])
def test_changes_of_an_action_are_worth_what_the_network_says(domain, hidden):
    """Every single change and every swap, computed from the first layer's sums, has the value of the forward pass."""
    planning = small(domain, 6, 2)
    network, own = network_for(planning, seed=1, hidden=hidden), np.arange(6)
    embedding = Embedding(planning.actions, network.matrices())
    conditioned = network.condition(np.array([[0, 1, 2, 3, 2, 1]]), np.array([4]))[0]
    arm_actions = planning.actions.sample(np.random.default_rng(0))
    singles, swaps = embedding.search.around(conditioned, arm_actions)
    for arm, arm_action in product(range(6), range(planning.actions.arm_actions)):
        changed = np.where(own == arm, arm_action, arm_actions)
        assert singles[arm, arm_action] == pytest.approx(
            conditioned.values(indicators(changed[None], planning.actions.arm_actions))[0]
        )
    for left, right in product(range(6), repeat=2):
        swapped = arm_actions.copy()
        swapped[[left, right]] = arm_actions[[right, left]]
        if left < right and arm_actions[left] != arm_actions[right]:
            expected = conditioned.values(indicators(swapped[None], planning.actions.arm_actions))[0]
            assert swaps[left, right] == pytest.approx(expected)
        else:
            assert swaps[left, right] == -np.inf


@pytest.mark.parametrize("domain", DOMAINS)
def test_search_alone_is_allowed_bounded_and_no_worse_than_random_actions(domain):
    """What it finds is allowed, below its bound, worth the forward pass, and better than all random actions it knows."""
    planning = small(domain, 12, 4, seed=1)
    network = network_for(planning, seed=2)
    made = Embedding(planning.actions, network.matrices(), listed=False, programs=False)
    states = np.random.default_rng(1).integers(0, planning.arms.shape[2], (4, 12))
    drawn = indicators(drawn_from(planning.actions), planning.actions.arm_actions)
    for conditioned in network.condition(states, np.array([0, 5, 10, 19])):
        found = made.decide(conditioned)
        value = conditioned.values(indicators(found.arm_actions[None], planning.actions.arm_actions))[0]
        assert planning.actions.contains(found.arm_actions)
        assert conditioned.values(drawn).max() - 1e-9 <= found.value == value <= found.bound + 1e-9
        again = Search(planning.actions, network.matrices(), made.first).best(conditioned, 1e-7)
        np.testing.assert_array_equal(again.arm_actions, found.arm_actions)


@pytest.mark.parametrize("domain", ["capacity", "interventions"])
def test_trained_networks_decide_every_state_with_checks(domain):
    """In hundreds of random states a trained network's decision is allowed, worth what it claims, and bounded by it."""
    planning = small(domain, 8, 3)
    learner = Learner(planning, HyperParameters(episodes=3, check=2, trials=2, pretraining=30, batch=8), seed=0)
    learner.prepare()
    learner.learn(lambda: False)
    states = np.random.default_rng(0).integers(0, 4, (300, 8))
    embedding = Embedding(planning.actions, learner.network.matrices())
    for conditioned in learner.network.condition(states, np.arange(300) % 20):
        decision = embedding.decide(conditioned)
        value = float(conditioned.values(indicators(decision.arm_actions[None], planning.actions.arm_actions))[0])
        assert planning.actions.contains(decision.arm_actions)
        assert decision.value == pytest.approx(value, abs=1e-9)
        assert decision.value <= decision.bound <= decision.value + 2e-5 * max(1.0, abs(value))


def test_false_proofs_are_errors():
    """A bound of the program below the value of an action that is known is an error, not an answer."""
    planning = small("capacity", 6, 2)
    network = network_for(planning)
    embedding, conditioned = (
        Embedding(planning.actions, network.matrices()),
        network.condition(np.zeros((1, 6), int), np.array([0]))[0],
    )
    best = embedding.solve(conditioned)
    with pytest.raises(SolverError, match="known before"):
        embedding.solve(conditioned, BoundedAction(best.arm_actions, best.value + 1.0, np.inf))


@pytest.mark.parametrize("domain", ["capacity", "path"])
def test_omlt_agrees(domain):
    """The big-M formulation of OMLT, joined to the set's own Pyomo model, has the program's optimum."""
    pytest.importorskip("omlt")
    planning = small(domain, 6, 2)
    network = network_for(planning, seed=5)
    conditioned = network.condition(np.array([[0, 1, 2, 3, 0, 1]]), np.array([4]))[0]
    ours = Embedding(planning.actions, network.matrices()).solve(conditioned).value
    assert omlt_optimum(planning.actions, conditioned) == pytest.approx(ours, abs=1e-5)


def omlt_optimum(actions, conditioned):
    """Return the greatest value of a state-conditioned network over a set by OMLT and HiGHS."""
    import pyomo.environ as pyo
    from omlt import OmltBlock
    from omlt.neuralnet import NetworkDefinition, ReluBigMFormulation
    from omlt.neuralnet.layer import DenseLayer, InputLayer

    count = len(conditioned.linear)
    definition = NetworkDefinition(scaled_input_bounds=dict.fromkeys(range(count), (0.0, 1.0)))
    last = InputLayer([count])
    definition.add_layer(last)
    biases = [*conditioned.biases, np.zeros(1)]
    for depth, (matrix, bias) in enumerate(zip(conditioned.weights, biases, strict=True)):
        activation = "linear" if depth == len(biases) - 1 else "relu"
        layer = DenseLayer([matrix.shape[1]], [len(matrix)], activation=activation, weights=matrix.T, biases=bias)
        definition.add_layer(layer)
        definition.add_edge(last, layer)
        last = layer
    model = actions.model()
    model.network = OmltBlock()
    model.network.build_formulation(ReluBigMFormulation(definition))
    model.same = pyo.ConstraintList()
    for place, variable in enumerate(actions.indicators(model)):
        model.same.add(model.network.inputs[place] == variable)
    model.q = pyo.Objective(expr=model.network.outputs[0] + conditioned.offset, sense=pyo.maximize)
    pyo.SolverFactory("appsi_highs").solve(model)
    return pyo.value(model.q)


@pytest.mark.parametrize(("least", "proven"), [(1.0, False), (50.0, True)])
def test_proofs_are_relative_to_the_value_or_the_least_one(least, proven):
    """A gap of 0.5 is 5 % of a value of 10, and 1 % of 50."""
    found = BoundedAction(np.zeros(2, int), 10.0, 10.5)
    assert found.proven(0.01, least) is proven
    assert found.proven(0.05, least)
