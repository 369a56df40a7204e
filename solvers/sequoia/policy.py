"""`QPolicy`: in each state the joint action that a Q-network values most, with a proven bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Planning, Policy
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
    hidden
        Widths [L] of its hidden layers.
    shape
        Numbers [3] of arms, actions of an arm, and states of an arm.
    weights
        All its parameters [P].
    horizon
        Steps of an episode.
    unit
        What an output of 1 stands for.
    """

    kind: ClassVar[str] = "q-network"
    hidden: Array
    shape: Array
    weights: Array
    horizon: int
    unit: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", frozen(self.hidden, np.int64))
        object.__setattr__(self, "shape", frozen(self.shape, np.int64))
        object.__setattr__(self, "weights", frozen(self.weights, np.float64))
        if self.shape.shape != (3,) or not np.isfinite(self.weights).all():
            raise SolutionError(f"a Q-network needs a shape [3], not {list(self.shape.shape)}, and finite weights.")

    def describe(self) -> dict[str, Any]:
        """Return that a Q-network decides, each action a proven maximum."""
        return {"decides_by": "q-network", "proven": True}

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
        return [embedding.decide(conditioned) for conditioned in self.conditioned(actions, states, step)]

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
                    f"the network is for {network.shape.arms} arms of {network.shape.arm_actions} actions; the action set "
                    f"has {actions.arms} of {actions.arm_actions}."
                )
            kept[actions] = network, Embedding(actions, network.matrices())
        loaded: tuple[QNetwork, Embedding] = kept[actions]
        return loaded

    def module(self) -> QNetwork:
        """Return the network as a torch module."""
        from redwood.solvers.sequoia.networks.network import QNetwork, Shape

        arms, arm_actions, states = self.shape.tolist()
        made = QNetwork(Shape(arms, arm_actions, states, self.horizon, tuple(self.hidden.tolist()), self.unit))
        made.load_vector(self.weights)
        return made


_LOADED: WeakKeyDictionary[QPolicy, WeakKeyDictionary[ActionSet, Any]] = WeakKeyDictionary()


def policy_of(network: QNetwork, kind: type[QPolicy] = QPolicy) -> QPolicy:
    """Return the policy of a network as it is now, of the kind that acts on it."""
    shape = network.shape
    size = np.array([shape.arms, shape.arm_actions, shape.states])
    return kind(np.array(shape.hidden), size, network.vector(), shape.horizon, shape.unit)
