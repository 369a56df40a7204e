"""`IterativeDQN`: the learned baseline of the paper, a Q-network without the program at decision time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from redwood.errors import OptionError
from redwood.solvers.sequoia.solver import Sequoia


@dataclass(frozen=True)
class IterativeDQN(Sequoia):
    """Learn the Q-network as `Sequoia` does, and act by raising one arm after another, each time for the greatest Q.

    The published code orders arms of schedules by one-step rewards instead of Q, gives workers of the capacity domain
    arms by ratios to costs, and returns 0 for paths; here every domain climbs on Q over its own true action set, and
    interventions are chosen one at a time. The options are those of `HyperParameters`.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), arXiv:2503.01919, section 6, the baseline "iterative DQN".
    """

    policy_kind: ClassVar[str] = "redwood.solvers.sequoia.climbing:ClimbingPolicy"
    network: str = "relu"
    coupling: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rollout:
            raise OptionError("rollout= is for sequoia: iterative-dqn raises one arm after another.")
        if self.coupling:
            raise OptionError("coupling= is for sequoia: iterative-dqn raises one arm after another.")
