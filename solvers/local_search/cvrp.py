"""Ruin and recreate for the CVRP: strings of customers are removed and inserted again, under annealing."""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from redwood.clock import SMALL, OutOfTimeError
from redwood.errors import OptionError, SolutionError
from redwood.problem import Instance, Problem
from redwood.problems.cvrp.instance import CVRPInstance, Routes
from redwood.solver import Answer, Run, Solver
from redwood.solvers.local_search.cvrp_pool import RoutePool
from redwood.solvers.local_search.threads import thread_pool

if TYPE_CHECKING:
    from redwood.problems.cvrp.plan import Ground
    from redwood.solvers.local_search.cvrp_chains import Chains

REMOVALS, LONGEST = 13.0, 10.0
"""Mean number of customers removed in an iteration, and the longest string of them removed from one route."""
SPLIT, DEEPEN, BLINK = 0.5, 0.01, 0.01
"""Probabilities that a string leaves customers in its middle where they are, that it leaves one more, and that a position is
overlooked."""
HOT, COLD = 1.0, 0.02
"""First and last temperature, in mean leg lengths of the start."""
FEE = 10.0
"""What a customer of mean demand costs at first that is left out, in mean distances from the depot; it then follows how
often customers are left out."""
POLL = 0.02
"""Seconds between two looks at the clock."""
REPORT = 0.25
"""Seconds between two reports of improvements, at least."""
REPORT_SHARE = 0.02
"""Share of the time that reports may take."""
FIRST_CYCLE = 1000
"""Iterations a customer of the first annealing where the budget has no end; each later one is twice as long."""
PAIR_ITERATIONS, MOST_CYCLES = 15, 6
"""Where the budget allows an annealing so many iterations for each pair of customers several times, there are several, at
most so many: with few customers the best of three short ones is better than a long one, which may be trapped."""
COOLED = ((0.0, 0.15, 0.9, 1.0), (0.0, 0.3, 0.9, 1.0))
"""Shares of an annealing, and how far the logarithm of the temperature has come from the first to the last one by then: most
of the length is gained in the middle."""
TRIAL = 0.1
"""Seconds after which the speed is known, and with it the number of annealings within a time limit."""
DESCENT_MOST = 2000
"""Up to so many customers a last descent takes a few hundredths of a second."""
POOL_POLL = 0.005
"""Seconds between two looks where the routes of now are kept in a pool."""
POOL_LEAST, POOL_MOST = 2.0, 400
"""Shorter time limits, in seconds, and larger instances have no pool of routes."""
POOL_SHARE, POOL_LAST = 0.06, 0.08
"""Share of the time that a choice among all routes met may take, and that is left for the last one."""
SAVINGS_SECONDS = 1e-5
"""Seconds a customer that have to be left for the savings of a large instance."""
GENETIC_FEWEST, GENETIC_MOST = 8, 1000
"""Smaller instances need no genetic search, and larger ones have none."""
GENETIC_LEAST, GENETIC_MANY, GENETIC_PLENTY = 18.0, 25.0, 90.0
"""Where fewer individuals a customer are possible there is no genetic search; between the others annealing gets little time,
and beyond them a half again, since a population has come to its end by then."""
INDIVIDUAL = 6e-6
"""Seconds a customer that an individual takes, about."""
ANNEALED, ANNEALED_LITTLE = 0.5, 0.2
"""Shares of the budget that annealing gets where a genetic search follows."""
PARTS = 100
"""Parts of an annealing: with several threads, all go on from the best routes of any with each of them."""
LATE = 0.05
"""By this share of the budget the clock may be ahead of the iterations before it sets the temperature."""


@dataclass(frozen=True)
class CVRPLocalSearch(Solver):
    """Slack induction by string removals (SISR), annealed over the budget. One iteration is one ruin and recreate.

    Where the budget has an end and is large enough for the number of customers a genetic search (HGS) follows: annealing
    gets a half or a fifth of the budget, and its routes join the first population. An individual counts as as many
    iterations as there are customers. With several threads annealings go on from the best of them a hundred times, and
    populations exchange their best; with a limit on iterations, seed and number of threads decide the result.

    Annealing starts from the initial solution or from savings. Temperatures fall exponentially from first to last, faster at
    the beginning and at the end, over the iterations or, without a limit on those, over the seconds; where few customers
    leave time for it there are several annealings, each from the start, and the best routes count. Without any limit there
    are cycles that double in length. Where the vehicles do not suffice at first, customers wait outside at a penalty until
    all are served. Within a time limit alone and without a genetic search, routes met on the way are kept for up to some
    hundred customers, and after each annealing a set-partitioning program on HiGHS looks for the best choice among those of
    all annealings.

    Attributes
    ----------
    neighbours
        How many nearest customers of a customer are looked at for positions, before all routes are.

    References
    ----------
    Christiaens and Vanden Berghe (2020), doi:10.1287/trsc.2019.0914; start by Clarke and Wright (1964).
    Genetic search: Vidal (2022), doi:10.1016/j.cor.2021.105643.
    """

    neighbours: int = 60

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise OptionError(f"neighbours {self.neighbours} is below 1.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels on a few customers with the distances of the instance."""
        import highspy  # noqa: F401 (its import is not part of the time limit)

        from redwood.budget import Iterations
        from redwood.solvers.local_search.cvrp_genetic import compile_genetic

        metric = cast(CVRPInstance, instance).travel.metric
        places = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        lengths = np.abs(places[:, None] - places[None]).sum(axis=2)
        ground: dict[str, Any] = {"matrix": lengths} if metric == "EXPLICIT" else {"coords": places, "metric": metric}
        small = cast(CVRPInstance, problem.make(demands=[0, 1, 1, 1], capacity=2, **ground))
        self.run(problem, small, Run(problem, small, budget=Iterations(10)))
        if cast(CVRPInstance, instance).size <= GENETIC_MOST:
            compile_genetic(small)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Search until the budget is used up."""
        from redwood.solvers.local_search.cvrp_genetic import breed

        typed = cast(CVRPInstance, instance)
        try:
            with thread_pool(run.threads) as executor:
                anneal = _Annealing(self.neighbours, typed, run, executor)
                while not (run.stops() or anneal.done):
                    anneal.advance()
                anneal.finish()
                if anneal.genetic and not run.stops():
                    breed(typed, run, anneal.ends, executor)
        except OutOfTimeError:
            if run.best is None:
                _report_first(typed, run)
        if run.best is None:
            return Answer(None, message=f"No routes of {typed.slots} vehicles that serve every customer were found.")
        return Answer(run.best)


class _Annealing:
    """One annealing after another, each from the start and over its share of the budget."""

    def __init__(self, neighbours: int, instance: CVRPInstance, run: Run, executor: Executor | None) -> None:
        from redwood.problems.cvrp.plan import make_ground
        from redwood.solvers.local_search.cvrp_chains import Chains
        from redwood.solvers.local_search.cvrp_ruin import Strings

        self._run, self._instance = run, instance
        self._ground: Ground = make_ground(instance, neighbours, run)
        if run.initial is None and instance.size > SMALL and run.seconds_left < SAVINGS_SECONDS * instance.size:
            raise OutOfTimeError
        self._routes = _start(instance, self._ground, run)
        strings = Strings(REMOVALS, LONGEST, SPLIT, DEEPEN, BLINK)
        self._chains: Chains = Chains(self._ground, strings, [run.rng, *run.rng.spawn(run.threads - 1)], executor)
        share = _annealed_share(instance, run)
        self.genetic = share < 1.0
        self._iterations, self._seconds = run.iterations_left, share * run.seconds_left
        if math.isfinite(self._iterations):
            self._iterations = math.ceil(share * self._iterations)
        self._pool: RoutePool | None = None
        few = 1 < instance.size <= POOL_MOST and not self.genetic
        if few and math.isinf(self._iterations) and POOL_LEAST <= self._seconds < math.inf:
            self._pool = RoutePool(instance)
            self._seconds *= 1.0 - POOL_LAST
        self._chosen = False
        self.ends: list[list[list[int]]] = []
        self._began = run.seconds
        self._cycles = self._count(self._iterations)
        self._timed = False
        self._cycle, self._cycle_began, self._growing = 0, 0, FIRST_CYCLE * instance.size
        self._chunk = 100
        self._reported, self._report_due = math.inf, 0.0
        self._begin(self._routes)
        self.report()

    @property
    def done(self) -> bool:
        """Whether the share of the budget for annealings is used up."""
        run = self._run
        return run.iterations >= self._iterations or run.seconds - self._began >= self._seconds if self.genetic else False

    def _begin(self, routes: list[list[int]]) -> None:
        """Begin anew from routes."""
        length = self._chains.begin(self._instance, routes, _fees(self._ground))
        self._leg = length / (self._instance.size + len(routes))
        self._part = 0
        self._heat(0.0)

    def _count(self, iterations: float) -> int:
        """Return the number of annealings within so many iterations."""
        if not math.isfinite(iterations):
            return 1
        return int(min(MOST_CYCLES, max(1, iterations // (PAIR_ITERATIONS * self._instance.size**2))))

    def advance(self) -> None:
        """Do iterations for about `POLL` seconds, or as many as are left, and report what they improved."""
        self._cool()
        chunk = int(min(self._chunk, self._steps_left()))
        began = time.perf_counter()
        self._run.advance(self._chains.anneal(chunk, self._run.iterations_left))
        seconds = time.perf_counter() - began
        poll = POLL if self._pool is None else POOL_POLL
        self._chunk = max(1, int(self._chunk * min(4.0, poll / max(seconds, 1e-6))))
        if self._chains.length < self._reported and self._run.seconds >= self._report_due:
            self.report()
        if self._pool is not None:
            for plan in self._chains.plans:
                self._pool.add(plan)
            if not self._chosen and self._run.seconds - self._began >= self._seconds:
                self._choose_last(self._pool)

    def _choose_last(self, pool: RoutePool) -> None:
        """Go on coldly from the best choice among the routes met in all annealings."""
        self._chosen = True
        self.finish()
        self._choose_routes(pool)
        if isinstance(self._run.best, Routes):
            leg = self._leg
            self._begin(self._run.best.routes)
            self._leg = leg
            self._heat(1.0)

    def _choose_routes(self, pool: RoutePool) -> None:
        """Hand in the best choice among the routes met, improved by a descent."""
        start = self._run.best.routes if isinstance(self._run.best, Routes) else []
        found = pool.best(min(POOL_SHARE * self._seconds, max(0.0, self._run.seconds_left)), start)
        if found is not None:
            self._descend(Routes(found))

    def _descend(self, routes: Routes) -> None:
        """Descend from routes by relocate, swap, 2-opt*, 2-opt and SWAP*, and hand the result in."""
        from redwood.problems.cvrp.local import CVRPLocal

        local = CVRPLocal(self._instance)
        state = local.state(routes)
        local.descend(state)
        routes = local.solution(state)
        self.ends.append(routes.routes)
        self._run.report(routes)

    def finish(self) -> None:
        """Descend from the best routes of this annealing, and hand them in."""
        from redwood.problems.cvrp.plan import plan_routes

        self.report()
        if math.isfinite(self._chains.length) and self._instance.size <= DESCENT_MOST:
            self._descend(plan_routes(self._chains.best, self._ground.size))

    def report(self) -> None:
        """Hand in the best routes where they serve everyone and were not handed in yet."""
        from redwood.problems.cvrp.plan import plan_routes

        best = self._chains.length
        if best >= self._reported:
            return
        began = self._run.seconds
        self._run.report(plan_routes(self._chains.best, self._ground.size))
        self._reported = best
        self._report_due = self._run.seconds + max(REPORT, (self._run.seconds - began) / REPORT_SHARE)

    def _cool(self) -> None:
        """Set the temperature by the clock or by the cycle; by iterations the kernel lowers it itself, one by one."""
        run = self._run
        by_clock = (run.seconds - self._began) / self._seconds if math.isfinite(self._seconds) else 0.0
        if math.isfinite(self._iterations):
            done = run.iterations * self._cycles / self._iterations
            self._next_cycle(run.iterations * self._cycles // int(self._iterations))
        elif math.isfinite(self._seconds):
            if not self._timed and run.seconds - self._began > TRIAL:
                self._timed = True
                self._cycles = self._count(run.iterations / (run.seconds - self._began) * self._seconds)
            done = by_clock * self._cycles
            if not self._chosen:
                self._next_cycle(int(done))
            self._heat(done - self._cycle)
        else:
            if run.iterations - self._cycle_began >= self._growing:
                self._cycle_began, self._growing, self._part = run.iterations, 2 * self._growing, 0
            done = self._cycle + (run.iterations - self._cycle_began) / self._growing
            self._heat(done - self._cycle)
        self._begin_part(int((done - self._cycle) * PARTS))
        if math.isfinite(self._iterations) and by_clock > done / self._cycles + LATE:
            self._heat(by_clock * self._cycles % 1.0)

    def _begin_part(self, due: int) -> None:
        """Set the temperature by iterations, and let several chains go on from the best of them, where a part is due."""
        if due <= self._part:
            return
        self._part = due
        if math.isfinite(self._iterations):
            self._heat(due / PARTS)
        if len(self._chains) > 1:
            self.report()
            self._chains.share()

    def _steps_left(self) -> float:
        """Return how many iterations of each chain are left until the next part of an annealing, however long they take."""
        if not math.isfinite(self._iterations):
            return math.inf
        end = -(-(self._cycle * PARTS + self._part + 1) * self._iterations // (self._cycles * PARTS))
        return max(1, -(-(end - self._run.iterations) // len(self._chains)))

    def _next_cycle(self, due: int) -> None:
        """Hand in what this annealing found and begin the next one, where it is due."""
        if self._cycle < min(due, self._cycles - 1):
            self.finish()
            if self._pool is not None:
                self._choose_routes(self._pool)
            self._cycle = due
            self._begin(self._routes)

    def _heat(self, done: float) -> None:
        """Set the temperature for a share of the annealing that is done, and how it falls in the next part."""
        ratio = COLD / HOT
        cooled, next_one = np.interp([done, done + 1.0 / PARTS], *COOLED).tolist()
        part = self._iterations / (self._cycles * PARTS * len(self._chains))
        self._chains.heat(self._leg * HOT * ratio**cooled, ratio ** ((next_one - cooled) / part))


def _annealed_share(instance: CVRPInstance, run: Run) -> float:
    """Return the share of the budget that annealing gets; 1 where no genetic search follows."""
    if not GENETIC_FEWEST <= instance.size <= GENETIC_MOST:
        return 1.0
    seconds, iterations = run.seconds_left, run.iterations_left
    individuals = iterations / instance.size if math.isfinite(iterations) else seconds / (INDIVIDUAL * instance.size)
    if not GENETIC_LEAST * instance.size <= individuals < math.inf:
        return 1.0
    little = GENETIC_MANY <= individuals / instance.size < GENETIC_PLENTY
    return ANNEALED_LITTLE if little else ANNEALED


def _start(instance: CVRPInstance, ground: Ground, run: Run) -> list[list[int]]:
    """Return the initial routes, or those by savings; where they are too many, packed ones or the longest of them."""
    from redwood.problems.cvrp.packing import packed_routes
    from redwood.problems.cvrp.savings import savings_routes

    if isinstance(run.initial, Routes):
        return run.initial.routes
    routes = savings_routes(ground)
    if len(routes) <= instance.slots:
        return routes
    try:
        return packed_routes(instance, run.rng)
    except SolutionError:
        return sorted(routes, key=len, reverse=True)[: instance.slots]


def _report_first(instance: CVRPInstance, run: Run) -> None:
    """Report routes that serve customers along a space-filling curve, or as numbered, where there are vehicles enough."""
    from redwood.problems.cvrp.packing import filled_routes
    from redwood.solvers.local_search.tsp_start import curve_order

    coords = instance.travel.coords
    order = np.arange(instance.size) if coords is None else curve_order(np.asarray(coords)[1:])
    routes = filled_routes(instance, 1 + order)
    if len(routes) <= instance.slots:
        run.report(Routes(routes))


def _fees(ground: Ground) -> np.ndarray[Any, Any]:
    """Return the penalty of leaving out each node [N + 1]: half of it fixed, half by demand."""
    customers = slice(1, ground.size + 1)
    mean = float(ground.demand[customers].mean())
    shares = 0.5 + 0.5 * ground.demand / mean if mean > 0 else np.ones(ground.size + 1)
    return np.asarray(FEE * float(ground.depot[customers].mean()) * shares)
