"""A whole training: labels first, then imitation with labels of the policy's own tails now and then, then the weights."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from redwood.errors import FitError, OptionError, suggestion
from redwood.problem import Problem, check_arguments
from redwood.solvers.bq.aggregation import TailMaker
from redwood.solvers.bq.effort import LEVELS, LoweredEffort, affordable_effort, read_effort, write_effort
from redwood.solvers.bq.improvement import Improver
from redwood.solvers.bq.labels import LabelMaker
from redwood.solvers.bq.network import PRESETS
from redwood.solvers.bq.preference import PairMaker, PreferenceTrainer
from redwood.solvers.bq.training import HyperParameters, Trainer, view_class
from redwood.solvers.bq.weights import network_for
from redwood.torch_settings import torch_settings
from redwood.trainable import Trainable, TrainingConfig
from redwood.views.stepwise import Stepwise

log = logging.getLogger(__name__)

SHIPPED = "shipped"
"""As ``start``: the weights that come with Redwood for the problem."""


class BQTrainer(Trainable):
    """Trains policies for `redwood.solvers.bq.policy.BQ`."""

    @classmethod
    def train(cls, problem: Problem[Any, Any], config: TrainingConfig, **options: Any) -> Path:
        """Make labels, train on them until the hours are over, and return the weights for the option ``weights``.

        Options are those of `train_policy`.
        """
        check_arguments(train_policy, options, "the training of 'bq'", skip=("problem", "config"))
        with torch_settings(config.threads):
            return train_policy(problem, config, **options)


def train_policy(
    problem: Problem[Any, Any],
    config: TrainingConfig,
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
    problem
        The problem to learn.
    config
        Folder, hours, seed and expert of the training.
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
        can hand them to an expert.
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
        Where the problem has no `Stepwise` view with a curriculum.
    OptionError
        Where the preset is unknown, or a number out of range.
    """
    if not problem.offers(Stepwise) or not view_class(problem).curriculum:
        raise FitError(
            f"problem {problem.name!r} offers no Stepwise view with a curriculum, so there is nothing to imitate."
        )
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
    began = time.perf_counter()
    effort = _effort(problem, config, label_share, test_instances, rounds)
    expert = LoweredEffort(config.expert, effort)
    labels = LabelMaker(problem, expert, config.folder / "labels", config.seed, config.set_up)
    _make_labels(labels, config, rounds, label_share, began)
    tests = labels.tests(test_instances)
    spent = (time.perf_counter() - began) / 3600
    trainer = Trainer(
        problem,
        config.folder,
        labels.folder,
        shape=replace(shape, window=window or shape.window),
        hyper_parameters=HyperParameters(
            batch=batch,
            muon_rate=rate * HyperParameters.muon_rate,
            adam_rate=rate * HyperParameters.adam_rate,
            checkpoint_steps=checkpoint_steps,
            test_steps=test_steps,
            seed=config.seed,
        ),
        tests=tests,
        device=config.device,
        start=begun,
    )
    trainer.counters.hours += spent
    before = trainer.counters.step
    if before and trainer.counters.hours >= config.hours:
        log.info("%s has had its %g hours; there is nothing to do", config.folder, config.hours)
    if before == 0 and trainer.counters.hours < config.hours:
        trainer.train(steps=1)  # whatever what follows takes
    maker = TailMaker(problem, expert, labels.folder, config.seed)
    improver = Improver(problem, labels.folder, config.seed)
    imitation = config.hours * (1.0 - prefer)
    phases = max(tails, int(improve))
    for phase in range(1, phases + 1):
        trainer.train(imitation * (1.0 - cooling) * phase / (phases + 1), on_progress=config.on_progress)
        if tails:
            trainer.aggregate(maker, phase)
        if improve:
            trainer.aggregate(improver, phase)
    trainer.train(imitation * (1.0 - cooling), on_progress=config.on_progress)
    if cooling:
        trainer.cool(imitation, on_progress=config.on_progress)
    if prefer:
        trainer = _preferring(trainer, config)
        trainer.train(config.hours, on_progress=config.on_progress)
    if trainer.counters.step == 0:
        raise OptionError(
            f"no gradient step was made: labels and tests took {60 * spent:.2g} of {60 * config.hours:.2g} minutes; give "
            f"more than {2 * spent:.2g} hours. The labels are kept."
        )
    gaps = trainer.test()
    trained = {
        "steps": trainer.counters.step,
        "steps of this call": trainer.counters.step - before,
        "hours": round(trainer.counters.hours, 4),
        "label effort": effort,
        "gaps to the expert, %": {name: round(gap, 3) for name, gap in gaps.items()},
    }
    path = config.folder / f"{problem.name}.safetensors"
    trainer.release(path, {"problem": problem.name, "seed": config.seed, "trained": trained})
    return path


def _effort(problem: Problem[Any, Any], config: TrainingConfig, share: float, tests: int, rounds: int) -> float:
    """Return the effort of the labels in the folder; in a new one the largest that keeps within their share of the hours.

    Raises
    ------
    OptionError
        Where the first labels take longer at the least effort.
    """
    folder = config.folder / "labels"
    if any(folder.glob("*.npz")) or share == 0:
        return read_effort(folder)
    kind, allowed = view_class(problem), 3600 * share * config.hours
    fixed = all(stage.iterations == 0 for stage in kind.curriculum) or getattr(config.expert, "seconds", None) is not None
    workers = max(1, config.executor.slots)
    effort = affordable_effort(
        config.expert,
        kind.curriculum,
        kind.example,
        labels=lambda stage: max(1, rounds) * stage.count / workers + tests * (stage in kind.curriculum[:2]),
        seconds=allowed,
        hint=f"labels and tests of problem {problem.name!r} take {{minutes}} minutes on {workers} processes, and "
        f"label_share {share:g} of {config.hours:g} hours is {allowed / 60:.2g}: give {{factor:.2g}} times the hours, "
        "more processes, a greater label_share or a quicker expert.",
        levels=(1.0,) if fixed else LEVELS,
    )
    write_effort(folder, effort)
    return effort


def _preferring(trainer: Trainer, config: TrainingConfig) -> Trainer:
    """Make pairs, unless they are there, and return the trainer that goes on with them."""
    began = time.perf_counter()
    maker = PairMaker(trainer.problem, config.folder / "preference" / "pairs", config.seed)
    if not maker.made(0):
        maker.make(trainer.average.eval(), 0)
    tuned = PreferenceTrainer.after(trainer, config.folder / "preference", maker.folder)
    tuned.counters.hours += (time.perf_counter() - began) / 3600
    return tuned


def _make_labels(labels: LabelMaker, config: TrainingConfig, rounds: int, share: float, began: float) -> None:
    """Make the rounds that are missing and, in a new folder, more of them as long as their share of the hours lasts."""
    fresh = not (config.folder / "checkpoint.pt").exists()
    number, longest = 0, 0.0

    def spent() -> float:
        return (time.perf_counter() - began) / 3600

    while number < rounds or (fresh and spent() + longest < share * config.hours):
        before = spent()
        labels.make(range(number, number + 1), config.executor)
        longest = max(longest, spent() - before)
        number += 1
        if config.on_progress is not None:
            config.on_progress(spent(), f"{number} rounds of labels")
