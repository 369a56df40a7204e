"""What couples arms beyond the set of joint actions: exposure to other arms' states, and rewards of arms together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, InstanceError
from redwood.planning.contract import Arms
from redwood.problem import frozen, whole_numbers


@dataclass(frozen=True, eq=False)
class Exposure:
    """Transitions of arms that depend on what other arms do: on how much their neighbours emit.

    The exposure class of an arm is the sum of what its neighbours emit in the present step, at most C - 1. Given the states
    of all arms and the joint action, arms move independently.

    Attributes
    ----------
    edges
        Pairs of arms [M, 2]: what the first one emits reaches the second one. A contact both ways is two pairs.
    emits
        Whole number [J, A, S], from 0 on, that an arm emits in a state under an action.
    transitions
        Probability [C, J, A, S, S] of going from one state to another under an action, by exposure class.
    """

    edges: Array
    emits: Array
    transitions: Array

    def __post_init__(self) -> None:
        edges, emits = whole_numbers("edges of exposure", self.edges), whole_numbers("emits", self.emits)
        object.__setattr__(self, "edges", frozen(edges.reshape(-1, 2), np.int64))
        object.__setattr__(self, "emits", frozen(emits, np.int64))
        object.__setattr__(self, "transitions", frozen(self.transitions, np.float64))

    def check(self, arms: Arms) -> None:
        """Raise `InstanceError` where shapes disagree, or a neighbour or what an arm emits is out of range."""
        count, arm_actions, states = arms.shape
        if self.transitions.ndim != 5 or self.transitions.shape[1:] != (count, arm_actions, states, states):
            raise InstanceError(
                f"transitions by exposure have shape {list(self.transitions.shape)}; with rewards {list(arms.shape)} they "
                f"need [C, {count}, {arm_actions}, {states}, {states}]."
            )
        if self.emits.shape != arms.shape:
            raise InstanceError(f"emits have shape {list(self.emits.shape)}; with rewards {list(arms.shape)} the same.")
        if (self.emits < 0).any():
            raise InstanceError(f"emits hold {self.emits.min()}; what an arm emits is 0 or more.")
        wrong = self.edges[((self.edges < 0) | (self.edges >= count)).any(axis=1)]
        if len(wrong):
            raise InstanceError(f"edge {wrong[0].tolist()} of exposure joins arms that are not 0 to {count - 1}.")
        if len(np.unique(self.edges, axis=0)) < len(self.edges):
            raise InstanceError("edges of exposure hold a pair twice; what an arm emits reaches a neighbour once.")

    @property
    def classes(self) -> int:
        """Number of exposure classes C."""
        return len(self.transitions)

    @cached_property
    def by_states(self) -> bool:
        """Whether what an arm emits is the same under all actions, so that exposure is known before the action."""
        return bool((self.emits == self.emits[:, :1]).all())

    @cached_property
    def reach(self) -> Array:
        """Whether [J, J] what the first arm emits reaches the second one, as 0 or 1."""
        found = np.zeros((len(self.emits),) * 2)
        found[self.edges[:, 0], self.edges[:, 1]] = 1.0
        return found

    @cached_property
    def neighbours(self) -> tuple[Array, Array]:
        """The arms that each arm's emissions reach, one after another [M], and where those of each arm begin [J + 1]."""
        order = np.lexsort((self.edges[:, 1], self.edges[:, 0]))
        starts = np.searchsorted(self.edges[order, 0], np.arange(len(self.emits) + 1))
        return np.ascontiguousarray(self.edges[order, 1]), starts

    def of(self, states: Array, arm_actions: Array) -> Array:
        """Return the exposure class [N, J] of each arm in states [N, J] under joint actions [N, J]."""
        emitted = self.emits[np.arange(len(self.emits)), arm_actions, states]
        found: Array = np.minimum(np.rint(emitted @ self.reach).astype(np.int64), self.classes - 1)
        return found


class JointReward(ABC):
    """A reward g(s, a) of all arms together, added to the rewards of the arms; subclasses are frozen dataclasses."""

    kind: ClassVar[str]
    """Name of the kind, by which files tell it."""

    @abstractmethod
    def values(self, states: Array, arm_actions: Array) -> Array:
        """Return the reward [N] in states [N, J] under joint actions [N, J]."""

    @abstractmethod
    def envelope(self) -> Array:
        """Return rewards [J, A, S] of arms alone that add up to at least g in all joint states and actions."""

    @abstractmethod
    def check(self, arms: Arms) -> None:
        """Raise `InstanceError` where it does not fit the arms."""

    @property
    @abstractmethod
    def magnitude(self) -> float:
        """The most that its absolute value can be."""


class ConcaveReward(JointReward):
    """A sum over loads of a concave function of each, loads being sums over arms: programs declare it by its tangents."""

    @property
    @abstractmethod
    def loads(self) -> Array:
        """What each arm adds [G, J, A, S] to each load."""

    @abstractmethod
    def of(self, loads: Array) -> Array:
        """Return what each of the loads [N, G] brings [N, G]."""

    @abstractmethod
    def slopes(self, loads: Array) -> Array:
        """Return the slope [N, G] of what each of the loads [N, G] brings."""

    def values(self, states: Array, arm_actions: Array) -> Array:
        """Return the reward [N] in states [N, J] under joint actions [N, J]."""
        found: Array = self.of(self.loads_of(states, arm_actions)).sum(axis=1)
        return found

    def loads_of(self, states: Array, arm_actions: Array) -> Array:
        """Return the loads [N, G] in states [N, J] under joint actions [N, J]."""
        taken: Array = self.loads[:, np.arange(states.shape[1]), arm_actions, states].sum(axis=2).T
        return taken

    def tangent(self, loads: Array) -> tuple[Array, float]:
        """Return rewards of arms [J, A, S] and a constant that together are nowhere below g, and equal it at loads [G]."""
        slope = self.slopes(loads[None])[0]
        return np.einsum("g,gjas->jas", slope, self.loads), float((self.of(loads[None])[0] - slope * loads).sum())


@dataclass(frozen=True, eq=False)
class CoverageReward(ConcaveReward):
    """A weight for each group in which at least one arm succeeds: ``sum_g w_g (1 - prod_j (1 - p_gj(a_j, s_j)))``.

    It is monotone and submodular in the set of arms that are pulled, and concave in the loads ``-log(1 - p)``.

    Attributes
    ----------
    weights
        Reward [G] of a group in which somebody succeeds.
    success
        Probability [G, J, A, S], below 1, that an arm succeeds for a group in a state under an action.

    References
    ----------
    Raman, Shi, Fang (2024), Global rewards in restless multi-armed bandits, arXiv:2406.00738, section 2.
    """

    kind: ClassVar[str] = "coverage"
    weights: Array
    success: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", frozen(self.weights, np.float64))
        object.__setattr__(self, "success", frozen(self.success, np.float64))

    @cached_property
    def loads(self) -> Array:
        """What each arm adds [G, J, A, S] to the load of each group."""
        found: Array = -np.log1p(-self.success)
        return found

    @property
    def magnitude(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum())

    def of(self, loads: Array) -> Array:
        """Return what each of the loads [N, G] brings [N, G]."""
        found: Array = -np.expm1(-loads) * self.weights
        return found

    def slopes(self, loads: Array) -> Array:
        """Return the slope [N, G] of what each of the loads [N, G] brings."""
        found: Array = np.exp(-loads) * self.weights
        return found

    def envelope(self) -> Array:
        """Return the reward of each arm if it were alone [J, A, S]; together arms have no more than their sum."""
        found: Array = np.einsum("g,gjas->jas", self.weights, self.success)
        return found

    def check(self, arms: Arms) -> None:
        """Raise `InstanceError` where shapes disagree, a weight is negative or a probability is outside [0, 1)."""
        if self.weights.ndim != 1 or self.success.shape != (len(self.weights), *arms.shape):
            raise InstanceError(
                f"coverage has weights {list(self.weights.shape)} and success {list(self.success.shape)}; expected [G] and "
                f"[G, {', '.join(map(str, arms.shape))}]."
            )
        if not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise InstanceError(f"coverage weights {self.weights.tolist()} are not all finite and 0 or more.")
        wrong = self.success[~((self.success >= 0) & (self.success < 1))]
        if len(wrong):
            raise InstanceError(f"success {wrong[0]:g} of coverage is outside [0, 1).")


class CoupledArms(Arms):
    """Arms that show solvers only what is theirs alone: what the coupling decides raises `FitError` and says why.

    So a solver that looks at arms one by one refuses an instance that it would plan wrongly. Those that know of coupling
    take `base`, `redwood.planning.steps` and the fields ``exposure`` and ``joint`` of the view.

    Parameters
    ----------
    base
        The arms as they are under exposure class 0, without the joint reward.
    exposed
        Whether transitions depend on exposure.
    joint
        The kind of the joint reward, empty where there is none.
    """

    def __init__(self, base: Arms, exposed: bool, joint: str) -> None:
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "_exposed", exposed)
        object.__setattr__(self, "_joint", joint)

    base: Arms
    _exposed: bool
    _joint: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of arms J, actions A and states S."""
        return self.base.shape

    @property
    def transitions(self) -> Array:
        """Those of the arms, where these do not depend on exposure."""
        if self._exposed:
            raise _refusal("the transitions of an arm depend on its exposure to other arms")
        return self.base.transitions

    @property
    def rewards(self) -> Array:
        """Those of the arms, where there is no joint reward."""
        if self._joint:
            raise _refusal(f"the joint reward {self._joint!r} belongs to no single arm")
        return self.base.rewards

    @property
    def start(self) -> Array:
        """The probabilities of the states at the first step."""
        return self.base.start


def _refusal(reason: str) -> FitError:
    return FitError(f"{reason}, and this solver plans arms one by one; exact, myopic, lagrangian, rollout and sequoia can.")
