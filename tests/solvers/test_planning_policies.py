"""Constant, myopic and single-arm policies, and what policies say of themselves."""

from itertools import product

import numpy as np
import pytest

from redwood import generate, instance, load_policy, save_policy, simulate, solve
from redwood.clock import Timer
from redwood.errors import FitError, OptionError
from redwood.planning.contract import Planning, Policy
from redwood.plugins.host import host
from redwood.solvers.planning.constant import ConstantPolicy
from redwood.solvers.planning.exact import evaluate, mean_reward, solve_average_exactly
from redwood.solvers.planning.lp_priority import FocusPolicy, agreement
from redwood.solvers.planning.single_arm import single_arms


def planning_of(made):
    return host().problem("cormab").view(Planning, made)


def drawn(size, budget, rng, states=3, **settings):
    """Random dense arms under a budget."""
    moves = rng.exponential(size=(size, 2, states, states))
    moves /= moves.sum(axis=3, keepdims=True)
    actions = {"kind": "budget", "count": size, "budget": budget}
    return instance("cormab", transitions=moves, rewards=rng.random((size, 2, states)), actions=actions, **settings)


@pytest.mark.parametrize("criterion", ["finite", "average"])
def test_constant_is_the_best_of_all_constant_actions(criterion):
    """Of all allowed joint actions, each held throughout and evaluated over joint states, the answer is the best."""
    made = drawn(3, 2, np.random.default_rng(1), criterion=criterion, horizon=6)
    planning = planning_of(made)
    value = evaluate if criterion == "finite" else mean_reward
    result = solve(made, "constant", bound_time_limit=0)
    every = [np.array(each) for each in product((0, 1), repeat=3) if planning.actions.contains(np.array(each))]
    best = max(value(planning, ConstantPolicy(each)) for each in every)
    assert value(planning, result.solution) == pytest.approx(best, abs=1e-6)
    told = float(result.message.split("action is ")[1].split(". ")[0])
    assert told * (6 if criterion == "finite" else 1) == pytest.approx(best, abs=1e-6)


def test_constant_over_cycles_knows_the_mean():
    """An arm that alternates between two states earns the mean of both, though no step settles."""
    cycle = [[0.0, 1.0], [1.0, 0.0]]
    actions = {"kind": "budget", "count": 1, "budget": 1}
    rewards = [[[0.0, 1.0], [0.0, 3.0]]]
    made = instance("cormab", transitions=[[cycle, cycle]], rewards=rewards, actions=actions, criterion="average")
    assert "action is 1.5." in solve(made, "constant", bound_time_limit=0).message


def state_rewards(**settings):
    """Two arms that rise when pulled and fall at rest, paid by the state they are in; the second is paid twice as much."""
    rise, fall = [[0.1, 0.9], [0.1, 0.9]], [[0.9, 0.1], [0.9, 0.1]]
    rewards = [[[0.0, 1.0]] * 2, [[0.0, 2.0]] * 2]
    actions = {"kind": "budget", "count": 2, "budget": 1}
    return instance("cormab", transitions=[[fall, rise]] * 2, rewards=rewards, actions=actions, **settings)


def test_myopic_of_the_step_does_nothing_where_rewards_are_of_states():
    """The reward of this step is the same whatever is done: no pull, and the message says how to look ahead."""
    result = solve(state_rewards(), "myopic", bound_time_limit=0)
    assert result.solution.act([0, 0], 0).tolist() == [0, 0]
    assert "reward='next-state' looks ahead" in result.message


def test_myopic_of_the_next_state_pulls_the_arm_that_gains_most():
    """The expected reward of the next state rises by 0.8 or 1.6: the second arm is pulled, whatever the states."""
    policy = solve(state_rewards(), "myopic", reward="next-state", bound_time_limit=0).solution
    for states in product((0, 1), repeat=2):
        assert policy.act(list(states), 0).tolist() == [0, 1]


def test_myopic_of_the_next_state_needs_rewards_of_states():
    """Where rewards depend on the action, the next state's reward is not defined; unknown rewards are named."""
    with pytest.raises(FitError, match="depend on the action"):
        solve(generate("cormab/budget", size=4), "myopic", reward="next-state")
    with pytest.raises(OptionError, match="reward 'best'"):
        solve(generate("cormab/budget", size=4), "myopic", reward="best")


@pytest.mark.parametrize(
    ("solver", "decides", "proven"),
    [
        ("lagrangian", "lagrangian", True),
        ("whittle", "index", True),
        ("myopic", "myopic", True),
        ("constant", "constant", True),
        ("exact", "table", True),
        ("greedy", "greedy", False),
        ("sampling", "sampling", False),
        ("random", "random", None),
        ("rollout", "rollout", True),
        ("lp-update", "lp-update", True),
    ],
)
def test_policies_say_what_decides(solver, decides, proven):
    """A policy names what decides and whether its maximum is proven, and the message of the result repeats it."""
    result = solve(generate("cormab/budget", size=4, budget=2, horizon=4), solver, bound_time_limit=0)
    described = result.solution.describe()
    assert (described["decides_by"], described["proven"]) == (decides, proven)
    assert f"Decides by {decides}" in result.message
    assert ("proven maximum" in result.message) == (proven is True)


def test_what_decides_survives_a_file(tmp_path):
    """A saved table still says what its numbers are."""
    policy = solve(generate("cormab/budget", size=4, budget=2, horizon=4), "lagrangian", bound_time_limit=0).solution
    assert load_policy(save_policy(policy, tmp_path / "kept")).describe() == policy.describe()


def test_single_arms_earn_the_bound_together():
    """Each arm's own policy, followed without coupling, earns the bound over all arms, and its shares are stationary."""
    planning = planning_of(drawn(5, 2, np.random.default_rng(3), criterion="average"))
    found = single_arms(planning, Timer(10))
    arms, earned = planning.arms, 0.0
    for arm in range(5):
        moves = np.einsum("as,asz->sz", found.probabilities[arm], arms.transitions[arm])
        assert found.shares[arm] @ moves == pytest.approx(found.shares[arm], abs=1e-9)
        earned += found.shares[arm] @ (found.probabilities[arm] * arms.rewards[arm]).sum(axis=0)
    assert earned == pytest.approx(found.bound, rel=1e-6)


@pytest.mark.parametrize(
    ("solver", "options"), [("lp-priority", {}), ("lp-priority", {"focus": "id"}), ("follow-virtual-advice", {})]
)
def test_arms_without_coupling_follow_their_own_policies(solver, options):
    """Where every arm may be pulled, the optimum of all arms is that of each: it is earned within the interval."""
    made = drawn(4, 4, np.random.default_rng(4), criterion="average", horizon=100)
    result = solve(made, solver, bound_time_limit=0, **options)
    rollouts = simulate(made, result.solution, episodes=200, seed=1)
    half = (rollouts.interval[1] - rollouts.interval[0]) / 2
    assert abs(rollouts.mean - solve_average_exactly(planning_of(made))[1]) < 3 * half


@pytest.mark.parametrize("variant", ["capacity", "path", "schedule", "interventions"])
@pytest.mark.parametrize("solver", ["lp-priority", "follow-virtual-advice"])
def test_any_set_of_actions_is_kept(variant, solver):
    """The oracle turns wishes into allowed actions of every set, which earn more than random ones."""
    made = generate(f"cormab/{variant}", size=12, seed=1, budget=3, criterion="average")
    result, probability = (solve(made, name, bound_time_limit=0) for name in (solver, "random"))
    assert probability.objective < result.objective <= result.bound * 1.02


@pytest.mark.parametrize("size", [50, 200])
def test_focus_sets_come_nearer_to_the_bound_with_more_arms(size):
    """With alike arms and two fifths pulled, the share lost is of the order 1 over the root of N."""
    rng = np.random.default_rng(11)
    one = drawn(1, 1, rng)
    many = {name: np.repeat(getattr(one.arms, name), size, axis=0) for name in ("transitions", "rewards", "start")}
    actions = {"kind": "budget", "count": size, "budget": 2 * size // 5}
    made = instance("cormab", **many, actions=actions, criterion="average", horizon=100)
    for solver in ("lp-priority", "follow-virtual-advice"):
        result = solve(made, solver, bound_time_limit=0)
        assert result.objective >= (1 - 0.5 / np.sqrt(size)) * result.bound, solver


def test_focus_sets_grow_as_arms_come_near_to_their_shares():
    """Arms whose states are as their shares say are all in the focus set; arms far from them leave some out."""
    half = np.full((10, 1, 2), 0.5)
    policy = FocusPolicy(np.repeat(half, 2, axis=1), half[:, 0], np.zeros((10, 2, 2)))
    near, far = np.tile([0, 1], 5), np.zeros(10, int)
    assert policy.sizes(np.array([near]))[0] == 10
    # n arms in state 0 are n away from their shares, and 10 - n others make up for half as many: n <= (10 - n) / 2
    assert policy.sizes(np.array([far]))[0] == 3


def test_agreement_weighs_more_than_all_advantages():
    """However large advantages are, an arm that counts gets its action before the others get theirs."""
    q_values = np.array([[[0.0, 0.0], [0.0, 1e6], [0.0, 3e6]]])
    found = agreement(np.array([[1, 1, 1]]), np.array([[True, False, False]]), np.ones(3), q_values)
    assert found[0, 0].tolist() == [0.0, 1.0]
    assert 0 < found[0, 1, 1] < found[0, 2, 1] < 1 - found[0, 1, 1]


def test_policies_for_the_average_refuse_a_horizon():
    """A finite horizon is refused, by name; so is an unknown focus."""
    for solver in ("lp-priority", "follow-virtual-advice"):
        with pytest.raises(FitError, match=f"{solver} is for the criterion 'average'"):
            solve(generate("cormab/budget", size=4), solver)
    with pytest.raises(OptionError, match="focus 'all'"):
        solve(generate("cormab/budget", size=4), "lp-priority", focus="all")


def test_arms_take_turns():
    """Seven arms, three at a time, in 14 steps: each has six turns, and none waits for longer than three steps."""
    result = solve(drawn(7, 3, np.random.default_rng(2), horizon=14), "round-robin", bound_time_limit=0)
    timetable = result.solution.timetable
    assert (timetable.sum(axis=1) == 3).all()
    assert (timetable.sum(axis=0) == 6).all()
    assert max(np.diff(np.flatnonzero(turns)).max() for turns in timetable.T) == 3


def test_a_policy_without_a_kind_is_of_its_class():
    """A policy that somebody writes in a script can be simulated without having been given a name."""

    class Idle(Policy):
        def choose(self, planning, states, step, rng):
            return np.zeros_like(states)

    made = drawn(3, 1, np.random.default_rng(3), horizon=4)
    assert simulate(made, Idle(), episodes=2, bound_time_limit=0).rewards.shape == (2, 4)
    assert Idle().describe()["decides_by"] == "Idle"
