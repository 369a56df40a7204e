"""SEQUOIA by fitted policy iteration: what it answers with is a Q-network, its maxima are exact, and it beats its start."""

from dataclasses import replace

import numpy as np
import pytest

from redwood import generate, load_policy, save_policy, solve, train
from redwood.errors import FitError, OptionError, SolutionError
from redwood.planning.additive_policy import AdditivePolicy
from redwood.planning.contract import Planning
from redwood.planning.joint_maximum import Terms, climbed, tangent_bends
from redwood.planning.steps import moves_in, outcomes, step_rewards
from redwood.plugins.host import host
from redwood.solvers.planning.exact import evaluate, induce
from redwood.solvers.sequoia.future_policy import FuturePolicy
from redwood.solvers.sequoia.learning.fitted import additive_fit, collect, fit

QUICK = {"rounds": 1, "states": 200, "hidden": 4, "steps": 40}
FAMILIES = ("coverage", "network", "capacity")


def view(made):
    return host().problem("cormab").view(Planning, made)


def network_for(planning, seed=0, relus=6):
    """Return the policy of a random network."""
    rng, (arms, states) = np.random.default_rng(seed), planning.arms.start.shape
    parts = rng.normal(size=(planning.horizon + 1, arms, states)), rng.normal(size=(relus, arms, states))
    return FuturePolicy(*parts, rng.normal(size=relus), rng.normal(size=relus), rng.normal(size=relus))


def q_by_hand(planning, policy, states, arm_actions, step):
    """Return Q of joint actions [N, J] in one joint state, from its definition."""
    here = np.broadcast_to(states, arm_actions.shape)
    moved, left = outcomes(planning, here, arm_actions), (planning.horizon - step - 1) / planning.horizon
    hidden = np.maximum(np.einsum("njs,ujs->nu", moved, policy.first) + left * policy.clock + policy.bias, 0.0)
    later = np.einsum("njs,js->n", moved, policy.values[step + 1]) + (hidden @ policy.output if left else 0.0)
    return step_rewards(planning, here, arm_actions) + planning.discount * later


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("step", [0, 3, 5])
def test_decisions_are_the_greatest_q(family, step):
    """By enumeration of all actions: the decision has the greatest Q by its definition, and its bound holds."""
    planning = view(replace(generate(f"cormab/{family}", size=6, seed=1, horizon=6), discount=0.9))
    policy, rng = network_for(planning), np.random.default_rng(2)
    listed = planning.actions.enumerate(10_000).astype(np.int64)
    states = rng.integers(0, planning.arms.shape[2], (5, 6))
    for state, found in zip(states, policy.decide(planning, states, step), strict=True):
        q = q_by_hand(planning, policy, state, listed, step)
        assert found.value == pytest.approx(q.max(), abs=1e-9)
        assert found.bound >= q.max() - 1e-9
        np.testing.assert_array_equal(policy.choose(planning, state[None], step, rng)[0], found.arm_actions)
        place = int(np.flatnonzero((listed == found.arm_actions).all(axis=1))[0])
        assert q[place] == pytest.approx(q.max(), abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_programs_and_lists_agree(family):
    """The mixed-integer program has the list's value, up to the gap and, with a joint reward, to its tangents."""
    planning = view(generate(f"cormab/{family}", size=6, seed=3))
    policy, rng = network_for(planning, 1), np.random.default_rng(0)
    states = rng.integers(0, planning.arms.shape[2], (3, 6))
    listed = policy.decide(planning, states, 4)
    programs = policy._programs(planning, states, 4)
    for one, other in zip(listed, programs, strict=True):
        tolerance = 0.02 if planning.joint is not None else 1e-5
        assert other.value == pytest.approx(one.value, abs=tolerance)
        assert other.bound >= one.value - 1e-6


def test_tangents_are_nowhere_below_the_joint_reward():
    """Slopes and bends give the least tangent: above the reward everywhere, and equal to it where tangents touch."""
    joint = generate("cormab/coverage", size=8, seed=0).joint
    slope, bends, drops = tangent_bends(joint)
    loads = np.random.default_rng(0).random((500, 2)) * joint.loads.max(axis=(2, 3)).sum(axis=1)
    upper = loads * slope - (drops * np.maximum(loads[:, :, None] - bends, 0.0)).sum(axis=2)
    assert (upper >= joint.of(loads) - 1e-9).all()
    assert (upper - joint.of(loads)).max() < 0.05
    assert ((drops >= 0) & (np.diff(bends, axis=1, prepend=0.0) >= 0)).all()


@pytest.mark.parametrize("family", ["network", "capacity"])
def test_climbs_end_where_no_change_gains(family):
    """No allowed swap of two arms of a class betters what was climbed to, and every action is in the set."""
    planning = view(generate(f"cormab/{family}", size=8, seed=0))
    policy, rng = network_for(planning, 2), np.random.default_rng(0)
    states = rng.integers(0, planning.arms.shape[2], (20, 8))
    terms = policy.terms(planning, states, 2)
    arm_actions = climbed(planning.actions, terms)
    reached, classes = terms.values(arm_actions), planning.actions.classes
    assert not len(planning.actions.refused(arm_actions))
    for one in range(8):
        for other in range(one):
            if classes[one] == classes[other]:
                swapped = arm_actions.copy()
                swapped[:, [one, other]] = swapped[:, [other, one]]
                assert (terms.values(swapped) <= reached + 1e-8).all()


def test_samples_are_unbiased_values_of_the_policy():
    """Over many samples of one state and action the mean of what was earned is the policy's exact value of what follows."""
    planning = view(generate("cormab/network", size=4, seed=0, horizon=5))
    policy = AdditivePolicy(np.repeat(planning.arms.rewards[None, :, 0], 6, axis=0))
    base = np.zeros((6, 4, 2))
    samples = collect(planning, policy, policy, base, 12_000, np.random.default_rng(0), lambda: False)
    last = samples.steps == 4
    moved = samples.moved[last].reshape(-1, 4, 2)
    expected = np.einsum("njs,js->n", moved, planning.arms.rewards[:, 0])
    earned = samples.earned[last].ravel()
    assert abs((earned - expected).mean()) < 4 * (earned - expected).std() / np.sqrt(len(earned)) + 1e-9
    fitted = additive_fit(planning, samples, base, 1e-6)
    assert np.einsum("njs,js->n", moved, fitted[4]) == pytest.approx(expected, abs=0.1)


def test_a_fitted_network_beats_the_policy_it_is_fitted_to():
    """By exact evaluation on eight nodes: one fit gains at least a third of what the myopic policy leaves."""
    made = generate("cormab/network", size=8, seed=1)
    planning = view(made)
    policy = AdditivePolicy(np.repeat(made.arms.rewards[None, :, 0], 21, axis=0))
    rng = np.random.default_rng(0)
    samples = collect(planning, policy, policy, policy.values, 8000, rng, lambda: False)
    network = fit(planning, samples, policy.values, 32, 600, rng, lambda: False)
    optimum, before = induce(planning)[1], evaluate(planning, policy)
    assert before < 0.99 * optimum
    assert evaluate(planning, replace(network, exact=True)) > before + (optimum - before) / 3


@pytest.mark.parametrize("family", ["coverage", "capacity"])
def test_the_answer_is_a_q_network_whatever_learning_came_to(family, tmp_path):
    """Few samples or many: a network that is not zero decides, the message compares it with its start, files keep it."""
    made = generate(f"cormab/{family}", size=5, seed=0, horizon=8)
    found = solve(made, "sequoia", seed=0, iterations=1000, bound_time_limit=0, **QUICK)
    policy = found.solution
    assert policy.describe()["decides_by"] == "q-network"
    assert policy.describe()["proven"] is True
    assert np.abs(policy.output).min() > 0
    assert "a step beside its start" in found.message
    assert "% of the states visited" in found.message
    path = save_policy(policy, tmp_path / "policy")
    again = solve(made, "sequoia", weights=str(path), bound_time_limit=0)
    assert again.objective == found.objective
    np.testing.assert_array_equal(load_policy(path).first, policy.first)
    with pytest.raises(FitError, match="are for shapes"):
        solve(generate(f"cormab/{family}", size=6, seed=0), "sequoia", weights=str(path))


def test_the_published_mode_answers_with_its_network():
    """``mode="published"`` is deep Q-learning with the published hyper-parameters, and its answer a perceptron."""
    made = generate("cormab/budget", size=2, seed=0, budget=1)
    found = solve(made, "sequoia", mode="published", time_limit=3, bound_time_limit=0)
    assert found.solution.hidden.tolist() == [16, 32]
    assert found.solution.describe()["decides_by"] == "q-network"


def test_training_writes_the_policy(tmp_path):
    """``train`` gives the file of a Q-network with a card, and refuses a folder of another instance."""
    path = train("sequoia", "cormab/network", tmp_path, hours=0.1, seed=1, size=5, **QUICK)
    assert load_policy(path).describe()["decides_by"] == "q-network"
    with pytest.raises(OptionError, match="another instance"):
        train("sequoia", "cormab/network", tmp_path, hours=0.1, seed=1, size=6, **QUICK)


def test_what_does_not_fit_is_refused():
    """Options out of range, emissions that depend on actions, and networks of other sizes are named."""
    made = generate("cormab/network", size=5, seed=0)
    for option in ({"rounds": 0}, {"gap": -1.0}, {"mode": "papers"}, {"rollout": 8}, {"coupling": True}):
        with pytest.raises(OptionError):
            solve(made, "sequoia", **option)
    policy = network_for(view(made))
    with pytest.raises(SolutionError, match="the Q-network is for"):
        policy.choose(view(generate("cormab/network", size=6, seed=0)), np.zeros((1, 6), np.int64), 0, None)
    with pytest.raises(SolutionError, match="finite"):
        replace(policy, output=policy.output * np.nan)
    exposure = replace(made.exposure, emits=np.stack([made.exposure.emits[:, 0], 0 * made.exposure.emits[:, 1]], axis=1))
    with pytest.raises(FitError, match="emit depends on their actions"):
        solve(replace(made, exposure=exposure), "sequoia", bound_time_limit=0)
    with pytest.raises(FitError, match="whole joint actions"):
        moves_in(view(replace(made, exposure=exposure)), np.zeros((1, 5), np.int64))


def test_terms_are_a_sum_of_values_and_relus():
    """`Terms` value an action as direct values plus weighted ReLUs of offsets and effects."""
    terms = Terms(np.array([[[0.0, 1.0]]]), np.array([[[[0.0], [2.0]]]]), np.array([[-1.0]]), np.array([[3.0]]))
    assert terms.values(np.array([[1]])) == pytest.approx([1.0 + 3.0])
    assert terms.values(np.array([[0]])) == pytest.approx([0.0])
