"""Planning for the average reward a step, against exact values."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from redwood import bound, generate, instance, read, simulate, solve
from redwood.errors import FitError, InstanceError
from redwood.planning.bounds.average import relative_values
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.solvers.planning.exact import mean_reward, solve_average_exactly


def tiny(variant, seed=0, size=3, budget=1):
    return generate(f"cormab/{variant}", size=size, seed=seed, budget=budget, horizon=10, criterion="average")


def planning_of(made):
    return host().problem("cormab").view(Planning, made)


@pytest.mark.parametrize("variant", ["budget", "capacity", "schedule", "path", "interventions"])
def test_no_policy_beats_the_exact_mean_and_no_mean_the_bound(variant):
    """The bound is at least the exact mean reward, and that at least the exact mean of every policy."""
    made = tiny(variant, budget=2 if variant == "schedule" else 1)
    planning = planning_of(made)
    best, least, most = solve_average_exactly(planning)
    assert most - least < 1e-5
    assert bound(made).value >= least - 1e-7
    assert mean_reward(planning, best) == pytest.approx(most, abs=1e-5)
    for name in ("myopic", "lagrangian", "lookahead"):
        assert mean_reward(planning, solve(made, name, bound_time_limit=0).solution) <= most + 1e-6, name


def test_one_arm_needs_no_bound_above_its_optimum():
    """With a single arm the program is exact, and so is the policy; a cycle of two states is no obstacle."""
    cycle = [[0.0, 1.0], [1.0, 0.0]]
    actions = {"kind": "budget", "count": 1, "budget": 1}
    rewards, moves = [[[0.0, 1.0], [0.0, 3.0]]], [[cycle, [[1.0, 0.0], [1.0, 0.0]]]]
    made = instance("cormab", transitions=moves, rewards=rewards, actions=actions, criterion="average")
    # resting in state 0 and pulling in state 1 earns 0 and 3 in turn
    assert bound(made).value == pytest.approx(1.5, rel=1e-6)
    policy = solve(made, "lagrangian", bound_time_limit=0).solution
    assert mean_reward(planning_of(made), policy) == pytest.approx(1.5, abs=1e-6)


def test_simulation_estimates_the_long_run():
    """The exact policy's episodes, the first steps left out, agree with its mean within five standard errors."""
    made = tiny("budget", seed=2)
    best, least, _ = solve_average_exactly(planning_of(made))
    rollouts = simulate(made, best, episodes=2000, seed=3, bound_time_limit=0, keep=True)
    low, high = rollouts.interval
    assert abs(rollouts.mean - least) < 5 / 2 * (high - low) / 1.96
    assert rollouts.states.shape == (2000, 10, 3)
    assert solve(made, "exact").bound == pytest.approx(least, abs=1e-6)


def test_whittle_takes_the_criterion_of_the_instance():
    """Without being told, the index is that of the average reward, and earns at least 99 % of the optimum under a budget."""
    made = tiny("budget", seed=1, size=4)
    policy = solve(made, "whittle", bound_time_limit=0).solution
    assert policy.q_values.shape[0] == 1
    assert mean_reward(planning_of(made), policy) >= 0.99 * solve_average_exactly(planning_of(made))[1]


@pytest.mark.parametrize("solver", ["rollout", "sequoia"])
def test_solvers_that_count_the_steps_left_say_so(solver):
    """A solver for a horizon refuses the average reward."""
    with pytest.raises(FitError, match="counts the steps that are left"):
        solve(tiny("budget"), solver)


@pytest.mark.parametrize(
    ("change", "said"), [({"criterion": "mean"}, "criterion 'mean'"), ({"discount": 0.9}, "discount 0.9")]
)
def test_wrong_criteria_are_named(change, said):
    """Unknown criteria, and a discount under the average reward, are refused."""
    made = tiny("budget")
    arms = {name: getattr(made.arms, name) for name in ("transitions", "rewards", "start")}
    with pytest.raises(InstanceError, match=said):
        instance("cormab", **arms, actions=made.actions, **{"criterion": "average", **change})


def test_the_criterion_survives_files_and_acts(tmp_path):
    """A written instance keeps its criterion, and its policies act at any step."""
    made = tiny("budget")
    (tmp_path / "case.json").write_text(host().problem("cormab").format(made))
    again = read(tmp_path / "case.json")
    assert again.fingerprint() == made.fingerprint()
    policy = solve(again, "lagrangian", bound_time_limit=0).solution
    assert (policy.act(np.zeros(3, int), 1000) == policy.act(np.zeros(3, int), 0)).all()


def hard(size, budget, name="nonSA8", **settings):
    """Alike arms from the file of hard ones, started in their first state unless told otherwise."""
    if "REDWOOD_DATA" not in os.environ:
        pytest.skip("REDWOOD_DATA does not name the folder of the arms")
    arm = json.loads((Path(os.environ["REDWOOD_DATA"]) / "cormab" / "hard_arms.json").read_text())[name]
    moves, rewards = np.tile(arm["transitions"], (size, 1, 1, 1)), np.tile(arm["rewards"], (size, 1, 1))
    actions = {"kind": "budget", "count": size, "budget": budget}
    return instance("cormab", transitions=moves, rewards=rewards, actions=actions, criterion="average", **settings)


@pytest.mark.parametrize("solver", ["lagrangian", "whittle"])
def test_arms_with_several_recurrent_classes_do_not_get_stuck(solver):
    """On three arms of eight states, two pulls, tables of values earn at least 99 % of the optimum of 2.0736."""
    made = hard(3, 2)
    planning = planning_of(made)
    best = solve_average_exactly(planning)[1]
    assert best == pytest.approx(2.0736, abs=1e-4)
    assert mean_reward(planning, solve(made, solver, bound_time_limit=0).solution) >= 0.99 * best


@pytest.mark.parametrize("budget", [60, 30])
def test_ties_between_prices_are_decided(budget):
    """A hundred arms whose optimal prices are many, or who are as well off at rest, earn at least 85 % of the bound."""
    made = hard(100, budget, start=np.full((100, 8), 1 / 8), horizon=200)
    result = solve(made, "lagrangian", bound_time_limit=0)
    assert result.bound == pytest.approx(budget / 0.6)
    assert result.objective >= 0.85 * result.bound


def test_relative_values_solve_the_arms_own_problem():
    """Under prices, the values of connected arms satisfy Bellman's equation of the mean reward."""
    planning = planning_of(tiny("budget", size=4))
    prices = np.random.default_rng(0).normal(size=(4, 2))
    values = relative_values(planning.arms, prices)
    paid = planning.arms.rewards - prices[:, :, None]
    gains = (paid + np.matmul(planning.arms.transitions, values[:, None, :, None])[..., 0]).max(axis=1) - values
    assert np.ptp(gains, axis=1).max() < 1e-3
