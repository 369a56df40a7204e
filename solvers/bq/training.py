"""Imitation of labels: random tails in, the right next step and the neighbours of every token out.

A training folder holds ``checkpoint.pt`` (everything that an exact resume needs), ``loss.csv``, ``gaps.csv`` and
``curves.png``. Labels are read from the folders named by the caller; files that arrive later join at checkpoints.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, distributed

from redwood.errors import OptionError
from redwood.files import replacing
from redwood.problem import Instance, Problem, Solution
from redwood.saved import load_checkpoint, reading
from redwood.solvers.bq.curves import append_row, draw_curves, read_columns
from redwood.solvers.bq.decoding import rollouts, window_size
from redwood.solvers.bq.losses import losses_of
from redwood.solvers.bq.network import PRESETS, Network, Shape, parameters
from redwood.solvers.bq.weights import save_weights
from redwood.views.stepwise import Batch, Stepwise

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HyperParameters:
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


class TailLabels(Protocol):
    """Makes files of labels from what a network does."""

    def made(self, number: int) -> bool:
        """Return whether the files of a round exist."""
        ...

    def make(self, network: Network, number: int) -> list[Path]:
        """Make the files of a round."""
        ...


@dataclass
class Counters:
    """How far a training has come: steps, decisions seen, hours of computing, label files in use, when it cools down."""

    step: int = 0
    decisions: int = 0
    hours: float = 0.0
    files: list[str] = field(default_factory=list)
    cooling_from: int = 0
    cooling_steps: int = 0


class Trainer:
    """One training run in a folder; made again from the same folder it goes on where the last checkpoint stands."""

    def __init__(
        self,
        problem: Problem[Any, Any],
        folder: Path,
        labels: Path,
        *,
        shape: Shape = PRESETS["small"],
        hyper_parameters: HyperParameters | None = None,
        tests: Mapping[str, TestSet] | None = None,
        device: str = "cpu",
        start: Network | None = None,
    ) -> None:
        """Make a trainer; a new folder begins with the weights of ``start``, of that shape, or with random ones."""
        self.problem, self.folder, self.labels = problem, folder, labels
        self.hyper_parameters = hyper_parameters or HyperParameters()
        self.tests = dict(tests or {})
        self.device = torch.device(device)
        self.rank, self.workers = _join_workers(self.device)
        self.kind = view_class(problem)
        torch.manual_seed(self.hyper_parameters.seed)
        self.network = Network(self.kind.layout, shape).to(self.device)
        if start is not None:
            self.network.load_state_dict(start.state_dict())
        if self.device.type == "cuda":
            self.network.compile()
        self.average = Network(self.kind.layout, shape).to(self.device)
        self.average.load_state_dict(self.network.state_dict())
        self.optimisers = _optimisers(self.network, self.hyper_parameters)
        self.counters = Counters()
        self._pace = 0.0
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

    def train(
        self,
        hours: float = float("inf"),
        steps: float = float("inf"),
        on_progress: Callable[[float, str], None] | None = None,
    ) -> None:
        """Train until so many hours or steps have been spent in all, and write a checkpoint at the end.

        ``on_progress`` is called after each step with the hours and a line about the state.
        """
        losses: list[tuple[float, float, float]] = []
        began = time.perf_counter()
        while self._goes_on(hours, steps):
            losses.append(self._step())
            now = time.perf_counter()
            spent, began = (now - began) / 3600, now
            self.counters.hours += spent
            self._pace += 0.1 * (spent - self._pace) if self._pace else spent
            if on_progress is not None:
                on_progress(self.counters.hours, f"step {self.counters.step}, loss {losses[-1][0]:.4f}")
            if self.counters.step % self.hyper_parameters.checkpoint_steps == 0:
                self._note(losses)
                losses.clear()
                self._refresh_labels()
                self.save()
            if self.counters.step % self.hyper_parameters.test_steps == 0 and self.rank == 0:
                self.test()
        if losses:
            self._note(losses)
        self.save()

    def cool(self, hours: float, on_progress: Callable[[float, str], None] | None = None) -> None:
        """Train on with rates that fall to nothing by the time so many hours have been spent in all.

        How many steps that takes is settled at the beginning and kept in the checkpoint, so that a resume is exact.
        """
        counters = self.counters
        if counters.step >= counters.cooling_from + counters.cooling_steps:
            pace = self._pace or counters.hours / max(1, counters.step)
            steps = int((hours - counters.hours) / pace) if pace else 0
            if self.workers > 1:
                agreed = torch.tensor([steps], device=self.device)
                distributed.broadcast(agreed, 0)
                steps = int(agreed.item())
            counters.cooling_from, counters.cooling_steps = counters.step, max(0, steps)
        self.train(steps=counters.cooling_from + counters.cooling_steps, on_progress=on_progress)

    def _rate(self) -> float:
        """Return the factor of the learning rates at the present step."""
        counters = self.counters
        cooled = counters.step - counters.cooling_from
        rest = 1.0 - cooled / counters.cooling_steps if cooled < counters.cooling_steps else 1.0
        return self.hyper_parameters.rate(counters.step) * rest

    def _goes_on(self, hours: float, steps: float) -> bool:
        """Return whether there is another step; the first process decides for all."""
        goes_on = self.counters.hours < hours and self.counters.step < steps
        if self.workers > 1:
            flag = torch.tensor([int(goes_on)], device=self.device)
            distributed.broadcast(flag, 0)
            goes_on = bool(flag.item())
        return goes_on

    def test(self) -> dict[str, float]:
        """Measure the greedy gap in per cent of the averaged weights on each test set, and note it in ``gaps.csv``."""
        gaps = {name: greedy_gap(self.problem, self.average, test) for name, test in self.tests.items()}
        row = {"step": self.counters.step, "decisions": self.counters.decisions, "hours": f"{self.counters.hours:.4f}"}
        append_row(self.folder / "gaps.csv", row | {name: f"{gap:.4f}" for name, gap in gaps.items()})
        draw_curves(self.folder)
        log.info("step %d: gaps %s", self.counters.step, ", ".join(f"{name} {gap:.3f} %" for name, gap in gaps.items()))
        return gaps

    def aggregate(self, maker: TailLabels, number: int) -> None:
        """Let a round of labelled tails be made with the averaged weights, unless it has been."""
        began = time.perf_counter()
        if self.rank == 0 and not maker.made(number):
            maker.make(self.average.eval(), number)
        if self.workers > 1:
            distributed.barrier()
        self._refresh_labels()
        self.counters.hours += (time.perf_counter() - began) / 3600

    def save(self) -> None:
        """Write the checkpoint; a crash at any moment leaves the old one or the new one."""
        if self.rank:
            return
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "counters": asdict(self.counters),
            "describe": self.network.describe(),
        }
        with replacing(self.checkpoint) as unfinished:
            torch.save(state, unfinished)

    def release(self, path: Path, card: Mapping[str, Any]) -> None:
        """Write the averaged weights for users, with a card of what was measured."""
        gaps = read_columns(self.folder / "gaps.csv")
        measured = {name: values[-1] for name, values in gaps.items() if name in self.tests}
        trained = {key: value for key, value in asdict(self.counters).items() if key != "files"}
        full = {
            **card,
            "parameters": parameters(self.network),
            "hyper_parameters": asdict(self.hyper_parameters),
            **trained,
            "gaps": measured,
        }
        save_weights(self.average, path, full)

    def _load(self) -> None:
        state = load_checkpoint(self.checkpoint, self.device)
        with reading(self.checkpoint):
            self._take(state)
        missing = [name for name in self.counters.files if not (self.labels / name).exists()]
        if missing:
            log.warning("label file %s is gone, so this resume is not exact; the files that are there serve.", missing[0])
            self.counters.files = self._label_files()

    def _take(self, state: Mapping[str, Any]) -> None:
        saved, wanted = (described | described["shape"] for described in (state["describe"], self.network.describe()))
        other = [key for key in wanted if key not in ("shape", "window") and saved.get(key) != wanted[key]]
        if other:  # a wider window needs no other weights
            found, asked = saved.get(other[0]), wanted[other[0]]
            raise OptionError(
                f"{self.checkpoint} holds a network whose {other[0]} is {found}, and {asked} is asked for; give another "
                "folder."
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            if saved["param_groups"][0].keys() != optimiser.param_groups[0].keys():
                raise OptionError(f"{self.checkpoint} was made with another optimiser; give another folder.")
            optimiser.load_state_dict(saved)
        self.counters = Counters(**state["counters"])

    def _step(self) -> tuple[float, float, float]:
        rng = np.random.default_rng(
            [self.hyper_parameters.seed, self.rank, self.counters.step]
        )  # nothing to save for a resume
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * self._rate()
            optimiser.zero_grad(set_to_none=True)
        choice, neighbours, accuracy = self._losses(rng)
        (choice + self.hyper_parameters.neighbour_weight * neighbours).backward()  # type: ignore[no-untyped-call]
        self._share_gradients()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.counters.step += 1
        self.counters.decisions += self.hyper_parameters.batch * self.workers
        self._average()
        return choice.item(), neighbours.item(), accuracy.item()

    def _losses(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss of the choice, the loss of the neighbours and the share of right choices on a new batch."""
        batch = self.view.sample(self.hyper_parameters.batch, rng)
        window = self.view.window(batch, window_size(self.network, batch))
        return losses_of(self.network, window, self.view.target(batch, window))

    def _share_gradients(self) -> None:
        """Average the gradients over the processes that `torchrun` started."""
        if self.workers == 1:
            return
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.workers
        subproblems = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, subproblems, strict=True):
            gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def _average(self) -> None:
        kept = min(self.hyper_parameters.averaging, (1 + self.counters.step) / (10 + self.counters.step))
        for slow, fast in zip(self.average.parameters(), self.network.parameters(), strict=True):
            slow.lerp_(fast, 1 - kept)

    def _note(self, losses: Sequence[tuple[float, float, float]]) -> None:
        if self.rank:
            return
        choice, neighbours, accuracy = np.mean(losses, axis=0)
        row = {
            "step": self.counters.step,
            "decisions": self.counters.decisions,
            "hours": f"{self.counters.hours:.4f}",
            "choice_loss": f"{choice:.5f}",
            "neighbour_loss": f"{neighbours:.5f}",
            "accuracy": f"{accuracy:.5f}",
        }
        append_row(self.folder / "loss.csv", row)
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
            with reading(self.labels / name), np.load(self.labels / name) as arrays:
                more = self.kind.unpack(dict(arrays))
            instances += more[0]
            solutions += more[1]
        view = self.problem.view(Stepwise, *instances)
        view.set_labels(solutions)
        return view


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


def _join_workers(device: torch.device) -> tuple[int, int]:
    """Return this process's rank and the number of processes, joining the group where `torchrun` started it."""
    workers = int(os.environ.get("WORLD_SIZE", "1"))
    if workers > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return (distributed.get_rank(), workers) if workers > 1 else (0, 1)


def _optimisers(network: Network, hyper_parameters: HyperParameters) -> list[torch.optim.Optimizer]:
    matrices = [
        p
        for name, p in network.named_parameters()
        if hyper_parameters.muon_rate and name.startswith("blocks.") and p.ndim == 2
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in network.parameters() if id(p) not in chosen]
    made: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=hyper_parameters.adam_rate, weight_decay=0.0, betas=(0.9, 0.98))
    ]
    if matrices:
        made.append(torch.optim.Muon(matrices, lr=hyper_parameters.muon_rate, weight_decay=0.0))
    for optimiser in made:
        for group in optimiser.param_groups:
            group["base"] = group["lr"]
    return made
