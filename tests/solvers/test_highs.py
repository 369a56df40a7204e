"""HiGHS on problems with a `Linear` view, against enumeration."""

import gc
import itertools
import logging
import os
import signal
import threading
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyomo.environ as pyo
import pytest

import redwood
from redwood.budget import AnyOf, Iterations, Seconds, Sense, Target, TargetGap, Termination
from redwood.errors import ModelError, OptionError, SolverError
from redwood.problem import Instance, Problem, Solution
from redwood.solver import Run
from redwood.solvers.mip import search
from redwood.solvers.mip.highs import HiGHS
from redwood.solvers.mip.session import NumericalTroubleError, Session
from redwood.views.linear import Linear, Rows
from redwood.views.local import Local


@dataclass(frozen=True, eq=False, kw_only=True)
class Net(Instance):
    """Symmetric costs [N, N] of a ring through all nodes."""

    problem: ClassVar[str] = "ring"
    costs: np.ndarray

    @property
    def size(self):
        return len(self.costs)


@dataclass(frozen=True, eq=False)
class Ring(Solution):
    """The nodes in their order."""

    order: list[int]


class RingProblem(Problem):
    """The cheapest closed ring through all nodes: small, and solved with rows in rounds."""

    name = "ring"
    sense = Sense.MIN
    solution_type = Ring
    views: ClassVar = {Linear: f"{__name__}:RingLinear"}

    def make(self, **data):
        return Net(**data)

    def generate(self, size, rng, *, variant="plain"):
        costs = np.triu(rng.integers(1, 100, (size, size)), 1)
        return Net(costs=costs + costs.T)

    def validate(self, instance):
        pass

    def objective(self, instance, solution):
        return float(sum(instance.costs[a, b] for a, b in itertools.pairwise([*solution.order, solution.order[0]])))

    def violations(self, instance, solution):
        return [] if sorted(solution.order) == list(range(instance.size)) else ["not every node once"]

    def view(self, kind, *instances):
        return {Linear: RingLinear, Local: RingLocal}[kind](*instances)


class RingLinear(Linear):
    """One binary variable an edge, two edges at each node, and rows against smaller rings as they are needed."""

    def __init__(self, instance):
        self.instance = instance
        self.edges = list(itertools.combinations(range(instance.size), 2))
        self.calls = []

    def model(self, incumbent=None):
        model = pyo.ConcreteModel()
        model.x = pyo.Var(self.edges, domain=pyo.Binary)
        model.cost = pyo.Objective(expr=sum(int(self.instance.costs[e]) * model.x[e] for e in self.edges))
        model.degree = pyo.Constraint(
            range(self.instance.size), rule=lambda _, v: sum(model.x[e] for e in self.edges if v in e) == 2
        )
        return model

    def variables(self, model):
        return list(model.x.values())

    def components(self, values):
        group = list(range(self.instance.size))
        for (a, b), value in zip(self.edges, values, strict=True):
            if value > 1e-6:
                old, new = group[a], group[b]
                group = [new if g == old else g for g in group]
        return [{v for v, g in enumerate(group) if g == label} for label in sorted(set(group))]

    def separate(self, values, integral):
        parts = self.components(values)
        if len(parts) == 1:
            return None
        crossing = [[i for i, (a, b) in enumerate(self.edges) if (a in part) != (b in part)] for part in parts]
        columns = list(itertools.chain.from_iterable(crossing))
        starts = np.cumsum([0] + [len(row) for row in crossing])
        return Rows(starts, np.array(columns), np.ones(len(columns)), np.full(len(parts), 2.0), np.full(len(parts), np.inf))

    def solution(self, values):
        neighbours = {v: [] for v in range(self.instance.size)}
        for (a, b), value in zip(self.edges, values, strict=True):
            if value > 0.5:
                neighbours[a].append(b)
                neighbours[b].append(a)
        order = [0]
        while len(order) < self.instance.size:
            order.append(next(v for v in neighbours[order[-1]] if v not in order))
        return Ring(order)

    def start(self, solution):
        used = {tuple(sorted(e)) for e in itertools.pairwise([*solution.order, solution.order[0]])}
        return np.array([float(e in used) for e in self.edges])


class RingLocal(Local):
    """The least that a local search can be: rings as lists, and reversals as moves."""

    def __init__(self, instance):
        self.instance = instance

    def initial(self, rng):
        return rng.permutation(self.instance.size).tolist()

    construct = initial

    def state(self, solution):
        return list(solution.order)

    def copy(self, state):
        return list(state)

    def solution(self, state):
        return Ring(list(state))

    def objective(self, state):
        return RingProblem().objective(self.instance, Ring(state))

    def propose(self, state, rng):
        return None

    def apply(self, state, move):
        pass

    def descend(self, state):
        pass

    def perturb(self, state, rng):
        a, b = sorted(rng.integers(0, len(state), 2))
        state[a:b] = state[a:b][::-1]


class LocalRing(RingProblem):
    """The same with a local search, so that HiGHS finds an incumbent of its own."""

    views: ClassVar = {Linear: "", Local: ""}


@dataclass(frozen=True, eq=False, kw_only=True)
class Cargo(Instance):
    """Value of each item, its weights in each dimension [M, N], and what each dimension holds [M]."""

    problem: ClassVar[str] = "cargo"
    profit: np.ndarray
    weights: np.ndarray
    limits: np.ndarray
    flaw: str = ""

    @property
    def size(self):
        return len(self.profit)


@dataclass(frozen=True, eq=False)
class Load(Solution):
    """The items taken."""

    items: list[int]


class CargoProblem(Problem):
    """The most valuable load within several limits: maximised, and written down whole."""

    name = "cargo"
    sense = Sense.MAX
    solution_type = Load
    views: ClassVar = {Linear: ""}

    def make(self, **data):
        return Cargo(**data)

    def generate(self, size, rng, *, variant="plain", dimensions=5, flaw=""):
        weights = rng.integers(1, 100, (dimensions, size))
        return Cargo(profit=rng.integers(1, 100, size), weights=weights, limits=weights.sum(axis=1) // 2, flaw=flaw)

    def validate(self, instance):
        pass

    def objective(self, instance, solution):
        return float(instance.profit[solution.items].sum())

    def violations(self, instance, solution):
        load = instance.weights[:, solution.items].sum(axis=1)
        return [f"dimension {i} holds {x}" for i, x in enumerate(load) if x > instance.limits[i]]

    def view(self, kind, *instances):
        return CargoLinear(*instances)


class CargoLinear(Linear):
    """One binary variable an item; ``flaw`` spoils the model in a stated way."""

    def __init__(self, instance):
        self.instance = instance

    def model(self, incumbent=None):
        instance, flaw = self.instance, self.instance.flaw
        model = pyo.ConcreteModel()
        model.x = pyo.Var(range(instance.size), domain=pyo.Binary)
        price = 2 if flaw == "dear" else 1
        profit = sum(price * int(instance.profit[i]) * model.x[i] for i in range(instance.size))
        if flaw == "unbounded":
            model.free = pyo.Var(domain=pyo.NonNegativeIntegers)
            profit += model.free
        model.profit = pyo.Objective(expr=profit, sense=pyo.minimize if flaw == "sense" else pyo.maximize)
        slack = 60 if flaw == "loose" else 0
        model.limit = pyo.Constraint(
            range(len(instance.limits)),
            rule=lambda _, m: (
                sum(int(instance.weights[m, i]) * model.x[i] for i in range(instance.size))
                <= int(instance.limits[m]) + slack
            ),
        )
        if flaw == "crowded":
            model.limit.deactivate()
            model.all = pyo.Constraint(expr=sum(model.x.values()) == instance.size)
        if flaw == "impossible":
            model.more = pyo.Constraint(expr=sum(model.x.values()) >= instance.size + 1)
        return model

    def variables(self, model):
        return list(model.x.values())

    def solution(self, values):
        return Load(np.flatnonzero(values > 0.5).tolist())

    def start(self, solution):
        return np.isin(np.arange(self.instance.size), solution.items).astype(float)


def ring(size=9, seed=0):
    return RingProblem().generate(size, np.random.default_rng(seed))


def cargo(size=12, seed=0, **options):
    return CargoProblem().generate(size, np.random.default_rng(seed), **options)


def run_of(problem, instance, budget=None, **options):
    return Run(problem, instance, budget=budget or Seconds(30), **options)


def solve(problem, instance, solver=None, budget=None, **options):
    run = run_of(problem, instance, budget, **options)
    return (solver or HiGHS()).run(problem, instance, run), run


def cheapest_ring(instance):
    problem = RingProblem()
    return min(problem.objective(instance, Ring([0, *rest])) for rest in itertools.permutations(range(1, instance.size)))


def best_load(instance):
    chosen = np.array(list(itertools.product((0, 1), repeat=instance.size)))
    fits = (chosen @ instance.weights.T <= instance.limits).all(axis=1)
    return float((chosen[fits] @ instance.profit).max())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("problem", [RingProblem(), LocalRing()])
def test_rings_are_optimal(problem, seed):
    """With rows added in rounds, the ring is the cheapest of all, with and without a local search for the start."""
    instance = ring(8, seed)
    answer, run = solve(problem, instance)
    assert answer.proven
    assert run.objective == answer.bound == cheapest_ring(instance)


@pytest.mark.parametrize("cut_rounds", [0, 1, 500])
def test_cut_rounds_do_not_change_the_optimum(cut_rounds, monkeypatch):
    """However many linear relaxations come first, the optimum is the same."""
    monkeypatch.setattr(search, "CUT_ROUNDS", cut_rounds)
    instance = ring(8, 5)
    answer, run = solve(RingProblem(), instance)
    assert answer.proven
    assert run.objective == cheapest_ring(instance)


@pytest.mark.parametrize("seed", range(4))
def test_loads_are_optimal(seed):
    """A maximisation written down whole ends at the optimum of enumeration, proven."""
    instance = cargo(12, seed)
    answer, run = solve(CargoProblem(), instance)
    assert answer.proven
    assert run.objective == answer.bound == best_load(instance)


def test_every_bound_reported_is_valid():
    """No bound of any round, linear or integer, is better than the optimum."""
    for problem, instance, optimum in (
        (RingProblem(), ring(9, 1), cheapest_ring(ring(9, 1))),
        (CargoProblem(), cargo(12, 1), best_load(cargo(12, 1))),
    ):
        run = run_of(problem, instance)
        reported = []
        keep = run.report_bound
        run.report_bound = lambda bound, keep=keep, reported=reported: (reported.append(bound), keep(bound))
        HiGHS().run(problem, instance, run)
        assert reported
        assert not any(problem.sense.better(optimum, bound) for bound in reported)


def test_start_is_accepted_and_never_made_worse():
    """The initial solution is the first incumbent; the answer is at least as good, even with no time to search."""
    instance = ring(9, 2)
    start = Ring(list(range(9)))
    answer, run = solve(RingProblem(), instance, initial=start)
    assert run.trajectory[0][1] == RingProblem().objective(instance, start)
    assert run.objective == cheapest_ring(instance)
    answer, run = solve(RingProblem(), instance, initial=start, budget=Seconds(1e-9))
    assert answer.solution is start
    assert not answer.proven


def test_optimal_start_is_proven():
    """An optimal start stays, and is proven optimal although no better solution is ever found."""
    instance = ring(8, 3)
    best = solve(RingProblem(), instance)[1].best
    answer, run = solve(RingProblem(), instance, initial=best)
    assert answer.proven
    assert len(run.trajectory) == 1


def test_solutions_stream_while_the_search_goes_on():
    """Incumbents of a long search are reported before it ends, each better than the one before."""
    seen = []
    instance = cargo(60, dimensions=30)
    solve(CargoProblem(), instance, budget=Iterations(40), on_improvement=lambda found: seen.append(found.objective))
    assert len(seen) > 1
    assert seen == sorted(set(seen))


def test_same_seed_and_nodes_give_the_same_result():
    """A budget in nodes ends the search in the same place each time, and says that it was the budget."""
    instance = cargo(60, dimensions=30)
    ends = []
    for _ in range(2):
        _, run = solve(CargoProblem(), instance, budget=Iterations(25), seed=7)
        ends.append((run.objective, run.bound, run.iterations))
        assert run.stopped is Termination.ITERATIONS
    assert ends[0] == ends[1]


def test_time_limit_gives_the_best_so_far_and_a_bound():
    """At the time limit there is a feasible load and a bound above it."""
    instance = cargo(100, dimensions=50)
    answer, run = solve(CargoProblem(), instance, budget=Seconds(0.5))
    assert run.stopped is Termination.TIME
    assert not answer.proven
    assert run.objective < run.bound


@pytest.mark.parametrize("budget", [Target(500.0), TargetGap(0.2)])
def test_targets_interrupt_highs(budget):
    """An objective or gap that is good enough ends the run inside HiGHS."""
    instance = cargo(100, dimensions=50)
    _, run = solve(CargoProblem(), instance, budget=AnyOf((Seconds(60), budget)))
    assert run.stopped is Termination.TARGET


def test_gap_option_stops_early_and_claims_nothing():
    """With a relative gap allowed, the answer is not called optimal unless its bound says so."""
    instance = cargo(60, dimensions=30)
    answer, run = solve(CargoProblem(), instance, HiGHS(mip_rel_gap=0.5))
    assert run.objective < run.bound <= 2 * run.objective
    assert not answer.proven


def test_infeasible_model_is_proven_infeasible():
    """Where the model has no solution, the answer is none, proven."""
    answer, _ = solve(CargoProblem(), cargo(flaw="impossible"))
    assert answer.solution is None
    assert answer.proven


def test_unbounded_model_is_an_error():
    """A model whose objective has no limit is an error that says so."""
    with pytest.raises(SolverError, match="unbounded"):
        solve(CargoProblem(), cargo(flaw="unbounded"))


def test_wrong_sense_is_an_error():
    """A view that minimises what the problem maximises is refused."""
    with pytest.raises(ModelError, match="sense is min"):
        solve(CargoProblem(), cargo(flaw="sense"))


def test_infeasible_points_of_a_faulty_model_are_no_solutions():
    """What the problem refuses is never reported nor called optimal; the message names the broken rule."""
    instance = cargo(flaw="loose")
    answer, run = solve(CargoProblem(), instance)
    assert not answer.proven
    assert "breaks a rule of the problem: dimension" in answer.message
    assert run.objective is None or run.objective <= best_load(instance)


def test_model_without_a_single_solution_of_the_problem_is_an_error():
    """Where every point of the model breaks a rule of the problem, the run fails and says which."""
    with pytest.raises(SolverError, match="dimension"):
        solve(CargoProblem(), cargo(flaw="crowded"))


def test_model_that_prices_too_high_proves_nothing():
    """Where model and problem disagree about the value of a solution, the answer is not called optimal."""
    answer, run = solve(CargoProblem(), cargo(flaw="dear"))
    assert not answer.proven
    assert "prove nothing" in answer.message
    assert run.bound is None or run.bound >= run.objective


def test_rows_that_cut_nothing_off_are_an_error():
    """A view that separates a point with rows that it satisfies would be asked for ever; it is named instead."""

    class Idle(RingLinear):
        def separate(self, values, integral):
            return Rows(np.array([0, 1]), np.array([0]), np.ones(1), np.full(1, -np.inf), np.ones(1))

    problem = RingProblem()
    problem.view = lambda kind, instance: Idle(instance)
    with pytest.raises(ModelError, match=r"Idle\.separate gave 1 rows"):
        solve(problem, ring(7))


def test_errors_of_the_caller_come_through():
    """What `on_improvement` raises inside HiGHS's callback is raised from the run, not swallowed."""

    def complain(found):
        raise ZeroDivisionError("of the caller")

    with pytest.raises(ZeroDivisionError, match="of the caller"):
        solve(CargoProblem(), cargo(60, dimensions=30), on_improvement=complain)


@pytest.fixture
def no_collection():
    """No garbage collection: Python drops an interrupt that arrives in a callback of the collector; hypothesis has one."""
    gc.disable()
    yield
    gc.enable()


def test_ctrl_c_ends_the_run(no_collection):
    """Ctrl-C while HiGHS works becomes a KeyboardInterrupt, and the best solution stays with the run."""
    instance = cargo(100, dimensions=50)
    run = run_of(CargoProblem(), instance, Seconds(60))
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        HiGHS().run(CargoProblem(), instance, run)
    assert run.best is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_runs_in_other_threads_too():
    """A thread that is not the main one, where signals cannot be caught, gets its answer."""
    answers = []
    instance = ring(8, 0)
    thread = threading.Thread(target=lambda: answers.append(solve(RingProblem(), instance)[0]))
    thread.start()
    thread.join()
    assert answers[0].proven


def test_log_goes_to_logging(caplog):
    """HiGHS's log is available through `logging`, and silent otherwise."""
    with caplog.at_level(logging.INFO, logger="redwood.solvers.mip.session"):
        solve(CargoProblem(), cargo())
        assert not caplog.records
        solve(CargoProblem(), cargo(), HiGHS(log=True))
    assert any("MIP" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"presolve": "sometimes"}, "presolve 'sometimes'"),
        ({"mip_rel_gap": -0.1}, "mip_rel_gap -0.1"),
    ],
)
def test_wrong_options_are_refused(options, message):
    """An option out of its range is an error with its name and value."""
    with pytest.raises(OptionError, match=message):
        HiGHS(**options)


@pytest.mark.parametrize("seed", [0, 1, 10, 11])
def test_forbidden_edges_are_no_numerical_trouble(seed):
    """Half of the edges cost 1e15: there is an answer, no worse than the bound says, and no failure."""
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(12, 22))
    coords = rng.random((nodes, 2)) * 100
    matrix = np.hypot(*(coords[:, None] - coords[None]).transpose(2, 0, 1))
    forbidden = np.triu(rng.random((nodes, nodes)) < 0.5, 1)
    matrix[forbidden | forbidden.T] = 1e15
    demands = [0, *rng.integers(1, 9, nodes - 1)]
    made = redwood.instance("cvrp", matrix=matrix, demands=demands, capacity=15)
    result = redwood.solve(made, "highs", time_limit=0.5, bound_time_limit=0)
    assert str(result.status) in ("feasible", "optimal"), result.message
    assert result.bound is None or result.bound <= result.objective


def test_where_highs_gives_up_the_best_known_is_the_answer(monkeypatch):
    """A status of HiGHS that says nothing ends the search with what was found, its bound, and the words."""
    made = redwood.generate("atsp", size=30, seed=0)

    def give_up(self):
        raise NumericalTroubleError("HiGHS gave up with status Unknown.")

    monkeypatch.setattr(Session, "relax", give_up)
    result = redwood.solve(made, "highs", time_limit=2, bound_time_limit=0)
    assert str(result.status) == "feasible"
    assert "HiGHS gave up with status Unknown" in result.message
