"""Whittle indices under a joint reward: what each arm gets of it."""

import numpy as np
import pytest

from redwood import generate, instance, solve
from redwood.errors import FitError, OptionError
from redwood.planning.contract import Planning
from redwood.planning.coupling import JointReward
from redwood.plugins.host import host
from redwood.solvers.planning.exact import evaluate, induce
from redwood.solvers.planning.joint_shares import arms_with_shares


def view(made):
    return host().problem("cormab").view(Planning, made)


def covering(groups, size=3, budget=2, **settings):
    """Alike arms that succeed with 0.5 where they are pulled in state 1, all in one group or each in one of its own."""
    success = np.zeros((groups, size, 2, 2))
    success[np.arange(size) % groups, np.arange(size), 1, 1] = 0.5
    up = np.array([[0.3, 0.9], [0.1, 0.2]])
    return instance(
        "cormab",
        transitions=np.tile(np.stack([1.0 - up, up], axis=-1), (size, 1, 1, 1)),
        rewards=np.zeros((size, 2, 2)),
        actions={"kind": "budget", "count": size, "budget": budget},
        horizon=6,
        joint={"kind": "coverage", "weights": np.ones(groups), "success": success},
        **settings,
    )


def test_shares_of_one_group_by_hand():
    """Alone an arm adds 0.5; after nobody or one other, each as likely, 0.375 on average, within the error of the draws."""
    planning = view(covering(1))
    linear, shapley = (arms_with_shares(planning, share).rewards for share in ("linear", "shapley"))
    np.testing.assert_allclose(linear, np.tile([[0.0, 0.0], [0.0, 0.5]], (3, 1, 1)), atol=1e-12)
    assert shapley[:, 1, 1] == pytest.approx(0.375, abs=0.03)
    assert np.abs(np.delete(shapley.reshape(3, -1), 3, axis=1)).max() < 1e-12


@pytest.mark.parametrize("share", ["linear", "shapley"])
def test_a_separable_joint_reward_has_the_plain_indices(share):
    """Where each arm is a group of its own, indices are those of arms that are paid what their group brings."""
    made = covering(3)
    paid = instance(
        "cormab",
        transitions=view(made).arms.transitions,
        rewards=np.tile([[0.0, 0.0], [0.0, 0.5]], (3, 1, 1)),
        actions={"kind": "budget", "count": 3, "budget": 2},
        horizon=6,
    )
    found, plain = solve(made, "whittle", share=share, bound_time_limit=0), solve(paid, "whittle", bound_time_limit=0)
    np.testing.assert_allclose(found.solution.q_values, plain.solution.q_values, atol=1e-9)


@pytest.mark.parametrize("share", ["linear", "shapley"])
def test_indices_of_shares_look_ahead_in_coverage(share):
    """By exact evaluation they have more than the best constant action, and no more than the optimum."""
    made = generate("cormab/coverage", size=6, seed=2, horizon=12)
    value = evaluate(view(made), solve(made, "whittle", share=share, bound_time_limit=0).solution)
    constant = evaluate(view(made), solve(made, "constant", bound_time_limit=0).solution)
    assert 1.2 * constant < value <= induce(view(made))[1] + 1e-9


def test_joint_rewards_that_nobody_declared_concave_are_refused():
    """The refusal names the kind; so does that of an unknown share."""
    made = covering(1)
    planning = view(made)
    planning.joint = Odd()
    with pytest.raises(FitError, match="'odd' is not declared concave"):
        arms_with_shares(planning, "shapley")
    with pytest.raises(OptionError, match="share 'fair' is not one of linear, shapley"):
        solve(made, "whittle", share="fair")


class Odd(JointReward):
    """One when an odd number of arms is pulled."""

    kind = "odd"

    def values(self, states, arm_actions):
        return (arm_actions.sum(axis=1) % 2).astype(float)

    def envelope(self):
        return np.ones((3, 2, 2))

    def check(self, arms):
        pass

    @property
    def magnitude(self):
        return 1.0
