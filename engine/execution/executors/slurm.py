"""Slurm, through submitit: each item, or a chunk of them, is a job of an array."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from redwood.errors import ExecutorError, OptionError
from redwood.execution.executor import Executor, ItemT, ResultT, Returned

if TYPE_CHECKING:
    from submitit import Job

POLL = 0.5
"""Seconds between two looks at the queue."""


@dataclass(frozen=True)
class Slurm(Executor):
    """Slurm. The nodes need the same environment and, under the same paths, the files that items name.

    Attributes
    ----------
    folder
        Where submitit keeps its scripts and logs; all nodes must see it.
    partition
        Slurm partition, by default the cluster's.
    jobs
        Jobs of the array that may run at a time.
    minutes
        Time limit of an array job, for its whole chunk with starting up.
    cpus
        Cores of an array job.
    memory_gb
        Memory of an array job.
    chunk
        Items that one array job carries out, one after another; the chunk of a job that dies is lost whole.
    cluster
        ``slurm``, or ``local`` for processes of this machine, all at once, to try things out.

    References
    ----------
    https://github.com/facebookincubator/submitit
    """

    folder: str = "slurm-logs"
    partition: str | None = None
    jobs: int = 100
    minutes: int = 60
    cpus: int = 1
    memory_gb: float = 4.0
    chunk: int = 1
    cluster: Literal["slurm", "local"] = "slurm"

    def __post_init__(self) -> None:
        for name in ("jobs", "minutes", "cpus", "chunk", "memory_gb"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} {getattr(self, name)} of executor 'slurm' is not positive.")

    @property
    def slots(self) -> int:
        """How many jobs of the array may run at a time."""
        return self.jobs

    def run(
        self,
        function: Callable[[ItemT], ResultT],
        items: Sequence[ItemT],
        *,
        waits: bool = False,
        leave: Callable[[], None] | None = None,
    ) -> Generator[Returned[ResultT]]:
        """Yield what comes of each item, as array jobs end. Closing the iterator cancels the array, and all that it does."""
        starts = range(0, len(items), self.chunk)
        chunks = [list(items[start : start + self.chunk]) for start in starts]
        if not chunks:
            return
        jobs = dict(zip(starts, self._submit(function, chunks), strict=True))
        try:
            while jobs:
                ended = [start for start, job in jobs.items() if job.done()]
                for start in ended:
                    yield from _results(jobs.pop(start), start, min(self.chunk, len(items) - start))
                if not ended:
                    time.sleep(POLL)
        finally:
            for job in jobs.values():
                job.cancel()

    def _submit(self, function: Callable[[ItemT], ResultT], chunks: list[list[ItemT]]) -> list[Job[Any]]:
        import submitit

        try:
            executor = submitit.AutoExecutor(Path(self.folder).resolve(), cluster=self.cluster)
            executor.update_parameters(timeout_min=self.minutes, cpus_per_task=self.cpus, mem_gb=self.memory_gb)
            if self.cluster == "slurm":
                executor.update_parameters(slurm_array_parallelism=self.jobs, slurm_job_name="redwood")
                if self.partition:
                    executor.update_parameters(slurm_partition=self.partition)
            return list(executor.map_array(_Chunk(function), chunks))
        except (RuntimeError, OSError) as error:  # submitit's own are RuntimeErrors: no srun, or sbatch has refused
            raise ExecutorError(f"nothing could be submitted to {self.cluster}: {error}") from error


@dataclass(frozen=True)
class _Chunk:
    """Carries items out one after another, and brings an item's own failure home as what it is."""

    function: Callable[[Any], Any]

    def __call__(self, items: list[Any]) -> list[tuple[Any, BaseException | None]]:
        results: list[tuple[Any, BaseException | None]] = []
        for item in items:
            try:
                results.append((self.function(item), None))
            except Exception as error:
                results.append((None, error))
        return results


def _results(job: Job[Any], start: int, count: int) -> Iterator[Returned[Any]]:
    import submitit

    try:
        results = job.result()
    except (submitit.core.utils.UncompletedJobError, submitit.core.utils.FailedJobError) as error:
        for position in range(start, start + count):
            yield Returned(position, None, f"job {job.job_id} ended without a result: {' '.join(str(error).split())[:300]}")
        return
    for position, (value, failure) in enumerate(results, start=start):
        if failure is not None:
            raise failure
        yield Returned(position, value)
