"""Action sets: oracles against enumeration and against the declared programs."""

import math
from dataclasses import dataclass
from itertools import pairwise, product
from typing import ClassVar

import numpy as np
import pytest

from redwood import generate
from redwood.errors import InstanceError, ModelError, OptionError, SolutionError
from redwood.planning.action_set import ActionSet, value_of
from redwood.planning.enumeration import enumerate_declared
from redwood.problems.cormab.budget import BudgetSet
from redwood.problems.cormab.capacity import CapacitySet, fill
from redwood.problems.cormab.interventions import InterventionsSet
from redwood.problems.cormab.path import PathSet
from redwood.problems.cormab.problem import CoRMAB
from redwood.problems.cormab.schedule import ScheduleSet

VARIANTS = [variant for variant in CoRMAB.variants if variant != "state-dependent"]


def small_sets(variant, seeds=(0, 1, 2)):
    return [generate(f"cormab/{variant}", size=6, seed=seed, budget=2).actions for seed in seeds]


def every_action(actions):
    return np.array(list(product(range(actions.arm_actions), repeat=actions.arms)))


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if variant != "overlapping"])
def test_argmax_equals_enumeration_and_the_program(variant):
    """The oracle's action is allowed and worth as much as the best of all actions, and as the program's."""
    rng = np.random.default_rng(5)
    for actions in small_sets(variant):
        allowed = [arm_actions for arm_actions in every_action(actions) if actions.contains(arm_actions)]
        for _ in range(4):
            coefficients = rng.normal(size=(actions.arms, actions.arm_actions))
            best = max(value_of(coefficients, arm_actions) for arm_actions in allowed)
            choice = actions.argmax(coefficients)
            assert actions.contains(choice.arm_actions)
            assert choice.value == pytest.approx(best, abs=1e-9)
            assert choice.bound >= best - 1e-9
            assert actions.solve(coefficients).value == pytest.approx(best, abs=1e-7)


@pytest.mark.parametrize("variant", VARIANTS)
def test_contains_agrees_with_the_program(variant):
    """`contains` says of random vectors what the declared constraints say."""
    rng = np.random.default_rng(7)
    for actions in small_sets(variant, seeds=(3, 4)):
        for _ in range(15):
            arm_actions = rng.integers(0, 2, actions.arms) * rng.integers(1, actions.arm_actions, actions.arms)
            assert actions.contains(arm_actions) == ActionSet.contains(actions, arm_actions)


@pytest.mark.parametrize("variant", VARIANTS)
def test_larger_oracle_equals_the_program(variant):
    """At 16 arms the oracle finds the optimum of the declared program."""
    actions = generate(f"cormab/{variant}", size=16, seed=1).actions
    coefficients = np.random.default_rng(2).normal(size=(16, actions.arm_actions))
    choice = actions.argmax(coefficients)
    assert choice.value == pytest.approx(actions.solve(coefficients).value, abs=1e-6)
    assert choice.arm_actions.tolist() == actions.choose(coefficients[None])[0].tolist()


@pytest.mark.parametrize("variant", VARIANTS)
def test_samples_and_greedy_are_allowed(variant):
    """Sampled and greedy actions are in the set."""
    rng = np.random.default_rng(1)
    for actions in small_sets(variant, seeds=(0, 1)):
        assert len(actions.refused(actions.samples(5, rng))) == 0
        assert actions.contains(actions.greedy(rng.random((actions.arms, actions.arm_actions))))


@pytest.mark.parametrize("variant", ["capacity", "schedule"])
def test_many_values_equal_the_plain_search_of_count_vectors(variant):
    """The kernel finds for each of many values what plain NumPy finds, also where values are equal or nothing gains."""
    actions = generate(f"cormab/{variant}", size=20, seed=1).actions
    coefficient_tables = np.random.default_rng(2).normal(size=(60, 20, 2))
    coefficient_tables[20:40] = np.round(coefficient_tables[20:40])
    coefficient_tables[50:, :, 1] = coefficient_tables[50:, :, 0] - 1.0
    plain = [fill(coefficients, actions.counts, actions.members) for coefficients in coefficient_tables]
    np.testing.assert_array_equal(actions.choose(coefficient_tables), plain)


@pytest.mark.parametrize("variant", ["capacity", "schedule", "path", "complete graph"])
def test_many_actions_are_refused_as_one_is(variant):
    """Of many actions those are refused that `contains` denies: too many pulls, nobody to make them, strange actions."""
    if variant == "complete graph":  # whose visited sets are listed
        edges = [(i, j) for i in range(12) for j in range(i)]
        actions = PathSet(edges, 12, 0, 2)
    else:
        actions = generate(f"cormab/{variant}", size=12, seed=1, budget=4).actions
    rng = np.random.default_rng(3)
    arm_actions = (rng.random((120, 12)) < rng.uniform(0.05, 0.4, (120, 1))).astype(int)
    arm_actions[0, 0], arm_actions[1, 0], arm_actions[2] = 2, -1, 0
    denied = [row for row in range(120) if not actions.contains(arm_actions[row])]
    assert 10 < len(denied) < 110
    assert actions.refused(arm_actions).tolist() == denied


def test_capacity_witness_serves_every_pulled_arm_within_capacity():
    """The witness names a worker for each pulled arm, and no worker's costs exceed the capacity."""
    actions = CapacitySet(costs=[2, 3, 4, 5, 6, 2], capacities=[7, 5])
    choice = actions.argmax(np.column_stack((np.zeros(6), np.arange(1.0, 7.0))))
    workers = choice.witness
    assert ((workers >= 0) == (choice.arm_actions == 1)).all()
    for worker, capacity in enumerate(actions.capacities):
        assert actions.costs[workers == worker].sum() <= capacity


def test_schedule_witness_has_two_different_workers():
    """Each pulled arm gets two meetings with different workers, where all are free, and no meeting is given twice."""
    actions = generate("cormab/schedule", size=12, seed=3, budget=4).actions
    choice = actions.argmax(np.column_stack((np.zeros(12), np.ones(12))))
    met = [meeting for meetings in choice.witness.values() for meeting in meetings]
    assert len(set(met)) == len(met) == 2 * choice.arm_actions.sum()
    for arm, ((first, one), (second, other)) in choice.witness.items():
        assert first != second
        assert actions.arm_slots[arm, [one, other]].all()
        assert actions.worker_slots[first, one]
        assert actions.worker_slots[second, other]


def test_schedule_without_count_vectors_finds_the_same(monkeypatch):
    """Where the count vectors are too many, the program of Hall's conditions finds actions of the same worth."""
    fast, slow = (generate("cormab/schedule", size=16, seed=2).actions for _ in range(2))
    assert fast.counts is not None
    monkeypatch.setattr("redwood.problems.cormab.schedule.MOST_COUNTS", 0)
    assert slow.counts is None
    for coefficients in np.random.default_rng(4).normal(size=(4, 16, 2)):
        assert fast.argmax(coefficients).value == pytest.approx(slow.argmax(coefficients).value, abs=1e-6)


def test_schedule_refuses_one_worker_twice():
    """A single worker who is free in both slots of an arm cannot serve it: two different workers are needed."""
    actions = ScheduleSet(arm_slots=[[True, True]], worker_slots=[[True, True]], budget=1)
    assert not actions.contains([1])
    assert actions.argmax(np.array([[0.0, 1.0]])).arm_actions.tolist() == [0]


def test_schedules_beyond_halls_conditions_are_solved():
    """Two arms have meetings enough by Hall's conditions, but one of them twice with the same worker: one arm is pulled."""
    free, workers = [[True, True, True], [True, False, True], [True, False, True]], [[True, False, False], [True] * 3]
    actions = ScheduleSet(arm_slots=free, worker_slots=workers, budget=3)
    coefficients = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 3.0]])
    assert fill(coefficients, actions.counts, actions.members).sum() == 2
    assert actions.argmax(coefficients).arm_actions.tolist() == actions.choose(coefficients[None])[0].tolist() == [0, 0, 1]


def test_strict_path_equals_closed_walks():
    """The actions of a strict path set are exactly the subsets of what brute-force closed walks visit, within the budget."""
    actions = PathSet(edges=[[0, 1], [1, 2], [2, 3], [3, 4], [0, 4], [4, 5]], count=6, source=0, budget=3)
    closed_walks = {(0,)}
    for _ in range(2 * actions.budget):
        closed_walks |= {
            (*walk, int(b if walk[-1] == a else a)) for walk in closed_walks for a, b in actions.edges if walk[-1] in (a, b)
        }
    visits = [set(walk) for walk in closed_walks if walk[-1] == 0]
    for arm_actions in every_action(actions):
        pulled = set(np.flatnonzero(arm_actions).tolist())
        assert actions.contains(arm_actions) == (len(pulled) <= 3 and any(pulled <= visited for visited in visits))


def test_closed_walks_through_blocks_equal_brute_force():
    """On random connected graphs the program over blocks allows and prefers what listing all closed walks does."""
    rng = np.random.default_rng(8)
    for seed in range(12):
        size, budget = int(rng.integers(3, 8)), int(rng.integers(1, 5))
        tree = [(int(rng.integers(node)), node) for node in range(1, size)]
        more = [(int(a), int(b)) for a, b in rng.integers(0, size, (seed % 5, 2)) if a != b]
        actions = PathSet(tree + more, size, int(rng.integers(size)), budget)
        assert actions.closed_walks is not None
        near = {node: {node} | {b if a == node else a for a, b in tree + more if node in (a, b)} for node in range(size)}
        closed_walks = {(actions.source, 1 << actions.source)}
        for _ in range(2 * budget):
            closed_walks = {(head, visited | 1 << head) for node, visited in closed_walks for head in near[node]}
        visits = [visited for node, visited in closed_walks if node == actions.source]
        codes = [code for code in range(2**size) if code.bit_count() <= budget and any(code & ~v == 0 for v in visits)]
        arm_actions = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
        assert actions._blocks is actions.closed_walks
        assert [code for code in range(2**size) if actions.contains(arm_actions[code])] == codes
        for gains in (*rng.normal(size=(5, size)), *rng.integers(0, 3, (5, size)).astype(float)):
            best = max(arm_actions[code] @ gains for code in codes)
            assert actions.argmax(np.column_stack((np.zeros(size), gains))).value == pytest.approx(best, abs=1e-9)


def test_closed_walks_through_blocks_equal_the_enumeration_of_visited_sets():
    """Among 40 arms the program over blocks finds what scanning all visited sets finds."""
    actions = generate("cormab/path", size=40, seed=0).actions
    scanned = PathSet(actions.edges, 40, actions.source, actions.budget)
    assert actions._blocks is not None
    scanned.__dict__["_blocks"] = None
    coefficient_tables = np.random.default_rng(0).normal([0.0, 0.5], size=(20, 40, 2))
    for coefficients, one, other in zip(
        coefficient_tables, actions.choose(coefficient_tables), scanned.choose(coefficient_tables), strict=True
    ):
        assert value_of(coefficients, one) == pytest.approx(value_of(coefficients, other))
        assert actions.contains(other)
        assert scanned.contains(one)


def test_a_graph_too_wide_for_blocks_is_enumerated():
    """Closed walks in a complete graph reach any few nodes; without a program over blocks the best ones are found anyway."""
    edges = [(a, b) for a in range(12) for b in range(a)]
    actions = PathSet(edges, 12, 0, 2)
    assert actions._blocks is None
    gains = np.random.default_rng(1).normal(size=12)
    reached = np.sort(gains[1:])[:-3:-1].sum()
    assert actions.argmax(np.column_stack((np.zeros(12), gains))).value == pytest.approx(
        max(reached, gains[0] + gains.max())
    )


@pytest.mark.parametrize("size", [10, 100])
def test_path_witness_is_a_closed_walk(size):
    """The witness of a path walks along edges or waits, begins and ends at the source and visits the pulled arms."""
    actions = generate("cormab/path", size=size, seed=2).actions
    choice = actions.argmax(np.column_stack((np.zeros(size), np.ones(size))))
    walk = choice.witness.tolist()
    edges = {frozenset(edge) for edge in actions.edges.tolist()} | {frozenset([node]) for node in range(size)}
    assert walk[0] == walk[-1] == actions.source
    assert len(walk) == 2 * actions.budget + 1
    assert all(frozenset(step) in edges for step in pairwise(walk))
    assert set(np.flatnonzero(choice.arm_actions).tolist()) <= set(walk)


def test_tube_has_the_known_number_of_visited_sets(data_folder):
    """On the 20-node tube graph there are 533 visited sets, 30 of them maximal."""
    from redwood.problems.cormab.path_kernels import enumerate_visits

    network = data_folder / "cormab" / "tube_graphs.json"
    actions = generate("cormab/path", size=20, seed=0, network=network).actions
    starts, heads = actions._adjacency
    found, _ = enumerate_visits(starts, heads, actions._distances, actions.source, 2 * actions.budget, 10_000)
    assert len(np.unique(found)) == 533
    assert len(actions.visits) == 30


def test_interventions_witness_gives_the_actions():
    """The witness names as many interventions as the budget, whose loads are those of the actions."""
    actions = generate("cormab/interventions", size=12, seed=1).actions
    choice = actions.argmax(np.random.default_rng(0).random((12, actions.arm_actions)))
    assert len(choice.witness) == actions.budget
    load = actions.weights[choice.witness].sum(axis=0)
    assert (actions.loads[np.arange(12), choice.arm_actions] == load).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BudgetSet(3, 0), "budget 0 is not a whole number from 1"),
        (lambda: BudgetSet(3, 1.5), "budget 1.5 is not a whole number from 1"),
        (lambda: BudgetSet(3, float("nan")), "budget nan is not a whole number from 1"),
        (lambda: CapacitySet([2, 0], [3]), "costs hold 0, which is not a whole number from 1"),
        (lambda: CapacitySet([], [3]), r"costs have shape \[0\]"),
        (lambda: PathSet([[0, 1]], 3, 0, 1), "not connected: node 2"),
        (lambda: PathSet([[0, 1]], 2, 5, 1), "source 5"),
        (lambda: PathSet([[0, 1]], 2, 0.5, 1), "source 0.5"),
        (lambda: PathSet([[0, 1.5]], 2, 0, 1), "edges hold 1.5"),
        (lambda: PathSet([[0, 1]], 2, 0, 1, "no"), "strict 'no' is neither"),
        (lambda: PathSet([[0, 1], [0]], 2, 0, 1), "edges are no array of numbers"),
        (lambda: InterventionsSet([[1, math.nan]], 1), "weights hold nan"),
        (lambda: ScheduleSet([[7]], [[1]], 1), "arm_slots hold 7"),
        (lambda: InterventionsSet([[1, 0]], 2), "budget 2 is outside 1 to 1"),
        (lambda: ScheduleSet([[True]], [[True, False]], 1), "same number of slots"),
    ],
)
def test_bad_sets_are_named(make, message):
    """A set that breaks a rule is refused with the rule and the value."""
    with pytest.raises(InstanceError, match=message):
        make()


@pytest.mark.parametrize("name", ["budget", "capacity", "path", "schedule", "interventions", "overlapping"])
def test_actions_that_are_not_whole_are_outside_every_set(name):
    """An allowed action is no longer one when an action is half a unit above it."""
    actions = generate(f"cormab/{name}", size=6, seed=1).actions
    allowed = actions.sample(np.random.default_rng(0)).astype(float)
    assert actions.contains(allowed)
    for arm in range(6):
        assert not actions.contains(allowed + 0.5 * (np.arange(6) == arm))
    assert not actions.contains(np.full(6, math.nan))


class Pairs(ActionSet):
    """Exactly ``wanted`` of three arms, declared in Pyomo alone."""

    def __init__(self, wanted):
        self.wanted = wanted

    @property
    def arms(self):
        return 3

    def model(self):
        from pyomo.environ import Binary, ConcreteModel, Constraint, Var, quicksum

        model = ConcreteModel("pairs")
        model.pulled = Var(range(3), domain=Binary)
        model.exactly = Constraint(expr=quicksum(model.pulled.values()) == self.wanted)
        return model

    def indicators(self, model):
        return list(model.pulled.values())


def test_declared_set_works_without_an_oracle():
    """A user's set needs only its Pyomo part: argmax, contains and sample follow from it."""
    actions = Pairs(2)
    choice = actions.argmax(np.array([[0.0, 3.0], [0.0, -1.0], [0.0, -5.0]]))
    assert choice.arm_actions.tolist() == [1, 1, 0]
    assert choice.value == pytest.approx(2.0)
    assert [actions.contains(arm_actions) for arm_actions in ([1, 1, 0], [1, 0, 0], [2, 0, 0], [1, 1])] == [
        True,
        False,
        False,
        False,
    ]
    assert actions.sample(np.random.default_rng(0)).sum() == 2
    with pytest.raises(ModelError, match="does not allow action 0"):
        actions.greedy(np.zeros((3, 2)))
    with pytest.raises(SolutionError, match="not in the set"):
        actions.witness(np.zeros(3, np.int64))


def test_empty_set_is_named():
    """A set without any action raises."""
    with pytest.raises(InstanceError, match="pairs is empty"):
        Pairs(4).argmax(np.zeros((3, 2)))


def test_maximal_masks_are_those_without_a_superset():
    """Of random sets, exactly those that no other one contains are kept."""
    from redwood.problems.cormab.path_kernels import keep_maximal

    masks = np.unique(np.random.default_rng(0).integers(1, 2**10, 60).astype(np.uint64))
    expected = [m for m in masks.tolist() if not any(m != other and m & other == m for other in masks.tolist())]
    assert sorted(keep_maximal(masks).tolist()) == expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_arms_of_a_class_may_be_swapped(variant):
    """An allowed action stays allowed when two arms of a class change places."""
    rng = np.random.default_rng(11)
    for actions in small_sets(variant):
        for arm_actions in actions.samples(10, rng):
            for kind in np.unique(actions.classes):
                members = np.flatnonzero(actions.classes == kind)
                swapped = arm_actions.copy()
                swapped[members] = arm_actions[rng.permutation(members)]
                assert actions.contains(swapped)


def test_many_packings_equal_the_count_vectors():
    """Where count vectors would be too many, the program of packings finds actions worth the same."""
    rng = np.random.default_rng(3)
    listed = generate("cormab/capacity", size=24, seed=4).actions
    packed = CapacitySet(listed.costs, listed.capacities)
    packed.__dict__["counts"] = None
    for _ in range(10):
        coefficients = rng.normal(size=(24, 2))
        choice = packed.argmax(coefficients)
        assert choice.value == pytest.approx(listed.argmax(coefficients).value, abs=1e-7)
        assert choice.bound >= choice.value - 1e-9
        assert listed.contains(choice.arm_actions)
        assert packed.contains(choice.arm_actions)
    assert not packed.contains(np.ones(24, np.int64))


def test_the_rows_of_an_empty_set_are_named():
    """Where no action is allowed, the message names the rows that contradict each other, and no others."""

    class Empty(ActionSet):
        @property
        def arms(self):
            return 3

        def model(self):
            from pyomo.environ import Binary, ConcreteModel, Constraint, Var

            model = ConcreteModel("own")
            model.pulled = Var(range(3), domain=Binary)
            model.harmless = Constraint(expr=model.pulled[0] + model.pulled[1] <= 2)
            model.few = Constraint(expr=sum(model.pulled.values()) <= 1)
            model.many = Constraint(expr=sum(model.pulled.values()) >= 2)
            return model

        def indicators(self, model):
            return list(model.pulled.values())

    with pytest.raises(InstanceError, match="own is empty: no joint action satisfies its rows few, many together"):
        Empty().argmax(np.zeros((3, 2)))


@pytest.mark.parametrize("size", range(2, 8))
def test_small_schedules_leave_something_to_choose(size):
    """In each of twenty small schedules, two arms at least can be pulled, so that actions differ."""
    for seed in range(20):
        actions = generate("cormab/schedule", size=size, seed=seed).actions
        assert sum(actions.contains(alone) for alone in np.eye(size, dtype=int)) >= 2


def test_a_schedule_needs_two_workers():
    """With one worker no arm could meet two, and the generator says so."""
    with pytest.raises(OptionError, match="budget 1 of a schedule allows no pull"):
        generate("cormab/schedule", size=8, budget=1)


@pytest.mark.parametrize("budget", [6, 10**9])
def test_a_budget_beyond_all_nodes_costs_no_time(budget):
    """Six nodes hang together, so that six pulls are all that a walk can make: a budget of 1e9 is one of 6."""
    actions = PathSet(edges=[[0, 1], [1, 2], [2, 3], [3, 4], [0, 4], [4, 5]], count=6, source=0, budget=budget)
    assert actions.budget == 6
    assert actions.samples(50, np.random.default_rng(0)).sum(axis=1).max() <= 6
    assert actions.contains(np.ones(6, np.int64))
    assert actions.argmax(np.stack([np.zeros(6), np.ones(6)], axis=1)).value == 6.0


def test_a_capacity_beyond_all_costs_costs_no_time():
    """A worker with room for everybody serves all, however much more room there is."""
    actions = CapacitySet(costs=[2, 3, 3, 5], capacities=[10**12])
    assert actions.capacities.tolist() == [13]
    assert actions.counts.tolist() == [[1, 2, 1]]
    assert actions.argmax(np.stack([np.zeros(4), np.ones(4)], axis=1)).value == 4.0


def test_packings_too_many_to_list_are_left_to_the_declared_model():
    """Thirty arms of thirty costs have billions of packings; the best of them is that of a plain knapsack."""
    costs, rng = np.arange(31, 61), np.random.default_rng(0)
    actions, gains = CapacitySet(costs=costs, capacities=[700]), rng.random(30)
    best = np.zeros(701)
    for cost, gain in zip(costs, gains, strict=True):
        best[cost:] = np.maximum(best[cost:], best[:-cost] + gain)
    found = actions.argmax(np.stack([np.zeros(30), gains], axis=1))
    assert actions.counts is None
    assert found.value == pytest.approx(best[-1])
    assert actions.contains(found.arm_actions)
    assert not actions.contains(np.ones(30, np.int64))


@dataclass(frozen=True, eq=False)
class Shifts(ActionSet):
    """Five nurses of up to four shifts each, nine shifts in all; ``hidden``: two other numbers count them."""

    hidden: bool
    arms: ClassVar[int] = 5
    arm_actions: ClassVar[int] = 5

    def model(self):
        import pyomo.environ as pyo

        model = pyo.ConcreteModel("shifts")
        model.given = pyo.Var(range(5), range(1, 5), domain=pyo.Binary)
        model.one = pyo.Constraint(range(5), rule=lambda m, j: sum(m.given[j, a] for a in range(1, 5)) <= 1)
        total = sum(a * model.given[j, a] for j in range(5) for a in range(1, 5))
        if self.hidden:
            model.pairs = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 4))
            model.single = pyo.Var(domain=pyo.Binary)
            model.total = pyo.Constraint(expr=total == 2 * model.pairs + model.single)
        else:
            model.total = pyo.Constraint(expr=total <= 9)
        return model

    def indicators(self, model):
        return list(model.given.values())


@pytest.mark.parametrize("hidden", [False, True])
def test_declared_sets_enumerate_themselves(hidden):
    """All actions of at most nine shifts are listed, each once, and none where they are more than the limit."""
    actions = Shifts(hidden)
    expected = {shifts for shifts in product(range(5), repeat=5) if sum(shifts) <= 9}
    listed = actions.enumerate(len(expected))
    assert len(listed) == len(expected)
    assert {tuple(row) for row in listed.tolist()} == expected
    assert actions.enumerate(len(expected) - 1) is None


@pytest.mark.parametrize("variant", ["budget", "capacity", "schedule", "path", "interventions"])
def test_sets_and_their_models_enumerate_the_same(variant):
    """What a set lists by its structure is what its declared model allows."""
    actions = generate(f"cormab/{variant}", size=6, seed=2).actions
    by_structure, by_model = actions.enumerate(10_000), enumerate_declared(actions, 10_000)
    assert {tuple(row) for row in by_structure.tolist()} == {tuple(row) for row in by_model.tolist()}
    assert len(by_structure) == len(by_model)
