"""Relaxed action sets, and the programs over them."""

import json
import os
from pathlib import Path

import highspy
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import vstack

from redwood import bound, generate, instance
from redwood.clock import Timer
from redwood.planning.bounds.decomposition import Decomposition
from redwood.planning.bounds.duality import price, refined, tighten
from redwood.planning.bounds.master import Master
from redwood.planning.bounds.relaxing import RelaxedProgram, relaxed_prices
from redwood.planning.bounds.segment import HorizonSegment
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.problems.cormab.problem import CoRMAB
from redwood.solvers.planning.exact import induce

VARIANTS = [variant for variant in CoRMAB.variants if variant != "state-dependent"]


def most(relaxation, gains):
    """Return the greatest value in a relaxation of gains [K (A - 1)] for arms of each class for each action."""
    limits = vstack((relaxation.rows, -relaxation.rows)).tocsr()
    right = np.concatenate((relaxation.upper, -relaxation.lower))
    kept = np.isfinite(right)
    bounds = np.column_stack((relaxation.least, relaxation.most))
    return -linprog(-(gains @ relaxation.links), limits[kept], right[kept], bounds=bounds).fun


@pytest.mark.parametrize("variant", VARIANTS)
def test_relaxations_hold_every_action(variant):
    """Nothing in a set is worth more than its relaxation allows, and where that is called tight, it allows no more."""
    rng = np.random.default_rng(3)
    for seed in (0, 1):
        actions = generate(f"cormab/{variant}", size=9, seed=seed, budget=3).actions
        relaxation = actions.relaxation
        kinds = int(relaxation.classes.max()) + 1
        for gains in rng.normal(size=(5, kinds, actions.arm_actions - 1)):
            coefficients = np.concatenate((np.zeros((kinds, 1)), gains), axis=1)[relaxation.classes]
            found, best = most(relaxation, gains.ravel()), actions.argmax(coefficients).value
            assert found >= best - 1e-7
            assert not relaxation.tight or found == pytest.approx(best)


@pytest.mark.parametrize("variant", ["capacity", "interventions"])
def test_the_next_start_begins_where_the_last_ended(variant):
    """A program that is kept for several starts gives prices as good as one made anew."""
    planning = host().problem("cormab").view(Planning, generate(f"cormab/{variant}", size=9, seed=1, budget=3, horizon=6))
    arms, relaxation = planning.arms, planning.actions.relaxation
    kept = RelaxedProgram(planning, relaxation)
    for state in range(3):
        start = np.eye(4)[np.full(9, state)]
        kept.begin(start)
        there = HorizonSegment(type(arms)(arms.transitions, arms.rewards, start), planning.actions, 6, 1.0, np.zeros((9, 4)))
        anew = relaxed_prices(there, relaxation, 60.0)
        assert price(there, kept.prices()).bound == pytest.approx(price(there, anew).bound, rel=1e-6)


def test_one_action_a_step_is_worth_what_it_earns():
    """A program that knows a single action for each step has the value of taking these, whatever the states are."""
    planning = host().problem("cormab").view(Planning, generate("cormab/budget", size=40, seed=0))
    arms, rng = planning.arms, np.random.default_rng(0)
    mass = np.eye(4)[rng.integers(0, 4, 40)]
    master = Master(
        HorizonSegment(type(arms)(arms.transitions, arms.rewards, mass), planning.actions, 20, 1.0, np.zeros((40, 4)))
    )
    actions = planning.actions.samples(20, rng)
    master.add(actions)
    earned = 0.0
    for arm_actions in actions:
        earned += (mass * arms.rewards[np.arange(40), arm_actions]).sum()
        mass = np.einsum("js,jsz->jz", mass, arms.transitions[np.arange(40), arm_actions])
    assert master.solve(60.0)[0] == pytest.approx(earned)


def test_refined_prices_are_as_tight_from_a_kept_program():
    """Column generation that goes on from another start's actions proves what it would alone, never less than before."""
    planning = host().problem("cormab").view(Planning, generate("cormab/path", size=10, seed=3, budget=3, horizon=6))
    arms, rng = planning.arms, np.random.default_rng(1)
    first = np.zeros((6, *arms.rewards.shape[:2]))
    window = HorizonSegment(arms, planning.actions, 6, 1.0, np.zeros((10, 4)))
    kept = Master(window)
    for states in rng.integers(0, 4, (4, 10)):
        start = np.eye(4)[states]
        there = HorizonSegment(
            type(arms)(arms.transitions, arms.rewards, start), planning.actions, 6, 1.0, np.zeros((10, 4))
        )
        kept.begin(start)
        given = price(there, first)
        found = refined(there, given, kept, Timer(60), 100)
        assert found.bound <= given.bound
        assert found.bound == pytest.approx(tighten(there, Timer(60)).bound, rel=2e-4)
        first = found.prices


def test_closed_walks_relaxed_by_blocks_hold_every_action():
    """On larger graphs, where the relaxation mixes closed walks of blocks, it is close above the best one."""
    actions = generate("cormab/path", size=40, seed=1).actions
    assert actions.relaxation.size < 200
    for gains in np.random.default_rng(2).random((5, 40)):
        best = actions.argmax(np.column_stack((np.zeros(40), gains))).value
        assert best - 1e-7 <= most(actions.relaxation, gains) <= 1.1 * best


class Failing:
    """HiGHS that gives up with a status other than that of its time limit."""

    def __init__(self, base):
        self.base, self.runs = base, 0

    def __getattr__(self, name):
        return getattr(self.base, name)

    def run(self):
        self.runs += 1

    def getModelStatus(self):
        return highspy.HighsModelStatus.kUnknown


def test_a_bound_survives_a_program_that_highs_gives_up():
    """Column generation begins once more, then keeps the prices in hand: what it gives is a bound, and no error."""
    planning = host().problem("cormab").view(Planning, generate("cormab/budget", size=4, seed=1, budget=2, horizon=5))
    made = Decomposition(planning)
    made._highs = Failing(made._highs)
    prices, _ = made.minimise(Timer(20), 50, 1e-6)
    assert made._highs.runs == 2
    assert price(planning, prices).bound >= induce(planning)[1]


def test_spread_starts_over_a_long_horizon_have_a_bound():
    """Twenty arms on a cycle of eight states, of which HiGHS's simplex method loses its way, have a finite bound."""
    if "REDWOOD_DATA" not in os.environ:
        pytest.skip("REDWOOD_DATA does not name the folder of the arms")
    arm = json.loads((Path(os.environ["REDWOOD_DATA"]) / "cormab" / "hard_arms.json").read_text())["nonSA8"]
    made = instance(
        "cormab",
        transitions=np.tile(arm["transitions"], (20, 1, 1, 1)),
        rewards=np.tile(arm["rewards"], (20, 1, 1)),
        start=np.eye(8)[np.arange(20) % 8],
        actions={"kind": "budget", "count": 20, "budget": 12},
        horizon=200,
    )
    assert 0 < bound(made, time_limit=10).value <= 20.0 + 1e-6
