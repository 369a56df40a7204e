"""Pulls allowed in some steps only: windows of arms, and budgets by step."""

import numpy as np
import pytest

import redwood
from redwood.errors import InstanceError, OptionError
from redwood.planning import Arms, pull_windows, weekly_budgets


def helped(arms=4, seed=0):
    """Two-state arms that a pull helps."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((arms, 2, 2, 2))
    rows[:, 0, :, 1] = rng.uniform(0.1, 0.4, (arms, 2))
    rows[:, 1, :, 1] = rows[:, 0, :, 1] + rng.uniform(0.2, 0.5, (arms, 2))
    rows[..., 0] = 1 - rows[..., 1]
    return Arms(rows, np.tile([0.0, 1.0], (arms, 2, 1)), np.full((arms, 2), 0.5))


def planned(arms, actions, horizon):
    instance = redwood.instance(
        "cormab",
        transitions=arms.transitions,
        rewards=arms.rewards,
        start=arms.start,
        actions=actions,
        horizon=horizon,
    )
    result = redwood.solve(instance, "lagrangian", time_limit=10)
    return result, redwood.simulate(instance, result.solution, episodes=30, keep=True, bound_time_limit=0)


def test_no_arm_is_pulled_outside_of_its_window():
    """With windows of half of the steps, pulls are inside; with windows of all, the bound is that of plain arms."""
    arms, budget = helped(), {"kind": "budget", "count": 4, "budget": 2}
    windows = np.zeros((4, 6), int)
    windows[:2, :3] = windows[2:, 3:] = 1
    result, seen = planned(pull_windows(arms, windows), budget, 6)
    assert (seen.arm_actions.sum(axis=(0, 1)) > 0).all()
    assert not (seen.arm_actions * (1 - windows.T)).any()
    free, _ = planned(pull_windows(arms, np.ones((4, 6), int)), budget, 6)
    plain, _ = planned(arms, budget, 6)
    assert free.bound == pytest.approx(plain.bound)
    assert result.bound < plain.bound


def test_budgets_hold_in_every_step():
    """No step has more pulls than its budget; rewards are those of the real arms; even budgets change no bound."""
    arms, budgets = helped(), np.array([2, 0, 1, 2, 3])
    widened, actions = weekly_budgets(arms, budgets)
    result, seen = planned(widened, actions, 5)
    real = (seen.arm_actions[..., :4] > 0).sum(axis=2)
    assert (real <= budgets).all()
    assert real.max(axis=0)[:-1].tolist() == budgets[:-1].tolist()  # the last step's pulls come too late
    assert seen.mean == pytest.approx((seen.states[..., :4] == 1).sum(axis=2).mean(), abs=0.15)
    assert result.objective <= result.bound + 0.05
    even, _ = planned(*weekly_budgets(arms, np.full(5, 2)), 5)
    plain, _ = planned(arms, {"kind": "budget", "count": 4, "budget": 2}, 5)
    assert even.bound == pytest.approx(plain.bound)
    most, _ = planned(arms, {"kind": "budget", "count": 4, "budget": 3}, 5)
    assert result.bound < most.bound


def test_bad_calendars_have_their_own_messages():
    """Windows of another shape, budgets that are no numbers, and no pull at all."""
    with pytest.raises(OptionError, match=r"windows of shape \[3, 6\] must say"):
        pull_windows(helped(), np.ones((3, 6)))
    with pytest.raises(OptionError, match=r"budgets .* are not a whole number"):
        weekly_budgets(helped(), [1.5, 2.0])
    with pytest.raises(InstanceError, match="no step of 3 has a pull"):
        weekly_budgets(helped(), [0, 0, 0])
