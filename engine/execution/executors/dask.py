"""A Dask cluster, by the address of its scheduler."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redwood.errors import ExecutorError, OptionError
from redwood.execution.executor import Executor, ItemT, ResultT, Returned

if TYPE_CHECKING:
    from distributed import Client

LOST = ("lost", "cancelled")
"""States of a future whose result will never come."""


@dataclass(frozen=True)
class Dask(Executor):
    """A Dask cluster. Its workers need Redwood, the plugins and, under the same path, the files that items name.

    What a dead worker had under way is begun anew by another; what has killed as many workers as the scheduler allows
    (``distributed.scheduler.allowed-failures``) is lost. Each thread of a worker carries out one item at a time.

    Attributes
    ----------
    scheduler
        Address, such as ``tcp://10.0.0.1:8786``.
    patience
        Seconds to wait for the scheduler's answer.

    References
    ----------
    Rocklin, "Dask: parallel computation with blocked algorithms and task scheduling", SciPy 2015,
    doi:10.25080/Majora-7b98e3ed-013.
    """

    scheduler: str = ""
    patience: float = 30.0

    def __post_init__(self) -> None:
        if not self.scheduler:
            raise OptionError("executor 'dask' needs the address of a scheduler: --scheduler tcp://HOST:PORT.")

    @property
    def slots(self) -> int:
        """How many threads the workers have now, at least 1 for those that are still to come."""
        with self._client() as client:
            threads: int = sum(client.nthreads().values())
            return max(1, threads)

    def run(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        *,
        waits: bool = False,
        leave: Callable[[], None] | None = None,
    ) -> Generator[Returned[ResultT]]:
        """Yield what comes of each item, as it comes.

        What a worker has begun when the iterator is closed it ends, unless ``leave`` stops it, but nobody waits for it.
        """
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        with self._client() as client:
            futures = client.map(function, items, pure=False)
            positions = {future.key: position for position, future in enumerate(futures)}
            try:
                for future in as_completed(futures, loop=client.loop):
                    position = positions[future.key]
                    if future.status in LOST:
                        yield Returned(position, None, f"the scheduler has lost it ({future.status}).")
                    elif future.status == "error" and isinstance(error := future.exception(), KilledWorker):
                        yield Returned(position, None, f"it was under way on every worker that died: {error}")
                    else:
                        yield Returned(position, future.result())
                    future.release()
            finally:
                with contextlib.suppress(OSError, TimeoutError):  # a scheduler that is gone has nothing under way
                    client.cancel(futures)
                    if leave is not None:
                        client.run(_beside, leave, on_error="ignore")

    @contextmanager
    def _client(self) -> Iterator[Client]:
        from distributed import Client

        try:
            client = Client(self.scheduler, timeout=self.patience, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise ExecutorError(f"no Dask scheduler answers at {self.scheduler}: {error}") from error
        with client:
            yield client


async def _beside(function: Callable[[], None]) -> None:
    """Call a function in a worker beside all that it does, its talk with the scheduler among it."""
    await asyncio.to_thread(function)
