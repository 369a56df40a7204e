"""Arms coupled by exposure and joint rewards: exact values, bounds, simulator, files, and who refuses them."""

from itertools import product

import numpy as np
import pytest

from redwood import bound, generate, instance, read, simulate, solve
from redwood.errors import FitError, InstanceError, OptionError
from redwood.planning.additive_policy import AdditivePolicy
from redwood.planning.bounds.coupled import best_exposure
from redwood.planning.contract import Planning
from redwood.planning.coupling import CoverageReward, Exposure
from redwood.planning.joint_maximum import TangentProgram, joint_argmax
from redwood.planning.policies import NullPolicy, RandomPolicy
from redwood.planning.simulated import cumulative
from redwood.planning.simulator_kernels import advance_exposed
from redwood.planning.steps import arms_alone, outcomes, step_rewards
from redwood.plugins.host import host
from redwood.problems.cormab.budget import BudgetSet
from redwood.solvers.planning.exact import evaluate, induce

FAMILIES = ("coverage", "network", "network-mild")


def view(made):
    return host().problem("cormab").view(Planning, made)


def coupled(seed, arms=3, *, emits_by_level=True, horizon=3, discount=1.0):
    """Return random arms with exposure, a joint reward and a budget of one, without any order of states."""
    rng = np.random.default_rng(seed)
    pairs = np.array([pair for pair in product(range(arms), repeat=2) if pair[0] != pair[1] and rng.random() < 0.6])
    emits = rng.integers(0, 2, (arms, 2, 2))
    if not emits_by_level:
        emits[:, 1] = emits[:, 0]
    return instance(
        "cormab",
        transitions=rng.dirichlet([1.0, 1.0], (3, arms, 2, 2)),
        rewards=rng.normal(size=(arms, 2, 2)),
        start=rng.dirichlet([1.0, 1.0], arms),
        actions={"kind": "budget", "count": arms, "budget": 1},
        horizon=horizon,
        discount=discount,
        exposure={"edges": pairs.reshape(-1, 2), "emits": emits},
        joint={"kind": "coverage", "weights": rng.random(2), "success": rng.random((2, arms, 2, 2)) * 0.9},
    )


def optimum_by_hand(made):
    """Return the optimum by plain recursion over states and actions, from the definitions alone."""
    arms, exposure, joint = made.arms, made.exposure, made.joint
    count = len(arms.rewards)
    neighbours = {arm: [int(a) for a, b in exposure.edges if b == arm] for arm in range(count)}
    allowed = [arm_actions for arm_actions in product(range(2), repeat=count) if sum(arm_actions) <= made.actions.budget]

    def coefficients(state, arm_actions, later):
        total = sum(arms.rewards[j, arm_actions[j], state[j]] for j in range(count))
        for weight, success in zip(joint.weights, joint.success, strict=True):
            total += weight * (1.0 - np.prod([1.0 - success[j, arm_actions[j], state[j]] for j in range(count)]))
        rows = []
        for j in range(count):
            met = min(sum(exposure.emits[k, arm_actions[k], state[k]] for k in neighbours[j]), len(exposure.transitions) - 1)
            rows.append(exposure.transitions[met, j, arm_actions[j], state[j]])
        ahead = sum(np.prod([rows[j][z[j]] for j in range(count)]) * later[z] for z in later)
        return total + made.discount * ahead

    states = list(product(range(2), repeat=count))
    later = dict.fromkeys(states, 0.0)
    for _ in range(made.horizon):
        later = {state: max(coefficients(state, arm_actions, later) for arm_actions in allowed) for state in states}
    return sum(np.prod([arms.start[j, state[j]] for j in range(count)]) * later[state] for state in states)


@pytest.mark.parametrize("seed", range(6))
def test_backward_induction_is_the_plain_recursion(seed):
    """The exact optimum of coupled arms is that of a recursion written from the definitions, whatever arms emit."""
    made = coupled(seed, emits_by_level=seed % 2 == 0, discount=0.9 if seed < 3 else 1.0)
    policy, value = induce(view(made))
    assert value == pytest.approx(optimum_by_hand(made), abs=1e-12)
    assert evaluate(view(made), policy) == pytest.approx(value, abs=1e-12)


def test_families_have_their_exact_values():
    """Four-arm instances of the network have the optimum of the plain recursion."""
    for seed in range(3):
        made = generate("cormab/network", size=4, seed=seed, horizon=4)
        joint = CoverageReward(np.zeros(1), np.zeros((1, 4, 2, 2)))
        with_joint = instance(
            "cormab",
            transitions=made.exposure.transitions,
            rewards=made.arms.rewards,
            start=made.arms.start,
            actions=made.actions,
            horizon=4,
            exposure={"edges": made.exposure.edges, "emits": made.exposure.emits},
            joint=joint,
        )
        assert induce(view(made))[1] == pytest.approx(optimum_by_hand(with_joint), abs=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_bounds_are_never_below_the_optimum(seed):
    """The bound of random coupled arms, and of small instances of every family, is at least the exact optimum a step."""
    made = coupled(seed) if seed % 2 else generate(f"cormab/{FAMILIES[seed % 3]}", size=4, seed=seed, horizon=3)
    found = bound(made)
    optimum = induce(view(made))[1] / made.horizon
    assert found.value >= optimum - 1e-9


def test_the_best_exposure_is_known_where_states_are_ordered():
    """In an infection no sick neighbour is best; where the class that helps depends on the state reached, nobody says."""
    network = generate("cormab/network", size=6, seed=1)
    assert np.array_equal(best_exposure(network.arms, network.exposure), network.exposure.transitions[0])
    flipped = Exposure(network.exposure.edges, network.exposure.emits, network.exposure.transitions[..., ::-1, ::-1])
    arms = instance(
        "cormab", transitions=flipped.transitions[0], rewards=network.arms.rewards[..., ::-1], actions=network.actions
    ).arms
    assert np.allclose(best_exposure(arms, flipped), flipped.transitions[0])
    mixed = coupled(1)
    assert best_exposure(mixed.arms, mixed.exposure) is None


def test_the_kernel_moves_arms_as_their_outcomes_say():
    """Shares of next states over many episodes are the outcomes' probabilities, and rewards are those of the arms."""
    planning = view(coupled(4, arms=4))
    exposure, arms = planning.exposure, arms_alone(planning)
    rng = np.random.default_rng(0)
    states, arm_actions = rng.integers(0, 2, (1, 4)), rng.integers(0, 2, (1, 4))
    many, taken = np.repeat(states, 40_000, axis=0), np.repeat(arm_actions, 40_000, axis=0)
    reached, begins = exposure.neighbours
    ends = cumulative(exposure.transitions)
    earned = advance_exposed(many, taken, 3, 7, ends, arms.rewards, exposure.emits, reached, begins)
    expected = outcomes(planning, states, arm_actions)[0]
    shares = (many[:, :, None] == np.arange(2)).mean(axis=0)
    assert np.abs(shares - expected).max() < 0.01
    assert np.allclose(earned, arms.rewards[np.arange(4), arm_actions[0], states[0]].sum())
    assert step_rewards(planning, states, arm_actions)[0] == pytest.approx(
        earned[0] + planning.joint.values(states, arm_actions)[0]
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_simulation_estimates_the_exact_value(family):
    """The interval of a policy's simulated mean holds its exact value, and joint rewards are in it."""
    made = generate(f"cormab/{family}", size=5, seed=2, horizon=6)
    policy = AdditivePolicy(np.repeat(made.arms.rewards.max(axis=1)[None], 2, axis=0))
    exact = evaluate(view(made), policy) / 6
    seen = simulate(made, policy, episodes=2000, seed=3, bound_time_limit=0)
    half = (seen.interval[1] - seen.interval[0]) / 2
    assert abs(seen.mean - exact) < 2.5 * half


@pytest.mark.parametrize("family", FAMILIES)
def test_files_keep_coupled_instances(family, tmp_path):
    """A written instance is read back the same, and seeds give the same instance again."""
    made = generate(f"cormab/{family}", size=6, seed=5)
    (tmp_path / "one.json").write_text(host().problem("cormab").format(made))
    assert read(tmp_path / "one.json").fingerprint() == made.fingerprint()
    assert generate(f"cormab/{family}", size=6, seed=5).fingerprint() == made.fingerprint()
    assert generate(f"cormab/{family}", size=6, seed=6).fingerprint() != made.fingerprint()


def test_networks_can_be_given():
    """An infection spreads over the user's contacts, both ways; coverage takes none."""
    made = generate("cormab/network", size=4, seed=0, network=[[0, 1], [2, 3]])
    assert sorted(made.exposure.edges.tolist()) == [[0, 1], [1, 0], [2, 3], [3, 2]]
    with pytest.raises(OptionError, match="takes no network="):
        generate("cormab/coverage", size=4, seed=0, network=[[0, 1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exposure": {"edges": [[0, 5]], "emits": np.zeros((2, 2, 2), int)}}, r"edge \[0, 5\]"),
        ({"exposure": {"edges": [[0, 1]], "emits": -np.ones((2, 2, 2), int)}}, "-1"),
        ({"exposure": {"edges": [[0, 1], [0, 1]], "emits": np.zeros((2, 2, 2), int)}}, "a pair twice"),
        ({"exposure": {"edges": [[0, 1]]}}, "exposure holds"),
        ({"joint": {"kind": "cover"}}, "kind 'cover'"),
        ({"joint": {"kind": "coverage", "weights": [1.0], "success": np.ones((1, 2, 2, 2))}}, "success 1 of coverage"),
        ({"joint": {"kind": "coverage", "weights": [-1.0], "success": np.zeros((1, 2, 2, 2))}}, "weights"),
        ({"criterion": "average"}, "criterion average"),
    ],
)
def test_bad_couplings_are_named(change, message):
    """A coupling that breaks a rule is refused with the rule and the value."""
    half = np.full((2, 2, 2, 2, 2), 0.5)
    data = {
        "transitions": half,
        "rewards": np.zeros((2, 2, 2)),
        "actions": BudgetSet(2, 1),
        "exposure": {"edges": [[0, 1]], "emits": np.zeros((2, 2, 2), int)},
    }
    with pytest.raises(InstanceError, match=message):
        instance("cormab", **{**data, **change})


@pytest.mark.parametrize(
    ("solver", "family"),
    [
        *product(
            ["lp-update", "lookahead", "lp-priority", "follow-virtual-advice", "iterative-dqn"], ["coverage", "network"]
        ),
        ("whittle", "network"),
    ],
)
def test_solvers_of_arms_alone_refuse_and_say_why(solver, family):
    """A solver that plans arms one by one never answers for coupled ones: it names the coupling or the criterion."""
    made = generate(f"cormab/{family}", size=5, seed=0)
    with pytest.raises(FitError, match=r"criterion 'average'|joint reward|exposure"):
        solve(made, solver, time_limit=5, bound_time_limit=0)


@pytest.mark.parametrize("seed", range(4))
def test_programs_find_the_best_listed_action(seed):
    """The outer approximation by tangents, and the list, have the same value; the bound of the program holds."""
    made = generate("cormab/coverage", size=8, seed=seed)
    planning, rng = view(made), np.random.default_rng(seed)
    states, values = rng.integers(0, 2, (1, 8)), rng.normal(0.0, 0.2, (1, 8, 2))
    listed = joint_argmax(planning.actions, values, planning.joint, states)[0]
    found = TangentProgram(planning.actions, planning.joint, values[0], states[0]).solve()
    assert found.value == pytest.approx(listed.value, abs=1e-6)
    assert found.bound >= listed.value - 1e-9


def test_exact_steps_and_additive_futures_are_near_the_optimum_of_coverage():
    """By exact evaluation the Lagrangian policy has 99 % of the optimum where the myopic one has less than 95 %."""
    made = generate("cormab/coverage", size=6, seed=0, horizon=12)
    planning = view(made)
    optimum = induce(planning)[1]
    best = solve(made, "lagrangian", time_limit=10, bound_time_limit=0)
    assert best.solution.describe() == {"decides_by": "lagrangian", "proven": True}
    assert evaluate(planning, best.solution) > 0.99 * optimum
    assert evaluate(planning, solve(made, "myopic", bound_time_limit=0).solution) < 0.95 * optimum


def test_myopic_looks_one_exact_step_ahead():
    """With the next state's reward the myopic action is the best of all listed ones by the expected next reward."""
    made = generate("cormab/network", size=6, seed=3)
    planning = view(made)
    policy = solve(made, "myopic", reward="next-state", bound_time_limit=0).solution
    listed = made.actions.enumerate(10_000).astype(np.int64)
    for state in np.random.default_rng(0).integers(0, 2, (10, 6)):
        moved = outcomes(planning, np.broadcast_to(state, listed.shape), listed)
        earned = np.einsum("kjs,js->k", moved, made.arms.rewards[:, 0])
        chosen = policy.act(state, 0)
        place = int(np.flatnonzero((listed == chosen).all(axis=1))[0])
        assert earned[place] == pytest.approx(earned.max())


def test_pictures_of_coupled_instances(tmp_path):
    """A coupled instance is drawn, with the first action of a policy."""
    for family in FAMILIES:
        made = generate(f"cormab/{family}", size=6, seed=0)
        seen = simulate(made, NullPolicy(), episodes=4, keep=True, bound_time_limit=0)
        seen.plot(tmp_path / f"{family}.png")
        assert (tmp_path / f"{family}.png").stat().st_size > 1000
    assert simulate(generate("cormab/network", size=6, seed=0), RandomPolicy(), episodes=4, bound_time_limit=0).mean > 0
