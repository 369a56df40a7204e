"""`Sequoia`: a Q-network of joint actions by fitted policy iteration, maximised exactly over the action set."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.clock import Share, Timer
from redwood.errors import FitError, OptionError, suggestion
from redwood.planning.additive_policy import AdditivePolicy
from redwood.planning.contract import Planning, Policy, check_finite
from redwood.planning.coupling import ConcaveReward
from redwood.planning.evaluation import RecordingPolicy, half_width
from redwood.planning.files import load_policy
from redwood.planning.steps import arms_alone
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.solvers.sequoia.coordination_policy import CoordinationPolicy, fits
from redwood.solvers.sequoia.learning.fitted import TRIED, collect, fit
from redwood.solvers.sequoia.policy import QPolicy
from redwood.trainable import Trainable, TrainingConfig
from redwood.views.bound import Bound

if TYPE_CHECKING:
    from redwood.solvers.sequoia.future_policy import FuturePolicy

    Network = FuturePolicy | CoordinationPolicy

MODES = ("fitted", "published")
START = 0.15
"""Share of the time for the additive values that learning starts from."""
SAMPLING = 0.5
"""Share of a round's time for its samples; the rest is for the fit."""
TRIALS = 1000
"""Episodes in which networks are compared with each other and with their start, with common random numbers."""
FIRST_RESERVE = 8.0
"""Time kept in the first round for the network's trial and comparison, as a multiple of what the trial of the start took."""
RESERVE = 4.0
"""The same in later rounds, as a multiple of what the trial took in the round before."""


@dataclass(frozen=True)
class Sequoia(Solver, Trainable):
    """SEQUOIA: a Q-network of joint actions, maximised exactly: by dynamic programming, a list, or a program on HiGHS.

    Q of a state and a joint action is this step's exact expected reward, joint reward and exposure included, and what a
    network says of the future. Where neighbours expose each other, that is a coordination graph: a graph network of the
    joint state says what each pull is worth and what two pulls next to each other add, which dynamic programming maximises
    exactly. Elsewhere it is a network of the probabilities of all arms' next states, which the action decides. It is fitted
    to what a policy earns in simulated episodes, first the best additive one, then the best network so far; the best
    network in trial episodes is the answer. The message says whether it is ahead of that start, and in what share of
    visited states it acts differently; the answer is a Q-network in any case. The budget of the call is training time.

    Attributes
    ----------
    rounds
        Rounds of policy iteration; each samples the future of one policy.
    states
        States that are sampled in a round; four joint actions are tried in each. Fewer where the time would not suffice.
    hidden
        ReLUs of the network, or of each layer of a coordination graph: more of them tell more apart, and make programs
        slower.
    steps
        Gradient steps of a round.
    gap
        Relative distance of an action's Q to the proven bound on all others' at which a program may end.
    weights
        The file of a trained Q-network, which is then taken as it is.
    mode
        ``fitted``, or ``published``: deep Q-learning with the network and the hyper-parameters of Xu et al.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled restless bandits,
    ICLR, arXiv:2503.01919.
    """

    rounds: int = 6
    states: int = 5000
    hidden: int = 32
    steps: int = 500
    gap: float = 1e-6
    weights: str = ""
    mode: str = "fitted"

    def __post_init__(self) -> None:
        for name in ("rounds", "states", "hidden", "steps"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} {getattr(self, name)} is below 1; give at least 1.")
        if not 0 <= self.gap < math.inf:
            raise OptionError(f"gap {self.gap} is not a finite number from 0 on.")
        if self.mode not in MODES:
            raise OptionError(f"mode {self.mode!r} is not known.{suggestion(self.mode, MODES)}")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        if self.mode == "published":
            from redwood.solvers.sequoia.deep_q import warm_up

            return warm_up(problem.view(Planning, instance))
        import highspy  # noqa: F401
        import scipy.optimize
        import scipy.stats  # noqa: F401

        import redwood.solvers.sequoia.learning.fitted  # noqa: F401
        from redwood.solvers.sequoia.networks.network import load_optimisers

        load_optimisers()
        if problem.offers(Bound):  # what it starts from needs the same kernels
            problem.view(Bound, instance).warm_up()
        planning = problem.view(Planning, instance)
        planning.actions.argmax(arms_alone(planning).rewards[:, :, 0])
        if planning.exposure is None or planning.exposure.by_states:
            self._warm_up(planning)

    def _warm_up(self, planning: Planning) -> None:
        """Compile what decisions of a network need, before the clock starts."""
        if fits(planning):
            from redwood.solvers.sequoia.networks.coordination import neighbours
            from redwood.solvers.sequoia.search.pairs import PairMaximum

            maximum = PairMaximum(planning.actions, neighbours(planning))
            none = np.zeros((1, planning.arms.shape[0])), np.zeros((1, len(maximum.edges)))
            maximum.best(*none)
            maximum.climbed(*none)
            return
        from redwood.solvers.sequoia.future_policy import FuturePolicy

        arms, states = planning.arms.start.shape
        nothing, one = np.zeros((planning.horizon + 1, arms, states)), np.zeros(1)
        policy = FuturePolicy(nothing, np.zeros((1, arms, states)), one, one, one, exact=False)
        if planning.joint is None or isinstance(planning.joint, ConcaveReward):
            policy.choose(planning, np.zeros((1, arms), np.int64), 0, np.random.default_rng(0))

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        check_finite(planning, "a Q-network of SEQUOIA")
        if self.weights:
            return Answer(self._trained(planning))
        if self.mode == "published":
            from redwood.solvers.sequoia.deep_q import deep_q

            return deep_q(planning, run)
        if planning.exposure is not None and not planning.exposure.by_states:
            raise FitError(
                "what arms emit depends on their actions, and a Q-network of next states needs what is known before."
            )
        return self._learned(planning, run)

    def _learned(self, planning: Planning, run: Run) -> Answer:
        """Return the best network of all rounds, and how it compares with what it started from."""
        from redwood.planning.bounds.coupled import additive_values, coupled_bound

        bound = coupled_bound(planning, Share(run, START)) / planning.horizon
        found = additive_values(planning, Share(run, START), int(run.rng.integers(2**31)))
        start = AdditivePolicy(found.values, "lagrangian", exact=planning.joint is None)
        trial = int(run.rng.integers(2**31))
        watch = Timer()
        earned = planning.rollouts(start, TRIALS, trial).mean(axis=1)
        reserve = FIRST_RESERVE * watch.seconds
        best: _Tried | None = None
        reported: _Tried | None = None
        policy: AdditivePolicy | Network = start
        sampled = 0
        for number in range(self.rounds):
            if best is not None and best is not reported:  # the last one is the answer
                run.report(replace(best.policy, exact=True, gap=self.gap))
                reported = best
            seconds = max(0.0, run.seconds_left - reserve) / (self.rounds - number)
            network, count = self._round(planning, policy, run, seconds)
            sampled += count
            watch = Timer()
            tried = _Tried(network, number + 1, planning.rollouts(network, TRIALS, trial).mean(axis=1))
            if best is None or tried.earned.mean() > best.earned.mean():
                best = tried
            reserve = RESERVE * watch.seconds
            policy = best.policy
            run.advance()
            if run.stops() or run.seconds_left < 2.0 * reserve:  # as much again for a round
                break
        if best is None:
            raise OptionError(f"rounds {self.rounds} is below 1.")
        differing = _differing(planning, best.policy, start, trial)
        message = _summary(best, earned, differing, sampled, self.hidden, found.name)
        return Answer(replace(best.policy, exact=True, gap=self.gap), bound=bound + 1e-9 * abs(bound), message=message)

    def _round(self, planning: Planning, policy: AdditivePolicy | Network, run: Run, seconds: float) -> tuple[Network, int]:
        """Return a network fitted to new samples of a policy's future, and how many samples these are."""
        clock = Share(run, min(1.0, seconds / run.seconds_left) if math.isfinite(seconds) and run.seconds_left > 0 else 1.0)
        states = self.states
        if math.isfinite(seconds):
            states = max(planning.horizon, min(states, affordable(planning, policy, SAMPLING * seconds)))
        samples = collect(planning, policy, policy, policy.values, states, run.rng, Share(clock, SAMPLING).stops)
        if fits(planning):
            from redwood.solvers.sequoia.learning.coordination_fit import fit_coordination

            made = fit_coordination(planning, samples, policy.values, self.hidden, self.steps, run.rng, clock)
            return made, samples.earned.size
        dense = fit(planning, samples, policy.values, self.hidden, self.steps, run.rng, clock.stops)
        return dense, samples.earned.size

    def _trained(self, planning: Planning) -> Policy:
        """Return the Q-network of a file.

        Raises
        ------
        OptionError
            Where it holds another kind of policy.
        FitError
            Where it is for an instance of another shape.
        """
        from redwood.solvers.sequoia.future_policy import FuturePolicy

        found = load_policy(self.weights)
        if isinstance(found, (FuturePolicy, CoordinationPolicy)):
            own, needed = found.values.shape, (planning.horizon + 1, *planning.arms.start.shape)
        elif isinstance(found, QPolicy):
            own, needed = found.shape.tolist(), planning.arms.shape
        else:
            raise OptionError(f"weights {self.weights} hold a policy of the kind {found.kind!r}, not a Q-network.")
        if tuple(own) != tuple(needed):
            raise FitError(f"weights {self.weights} are for shapes {list(own)}; this instance has {list(needed)}.")
        return found

    @classmethod
    def train(cls, problem: Problem[Any, Any], config: TrainingConfig, **options: Any) -> Path:
        """Train for one instance until the hours, the rounds or the episodes are over, and return the file of the policy.

        With ``mode="published"`` there are checkpoints, and after a crash the same call goes on from the last one, exactly.

        Parameters
        ----------
        problem
            One of planning.
        config
            The folder, the hours and the seed.
        **options
            Those of the solver; with ``instance=``, the path of an instance, or ``variant=`` and ``size=`` to generate one.

        Raises
        ------
        OptionError
            Where an option is unknown or the folder belongs to another training.
        FitError
            Where the problem is not one of planning.
        """
        if not problem.offers(Planning):
            raise FitError(f"problem {problem.name!r} is not one of planning, so there is no Q-network to train.")
        from redwood.solvers.sequoia.learning.instance_training import train_fitted, train_published

        if options.get("mode") == "published":
            return train_published(problem, config, {name: options[name] for name in options if name != "mode"})
        return train_fitted(problem, config, cls, options)


@dataclass(frozen=True, eq=False)
class _Tried:
    """A network's policy, the round that it is of, and its mean rewards a step [E] in trial episodes."""

    policy: Network
    round: int
    earned: Array


def affordable(planning: Planning, policy: Policy, seconds: float) -> int:
    """Return in how many states a policy's future can be sampled in some seconds, by the time that a few decisions take."""
    rng = np.random.default_rng(0)
    states = rng.integers(0, planning.arms.shape[2], (256, planning.arms.shape[0]))
    taken = []
    for _ in range(3):  # the first time fills caches
        watch = Timer()
        policy.choose(planning, states, 0, rng)
        taken.append(watch.seconds)
    decision = min(taken) / len(states)
    return int(seconds / max(1e-9, decision * planning.horizon * (1 + TRIED)) * 2)


def _differing(planning: Planning, policy: Network, start: Policy, seed: int) -> float:
    """Return the share of states, visited by a network's policy, in which its action is another one than the start's."""
    recorder = RecordingPolicy(policy)
    planning.rollouts(recorder, 50, seed + 1)
    rng, others, total = np.random.default_rng(0), 0, 0
    for step, (states, arm_actions) in enumerate(zip(recorder.states, recorder.arm_actions, strict=True)):
        plain = start.choose(planning, states.astype(np.int64), step, rng)
        others += int((plain != arm_actions).any(axis=1).sum())
        total += len(states)
    return others / total


def _summary(best: _Tried, start: Array, differing: float, sampled: int, hidden: int, name: str) -> str:
    """Return what the network came to beside its start."""
    ahead = best.earned - start
    mean, half = float(ahead.mean()), half_width(ahead)
    told = (
        f"{mean:+.4g} +- {half:.2g} a step beside its start, an exact step and the future of {name}, in {len(start)} trials"
    )
    outcome = "" if mean > half else " Learning did not beat its start."
    return (
        f"The Q-network of round {best.round}, {hidden} ReLUs wide, fitted to {sampled} samples, is {told}.{outcome} "
        f"Its action differs from the start's in {100 * differing:.0f} % of the states visited."
    )
