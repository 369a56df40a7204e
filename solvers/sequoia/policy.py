"""`QPolicy`: in each state the joint action that a Q-network values most, with a proven bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.contract import ActionSet, Planning, Policy
from redwood.problem import frozen

if TYPE_CHECKING:
    from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork
    from redwood.solvers.sequoia.networks.network import QNetwork
    from redwood.solvers.sequoia.search.embedding import Decision, Embedding


@dataclass(frozen=True, eq=False)
class QPolicy(Policy):
    """Take the action of the greatest Q.

    Attributes
    ----------
    network
        Form of the network, as in `redwood.solvers.sequoia.networks.network.Shape`.
    hidden
        Widths [L] of its hidden layers.
    table
        Q-values [T, J, A, S] that a ``residual`` network corrects; zeros for others.
    weights
        All its parameters [P].
    horizon
        Steps of an episode.
    unit
        What an output of 1 stands for.
    programs
        Whether actions that a search cannot prove to be the best are decided by a mixed-integer program.
    slack
        Relative distance of an action's value to the bound on all others' up to which it counts as proven.
    """

    kind: ClassVar[str] = "q-network"
    network: str
    hidden: Array
    table: Array
    weights: Array
    horizon: int
    unit: float = 1.0
    programs: bool = True
    slack: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", frozen(self.hidden, np.int64))
        object.__setattr__(self, "table", frozen(self.table, np.float64))
        object.__setattr__(self, "weights", frozen(self.weights, np.float64))
        if self.table.ndim != 4 or not np.isfinite(self.weights).all():
            raise SolutionError(f"a Q-network needs a table [T, J, A, S], not {list(self.table.shape)}, and finite weights.")

    def describe(self) -> dict[str, Any]:
        """Return that a Q-network decides; a ``residual`` one that corrects nothing is its table of Lagrangian values."""
        idle = self.network == "residual" and self.module().corrects_nothing
        return {"decides_by": "lagrangian" if idle else "q-network", "proven": self.programs, "gap": self.slack}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action in each episode's states; equal states are decided once."""
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        arm_actions = np.array([decision.arm_actions for decision in self.decisions(planning.actions, distinct, step)])
        return arm_actions[rows.ravel()]

    def decisions(self, actions: ActionSet, states: Array, step: int) -> list[Decision]:
        """Return the actions for states [E, J] with their values and proven bounds on every other action's.

        Raises
        ------
        SolverError
            Where HiGHS fails, or its answer does not stand the checks.
        """
        _, embedding = self._loaded(actions)
        return [
            embedding.decide(conditioned, slack=max(self.slack, 1e-7))
            for conditioned in self.conditioned(actions, states, step)
        ]

    def conditioned(self, actions: ActionSet, states: Array, step: int) -> list[ConditionedNetwork]:
        """Return the network as a function of the action alone, in each of the states [E, J] at a step."""
        from redwood.solvers.sequoia.networks.network import single_thread

        network, _ = self._loaded(actions)
        with single_thread():
            return network.condition(states, np.full(len(states), min(step, self.horizon - 1)))

    def _loaded(self, actions: ActionSet) -> tuple[QNetwork, Embedding]:
        """Return the network and its program for an action set, made at the first call."""
        kept = _LOADED.setdefault(self, WeakKeyDictionary())
        if actions not in kept:
            from redwood.solvers.sequoia.search.embedding import Embedding

            network = self.module()
            if network.shape.arms != actions.arms or network.shape.arm_actions != actions.arm_actions:
                raise SolutionError(
                    f"the network is for {network.shape.arms} arms of {network.shape.arm_actions} actions; the "
                    f"action set has "
                    f"{actions.arms} of {actions.arm_actions}."
                )
            kept[actions] = network, Embedding(actions, network.matrices(), programs=self.programs)
        loaded: tuple[QNetwork, Embedding] = kept[actions]
        return loaded

    def module(self) -> QNetwork:
        """Return the network as a torch module."""
        from redwood.solvers.sequoia.networks.network import QNetwork, Shape

        _, arms, arm_actions, states = self.table.shape
        shape = Shape(self.network, arms, arm_actions, states, self.horizon, tuple(self.hidden.tolist()), self.unit)
        made = QNetwork(shape, self.table)
        made.load_vector(self.weights)
        return made


_LOADED: WeakKeyDictionary[QPolicy, WeakKeyDictionary[ActionSet, Any]] = WeakKeyDictionary()


def policy_of(network: QNetwork, kind: type[QPolicy] = QPolicy, *, programs: bool = True, slack: float = 0.0) -> QPolicy:
    """Return the policy of a network as it is now, of the kind that acts on it.

    Parameters
    ----------
    network
        Gives its table, its weights and its shape.
    kind
        The class of the policy.
    programs
        Whether programs prove what the search alone does not.
    slack
        Relative distance of bound and value up to which an action counts as proven.
    """
    shape = network.shape
    table, weights = network.table.numpy(), network.vector()
    return kind(shape.kind, np.array(shape.hidden), table, weights, shape.horizon, shape.unit, programs, slack)
