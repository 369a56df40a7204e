"""Preference fine-tuning: the policy's own sampled solutions against what re-construction and local search make of them.

References
----------
Pan et al. (2025), Preference optimization for combinatorial optimization problems, arXiv:2505.08735; Meng, Xia, Chen (2024),
SimPO, arXiv:2405.14734, for likelihoods by decision in place of a reference policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from redwood.budget import Iterations
from redwood.errors import OptionError
from redwood.files import replacing
from redwood.problem import Instance, Problem, Solution
from redwood.saved import load_checkpoint, reading
from redwood.solver import Run
from redwood.solvers.bq.decoding import rollouts, sampler, window_size
from redwood.solvers.bq.losses import Judged, judge
from redwood.solvers.bq.network import Network
from redwood.solvers.bq.policy import BQ
from redwood.solvers.bq.training import Trainer, view_class
from redwood.views.stepwise import Batch, Stage, Stepwise

TEMPERATURE = 1.0
"""Of the sampled solutions."""
PASSES = 20
"""Passes of re-construction that make them better, each followed by local search where the problem has one."""
TOGETHER = 8
"""Pairs that one step compares."""
STRENGTH = 20.0
"""Factor of the difference of mean log-likelihoods by decision."""
ANCHOR = 1.0
"""Weight of imitating the better solution besides, which keeps its likelihood from falling along with the other's."""
STAGES = 2
"""So many of a problem's first stages are drawn from."""


@dataclass(frozen=True)
class PairMaker:
    """Makes files of pairs, as ``better-<size>-<round>.npz`` and ``worse-<size>-<round>.npz`` with the same instances."""

    problem: Problem[Any, Any]
    folder: Path
    seed: int = 0

    def made(self, number: int) -> bool:
        """Return whether all files of a round exist."""
        return all(self._path("better", stage, number).exists() for stage in self._stages())

    def make(self, network: Network, number: int) -> list[Path]:
        """Sample solutions of new instances with the policy, improve them, and write those that became better."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return [self._write(network, stage, number) for stage in self._stages()]

    def _stages(self) -> tuple[Stage, ...]:
        return view_class(self.problem).curriculum[:STAGES]

    def _path(self, side: str, stage: Stage, number: int) -> Path:
        return self.folder / f"{side}-{stage.size}-{number:04d}.npz"

    def _write(self, network: Network, stage: Stage, number: int) -> Path:
        kind = view_class(self.problem)
        rng = np.random.default_rng([self.seed, stage.size, number, 3])
        instances: list[Any] = [kind.example(stage.size, rng) for _ in range(stage.count)]
        view = self.problem.view(Stepwise, *instances)
        sampled = view.solutions(rollouts(network, view, np.arange(len(instances)), rng, sampler(rng, TEMPERATURE)))
        runs = [
            Run(self.problem, instance, budget=Iterations(PASSES), seed=number, initial=solution)
            for instance, solution in zip(instances, sampled, strict=True)
        ]
        BQ(polish=True).improve(network, self.problem, instances, runs)
        better = [(i, run.best, s) for i, run, s in zip(instances, runs, sampled, strict=True) if len(run.trajectory) > 1]
        for side, place in (("worse", 2), ("better", 1)):  # the better ones last: they say that the pair is complete
            path = self._path(side, stage, number)
            packed = kind.pack([row[0] for row in better], [row[place] for row in better])
            with replacing(path) as unfinished:
                np.savez_compressed(unfinished, **packed)  # type: ignore[arg-type]
        return path


class PreferenceTrainer(Trainer):
    """Goes on with a trained network on pairs in place of labels; it stops, resumes and releases weights as a `Trainer`."""

    @classmethod
    def after(cls, trainer: Trainer, folder: Path, pairs: Path) -> PreferenceTrainer:
        """Return the trainer of a folder that begins, unless it has begun, where another training's checkpoint stands."""
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "checkpoint.pt").exists():
            state = load_checkpoint(trainer.checkpoint)
            state["counters"]["files"] = sorted(path.name for path in pairs.glob("better-*.npz"))
            with replacing(folder / "checkpoint.pt") as unfinished:
                torch.save(state, unfinished)
        return cls(
            trainer.problem,
            folder,
            pairs,
            shape=trainer.network.shape,
            hyper_parameters=trainer.hyper_parameters,
            tests=trainer.tests,
            device=str(trainer.device),
        )

    def _label_files(self) -> list[str]:
        found = sorted(path.name for path in self.labels.glob("better-*.npz"))
        if not found:
            raise OptionError(f"{self.labels} holds no pairs (better-*.npz); make pairs first.")
        return found

    def _read_labels(self) -> Stepwise[Batch]:
        self.counters.files = self._label_files()
        self.instances, self.better = self._unpacked(self.counters.files)
        self.worse = self._unpacked([name.replace("better", "worse", 1) for name in self.counters.files])[1]
        return self.problem.view(Stepwise, *self.instances)

    def _unpacked(self, names: list[str]) -> tuple[list[Instance], list[Solution]]:
        instances: list[Instance] = []
        solutions: list[Solution] = []
        for name in names:
            with reading(self.labels / name), np.load(self.labels / name) as arrays:
                more = self.kind.unpack(dict(arrays))
            instances += more[0]
            solutions += more[1]
        return instances, solutions

    def _losses(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        rows = rng.choice(len(self.instances), size=min(TOGETHER, len(self.instances)), replace=False)
        good, neighbours = self._likelihoods([self.instances[r] for r in rows], [self.better[r] for r in rows], rng)
        bad, _ = self._likelihoods([self.instances[r] for r in rows], [self.worse[r] for r in rows], rng)
        known = ~(good.isnan() | bad.isnan())
        if not known.any():
            raise OptionError("no decision of the pairs is in the windows of this network; take a wider window.")
        gap = good[known] - bad[known]
        loss = -functional.logsigmoid(STRENGTH * gap).mean() - ANCHOR * good[known].mean()
        return loss, neighbours, (gap > 0).float().mean()

    def _likelihoods(
        self, instances: list[Instance], solutions: list[Solution], rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the mean log-likelihood by decision of each solution, NaN where none was drawn, and the neighbour loss."""
        view: Stepwise[Batch] = self.problem.view(Stepwise, *instances)
        view.set_labels(solutions)
        batch = view.sample(self.hyper_parameters.batch // 2, rng)
        window = view.window(batch, window_size(self.network, batch))
        judged: Judged = judge(self.network, window, view.target(batch, window))
        rows = torch.from_numpy(batch.rows).to(self.device)
        sums = torch.zeros(len(instances), dtype=torch.float32, device=self.device)
        counts = torch.zeros(len(instances), dtype=torch.float32, device=self.device)
        sums = sums.index_add(0, rows[judged.known], judged.right[judged.known])
        counts = counts.index_add(0, rows[judged.known], torch.ones_like(judged.right[judged.known]))
        return sums / torch.where(counts > 0, counts, torch.nan), judged.neighbours
