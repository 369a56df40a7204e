"""`CoordinationPolicy`: the exact reward of this step, and a coordination graph for what follows, maximised exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, SolutionError
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Planning, Policy
from redwood.planning.joint_maximum import JointMaximum
from redwood.problem import frozen
from redwood.solvers.sequoia.search.pairs import PairMaximum, value_of_pairs

if TYPE_CHECKING:
    from redwood.solvers.sequoia.networks.coordination import CoordinationNetwork

BLOCK = 4096
"""States that go through the network at once."""


@dataclass(frozen=True, eq=False)
class CoordinationPolicy(Policy):
    """Take the joint action of the greatest Q: a sum over pulled arms and over pairs of neighbours that are both pulled.

    What a pull brings is this step's exact reward, the additive value of where the arm goes, and what a graph network of the
    joint state says; what both pulls of a pair add is the network's. Q is relative to pulling nobody. Its maximum is exact:
    by dynamic programming along a frontier of the graph, or by a mixed-integer program where that is too wide.

    Attributes
    ----------
    values
        Additive part [H + 1, J, S] of the value of next states, discounted to their own step.
    pairs
        Pairs of neighbours [M, 2].
    weights
        All parameters [P] of the network.
    hidden, features
        Width of the network's layers, and number of features of an arm.
    unit
        What an output of 1 stands for.
    exact
        Whether actions are proven; without it they are climbed to by swaps, which takes microseconds.
    gap
        Relative distance of an action's Q to the bound on all others' up to which it counts as proven.
    """

    kind: ClassVar[str] = "coordination-q-network"
    values: Array
    pairs: Array
    weights: Array
    hidden: int
    features: int
    unit: float
    exact: bool = True
    gap: float = 1e-6

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float64))
        object.__setattr__(self, "pairs", frozen(np.asarray(self.pairs).reshape(-1, 2), np.int64))
        object.__setattr__(self, "weights", frozen(self.weights, np.float64))
        if self.values.ndim != 3 or not (np.isfinite(self.values).all() and np.isfinite(self.weights).all()):
            raise SolutionError(f"a Q-network needs finite weights and values [H + 1, J, S], not {list(self.values.shape)}.")

    def describe(self) -> dict[str, Any]:
        """Return that a Q-network decides, how wide it is, and whether its maxima are proven."""
        return {"decides_by": "q-network", "proven": self.exact, "hidden": self.hidden, "gap": self.gap}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action in each episode's states; equal states are decided once."""
        distinct, rows = np.unique(states, axis=0, return_inverse=True)
        if self.exact:
            arm_actions = np.array([found.arm_actions for found in self.decide(planning, distinct, step)], np.int64)
        else:
            arm_actions = self._maximum(planning).climbed(*self.parts(planning, distinct, step))
        return arm_actions[rows.ravel()]

    def decide(self, planning: Planning, states: Array, step: int) -> list[JointMaximum]:
        """Return the best joint action in each of the states [N, J], its Q, and a proven bound on that of all others.

        Raises
        ------
        SolverError
            Where HiGHS fails, or its answer does not stand the checks.
        """
        return self._maximum(planning).best(*self.parts(planning, states, step))

    def q_values(self, planning: Planning, states: Array, arm_actions: Array, step: int) -> Array:
        """Return Q [N] of joint actions [N, J] in states [N, J], relative to pulling nobody.

        Parameters
        ----------
        planning
            The arms and what couples them.
        states, arm_actions
            State and action [N, J] of each arm, from 0 on.
        step
            The step in which the actions are taken, from 0 on.
        """
        return value_of_pairs(arm_actions, *self.parts(planning, states, step), self.pairs)

    def parts(self, planning: Planning, states: Array, step: int) -> tuple[Array, Array]:
        """Return the value of each pull [N, J] and of both pulls of each pair [N, M] in joint states [N, J]."""
        import torch

        from redwood.solvers.sequoia.networks.coordination import encode
        from redwood.solvers.sequoia.networks.network import single_thread

        self._check(planning)
        seen = encode(planning, self.values, states, step, self.unit)
        if step + 1 >= planning.horizon:  # nothing follows
            return seen.advantages, np.zeros((len(states), len(self.pairs)))
        blocks = []
        with single_thread(), torch.no_grad():
            for begin in range(0, len(states), BLOCK):
                blocks.append(self._network(torch.as_tensor(seen.features[begin : begin + BLOCK])))
        pulls, pairs = (torch.cat(each).double().numpy() for each in zip(*blocks, strict=True))
        return seen.advantages + self.unit * pulls, self.unit * pairs

    @cached_property
    def _network(self) -> CoordinationNetwork:
        """The network as a module."""
        from redwood.solvers.sequoia.networks.coordination import CoordinationNetwork

        made = CoordinationNetwork(self.values.shape[1], self.features, self.hidden, self.pairs)
        made.load(self.weights)
        return made

    def _maximum(self, planning: Planning) -> PairMaximum:
        """Return what maximises over the instance's actions; it is made once a set and graph."""
        key = self.pairs.tobytes()
        known = _MAXIMA.setdefault(planning.actions, {})
        if key not in known:
            known[key] = PairMaximum(planning.actions, self.pairs)
        return known[key]

    def _check(self, planning: Planning) -> None:
        needed = (planning.horizon + 1, *planning.arms.start.shape)
        if self.values.shape != needed:
            raise SolutionError(
                f"the Q-network is for {list(self.values.shape)} steps, arms and states; the instance has {list(needed)}."
            )
        if not fits(planning):
            raise FitError("a coordination graph is for arms of two actions that states alone expose, without joint reward.")


_MAXIMA: WeakKeyDictionary[ActionSet, dict[bytes, PairMaximum]] = WeakKeyDictionary()


def fits(planning: Planning) -> bool:
    """Return whether pulls and pairs of neighbours are what an action is made of."""
    exposure = planning.exposure
    return exposure is not None and exposure.by_states and planning.joint is None and planning.arms.shape[1] == 2
