"""Planning solvers against exact values."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from redwood import bound, generate, simulate, solve
from redwood.errors import FitError, OptionError, SolutionError
from redwood.planning.contract import Planning
from redwood.plugins.host import host
from redwood.problems.cormab.generators_coupled import COUPLED
from redwood.problems.cormab.problem import CoRMAB
from redwood.solvers.planning.exact import evaluate, induce

VARIANTS = [variant for variant in CoRMAB.variants if variant not in ("interventions", "overlapping")]


def tiny(variant, seed=0):
    return generate(f"cormab/{variant}", size=4, seed=seed, budget=2, horizon=6)


def planning_of(made):
    return host().problem("cormab").view(Planning, made)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_policy_beats_the_exact_value_and_no_value_the_bound(variant):
    """The bound is at least the exact value, and that at least the exact value of every policy."""
    made = tiny(variant)
    planning = planning_of(made)
    best, value = induce(planning)
    assert bound(made).value * 6 >= value - 1e-9
    assert evaluate(planning, best) == pytest.approx(value)
    taken = ("myopic", "lagrangian") if variant in COUPLED else ("myopic", "greedy", "lagrangian", "null")
    for name in taken:
        assert evaluate(planning, solve(made, name, bound_time_limit=0).solution) <= value + 1e-9


@pytest.mark.parametrize("variant", ["interventions", "overlapping"])
def test_more_actions_keep_the_order(variant):
    """The same where arms have more than two actions."""
    made = tiny(variant)
    planning = planning_of(made)
    _, value = induce(planning)
    assert bound(made).value * 6 >= value - 1e-9
    for name in ("myopic", "lagrangian"):
        assert evaluate(planning, solve(made, name, bound_time_limit=0).solution) <= value + 1e-9


def test_exact_policy_simulates_to_its_value():
    """The mean of simulated episodes of the exact policy agrees with its value within five standard errors."""
    made = tiny("budget", seed=2)
    result = solve(made, "exact")
    _, value = induce(planning_of(made))
    rollouts = simulate(made, result.solution, episodes=2000, seed=3, bound_time_limit=0)
    low, high = rollouts.interval
    assert abs(rollouts.mean - value / 6) < 5 / 2 * (high - low) / 1.96
    assert result.bound == pytest.approx(value / 6)


def test_lagrangian_sees_what_myopic_does_not():
    """Where going up first costs reward, the priced policy earns clearly more, and at least 95 % of the bound."""
    made = generate("cormab/capacity", size=8, seed=1)
    myopic, lagrangian = (solve(made, name) for name in ("myopic", "lagrangian"))
    assert lagrangian.objective > 1.2 * myopic.objective
    assert lagrangian.objective > 0.95 * lagrangian.bound


def test_bound_falls_below_the_relaxation_without_prices():
    """Prices tighten the bound: it is below the value of arms that are all pulled whenever they like."""
    from redwood.clock import Timer
    from redwood.planning.bounds.duality import price, tighten

    planning = planning_of(generate("cormab/path", size=8, seed=0))
    free = price(planning, np.zeros((planning.horizon, *planning.arms.rewards.shape[:2]))).bound
    assert tighten(planning, Timer(20)).bound < 0.9 * free


def test_whittle_is_nearly_optimal_under_a_budget():
    """With four arms and two pulls, the index policy earns at least 99.9 % of the optimum, and arms are indexable."""
    made = tiny("budget", seed=1)
    result = solve(made, "whittle", bound_time_limit=0)
    planning = planning_of(made)
    assert evaluate(planning, result.solution) >= 0.999 * induce(planning)[1]
    assert "not indexable" not in result.message


def test_whittle_needs_two_actions():
    """Arms with more actions have no index, and the solver says so."""
    with pytest.raises(FitError, match="two actions, and the arms have 4"):
        solve(generate("cormab/interventions", size=12, budget=3), "whittle")


def test_null_needs_a_set_that_allows_it():
    """Where exactly so many interventions are chosen, there is no null policy."""
    with pytest.raises(FitError, match="doing nothing is not an action"):
        solve(generate("cormab/interventions", size=8), "null")


def test_exact_refuses_many_arms():
    """Backward induction says how many joint states it takes."""
    with pytest.raises(FitError, match="65536 joint states"):
        solve(generate("cormab/budget", size=8), "exact")


def test_bad_options_are_named():
    """Options out of range are refused."""
    for name, options in (
        ("sampling", {"draws": 0}),
        ("exact", {"most_states": 0}),
    ):
        with pytest.raises(OptionError, match=f"{next(iter(options))} 0 is below"):
            solve(tiny("budget"), name, **options)


def test_a_solved_policy_acts_on_states():
    """`act` takes the states of one episode or of several, and gives the same allowed actions as in the simulator."""
    made = tiny("capacity")
    policy = solve(made, "myopic", bound_time_limit=0).solution
    states = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 1, 1]])
    arm_actions = policy.act(states, 2)
    assert arm_actions.shape == (3, 4)
    assert (arm_actions == policy.choose(planning_of(made), states, 2, np.random.default_rng(0))).all()
    assert (policy.act(states[0].tolist(), 2) == arm_actions[0]).all()
    assert len(made.actions.refused(arm_actions)) == 0


@pytest.mark.parametrize(
    ("states", "step", "said"),
    [([0, 0, 0], 0, "4 arms"), ([0, 0, 0, 4], 0, "state 4"), ([0, 0, 0.5, 0], 0, "state 0.5"), ([0, 0, 0, 0], 6, "step 6")],
)
def test_states_and_steps_out_of_range_are_named(states, step, said):
    """A policy asked about what its instance does not have says what it was."""
    policy = solve(tiny("budget"), "myopic", bound_time_limit=0).solution
    with pytest.raises(SolutionError, match=said):
        policy.act(states, step)


def test_a_policy_without_an_instance_does_not_act():
    """A copy by pickle holds the policy alone, and says that it has to meet an instance first."""
    policy = pickle.loads(pickle.dumps(solve(tiny("budget"), "myopic", bound_time_limit=0).solution))
    with pytest.raises(SolutionError, match="bound to no instance"):
        policy.act([0, 0, 0, 0], 0)


@pytest.mark.parametrize("variant", ["budget", "capacity", "schedule"])
def test_prices_by_class_bound_what_prices_by_arm_do(variant):
    """One price a class gives a valid bound; under a budget and in a schedule it is as tight as one price an arm."""
    from redwood.clock import Timer
    from redwood.planning.bounds.decomposition import Decomposition
    from redwood.planning.bounds.duality import price, tighten

    planning = planning_of(generate(f"cormab/{variant}", size=8, seed=2, horizon=8))
    tight = tighten(planning, Timer(60)).bound
    prices, _ = Decomposition(planning).minimise(Timer(60), 200, 1e-6)
    by_class = price(planning, prices).bound
    assert by_class >= tight * (1 - 2e-4)
    assert by_class <= tight * (1.02 if variant == "capacity" else 1 + 2e-4)


def test_arms_answer_prices_as_a_plain_recursion_says():
    """The kernel's Q-values, values and probabilities of actions equal those of a recursion written down in numpy."""
    from redwood.planning.bounds.duality import price

    planning = planning_of(generate("cormab/interventions", size=12, seed=3, budget=3, horizon=5))
    arms, rng = planning.arms, np.random.default_rng(0)
    prices = rng.normal(scale=0.2, size=(5, *arms.shape[:2]))
    found = price(planning, prices)
    ahead = np.zeros(arms.start.shape)
    for step in range(4, -1, -1):
        q_values = arms.rewards + np.einsum("jasz,jz->jas", arms.transitions, ahead)
        assert found.q_values[step] == pytest.approx(q_values)
        ahead = (q_values - prices[step][:, :, None]).max(axis=1)
    mass = arms.start
    for step in range(5):
        best = (found.q_values[step] - prices[step][:, :, None]).argmax(axis=1)
        for arm_action in range(arms.shape[1]):
            assert found.activity[step, :, arm_action] == pytest.approx((mass * (best == arm_action)).sum(axis=1))
        rows = np.arange(arms.shape[0])[:, None], best, np.arange(arms.shape[2])[None]
        mass = np.einsum("js,jsz->jz", mass, arms.transitions[rows])


@pytest.mark.parametrize("variant", ["budget", "capacity", "path", "interventions"])
def test_rollouts_earn_what_exact_values_allow(variant):
    """Policies that look ahead stay below the exact value, and above the myopic one where waiting pays."""
    made = generate(f"cormab/{variant}", size=3, seed=3, budget=1, horizon=5)
    planning = planning_of(made)
    _, value = induce(planning)
    myopic = evaluate(planning, solve(made, "myopic", bound_time_limit=0).solution)
    for name, options in (("lookahead", {"steps": 3}), ("rollout", {}), ("lp-update", {"every": 2, "window": 3})):
        earned = evaluate(planning, solve(made, name, bound_time_limit=0, **options).solution)
        assert myopic - 0.02 * value <= earned <= value + 1e-9, name


def test_one_step_of_lookahead_is_myopic():
    """A plan of one step has the value of the myopic action."""
    made = tiny("capacity", seed=5)
    planning = planning_of(made)
    ahead, myopic = (solve(made, *name, bound_time_limit=0) for name in (("lookahead",), ("myopic",)))
    one = solve(made, "lookahead", steps=1, bound_time_limit=0)
    assert evaluate(planning, one.solution) == pytest.approx(evaluate(planning, myopic.solution))
    assert ahead.objective >= myopic.objective


def test_plans_are_the_best_of_all_plans():
    """For two steps and four arms, the plan found is the best of all pairs of allowed actions."""
    from redwood.solvers.planning.lookahead import best_plan, planned

    planning = planning_of(tiny("capacity", seed=7))
    table = planned(planning, 2)
    every = [
        np.array(arm_actions) for arm_actions in np.ndindex(*(2,) * 4) if planning.actions.contains(np.array(arm_actions))
    ]
    arms = np.arange(4)
    for states in np.random.default_rng(1).integers(0, 4, (6, 4)):
        plan = table[..., arms, states]
        first, second = best_plan(planning, plan)
        best = max(plan[one, other, arms].sum() for one in every for other in every)
        assert plan[first, second, arms].sum() == pytest.approx(best)


def test_random_values_are_those_of_the_random_policy():
    """The first base policy's values, summed over arms, are what random actions earn in simulated episodes."""
    from redwood.planning.policies import RandomPolicy
    from redwood.solvers.planning.rollout import q_values_under, random_probabilities

    made = tiny("budget", seed=4)
    planning = planning_of(made)
    probabilities = random_probabilities(planning, 4000, np.random.default_rng(0))
    q_values = q_values_under(planning, probabilities)
    expected = float(np.einsum("jas,jsa,js->", q_values[0], probabilities[0], planning.arms.start))
    rewards = planning.rollouts(RandomPolicy(), 4000, 0).sum(axis=1)
    assert abs(rewards.mean() - expected) < 5 * rewards.std() / np.sqrt(4000)


def test_updates_follow_a_window_as_the_whole_horizon():
    """An update at the start over all steps gives the bound that the Lagrangian policy has."""
    from redwood.clock import Timer
    from redwood.planning.bounds.duality import tighten
    from redwood.planning.bounds.segment import HorizonSegment

    planning = planning_of(tiny("budget", seed=6))
    whole = tighten(planning, Timer(30))
    ending = np.zeros((7, *planning.arms.start.shape))
    ending[:-1] = (whole.q_values - whole.prices[..., None]).max(axis=2)
    half = HorizonSegment(planning.arms, planning.actions, 3, planning.discount, ending[3])
    value = tighten(half, Timer(30), prices=whole.prices[:3]).bound
    later = sum(planning.actions.argmax(row).bound for row in whole.prices[3:])
    assert value + later == pytest.approx(whole.bound, rel=2e-4)


@pytest.mark.parametrize(
    ("variant", "seed", "loose"), [("capacity", 3, True), ("capacity", 2, False), ("schedule", 3, False)]
)
def test_updates_look_beyond_a_loose_relaxation(variant, seed, loose):
    """Updates prove no looser a bound on their window than the first prices, and over the hull the tightest one."""
    from redwood.clock import Timer
    from redwood.planning.bounds.duality import price, tighten
    from redwood.planning.contract import Arms

    made = generate(f"cormab/{variant}", size=20, seed=seed)
    planning = planning_of(made)
    policy = solve(made, "lp-update", bound_time_limit=0).solution
    assert policy.loose == loose
    ahead = policy._window(planning, 4)
    first = policy._first(ahead, 4)
    starts = np.eye(4)[np.random.default_rng(seed).integers(0, 4, (3, 20))]
    find = policy._over_hull if loose else policy._over_relaxation
    for start, found in zip(starts, find(ahead, starts, first), strict=True):
        there = replace(ahead, arms=Arms(planning.arms.transitions, planning.arms.rewards, start))
        proven = price(there, found.prices).bound
        assert proven <= price(there, first).bound * (1 + 1e-9)
        assert proven <= tighten(there, Timer(60)).bound * (1 + 3e-3)


@pytest.mark.parametrize("variant", ["capacity", "path", "interventions"])
def test_known_noise_bounds_every_episode(variant):
    """In each episode, no policy earns more than the bound with perfect information of that episode."""
    from known_noise import perfect_information

    from redwood.clock import Timer
    from redwood.planning.bounds.duality import tighten

    made = generate(f"cormab/{variant}", size=6, seed=1, budget=2, horizon=8)
    planning = planning_of(made)
    found = tighten(planning, Timer(20))
    most = perfect_information(planning, found.prices, 60, seed=5)
    for name in ("lagrangian", "myopic", "random"):
        policy = solve(made, name, bound_time_limit=0).solution
        assert (planning.rollouts(policy, 60, seed=5).sum(axis=1) <= most + 1e-9).all()
    assert most.mean() >= found.bound - 5 * most.std() / np.sqrt(60)
