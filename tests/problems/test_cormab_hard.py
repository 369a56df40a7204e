"""Families of independent arms on which indices fail: what they are, exact values, bounds, and arms by week."""

from itertools import product

import numpy as np
import pytest

from redwood import bound, generate, simulate, solve
from redwood.errors import InstanceError
from redwood.planning import by_week
from redwood.planning.contract import Planning
from redwood.planning.policies import NullPolicy
from redwood.plugins.host import host
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.generators_hard import HARD, HORIZONS
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.listed import ListedSet
from redwood.solvers.planning.exact import evaluate, induce, joint_number


def view(made):
    return host().problem("cormab").view(Planning, made)


def recursion(moves, rewards, start, available, budget):
    """Return the optimum of two-state arms that change by week, by plain recursion over joint states and allowed actions."""
    horizon, count = rewards.shape[:2]
    states = list(product(range(2), repeat=count))
    later = dict.fromkeys(states, 0.0)
    for step in range(horizon - 1, -1, -1):
        allowed = [a for a in product(range(2), repeat=count) if sum(a) <= budget and all(available[step] >= np.array(a))]
        now = {}
        for state in states:
            values = []
            for action in allowed:
                rows = [moves[step, j, action[j], state[j]] for j in range(count)]
                ahead = sum(np.prod([rows[j][z[j]] for j in range(count)]) * later[z] for z in states)
                values.append(sum(rewards[step, j, action[j], state[j]] for j in range(count)) + ahead)
            now[state] = max(values)
        later = now
    return sum(np.prod([start[j, s[j]] for j in range(count)]) * later[s] for s in states)


@pytest.mark.parametrize("seed", range(4))
def test_arms_by_week_have_the_optimum_of_the_plain_recursion(seed):
    """With windows, changing probabilities and rewards: backward induction over A_t(s) by hand gives the same optimum."""
    rng = np.random.default_rng(seed)
    moves, rewards = rng.dirichlet([1.0, 1.0], (4, 3, 2, 2)), rng.normal(size=(4, 3, 2, 2))
    start, available = rng.dirichlet([1.0, 1.0], 3), rng.random((4, 3)) < 0.6
    arms = by_week(moves, rewards, start, available=available)
    made = BanditInstance(arms=arms, actions=BudgetSet(3, 2), horizon=4)
    policy, value = induce(view(made))
    assert joint_number(view(made)) == 8
    assert value == pytest.approx(recursion(moves, rewards, start, available, 2), abs=1e-12)
    assert evaluate(view(made), policy) == pytest.approx(value, abs=1e-12)
    assert bound(made).value >= value / 4 - 1e-9


def test_arms_by_week_name_wrong_shapes():
    """Shapes that disagree are told with all of them."""
    with pytest.raises(InstanceError, match="arms by week"):
        by_week(np.full((4, 2, 2, 2, 2), 0.5), np.zeros((3, 2, 2, 2)), np.full((2, 2), 0.5))
    with pytest.raises(InstanceError, match="available has shape"):
        by_week(np.full((4, 2, 2, 2, 2), 0.5), np.zeros((4, 2, 2, 2)), np.full((2, 2), 0.5), available=np.ones((2, 4), bool))


@pytest.mark.parametrize("family", HARD)
def test_families_are_repeatable_and_their_bounds_hold(family):
    """The same seed gives the same instance; the bound is at least the exact optimum, which rest does not reach."""
    made = generate(f"cormab/{family}", size=3, seed=5, horizon=6)
    assert made.fingerprint() == generate(f"cormab/{family}", size=3, seed=5, horizon=6).fingerprint()
    assert made.fingerprint() != generate(f"cormab/{family}", size=3, seed=6, horizon=6).fingerprint()
    assert generate(f"cormab/{family}", size=3, seed=5).horizon == HORIZONS.get(family, 20)
    planning = view(made)
    policy, optimum = induce(planning)
    assert bound(made, time_limit=20).value >= optimum / 6 - 1e-9
    assert evaluate(planning, NullPolicy()) < optimum
    assert evaluate(planning, policy) == pytest.approx(optimum, abs=1e-10)
    seen = simulate(made, policy, episodes=400, seed=1, bound_time_limit=0)
    half = (seen.interval[1] - seen.interval[0]) / 2
    assert abs(seen.mean - optimum / 6) <= 3 * half + 1e-9


@pytest.mark.parametrize("family", ["nonsync", "conveyor", "sparse", "bundles", "deadlines", "shifting", "collapsing"])
def test_no_constant_action_is_near_the_optimum(family):
    """Over five instances the best constant action has less than 90 % of the optimum's gain over nothing."""
    gained = most = 0.0
    for seed in range(5):
        made = generate(f"cormab/{family}", size=3, seed=seed)
        planning = view(made)
        optimum, nothing = induce(planning)[1], evaluate(planning, NullPolicy())
        held = evaluate(planning, solve(made, "constant", bound_time_limit=0).solution)
        gained, most = gained + held - nothing, most + optimum - nothing
    assert gained < 0.9 * most


def test_listed_sets_are_what_they_declare():
    """The best row is the declared program's, membership and samples are of the rows, and the witness is the row's index."""
    rng = np.random.default_rng(0)
    rows = np.unique(rng.integers(0, 3, (6, 5)), axis=0)
    actions = ListedSet(rows)
    for coefficients in rng.normal(size=(20, 5, 3)):
        found = actions.argmax(coefficients)
        assert found.value == pytest.approx(actions.solve(coefficients).value, abs=1e-7)
        assert found.witness == int(np.flatnonzero((rows == found.arm_actions).all(axis=1))[0])
    for action in rng.integers(0, 3, (100, 5)):
        assert actions.contains(action) == (actions.program.values(action) is not None)
    np.testing.assert_array_equal(actions.enumerate(100), rows)
    assert all(actions.contains(actions.sample(rng)) for _ in range(20))
    with pytest.raises(InstanceError, match="list each once"):
        ListedSet(np.ones((2, 3), int))
