"""The cheapest choice among routes met on the way that serves everybody: a set-partitioning program on HiGHS.

References
----------
Subramanian, Uchoa, Ochi (2013), A hybrid algorithm for a class of vehicle routing problems,
doi:10.1016/j.cor.2013.01.013, section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.tolerance import unit_scale

FEASIBLE = 2
"""HiGHS's code of a feasible point."""


class Program(NamedTuple):
    """Columns with their costs, and the rows in which each has a one; of each row the least and greatest sum.

    Attributes
    ----------
    costs
        Of each column.
    rows
        The rows of each column; one that has a row twice, such as a route with two alternatives, is never taken.
    lower, upper
        Limits of each row.
    whole
        Whether each column is taken wholly or not at all.
    """

    costs: Array
    rows: Sequence[Sequence[int]]
    lower: Array
    upper: Array
    whole: Array


def cheapest_columns(program: Program, seconds: float, start: Sequence[int] = ()) -> list[int] | None:
    """Return the columns of the cheapest choice that is found in time, or ``None`` where none is.

    Parameters
    ----------
    program
        What is chosen from.
    seconds
        The time limit.
    start
        Columns of a choice that keeps all limits, where one is known.
    """
    import highspy

    from redwood.views.compiled import quiet_highs

    count, scale = len(program.costs), unit_scale(float(np.abs(program.costs).max(initial=0.0)))
    rows = [sorted(set(row)) for row in program.rows]
    possible = [float(len(row) == len(given)) for row, given in zip(rows, program.rows, strict=True)]
    solver = quiet_highs()
    solver.setOptionValue("time_limit", float(seconds))
    solver.setOptionValue("mip_rel_gap", 0.0)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = count, len(program.lower)
    model.col_cost_, model.col_lower_, model.col_upper_ = scale * program.costs, np.zeros(count), np.array(possible)
    model.row_lower_, model.row_upper_ = program.lower, program.upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    model.a_matrix_.index_ = np.concatenate([np.array(row, dtype=np.int32) for row in rows])
    model.a_matrix_.value_ = np.ones(sum(map(len, rows)))
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    model.integrality_ = [kinds[int(whole)] for whole in program.whole]
    solver.passModel(model)
    if len(start):
        values = np.zeros(count)
        values[list(start)] = 1.0
        known = highspy.HighsSolution()
        known.col_value = values.tolist()
        known.value_valid = True
        solver.setSolution(known)
    solver.run()
    if solver.getInfo().primal_solution_status != FEASIBLE:
        return None
    return [int(k) for k in np.flatnonzero(np.array(solver.getSolution().col_value) > 0.5)]
