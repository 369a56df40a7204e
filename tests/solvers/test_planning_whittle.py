"""Whittle indices against closed forms, enumerated policies and another package."""

from itertools import product

import numpy as np
import pytest

from redwood import generate, instance, solve
from redwood.errors import OptionError
from redwood.planning.contract import Arms
from redwood.solvers.planning.whittle import IndexCriterion, indices

BUDGET = {"kind": "budget", "count": 1, "budget": 1}
SLOW = [  # probabilities of rising at rest and when pulled, of falling at rest and when pulled; index of the lower state
    (0.02, 0.31645, 0.05, 0.01, 4.235),
    (0.05, 0.775, 0.05, 0.04, 7.25),
    (0.01, 0.8254, 0.02, 0.02, 27.18),
]


def two_states(rise, fall, reward=1.0):
    """An arm that earns in its upper state; rise and fall are (at rest, when pulled)."""
    moves = [[[1 - rise[a], rise[a]], [fall[a], 1 - fall[a]]] for a in (0, 1)]
    return Arms(np.array([moves]), np.array([[[0.0, reward]] * 2]), np.array([[1.0, 0.0]]))


def random_arm(states, rng, power=1):
    moves = rng.exponential(size=(2, states, states)) ** power
    moves /= moves.sum(axis=2, keepdims=True)
    return Arms(moves[None], rng.random((1, 2, states)), np.eye(1, states))


def gain(arms, actions, price):
    """Long-run mean reward of an arm under a stationary policy, pulls paid, by its stationary distribution."""
    states = np.arange(len(actions))
    moves = arms.transitions[0, actions, states]
    system = np.vstack((moves.T - np.eye(len(actions)), np.ones(len(actions))))
    share = np.linalg.lstsq(system, np.append(np.zeros(len(actions)), 1.0), rcond=None)[0]
    return share @ (arms.rewards[0, actions, states] - price * actions)


def discounted(arms, actions, price, discount, state):
    """Discounted reward of an arm from a state under a stationary policy, pulls paid."""
    states = np.arange(len(actions))
    moves = arms.transitions[0, actions, states]
    return np.linalg.solve(np.eye(len(actions)) - discount * moves, arms.rewards[0, actions, states] - price * actions)[
        state
    ]


def crossing(q_values, states, state, low=-200.0, high=200.0):
    """The price at which the best policy that pulls in a state and the best one that rests there are worth the same."""
    policies = [np.array(actions) for actions in product((0, 1), repeat=states)]
    for _ in range(60):
        middle = (low + high) / 2
        pulls, rests = (max(q_values(each, middle) for each in policies if each[state] == a) for a in (1, 0))
        low, high = (middle, high) if pulls > rests else (low, middle)
    return (low + high) / 2


@pytest.mark.parametrize(("rest", "pulled", "falls", "held", "expected"), SLOW)
def test_average_indices_far_beyond_the_rewards_have_their_closed_form(rest, pulled, falls, held, expected):
    """An arm that earns 1 a step in a state that lasts has an index many times that, in closed form."""
    arms = two_states((rest, pulled), (falls, held))
    low = (pulled - rest) / (rest + falls)  # pulled in the lower state alone earns as much as never pulled
    high = (falls - held) / (pulled + held)  # pulled everywhere earns as much as pulled in the lower state alone
    assert low == pytest.approx(expected)
    found = indices(arms, IndexCriterion.AVERAGE)
    assert found.values[0, 0] == pytest.approx([low, high], rel=1e-9, abs=1e-12)
    for state, value in enumerate((low, high)):
        assert crossing(lambda *policy: gain(arms, *policy), 2, state) == pytest.approx(value, rel=1e-6, abs=1e-9)
    assert found.message() == ""


@pytest.mark.parametrize("states", [2, 3, 4])
def test_discounted_indices_are_where_the_best_policies_cross(states):
    """Of all stationary policies, the best that pulls in a state equals the best that rests there at the index."""
    arms = random_arm(states, np.random.default_rng(states))
    found = indices(arms, IndexCriterion.DISCOUNTED, discount=0.9).values[0, 0]
    for state in range(states):
        expected = crossing(lambda a, price, s=state: discounted(arms, a, price, 0.9, s), states, state)
        assert found[state] == pytest.approx(expected, rel=1e-6)


def test_average_indices_are_where_the_best_gains_cross():
    """The same for the long-run mean of an arm all of whose policies visit all states."""
    arms = random_arm(4, np.random.default_rng(7))
    found = indices(arms, IndexCriterion.AVERAGE).values[0, 0]
    expected = [crossing(lambda *policy: gain(arms, *policy), 4, state) for state in range(4)]
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_finite_indices_are_where_plain_recursions_cross(discount):
    """In every step, a backward recursion at the index says that pulling and resting are worth the same."""
    arms, steps = random_arm(4, np.random.default_rng(3)), 7
    found = indices(arms, IndexCriterion.FINITE, steps, discount).values[:, 0]
    for step in range(steps):
        for state in range(4):
            price, ahead = found[step, state], np.zeros(4)
            for _ in range(step, steps):
                q_values = arms.rewards[0] + discount * arms.transitions[0] @ ahead
                q_values[1] -= price
                ahead = q_values.max(axis=0)
            assert q_values[0, state] == pytest.approx(q_values[1, state], abs=1e-10)


def test_finite_indices_are_not_clipped():
    """With a long horizon they approach those of infinite time, far beyond the rewards; the last is the gain of one pull."""
    arms = two_states((0.01, 0.8254), (0.02, 0.02))
    found = indices(arms, IndexCriterion.FINITE, 2000).values[:, 0]
    assert found[0, 0] == pytest.approx(27.18, rel=1e-6)
    assert found[-1] == pytest.approx([0.0, 0.0])
    assert found[-2, 0] == pytest.approx(0.8254 - 0.01)


def test_many_states_agree_with_markovianbandit():
    """Forty states have the indices that the package of the algorithm's authors computes."""
    peer = pytest.importorskip("markovianbandit")
    for seed in range(3):
        other = peer.random_restless(40, "dense", seed=seed)
        rest, pulled, rest_earns, pulled_earns = other.get_P0P1R0R1()
        arms = Arms(np.array([[rest, pulled]]), np.array([[rest_earns, pulled_earns]]), np.eye(1, 40))
        average = indices(arms, IndexCriterion.AVERAGE)
        assert average.not_indexable == ()
        assert average.values[0, 0] == pytest.approx(other.whittle_indices(), rel=1e-9, abs=1e-12)
        short = indices(arms, IndexCriterion.DISCOUNTED, discount=0.95)
        assert short.values[0, 0] == pytest.approx(other.whittle_indices(discount=0.95), rel=1e-9, abs=1e-12)


def test_arms_that_are_not_indexable_are_found_and_named():
    """Sparse arms of three states are called indexable exactly where the other package does, and the message names them."""
    peer = pytest.importorskip("markovianbandit")
    rng, found = np.random.default_rng(5), {True: 0, False: 0}
    arms = [random_arm(3, rng, power=6) for _ in range(400)]
    for arm in arms:
        moves, rewards = arm.transitions[0], arm.rewards[0]
        expected = peer.restless_bandit_from_P0P1_R0R1(*moves, *rewards).is_indexable(discount=0.95)
        ours = not indices(arm, IndexCriterion.DISCOUNTED, discount=0.95).not_indexable
        assert ours == expected
        found[ours] += 1
    assert min(found.values()) >= 3
    broken = next(arm for arm in arms if indices(arm, IndexCriterion.DISCOUNTED, discount=0.95).not_indexable)
    fine = random_arm(3, rng)
    both = {
        name: np.concatenate((getattr(fine, name), getattr(broken, name))) for name in ("transitions", "rewards", "start")
    }
    made = instance("cormab", **both, actions={**BUDGET, "count": 2}, discount=0.95)
    result = solve(made, "whittle", criterion="discounted", bound_time_limit=0)
    assert "Arm 1 of 2 is not indexable." in result.message


def test_arms_of_several_recurrent_classes_are_named():
    """The arm has two states that it never leaves at rest: its indices are limits, and the message says so."""
    stay, swap = np.eye(2), np.array([[0.5, 0.5], [0.5, 0.5]])
    arms = Arms(np.array([[stay, swap]]), np.array([[[0.0, 1.0], [0.0, 0.0]]]), np.eye(1, 2))
    found = indices(arms, IndexCriterion.AVERAGE)
    assert found.multichain == (0,)
    assert "Arm 0 of 1 has policies of several recurrent classes" in found.message()
    near = indices(arms, IndexCriterion.DISCOUNTED, discount=1 - 1e-7).values[0, 0]
    assert found.values[0, 0, 1] == pytest.approx(near[1], rel=1e-4)
    assert found.values[0, 0, 0] > 1e4  # one pull leads out of a state without reward, for ever


def test_whittle_criterion_discounted_needs_a_discount():
    """A price over infinite time needs a discount below 1."""
    with pytest.raises(OptionError, match="needs a discount below 1"):
        solve(generate("cormab/budget", size=4), "whittle", criterion="discounted")
