"""`Whittle`: pull the arms whose price of being pulled, were it the same from now on, is highest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FitError, OptionError, SolverError
from redwood.planning.contract import Arms, Planning
from redwood.planning.policies import IndexPolicy
from redwood.problem import Instance, Problem
from redwood.solver import Answer, Run, Solver
from redwood.solvers.planning.joint_shares import Share, arms_with_shares

NEARLY_ONE = 1e-5
"""How far below 1 the discount is that stands for the average criterion where an arm has several recurrent classes."""
SETTLED = 1e-3
"""Relative difference of indices at two such discounts up to which they are extrapolated to the discount 1."""


class IndexCriterion(StrEnum):
    """Over which time the price of a pull is paid."""

    FINITE = "finite"
    DISCOUNTED = "discounted"
    AVERAGE = "average"


@dataclass(frozen=True, eq=False)
class Indices:
    """Whittle indices.

    Attributes
    ----------
    values
        Index [T, J, S] of each arm's states; T is 1 for infinite time, else the horizon.
    not_indexable
        The arms that are not indexable. Their index is the highest price at which pulling is still optimal.
    multichain
        The arms with a policy of several recurrent classes, under which the average criterion has no unique relative values;
        their indices are limits of discounted ones.
    """

    values: Array
    not_indexable: tuple[int, ...]
    multichain: tuple[int, ...] = ()

    def message(self) -> str:
        """Return which arms are not indexable, and which indices are limits, in words."""
        count = self.values.shape[1]
        parts = []
        if self.not_indexable:
            one = len(self.not_indexable) == 1
            parts.append(f"{_listed(self.not_indexable, count)} {'is' if one else 'are'} not indexable.")
        if self.multichain:
            one = len(self.multichain) == 1
            parts.append(
                f"{_listed(self.multichain, count)} {'has' if one else 'have'} policies of several recurrent classes: "
                f"{'its indices are' if one else 'their indices are'} limits of discounted ones."
            )
        return " ".join(parts)


@dataclass(frozen=True)
class Whittle(Solver):
    """Index every state of every arm by the price a pull at which pulling and resting are worth the same.

    An arm is indexable if a higher price never makes pulling attractive where a lower one did not. Indices are exact:
    over infinite time by raising the price from one change of the arm's optimal policy to the next, in O(S^3) an arm, and
    over a horizon by following all kinks of the piecewise linear values. Both prove or refute indexability on the way; the
    message names the arms that are not indexable; their index is the highest price at which pulling is still optimal.

    Attributes
    ----------
    criterion
        ``finite`` for the steps that are left, ``discounted`` for infinite time at the instance's discount, ``average`` for
        the mean reward of infinite time; the last two give one index a state that does not depend on the step. By default
        the instance's own criterion.
    share
        What each arm gets of a joint reward, if there is one: ``shapley``, or ``linear`` for what it adds alone; see
        `redwood.solvers.planning.joint_shares`.

    References
    ----------
    Raman, Shi, Fang (2024), Global rewards in restless multi-armed bandits, arXiv:2406.00738, for joint rewards.
    Whittle (1988), Restless bandits: activity allocation in a changing world, doi:10.2307/3214163.
    Gast, Gaujal, Khun (2023), Testing indexability and computing Whittle and Gittins index in subcubic time,
    arXiv:2203.05207, algorithm 1 without its fast matrix multiplication.
    """

    criterion: str | None = None
    share: str = Share.SHAPLEY

    def __post_init__(self) -> None:
        if self.share not in list(Share):
            raise OptionError(f"share {self.share!r} is not one of {', '.join(Share)}.")
        if self.criterion is not None and self.criterion not in list(IndexCriterion):
            raise OptionError(f"criterion {self.criterion!r} is not one of {', '.join(IndexCriterion)}.")

    def prepare(self, problem: Problem[Any, Any], instance: Instance) -> None:
        from redwood.solvers.planning.index_kernels import finite_indices, stationary_indices

        one = np.ones((2, 1, 1)), np.zeros((2, 1))
        stationary_indices(*one, 1.0, True)
        finite_indices(*one, 1.0, 1)

    def run(self, problem: Problem[Any, Any], instance: Instance, run: Run) -> Answer:
        planning = problem.view(Planning, instance)
        criterion = IndexCriterion(self.criterion or planning.criterion)
        if criterion is IndexCriterion.DISCOUNTED and planning.discount == 1:
            raise OptionError("criterion 'discounted' needs a discount below 1, and that of the instance is 1.")
        arms = planning.arms if planning.joint is None else arms_with_shares(planning, Share(self.share))
        found = indices(arms, criterion, planning.horizon, planning.discount)
        q_values = np.zeros((len(found.values), *arms.rewards.shape))
        q_values[:, :, 1] = found.values
        return Answer(IndexPolicy(q_values), message=found.message())


def indices(arms: Arms, criterion: IndexCriterion, horizon: int = 1, discount: float = 1.0) -> Indices:
    """Return the Whittle indices of arms with two actions.

    Parameters
    ----------
    arms
        Alike arms are worked on once.
    criterion
        Over which time the price is paid.
    horizon
        Number of steps H, for the finite criterion.
    discount
        Weight of a step's reward and price, to the power of the step; not for the average criterion.

    Raises
    ------
    FitError
        Where the arms have other than two actions.
    """
    from redwood.solvers.planning.index_kernels import MULTICHAIN, NOT_INDEXABLE

    count, arm_actions, _ = arms.shape
    if arm_actions != 2:
        raise FitError(f"Whittle's index is for two actions, and the arms have {arm_actions}.")
    flat = np.concatenate((arms.transitions.reshape(count, -1), arms.rewards.reshape(count, -1)), axis=1)
    _, first, same = np.unique(flat, axis=0, return_index=True, return_inverse=True)
    each = [_of_arm(arms, arm, criterion, horizon, discount) for arm in first]
    values = np.stack([each[row][0] for row in same.ravel()], axis=1)
    kinds = np.array([each[row][1] for row in same.ravel()])
    limits = np.array([each[row][2] for row in same.ravel()])
    broken = np.flatnonzero(kinds == NOT_INDEXABLE)
    if (kinds == MULTICHAIN).any():
        raise SolverError(
            f"the indices of arm {int(np.argmax(kinds == MULTICHAIN))} were not found: its prices go in circles."
        )
    return Indices(values, tuple(broken.tolist()), tuple(np.flatnonzero(limits).tolist()))


def _of_arm(arms: Arms, arm: int, criterion: IndexCriterion, horizon: int, discount: float) -> tuple[Array, int, bool]:
    """Return the index [T, S] of an arm, what it turned out to be, and whether the index is a limit."""
    from redwood.solvers.planning.index_kernels import MULTICHAIN, finite_indices, stationary_indices

    own = np.ascontiguousarray(arms.transitions[arm]), np.ascontiguousarray(arms.rewards[arm])
    if criterion is IndexCriterion.FINITE:
        return *finite_indices(*own, discount, horizon), False
    average = criterion is IndexCriterion.AVERAGE
    found, kind = stationary_indices(*own, 1.0 if average else discount, average)
    if not average or kind != MULTICHAIN:
        return found[None], kind, False
    far, _ = stationary_indices(*own, 1.0 - NEARLY_ONE, False)
    near, kind = stationary_indices(*own, 1.0 - NEARLY_ONE / 2.0, False)
    close = np.abs(near - far) <= SETTLED * np.maximum(np.abs(near), np.ptp(arms.rewards[arm]))
    return np.where(close, 2.0 * near - far, near)[None], kind, True


def _listed(which: Sequence[int], count: int) -> str:
    """Return arms by number, the first ten of them, and how many there are."""
    names = ", ".join(str(arm) for arm in which[:10]) + (", ..." if len(which) > 10 else "")
    return f"Arm {names} of {count}" if len(which) == 1 else f"Arms {names} ({len(which)} of {count})"
