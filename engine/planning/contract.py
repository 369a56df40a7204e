"""The view `Planning`: arms moved by one joint action a step, the set of those actions, and policies that choose them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, SolutionError, suggestion
from redwood.lazy import load_target
from redwood.planning.action_set import ActionSet
from redwood.planning.wording import PLAIN, Wording
from redwood.problem import Solution
from redwood.views.view import View

if TYPE_CHECKING:
    from redwood.planning.coupling import Exposure, JointReward


POLICY_TARGETS: dict[str, str] = {
    name.lower(): f"redwood.planning.policies:{name}Policy" for name in ("Null", "Random", "Index", "Greedy", "Sampling")
} | {"additive": "redwood.planning.additive_policy:AdditivePolicy"}
"""Lazy targets of the kinds of policies that can be read: those of this package, and what plugins have declared."""


class Criterion(StrEnum):
    """Over which time rewards count."""

    FINITE = "finite"
    AVERAGE = "average"


@dataclass(frozen=True, eq=False)
class Arms:
    """J small Markov chains, each moved by an action of its own.

    Arms with fewer states or actions than others are padded: with states that nothing enters, and with actions that the
    action set never allows (their rows must still be distributions).

    Attributes
    ----------
    transitions
        Probability [J, A, S, S] of going from one state to another under an action.
    rewards
        Expected reward [J, A, S] of one step under an action.
    start
        Probability [J, S] of each state at the first step; arms start independently.
    """

    transitions: Array
    rewards: Array
    start: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of arms J, actions A and states S."""
        arms, arm_actions, states = self.rewards.shape
        return arms, arm_actions, states


@dataclass(frozen=True, eq=False)
class Policy(Solution, ABC):
    """A rule that chooses a joint action in every state: what solving a planning problem gives.

    Subclasses are frozen dataclasses of arrays and numbers, without the instance, so that policies can be saved.
    """

    kind: ClassVar[str]
    """Name of the kind of policy, by which saved ones are read again; by default the name of the class."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        parent = cls.__mro__[1]
        if getattr(cls, "kind", parent.__name__) == parent.__name__:  # none of its own, and none that a base was given
            cls.kind = cls.__name__

    def to_data(self) -> dict[str, Any]:
        """Return the kind and the fields."""
        return {"kind": self.kind, **super().to_data()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the policy that `to_dict` wrote.

        Raises
        ------
        SolutionError
            Where the kind is neither imported nor declared by a plugin that is loaded.
        """
        kind = str(data.get("kind"))
        found = _policy_class(cls, kind)
        rest = {key: value for key, value in data.items() if key != "kind"}
        names = [entry.name for entry in fields(found)]
        for key in rest:
            if key not in names:
                raise SolutionError(f"a policy of the kind {kind!r} has no field {key!r}.{suggestion(key, names)}")
        made: Self = found(**rest)
        return made

    @abstractmethod
    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return actions [E, J] for the states [E, J] of E episodes at a step; only random policies use ``rng``.

        Parameters
        ----------
        planning
            The instance that the policy is bound to.
        states
            State [E, J] of each arm in each episode.
        step
            How many steps have been done; 0 where the average reward counts.
        rng
            Randomness of random policies.
        """

    def describe(self) -> dict[str, Any]:
        """Return what decides, as plain data.

        ``decides_by`` names it, such as ``"index"`` or ``"q-network"``; ``proven`` says whether each joint action is a
        proven maximum of that, ``None`` where there is nothing to maximise or nobody knows. Policies may add keys.
        """
        return {"decides_by": self.kind, "proven": None}

    def act(self, states: Any, step: int, rng: np.random.Generator | None = None) -> Array:
        """Return the joint action that the policy takes.

        Parameters
        ----------
        states
            The state of each arm, [J] or for several episodes [E, J].
        step
            How many steps have been done.
        rng
            For random policies; by default the same stream at every step of every run.

        Returns
        -------
        Array
            The action of each arm, [J] or [E, J] as the states are.

        Raises
        ------
        SolutionError
            Where the policy is bound to no instance yet, or states or step do not belong to that instance.
        """
        planning: Planning | None = getattr(self, "_planning", None)
        if planning is None:
            raise SolutionError(
                f"the policy {self.kind!r} is bound to no instance yet; simulate() or check() it on one first."
            )
        array = np.asarray(states)
        step = 0 if planning.criterion is Criterion.AVERAGE else step
        rows = _checked(np.atleast_2d(array), step, planning)
        arm_actions = self.choose(planning, rows, step, rng or np.random.default_rng(step))
        return arm_actions if array.ndim == 2 else arm_actions[0]

    def bind(self, planning: Planning) -> None:
        """Let `act` refer to an instance, the first one met: that which the policy was solved for, checked or simulated on.

        Raises
        ------
        SolutionError
            Where the policy is a table for other arms, actions or states.
        """
        table = getattr(self, "q_values", None)
        if isinstance(table, np.ndarray) and table.ndim == 4 and table.shape[1:] != planning.arms.shape:
            raise SolutionError(
                f"the policy {self.kind!r} is a table for {_sizes(table.shape[1:])}, and the instance has "
                f"{_sizes(planning.arms.shape)}."
            )
        if getattr(self, "_planning", None) is None:
            object.__setattr__(self, "_planning", planning)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone, without the instance it is bound to."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


class Planning(View, ABC):
    """A problem whose solution is a policy: arms, the actions allowed in every step, how long, and a simulator."""

    arms: Arms
    actions: ActionSet
    horizon: int
    discount: float
    """Weight of a step's reward, to the power of the step; the value of a policy is the weighted sum divided by H."""
    criterion: Criterion = Criterion.FINITE
    """Whether the H steps count, or the average reward, in which every step is a policy's first, step 0."""
    exposure: Exposure | None = None
    """How the transitions of arms depend on other arms; ``arms`` are then `CoupledArms`, which refuse to be taken alone."""
    joint: JointReward | None = None
    """A reward of all arms together, added to theirs; ``arms`` are `CoupledArms` here as well."""
    arm_names: tuple[str, ...] = ()
    """Name [J] of each arm, or none."""
    state_names: tuple[str, ...] = ()
    """Label [S] of each state, or none."""
    wording: Wording = PLAIN
    """What arms and steps are called."""

    @abstractmethod
    def rollouts(self, policy: Policy, episodes: int, seed: int) -> Array:
        """Return the expected one-step rewards [E, H], discounted, of a policy in simulated episodes.

        The noise of arm j in step t of episode e depends on (seed, e, t, j) alone, so that policies face the same.

        For the average reward they are those of H steps after as many that are not counted.

        Raises
        ------
        SolutionError
            Where the policy chooses an action outside the set.
        """


def _sizes(shape: tuple[int, ...]) -> str:
    arms, arm_actions, states = shape
    return f"{arms} arms with {arm_actions} actions and {states} states"


def check_finite(planning: Planning, solver: str) -> None:
    """Raise `FitError` where a solver whose policies count the steps that are left is asked for the average reward."""
    if planning.criterion is Criterion.AVERAGE:
        raise FitError(f"{solver} counts the steps that are left, and the criterion is the average reward.")


def check_average(planning: Planning, solver: str) -> None:
    """Raise `FitError` where a solver for the average reward is asked for a horizon."""
    if planning.criterion is not Criterion.AVERAGE:
        raise FitError(f"{solver} is for the criterion 'average', and that of the instance is {str(planning.criterion)!r}.")


def _checked(states: Array, step: int, planning: Planning) -> Array:
    """Return states [E, J] as indices; raise `SolutionError` where they or the step are out of range."""
    count, _, outcomes = planning.arms.shape
    if states.ndim != 2 or states.shape[1] != count:
        raise SolutionError(f"states of shape {list(states.shape)} are not those of {count} arms, [J] or [E, J].")
    given: Any = step
    if states.dtype.kind not in "iuf" or not isinstance(given, Real):
        raise SolutionError(f"states of the type {states.dtype} and the step {step!r:.40} are not all whole numbers.")
    wrong = (states < 0) | (states >= outcomes) | (states != np.floor(states))
    if wrong.any():
        raise SolutionError(f"state {states[wrong][0]} is not one of an arm's states, 0 to {outcomes - 1}.")
    if step != np.floor(step) or not 0 <= step < planning.horizon:
        raise SolutionError(f"step {step} is not within the horizon, 0 to {planning.horizon - 1}.")
    return states.astype(np.int64)


def _policy_class(base: type[Any], kind: str) -> type[Any]:
    """Return the class of a kind of policies: one that is imported already or, imported now, one that was declared."""
    known: dict[str, Any] = {**POLICY_TARGETS, **{found.kind: found for found in _descendants(base)}}
    if kind not in known:
        raise SolutionError(f"policies of the kind {kind!r} are not known.{suggestion(kind, known)}")
    found: type[Any] = load_target(known[kind])
    if not issubclass(found, base):
        raise SolutionError(f"{known[kind]!r}, declared for policies of the kind {kind!r}, is no {base.__name__}.")
    return found


def _descendants(kind: type[Any]) -> Iterator[type[Any]]:
    """Yield the subclasses of a class that name a kind, at any depth, and the class itself."""
    if "kind" in vars(kind):
        yield kind
    for child in kind.__subclasses__():
        yield from _descendants(child)
