"""Labels for tails of the policy's own rollouts: what it meets after its own mistakes, and labelled tours do not show.

References
----------
Ross, Gordon, Bagnell (2011), A reduction of imitation learning and structured prediction to no-regret online learning,
arXiv:1011.0686 (DAgger). Here the expert labels a whole tail at once, and each of its own tails is a stage again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redwood.files import replacing
from redwood.problem import Problem
from redwood.solvers.bq.decoding import logits, sampler, window_size
from redwood.solvers.bq.network import Network
from redwood.solvers.bq.training import view_class
from redwood.trainable import Expert
from redwood.views.stepwise import Stage, Stepwise

GROUP = 20
"""Rollouts that are stopped after the same number of steps."""
SHARE = 0.25
"""Instances of a stage that are rolled out for one file, as a share of those that get labels."""
TEMPERATURE = 0.3
"""Of the rollouts: near to greedy ones, but not always the same."""


@dataclass(frozen=True)
class TailMaker:
    """Makes files of labelled tails beside the other labels, as ``tails-<size>-<round>.npz``."""

    problem: Problem[Any, Any]
    expert: Expert
    folder: Path
    seed: int = 0

    def made(self, number: int) -> bool:
        """Return whether some file of a round exists."""
        return any(self.folder.glob(f"tails-*-{number:04d}.npz"))

    def make(self, network: Network, number: int) -> list[Path]:
        """Roll the policy out on new instances of every stage and write the expert's answers to its tails."""
        if view_class(self.problem).tails is Stepwise.tails:
            return []
        self.folder.mkdir(parents=True, exist_ok=True)
        curriculum = view_class(self.problem).curriculum
        return [path for stage in curriculum if (path := self._write(network, stage, number)) is not None]

    def _write(self, network: Network, stage: Stage, number: int) -> Path | None:
        kind = view_class(self.problem)
        rng = np.random.default_rng([self.seed, stage.size, number, 1])
        instances: list[Any] = []
        solutions: list[Any] = []
        for _ in range(max(1, round(SHARE * stage.count / GROUP))):
            examples = [kind.example(stage.size, rng) for _ in range(min(GROUP, stage.count))]
            view = self.problem.view(Stepwise, *examples)
            tails = view.tails(self._rolled_out(network, view, len(examples), rng), self.expert, stage.iterations, number)
            if tails is None:
                break
            instances += tails[0]
            solutions += tails[1]
        if not instances:
            return None
        path = self.folder / f"tails-{stage.size}-{number:04d}.npz"
        packed = kind.pack(instances, solutions)
        with replacing(path) as unfinished:
            np.savez_compressed(unfinished, **packed)  # type: ignore[arg-type]
        return path

    def _rolled_out(self, network: Network, view: Stepwise[Any], count: int, rng: np.random.Generator) -> Any:
        """Return the sub-problems that are left after a random number of the policy's steps."""
        batch = view.begin(np.arange(count), rng)
        choose = sampler(rng, TEMPERATURE)
        for _ in range(int(rng.integers(1, max(2, int(batch.left.min()))))):
            if not batch.left.all():
                break
            window = view.window(batch, window_size(network, batch))
            view.act(batch, window, choose(logits(network, window)))
        return batch
