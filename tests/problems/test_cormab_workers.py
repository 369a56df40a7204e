"""Compatible workers with capacities, arms seen only when pulled, and arms to be pulled at least so often."""

import numpy as np
import pytest

import redwood
from redwood.errors import InstanceError, SolutionError
from redwood.planning import Arms, at_least_every, collapsing
from redwood.planning.action_set import value_of
from redwood.planning.fairness import overdue
from redwood.plugins.host import host
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.workers import WorkersSet, compatible_workers, who_serves


def random_set(rng, arms=8, workers=3):
    return WorkersSet(rng.integers(0, 2, (workers, arms)), rng.integers(0, 3, workers))


@pytest.mark.parametrize("seed", range(6))
def test_the_oracle_agrees_with_the_declared_program(seed):
    """Values, membership of every action and the hull's value agree with mixed-integer programming on the declaration."""
    rng = np.random.default_rng(seed)
    actions = random_set(rng)
    for _ in range(4):
        coefficients = rng.normal(size=(8, 2))
        found, exact = actions.argmax(coefficients), actions.solve(coefficients)
        assert found.value == pytest.approx(exact.value)
        assert actions.contains(found.arm_actions)
    every = (np.arange(256)[:, None] >> np.arange(8)) & 1
    declared = [row for row, arm_actions in enumerate(every) if actions.program.values(arm_actions) is None]
    assert actions.refused(every).tolist() == declared


def test_a_worker_is_moved_to_make_room():
    """By gain arm 0 comes first and takes the worker whom arm 1 needs; it moves to the other, and both are served."""
    actions = WorkersSet([[1, 1], [1, 0]], [1, 1], ("Ann", "Bo"))
    arm_actions = actions.argmax(np.array([[0.0, 2.0], [0.0, 1.0]])).arm_actions
    assert arm_actions.tolist() == [1, 1]
    assert who_serves(actions, arm_actions) == ["Bo", "Ann"]
    with pytest.raises(SolutionError, match="is not in the set"):
        WorkersSet([[1, 1]], [1]).witness(np.array([1, 1]))


def test_the_relaxation_holds_mixtures_alone():
    """The largest sum of class values over the relaxed program is that of an action."""
    from scipy.optimize import linprog

    for seed in range(5):
        rng = np.random.default_rng(seed)
        actions = random_set(rng, arms=7)
        gains = rng.random(int(actions.classes.max()) + 1)
        relaxed = actions.relaxation
        cost = relaxed.links.T @ gains
        bounds = np.column_stack((relaxed.least, relaxed.most))
        found = linprog(-cost, relaxed.rows.toarray(), relaxed.upper, bounds=bounds)
        coefficients = np.column_stack((np.zeros(7), gains[actions.classes]))
        assert -found.fun == pytest.approx(value_of(coefficients, actions.argmax(coefficients).arm_actions))


def test_languages_decide_who_may_serve_whom():
    """A language that nobody speaks is named with the number of arms that need it."""
    assert compatible_workers(["en", "hi"], [["en"], ["hi", "en"]]).tolist() == [[1, 0], [1, 1]]
    with pytest.raises(InstanceError, match="no worker has 'ta', and 2 arms need it"):
        compatible_workers(["en", "ta", "ta"], [["en"]])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (([[1, 2]], [1]), "compatible holds 2"),
        (([[1, 1]], [1, 1]), "must have the shapes"),
        (([[1], [1]], [1, 1], ("A", "A")), "2 worker names, 1 of them distinct"),
    ],
)
def test_bad_sets_are_refused(fields, message):
    """Each is named with the number that is wrong."""
    with pytest.raises(InstanceError, match=message):
        WorkersSet(*fields)


def test_an_instance_keeps_names_and_a_policy_its_cohort(tmp_path):
    """Names of arms and workers come back from a file; they change no noise; another cohort's policy is refused."""
    rng = np.random.default_rng(0)
    rows = rng.dirichlet([1, 1], (4, 2, 2))
    data = {"transitions": rows, "rewards": np.tile([0.0, 1.0], (4, 2, 1)), "horizon": 5}
    actions = WorkersSet(np.ones((2, 4)), [1, 1], ("Ann", "Bo"))
    named = redwood.instance("cormab", actions=actions, arm_names=list("abcd"), **data)
    plain = redwood.instance("cormab", actions=actions, **data)
    assert named.fingerprint() == plain.fingerprint()
    problem = host().problem("cormab")
    again = problem.parse(problem.format(named), "again")
    assert (again.arm_names, again.actions.worker_names) == (tuple("abcd"), ("Ann", "Bo"))
    policy = redwood.solve(named, "whittle").solution
    text = problem.format_solution(named, policy)
    other = redwood.instance("cormab", actions=actions, arm_names=list("abce"), **data)
    with pytest.raises(SolutionError, match="another cohort: its arms have other names than the instance's, such as 'd'"):
        problem.parse_solution(text, other)
    with pytest.raises(InstanceError, match="3 arm names"):
        redwood.instance("cormab", actions=actions, arm_names=list("abc"), **data)


def test_beliefs_collapse_when_an_arm_is_pulled():
    """Beliefs, transitions and rewards of one arm, worked by hand."""
    arms = Arms(
        np.array([[[[0.8, 0.2], [0.4, 0.6]], [[0.3, 0.7], [0.1, 0.9]]]]),
        np.array([[[0.0, 1.0]] * 2]),
        np.array([[0.0, 1.0]]),
    )
    found = collapsing(arms, 3)
    assert found.shape == (1, 2, 6)
    assert found.start[0].tolist() == [0, 0, 0, 1, 0, 0]
    assert found.rewards[0, 0, 3] == pytest.approx(0.9)
    assert found.rewards[0, 0, 4] == pytest.approx(0.1 * 0.2 + 0.9 * 0.6)
    assert found.transitions[0, 0, 3].tolist() == [0, 0, 0, 0, 1, 0]
    assert found.transitions[0, 0, 5].tolist() == [0, 0, 0, 0, 0, 1]
    assert found.transitions[0, 1, 3] == pytest.approx([0.1, 0, 0, 0.9, 0, 0])


def test_collapsing_arms_earn_what_their_states_would():
    """Never pulled, one arm earns in its beliefs what the hidden chain earns in expectation, step by step."""
    rng = np.random.default_rng(2)
    arms = Arms(rng.dirichlet([1, 1, 1], (1, 2, 3)), np.tile([0.0, 1.0, 3.0], (1, 2, 1)), np.array([[0.0, 1.0, 0.0]]))
    found = collapsing(arms, 10)
    here, hidden = found.start[0], arms.start[0] @ arms.transitions[0, 1]
    for _ in range(10):
        assert here @ found.rewards[0, 0] == pytest.approx(hidden @ arms.rewards[0, 0])
        here, hidden = here @ found.transitions[0, 0], hidden @ arms.transitions[0, 0]


def test_nobody_is_left_alone_for_too_long():
    """Twelve arms, three pulls a step, one at least every five: hardly any overdue, where the free plan leaves many."""
    rng = np.random.default_rng(4)
    well = rng.uniform([0.1, 0.5], [0.4, 0.9], (12, 2))
    rows = np.repeat(np.stack((1 - well, well), axis=2)[:, :, None], 2, axis=2)
    arms = Arms(rows, np.tile([0.0, 1.0], (12, 2, 1)), np.tile([1.0, 0.0], (12, 1)))
    actions = BudgetSet(12, 3)
    shares = {}
    for penalty in (0.0, None):
        made = at_least_every(5, arms, actions, penalty=penalty)
        instance = redwood.instance(
            "cormab", transitions=made.transitions, rewards=made.rewards, start=made.start, actions=actions, horizon=20
        )
        policy = redwood.solve(instance, "lagrangian", bound_time_limit=0).solution
        seen = redwood.simulate(instance, policy, episodes=20, bound_time_limit=0, keep=True)
        shares[penalty] = overdue(seen.states, 5).mean()
    assert shares[0.0] > 0.3
    assert shares[None] < 0.01


def test_an_infeasible_wish_is_named_with_the_arithmetic():
    """500 arms, 25 pulls a week, once in 10 weeks: 250 < 500. So is an arm that nobody may serve."""
    arms = Arms(np.full((500, 2, 1, 1), 1.0), np.zeros((500, 2, 1)), np.ones((500, 1)))
    with pytest.raises(InstanceError, match=r"25 x 10 = 250 < 500. Allow 50 pulls a step, or 20 steps"):
        at_least_every(10, arms, BudgetSet(500, 25))
    two = Arms(np.full((2, 2, 1, 1), 1.0), np.zeros((2, 2, 1)), np.ones((2, 1)))
    with pytest.raises(InstanceError, match="arm 1 can never be pulled"):
        at_least_every(10, two, WorkersSet([[1, 0]], [1]))
