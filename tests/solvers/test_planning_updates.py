"""`lp-update`: rounding, alike arms and the average reward."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from redwood import generate, instance, solve
from redwood.errors import OptionError
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.planning.exact import induce
from redwood.solvers.planning.lp_update import Update, alike, rounded


def planning_of(made):
    return host().problem("cormab").view(Planning, made)


def hard(size, budget, **settings):
    """Alike arms of eight states, whose synchronisation fails."""
    if "REDWOOD_DATA" not in os.environ:
        pytest.skip("REDWOOD_DATA does not name the folder of the arms")
    arm = json.loads((Path(os.environ["REDWOOD_DATA"]) / "cormab" / "hard_arms.json").read_text())["nonSA8"]
    moves, rewards = np.tile(arm["transitions"], (size, 1, 1, 1)), np.tile(arm["rewards"], (size, 1, 1))
    actions = {"kind": "budget", "count": size, "budget": budget}
    return instance("cormab", transitions=moves, rewards=rewards, actions=actions, **settings)


def test_rounding_keeps_shares_and_numbers():
    """Ten arms at 0.3 get three pulls in every draw, each as often as the others; states never met take the best."""
    measures = np.zeros((1, 11, 2, 2))
    measures[0, :10, 1, 0], measures[0, :10, 0, 0] = 0.3, 0.7
    q_values = np.zeros((1, 11, 2, 2))
    q_values[0, 10, 1] = 1.0
    update, rng = Update(q_values, np.zeros((1, 11, 2)), measures), np.random.default_rng(0)
    drawn = np.array([rounded(update, np.zeros(11, int), rng) for _ in range(2000)])
    assert set(drawn[:, :10].sum(axis=1)) == {3}
    assert drawn[:, :10].mean(axis=0) == pytest.approx(np.full(10, 0.3), abs=0.05)
    assert (drawn[:, 10] == 1).all()


def test_rounding_of_several_actions_gives_no_arm_two():
    """Shares of three actions are met on the average, and every arm has one action."""
    shares = np.array([0.2, 0.5, 0.3])
    measures = np.broadcast_to(shares[None, None, :, None], (1, 10, 3, 1))
    update, rng = Update(np.zeros((1, 10, 3, 1)), np.zeros((1, 10, 3)), measures), np.random.default_rng(1)
    drawn = np.array([rounded(update, np.zeros(10, int), rng) for _ in range(3000)])
    found = np.array([(drawn == arm_action).mean() for arm_action in range(3)])
    assert found == pytest.approx(shares, abs=0.02)


def test_alike_arms_are_one_arm_of_the_program():
    """Of three arms, the first and the last are the same in all: two kinds are left, and each arm knows its own."""
    one = generate("cormab/budget", size=2, seed=0)
    twice = {name: getattr(one.arms, name)[[0, 1, 0]] for name in ("transitions", "rewards", "start")}
    made = instance("cormab", **twice, actions={"kind": "budget", "count": 3, "budget": 1}, criterion="average")
    ahead = solve(made, "lp-update", bound_time_limit=0).solution._window(planning_of(made), 0)
    ahead = replace(ahead, ending=ahead.ending[[0, 1, 0]])
    kinds, same = alike(ahead, made.actions.classes)
    assert len(kinds) == 2
    assert same[0] == same[2] != same[1]


def test_randomised_rounding_helps_alike_arms():
    """On three alike arms over twenty steps it earns at least 93 % of the optimum."""
    made = hard(3, 2, horizon=20)
    best = induce(planning_of(made))[1] / 20
    assert solve(made, "lp-update", bound_time_limit=0).objective >= 0.93 * best


@pytest.mark.parametrize("variant", ["budget", "capacity"])
def test_updates_for_the_average_reward_earn_most_of_the_bound(variant):
    """Under the average reward an update in every step earns at least 95 % of the bound."""
    made = generate(f"cormab/{variant}", size=8, seed=2, budget=2, criterion="average")
    result = solve(made, "lp-update", window=5, bound_time_limit=0)
    assert 0.95 * result.bound <= result.objective <= result.bound * 1.02


def test_windows_of_no_steps_are_refused():
    """Options out of range are named."""
    with pytest.raises(OptionError, match="window 0"):
        solve(generate("cormab/budget", size=4), "lp-update", window=0)
