"""`train_published`, `train_fitted`: the training of one instance's policy in a folder."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.budget import Seconds
from redwood.errors import OptionError, SolverError, suggestion
from redwood.files import path_of, replacing, write_text
from redwood.planning.contract import Planning, Policy
from redwood.planning.files import save_policy
from redwood.problem import Instance, Problem
from redwood.renamed import option_suggestion
from redwood.saved import reading
from redwood.solver import Run
from redwood.solvers.sequoia.learning.clocks import Hours
from redwood.solvers.sequoia.learning.hyper_parameters import PUBLISHED, HyperParameters
from redwood.solvers.sequoia.learning.learner import Learner
from redwood.trainable import TrainingConfig

if TYPE_CHECKING:
    from redwood.solvers.sequoia.solver import Sequoia

CHECKPOINT_SECONDS = 10.0
"""Between checkpoints of a training as published."""


def train_published(
    problem: Problem[Any, Any],
    config: TrainingConfig,
    options: Mapping[str, Any],
    *,
    hyper_parameters: HyperParameters = PUBLISHED,
    every: float = CHECKPOINT_SECONDS,
) -> Path:
    """Return the file of a policy by deep Q-learning as published; after a crash the same call goes on, exactly.

    Parameters
    ----------
    problem, config, options
        As for `train_fitted`; the options are those of the instance alone.
    hyper_parameters
        By default the published ones.
    every
        Seconds between checkpoints.
    """
    instance = _instance(problem, config.seed, options)
    folder = config.folder
    folder.mkdir(parents=True, exist_ok=True)
    _own(folder, instance, config.seed)
    clock, before = Hours(folder, config.hours), 0
    learner = Learner(problem.view(Planning, instance), hyper_parameters, config.seed)
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        learner.load(checkpoint)
        before = learner.updates
    else:
        learner.prepare()
    last = [time.perf_counter()]

    def after() -> None:
        if config.on_progress is not None:
            line = f"episode {learner.episode}, trial {learner.trial:.4g}, best {learner.best_trial:.4g}"
            config.on_progress(clock.spent / 3600, line)
        if time.perf_counter() - last[0] >= every:
            _save(learner, clock, checkpoint)
            last[0] = time.perf_counter()

    learner.learn(clock.stops, after)
    _save(learner, clock, checkpoint)
    _draw(learner, folder)
    trained = {
        "steps": learner.updates,
        "steps of this call": learner.updates - before,
        "hours": round(clock.spent / 3600, 4),
        "episodes": learner.episode,
    }
    about = {"problem": problem.name, "instance": instance.name, "seed": config.seed, "trained": trained}
    return save_policy(learner.policy(), folder / "policy", **about, trial=learner.best_trial)


def _instance(problem: Problem[Any, Any], seed: int, options: Mapping[str, Any]) -> Instance:
    """Return the instance that the options name or describe."""
    known = ("instance", "variant", "size")
    for name in options:
        if name not in known:
            raise OptionError(f"the training of sequoia has no option {name!r}.{option_suggestion(name, known)}")
    if "instance" in options:
        found: Instance = problem.read(path_of(options["instance"]))
        return found
    rng = np.random.default_rng(seed)
    size, variant = int(options.get("size", 20)), options.get("variant", problem.variants[0] if problem.variants else "")
    if variant and variant not in problem.variants:
        raise OptionError(f"problem {problem.name!r} has no variant {variant!r}.{suggestion(variant, problem.variants)}")
    made: Instance = problem.generate(size, rng, variant=variant)
    return replace(made, name=f"{problem.name}-{variant}-{size}-s{seed}")


def _own(folder: Path, instance: Instance, seed: int) -> None:
    """Write down whose the folder is, or refuse one of another instance or seed."""
    path = folder / "training.json"
    mine = {"instance": instance.fingerprint(), "seed": seed}
    if not path.exists():
        write_text(path, json.dumps({"name": instance.name, **mine}, indent=2) + "\n")
        return
    with reading(path):
        kept = json.loads(path.read_text())
        kept["instance"], kept["seed"], kept["name"]
    if kept["instance"] != mine["instance"]:
        raise OptionError(f"{folder} holds the training of another instance, {kept['name']}; give another folder.")
    if kept["seed"] != seed:
        raise OptionError(
            f"{folder} holds a training with seed {kept['seed']}, not {seed}; give another folder or that seed."
        )


def train_fitted(problem: Problem[Any, Any], config: TrainingConfig, kind: type[Sequoia], options: dict[str, Any]) -> Path:
    """Return the file of a Q-network by fitted policy iteration; see `redwood.solvers.sequoia.solver.Sequoia.train`.

    It is not interrupted and resumed: its rounds are minutes.

    Parameters
    ----------
    problem
        One of planning.
    config
        Folder, hours, seed and the like.
    kind
        The solver class.
    options
        Of the solver and of the instance.
    """
    chosen = {entry.name: options.pop(entry.name) for entry in fields(kind) if entry.name in options}
    made = kind(**chosen)
    instance = _instance(problem, config.seed, options)
    config.folder.mkdir(parents=True, exist_ok=True)
    _own(config.folder, instance, config.seed)
    run = Run(problem, instance, budget=Seconds(3600 * config.hours), seed=config.seed, threads=config.threads)
    answer = made.run(problem, instance, run)
    if not isinstance(answer.solution, Policy):
        raise SolverError("the training gave no policy.")
    about = {"problem": problem.name, "instance": instance.name, "seed": config.seed, "message": answer.message}
    return save_policy(answer.solution, config.folder / "policy", **about)


def _save(learner: Learner, clock: Hours, checkpoint: Path) -> None:
    learner.save(checkpoint)
    clock.write()
    lines = [asdict(line) for line in learner.curve]
    with replacing(checkpoint.parent / "curve.csv") as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]) if lines else ["episode"])
        writer.writeheader()
        writer.writerows(lines)


def _draw(learner: Learner, folder: Path) -> None:
    """Draw what was earned in episodes and in trials."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    episodes = [line.episode for line in learner.curve]
    axes.plot(episodes, [line.reward for line in learner.curve], lw=0.6, alpha=0.6, label="episode, exploring")
    axes.plot(episodes, [line.trial for line in learner.curve], label="trial")
    axes.plot(episodes, [line.best for line in learner.curve], ls="--", label="best trial")
    axes.set(xlabel="episode", ylabel="reward a step")
    axes.legend()
    with replacing(folder / "curve.png") as unfinished:
        figure.savefig(unfinished, dpi=120)
