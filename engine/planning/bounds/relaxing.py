"""The linear program over occupation measures whose activity lies in a linear relaxation of the action set.

Every step has a copy of the relaxation's variables. The program is solved by an interior point method, without looking for
a corner: any prices prove a bound, and what is left to the optimum is far below other errors.

References
----------
Bertsimas, Nino-Mora (2000), Restless bandits, linear programming relaxations, and a primal-dual index heuristic,
doi:10.1287/opre.48.1.80.12444, for the program under a plain budget.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.bounds.occupation import occupation
from redwood.planning.bounds.segment import Decoupled
from redwood.planning.relaxation import Relaxation
from redwood.views.compiled import quiet_highs

logger = logging.getLogger(__name__)


def relaxed_prices(planning: Decoupled, relaxation: Relaxation, seconds: float) -> Array | None:
    """Return the prices [H, J, A] of the program's links by an interior point method; ``None`` where there are none."""
    program = RelaxedProgram(planning, relaxation)
    program.highs.setOptionValue("solver", "ipm")
    program.highs.setOptionValue("run_crossover", "off")
    program.highs.setOptionValue("time_limit", max(seconds, 0.0))
    return program.prices()


class RelaxedProgram:
    """The program, kept for several start distributions; by the simplex method the next one begins where the last ended."""

    def __init__(self, planning: Decoupled, relaxation: Relaxation) -> None:
        self._planning = planning
        self._relaxation = relaxation
        self.highs, self._flows = _load(planning, relaxation)

    def begin(self, start: Array) -> None:
        """Let the arms begin with probabilities [J, S] of their states."""
        begin(self.highs, start)

    def prices(self) -> Array | None:
        """Return the prices [H, J, A]; ``None`` where HiGHS has none, for its time or for numerical trouble."""
        import highspy

        self.highs.run()
        status, solution = self.highs.getModelStatus(), self.highs.getSolution()
        if status == highspy.HighsModelStatus.kTimeLimit:
            return None
        if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kUnknown) or not solution.dual_valid:
            logger.info("HiGHS ended with status %s on the relaxed program of occupation measures.", status)
            return None
        planning, links = self._planning, self._relaxation.links
        arm_actions, kinds = planning.arms.shape[1], int(self._relaxation.classes.max()) + 1
        duals = np.array(solution.row_dual)[self._flows :][: planning.horizon * kinds * (arm_actions - 1)]
        prices = np.zeros((planning.horizon, kinds, arm_actions))
        prices[..., 1:] = duals.reshape(planning.horizon, kinds, arm_actions - 1)
        never = np.diff(links.tocsr().indptr).reshape(kinds, arm_actions - 1) == 0
        prices[:, :, 1:][:, never] = planning.horizon * np.ptp(planning.arms.rewards)  # more than any action could be worth
        return prices[:, self._relaxation.classes]

    def measures(self) -> Array:
        """Return the occupation measures [H, J, A, S] of the last solution."""
        shape = (self._planning.horizon, *self._planning.arms.shape)
        return np.array(self.highs.getSolution().col_value[: int(np.prod(shape))]).reshape(shape)


def begin(highs: Any, start: Array) -> None:
    """Let the arms of a program of occupation measures begin with probabilities [J, S] of their states."""
    probabilities = np.ascontiguousarray(start, np.float64).ravel()
    highs.changeRowsBounds(len(probabilities), np.arange(len(probabilities), dtype=np.int32), probabilities, probabilities)


def _load(planning: Decoupled, relaxation: Relaxation) -> tuple[Any, int]:
    """Return HiGHS with the program, and the number of flow rows, which come first."""
    from scipy.sparse import block_array, csc_array, eye_array, kron

    steps, found = planning.horizon, occupation(planning, relaxation.classes)
    shape = (found.flows + found.links, found.rewards.size)
    measures = csc_array((found.values, found.rows, found.starts), shape=shape)
    each = eye_array(steps)
    nothing = csc_array((found.flows, steps * relaxation.size))
    whole = block_array(
        [
            [measures[: found.flows], nothing],
            [measures[found.flows :], -kron(each, relaxation.links)],
            [None, kron(each, relaxation.rows)],
        ],
        format="csc",
    )
    none, most = np.zeros(found.rewards.size), np.full(found.rewards.size, np.inf)
    fixed = np.concatenate((found.sources, np.zeros(found.links)))
    made = linear_program(
        whole,
        np.concatenate((found.rewards.ravel(), np.zeros(steps * relaxation.size))),
        np.concatenate((none, np.tile(relaxation.least, steps))),
        np.concatenate((most, np.tile(relaxation.most, steps))),
        np.concatenate((fixed, np.tile(relaxation.lower, steps))),
        np.concatenate((fixed, np.tile(relaxation.upper, steps))),
    )
    return made, found.flows


def linear_program(matrix: Any, costs: Array, least: Array, most: Array, lower: Array, upper: Array) -> Any:
    """Return HiGHS with the program to maximise costs within bounds of columns and of rows; the matrix is by columns.

    Parameters
    ----------
    matrix
        Coefficients [rows, columns], a sparse matrix by columns.
    costs
        Objective coefficient [columns] of each column.
    least, most
        Bounds [columns] of the columns.
    lower, upper
        Bounds [rows] of the rows; infinite where there is none.
    """
    import highspy

    made = quiet_highs()
    made.passModel(
        matrix.shape[1],
        matrix.shape[0],
        matrix.nnz,
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMaximize),
        0.0,
        costs,
        least,
        most,
        lower,
        upper,
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data,
        np.zeros(matrix.shape[1], np.int32),
    )
    return made
