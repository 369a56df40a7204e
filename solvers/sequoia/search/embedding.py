"""`Embedding`: a ReLU network of the action joined to an action set as one mixed-integer program, kept in HiGHS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import ModelError, OptionError, SolverError, suggestion
from redwood.planning.contract import ActionSet
from redwood.solvers.sequoia.networks.folded import Folded, Reach, harmful, indicators, limits, reach
from redwood.solvers.sequoia.search.found import Found
from redwood.solvers.sequoia.search.listing import Listing, listing_of
from redwood.solvers.sequoia.search.partition import Part, add_parts
from redwood.solvers.sequoia.search.search import STARTS, Search, linear_best
from redwood.solvers.sequoia.search.tightening import lp_limits

TOLERANCE = 1e-5
"""By how much the program's objective may differ from the network's own value, relative to the latter from 1 on.

HiGHS keeps rows and integrality within 1e-6. Tighter tolerances make its presolve cut optima off: with 1e-9 HiGHS 1.16
called a much worse action optimal in 19 of 120 programs of 8 arms, with 1e-6 in none (compare HiGHS #1578 and #2033).
"""
BOUNDS = ("interval", "lp")
"""How the limits of neurons after the first layer are found."""


@dataclass(frozen=True, eq=False)
class Decision(Found):
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
    seconds
        Limit of a program, whose end is an error.
    listed
        Whether sets of few actions are gone through one by one.
    bounds
        ``interval``, or ``lp`` for two linear programs a neuron after the first layer: fewer binaries, more time before.
    partitions
        Groups of inputs into which the program divides each ReLU that needs a binary; 1 for none. More of them bound the
        ReLU more tightly, at the price of columns and rows; see `redwood.solvers.sequoia.search.partition.Part`.
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
        seconds: float = np.inf,
        listed: bool = True,
        bounds: str = "interval",
        partitions: int = 1,
        programs: bool = True,
        starts: int = STARTS,
    ) -> None:
        if bounds not in BOUNDS:
            raise OptionError(f"bounds {bounds!r} are not known.{suggestion(bounds, BOUNDS)}")
        if partitions < 1:
            raise OptionError(f"partitions {partitions} is below 1, which stands for none.")
        self.actions = actions
        self.weights = weights
        self._seconds, self._may_list, self._bounds, self._programs = seconds, listed, bounds, programs
        self._starts = starts
        self._partitions, self._parts = partitions, list[Part]()
        self._count = actions.arms * (actions.levels - 1)
        self._highs: Any = None

    def decide(self, folded: Folded, *, tolerance: float = 1e-7, slack: float | None = None, least: float = 1.0) -> Decision:
        """Return the best action: of a list where the set is small, by search alone where its bound is close, or by program.

        Parameters
        ----------
        tolerance
            Relative distance of the search's bound and value at which it ends.
        slack
            Relative distance up to which the program is not needed; by default the tolerance.
        least
            The smallest worth that these are relative to.

        Raises
        ------
        SolverError
            Where HiGHS fails, or its answer does not stand the checks.
        """
        if self.listing is not None:
            return self._listed(folded, self.listing)
        found = linear_best(folded, self.actions) if self.search is None else self.search.best(folded, tolerance, least)
        if found.proven(tolerance if slack is None else slack, least) or not self._programs:
            if not self.actions.contains(found.levels):
                raise SolverError(f"the action {found.levels.tolist()} that the search found is not in the action set.")
            return Decision(found.levels, found.value, found.bound)
        return self.solve(folded, found)

    @cached_property
    def first(self) -> Reach | None:
        """What the first layer can come to over the set, before its bias."""
        return reach(self.actions, self.weights[0]) if self.weights else None

    @cached_property
    def search(self) -> Search | None:
        """What finds actions without a program; ``None`` for networks without ReLUs."""
        return None if self.first is None else Search(self.actions, self.weights, self.first, self._starts)

    @cached_property
    def listing(self) -> Listing | None:
        """All actions of the set, where they are few."""
        return listing_of(self.actions, self.weights) if self._may_list else None

    def _listed(self, folded: Folded, listing: Listing) -> Decision:
        """Return the best action of the list, priced by the network and found in the set."""
        levels, bound = listing.best(folded, self.actions)
        value = float(folded.values(indicators(levels[None], self.actions.levels))[0])
        if abs(bound - value) > TOLERANCE * max(1.0, abs(value)):
            raise SolverError(f"the list claims {bound:.9g} for an action that the network values at {value:.9g}.")
        if not self.actions.contains(levels):
            raise SolverError(f"the listed action {levels.tolist()} is not in the action set.")
        return Decision(levels, value, max(bound, value), listed=True)

    def solve(self, folded: Folded, start: Found | None = None) -> Decision:
        """Return the best action by the mixed-integer program, begun from a known one.

        Raises
        ------
        SolverError
            Where HiGHS fails, or its answer does not stand the checks.
        """
        import highspy

        if self.first is None:
            found = linear_best(folded, self.actions)
            return Decision(found.levels, found.value, found.bound)
        if self._highs is None:
            self._build()
        wide = self.limits(folded)
        binaries = self._update(folded, wide)
        if self._bounds == "lp":
            binaries = self._update(folded, lp_limits(self._highs, folded, wide, self._value))
        if start is not None:
            self._begin(folded, start)
        if np.isfinite(self._seconds):
            self._highs.setOptionValue("time_limit", self._highs.getRunTime() + self._seconds)  # its clock runs on
        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError(f"HiGHS ended with the status {self._highs.modelStatusToString(status)} on a Q-network.")
        made = self._checked(folded, binaries)
        if start is not None and start.value > made.bound:
            raise SolverError(
                f"HiGHS proved {made.bound:.9g} to be the most, and an action known before is worth {start.value:.9g}."
            )
        return made if start is None or start.value <= made.value else replace(made, levels=start.levels, value=start.value)

    def limits(self, folded: Folded) -> list[tuple[Array, Array]]:
        """Return proven limits of the input of every ReLU."""
        return [] if self.first is None else limits(folded, self.first)

    def harmful(self) -> list[Array]:
        """Return for each hidden layer which neurons [n] need no binary."""
        return harmful(self.weights)

    def _checked(self, folded: Folded, binaries: int) -> Decision:
        """Return HiGHS's action, rounded, evaluated by the network and found in the set."""
        columns = np.array(self._highs.getSolution().col_value)
        chosen = np.rint(columns[: self._count]).reshape(self.actions.arms, self.actions.levels - 1)
        levels = (chosen * np.arange(1, self.actions.levels)).sum(axis=1).astype(np.int64)
        value = float(folded.values(indicators(levels[None], self.actions.levels))[0])
        info = self._highs.getInfo()
        claimed = float(info.objective_function_value) + folded.offset
        if abs(claimed - value) > TOLERANCE * max(1.0, abs(value)):
            raise SolverError(f"HiGHS claims {claimed:.9g} for an action that the network values at {value:.9g}.")
        if not self.actions.contains(levels):
            raise SolverError(f"HiGHS's action {levels.tolist()} is not in the action set.")
        bound = float(info.mip_dual_bound) + folded.offset + TOLERANCE * max(1.0, abs(value))
        return Decision(levels, value, max(bound, value), True, binaries)

    def _build(self) -> None:
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
        self._harmful = self.harmful()
        self._value: list[Array] = []
        self._switch: list[Array] = []
        self._row: list[Array] = []
        columns, rows = compiled.size, len(compiled.rows.lower)
        previous = np.arange(self._count)
        for matrix, harm in zip(self.weights[:-1], self._harmful, strict=True):
            names = columns + np.arange(len(matrix))
            switches = np.where(harm, -1, names + len(matrix))
            columns += 2 * len(matrix)
            self._add_columns(len(matrix))
            starts = np.empty(len(matrix), np.int64)
            for neuron, row in enumerate(matrix):
                starts[neuron] = rows
                rows += self._add_rows(row, previous, int(names[neuron]), int(switches[neuron]))
            self._value.append(names)
            self._switch.append(switches)
            self._row.append(starts)
            previous = names
        self._highs.changeColsCost(len(previous), previous.astype(np.int32), self.weights[-1][0].astype(np.float64))
        if self._partitions > 1:
            self._parts = add_parts(self._highs, self.actions, self.weights, self._value, self._switch, self._partitions)

    def _add_columns(self, count: int) -> None:
        """Add a value and a switch for each neuron of a layer."""
        import highspy

        first = self._highs.getNumCol()
        self._highs.addVars(2 * count, np.zeros(2 * count), np.ones(2 * count))
        for column in range(first + count, first + 2 * count):
            self._highs.changeColIntegrality(column, highspy.HighsVarType.kInteger)

    def _add_rows(self, row: Array, previous: Array, value: int, switch: int) -> int:
        """Add h - w x >= b, and where a switch z is needed h - w x - L z <= b - L and h - U z <= 0; their numbers later."""
        infinity = np.inf
        used = np.flatnonzero(row)
        columns, weights = np.append(previous[used], value), np.append(-row[used], 1.0)
        self._highs.addRow(0.0, infinity, len(columns), columns.astype(np.int32), weights)
        if switch < 0:
            return 1
        self._highs.addRow(
            -infinity, 0.0, len(columns) + 1, np.append(columns, switch).astype(np.int32), np.append(weights, 1.0)
        )
        self._highs.addRow(-infinity, 0.0, 2, np.array([value, switch], np.int32), np.array([1.0, -1.0]))
        return 3

    def _update(self, folded: Folded, found: list[tuple[Array, Array]]) -> int:
        """Write what depends on the state, with the limits of each layer's inputs, and return how many binaries are left."""
        if self.first is None or any(
            mine.shape != given.shape for mine, given in zip(self.weights, folded.weights, strict=True)
        ):
            raise ModelError("the network given is not the one that the program was built for.")
        highs, binaries = self._highs, 0
        highs.clearSolver()  # hot starts after changes of bounds have given wrong objectives (HiGHS #3294)
        highs.changeColsCost(self._count, np.arange(self._count, dtype=np.int32), folded.linear.astype(np.float64))
        for layer, (low, high) in enumerate(found):
            low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
            values, bias = self._value[layer].astype(np.int32), folded.biases[layer]
            highs.changeColsBounds(len(values), values, np.zeros(len(values)), high)
            for neuron, row in enumerate(self._row[layer].tolist()):
                highs.changeRowBounds(row, bias[neuron], np.inf)
                switch = int(self._switch[layer][neuron])
                if switch < 0:
                    continue
                least, most = float(low[neuron]), float(high[neuron])
                highs.changeRowBounds(row + 1, -np.inf, bias[neuron] - least)
                highs.changeCoeff(row + 1, switch, -least)
                highs.changeCoeff(row + 2, switch, -most)
                highs.changeColBounds(switch, float(least >= 0 and most > 0), float(most > 0))
                binaries += least < 0 < most
        for part in self._parts:
            part.update(highs, folded, found)
        return binaries

    def _begin(self, folded: Folded, start: Found) -> None:
        """Hand HiGHS a full solution for a known action."""
        import highspy

        own = self.actions.program.values(start.levels)
        if own is None:
            raise SolverError(f"the action {start.levels.tolist()} to begin from is not in the action set.")
        columns = np.zeros(self._highs.getNumCol())
        columns[: len(own)] = own
        for layer, value in enumerate(folded.hidden(indicators(start.levels[None], self.actions.levels))):
            columns[self._value[layer]] = value[0]
            needed = self._switch[layer] >= 0
            columns[self._switch[layer][needed]] = value[0][needed] > 0
        for part in self._parts:
            part.begin(columns)
        given = highspy.HighsSolution()
        given.col_value = columns.tolist()
        self._highs.setSolution(given)
