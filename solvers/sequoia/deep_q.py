"""`deep_q`: deep Q-learning of joint actions as published, for ``mode="published"`` and the baseline that climbs."""

from __future__ import annotations

import numpy as np

from redwood.clock import Share
from redwood.planning.contract import Planning
from redwood.solver import Answer, Run
from redwood.solvers.sequoia.learning.hyper_parameters import PUBLISHED
from redwood.solvers.sequoia.policy import QPolicy


def warm_up(planning: Planning) -> None:
    """Import and compile what learning needs, before the clock starts."""
    import highspy  # noqa: F401
    import scipy.optimize  # noqa: F401

    import redwood.solvers.sequoia.learning.learner  # noqa: F401
    from redwood.solvers.sequoia.networks.network import load_optimisers

    load_optimisers()
    planning.actions.argmax(planning.arms.rewards[:, :, 0])
    planning.actions.program.maximise(np.zeros(planning.arms.shape[:2]))  # with values it can take hours, for walks


def deep_q(planning: Planning, run: Run, kind: type[QPolicy] = QPolicy) -> Answer:
    """Return the policy of the network that was best in trial episodes, trained until the budget of the run is spent.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled restless bandits,
    ICLR, arXiv:2503.01919.
    """
    from redwood.solvers.sequoia.learning.learner import Learner

    learner = Learner(planning, PUBLISHED, run.seed, kind)
    learner.prepare(Share(run, 0.5).stops)
    run.report(learner.policy())
    learner.learn(run.stops, run.advance)
    message = f"{learner.episode} episodes, {learner.updates} gradient steps, trial {learner.best_trial:.6g} a step."
    return Answer(learner.policy(), message=message)
