"""What an instance of coupled restless bandits is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Arms
from redwood.planning.coupling import Exposure, JointReward
from redwood.planning.estimation.provenance import Provenance
from redwood.problem import Instance, add_to_digest


@dataclass(frozen=True, eq=False, kw_only=True)
class BanditInstance(Instance):
    """Arms, the joint actions allowed in every step, and for how long.

    Attributes
    ----------
    arms
        The Markov chains: transitions [J, A, S, S], expected rewards [J, A, S] and start distribution [J, S].
    actions
        The set of joint actions; it has as many arms as ``arms``, and at most as many actions.
    horizon
        Number of steps H.
    discount
        The reward of step t counts ``discount ** t``; 1 for the plain mean.
    criterion
        ``finite`` for the horizon's steps, ``average`` for the average reward a step, estimated over as many.
    exposure
        How transitions depend on other arms; those of ``arms`` are then of exposure class 0.
    joint
        A reward of all arms together, added to theirs.
    arm_names
        Name [J] of each arm, or none.
    provenance
        What is kept of the log that the arms were estimated from, or none.
    """

    problem: ClassVar[str] = "cormab"
    arms: Arms
    actions: ActionSet
    horizon: int = 20
    discount: float = 1.0
    criterion: str = "finite"
    exposure: Exposure | None = None
    joint: JointReward | None = None
    arm_names: tuple[str, ...] = field(default=(), metadata={"label": True})
    provenance: Provenance | None = field(default=None, metadata={"label": True})

    @property
    def size(self) -> int:
        """Number of arms J."""
        return len(self.arms.rewards)

    @property
    def magnitude(self) -> float:
        """The most that rewards of a step can sum to, of either sign."""
        alone = float(np.abs(self.arms.rewards).max(axis=(1, 2)).sum())
        return alone if self.joint is None else alone + self.joint.magnitude

    def fingerprint(self) -> str:
        """Return a SHA-256 over everything but the name; arms that nothing couples keep the one that they always had."""
        coupling = [entry for entry in (self.exposure, self.joint) if entry is not None]
        digest = hashlib.sha256(self.problem.encode())
        for name in ("arms", "actions", "horizon", "discount", "criterion"):
            add_to_digest(digest, name, getattr(self, name))
        for entry in coupling:
            add_to_digest(digest, type(entry).__name__, entry)
        return digest.hexdigest()
