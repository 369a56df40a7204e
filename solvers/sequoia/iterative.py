"""`IterativeDQN`: the learned baseline of the paper, a Q-network without the program at decision time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from redwood.solvers.sequoia.deep_q import DeepQ


@dataclass(frozen=True)
class IterativeDQN(DeepQ):
    """Learn the Q-network as `DeepQ` does, and act by raising one arm after another, each time for the greatest Q.

    The published code orders arms of schedules by one-step rewards instead of Q, gives workers of the capacity domain
    arms by ratios to costs, and returns 0 for paths; here every domain climbs on Q over its own true action set, and
    interventions are chosen one at a time. The options are those of `HyperParameters`.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), arXiv:2503.01919, section 6, the baseline "iterative DQN".
    """

    policy_kind: ClassVar[str] = "redwood.solvers.sequoia.climbing:ClimbingPolicy"
    network: str = "relu"
