"""`Sequoia`: learn a Q-network of joint actions, and act by maximising it exactly over the action set."""

from __future__ import annotations

import csv
import os
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.errors import FitError, OptionError, suggestion
from redwood.lazy import load_target
from redwood.planning import Array, Planning, Policy, check_finite
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.solvers.sequoia.recipe import Recipe
from redwood.trainable import Schooling, Trainable
from redwood.views import Clock

if TYPE_CHECKING:
    from redwood.solvers.sequoia.learner import Learner

SHARE = 0.3
"""Share of the time that the worths of ``residual`` may take before learning begins."""


@dataclass(frozen=True)
class Sequoia(Recipe, Solver, Trainable):
    """SEQUOIA: deep Q-learning with combinatorial actions, on HiGHS. The budget of the call is training time.

    The options are those of `Recipe`, and ``weights``: the file of a trained policy, which is then taken as it is.
    Every decision of the policy is the action of the greatest Q over the whole set, with a proven bound on any other's;
    see `redwood.solvers.sequoia.embedding.Embedding`. The policy that was best in simulated trials, apart from the
    episodes of the objective, is the answer.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled restless bandits,
    ICLR, arXiv:2503.01919.
    """

    weights: str = ""
    policy_kind: ClassVar[str] = "redwood.solvers.sequoia.policy:QPolicy"

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401

        import redwood.solvers.sequoia.learner  # noqa: F401

        planning = problem.view(Planning, instance)
        planning.actions.argmax(planning.arms.rewards[:, :, 0])
        planning.actions.program.maximise(planning.arms.rewards[:, :, 0])

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        from redwood.solvers.sequoia.learner import Learner

        planning = problem.view(Planning, instance)
        check_finite(planning, "a Q-network of SEQUOIA")
        if self.weights:
            return Answer(self._trained(planning))
        table, bound = self._table(planning, run)
        learner = Learner(planning, self, run.seed, table, load_target(self.policy_kind))
        learner.prepare()
        run.report(learner.policy())
        learner.learn(run.stops, run.advance)
        message = f"{learner.episode} episodes, {learner.updates} gradient steps, trial {learner.best_trial:.6g} a step."
        return Answer(learner.policy(), bound=bound, message=message)

    def _trained(self, planning: Planning) -> Policy:
        """Return the policy of a file, to act in this solver's way."""
        from redwood.policy_files import load_policy
        from redwood.solvers.sequoia.policy import QPolicy

        found = load_policy(self.weights)
        if not isinstance(found, QPolicy):
            raise OptionError(f"weights {self.weights} hold a policy of the kind {found.kind!r}, not a Q-network.")
        arms, levels, states = planning.arms.shape
        if found.table.shape[1:] != (arms, levels, states):
            raise FitError(
                f"weights {self.weights} are for {list(found.table.shape[1:])} arms, levels and states; the instance has "
                f"{[arms, levels, states]}."
            )
        kind = load_target(self.policy_kind)
        made: Policy = kind(**{entry.name: getattr(found, entry.name) for entry in fields(found)})
        return made

    def _table(self, planning: Planning, clock: Clock) -> tuple[Array | None, float | None]:
        """Return worths [H, J, A, S] for ``residual`` to start from, and the bound a step that came with them."""
        if self.settled().network != "residual":
            return None, None
        from redwood.problems.cormab.duality import tighten

        priced = tighten(planning, Until(clock, SHARE * clock.seconds_left))
        paid = np.array([planning.actions.argmax(prices).bound for prices in priced.prices])
        ahead = np.append(np.cumsum(paid[::-1])[::-1][1:], 0.0)
        table = priced.worth + (ahead / planning.arms.shape[0])[:, None, None, None]
        table /= planning.discount ** np.arange(planning.horizon)[:, None, None, None]
        bound = priced.bound / planning.horizon
        return table, bound + 1e-9 * abs(bound)

    @classmethod
    def train(cls, problem: Problem[Any, Any], schooling: Schooling, **options: Any) -> Path:
        """Train for one instance until the hours or the episodes are over, and return the file of the policy.

        The options are those of `Recipe` and of the instance:

        Parameters
        ----------
        instance
            Path of the instance; by default one is generated from ``variant``, ``size`` and the seed, as `generate` does.
        variant, size
            Of the generated instance.
        checkpoint_seconds
            Seconds between checkpoints; after a crash the training goes on from the last one, exactly.

        Raises
        ------
        OptionError
            Where an option is unknown or the folder belongs to another training.
        FitError
            Where the problem is not one of planning.
        """
        from redwood.policy_files import save_policy
        from redwood.solvers.sequoia.learner import Learner

        if not problem.offers(Planning):
            raise FitError(f"problem {problem.name!r} is not one of planning, so there is no Q-network to train.")
        names = [entry.name for entry in fields(Recipe)]
        chosen = {name: options.pop(name) for name in names if name in options}
        every = float(options.pop("checkpoint_seconds", 10.0))
        instance = _instance(problem, schooling.seed, options)
        planning = problem.view(Planning, instance)
        folder = schooling.folder
        folder.mkdir(parents=True, exist_ok=True)
        made, clock = cls(**chosen), Hours(folder, schooling.hours)
        table = _kept_table(made, planning, clock, folder)
        learner = Learner(planning, made, schooling.seed, table, load_target(cls.policy_kind))
        checkpoint = folder / "checkpoint.pt"
        if checkpoint.exists():
            learner.load(checkpoint)
        else:
            learner.prepare()
        last = [time.perf_counter()]

        def after() -> None:
            if schooling.on_progress is not None:
                line = f"episode {learner.episode}, trial {learner.trial:.4g}, best {learner.best_trial:.4g}"
                schooling.on_progress(clock.spent / 3600, line)
            if time.perf_counter() - last[0] >= every:
                _save(learner, clock, checkpoint)
                last[0] = time.perf_counter()

        learner.learn(clock.stops, after)
        _save(learner, clock, checkpoint)
        _draw(learner, folder)
        trained = {"hours": round(clock.spent / 3600, 4), "episodes": learner.episode, "updates": learner.updates}
        about = {"problem": problem.name, "instance": instance.name, "seed": schooling.seed, "trained": trained}
        return save_policy(learner.policy(), folder / "policy", **about, trial=learner.best_trial)


class Until:
    """A clock that stops before another one does."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._end = clock, time.perf_counter() + seconds

    @property
    def seconds_left(self) -> float:
        """Seconds until the nearer end."""
        return min(self._clock.seconds_left, self._end - time.perf_counter())

    def stops(self) -> bool:
        """Return whether either end has come."""
        return self._clock.stops() or time.perf_counter() >= self._end


class Hours:
    """The clock of a training, which remembers what was spent before an interruption."""

    def __init__(self, folder: Path, hours: float) -> None:
        self._file = folder / "seconds.txt"
        self._before = float(self._file.read_text()) if self._file.exists() else 0.0
        self._began, self._limit = time.perf_counter(), 3600 * hours

    @property
    def spent(self) -> float:
        """Seconds in all."""
        return self._before + time.perf_counter() - self._began

    @property
    def seconds_left(self) -> float:
        """Seconds until the hours are over."""
        return self._limit - self.spent

    def stops(self) -> bool:
        """Return whether the hours are over."""
        return self.seconds_left <= 0

    def write(self) -> None:
        """Remember what was spent."""
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(f"{self.spent}\n")
        os.replace(unfinished, self._file)


def _instance(problem: Problem[Any, Any], seed: int, options: dict[str, Any]) -> Instance:
    """Return the instance that the options name or describe."""
    known = ("instance", "variant", "size")
    for name in options:
        if name not in known:
            raise OptionError(f"the training of sequoia has no option {name!r}.{suggestion(name, known)}")
    if "instance" in options:
        path = Path(options["instance"])
        found: Instance = problem.parse(path.read_text(), path.stem)
        return found
    rng = np.random.default_rng(seed)
    size, variant = int(options.get("size", 20)), options.get("variant", problem.variants[0] if problem.variants else "")
    if variant and variant not in problem.variants:
        raise OptionError(f"problem {problem.name!r} has no variant {variant!r}.{suggestion(variant, problem.variants)}")
    made: Instance = problem.generate(size, rng, variant=variant)
    return replace(made, name=f"{problem.name}-{variant}-{size}-s{seed}")


def _kept_table(made: Sequoia, planning: Planning, clock: Hours, folder: Path) -> Array | None:
    """Return the worths that the training starts from, computed once a folder so that it resumes exactly."""
    path = folder / "table.npy"
    if path.exists():
        kept: Array = np.load(path, allow_pickle=False)
        return kept
    table, _ = made._table(planning, clock)
    if table is not None:
        with path.with_suffix(".new").open("wb") as file:
            np.save(file, table)
        os.replace(path.with_suffix(".new"), path)
    return table


def _save(learner: Learner, clock: Hours, checkpoint: Path) -> None:
    learner.save(checkpoint)
    clock.write()
    with (checkpoint.parent / "curve.csv").open("w", newline="") as file:
        lines = [asdict(line) for line in learner.curve]
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
    figure.savefig(folder / "curve.png", dpi=120)
