"""The solver `exact` for the 0-1 knapsack: dynamic programming over a core that grows until the optimum is proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, OptionError
from redwood.problem import Instance, Problem
from redwood.problems.knapsack.instance import KnapsackInstance, Packing
from redwood.solver import Answer, Run, Solver
from redwood.solvers.exact.knapsack_whole import WholeItems, whole_items
from redwood.tolerance import ROUNDING

if TYPE_CHECKING:
    from redwood.solvers.exact.knapsack_kernels import States

WORK = 2_000_000
"""States between two looks at the clock: about 40 ms."""
LARGEST = 2**28
"""The largest ``max_states``: pool nodes are counted in 32 bits."""
NODES = 4
"""Nodes of the pool for each state allowed."""


@dataclass(frozen=True)
class KnapsackExact(Solver):
    """Solve the 0-1 knapsack to proven optimality by dynamic programming over an expanding core.

    Items are sorted by value per weight. From the packing of the first items that fit, items just right and left of the
    break are decided in turn, equal ones in bundles of 1, 2, 4, ..., in lists of undominated states; states and bundles
    that the linear relaxation excludes are dropped. The search ends when no state is left, mostly after a few tens of
    bundles. Iterations are bundles decided.
    Time and memory can grow with the capacity where values and weights are large and closely correlated.

    Whole numbers and decimal fractions of up to nine digits are solved exactly. Other real values are compared to a
    share of 1e-10 of the largest value an item, and ``proven`` then means optimal up to that.

    Parameters
    ----------
    max_states
        The most states kept in one list, by default 5 million. A state takes up to 160 bytes. Where more are needed
        the best packing so far is the answer, with a bound and a message, and is not proven optimal.

    Raises
    ------
    OptionError
        Where ``max_states`` is below 1000 or above 2^28.

    References
    ----------
    Pisinger (1997), A minimal algorithm for the 0-1 knapsack problem, Operations Research 45,
    doi:10.1287/opre.45.5.758. Deviations: the items are sorted as a whole, equal ones are bundled, and the decisions
    behind a state are kept in a pool of 64-bit masks, so that the packing is read off instead of found by solving again.
    """

    max_states: int = 5_000_000

    def __post_init__(self) -> None:
        if not 1000 <= self.max_states <= LARGEST:
            raise OptionError(f"max_states {self.max_states} is outside 1000 to {LARGEST}.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        """Compile the kernels on an instance that uses all of them."""
        tiny = KnapsackInstance(values=np.array([5, 4, 3, 3]), weights=np.array([4, 4, 3, 3]), capacity=7)
        search = _Search(whole_items(tiny), 0, self.max_states)
        search.advance(1, 1)
        search.flush()
        search.tidy()
        search.chosen()
        search.upper()

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        """Report a greedy packing, then each better one that the programme meets, until optimality is proven."""
        if not isinstance(instance, KnapsackInstance):
            raise FitError(f"KnapsackExact takes knapsack instances, not {type(instance).__name__}.")
        whole = whole_items(instance)
        run.report(whole.packing(greedy(whole)))
        best = whole.value(run.best) if isinstance(run.best, Packing) else 0
        if int(whole.weights.sum()) <= whole.capacity:
            return self._answer(problem, instance, run, whole, int(whole.values.sum()), proven=True)
        search = _Search(whole, best, self.max_states)
        proven = search.finished
        while not proven and not run.stops() and search.fits:
            best, steps = search.best, search.steps
            proven = search.advance(int(min(run.iterations_left, 2**31)), WORK)
            run.advance(search.steps - steps)
            if search.best > best:
                run.report(whole.packing(search.chosen()))
        answer = self._answer(problem, instance, run, whole, search.best if proven else search.upper(), proven)
        if proven or search.fits:
            return answer
        message = f"more than max_states={self.max_states} states would be needed to prove the optimum; 'highs' may do."
        return Answer(answer.solution, answer.bound, message=message)

    def _answer(
        self,
        problem: Problem[Any, Any],
        instance: KnapsackInstance,
        run: Run,
        whole: WholeItems,
        upper: int,
        proven: bool,
    ) -> Answer:
        """Return the best packing with the bound that ``upper`` whole units of value are."""
        free = float(problem.objective(instance, Packing(whole.free)))
        bound = float(upper * whole.unit) + free + whole.loss
        if whole.loss or np.issubdtype(instance.values.dtype, np.floating):
            bound *= 1.0 + ROUNDING
        return Answer(run.best, bound, proven)


def greedy(whole: WholeItems) -> Array:
    """Return the places [M] chosen by a greedy packing: the best value per weight first, whatever still fits."""
    chosen = np.zeros(len(whole.items), dtype=bool)
    room, place = whole.capacity, 0
    while place < len(chosen):
        used = np.cumsum(whole.weights[place:])
        count = int(np.searchsorted(used, room, side="right"))
        chosen[place : place + count] = True
        room -= int(used[count - 1]) if count else 0
        place += count
        fitting = np.flatnonzero(whole.weights[place:] <= room)
        if len(fitting) == 0:
            break
        place += int(fitting[0])
    return chosen


class _Search:
    """A search in progress: bundles of equal items, the lists of states, the pool of decisions, the kernels' counters.

    ``best`` is the value of a known packing in whole units.
    """

    def __init__(self, whole: WholeItems, best: int, max_states: int) -> None:
        from redwood.solvers.exact import knapsack_kernels as kernels

        self._kernels = kernels
        self._max_states = max_states
        self.fits = True
        used = np.cumsum(whole.weights)
        count = int(np.searchsorted(used, whole.capacity, side="right"))
        starts = kernels.bundle_starts(whole.values, whole.weights, count)
        self._sizes = np.diff(starts)
        self._values = whole.values[starts[:-1]] * self._sizes
        self._weights = whole.weights[starts[:-1]] * self._sizes
        self._ratios = self._values / self._weights
        self._break = place = int(np.searchsorted(starts, count))
        weight, value = int(self._weights[:place].sum()), int(self._values[:place].sum())
        self._origin = np.array([weight, value, place, whole.capacity], dtype=np.int64)
        self._first, self._second = _states(1024), _states(1024)
        for array, entry in zip(self._first, (weight, value, 0, -1), strict=True):
            array[0] = entry
        self._order = np.empty(len(self._sizes), dtype=np.int64)
        self._parents, self._masks, self._nodes = np.empty(1024, np.int32), np.empty(1024, np.int64), 0
        self._counters = counters = np.zeros(kernels.COUNTERS, dtype=np.int64)
        counters[kernels.LEFT], counters[kernels.RIGHT], counters[kernels.COUNT] = place - 1, place, 1
        counters[kernels.BEST], counters[kernels.BEST_NODE] = best, -1
        room = whole.capacity - weight
        counters[kernels.UPPER] = value + room * int(self._values[place]) // int(self._weights[place])

    @property
    def best(self) -> int:
        """Value of the best packing met, in whole units."""
        return int(self._counters[self._kernels.BEST])

    @property
    def steps(self) -> int:
        """Number of bundles decided."""
        return int(self._counters[self._kernels.STEPS])

    @property
    def finished(self) -> bool:
        """Whether the start already meets the bound of the linear relaxation."""
        return bool(self._counters[self._kernels.BEST] >= self._counters[self._kernels.UPPER])

    def advance(self, steps: int, work: int) -> bool:
        """Decide up to ``steps`` bundles or merge about ``work`` states; return whether the optimum is proven."""
        kernels = self._kernels
        until = self.steps + steps
        while True:
            code = kernels.advance(
                self._values,
                self._weights,
                self._ratios,
                self._origin,
                self._first,
                self._second,
                self._order,
                self._counters,
                until - self.steps,
                work,
            )
            if code == kernels.GROW:
                self._grow()
            elif code == kernels.FLUSH:
                self.flush()
            if code in (kernels.DONE, kernels.PAUSE) or not self.fits:
                return bool(code == kernels.DONE)

    def upper(self) -> int:
        """Return a valid bound on the optimum in whole units: that of the best state left."""
        kernels = self._kernels
        above = kernels.live_bound(self._ratios, self._current, self._origin[3], self._counters)
        return max(self.best, min(int(self._counters[kernels.UPPER]), self.best + int(above)))

    def chosen(self) -> Array:
        """Return which places [M] the best packing met chooses; it must not be the one known from the start."""
        chosen = np.arange(len(self._sizes)) < self._break
        changed = self._kernels.changed_places(self._order, self._parents, self._masks, self._counters)
        chosen[changed] ^= True
        return np.repeat(chosen, self._sizes)

    def flush(self) -> None:
        """Move the decisions of the current states to the pool."""
        kernels = self._kernels
        count = int(self._counters[kernels.COUNT])
        if self._nodes + count > len(self._parents):
            self.tidy()
        needed = self._nodes + count
        if needed > NODES * self._max_states:
            self.fits = False
            return
        if 2 * needed > len(self._parents):
            old, size = (self._parents, self._masks), min(4 * needed, NODES * self._max_states)
            self._parents, self._masks = np.empty(size, np.int32), np.empty(size, np.int64)
            self._parents[: self._nodes], self._masks[: self._nodes] = old[0][: self._nodes], old[1][: self._nodes]
        self._nodes = kernels.flush(self._current, count, self._parents, self._masks, self._nodes)
        self._counters[kernels.FLUSHED] = self.steps

    def tidy(self) -> None:
        """Drop what no state needs from the pool."""
        kernels = self._kernels
        count = int(self._counters[kernels.COUNT])
        self._nodes = kernels.compact(self._current, count, self._parents, self._masks, self._nodes, self._counters)

    @property
    def _current(self) -> States:
        return self._second if self._counters[self._kernels.SWAPPED] else self._first

    def _grow(self) -> None:
        count = int(self._counters[self._kernels.COUNT])
        if count > self._max_states:
            self.fits = False
            return
        grown = _states(min(4 * count, 2 * self._max_states))
        for old, new in zip(self._current, grown, strict=True):
            new[:count] = old[:count]
        self._first, self._second = grown, _states(len(grown[0]))
        self._counters[self._kernels.SWAPPED] = 0


def _states(size: int) -> States:
    return np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int32)
