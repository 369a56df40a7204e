"""The decision processes of the problems: their tails, windows, actions and labels."""

import itertools

import numpy as np
import pytest

from redwood.budget import Sense
from redwood.problems.atsp.problem import ATSP
from redwood.problems.cvrp.instance import Routes
from redwood.problems.cvrp.problem import CVRP
from redwood.problems.cvrp.stepwise_kernels import spare_room
from redwood.problems.knapsack.instance import Packing
from redwood.problems.knapsack.problem import Knapsack
from redwood.problems.orienteering.problem import Orienteering
from redwood.problems.tsp.instance import Tour
from redwood.problems.tsp.problem import TSP
from redwood.views.stepwise import Stepwise

PROBLEMS = {"tsp": TSP(), "atsp": ATSP(), "cvrp": CVRP(), "knapsack": Knapsack(), "orienteering": Orienteering()}


def view_of(name, sizes, seed=0):
    """Return the problem, random instances of its stages, and their view."""
    problem, rng = PROBLEMS[name], np.random.default_rng(seed)
    kind = type(problem.view(Stepwise, problem.generate(5, rng, variant=problem.variants[0])))
    instances = [kind.example(size, rng) for size in sizes]
    return problem, instances, problem.view(Stepwise, *instances)


def wander(view, batch, rng, size=8):
    """Take random allowed actions until every row is finished."""
    while batch.left.any():
        window = view.window(batch, size)
        allowed = window.mask.reshape(len(window.mask), -1)
        assert allowed[batch.left > 0].any(axis=1).all()
        view.act(batch, window, np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=1))


@pytest.mark.parametrize("name", PROBLEMS)
def test_random_rollouts_are_feasible(name):
    """Any sequence of allowed actions leads to a feasible solution, for instances of mixed sizes in one batch."""
    problem, instances, view = view_of(name, (7, 30, 12))
    rng = np.random.default_rng(1)
    rows = np.array([0, 1, 2, 1, 0])
    batch = view.begin(rows, rng)
    wander(view, batch, rng)
    for row, solution in zip(rows, view.solutions(batch), strict=True):
        assert problem.violations(instances[row], solution) == []


@pytest.mark.parametrize("name", PROBLEMS)
def test_packed_labels_come_back(name):
    """What `pack` writes, `unpack` reads: the same worth of the same solutions."""
    problem, instances, view = view_of(name, (12, 12, 12))
    batch = view.begin(np.arange(3))
    wander(view, batch, np.random.default_rng(0))
    solutions = view.solutions(batch)
    again, solutions_again = view.unpack(view.pack(instances, solutions))
    for before, after, solution, copy in zip(instances, again, solutions, solutions_again, strict=True):
        assert problem.violations(after, copy) == []
        assert problem.objective(after, copy) == pytest.approx(problem.objective(before, solution), rel=1e-5)


@pytest.mark.parametrize("name", PROBLEMS)
def test_features_forget_scale_and_place(name):
    """An instance in other units looks the same to the policy."""
    problem, _, _ = view_of(name, (5,))
    rng = np.random.default_rng(2)
    if name == "knapsack":
        values, weights = rng.integers(1, 100, (2, 20))
        pair = [problem.make(values=values * u, weights=weights * v, capacity=300 * v) for u, v in ((1, 1), (7, 13))]
    elif name == "atsp":
        matrix = rng.random((20, 20))
        pair = [problem.make(matrix=unit * matrix) for unit in (1.0, 1000.0)]
    else:
        coords = rng.random((20, 2))
        pair = []
        for unit in (1.0, 1000.0):
            extra = {"demands": [0] + [1] * 19, "capacity": 5} if name == "cvrp" else {}
            extra = {"prizes": unit * np.arange(20), "budget": 2.5 * unit} if name == "orienteering" else extra
            pair.append(problem.make(coords=unit * coords - 300.0, **extra))
    view = problem.view(Stepwise, *pair)
    window = view.window(view.begin(np.array([0, 1])), 8)
    np.testing.assert_array_equal(window.nodes[0], window.nodes[1])
    np.testing.assert_allclose(window.features[0], window.features[1], atol=1e-5)


@pytest.mark.parametrize("name", PROBLEMS)
def test_taken_rows_go_their_own_way(name):
    """Rows taken out of a batch are copies, and merged they replace their originals."""
    problem, instances, view = view_of(name, (10, 14))
    rng = np.random.default_rng(3)
    batch = view.begin(np.array([0, 1]))
    left = batch.left.copy()
    part = batch.take(np.array([1, 1]))
    wander(view, part, rng)
    np.testing.assert_array_equal(batch.left, left)
    batch.put(np.array([1]), part.take(np.array([0])))
    assert batch.left[1] == 0
    wander(view, batch, rng)
    assert problem.violations(instances[1], view.solutions(batch)[1]) == []


@pytest.mark.parametrize("name", ["tsp", "cvrp"])
def test_static_lists_change_nothing(name):
    """Windows of large instances, found by static neighbour lists, are those that a scan finds."""
    _, instances, view = view_of(name, (300,))
    scan = type(view)(*instances)
    scan._neighbour_lists = lambda count: np.empty((0, 0), dtype=np.int32)
    rng = np.random.default_rng(4)
    batch = view.begin(np.array([0, 0]), rng)
    for _ in range(250):
        window = view.window(batch, 8)
        expected = scan.window(batch, 8)
        np.testing.assert_array_equal(window.nodes, expected.nodes)
        np.testing.assert_array_equal(window.features, expected.features)
        scores = np.where(window.mask, rng.random(window.mask.shape), -1.0).reshape(2, -1)
        view.act(batch, window, scores.argmax(axis=1))


def shortest_path(points, current, destination, nodes):
    """Return the length of the shortest path over all nodes, by enumeration."""
    paths = [[current, *order, destination] for order in itertools.permutations(nodes)]
    return min(np.linalg.norm(np.diff(points[path], axis=0), axis=1).sum() for path in paths)


def test_tails_of_an_optimal_tour_are_optimal():
    """Along an optimal tour, what is left is an optimal solution of its own tail sub-problem (by enumeration)."""
    problem, (instance,), view = view_of("tsp", (8,), seed=5)
    points = instance.travel.coords
    orders = [(0, *order) for order in itertools.permutations(range(1, 8))]
    best = min(orders, key=lambda order: problem.objective(instance, Tour(np.array(order))))
    view.set_labels([Tour(np.array(best))])
    batch = view.sample(40, np.random.default_rng(6))
    for b in range(40):
        plan = batch.plan[b, : batch.left[b]]
        labelled = points[[batch.current[b], *plan, batch.destination[b]]]
        length = np.linalg.norm(np.diff(labelled, axis=0), axis=1).sum()
        assert length == pytest.approx(shortest_path(points, batch.current[b], batch.destination[b], plan))


def test_tails_of_an_optimal_packing_are_optimal():
    """Whatever part of an optimal packing is packed, the rest of it fills the room that is left best (by enumeration)."""
    rng = np.random.default_rng(7)
    values, weights = rng.integers(1, 60, (2, 9))
    problem = PROBLEMS["knapsack"]
    instance = problem.make(values=values, weights=weights, capacity=120)
    view = problem.view(Stepwise, instance)
    sets = [np.array(s, dtype=int) for k in range(10) for s in itertools.combinations(range(9), k)]
    best = max((s for s in sets if weights[s].sum() <= 120), key=lambda s: values[s].sum())
    view.set_labels([Packing(best)])
    batch = view.sample(40, rng)
    target = view.target(batch, view.window(batch, 9))
    window = view.window(batch, 9)
    for b in range(40):
        items = [view.orders[0][item] for item in window.nodes[b] if item >= 0]
        right = [view.orders[0][item] for item in window.nodes[b][target.choice[b, :, 0]]]
        subsets = [list(s) for k in range(len(items) + 1) for s in itertools.combinations(items, k)]
        optimum = max(values[s].sum() for s in subsets if weights[s].sum() <= batch.room[b])
        assert values[right].sum() == optimum


def test_labels_followed_lead_to_the_label():
    """Acting as `target` says, from the first step on, gives a tour as long as the label."""
    _, instances, view = view_of("tsp", (9, 12), seed=8)
    tours = [Tour(np.random.default_rng(9).permutation(instance.size)) for instance in instances]
    view.set_labels(tours)
    batch = view.sample(20, np.random.default_rng(10))
    window = view.window(batch, 12)
    chosen = window.nodes[np.arange(20), view.target(batch, window).choice]
    for b, node in enumerate(chosen):
        tour = tours[batch.rows[b]].tour.tolist()
        here = tour.index(batch.current[b])
        assert node in (tour[here - 1], tour[(here + 1) % len(tour)])


def test_neighbours_are_those_on_the_path():
    """The auxiliary target names each token's predecessor and successor on the labelled path."""
    view = view_of("tsp", (10,), seed=11)[2]
    tour = np.random.default_rng(12).permutation(10)
    view.set_labels([Tour(tour)])
    batch = view.sample(10, np.random.default_rng(13))
    window = view.window(batch, 10)
    neighbours = view.target(batch, window).neighbours
    for b in range(10):
        path = [0, *[list(window.nodes[b, 2:]).index(n) + 2 for n in batch.plan[b, : batch.left[b]]], 1]
        for before, token, after in zip([-1, *path[:-1]], path, [*path[1:], -1], strict=True):
            assert neighbours[b, token].tolist() == [before, after]


def test_capacity_decides_what_may_be_served_directly():
    """At the depot only *via the depot* is allowed; on the way, a customer above the remaining capacity is not direct."""
    problem = PROBLEMS["cvrp"]
    instance = problem.make(coords=[[0, 0], [1, 0], [2, 0], [3, 0]], demands=[0, 3, 3, 1], capacity=4)
    view = problem.view(Stepwise, instance)
    batch = view.begin(np.array([0]))
    window = view.window(batch, 4)
    assert window.nodes[0].tolist() == [0, 0, 1, 2, 3]
    assert window.mask[0].tolist() == [[False, False]] * 2 + [[False, True]] * 3
    view.act(batch, window, np.array([2 * 2 + 1]))  # customer 1: one unit of capacity is left
    window = view.window(batch, 4)
    assert window.nodes[0].tolist() == [1, 0, 2, 3]
    assert window.mask[0].tolist() == [[False, False]] * 2 + [[False, True], [True, True]]
    view.act(batch, window, np.array([2 * 3]))
    view.act(batch, view.window(batch, 4), np.array([2 * 2 + 1]))
    assert view.solutions(batch)[0].routes == [[1, 3], [2]]


def around_the_depot():
    """Return the view of a depot with four labelled routes of two customers, one in each direction of the compass."""
    problem = PROBLEMS["cvrp"]
    coords = [[0, 0], [3, 1], [3, -1], [1, 3], [-1, 3], [-3, 1], [-3, -1], [1, -3], [-1, -3]]
    view = problem.view(Stepwise, problem.make(coords=np.array(coords), demands=[0] + [1] * 8, capacity=2))
    view.set_labels([Routes([[5, 6], [1, 2], [7, 8], [3, 4]])])
    return view


def test_labels_go_around_the_depot():
    """Labelled routes follow each other around the depot, from any one on, in either sense."""
    batch = around_the_depot().sample(200, np.random.default_rng(1))
    begun = set()
    for b in np.flatnonzero(batch.left == 8):
        directions = (batch.order[b, :8:2] - 1) // 2
        begun.add(int(directions[0]))
        assert set(np.diff(directions) % 4) in ({1}, {3})
        assert batch.via[b, :8].tolist() == [True, False] * 4
    assert begun == {0, 1, 2, 3}


def test_labels_of_a_sector_begin_at_one_of_its_sides():
    """Where the customers leave a wide gap around the depot, the routes beside it are served first, and they are right."""
    problem = PROBLEMS["cvrp"]
    coords = [[0, 0], [-3, 1], [-3, 0.8], [0.1, 3], [-0.1, 3], [3, 1], [3, 0.8]]
    view = problem.view(Stepwise, problem.make(coords=np.array(coords), demands=[0] + [1] * 6, capacity=2))
    view.set_labels([Routes([[3, 4], [5, 6], [1, 2]])])
    batch = view.sample(200, np.random.default_rng(1))
    begun = np.flatnonzero(batch.left == 6)
    assert {tuple((batch.order[b, :6:2] - 1) // 2) for b in begun} == {(0, 1, 2), (2, 1, 0)}
    window = view.window(batch, 6)
    right = view.target(batch, window).right
    for b in begun:
        assert set(window.nodes[b, right[b].any(axis=1)]) == {1, 2, 5, 6}


def test_either_end_of_a_neighbouring_route_is_right():
    """After a route both ends of the next routes on both sides are right, at the beginning all ends, within a route one."""
    view = around_the_depot()
    batch = view.sample(200, np.random.default_rng(2))
    window = view.window(batch, 8)
    target = view.target(batch, window)
    for b in range(200):
        right = {(int(window.nodes[b, t]), int(a)) for t, a in zip(*np.nonzero(target.right[b]), strict=True)}
        plan, left = batch.order[b], int(batch.left[b])
        if left % 2:
            assert right == {(int(plan[0]), 0)}
        elif left == 8:
            assert right == {(node, 1) for node in range(1, 9)}
        else:
            assert right == {(int(node), 1) for node in (*plan[:2], *plan[left - 2 : left])}


@pytest.mark.parametrize("name", ["tsp", "atsp", "cvrp", "orienteering"])
def test_repaired_solutions_are_feasible_and_never_worse(name):
    """Parts decided anew at random are merged only where they are better, and the solution stays feasible."""
    problem, instances, view = view_of(name, (2, 3, 40, 90), seed=14)
    view = problem.view(Stepwise, *instances)
    rng = np.random.default_rng(15)
    batch = view.begin(np.arange(4), rng)
    wander(view, batch, rng)
    worst = best = view.solutions(batch)
    for size in (4, 4, 11, 25):
        subproblems = view.destroy(best, size, rng)
        wander(subproblems.view, subproblems.batch, rng, size=3)
        repaired = view.repair(best, subproblems)
        for instance, old, new in zip(instances, best, repaired, strict=True):
            assert problem.violations(instance, new) == []
            assert new is old or not problem.sense.better(problem.objective(instance, old), problem.objective(instance, new))
        best = repaired
    large = list(zip(instances, worst, best, strict=True))[2:]
    assert all(problem.sense.better(problem.objective(i, new), problem.objective(i, old)) for i, old, new in large)


def test_regions_keep_what_is_outside():
    """A region's fixed links join the ends of segments, and deciding it as it was gives the edges of the tour back."""
    view = view_of("tsp", (60,), seed=18)[2]
    rng = np.random.default_rng(19)
    tour = rng.permutation(60)
    subproblems = view.destroy([Tour(tour)], 10, rng)
    follows = {(int(a), int(b)) for a, b in zip(tour, np.roll(tour, -1), strict=True)}
    for region in subproblems.origin:
        linked = np.flatnonzero(region.link >= 0)
        assert (region.link[region.link[linked]] == linked).all()
        for k, (a, b) in enumerate(itertools.pairwise(region.nodes.tolist())):
            assert region.link[k] == k + 1 or (a, b) in follows


def test_a_limited_fleet_stays_limited():
    """Groups of routes decided anew do not need more vehicles than before."""
    problem = PROBLEMS["cvrp"]
    rng = np.random.default_rng(20)
    coords = rng.random((31, 2))
    demands = np.concatenate([[0], np.full(30, 3)])
    instance = problem.make(coords=coords, demands=demands, capacity=9, vehicles=10)
    view = problem.view(Stepwise, instance)
    solution = Routes(rng.permutation(np.arange(1, 31)).reshape(10, 3).tolist())
    for _ in range(10):
        subproblems = view.destroy([solution], 9, rng)
        wander(subproblems.view, subproblems.batch, rng)
        (solution,) = view.repair([solution], subproblems)
    assert problem.violations(instance, solution) == []


def test_a_label_is_followed_to_the_end_of_the_path():
    """The labelled visits that are left are in reach one after the other, and the target is the first of them."""
    problem, instances, view = view_of("orienteering", (15, 25), seed=16)
    rng = np.random.default_rng(17)
    batch = view.begin(np.array([0, 1]), rng)
    wander(view, batch, rng)
    view.set_labels(view.solutions(batch))
    batch = view.sample(30, rng)
    window = view.window(batch, 25)
    choice = view.target(batch, window).choice
    assert (choice >= 0).all()
    for b in range(30):
        nodes = [batch.current[b], *batch.order[b, : batch.planned[b]], 0]
        assert window.nodes[b, choice[b]] == nodes[1]
        length = instances[batch.rows[b]].travel.between(np.array(nodes[:-1]), np.array(nodes[1:])).sum()
        assert length <= batch.budget[b]
    assert problem.sense == "max"


@pytest.mark.parametrize(
    ("load", "room", "going_on", "ending"),
    [(3.5, 0.4, 0.9, 0.5), (3.5, 0.6, 0.1, 0.5), (0.3, 0.5, 0.2, 0.7), (2.0, 1.0, 0.0, 0.0)],
)
def test_spare_room_tells_when_ending_a_route_costs_a_vehicle(load, room, going_on, ending):
    """Ending a route wastes what room there is, and where that is more than there is to spare it takes one more vehicle."""
    assert spare_room(load, room) == pytest.approx((going_on, ending))


LOOKING = [name for name in PROBLEMS if view_of(name, (5,))[2].trust > 0.0]


def looked(view, batch, window, actions):
    """Return what the view tells of actions [B, K], -1 for none."""
    tokens, scores = np.divmod(actions, view.layout.scores)
    nodes = np.where(actions < 0, -1, np.take_along_axis(window.nodes, np.maximum(tokens, 0), axis=1))
    return view.look_ahead(batch, nodes.astype(np.int32), scores)


def likely_actions(window):
    """Return up to five allowed actions of each row, -1 in place of the others."""
    allowed = window.mask.reshape(len(window.mask), -1)
    actions = np.argsort(~allowed, axis=1, kind="stable")[:, :5]
    return np.where(np.take_along_axis(allowed, actions, axis=1), actions, -1)


@pytest.mark.parametrize("name", LOOKING)
def test_look_ahead_estimates_actions_alone(name):
    """What actions lead to is finite exactly where there is one, and asking leaves the batch as it was."""
    _, _, view = view_of(name, (7, 30, 12))
    rng = np.random.default_rng(5)
    batch = view.begin(np.array([0, 1, 2, 1]), rng)
    while batch.left.all():
        window = view.window(batch, 8)
        actions = likely_actions(window)
        actions[0, -1] = -1
        before = batch.take(np.arange(4))
        costs = looked(view, batch, window, actions)
        assert costs.shape == actions.shape
        np.testing.assert_array_equal(np.isfinite(costs), actions >= 0)
        for key, value in vars(before).items():
            np.testing.assert_array_equal(getattr(batch, key), value)
        view.act(batch, window, actions[:, 0])


def completions(problem, instance, view, batch):
    """Return for each action of a batch of one row the best objective that it can lead to, as a cost."""
    window = view.window(batch, 99)
    costs = {}
    for action in np.flatnonzero(window.mask.ravel()):
        after = batch.take(np.array([0]))
        view.act(after, window, np.array([action]))
        if after.left[0]:
            costs[action] = min(completions(problem, instance, view, after).values())
        else:
            worth = problem.objective(instance, view.solutions(after)[0])
            costs[action] = -worth if problem.sense is Sense.MAX else worth
    return costs


@pytest.mark.parametrize("name", LOOKING)
def test_look_ahead_finds_what_is_best(name):
    """Of tiny instances with a choice, the action of least estimate leads to the optimum in four of five or more."""
    right = []
    for seed in range(30):
        problem, (instance,), view = view_of(name, (4 if name == "cvrp" else 5,), seed)
        batch = view.begin(np.array([0]))
        if batch.left[0] < 2:  # little is in reach of some paths
            continue
        window = view.window(batch, 99)
        actions = np.flatnonzero(window.mask.ravel())[None]
        chosen = actions[0, looked(view, batch, window, actions)[0].argmin()]
        costs = completions(problem, instance, view, batch)
        right.append(costs[chosen] == pytest.approx(min(costs.values()), rel=1e-9))
    assert len(right) >= 10
    assert np.mean(right) >= 0.8
