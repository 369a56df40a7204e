"""The linear program over occupation measures whose activity is a mixture of known actions."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.bounds.occupation import occupation
from redwood.planning.bounds.relaxing import begin, linear_program
from redwood.planning.bounds.segment import Decoupled

logger = logging.getLogger(__name__)


class Master:
    """Maximise the expected reward of J arms whose activity in each step mixes the actions added so far.

    Columns are occupation measures, then mixture weights. Rows are the flow of each arm and the link of its actions to
    actions, and one row a step that sums the weights to 1.
    """

    def __init__(self, planning: Decoupled) -> None:
        self._shape = (planning.horizon, *planning.arms.rewards.shape)
        self._occupation = occupation(planning, np.arange(len(planning.arms.start)))
        self._links = self._occupation.flows
        self._sums = self._links + self._occupation.links
        self._known: list[set[bytes]] = [set() for _ in range(planning.horizon)]
        self._highs = self._load()

    def begin(self, start: Array) -> None:
        """Let the arms begin with probabilities [J, S] of their states; the actions stay."""
        begin(self._highs, start)

    def add(self, actions: Array) -> None:
        """Add an action [H, J] to each step, where it is new there."""
        for step, action in enumerate(actions):
            key = action.tobytes()
            if key in self._known[step]:
                continue
            self._known[step].add(key)
            pulled = np.flatnonzero(action)
            _, arms, arm_actions, _ = self._shape
            links = self._links + (step * arms + pulled) * (arm_actions - 1) + action[pulled] - 1
            rows = np.append(links, self._sums + step).astype(np.int32)
            values = np.append(np.full(len(links), -1.0), 1.0)
            self._highs.addCol(0.0, 0.0, np.inf, len(rows), rows, values)

    def solve(self, seconds: float) -> tuple[float, Array] | None:
        """Return the value of the program and the prices [H, J, A] that its links have; ``None`` where it is not solved."""
        if not optimised(self._highs, seconds, "the program of occupation measures"):
            return None
        steps, arms, arm_actions, _ = self._shape
        duals = np.array(self._highs.getSolution().row_dual)[self._links : self._sums]
        prices = np.zeros((steps, arms, arm_actions))
        prices[:, :, 1:] = duals.reshape(steps, arms, arm_actions - 1)
        return float(self._highs.getInfo().objective_function_value), prices

    def measures(self) -> Array:
        """Return the occupation measures [H, J, A, S] of the last solution."""
        size = int(np.prod(self._shape))
        return np.array(self._highs.getSolution().col_value[:size]).reshape(self._shape)

    def _load(self) -> Any:
        """Return HiGHS with the occupation measures and all rows, and no action yet."""
        from scipy.sparse import csc_array

        found = self._occupation
        right = np.concatenate((found.sources, np.zeros(found.links), np.ones(self._shape[0])))
        matrix = csc_array((found.values, found.rows, found.starts), shape=(len(right), found.rewards.size))
        none, most = np.zeros(found.rewards.size), np.full(found.rewards.size, np.inf)
        made = linear_program(matrix, found.rewards.ravel(), none, most, right, right)
        made.setOptionValue("presolve", "off")  # it may call a program infeasible that has one action a step
        return made


def optimised(highs: Any, seconds: float, name: str) -> bool:
    """Return whether HiGHS solved a linear program before so many seconds were over.

    Where it ends for another reason than the time, it begins once more from scratch; prices that are known stay valid
    without the program, so that its failure is said in the log and raises nothing.
    """
    import highspy

    limit = highs.getRunTime() + seconds  # its clock never goes back to zero
    for attempt in range(2):
        highs.setOptionValue("time_limit", max(limit, highs.getRunTime()))
        highs.run()
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            return True
        if status == highspy.HighsModelStatus.kTimeLimit:
            return False
        if attempt == 0:
            highs.clearSolver()
    logger.info("HiGHS ended with status %s on %s; the prices found so far are kept.", status, name)
    return False
