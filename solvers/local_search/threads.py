"""One search on several threads: jobs side by side, and annealings that share their best at the end of each cycle.

Kernels give up Python's lock (``nogil``), so threads are enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from redwood.polling import next_chunk
from redwood.solver import Run

T = TypeVar("T")
REPORT_SECONDS = 0.2
"""Seconds between two reports, at least."""


@contextmanager
def thread_pool(threads: int) -> Iterator[Executor | None]:
    """Lend an executor with so many threads, or ``None`` for one: then all is done in the caller's own."""
    if threads == 1:
        yield None
        return
    with ThreadPoolExecutor(threads) as executor:
        yield executor


def together(executor: Executor | None, jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Return what the jobs return: run on the executor's threads or, without one, here."""
    if executor is None:
        return [job() for job in jobs]
    return [future.result() for future in [executor.submit(job) for job in jobs]]


class Annealing(Protocol):
    """An annealing in cycles, each of which begins from the best solution.

    Attributes
    ----------
    left
        Iterations of this cycle that are left; 0 where the next one must begin.
    """

    left: int

    @property
    def rank(self) -> Any:
        """What orders annealings by their best solutions: smaller is better."""

    def begin_cycle(self, best: Any) -> None:
        """Begin the next cycle from the best solution of an annealing of the same kind, perhaps this one."""

    def advance(self, iterations: int) -> None:
        """Run some iterations of this cycle."""

    def solution(self) -> Any:
        """Return the best solution."""


A = TypeVar("A", bound=Annealing)


class SharedAnnealing(Generic[A]):
    """Annealings of one instance side by side, which go through their cycles together.

    With each cycle all begin anew from the best solution of any. What comes of it depends on their number and their seeds,
    and not on how the threads run or how many iterations are made at a time.
    """

    def __init__(self, annealings: Sequence[A], executor: Executor | None) -> None:
        self._annealings = annealings
        self._executor = executor

    @property
    def best(self) -> A:
        """The annealing with the best solution, the first of equals."""
        return min(self._annealings, key=lambda annealing: annealing.rank)

    def advance(self, steps: int, limit: float) -> int:
        """Run each annealing for ``steps`` iterations or, from its first one on, as many of them as ``limit`` allows.

        Returns how many iterations were made in all.
        """
        running = self._annealings[: max(1, int(min(limit, len(self._annealings))))]
        left = steps = int(max(1, min(steps, limit / len(running))))
        while left > 0:
            if running[0].left == 0:
                best = self.best
                for annealing in sorted(self._annealings, key=lambda annealing: annealing is best):  # the best one last:
                    annealing.begin_cycle(best)  # what it gives must not change before
            part = min(left, running[0].left)
            together(self._executor, [partial(annealing.advance, part) for annealing in running])
            left -= part
        return steps * len(running)


def anneal_together(run: Run, searches: Sequence[A], ends: Callable[[A], bool]) -> A:
    """Anneal side by side until the budget is used up or the best one ends, and return that; better ones are reported."""
    chunk, reported, told = 8, searches[0].rank, time.perf_counter()
    with thread_pool(run.threads) as executor:
        shared = SharedAnnealing(searches, executor)
        while not ends(shared.best) and not run.stops():
            begin = time.perf_counter()
            run.advance(shared.advance(chunk, run.iterations_left))
            now = time.perf_counter()
            chunk = next_chunk(chunk, now - begin)
            if shared.best.rank < reported and now - told > REPORT_SECONDS:
                run.report(shared.best.solution())
                reported, told = shared.best.rank, now
        run.report(shared.best.solution())
        return shared.best
