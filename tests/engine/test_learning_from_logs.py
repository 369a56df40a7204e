"""Logs with known truth, the gain over draws, robust plans, learning online, and the value of other policies."""

from dataclasses import replace

import numpy as np
import pytest

import redwood
from redwood.errors import OptionError
from redwood.planning import estimate, off_policy, robust, synthetic_log, thompson
from redwood.planning.policies import NullPolicy
from redwood.solving.draws import view_of
from redwood.solving.online import _Learning, _optimistic, learn_online
from redwood.solving.robust import adversary
from redwood.solving.synthetic import log_columns


def beta_programme(seed, arms=60, budget=12):
    """Arms whose transitions are drawn from Beta laws, each row by itself."""
    rng = np.random.default_rng(seed)
    well = np.stack([rng.beta(*law, arms) for law in ((2, 10), (6, 3), (6, 6), (8, 2))], axis=1).reshape(arms, 2, 2)
    rows = np.stack((1 - well, well), axis=-1)
    actions = {"kind": "budget", "count": arms, "budget": budget}
    rewards = np.tile([0.0, 1.0], (arms, 2, 1))
    return redwood.instance("cormab", transitions=rows, rewards=rewards, actions=actions, horizon=10)


def programme(arms=30, budget=6, seed=0, horizon=10, **named):
    """Two-state arms that a contact helps, each by another amount."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((arms, 2, 2, 2))
    rows[:, 0, :, 1] = rng.uniform(0.05, 0.5, (arms, 2))
    rows[:, 1, :, 1] = rows[:, 0, :, 1] + rng.uniform(0.1, 0.5, (arms, 2))
    rows[..., 0] = 1 - rows[..., 1]
    return redwood.instance(
        "cormab",
        transitions=rows,
        rewards=np.tile([0.0, 1.0], (arms, 2, 1)),
        actions={"kind": "budget", "count": arms, "budget": budget},
        horizon=horizon,
        **named,
    )


def test_a_synthetic_log_follows_its_truth():
    """Frequencies of 1,500 weeks are the true probabilities, and every week obeys the budget."""
    truth = programme(arms=5, budget=2)
    log = log_columns(truth, "random", steps=1500, seed=1)
    weekly = np.bincount(log["step"].astype(int), weights=log["action"].astype(float))
    assert weekly.max() <= 2
    counts = estimate(log).log.counts
    shares = counts[..., 1] / counts.sum(axis=-1)
    assert shares == pytest.approx(truth.arms.transitions[..., 1], abs=0.1)


def test_weeks_are_missing_as_often_as_asked():
    """A tenth of 3,000 rows is left out, with the state that they would tell the row before; names are kept."""
    pytest.importorskip("pandas", reason="the extra frames is not installed")
    frame = synthetic_log(programme(arm_names=[f"p{arm}" for arm in range(30)]), "random", steps=100, missing=0.1, seed=2)
    assert len(frame) == pytest.approx(2700, abs=60)
    assert frame.next_state.isna().sum() == pytest.approx(300, abs=60)
    assert set(frame.arm) == {f"p{arm}" for arm in range(30)}
    with pytest.raises(OptionError, match="is not a probability below 1"):
        synthetic_log(programme(), "random", steps=3, missing=1.5)


def test_the_gain_is_worked_by_hand():
    """An arm that is well just if pulled gains 1 a step but for the first; without doubt there is no deviation."""
    rows = np.zeros((1, 2, 2, 2))
    rows[0, 0, :, 0], rows[0, 1, :, 1] = 1.0, 1.0
    instance = redwood.instance(
        "cormab",
        transitions=rows,
        rewards=np.tile([0.0, 1.0], (1, 2, 1)),
        actions={"kind": "budget", "count": 1, "budget": 1},
        horizon=4,
    )
    policy = redwood.solve(instance, "lagrangian").solution
    weaker = rows.copy()
    weaker[0, 1, :, 1], weaker[0, 1, :, 0] = 0.0, 1.0
    options = {"episodes": 4, "bound_time_limit": 0}
    certain = redwood.simulate(instance, policy, draws=np.stack([rows, rows]), **options).gain
    assert (certain.mean, certain.model_deviation, certain.interval) == (0.75, 0.0, (0.75, 0.75))
    doubtful = redwood.simulate(instance, policy, draws=np.stack([rows, weaker]), **options).gain
    assert doubtful.draws.tolist() == [0.75, 0.0]
    assert doubtful.model_deviation == pytest.approx(0.375 * np.sqrt(2))
    assert redwood.simulate(instance, NullPolicy(), draws=np.stack([rows, rows]), **options).gain.mean == 0.0
    with pytest.raises(OptionError, match=r"draws have shape \[1, 2, 2, 2\]"):
        redwood.simulate(instance, policy, draws=rows, **options)


def test_the_gain_above_another_policy_is_paired():
    """It is the difference of the gains episode by episode, named in text and axis; other episodes are refused."""
    truth = beta_programme(0)
    found = estimate(log_columns(truth, "random", steps=8, seed=0))
    instance = found.instance(rewards=[0, 1], actions=12, horizon=6)
    draws = found.sample(8)

    def gain(solver, **options):
        policy = redwood.solve(instance, solver, bound_time_limit=0).solution
        return redwood.simulate(instance, policy, draws=draws, episodes=4, bound_time_limit=0, **options).gain

    plan, random = gain("whittle"), gain("random")
    above = plan.above(random)
    assert above.episodes == pytest.approx(plan.episodes - random.episodes)
    assert "a step above random, expected in" in str(above)
    assert "a step above doing nothing, expected in" in str(plan)
    assert above.plot().get_xlabel() == "more arms with state 1 a step than by random"
    with pytest.raises(OptionError, match="the gains of index and random are not of the same episodes"):
        plan.above(gain("random", seed=1))
    with pytest.raises(OptionError, match="not of the same episodes"):
        above.above(random)


def test_the_interval_of_the_gain_holds_the_truth():
    """In 8 of 10 logs or more the stated 95 % interval holds what the plan gains under the true transitions."""
    held = 0
    for seed in range(10):
        truth = beta_programme(seed)
        found = estimate(log_columns(truth, "random", steps=12, seed=seed))
        instance = found.instance(rewards=[0, 1], actions=12, horizon=10)
        policy = redwood.solve(instance, "whittle").solution
        gain = redwood.simulate(instance, policy, draws=found.sample(60, 1), episodes=10, bound_time_limit=0).gain
        twice = np.stack([truth.arms.transitions] * 2)
        real = redwood.simulate(instance, policy, draws=twice, episodes=200, bound_time_limit=0).gain
        held += gain.interval[0] <= real.mean <= gain.interval[1]
    assert held >= 8


def test_the_adversary_of_matching_pennies_is_even():
    """Two policies that lose 1 in one scenario each: both weigh a half. A scenario that is worst for all has all weight."""
    assert adversary(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx([0.5, 0.5])
    assert adversary(np.array([[1.0, 3.0], [0.0, 2.0]])) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("criterion", ["max-min", "minimax-regret"])
def test_a_robust_plan_hedges(criterion):
    """Arm 0 helps much in one draw and not in the other, arm 1 a little in both: the mean says 0, the worst case 1."""
    rows = np.zeros((2, 2, 2, 2, 2))
    rows[:, :, :, :, 0] = 1.0
    for draw, effect in ((0, 1.0), (1, 0.0)):
        rows[draw, 0, 1, :, 1], rows[draw, 1, 1, :, 1] = effect, 0.45 if criterion == "max-min" else 0.49
    rows[..., 0] = 1 - rows[..., 1]
    instance = redwood.instance(
        "cormab",
        transitions=rows.mean(axis=0),
        rewards=np.tile([0.0, 1.0], (2, 2, 1)),
        actions={"kind": "budget", "count": 2, "budget": 1},
        horizon=6,
    )
    found = robust(instance, rows, criterion=criterion, episodes=100)
    if criterion == "max-min":
        assert found.mean_rewards.min() == 0.0
        assert found.worst_gain > 0.25
        assert 0 < found.cost < 0.15
        assert 1 in found.scenarios
    else:
        regret = [np.array(each).max() for each in (np.array([5 / 6, 0.41]) - found.rewards,)]
        assert regret[0] < 0.55
    with pytest.raises(OptionError, match="criterion 'best' is not one of max-min, minimax-regret"):
        robust(instance, rows, criterion="best")


def test_learning_loses_less_and_less():
    """Thompson loses less in its last 10 weeks of 40 than in its first 10, and at most 0.8 of what chance loses."""
    truth = beta_programme(3)
    learnt = thompson(truth, steps=40, runs=3, seed=1)
    probability = learn_online(truth, "random", steps=40, runs=3, seed=1)
    assert learnt.known == pytest.approx(probability.known)
    lost = (learnt.known - learnt.rewards).mean(axis=0)
    assert lost[-10:].mean() < lost[:10].mean()
    assert learnt.average_regret[:, -1].mean() < 0.8 * probability.average_regret[:, -1].mean()


def test_chance_is_taken_off_what_is_earned():
    """Where all arms are always pulled, the mean of 40 runs is the exact reward, and varies a third of plain simulation."""
    truth = programme(arms=20, budget=20, horizon=30, seed=6)
    here, exact = truth.arms.start, []
    for _ in range(30):
        exact.append(float(here[:, 1].sum()))
        here = np.einsum("js,jsz->jz", here, truth.arms.transitions[:, 1])
    means = learn_online(truth, "random", steps=30, runs=40, seed=2).known.mean(axis=1)
    policy = redwood.solve(truth, "whittle").solution
    plain = view_of(truth).rollouts(policy, 40, 3).mean(axis=1)
    assert means.std() < plain.std() / 3
    assert abs(means.mean() - np.mean(exact)) < 4 * means.std() / np.sqrt(40)


@pytest.mark.parametrize("learner", ["thompson", "ucw", "greedy"])
def test_whoever_has_seen_everything_loses_nothing(learner):
    """With 10 million transitions an arm beforehand, regret over 12 weeks is nearly 0."""
    truth = programme(arms=20, budget=4, seed=5)
    found = learn_online(truth, learner, steps=12, runs=2, counts=1e7 * truth.arms.transitions)
    assert abs(found.average_regret[:, -1].mean()) < 0.1


def test_optimism_stays_within_its_distance():
    """Optimistic rows are distributions that move no more than half of the distance to the better state."""
    counts = np.random.default_rng(0).integers(0, 9, (7, 2, 3, 3)).astype(float)
    rewards = np.tile([0.0, 1.0, 2.0], (7, 2, 1))
    rows = _optimistic(_Learning(counts, 5, 0.3, rewards, np.random.default_rng(0)))
    pooled = counts.sum(axis=0) + 1 / 3
    means = (counts + pooled / pooled.sum(axis=-1, keepdims=True)) / (counts.sum(axis=-1, keepdims=True) + 1)
    radius = 0.1 * np.sqrt(6 * np.log(6 * 2 * 7 * 6.0**4) / np.maximum(counts.sum(axis=-1), 1))
    assert rows.sum(axis=-1) == pytest.approx(1.0)
    assert (np.abs(rows - means).sum(axis=-1) <= radius + 1e-9).all()
    assert (rows[..., 2] >= means[..., 2] - 1e-9).all()


def test_other_policies_are_valued_from_a_log():
    """Doing nothing, valued from a log of random contacts by weights and by simulation: both intervals hold the
    truth, and it is said that the log alone tells the difference.
    """
    truth = programme(arms=300, budget=60, seed=7)
    found = estimate(log_columns(truth, "random", steps=12, seed=4))
    instance = found.instance(rewards=[0, 1], actions=60, horizon=10)
    here, real = truth.arms.start, 0.0
    for _ in range(5):
        real += float(here[:, 1].sum()) / 5
        here = np.einsum("js,jsz->jz", here, truth.arms.transitions[:, 0])
    valued = off_policy(found, instance, NullPolicy(), steps=5)
    for one in (valued.weighted, valued.simulated):
        assert one.interval[0] < real < one.interval[1]
    assert 20 < valued.weighted.effective_arms < 200
    assert valued.difference[1] < 0
    assert str(valued).startswith("The log alone supports that the policy earns less than was earned in it: by weights -")
    alike = replace(valued, difference=(-1.0, 1.0))
    assert str(alike).startswith("The log alone does not support a difference;")
    few = replace(valued, weighted=replace(valued.weighted, effective_arms=7.0))
    assert "since fewer than 20 arms count in effect" in few.conclusion
    with pytest.raises(OptionError, match="the log has 12 steps, and 13 were asked for"):
        off_policy(found, instance, NullPolicy(), steps=13)
