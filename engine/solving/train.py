"""`train()`: a solver learns a problem in a folder, from labels that another solver makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redwood.budget import AnyOf, Budget, Iterations, Seconds
from redwood.errors import FitError, OptionError, PluginError, SolverError
from redwood.execution.checking import Checker, conclude
from redwood.execution.executor import Executor
from redwood.execution.executors.local import Local
from redwood.execution.task import Task
from redwood.files import path_of
from redwood.lazy import load_target
from redwood.plugins.host import host
from redwood.problem import Instance, Solution
from redwood.renamed import refuse_renamed
from redwood.saved import only_training
from redwood.settings import check_seed, check_threads, positive
from redwood.solving.running import find_partner, plugin_files, run_tasks
from redwood.solving.solve import find_solver, views_of
from redwood.trainable import Trainable, TrainingConfig


def train(
    solver: str,
    problem: str,
    out: str | Path,
    *,
    hours: float,
    seed: int = 0,
    threads: int = 1,
    device: str = "cpu",
    expert: str = "auto",
    executor: Executor | None = None,
    expert_time_limit: float | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    **options: Any,
) -> Path:
    """Return the file that a trained solver takes as an option, such as ``weights=`` of ``bq``.

    Interrupted by anything, the same call goes on where the last checkpoint in the folder stands.

    Parameters
    ----------
    solver, problem
        Registered names; the problem's with the variant of its generator after a slash, as in `redwood.generate`, for
        trainings that take ``variant=``: ``"cormab/path"``.
    out
        Folder for checkpoints, labels, curves and the result.
    hours
        Hours of computing in all, those before an interruption included.
    seed
        Origin of all randomness.
    threads
        Processes that make labels, and threads that compute.
    device
        Where networks are trained, such as ``cpu`` or ``cuda``.
    expert
        Name of the solver that makes the labels; by default the one that ``auto`` chooses.
    executor
        Where labels are made instead; ``out`` has to be seen from there.
    expert_time_limit
        Seconds for each label at most. Without it the problem's curriculum says how many iterations a label is worth, which
        is meant for the expert that ``auto`` chooses; a label made under a clock is not repeated exactly.
    on_progress
        Called with the hours spent and one line about the state.
    **options
        Those of the solver's training.

    Raises
    ------
    FitError
        Where the solver cannot be trained, or the problem has nothing to learn from.
    OptionError
        Where an option is unknown or out of range.
    """
    refuse_renamed(options, ("expert", "expert_time_limit"), "train()")
    positive("hours", hours)
    if expert_time_limit is not None:
        positive("expert time limit", expert_time_limit, " s")
    seed, threads = check_seed(seed), check_threads(threads)
    problem, _, variant = problem.partition("/")
    if variant and options.setdefault("variant", variant) != variant:
        raise OptionError(f"variant {options['variant']!r} is not the {variant!r} of the problem's name.")
    target = host().solver_entry(solver, problem).spec.trainer
    if not target:
        raise FitError(f"solver {solver!r} has nothing to train for problem {problem!r}.")
    trainer = load_target(target)
    if not (isinstance(trainer, type) and issubclass(trainer, Trainable)):
        raise PluginError(f"solver {solver!r} names the trainer {target!r}, which is no subclass of Trainable.")
    found = host().problem(problem)
    if threads > 1 and executor is None and type(found).__module__ == "__main__":
        raise OptionError(
            f"problem {problem!r} was registered in this session, where other processes cannot import it; give threads=1, "
            "or put it into a file and load that with --plugin."
        )
    config = TrainingConfig(
        folder=path_of(out),
        expert=SolverExpert(expert, expert_time_limit),
        hours=hours,
        executor=Local(threads) if executor is None else executor,
        seed=seed,
        threads=threads,
        device=device,
        on_progress=on_progress,
        set_up=plugin_files(),
    )
    with only_training(config.folder):
        return trainer.train(found, config, **options)


@dataclass(frozen=True)
class SolverExpert:
    """Makes labels with a registered solver; can be sent to other processes."""

    solver: str
    seconds: float | None = None

    def __call__(self, instance: Instance, iterations: int, seed: int) -> Solution:
        """Return the checked solution after so many iterations, after its seconds, or when the solver ends by itself."""
        problem = host().problem(instance.problem)
        entry, made, _ = find_solver(instance, self.solver, None, {})
        limits: list[Budget] = [Iterations(iterations)] if iterations and self.seconds is None else []
        budget = AnyOf((*limits, *([] if self.seconds is None else [Seconds(self.seconds)])))
        task = Task(problem, instance, made, budget, seed, partner=find_partner(made, problem.name), views=views_of(entry))
        checker = Checker.of(problem, instance, apart=False)
        (outcome,) = run_tasks([task], [checker], isolate=False)
        result = conclude(checker, outcome, solver=self.solver, seed=seed)
        if result.solution is None:
            raise SolverError(
                f"expert {self.solver!r} found no solution of an instance of size {instance.size}. {result.message}"
            )
        solution: Solution = result.solution
        return solution
