"""`DeepQ`: deep Q-learning of joint actions, as published and with other networks; the base of `published` and baselines."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.clock import Clock, Share
from redwood.errors import FitError, OptionError
from redwood.lazy import load_target
from redwood.planning.contract import Planning, Policy, check_finite
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.solvers.sequoia.learning.clocks import Until
from redwood.solvers.sequoia.learning.hyper_parameters import HyperParameters
from redwood.trainable import Trainable, TrainingConfig

if TYPE_CHECKING:
    from redwood.planning.bounds.pricing import Relaxation

SHARE = 0.3
"""Share of the time that the Lagrangian values of ``residual`` may take."""
IMPROVING = 0.5
"""Share of the time left that their improvement may take before learning begins."""


@dataclass(frozen=True)
class DeepQ(HyperParameters, Solver, Trainable):
    """Deep Q-learning with combinatorial actions, on HiGHS. The budget of the call is training time.

    The options are those of `HyperParameters`, and four more.

    A decision of a network is the action of the greatest Q over the whole set, with a proven bound on any other's: exactly
    where the set can be listed, elsewhere up to ``slack`` (0 for exactly); see
    `redwood.solvers.sequoia.search.embedding.Embedding`. The network that was best in simulated trials, apart from the
    episodes of the objective, is the answer.

    ``residual``, the default, begins as the Lagrangian policy, its values improved by `redwood.planning.improving.improve`,
    and corrects these; a trained network is kept only where it is ahead in trial episodes with 95 % confidence.

    Attributes
    ----------
    weights
        The file of a trained policy, or the name of a network that Redwood ships
        (`redwood.solvers.sequoia.networks.shipped`), which is then taken as it is.
    logged
        A file of episodes (`save_log` of `redwood.solvers.sequoia.learning.offline`): nothing but that and the action set is
        used, neither the arms' probabilities nor a simulation.
    temperature, pessimism
        With ``logged``, those of `redwood.solvers.sequoia.learning.offline.learn_offline`.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled restless bandits,
    ICLR, arXiv:2503.01919.
    """

    weights: str = ""
    logged: str = ""
    temperature: float = 1.0
    pessimism: float = 0.5
    policy_kind: ClassVar[str] = "redwood.solvers.sequoia.policy:QPolicy"

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        import highspy  # noqa: F401
        import scipy.optimize  # noqa: F401

        import redwood.solvers.sequoia.learning.learner  # noqa: F401
        from redwood.solvers.sequoia.networks.network import load_optimisers

        load_optimisers()
        planning = problem.view(Planning, instance)
        planning.actions.argmax(planning.arms.rewards[:, :, 0])
        planning.actions.program.maximise(np.zeros(planning.arms.shape[:2]))  # with values it can take hours, for walks

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        from redwood.solvers.sequoia.learning.learner import Learner

        planning = problem.view(Planning, instance)
        check_finite(planning, "a Q-network of SEQUOIA")
        if self.weights:
            return self._trained(planning, run, run.seed)
        if self.logged:
            return self._offline(planning, run.seed)
        begun = self.begun(planning, run, run.seed)
        kind = load_target(self.policy_kind)
        learner = Learner(planning, self, run.seed, begun.table, kind, begun.values)
        if begun.table is not None:  # what it starts from is worth having, and trials take their time
            run.report(learner.policy())
        learner.prepare(Share(run, 0.5).stops)
        if begun.table is None:
            run.report(learner.policy())
        learner.learn(run.stops, run.advance)
        message = f"{learner.episode} episodes, {learner.updates} gradient steps, trial {learner.best_trial:.6g} a step."
        message = " ".join(filter(None, (begun.message, message)))
        return Answer(learner.policy(), bound=begun.bound, message=message)

    def _trained(self, planning: Planning, clock: Clock, seed: int) -> Answer:
        """Return the policy of a file, to act in this solver's way."""
        from redwood.planning.improving import scaled
        from redwood.solvers.sequoia.arm_policy import ArmPolicy
        from redwood.solvers.sequoia.networks.shipped import network_at
        from redwood.solvers.sequoia.policy import QPolicy

        found = network_at(self.weights)
        if isinstance(found, ArmPolicy):
            taken = replace(self, weights="", network="residual")
            relaxation = relax_within(planning, clock)
            values = found.values(planning, relaxation)
            table = scaled(planning, values)
            return Answer(taken.policy_of_table(planning, table, seed), bound=relaxation.bound(planning.horizon))
        if not isinstance(found, QPolicy):
            raise OptionError(f"weights {self.weights} hold a policy of the kind {found.kind!r}, not a Q-network.")
        self._refuse_other(found.table.shape[1:], planning.arms.shape)
        kind = load_target(self.policy_kind)
        return Answer(kind(**{entry.name: getattr(found, entry.name) for entry in fields(found)}))

    def _refuse_other(self, own: tuple[int, ...], needed: tuple[int, ...]) -> None:
        """Raise `FitError` where trained weights are for an instance of another shape."""
        if own != needed:
            raise FitError(f"weights {self.weights} are for shapes {list(own)}; this instance has {list(needed)}.")

    def _offline(self, planning: Planning, seed: int) -> Answer:
        """Return the policy that a log teaches."""
        from redwood.solvers.sequoia.learning.offline import learn_offline, load_log

        shape = planning.arms.shape
        log = load_log(self.logged, shape, planning.horizon)
        table = learn_offline(
            log, planning.actions, shape, planning.discount, temperature=self.temperature, pessimism=self.pessimism
        )
        return Answer(replace(self, logged="", network="residual").policy_of_table(planning, table, seed))

    def policy_of_table(self, planning: Planning, table: Array, seed: int) -> Policy:
        """Return the policy of a residual network that corrects Q-values [H, J, A, S] by nothing."""
        from redwood.solvers.sequoia.learning.learner import Learner

        return Learner(planning, self, seed, table, load_target(self.policy_kind)).policy()

    def begun(self, planning: Planning, clock: Clock, seed: int) -> Begun:
        """Return what training starts from: for ``residual`` the Lagrangian values, improved."""
        if self.with_preset().network != "residual":
            if self.start:
                raise OptionError("start= is for network residual: a network of arms corrects Lagrangian values.")
            return Begun()
        from redwood.planning.improving import improve, scaled

        relaxation = relax_within(planning, clock)
        until = Until(clock, IMPROVING * clock.seconds_left)
        found = improve(
            planning,
            relaxation.values,
            rounds=self.improvements,
            episodes=self.improvement_episodes,
            seed=seed,
            stops=until.stops,
            start=self._transferred(planning, relaxation) if self.start else None,
        )
        message = (
            f"{found.accepted} of {found.tried} improvements accepted, {found.ahead:.4g} +- {1.96 * found.error:.2g} a step "
            f"ahead of the Lagrangian policy in trials."
        )
        return Begun(scaled(planning, found.values), found.values, relaxation.bound(planning.horizon), message)

    def _transferred(self, planning: Planning, relaxation: Relaxation) -> Array:
        """Return the Q-values [H + 1, J, S] that a network of arms gives."""
        from redwood.solvers.sequoia.arm_policy import ArmPolicy
        from redwood.solvers.sequoia.networks.shipped import network_at

        found = network_at(self.start)
        if not isinstance(found, ArmPolicy):
            raise OptionError(f"start {self.start} holds a policy of the kind {found.kind!r}, not a network of arms.")
        return found.values(planning, relaxation)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0 or not self.pessimism >= 0:
            raise OptionError(
                f"temperature {self.temperature} must be positive, and pessimism {self.pessimism} not negative."
            )
        if sum(map(bool, (self.weights, self.logged, self.start))) > 1:
            raise OptionError("weights=, logged= and start= exclude each other.")

    @classmethod
    def train(cls, problem: Problem[Any, Any], config: TrainingConfig, **options: Any) -> Path:
        """Train until the hours or the episodes are over, and return the file of the policy.

        It is for one instance; or, with ``instances=``, a network of arm parameters for every instance of the domain. The
        options are those of `HyperParameters` and of the instance:

        Parameters
        ----------
        instance
            Path of the instance; by default one is generated from ``variant``, ``size`` and the seed, as `generate` does.
        variant, size
            Of the generated instance; with ``instances=`` a list of sizes takes turns.
        instances
            How many instances a network of arms (`redwood.solvers.sequoia.arm_policy.ArmPolicy`) learns from. Of the
            hyper-parameters it takes ``hidden``, ``improvements`` (rounds), ``improvement_episodes`` (of each instance in
            each) and ``pretraining`` (gradient steps in each).
        checkpoint_seconds
            Seconds between checkpoints; after a crash the training goes on from the last one, exactly.

        Raises
        ------
        OptionError
            Where an option is unknown or the folder belongs to another training.
        FitError
            Where the problem is not one of planning.
        """
        if not problem.offers(Planning):
            raise FitError(f"problem {problem.name!r} is not one of planning, so there is no Q-network to train.")
        names = [entry.name for entry in fields(HyperParameters)]
        chosen = {name: options.pop(name) for name in names if name in options}
        every = float(options.pop("checkpoint_seconds", 10.0))
        if "instances" in options:
            from redwood.solvers.sequoia.learning.shared_training import train_shared

            return train_shared(problem, config, cls(**chosen), options)
        from redwood.solvers.sequoia.learning.instance_training import train_instance

        return train_instance(problem, config, cls(**chosen), every, options)


@dataclass(frozen=True, eq=False)
class Begun:
    """What a network starts from: Q-values [H, J, A, S] and values of states [H + 1, J, S], a bound a step."""

    table: Array | None = None
    values: Array | None = None
    bound: float | None = None
    message: str = ""


def relax_within(planning: Planning, clock: Clock) -> Relaxation:
    """Return the relaxation at the best prices that a share of the time allows."""
    from redwood.planning.bounds.pricing import relax

    return relax(planning, Until(clock, SHARE * clock.seconds_left))
