"""The linear program over occupation measures whose activity is a mixture of known actions."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.compiled import quiet_highs
from redwood.errors import SolverError
from redwood.planning import Array
from redwood.problems.cormab.stretch import Decoupled, ending_of


class Master:
    """Maximise the expected reward of J arms whose activity in each step mixes the actions added so far.

    Columns are occupation measures x[t, j, a, s], then mixture weights. Rows are the flow of each arm [H, J, S], the
    link of levels to actions [H, J, A - 1], and one row a step that sums the weights to 1.
    """

    def __init__(self, planning: Decoupled) -> None:
        self._planning = planning
        self._shape = (planning.horizon, *planning.arms.rewards.shape)
        steps, arms, levels, states = self._shape
        self._links = steps * arms * states
        self._sums = self._links + steps * arms * (levels - 1)
        self._known: list[set[bytes]] = [set() for _ in range(steps)]
        self._highs = self._load()

    def add(self, actions: Array) -> None:
        """Add an action [H, J] to each step, where it is new there."""
        for step, action in enumerate(actions):
            key = action.tobytes()
            if key in self._known[step]:
                continue
            self._known[step].add(key)
            raised = np.flatnonzero(action)
            _, arms, levels, _ = self._shape
            links = self._links + (step * arms + raised) * (levels - 1) + action[raised] - 1
            rows = np.append(links, self._sums + step).astype(np.int32)
            values = np.append(np.full(len(links), -1.0), 1.0)
            self._highs.addCol(0.0, 0.0, np.inf, len(rows), rows, values)

    def solve(self, seconds: float) -> tuple[float, Array] | None:
        """Return the value of the program and the prices [H, J, A] that its links have; ``None`` where time runs out.

        Raises
        ------
        SolverError
            Where HiGHS does not solve it.
        """
        if not optimised(self._highs, seconds, "the program of occupation measures"):
            return None
        steps, arms, levels, _ = self._shape
        duals = np.array(self._highs.getSolution().row_dual)[self._links : self._sums]
        prices = np.zeros((steps, arms, levels))
        prices[:, :, 1:] = duals.reshape(steps, arms, levels - 1)
        return float(self._highs.getInfo().objective_function_value), prices

    def _load(self) -> Any:
        """Return HiGHS with the occupation measures and all rows, and no action yet."""
        import highspy

        steps, arms, _, states = self._shape
        rows, values, starts = self._columns()
        rewards = self._planning.arms.rewards[None] * self._planning.discount ** np.arange(steps)[:, None, None, None]
        rewards[-1] += np.matmul(self._planning.arms.transitions, ending_of(self._planning)[:, None, :, None])[..., 0]
        right = np.zeros(self._sums + steps)
        right[: arms * states] = self._planning.arms.start.ravel()
        right[self._sums :] = 1.0
        made = quiet_highs()
        made.passModel(
            rewards.size,
            len(right),
            len(values),
            int(highspy.MatrixFormat.kColwise),
            int(highspy.ObjSense.kMaximize),
            0.0,
            rewards.ravel(),
            np.zeros(rewards.size),
            np.full(rewards.size, np.inf),
            right,
            right,
            starts,
            rows,
            values,
            np.zeros(rewards.size, np.int32),
        )
        return made

    def _columns(self) -> tuple[Array, Array, Array]:
        """Return rows, values and starts of the occupation measures' columns.

        A measure leaves its own state, enters those it leads to one step later, and counts for its level.
        """
        steps, arms, levels, states = self._shape
        step, arm, level, state = np.indices(self._shape).reshape(4, -1)
        own = (step * arms + arm) * states + state
        link = np.where(level > 0, self._links + (step * arms + arm) * (levels - 1) + level - 1, 0)
        into = ((step + 1) * arms + arm)[:, None] * states + np.arange(states)
        rows = np.column_stack((own, link, into))
        flow = -self._planning.arms.transitions[arm, level, state]
        values = np.column_stack(
            (np.ones(len(step)), (level > 0).astype(float), np.where(step[:, None] < steps - 1, flow, 0.0))
        )
        used = values != 0
        starts = np.concatenate(([0], np.cumsum(used.sum(axis=1)))).astype(np.int32)
        return rows[used].astype(np.int32), values[used], starts


def optimised(highs: Any, seconds: float, name: str) -> bool:
    """Return whether HiGHS solved a linear program before so many seconds were over.

    Raises
    ------
    SolverError
        Where it ended for another reason.
    """
    import highspy

    highs.setOptionValue("time_limit", highs.getRunTime() + seconds)  # its clock never goes back to zero
    highs.run()
    status = highs.getModelStatus()
    if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit):
        raise SolverError(f"HiGHS ended with status {status} on {name}.")
    return bool(status == highspy.HighsModelStatus.kOptimal)
