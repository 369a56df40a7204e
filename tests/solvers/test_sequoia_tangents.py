"""Bounds of concave networks by averages of tangents, and decisions that do without the program up to a slack."""

import numpy as np
import pytest
import torch

from redwood import generate
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.sequoia.networks.conditioned import coefficients_of, indicators, limits, linear_bound
from redwood.solvers.sequoia.networks.network import QNetwork, Shape
from redwood.solvers.sequoia.policy import policy_of
from redwood.solvers.sequoia.search import listing
from redwood.solvers.sequoia.search.bounded_action import BoundedAction
from redwood.solvers.sequoia.search.embedding import Embedding
from redwood.solvers.sequoia.search.oracle import ActionOracle
from redwood.solvers.sequoia.search.tangents import WHOLE, Tangents

DOMAINS = ["capacity", "schedule", "path", "interventions", "overlapping"]


def concave(domain, size, budget, seed=0):
    """A set and a network that bends strongly, with states of it conditioned in."""
    planning = host().problem("cormab").view(Planning, generate(f"cormab/{domain}", size=size, seed=seed, budget=budget))
    arms, arm_actions, states = planning.arms.shape
    torch.manual_seed(seed)
    network = QNetwork(Shape("concave", arms, arm_actions, states, planning.horizon, (8, 12), unit=20.0))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    drawn = np.random.default_rng(1).integers(0, states, (6, arms))
    return planning, network, drawn


def begun(planning, network, conditioned):
    """The first tangent's action and bound, and the limits of the neurons."""
    wide = limits(conditioned, Embedding(planning.actions, network.matrices()).first)
    slope, constant = linear_bound(conditioned, wide, np.zeros(len(conditioned.linear)))
    choice = planning.actions.argmax(coefficients_of(planning.actions, slope))
    value = float(conditioned.values(indicators(choice.arm_actions[None], planning.actions.arm_actions))[0])
    return BoundedAction(choice.arm_actions, value, choice.bound + constant), wide


def greatest_of_averages(conditioned, listed):
    """The greatest value of a concave network of one hidden layer over averages of actions, by linear programming."""
    from scipy.optimize import linprog

    weights, output = conditioned.weights[0], conditioned.weights[1][0]
    assert (output <= 0).all()
    actions, neurons = len(listed), len(output)
    inner = np.hstack([weights @ listed.T, -np.eye(neurons)])  # w u + b <= h
    found = linprog(
        -np.concatenate([listed @ conditioned.linear, output]),
        A_ub=inner,
        b_ub=-conditioned.biases[0],
        A_eq=np.concatenate([np.ones(actions), np.zeros(neurons)])[None],
        b_eq=[1.0],
    )
    return conditioned.offset - found.fun


@pytest.mark.parametrize("domain", DOMAINS)
def test_averages_of_tangents_bound_every_action_almost_as_closely_as_they_can(domain):
    """The bound is above all actions, and above what averages of these come to by a tenth of the gap at most."""
    planning, network, drawn = concave(domain, 8, 3, seed=2)
    listed = indicators(planning.actions.enumerate(100_000), planning.actions.arm_actions)
    better = 0
    for conditioned in network.condition(drawn, np.arange(6)):
        first, wide = begun(planning, network, conditioned)
        found = Tangents(planning.actions).tighten(conditioned, wide, first, 0.0)
        best, most = float(conditioned.values(listed).max()), greatest_of_averages(conditioned, listed)
        assert planning.actions.contains(found.arm_actions)
        assert found.value == pytest.approx(
            conditioned.values(indicators(found.arm_actions[None], planning.actions.arm_actions))[0]
        )
        assert first.value - 1e-9 <= found.value <= best + 1e-9
        assert best - 1e-9 <= most <= found.bound + 1e-6 <= first.bound + 2e-6
        assert found.bound - most <= WHOLE * (found.bound - found.value) + 1e-6
        better += found.bound < first.bound - 1e-3
    assert better >= 1


def test_bounds_end_where_they_are_close_enough():
    """With a tolerance of the whole gap nothing is looked for after the first average."""
    planning, network, drawn = concave("capacity", 8, 3, seed=2)
    conditioned = network.condition(drawn[:1], np.zeros(1, int))[0]
    first, wide = begun(planning, network, conditioned)
    asked, plain = [], planning.actions.argmax
    object.__setattr__(planning.actions, "argmax", lambda q_values: asked.append(q_values) or plain(q_values))
    Tangents(planning.actions).tighten(conditioned, wide, first, 1e6)
    assert len(asked) == 1


@pytest.mark.parametrize(("least", "proven"), [(1.0, False), (50.0, True)])
def test_proofs_are_relative_to_the_value_or_the_least_one(least, proven):
    """A gap of 0.5 is 5 % of a value of 10, and 1 % of 50."""
    found = BoundedAction(np.zeros(2, int), 10.0, 10.5)
    assert found.proven(0.01, least) is proven
    assert found.proven(0.05, least)


def test_programs_decide_only_beyond_the_slack():
    """A gap within the slack is decided by search; without slack the program is solved, and is no worse."""
    planning, network, drawn = concave("capacity", 8, 3, seed=2)
    made, programs = Embedding(planning.actions, network.matrices(), listed=False), 0
    for conditioned in network.condition(drawn, np.arange(6)):
        exact, loose = made.decide(conditioned), made.decide(conditioned, slack=1e6)
        assert not loose.program
        assert loose.value <= exact.value + 1e-6
        assert exact.value <= loose.bound + 1e-6
        programs += exact.program
    assert programs > 0


def test_policies_and_targets_keep_their_slack(monkeypatch):
    """A policy's slack is relative to values, that of targets to an episode's reward where a value is smaller."""
    planning, network, drawn = concave("capacity", 8, 3, seed=2)
    asked, plain = [], Embedding.decide
    monkeypatch.setattr(
        Embedding, "decide", lambda made, conditioned, **how: asked.append(how) or plain(made, conditioned, **how)
    )
    policy_of(network, slack=0.02).decisions(planning.actions, drawn[:1], 0)
    policy_of(network).decisions(planning.actions, drawn[:1], 0)
    ActionOracle(network, planning.actions, 0.01).best(drawn[:1], np.zeros(1, int))
    assert asked == [{"slack": 0.02}, {"slack": 1e-7}, {"tolerance": 0.01, "least": 20.0}]


@pytest.mark.parametrize("domain", DOMAINS)
def test_screened_lists_keep_the_best_action(domain, monkeypatch):
    """What tangents leave of a list holds its best action, and is less than the list."""
    planning, network, drawn = concave(domain, 8, 3, seed=2)
    listed = indicators(planning.actions.enumerate(100_000), planning.actions.arm_actions)
    conditions, shares = network.condition(drawn, np.arange(6)), []
    monkeypatch.setattr(listing, "SCREENED", 0)
    monkeypatch.setattr(listing, "ENOUGH", 4)
    made = listing.listing_of(planning.actions, network.matrices())
    for conditioned in conditions:
        arm_actions, q_values = made.best(conditioned, planning.actions)
        values = conditioned.values(listed)
        assert q_values == pytest.approx(values.max())
        assert conditioned.values(indicators(arm_actions[None], planning.actions.arm_actions))[0] == pytest.approx(
            values.max()
        )
        shares.append(len(made._screened(conditioned, planning.actions)) / len(listed))
    assert min(shares) < 0.6


@pytest.mark.parametrize("hidden", [(6,), (5, 3), (4, 7, 2)])
def test_lists_price_every_action_as_the_network_does(hidden):
    """Blocks of a list, the last one not full, have the network's own values, whatever its widths."""
    planning = host().problem("cormab").view(Planning, generate("cormab/budget", size=9, seed=1, budget=3))
    network = QNetwork(Shape("relu", 9, 2, 4, 20, hidden))
    actions = planning.actions.enumerate(100_000)
    made = listing.listing_of(planning.actions, network.matrices())
    [conditioned] = network.condition(np.ones((1, 9), int), np.zeros(1, int))
    assert len(actions) % listing.BLOCK
    assert made.q_values(conditioned) + conditioned.offset == pytest.approx(conditioned.values(indicators(actions, 2)))
