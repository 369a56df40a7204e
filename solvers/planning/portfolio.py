"""`Portfolio`: several planning solvers, their policies tried in the same episodes, and the best one as the answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.budget import Iterations, Seconds
from redwood.errors import FitError, SolverError
from redwood.planning.contract import Criterion, Planning, Policy
from redwood.planning.evaluation import adjusted, interval_half_width, observe
from redwood.planning.steps import arms_alone, is_coupled
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.solvers.planning.constant import Constant
from redwood.solvers.planning.exact import MOST_ACTIONS, ExactPlanning, joint_number
from redwood.solvers.planning.lagrangian import Lagrangian
from redwood.solvers.planning.lp_priority import Focus, LPPriority
from redwood.solvers.planning.lp_update import LPUpdate
from redwood.solvers.planning.rollout import Rollout
from redwood.solvers.planning.simple import Myopic, MyopicReward, rewards_of_states
from redwood.solvers.planning.virtual_advice import FollowVirtualAdvice
from redwood.solvers.planning.whittle import Whittle

EPISODES = 100
"""Episodes in which every policy is tried."""
SHARE = 0.5
"""Share of the time that is left which one candidate and its trial may take."""
MORE = 9
"""How many times as many episodes policies may be tried in that are level with the best."""
FEW = 64
"""Joint actions up to which all of them are tried in simulated futures before every decision."""
QUICK = 70_000
"""Transitions between joint states, under exposure, up to which the exact optimum is found at once."""
UNLIMITED = 60.0
"""Seconds for all candidates where the run has no time limit."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A candidate that was tried.

    Attributes
    ----------
    name, policy
        The solver with its options, and its policy.
    rewards, plain
        Mean reward a step [E] in each episode, less its control variate and without that.
    seconds
        What the episodes took.
    bound, message
        What the solver said besides.
    """

    name: str
    policy: Policy
    rewards: Array
    plain: Array
    seconds: float
    bound: float | None
    message: str

    @property
    def mean(self) -> float:
        """Mean reward a step over all episodes."""
        return float(self.rewards.mean())

    def behind(self, best: Trial) -> bool:
        """Return whether it earns less than the best, beyond the 95 % interval of the paired difference."""
        difference, plain = best.rewards - self.rewards, best.plain - self.plain
        return float(difference.mean()) > interval_half_width(plain[:, None], plain - difference)


@dataclass(frozen=True)
class Portfolio(Solver):
    """Let the planning solvers that fit the instance make their policies, and answer with the one that earns most.

    All policies are tried in the same simulated episodes, with common random numbers and control variates; these are other
    episodes than those that the objective is estimated in, so that the choice does not flatter it. A candidate may take half
    of the time that is left, its trial included; one that takes longer is left out, and the message says so. Those that are
    not behind the best beyond chance are tried in more episodes, as far as half of the time that is left goes. Where joint
    states are few, the exact optimum is the answer.

    Attributes
    ----------
    exact
        Whether the exact optimum is the answer where joint states are few.
    """

    exact: bool = True

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        planning = problem.view(Planning, instance)
        for _, candidate in candidates(planning):
            candidate.prepare(problem, instance)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        if self.exact and tractable(planning):
            answer = ExactPlanning().run(problem, instance, run)
            return Answer(answer.solution, bound=answer.bound, message=f"The best policy is exact. {answer.message}")
        seed = int(run.rng.integers(2**31))
        ends = time.perf_counter() + min(run.seconds_left, UNLIMITED)
        trials: list[Trial] = []
        left_out: list[str] = []
        for name, candidate in candidates(planning):
            share = SHARE * (ends - time.perf_counter()) if trials else math.inf
            try:
                trials.append(self._tried(problem, instance, run, name, candidate, share, seed))
            except OutOfTime:
                left_out.append(f"{name} (time)")
            except (FitError, SolverError) as error:
                left_out.append(f"{name} ({error})")
            run.advance()
        if not trials:
            raise SolverError(f"no policy was made: {', '.join(left_out)}.")
        trials = self._repeated(planning, trials, SHARE * (ends - time.perf_counter()), seed)
        best = max(trials, key=lambda trial: (len(trial.rewards), trial.mean))
        bounds = [trial.bound for trial in trials if trial.bound is not None]
        return Answer(best.policy, bound=min(bounds, default=None), message=summary(trials, best, left_out))

    def _tried(
        self,
        problem: Problem[Any, Any],
        instance: Instance,
        run: Run,
        name: str,
        candidate: Solver,
        seconds: float,
        seed: int,
    ) -> Trial:
        """Return what a candidate's policy earns.

        Raises
        ------
        OutOfTime
            Where it takes longer than it may.
        """
        planning = problem.view(Planning, instance)
        began = time.perf_counter()
        if seconds <= 0:
            raise OutOfTime
        limit = run.seconds_left if math.isinf(seconds) else seconds
        budget = Iterations(2**31) if math.isinf(limit) else Seconds(max(limit, 1e-3))
        own = Run(problem, instance, budget=budget, seed=run.seed, threads=run.threads)
        answer = candidate.run(problem, instance, own)
        policy = answer.solution
        if not isinstance(policy, Policy):
            raise SolverError("it gave no policy")
        made = time.perf_counter()
        timed = TimedPolicy(policy, lambda: time.perf_counter() - began > seconds)
        seen = observe(planning, timed, EPISODES, seed)
        rewards, plain = adjusted(seen.rewards, seen.control), adjusted(seen.rewards, None)
        return Trial(name, policy, rewards, plain, time.perf_counter() - made, answer.bound, answer.message)

    def _repeated(self, planning: Planning, trials: list[Trial], seconds: float, seed: int) -> list[Trial]:
        """Return the trials, those of the best policies with more episodes, where seconds allow it for all of these."""
        best = max(trials, key=lambda trial: trial.mean)
        level = [trial for trial in trials if not trial.behind(best)]
        cost = sum(trial.seconds for trial in level) / EPISODES
        more = min(MORE * EPISODES, int(seconds / max(cost, 1e-9)))
        if len(level) < 2 or more < EPISODES:
            return trials
        done = []
        for trial in trials:
            if trial in level:
                seen = observe(planning, trial.policy, more, seed + 2)
                rewards = np.concatenate((trial.rewards, adjusted(seen.rewards, seen.control)))
                plain = np.concatenate((trial.plain, adjusted(seen.rewards, None)))
                trial = replace(trial, rewards=rewards, plain=plain)
            done.append(trial)
        return done


class OutOfTime(Exception):
    """A trial took longer than it may."""


@dataclass(frozen=True, eq=False)
class TimedPolicy(Policy):
    """Do as another policy does until its time is over, then raise `OutOfTime`."""

    kind: ClassVar[str] = "timed"
    base: Policy
    late: Callable[[], bool]

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.base.kind)  # complaints shall name the policy that acts

    def bind(self, planning: Planning) -> None:
        """Let the other policy meet the instance as well, since it may remember episodes."""
        super().bind(planning)
        self.base.bind(planning)

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return what the other policy chooses."""
        if self.late():
            raise OutOfTime
        return self.base.choose(planning, states, step, rng)


def candidates(planning: Planning) -> Iterator[tuple[str, Solver]]:
    """Yield the solvers that fit an instance, by name, quick ones first."""
    if is_coupled(planning):
        yield from _for_coupled(planning)
        return
    average = planning.criterion is Criterion.AVERAGE
    yield "lagrangian", Lagrangian()
    if planning.arms.shape[1] == 2:
        yield "whittle", Whittle()
    if rewards_of_states(planning.arms):
        yield "myopic reward=next-state", Myopic(MyopicReward.NEXT_STATE)
    else:
        yield "myopic", Myopic()
    yield "constant", Constant()
    if average:
        yield "lp-priority", LPPriority()
        yield "lp-priority focus=id", LPPriority(Focus.ID)
        yield "follow-virtual-advice", FollowVirtualAdvice()
    else:
        yield "rollout", Rollout()
        if planning.actions.enumerate(FEW) is not None:
            yield f"rollout candidates={FEW}", Rollout(candidates=FEW)
    yield "lp-update", LPUpdate()


def _for_coupled(planning: Planning) -> Iterator[tuple[str, Solver]]:
    """Yield the solvers that take arms coupled by a joint reward or exposure, by name, quick ones first."""
    if planning.joint is None and rewards_of_states(arms_alone(planning)):
        yield "myopic reward=next-state", Myopic(MyopicReward.NEXT_STATE)
    else:
        yield "myopic", Myopic()
    yield "lagrangian", Lagrangian()
    yield "constant", Constant()
    yield "rollout", Rollout()


def tractable(planning: Planning) -> bool:
    """Return whether the optimum over all joint states is found at once."""
    arms, arm_actions, states = planning.arms.shape
    if planning.exposure is not None and states ** (2 * arms) > QUICK:
        return False
    return bool(joint_number(planning) <= ExactPlanning.most_states and arm_actions**arms <= MOST_ACTIONS // 16)


def summary(trials: list[Trial], best: Trial, left_out: list[str]) -> str:
    """Return which policy was best and by how much, which were tried, and which there was no time for."""
    others = sorted((trial for trial in trials if trial is not best), key=lambda trial: -trial.mean)
    parts = [f"The best policy is that of {best.name}, which earned {best.mean:.6g} a step in {len(best.rewards)} episodes."]
    if others:
        told = ", ".join(f"{trial.name} {trial.mean:.6g}" for trial in others)
        parts.append(f"The others: {told}.")
    if left_out:
        parts.append(f"Left out: {', '.join(left_out)}.")
    return " ".join([*parts, best.message]).strip()
