"""Coupled restless bandits: instances, generators, files, simulator and bound."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import networkx
import numpy as np
import pytest

from redwood import bound, check, generate, instance, read, simulate
from redwood.errors import FormatError, InstanceError, OptionError, SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.policies import IndexPolicy, NullPolicy, RandomPolicy
from redwood.planning.simulator_kernels import advance, draw_start
from redwood.plugins.host import host
from redwood.problems.cormab.files import read_network

HALF = [[0.5, 0.5], [0.5, 0.5]]
DATA = {
    "transitions": [[HALF, HALF]],
    "rewards": [[[0.0, 1.0], [1.0, 2.0]]],
    "actions": {"kind": "budget", "count": 1, "budget": 1},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"transitions": [[HALF, [[1.5, -0.5], [0.5, 0.5]]]]},
            "1.5 .arm 0, action 1, from state 0, to state 0. is outside",
        ),
        ({"transitions": [[HALF, [[0.5, 0.4], [0.5, 0.5]]]]}, "sum to 0.9 .arm 0, action 1, from state 0."),
        ({"transitions": [[HALF]]}, r"transitions have shape \[1, 1, 2, 2\]"),
        ({"rewards": [[[0.0, np.nan], [1.0, 2.0]]]}, "reward nan of arm 0 under action 0 in state 1"),
        ({"start": [[0.5, 0.6]]}, "sum to 1.1 .start of arm 0."),
        ({"rewards": 1.0}, r"rewards have shape \[\]; expected"),
        ({"rewards": [[[0.0], [1.0, 2.0]]]}, "rewards or start are not arrays of numbers"),
        ({"horizon": 0}, "horizon 0"),
        ({"horizon": 2.5}, "horizon 2.5"),
        ({"horizon": math.inf}, "horizon inf"),
        ({"horizon": "twenty"}, "horizon 'twenty'"),
        ({"discount": "no"}, "discount 'no'"),
        ({"discount": 1.5}, "discount 1.5"),
        ({"actions": {"kind": "budget", "count": 2, "budget": 1}}, "action set has 2 arms, and the instance 1"),
        ({"actions": {"kind": "budgie"}}, "kind 'budgie'. Did you mean 'budget'"),
        ({"actions": {"kind": "budget", "count": 1}}, "budget"),
    ],
)
def test_bad_instances_are_named(change, message):
    """An instance that breaks a rule is refused with the place, the rule and the value."""
    with pytest.raises(InstanceError, match=message):
        instance("cormab", **{**DATA, **change})


def test_published_arms_are_as_specified():
    """Arms climb with the drawn probability, pay for the state they come to, and start in state 0 or 1."""
    arms = generate("cormab/budget", size=8, seed=3).arms
    success = arms.transitions[:, :, 1, 2]
    assert ((success[:, 0] >= 0) & (success[:, 0] <= 0.2) & (success[:, 1] >= 0.7) & (success[:, 1] <= 0.9)).all()
    assert arms.transitions[:, :, 3, 3] == pytest.approx(success)
    assert arms.transitions[:, :, 0, 0] == pytest.approx(1 - success)
    assert arms.start[0].tolist() == [0.8, 0.2, 0, 0]
    trap, other = arms.rewards[0, 1, 0], arms.rewards[7, 1, 0]
    assert trap == pytest.approx(success[0, 1] * 0.15 + (1 - success[0, 1]) * 0.2)
    assert other == pytest.approx(success[7, 1] * 0.15 + (1 - success[7, 1]) * 0.1)


def test_interventions_come_in_blocks_of_three():
    """At 20 arms, 10 interventions of weight 3 form blocks of three on the same three arms, and single ones."""
    actions = generate("cormab/interventions", size=20, seed=0).actions
    assert actions.weights.shape == (10, 20)
    assert set(np.unique(actions.weights)) == {0, 3}
    assert (np.count_nonzero(actions.weights, axis=1) == 3).all()
    assert actions.loads.max(axis=1).max() == 9
    assert actions.arm_actions == 4


def test_networkx_graph_makes_the_paths():
    """The network of paths may be a networkx graph."""
    actions = generate("cormab/path", size=6, seed=0, network=networkx.cycle_graph(6)).actions
    assert len(actions.edges) == 6
    with pytest.raises(OptionError, match="takes no network="):
        generate("cormab/budget", size=6, network=networkx.cycle_graph(6))


def test_files_are_recognised(tmp_path):
    """A written instance is read back without naming the problem; broken ones are refused with the place."""
    made = generate("cormab/schedule", size=6, seed=0, budget=2)
    path = tmp_path / "case.json"
    path.write_text(host().problem("cormab").format(made))
    assert read(path).fingerprint() == made.fingerprint()
    path.write_text('{"problem": "cormab",\n "horizon": }')
    with pytest.raises(FormatError, match="line 2 is no JSON"):
        read(path)
    path.write_text('{"problem": "cormab"}')
    with pytest.raises(FormatError, match="expected an object with the keys"):
        read(path)


def mixed(bits):
    """Return what the kernels' mixing of 64 bits gives, in Python's whole numbers."""
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB % 2**64
    return bits ^ (bits >> 31)


def noise(seed, episode, step, arm):
    """Return the random number of an arm in a step of an episode."""
    bits = mixed((seed + 0x9E3779B97F4A7C15) % 2**64)
    bits = mixed(bits ^ ((episode + 0xD1B54A32D192ED03) % 2**64))
    bits = mixed(bits ^ ((step + 1 + 0x8CB92BA72F3D8DD7) % 2**64))
    return (mixed((bits + (arm + 1) * 0x9E3779B97F4A7C15) % 2**64) >> 11) / 2**53


def test_simulator_equals_plain_python():
    """The compiled simulator moves every arm as a plain loop over episodes, steps and arms does."""
    made = generate("cormab/budget", size=5, seed=1, horizon=6)
    planning = host().problem("cormab").view(Planning, made)
    rewards = planning.rollouts(IndexPolicy(made.arms.rewards[None]), 4, seed=9)
    for episode in range(4):
        states = [
            int(np.searchsorted(np.cumsum(made.arms.start[arm]), noise(9, episode, -1, arm), side="right"))
            for arm in range(5)
        ]
        for step in range(6):
            arm_actions = made.actions.argmax(made.arms.rewards[np.arange(5), :, states]).arm_actions
            reward = 0.0
            for arm in range(5):
                reward += made.arms.rewards[arm, arm_actions[arm], states[arm]]
                ends = np.cumsum(made.arms.transitions[arm, arm_actions[arm], states[arm]])
                states[arm] = int(np.searchsorted(ends, noise(9, episode, step, arm), side="right"))
            assert rewards[episode, step] == pytest.approx(reward, abs=1e-12)


def test_noise_is_uniform_and_independent_of_the_batch():
    """States follow the transition probabilities, and an episode's noise does not depend on how many there are."""
    ends = np.broadcast_to(np.array([0.3, 2.0]), (4, 1, 2, 2)).copy()
    states = draw_start(20_000, np.broadcast_to(np.array([0.3, 2.0]), (4, 2)).copy(), 5)
    assert states.mean(axis=0) == pytest.approx(0.7, abs=0.02)
    few = draw_start(3, np.broadcast_to(np.array([0.3, 2.0]), (4, 2)).copy(), 5)
    assert (states[:3] == few).all()
    before = states.copy()
    advance(states, np.zeros_like(states), 0, 5, ends, np.zeros((4, 1, 2)))
    assert states.mean(axis=0) == pytest.approx(0.7, abs=0.02)
    assert abs(np.corrcoef(before.ravel(), states.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(states[:, 0], states[:, 1])[0, 1]) < 0.03


def test_action_outside_the_set_is_a_violation():
    """A policy that leaves the action set is infeasible, and the check says what it chose."""
    made = generate("cormab/interventions", size=8, seed=0)
    assert "not in the action set" in check(made, NullPolicy()).violations[0]
    assert check(made, RandomPolicy()).feasible


@dataclass(frozen=True, eq=False)
class Constant(Policy):
    """Give every arm of every episode the same action, whatever that is."""

    kind: ClassVar[str] = "constant"
    arm_action: Any

    def choose(self, planning, states, step, rng):
        return None if self.arm_action is None else np.full(states.shape, self.arm_action)


@pytest.mark.parametrize("arm_action", [0.7, math.nan, None, "no"])
def test_actions_that_are_no_whole_numbers_are_refused(arm_action):
    """A policy whose actions are not whole numbers raises, and fails the check: nothing is rounded."""
    made = generate("cormab/budget", size=4, seed=0)
    with pytest.raises(SolutionError, match="policy 'constant' gave actions that are not whole numbers"):
        simulate(made, Constant(arm_action), episodes=2)
    assert "not whole numbers" in check(made, Constant(arm_action)).violations[0]
    assert check(made, Constant(0.0)).feasible


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 1.5}, "budget 1.5"),
        ({"budget": 0}, "budget 0"),
        ({"horizon": 0}, "horizon 0"),
        (
            {"network": networkx.Graph([("a", "b"), ("b", "c")])},
            "nodes are no array.*convert_node_labels",
        ),
        ({"network": [[0, 1], [1]]}, "network's nodes are no array of numbers"),
    ],
)
def test_bad_options_of_the_generator_are_named(options, message):
    """An option of the generator that is out of range is refused with its name and value."""
    with pytest.raises(OptionError, match=message):
        generate("cormab/path", size=3, seed=0, **options)


def test_policies_survive_json():
    """A policy written as plain data is read back as the same policy; unknown kinds and fields are refused."""
    problem = host().problem("cormab")
    policy = IndexPolicy(np.random.default_rng(0).random((2, 3, 2, 4)))
    again = problem.solution(policy.to_dict())
    assert isinstance(again, IndexPolicy)
    assert (again.q_values == policy.q_values).all()
    for data, message in (({"kind": "indexx"}, "Did you mean 'index'"), ({"kind": "null", "a": 1}, "has no field 'a'")):
        with pytest.raises(ValueError, match=message):
            problem.solution(data)


def test_bound_of_independent_arms_is_exact():
    """Where the budget never binds, the bound is the sum of the arms' own optimal values, here one reward a step."""
    made = instance("cormab", **DATA, horizon=3)
    # state 0, then half in each state: 1 + 1.5 + 1.5 with the arm pulled throughout
    assert bound(made).value == pytest.approx(4 / 3, rel=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        '{"graphs": {"3": {"source": 0}}}',
        '{"graphs": {"3": {"edges": [[0, "x"]], "source": 0}}}',
        '{"graphs": {"3": {"edges": [[0, 1]], "source": null}}}',
        '{"graphs": {"3": 7}}',
        '{"graphs": [7]}',
    ],
)
def test_damaged_graphs_are_named(tmp_path, text):
    """A file of graphs without edges, with others, or without graphs at all is an error that names it."""
    (tmp_path / "graphs.json").write_text(text)
    with pytest.raises(FormatError, match=r"graphs\.json"):
        read_network(tmp_path / "graphs.json", 3)
