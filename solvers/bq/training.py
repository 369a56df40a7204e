"""Imitation of labels: random tails in, the right next step and the neighbours of every token out.

A training folder holds ``checkpoint.pt`` (everything that an exact resume needs), ``loss.csv``, ``gaps.csv`` and
``curves.png``. Labels are read from the folders named by the caller; files that arrive later join at checkpoints.
"""

from __future__ import annotations

import csv
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from redwood.errors import OptionError
from redwood.problem import Instance, Problem, Solution
from redwood.solvers.bq.decoding import autocast, rollouts, tensors, window_size
from redwood.solvers.bq.muon import Muon
from redwood.solvers.bq.network import PRESETS, Network, Shape
from redwood.stepwise import Batch, Stepwise, Target, Window

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a policy is trained.

    Attributes
    ----------
    batch
        Decisions a step.
    muon_rate
        Learning rate of the weight matrices, updated by Muon; 0 gives them to AdamW.
    adam_rate
        Learning rate of everything else.
    warmup, horizon
        Steps of linear warm-up; steps after which rates have fallen by the root of two, as 1 / sqrt(1 + step / horizon).
        Such a schedule has no end, so that training can go on at any time.
    neighbour_weight
        Weight of the auxiliary loss; 0 switches it off.
    averaging
        Share of the old average of the weights kept a step; the averaged weights are the ones tested and shipped.
    checkpoint_steps, test_steps
        Steps between checkpoints, and between tests.
    seed
        Origin of every random stream.
    """

    batch: int = 256
    muon_rate: float = 0.02
    adam_rate: float = 1e-3
    warmup: int = 100
    horizon: int = 10_000
    neighbour_weight: float = 1.0
    averaging: float = 0.999
    checkpoint_steps: int = 300
    test_steps: int = 900
    seed: int = 0

    def rate(self, step: int) -> float:
        """Return the factor of the learning rates at a step."""
        warm = min(1.0, (step + 1) / self.warmup)
        return float(warm / np.sqrt(1.0 + step / self.horizon))


@dataclass(frozen=True)
class TestSet:
    """Instances with the objectives to compare with."""

    instances: Sequence[Instance]
    references: Sequence[float]


@dataclass
class Counters:
    """How far a training has come: steps, decisions seen, hours of computing, label files in use."""

    step: int = 0
    decisions: int = 0
    hours: float = 0.0
    files: list[str] = field(default_factory=list)


class Trainer:
    """One training run in a folder; made again from the same folder it goes on where the last checkpoint stands."""

    def __init__(
        self,
        problem: Problem[Any, Any],
        folder: Path,
        labels: Path,
        *,
        shape: Shape = PRESETS["small"],
        recipe: Recipe | None = None,
        tests: Mapping[str, TestSet] | None = None,
        device: str = "cpu",
    ) -> None:
        self.problem, self.folder, self.labels = problem, folder, labels
        self.recipe = recipe or Recipe()
        self.tests = dict(tests or {})
        self.device = torch.device(device)
        self.kind = view_class(problem)
        torch.manual_seed(self.recipe.seed)
        self.network = Network(self.kind.layout, shape).to(self.device)
        self.average = Network(self.kind.layout, shape).to(self.device)
        self.average.load_state_dict(self.network.state_dict())
        self.optimisers = _optimisers(self.network, self.recipe)
        self.rng = np.random.default_rng([self.recipe.seed, 1])
        self.counters = Counters()
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._load()
        else:
            self.counters.files = self._label_files()
        self.view = self._read_labels()

    @property
    def checkpoint(self) -> Path:
        """The file from which training goes on."""
        return self.folder / "checkpoint.pt"

    def train(self, hours: float = float("inf"), steps: float = float("inf")) -> None:
        """Train until so many hours or steps have been spent in all, and write a checkpoint at the end."""
        losses: list[tuple[float, float, float]] = []
        while self.counters.hours < hours and self.counters.step < steps:
            began = time.perf_counter()
            losses.append(self._step())
            self.counters.hours += (time.perf_counter() - began) / 3600
            if self.counters.step % self.recipe.checkpoint_steps == 0:
                self._note(losses)
                losses.clear()
                self._refresh_labels()
                self.save()
            if self.counters.step % self.recipe.test_steps == 0:
                self.test()
        self.save()

    def test(self) -> dict[str, float]:
        """Measure the greedy gap in per cent of the averaged weights on each test set, and note it in ``gaps.csv``."""
        gaps = {name: greedy_gap(self.problem, self.average, test) for name, test in self.tests.items()}
        row = {"step": self.counters.step, "decisions": self.counters.decisions, "hours": f"{self.counters.hours:.4f}"}
        _append(self.folder / "gaps.csv", row | {name: f"{gap:.4f}" for name, gap in gaps.items()})
        log.info("step %d: gaps %s", self.counters.step, ", ".join(f"{name} {gap:.3f} %" for name, gap in gaps.items()))
        return gaps

    def save(self) -> None:
        """Write the checkpoint; a crash at any moment leaves the old one or the new one."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "rng": self.rng.bit_generator.state,
            "counters": asdict(self.counters),
            "describe": self.network.describe(),
        }
        unfinished = self.checkpoint.with_suffix(".new")
        torch.save(state, unfinished)
        os.replace(unfinished, self.checkpoint)

    def _load(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["describe"] != self.network.describe():
            raise OptionError(f"{self.checkpoint} holds another network than asked for; give another folder.")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.rng.bit_generator.state = state["rng"]
        self.counters = Counters(**state["counters"])

    def _step(self) -> tuple[float, float, float]:
        batch = self.view.sample(self.recipe.batch, self.rng)
        window = self.view.window(batch, window_size(self.network, batch))
        target = self.view.target(batch, window)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * self.recipe.rate(self.counters.step)
            optimiser.zero_grad(set_to_none=True)
        choice, neighbours, accuracy = losses_of(self.network, window, target)
        (choice + self.recipe.neighbour_weight * neighbours).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.counters.step += 1
        self.counters.decisions += self.recipe.batch
        self._average()
        return choice.item(), neighbours.item(), accuracy.item()

    @torch.no_grad()
    def _average(self) -> None:
        kept = min(self.recipe.averaging, (1 + self.counters.step) / (10 + self.counters.step))
        for slow, fast in zip(self.average.parameters(), self.network.parameters(), strict=True):
            slow.lerp_(fast, 1 - kept)

    def _note(self, losses: Sequence[tuple[float, float, float]]) -> None:
        choice, neighbours, accuracy = np.mean(losses, axis=0)
        row = {
            "step": self.counters.step,
            "decisions": self.counters.decisions,
            "hours": f"{self.counters.hours:.4f}",
            "choice_loss": f"{choice:.5f}",
            "neighbour_loss": f"{neighbours:.5f}",
            "accuracy": f"{accuracy:.5f}",
        }
        _append(self.folder / "loss.csv", row)
        log.info("%s", " ".join(f"{key} {value}" for key, value in row.items()))

    def _label_files(self) -> list[str]:
        found = sorted(path.name for path in self.labels.glob("*.npz") if not path.name.startswith((".", "test")))
        if not found:
            raise OptionError(f"{self.labels} holds no label files (*.npz); make labels first.")
        return found

    def _refresh_labels(self) -> None:
        found = self._label_files()
        if found != self.counters.files:
            self.counters.files = found
            self.view = self._read_labels()

    def _read_labels(self) -> Stepwise[Batch]:
        instances: list[Instance] = []
        solutions: list[Solution] = []
        for name in self.counters.files:
            with np.load(self.labels / name) as arrays:
                more = self.kind.unpack(dict(arrays))
            instances += more[0]
            solutions += more[1]
        view = self.problem.view(Stepwise, *instances)
        view.teach(solutions)
        return view


def losses_of(network: Network, window: Window, target: Target) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss of the choice, the loss of the neighbours, and the share of right choices."""
    device = next(network.parameters()).device
    features, present, edges = tensors(window, device)
    mask = torch.from_numpy(window.mask).to(device)
    with autocast(device):
        tokens = network(features, present, edges)
        scores = network.scores(tokens, mask)
        pairs = network.neighbours(tokens, present) if target.neighbours is not None else None
    choice, accuracy = _choice_loss(scores, torch.from_numpy(target.choice).to(device), network.layout.sets)
    if pairs is None:
        return choice, torch.zeros_like(choice), accuracy
    return choice, _neighbour_loss(pairs, torch.from_numpy(target.neighbours).to(device).long()), accuracy


def _choice_loss(scores: Tensor, target: Tensor, sets: bool) -> tuple[Tensor, Tensor]:
    best = scores.argmax(dim=1)
    if not sets:
        known = target >= 0
        loss = functional.cross_entropy(scores, target, ignore_index=-1, reduction="sum") / known.sum().clamp(min=1)
        return loss, (best == target).sum() / known.sum().clamp(min=1)
    right = target.flatten(1)
    known = right.any(dim=1)
    logs = torch.log_softmax(scores, dim=1).masked_fill(~right, 0.0)
    loss = -(logs.sum(dim=1) / right.sum(dim=1).clamp(min=1)).sum() / known.sum().clamp(min=1)
    return loss, right.gather(1, best[:, None]).sum() / known.sum().clamp(min=1)


def _neighbour_loss(pairs: Tensor, neighbours: Tensor) -> Tensor:
    """Cross-entropy of each token's row with its one or two neighbours in the window, uniform."""
    logs = torch.log_softmax(pairs, dim=-1)
    known = neighbours >= 0
    picked = logs.gather(2, neighbours.clamp(min=0)).masked_fill(~known, 0.0).sum(dim=-1)
    count = known.sum(dim=-1)
    return -(picked / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)


def greedy_gap(problem: Problem[Any, Any], network: Network, test: TestSet) -> float:
    """Return the mean gap in per cent of greedy solutions to the references of a test set."""
    view = problem.view(Stepwise, *test.instances)
    solutions = view.solutions(rollouts(network, view, np.arange(len(test.instances)), None))
    found = [problem.objective(i, s) for i, s in zip(test.instances, solutions, strict=True)]
    gaps = np.abs(np.array(found) - np.array(test.references)) / np.array(test.references)
    return float(100.0 * gaps.mean())


def view_class(problem: Problem[Any, Any]) -> type[Stepwise[Batch]]:
    """Return the class of a problem's `Stepwise` view."""
    from redwood.lazy import load_target

    kind: type[Stepwise[Batch]] = load_target(problem.views[Stepwise])
    return kind


def _optimisers(network: Network, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices = [
        p for name, p in network.named_parameters() if recipe.muon_rate and name.startswith("blocks.") and p.ndim == 2
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in network.parameters() if id(p) not in chosen]
    made: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=recipe.adam_rate, weight_decay=0.0, betas=(0.9, 0.98))]
    if matrices:
        made.append(Muon(matrices, lr=recipe.muon_rate))
    for optimiser in made:
        for group in optimiser.param_groups:
            group["base"] = group["lr"]
    return made


def _append(path: Path, row: Mapping[str, object]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
