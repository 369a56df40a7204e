"""A whole schooling: labels first, then imitation with labels of the policy's own tails now and then, then the weights."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from redwood.errors import FitError, OptionError, suggestion
from redwood.problem import Problem
from redwood.solvers.bq.aggregation import TailMaker
from redwood.solvers.bq.improvement import Improver
from redwood.solvers.bq.labels import LabelMaker
from redwood.solvers.bq.network import PRESETS
from redwood.solvers.bq.preference import PairMaker, PreferenceTrainer
from redwood.solvers.bq.training import Recipe, Trainer, view_class
from redwood.solvers.bq.weights import network_for
from redwood.trainable import Schooling
from redwood.views.stepwise import Stepwise

SHIPPED = "shipped"
"""As ``start``: the weights that come with Redwood for the problem."""


def train_policy(
    problem: Problem[Any, Any],
    schooling: Schooling,
    *,
    preset: str = "small",
    start: str = "",
    window: int = 0,
    rate: float = 1.0,
    cooling: float = 0.15,
    batch: int = 256,
    label_share: float = 0.15,
    rounds: int = 1,
    tails: int = 3,
    improve: bool = False,
    prefer: float = 0.0,
    test_instances: int = 32,
    checkpoint_steps: int = 300,
    test_steps: int = 900,
) -> Path:
    """Return the weights of a policy trained from nothing, or from where the folder's training stopped.

    Parameters
    ----------
    preset
        Name of the network's shape: a key of `redwood.solvers.bq.network.PRESETS`.
    start
        Weights that the training begins with in place of random ones: a file, or ``shipped`` for those that come with
        Redwood. The network has their shape then, whatever ``preset`` says.
    window
        How many tokens the network is shown, 0 for as many as its preset or the weights to start from name.
    rate
        Factor of the learning rates; below 1 for weights that are good already.
    cooling
        Share of the hours of imitation, at their end, in which the rates fall to nothing.
    batch
        Decisions a step, of each process.
    label_share
        Share of the hours for making labels at the beginning; they stand in ``labels`` of the folder.
    rounds
        How many rounds of labels there must be before training goes on; those that are there are not made again.
    tails
        How many times, at even distances of the hours, tails of the policy's own rollouts get labels, where the problem
        can hand them to a teacher.
    improve
        Whether at the same times, at least once, the policy's own improved solutions of larger instances become labels.
    prefer
        Share of the hours at the end for preference fine-tuning; its folder is ``preference``.
    test_instances
        How many instances of each of two sizes measure the gap.
    checkpoint_steps, test_steps
        Steps between checkpoints, and between tests.

    Raises
    ------
    FitError
        Where the problem has no `Stepwise` view with lessons.
    OptionError
        Where the preset is unknown, or a number out of range.
    """
    if not problem.offers(Stepwise) or not view_class(problem).lessons:
        raise FitError(f"problem {problem.name!r} offers no Stepwise view with lessons, so there is nothing to imitate.")
    if preset not in PRESETS:
        raise OptionError(f"preset {preset!r} is unknown.{suggestion(preset, PRESETS)}")
    if (
        min(batch, test_instances) < 1
        or min(rounds, tails) < 0
        or checkpoint_steps < 1
        or test_steps < 1
        or min(label_share, prefer, cooling) < 0
        or label_share + prefer >= 1
        or label_share + cooling >= 1
    ):
        raise OptionError(
            "batch, test_instances and both kinds of steps start from 1, rounds and tails from 0; label_share, cooling and "
            "prefer are shares that leave some of the hours."
        )
    if window < 0:
        raise OptionError(f"window {window} is below 0; it is a number of tokens, or 0 for the preset's.")
    if not rate > 0:
        raise OptionError(f"rate {rate} is not positive; it is the factor of the learning rates.")
    layout = view_class(problem).layout
    begun = network_for(problem.name, layout, "" if start == SHIPPED else start, "cpu") if start else None
    shape = PRESETS[preset] if begun is None else begun.shape
    labels = LabelMaker(problem, schooling.teacher, schooling.folder / "labels", schooling.seed, schooling.set_up)
    spent = _make_labels(labels, schooling, rounds, label_share)
    trainer = Trainer(
        problem,
        schooling.folder,
        labels.folder,
        shape=replace(shape, window=window or shape.window),
        recipe=Recipe(
            batch=batch,
            muon_rate=rate * Recipe.muon_rate,
            adam_rate=rate * Recipe.adam_rate,
            checkpoint_steps=checkpoint_steps,
            test_steps=test_steps,
            seed=schooling.seed,
        ),
        tests=labels.tests(test_instances),
        device=schooling.device,
        start=begun,
    )
    trainer.counters.hours += spent
    maker = TailMaker(problem, schooling.teacher, labels.folder, schooling.seed)
    improver = Improver(problem, labels.folder, schooling.seed)
    imitation = schooling.hours * (1.0 - prefer)
    stretches = max(tails, int(improve))
    for stretch in range(1, stretches + 1):
        trainer.train(imitation * (1.0 - cooling) * stretch / (stretches + 1), on_progress=schooling.on_progress)
        if tails:
            trainer.aggregate(maker, stretch)
        if improve:
            trainer.aggregate(improver, stretch)
    trainer.train(imitation * (1.0 - cooling), on_progress=schooling.on_progress)
    if cooling:
        trainer.cool(imitation, on_progress=schooling.on_progress)
    if prefer:
        trainer = _preferring(trainer, schooling)
        trainer.train(schooling.hours, on_progress=schooling.on_progress)
    trainer.test()
    path = schooling.folder / f"{problem.name}.safetensors"
    trainer.release(path, {"problem": problem.name, "seed": schooling.seed})
    return path


def _preferring(trainer: Trainer, schooling: Schooling) -> Trainer:
    """Make pairs, unless they are there, and return the trainer that goes on with them."""
    began = time.perf_counter()
    maker = PairMaker(trainer.problem, schooling.folder / "preference" / "pairs", schooling.seed)
    if not maker.made(0):
        maker.make(trainer.average.eval(), 0)
    tuned = PreferenceTrainer.after(trainer, schooling.folder / "preference", maker.folder)
    tuned.counters.hours += (time.perf_counter() - began) / 3600
    return tuned


def _make_labels(labels: LabelMaker, schooling: Schooling, rounds: int, share: float) -> float:
    """Make the rounds that are missing and, in a new folder, more until their share of the hours is spent; return hours."""
    began = time.perf_counter()
    fresh = not (schooling.folder / "checkpoint.pt").exists()
    number = 0
    while number < rounds or (fresh and (time.perf_counter() - began) / 3600 < share * schooling.hours):
        labels.make(range(number, number + 1), schooling.executor)
        number += 1
        if schooling.on_progress is not None:
            schooling.on_progress((time.perf_counter() - began) / 3600, f"{number} rounds of labels")
    return (time.perf_counter() - began) / 3600
