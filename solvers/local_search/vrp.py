"""Ruin and recreate for rich vehicle routing: strings of customers are removed and inserted again, under annealing."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from redwood.errors import OptionError
from redwood.problem import Instance, Problem
from redwood.problems.vrp.checks import NumberedRoute, cost, numbered
from redwood.problems.vrp.instance import VRPInstance
from redwood.problems.vrp.order import in_order
from redwood.problems.vrp.reasons import described, named
from redwood.problems.vrp.solution import VRPSolution
from redwood.solver import Answer, Run, Solver
from redwood.solvers.local_search.threads import thread_pool
from redwood.solvers.local_search.vrp_pool import RoutePool

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from redwood.problems.vrp.ground import Ground
    from redwood.problems.vrp.plan import Plan
    from redwood.solvers.local_search.vrp_search import Search

REMOVALS, LONGEST = 10.0, 10.0
"""Mean number of customers removed in an iteration, and the longest string of them removed from one route."""
SPLIT, DEEPEN, BLINK = 0.5, 0.01, 0.01
"""Probabilities that a string leaves customers in its middle where they are, that it leaves one more, and that a position is
overlooked."""
HOT, COLD = 3.0, 0.02
"""First and last temperature, in mean costs of a leg of the start."""
FLEET_SHARE = 0.4
"""Largest share of the budget that goes to saving vehicles."""
POLL = 0.02
"""Seconds between two looks at the clock."""
REPORT = 0.25
"""Seconds between two reports of improvements, at least."""
REPORT_SHARE = 0.02
"""Share of the time that reports may take."""
FIRST_CYCLE = 1000
"""Iterations a customer of the first annealing where the budget has no end; each later one is twice as long."""
SETTLE_ITERATIONS, SETTLE_SHARE = 20, 0.03
"""Iterations a customer, and the share of the budget, at most, of a greedy improvement before the temperature is set."""
SAVING = (1.0, 0.1)
"""First and last temperature of the saving of vehicles, in mean costs of a leg: short routes leave room for those absent."""
POOLED = (0.5, 0.7, 0.88)
"""Shares of a time limit after which the best choice among all routes met is looked for."""
POOL_SHARE, POOL_LEAST, POOL_MOST = 0.05, 2.0, 400
"""Share of the time that each look may take; shorter time limits, in seconds, and more customers have no pool of routes."""
POOL_POLL = 0.005
"""Seconds between two looks at the routes of now."""
ENUMERATION_SHARE, ENUMERATION_SECONDS = 0.3, 1.0
"""Share of the time, at most, that the choice among all routes of a handful of customers takes before the search, and
seconds after a search that has found nothing."""
FEW_WITH_RELOADS = 4
"""Of more customers there are too many routes with reloads to look at all of them before the search."""
IN_ORDER = 300
"""From so many customers on they are numbered so that near ones lie side by side in memory."""
GROWTH, TAILS = 0.01, 0.2
"""Probabilities in an iteration that a route is opened for many customers at once, and that two routes exchange their ends;
neither with shipments or reloads."""
GROWTH_SIZE = 1000
"""With more customers routes are opened less often, since a look at all of them takes longer."""
PARTS = 100
"""Parts of the search after each of which, with several threads, all go on from the best routes of any."""
LATE = 0.05
"""By this share of the budget the clock may be ahead of the iterations before it sets the temperature."""


@dataclass(frozen=True)
class VRPLocalSearch(Solver):
    """Slack induction by string removals (SISR), annealed over the budget. One iteration is one ruin and recreate.

    It starts from the initial solution or from greedy insertion. With the objective ``"fewest-vehicles"``, or where the
    start leaves required customers out, a share of the budget goes to serving everybody with fewer vehicles first, by
    counts of absence: somebody absent takes the place of up to three who were absent less often, between ruins. Now and
    then two routes exchange their ends, or a route is opened for many customers at once: with optional ones and windows
    the most profitable path through near customers, else one that grows from a customer. Then temperatures fall
    exponentially from first to last, over the iterations or, without a limit on those, over the seconds. Without any
    limit there are annealings that double in length. Within a time limit alone, up to some hundred customers, routes met
    on the way are kept, and three times a set-partitioning program on HiGHS looks for the best choice among them. Of up
    to six customers all routes are tried first.

    With several threads each anneals by itself, and a hundred times all go on from the best routes of any; with a limit on
    iterations, seed and number of threads decide the result.

    Attributes
    ----------
    neighbours
        How many near customers are looked at for positions, before all are.

    References
    ----------
    Christiaens and Vanden Berghe (2020), doi:10.1287/trsc.2019.0914. Nagata and Bräysy (2009),
    doi:10.1016/j.orl.2009.04.006. Potvin and Rousseau (1995), doi:10.1057/jors.1995.204.
    """

    neighbours: int = 100

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise OptionError(f"neighbours {self.neighbours} is below 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels on a few customers: they are the same for all instances."""
        import highspy  # noqa: F401 (its import is not part of the time limit)

        from redwood.budget import Iterations

        rows = [{"name": f"c{k}", "x": k % 3, "y": k // 3, "delivery": 1, "due": 99} for k in range(1, 8)]
        vehicles = [{"name": "one", "number": 3, "capacity": 4}, {"name": "two", "number": 3, "capacity": 9}]
        shipments = [{"pickup": "c1", "delivery": "c2"}]
        small = problem.make(
            customers=rows, depots=[{"x": 0, "y": 0}], vehicles=vehicles, shipments=shipments, objective="fewest-vehicles"
        )
        self.run(problem, small, Run(problem, small, budget=Iterations(20)))

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up."""
        typed = cast(VRPInstance, instance)
        with thread_pool(run.threads) as executor:
            search = _Annealing(self.neighbours, in_order(typed, run) if typed.size >= IN_ORDER else typed, run, executor)
            if typed.size <= FEW_WITH_RELOADS or not any(vehicle.reload_depots for vehicle in typed.vehicles):
                search.enumerate_routes(ENUMERATION_SHARE * run.seconds_left)
            while not run.stops():
                search.advance()
            search.report()
        if run.best is None:
            search.enumerate_routes(ENUMERATION_SECONDS)
        if run.best is None:
            missing = ", ".join(repr(name) for name in search.absent()[:5])
            return Answer(None, message=f"No routes were found that serve every required customer; the best lack {missing}.")
        return Answer(described(typed, cast(VRPSolution, run.best)))


def _cost(instance: VRPInstance, route: NumberedRoute) -> float:
    """Return what a route costs with its vehicle, without the prizes of those who are not on it."""
    others = float(instance.prize.sum() - instance.prize[route.customers].sum())
    return cost(instance, [route]) - others + instance.vehicle_price


class _Annealing:
    """The saving of vehicles where it is due, then annealings one after another."""

    def __init__(self, neighbours: int, instance: VRPInstance, run: Run, executor: Executor | None) -> None:
        from redwood.kernels import random_state
        from redwood.problems.vrp.ground import make_ground
        from redwood.problems.vrp.plan import make_plan
        from redwood.solvers.local_search.vrp_chains import Chains
        from redwood.solvers.local_search.vrp_ruin import Strings
        from redwood.solvers.local_search.vrp_search import costs_alone

        self._run, self._instance = run, instance
        self._ground: Ground = make_ground(instance, neighbours, run)
        alone = not len(instance.shipments) and not self._ground.reloading
        growth, tails = (GROWTH * min(1.0, GROWTH_SIZE / max(1, instance.size)), TAILS) if alone else (0.0, 0.0)
        priced = instance.timed and not instance.required.all()
        self._strings = Strings(REMOVALS, LONGEST, SPLIT, DEEPEN, BLINK, growth, tails, alone, priced)
        states = [random_state(rng) for rng in (run.rng, *run.rng.spawn(run.threads - 1))]
        self._state = states[0]
        self._chains = Chains(self._ground, self._strings, states, executor)
        self._alone = np.full((len(instance.vehicles), instance.size), np.inf)
        costs_alone(make_plan(instance, self._ground), self._ground, self._alone)
        self._iterations, self._seconds = run.iterations_left, run.seconds_left
        self._began = self._cycle_began = 0.0
        self._growing = float(FIRST_CYCLE * instance.size)
        steps = self._growing if math.isinf(self._iterations) else self._iterations / run.threads
        self._part = self._part_left = max(1, int(steps / PARTS))
        self._parts_done = 0
        self._chunk = 10
        self._pool: RoutePool | None = None
        self._looks: list[float] = []
        self._poll = POLL
        if math.isinf(self._iterations) and POOL_LEAST <= self._seconds < math.inf and instance.size <= POOL_MOST:
            self._pool, self._looks, self._poll = RoutePool(instance), list(POOLED), POOL_POLL
        self._reported, self._report_due = math.inf, 0.0
        fixed = [NumberedRoute(kind, np.array(customers)) for kind, customers in instance.prefixes]
        given = numbered(instance, run.initial) if isinstance(run.initial, VRPSolution) else fixed
        self._begin(given)
        self.report()
        self._start_saving()

    def _begin(self, routes: list[NumberedRoute]) -> None:
        """Start from routes, with the customers that are out inserted greedily."""
        from redwood.problems.vrp.plan import make_plan
        from redwood.problems.vrp.segments import load_routes
        from redwood.solvers.local_search.vrp_kernels import construct
        from redwood.solvers.local_search.vrp_search import CURRENT, STALE, make_search

        self._plan: Plan = make_plan(self._instance, self._ground)
        self._search: Search = make_search(self._plan, self._ground, self._alone)
        load_routes(self._plan, self._ground, routes)
        served = self._plan.route[: self._ground.size] >= 0
        self._search.values[CURRENT] = self._plan.cost.sum() + self._ground.prize[~served].sum()
        driven = np.flatnonzero(self._plan.kind >= 0)  # all of them differ from the best routes, of which there are none
        self._search.stale[: len(driven)] = driven
        self._search.is_stale[driven] = True
        self._search.counters[STALE] = len(driven)
        construct(self._plan, self._ground, self._search, self._strings, self._state)
        self._settle()
        self._leg = self._mean_leg()
        self._spread()

    def _settle(self) -> None:
        """Improve greedily for a small share of the budget, so that legs have about their final length."""
        from redwood.solvers.local_search.vrp_kernels import anneal

        run, size = self._run, self._instance.size
        left = min(SETTLE_ITERATIONS * size, SETTLE_SHARE * min(run.iterations_left, 1e15))
        until = run.seconds + SETTLE_SHARE * run.seconds_left
        chunk = max(1, SETTLE_ITERATIONS * size // 100)
        while left >= 1 and run.seconds < until and not run.stops():
            run.advance(
                int(anneal(self._plan, self._ground, self._search, self._strings, self._state, min(chunk, int(left))))
            )
            left -= chunk

    def _mean_leg(self) -> float:
        """Return the mean cost of a leg, without what vehicles cost by themselves."""
        plan, ground = self._plan, self._ground
        driven = np.flatnonzero(plan.kind >= 0)
        legs = int(plan.members[driven].sum()) + len(driven)
        own = float((plan.cost[driven] - ground.by_vehicle[plan.kind[driven]]).sum())
        mean = own / max(1, legs)
        return mean if mean > 0 else max(1e-9, float(ground.prize.mean()))

    def _start_saving(self) -> None:
        """Begin with fewer vehicles where that is the objective, or with serving everybody where that is not done."""
        from redwood.solvers.local_search.vrp_search import ABSENT, FEWEST, FLEET

        fewest = self._instance.objective == "fewest-vehicles"
        absent = bool(self._search.counters[ABSENT])
        self._saving = fewest or absent
        driven = len(self._plan.kind) - int(self._plan.counts[0])
        self._search.counters[FEWEST] = self._least_routes() if fewest else len(self._plan.kind)
        if self._saving and not absent and driven > self._search.counters[FEWEST]:
            from redwood.solvers.local_search.vrp_kernels import drop_route

            drop_route(self._plan, self._ground, self._search)
        elif not absent:
            self._saving = False
        self._search.counters[FLEET] = int(self._saving)
        self._spread()
        self._heat(0.0)

    def _spread(self) -> None:
        """Let all threads go on from the routes of now."""
        self._chains.begin(self._plan, self._search)

    def _least_routes(self) -> int:
        """Return a lower bound on the routes: what must be brought, or taken, over the most that a vehicle carries."""
        instance, ground = self._instance, self._ground
        needed = ground.required[: instance.size]
        loads = np.stack([instance.delivery[needed].sum(axis=0), instance.pickup[needed].sum(axis=0)])
        most = ((1 + ground.most_reloads)[:, None] * ground.capacity).max(axis=0) + ground.load_slack
        return max(1, len(self._instance.prefixes), int(np.ceil((loads / np.maximum(most, 1e-12)).max() - 1e-9)))

    def absent(self) -> list[str]:
        """Return the names of the customers that should be served and are not."""
        from redwood.solvers.local_search.vrp_search import ABSENT

        return [self._instance.customers[c] for c in self._search.absent[: self._search.counters[ABSENT]]]

    def enumerate_routes(self, seconds: float) -> None:
        """Hand in the cheapest of all routes of a handful of customers, where there are any."""
        from redwood.solvers.local_search.vrp_tiny import every_route

        found = every_route(self._instance, seconds)
        if found is not None:
            self._hand_in(found)

    def advance(self) -> None:
        """Do iterations for some milliseconds, or as many as are left, and report what they improved."""
        from redwood.solvers.local_search.vrp_search import FLEET

        self._cool()
        several = len(self._chains) > 1
        chunk = min(self._chunk, self._part_left) if several else self._chunk
        began = time.perf_counter()
        done = self._chains.anneal(chunk, max(1.0, self._iterations_left()))
        self._run.advance(done)
        seconds = time.perf_counter() - began
        self._chunk = max(1, int(self._chunk * min(4.0, self._poll / max(seconds, 1e-6))))
        shared = not several or self._share(done)
        if self._run.seconds >= self._report_due:
            self.report()
        if self._pool is not None and not self._saving:
            for plan in self._chains.plans:
                self._pool.add(plan, self._ground)
            if self._looks and self._used() >= self._looks[0]:
                self._looks.pop(0)
                self._choose_routes(self._pool)
        ended = shared and not self._search.counters[FLEET]
        if self._saving and (ended or self._used() >= FLEET_SHARE):
            self._end_saving()

    def _share(self, done: int) -> bool:
        """Let all threads go on from the best of them at the end of a part; returns whether it was one."""
        if math.isinf(self._iterations) and math.isfinite(self._seconds):
            ends = self._used() * PARTS >= self._parts_done + 1
        else:
            self._part_left -= math.ceil(done / len(self._chains))
            ends = self._part_left <= 0
        if ends:
            self._parts_done, self._part_left = int(self._used() * PARTS), self._part
            self._chains.share()
        return ends

    def _choose_routes(self, pool: RoutePool) -> None:
        """Go on from the best choice among the routes met, where it is better than the best routes."""
        from redwood.solvers.local_search.vrp_search import BEST, best_routes

        self.report()
        best, most = float(self._search.values[BEST]), int(self._plan.counts[1])
        seconds = min(POOL_SHARE * self._seconds, self._run.seconds_left)
        start = best_routes(self._search, self._ground) if math.isfinite(best) else []
        for route in start:
            pool.add_route(route.kind, tuple(route.stops.tolist()), _cost(self._instance, route))
        rows = pool.best(seconds, start)
        if not rows:
            return
        total = sum(_cost(self._instance, route) for route in rows)
        served = np.concatenate([route.customers for route in rows])
        total += float(self._instance.prize.sum() - self._instance.prize[served].sum())
        if total < best - 1e-9 * abs(best):
            leg = self._leg
            self._begin(rows)
            self._leg = leg
            self._plan.counts[1] = most
            self._spread()
            self.report()

    def _end_saving(self) -> None:
        """Go on from the best routes, with no more vehicles than they have."""
        from redwood.solvers.local_search.vrp_search import BEST, FLEET, best_routes

        self._saving = False
        self._chains.share()
        self._search.counters[FLEET] = 0
        if math.isfinite(self._search.values[BEST]):
            self.report()
            routes = best_routes(self._search, self._ground)
            self._begin(routes)
            if self._instance.objective == "fewest-vehicles":
                self._plan.counts[1] = max(1, len(routes))
        self._spread()
        self._began = self._used()
        self._cycle_began = float(self._run.iterations)
        self._heat(0.0)

    def _iterations_left(self) -> float:
        """Return how many iterations are left, of the saving of vehicles where that is going on."""
        if not self._saving or not math.isfinite(self._iterations):
            return self._run.iterations_left
        return math.ceil(FLEET_SHARE * self._iterations) - self._run.iterations

    def report(self) -> None:
        """Hand in the best routes where they serve everyone and were not handed in yet."""
        from redwood.solvers.local_search.vrp_search import BEST, best_routes

        self._chains.gather()
        best = float(self._search.values[BEST])
        if not best < self._reported:
            return
        began = self._run.seconds
        self._hand_in(best_routes(self._search, self._ground))
        self._reported = best
        self._report_due = self._run.seconds + max(REPORT, (self._run.seconds - began) / REPORT_SHARE)

    def _hand_in(self, rows: list[NumberedRoute]) -> None:
        """Report routes by names; none at all where nobody has to be served."""
        self._run.report(VRPSolution([named(self._instance, row) for row in rows]))

    def _used(self) -> float:
        """Return the share of the budget that is used up, by the limit that is nearer; 0 without a limit."""
        by_clock = self._run.seconds / self._seconds if math.isfinite(self._seconds) else 0.0
        by_count = self._run.iterations / self._iterations if math.isfinite(self._iterations) else 0.0
        return by_count if by_clock <= by_count + LATE else by_clock

    def _cool(self) -> None:
        """Set the temperature by the clock or by the cycle; by iterations the kernel lowers it itself, one by one."""
        by_clock = self._run.seconds / self._seconds if math.isfinite(self._seconds) else 0.0
        if math.isfinite(self._iterations):
            if by_clock > self._run.iterations / self._iterations + LATE:
                self._heat(self._share_done(by_clock))
        elif math.isfinite(self._seconds):
            self._heat(self._share_done(by_clock))
        else:
            if self._run.iterations - self._cycle_began >= self._growing:
                self._cycle_began, self._growing = float(self._run.iterations), 2 * self._growing
            self._heat((self._run.iterations - self._cycle_began) / self._growing)

    def _share_done(self, used: float) -> float:
        """Return how much of the annealing, or of the saving of vehicles, is done where so much of the budget is used up."""
        if self._saving:
            return used / FLEET_SHARE
        return (used - self._began) / max(1e-12, 1.0 - self._began)

    def _heat(self, done: float) -> None:
        """Set the temperature for a share of the annealing, or of the saving of vehicles, that is done."""
        hot, cold, share = HOT, COLD, 1.0 - self._began
        if self._saving:
            hot, cold, share = *SAVING, FLEET_SHARE
        left = share * self._iterations / len(self._chains)
        cooling = (cold / hot) ** (1.0 / max(1.0, left)) if math.isfinite(left) else 1.0
        self._chains.heat(self._leg * hot * (cold / hot) ** min(1.0, max(0.0, done)), cooling)
