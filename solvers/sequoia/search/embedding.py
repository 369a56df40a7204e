"""`Embedding`: a ReLU network of the action joined to an action set as one mixed-integer program, kept in HiGHS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.formulation import append_piece, patch
from redwood.embedding.limits import Limits
from redwood.embedding.relu import ReluFormulation, relu_formulation
from redwood.errors import ModelError, SolverError
from redwood.planning.action_set import ActionSet
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, Reach, harmful, indicators, limits, reach
from redwood.solvers.sequoia.search.bounded_action import BoundedAction
from redwood.solvers.sequoia.search.listing import Listing, listing_of
from redwood.solvers.sequoia.search.search import STARTS, Search

TOLERANCE = 1e-5
"""By how much the program's objective may differ from the network's own value, relative to the latter from 1 on.

HiGHS keeps rows and integrality within 1e-6. Tighter tolerances make its presolve cut optima off: with 1e-9 HiGHS 1.16
called a much worse action optimal in 19 of 120 programs of 8 arms, with 1e-6 in none (compare HiGHS #1578 and #2033).
"""


@dataclass(frozen=True, eq=False)
class Decision(BoundedAction):
    """What a decision rests on, besides the action, its value and its bound.

    Attributes
    ----------
    program
        Whether the mixed-integer program was solved.
    binaries
        How many ReLUs needed a binary in it.
    listed
        Whether all actions of the set were gone through. Where neither, the action is the search's; its bound proves it,
        unless programs were forbidden.
    """

    program: bool = False
    binaries: int = 0
    listed: bool = False


class Embedding:
    """Maximises networks that differ in biases and linear part alone, over one action set.

    Rows and columns are built once. From state to state only what depends on it is changed: right-hand sides, the two
    bounds of each ReLU in its rows, the costs of indicators. A ReLU that the bounds prove on or off has its binary
    fixed, so that presolve removes it; one whose growth can only harm the objective needs no binary at all, its value
    being pressed down on the larger of 0 and its input.

    Parameters
    ----------
    weights
        Those of the networks; biases and linear part come with each state.
    listed
        Whether sets of few actions are gone through one by one.
    programs
        Whether `decide` solves the program where the search's bound does not prove its action; otherwise that action is
        returned with that bound, which is no more than milliseconds of work for any number of arms.
    starts
        Random actions, the best of many in a state, that the search starts from besides its own.

    References
    ----------
    Anderson, Huchette, Ma, Tjandraatmadja, Vielma (2020), Strong mixed-integer programming formulations for trained
    neural networks, doi:10.1007/s10107-020-01474-5, section 1.2.
    Ryu, Chow, Anderson, Tjandraatmadja, Boutilier (2020), CAQL: continuous action Q-learning, arXiv:1909.12397.
    """

    def __init__(
        self,
        actions: ActionSet,
        weights: tuple[Array, ...],
        *,
        listed: bool = True,
        programs: bool = True,
        starts: int = STARTS,
    ) -> None:
        self.actions = actions
        self.weights = weights
        self._may_list, self._programs, self._starts = listed, programs, starts
        self._count = actions.arms * (actions.arm_actions - 1)
        self._highs: Any = None
        self._written: ReluFormulation | None = None

    def decide(self, conditioned: ConditionedNetwork, *, tolerance: float = 1e-7, least: float = 1.0) -> Decision:
        """Return the best action: of a list where the set is small, by search alone where its bound is close, or by program.

        Parameters
        ----------
        conditioned
            The network with the states put in.
        tolerance
            Relative distance of the search's bound and value at which it ends, and the program is not needed.
        least
            The smallest value that this is relative to.

        Raises
        ------
        SolverError
            Where HiGHS fails, or its answer does not stand the checks.
        """
        if self.listing is not None:
            return self._listed(conditioned, self.listing)
        found = self.search.best(conditioned, tolerance, least)
        if found.proven(tolerance, least) or not self._programs:
            if not self.actions.contains(found.arm_actions):
                raise SolverError(f"the action {found.arm_actions.tolist()} that the search found is not in the action set.")
            return Decision(found.arm_actions, found.value, found.bound)
        return self.solve(conditioned, found)

    @cached_property
    def first(self) -> Reach:
        """What the first layer can come to over the set, before its bias."""
        return reach(self.actions, self.weights[0])

    @cached_property
    def search(self) -> Search:
        """What finds actions without a program."""
        return Search(self.actions, self.weights, self.first, self._starts)

    @cached_property
    def listing(self) -> Listing | None:
        """All actions of the set, where they are few."""
        return listing_of(self.actions, self.weights) if self._may_list else None

    def _listed(self, conditioned: ConditionedNetwork, listing: Listing) -> Decision:
        """Return the best action of the list, priced by the network and found in the set."""
        arm_actions, bound = listing.best(conditioned)
        value = float(conditioned.values(indicators(arm_actions[None], self.actions.arm_actions))[0])
        if abs(bound - value) > TOLERANCE * max(1.0, abs(value)):
            raise SolverError(f"the list claims {bound:.9g} for an action that the network values at {value:.9g}.")
        if not self.actions.contains(arm_actions):
            raise SolverError(f"the listed action {arm_actions.tolist()} is not in the action set.")
        return Decision(arm_actions, value, max(bound, value), listed=True)

    def solve(self, conditioned: ConditionedNetwork, start: BoundedAction | None = None) -> Decision:
        """Return the best action by the mixed-integer program, begun from a known one.

        Raises
        ------
        SolverError
            Where HiGHS fails, or its answer does not stand the checks.
        """
        import highspy

        binaries = self._update(conditioned, self.limits(conditioned))
        if start is not None:
            self._begin(conditioned, start)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"HiGHS ended with the status {self._highs.modelStatusToString(status)} on a Q-network.")
        made = self._checked(conditioned, binaries)
        if start is not None and start.value > made.bound:
            raise SolverError(
                f"HiGHS proved {made.bound:.9g} to be the most, and an action known before is worth {start.value:.9g}."
            )
        return (
            made
            if start is None or start.value <= made.value
            else replace(made, arm_actions=start.arm_actions, value=start.value)
        )

    def limits(self, conditioned: ConditionedNetwork) -> Limits:
        """Return proven limits of the input of every ReLU."""
        return limits(conditioned, self.first)

    def harmful(self) -> list[Array]:
        """Return for each hidden layer which neurons [n] need no binary."""
        return harmful(self.weights)

    def _checked(self, conditioned: ConditionedNetwork, binaries: int) -> Decision:
        """Return HiGHS's action, rounded, evaluated by the network and found in the set."""
        columns = np.array(self._highs.getSolution().col_value)
        chosen = np.rint(columns[: self._count]).reshape(self.actions.arms, self.actions.arm_actions - 1)
        arm_actions = (chosen * np.arange(1, self.actions.arm_actions)).sum(axis=1).astype(np.int64)
        value = float(conditioned.values(indicators(arm_actions[None], self.actions.arm_actions))[0])
        info = self._highs.getInfo()
        claimed = float(info.objective_function_value) + conditioned.offset
        if abs(claimed - value) > TOLERANCE * max(1.0, abs(value)):
            raise SolverError(f"HiGHS claims {claimed:.9g} for an action that the network values at {value:.9g}.")
        if not self.actions.contains(arm_actions):
            raise SolverError(f"HiGHS's action {arm_actions.tolist()} is not in the action set.")
        bound = float(info.mip_dual_bound) + conditioned.offset + TOLERANCE * max(1.0, abs(value))
        return Decision(arm_actions, value, max(bound, value), True, binaries)

    def _build(self, formulation: ReluFormulation) -> None:
        """Put the rows and columns of the ReLUs below and beside those of the action set."""
        compiled = self.actions.program.compiled
        self._highs = compiled.highs(
            mip_rel_gap=0.0,
            mip_abs_gap=1e-7,
            mip_feasibility_tolerance=1e-6,
            primal_feasibility_tolerance=1e-7,
            mip_heuristic_effort=0.0,
            mip_heuristic_run_feasibility_jump=False,
        )
        own = np.arange(len(formulation.lower))
        self._places = np.concatenate([np.arange(self._count), compiled.size + own])
        self._first_row = len(compiled.rows.lower)
        append_piece(self._highs, formulation, self._places)

    def _update(self, conditioned: ConditionedNetwork, found: Limits) -> int:
        """Write what depends on the state, with the limits of each layer's inputs, and return how many binaries are left."""
        if any(mine.shape != given.shape for mine, given in zip(self.weights, conditioned.weights, strict=True)):
            raise ModelError("the network given is not the one that the program was built for.")
        formulation = relu_formulation(conditioned.network(), found, harmful=self.harmful(), keep=True)
        if self._written is None:
            self._build(formulation)
        else:
            patch(self._highs, self._written, formulation, self._places, self._first_row)
        self._written = formulation
        self._highs.clearSolver()  # hot starts after changes of bounds have given wrong objectives (HiGHS #3294)
        costs = formulation.outputs[0]
        self._highs.changeColsCost(len(costs), self._places.astype(np.int32), costs.astype(np.float64))
        return formulation.binaries

    def _begin(self, conditioned: ConditionedNetwork, start: BoundedAction) -> None:
        """Hand HiGHS a full solution for a known action."""
        import highspy

        own = self.actions.program.values(start.arm_actions)
        if own is None or self._written is None:
            raise SolverError(f"the action {start.arm_actions.tolist()} to begin from is not in the action set.")
        columns = np.zeros(self._highs.getNumCol())
        columns[: len(own)] = own
        columns[self._places] = self._written.complete(indicators(start.arm_actions[None], self.actions.arm_actions)[0])
        given = highspy.HighsSolution()
        given.col_value = columns.tolist()
        self._highs.setSolution(given)
