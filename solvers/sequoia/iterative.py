"""`IterativeDQN`: the learned baseline of the paper, a Q-network without the program at decision time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redwood.planning.contract import Planning, check_finite
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver


@dataclass(frozen=True)
class IterativeDQN(Solver):
    """Learn the Q-network as published, and act by raising one arm after another, each time for the greatest Q.

    The published code orders arms of schedules by one-step rewards instead of Q, gives workers of the capacity domain
    arms by ratios to costs, and returns 0 for paths; here every domain climbs on Q over its own true action set, and
    interventions are chosen one at a time. The budget of the call is training time.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), arXiv:2503.01919, section 6, the baseline "iterative DQN".
    """

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        from redwood.solvers.sequoia.deep_q import warm_up

        warm_up(problem.view(Planning, instance))

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        from redwood.solvers.sequoia.climbing import ClimbingPolicy
        from redwood.solvers.sequoia.deep_q import deep_q

        planning = problem.view(Planning, instance)
        check_finite(planning, "a Q-network of SEQUOIA")
        return deep_q(planning, run, ClimbingPolicy)
