"""Label files: instances to learn from with an expert's solutions, made by seed, several processes at a time."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from redwood.errors import ExecutorError
from redwood.execution.executor import Executor
from redwood.execution.executors.local import IN_TURN
from redwood.files import replacing
from redwood.problem import Problem
from redwood.saved import reading
from redwood.solvers.bq.training import TestSet, view_class
from redwood.trainable import Expert
from redwood.views.stepwise import Stage, Stepwise

TESTS = 1_000_000
"""Number of the round of test instances, beyond all others."""


@dataclass(frozen=True)
class LabelMaker:
    """Makes the label files of a problem: round r of stage l is always the same file.

    Attributes
    ----------
    folder
        Where the files go, as ``<size>-<round>.npz``. Those that exist are left alone.
    seed
        Origin of the instances.
    set_up
        Called first in every process that makes labels.
    """

    problem: Problem[Any, Any]
    expert: Expert
    folder: Path
    seed: int = 0
    set_up: Callable[[], None] | None = None

    def make(self, rounds: range, executor: Executor = IN_TURN) -> None:
        """Make all files of some rounds.

        Raises
        ------
        ExecutorError
            Where a file was lost with the machine that made it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        tasks = list(self._missing(rounds))
        for returned in executor.run(self._function(), tasks):
            if returned.lost:
                stage, number = tasks[returned.position]
                raise ExecutorError(f"labels {self._path(stage, number).name} were lost: {returned.lost}")

    def _function(self) -> Callable[[tuple[Stage, int]], None]:
        """Return what an executor is to do with each task."""
        return self._carry_out if self.set_up is None else _SetUp(self.set_up, pickle.dumps(self._carry_out))

    def _carry_out(self, task: tuple[Stage, int]) -> None:
        self._write(*task)

    def tests(self, count: int) -> dict[str, TestSet]:
        """Return ``count`` instances of each of the first two stages, none of them labels, as the expert solves them."""
        kind = view_class(self.problem)
        return {f"size-{stage.size}": self._test(kind, stage, count) for stage in kind.curriculum[:2]}

    def _test(self, kind: type[Stepwise[Any]], stage: Stage, count: int) -> TestSet:
        stage = replace(stage, count=count)
        path = self.folder / f"test-{stage.size}.npz"
        if not path.exists():
            self._write(stage, TESTS, path)
        with reading(path), np.load(path) as arrays:
            instances, solutions = kind.unpack(dict(arrays))
        return TestSet(instances, [self.problem.objective(i, s) for i, s in zip(instances, solutions, strict=True)])

    def _missing(self, rounds: range) -> Iterator[tuple[Stage, int]]:
        for number in rounds:
            for stage in view_class(self.problem).curriculum:
                if not self._path(stage, number).exists():
                    yield stage, number

    def _path(self, stage: Stage, number: int) -> Path:
        return self.folder / f"{stage.size}-{number:04d}.npz"

    def _write(self, stage: Stage, number: int, path: Path | None = None) -> None:
        kind = view_class(self.problem)
        rng = np.random.default_rng([self.seed, stage.size, number])
        instances = [kind.example(stage.size, rng) for _ in range(stage.count)]
        solutions = [self.expert(instance, stage.iterations, number) for instance in instances]
        path = path or self._path(stage, number)
        packed = kind.pack(instances, solutions)
        with replacing(path) as unfinished:
            np.savez_compressed(unfinished, **packed)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _SetUp:
    """A function whose own code other processes can read only once they are set up."""

    set_up: Callable[[], None]
    pickled: bytes

    def __call__(self, task: tuple[Stage, int]) -> None:
        self.set_up()
        pickle.loads(self.pickled)(task)
