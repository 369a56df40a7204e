"""Several processes, or threads where those only wait, on this machine."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures import Executor as Pool
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from redwood.errors import OptionError
from redwood.execution.executor import Executor, ItemT, ResultT, Returned


@dataclass(frozen=True)
class Local(Executor):
    """This machine.

    Attributes
    ----------
    jobs
        How many items at a time.
    """

    jobs: int = 1

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise OptionError(f"jobs {self.jobs} is below 1.")

    @property
    def slots(self) -> int:
        """How many items are under way at a time."""
        return self.jobs

    def run(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        *,
        waits: bool = False,
        leave: Callable[[], None] | None = None,
    ) -> Generator[Returned[ResultT]]:
        """Yield what comes of each item, as it comes; with one job and nothing to wait for, in this very thread."""
        pool: Pool | None = None
        try:
            if self.jobs == 1 and not waits:
                for position, item in enumerate(items):
                    yield Returned(position, function(item))
                return
            queue, left = iter(enumerate(items)), len(items)
            while left:  # a pool that a dead process has broken is followed by another
                pool = ThreadPoolExecutor(self.jobs) if waits else _processes(min(self.jobs, left))
                for returned in self._through(pool, function, queue):
                    left -= 1
                    yield returned
        finally:  # not waiting: what is under way when somebody gives up ends by itself or through `leave`
            if leave is not None:
                leave()
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)

    def _through(
        self, pool: Pool, function: Callable[[ItemT], ResultT], queue: Iterator[tuple[int, ItemT]]
    ) -> Generator[Returned[ResultT]]:
        """Keep as many items in the pool as run at a time, so that giving up gives up at once; end where the pool breaks."""
        running: dict[Future[ResultT], int] = {}
        broken = False
        while True:
            while not broken and len(running) < self.jobs and (next_one := next(queue, None)) is not None:
                try:
                    with _safe_path() if isinstance(pool, ProcessPoolExecutor) else nullcontext():  # it starts processes now
                        running[pool.submit(function, next_one[1])] = next_one[0]
                except BrokenProcessPool as error:
                    broken = True
                    yield Returned(next_one[0], None, f"a process died: {error}")
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                position = running.pop(future)
                try:
                    returned = Returned(position, future.result())
                except BrokenProcessPool as error:
                    broken = True
                    returned = Returned(position, None, f"a process died: {error}")
                yield returned


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keep the working folder off ``sys.path`` of the interpreters that are started meanwhile."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PYTHONSAFEPATH", None)
        else:
            os.environ["PYTHONSAFEPATH"] = before


def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_die_with_parent)


def _die_with_parent() -> None:
    """Let a process of the pool end when the one that it works for is killed, which would leave it waiting for ever."""
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


IN_TURN = Local()
"""One thing after another in this very thread."""
