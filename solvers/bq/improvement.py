"""Labels that the policy makes for itself: it constructs, re-constructs and improves, and then imitates the result.

References
----------
Luo et al. (2024), Boosting neural combinatorial optimization for large-scale vehicle routing problems, arXiv:2402.18114
(self-improved learning); Corsini et al. (2024), Self-labeling, arXiv:2401.11849.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redwood.budget import Iterations
from redwood.files import replacing
from redwood.problem import Problem
from redwood.solver import Run
from redwood.solvers.bq.network import Network
from redwood.solvers.bq.policy import BQ
from redwood.solvers.bq.training import view_class
from redwood.views.stepwise import Stage

LARGER = 2
"""Size of these instances, in sizes of the largest stage: the policy goes where labels of an expert cost too much."""
PASSES = 40
"""Passes of re-construction, each followed by local search where the problem has one."""


@dataclass(frozen=True)
class Improver:
    """Makes files of improved solutions beside the other labels, as ``improved-<size>-<round>.npz``."""

    problem: Problem[Any, Any]
    folder: Path
    seed: int = 0

    def made(self, number: int) -> bool:
        """Return whether the file of a round exists."""
        return self._path(number).exists()

    def make(self, network: Network, number: int) -> list[Path]:
        """Solve new instances, larger than those of any stage, with the policy and what makes its solutions better."""
        kind = view_class(self.problem)
        self.folder.mkdir(parents=True, exist_ok=True)
        stage = self._stage()
        rng = np.random.default_rng([self.seed, stage.size, number, 2])
        instances: list[Any] = [kind.example(stage.size, rng) for _ in range(stage.count)]
        runs = [Run(self.problem, instance, budget=Iterations(PASSES), seed=number) for instance in instances]
        BQ(polish=True).improve(network, self.problem, instances, runs)
        labelled = [(i, run.best) for i, run in zip(instances, runs, strict=True) if run.best is not None]
        path = self._path(number)
        packed = kind.pack([instance for instance, _ in labelled], [solution for _, solution in labelled])
        with replacing(path) as unfinished:
            np.savez_compressed(unfinished, **packed)  # type: ignore[arg-type]
        return [path]

    def _stage(self) -> Stage:
        largest = max(view_class(self.problem).curriculum, key=lambda stage: stage.size)
        return Stage(LARGER * largest.size, largest.count, PASSES)

    def _path(self, number: int) -> Path:
        return self.folder / f"improved-{self._stage().size}-{number:04d}.npz"
