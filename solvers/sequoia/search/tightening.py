"""`lp_limits`: limits of deeper neurons by linear programs over the relaxed set and the relaxed ReLUs before them."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolverError
from redwood.solvers.sequoia.networks.folded import Folded
from redwood.views.compiled import quiet_highs

MARGIN = 1e-6
"""Share by which the limits are widened, to cover the tolerances of the linear programs."""


def lp_limits(
    program: Any, folded: Folded, found: list[tuple[Array, Array]], columns: list[Array]
) -> list[tuple[Array, Array]]:
    """Return limits of every layer's inputs that are at least as tight as those found by intervals.

    Two linear programs for each neuron after the first layer that may be on or off, each begun from the last one's basis:
    only the objective differs.

    Parameters
    ----------
    program
        HiGHS with the set and the ReLUs under the limits found so far; it is left as it is.
    columns
        Its columns [n] of each layer's values.

    References
    ----------
    Tjeng, Xiao, Tedrake (2019), Evaluating robustness of neural networks with mixed integer programming,
    arXiv:1711.07356, section 4.2.
    """
    import highspy

    relaxed = quiet_highs()
    model = program.getLp()
    model.integrality_ = []
    relaxed.passModel(model)
    every = np.arange(relaxed.getNumCol(), dtype=np.int32)
    relaxed.changeColsCost(len(every), every, np.zeros(len(every)))
    tighter = [found[0]]
    for layer in range(1, len(found)):
        low, high = found[layer][0].copy(), found[layer][1].copy()
        before = columns[layer - 1].astype(np.int32)
        for neuron in np.flatnonzero((low < 0) & (high > 0)):
            relaxed.changeColsCost(len(before), before, folded.weights[layer][neuron].astype(np.float64))
            bias = float(folded.biases[layer][neuron])
            most = _optimum(relaxed, highspy.ObjSense.kMaximize) + bias
            least = _optimum(relaxed, highspy.ObjSense.kMinimize) + bias
            high[neuron] = min(high[neuron], most + MARGIN * max(1.0, abs(most)))
            low[neuron] = max(low[neuron], least - MARGIN * max(1.0, abs(least)))
        relaxed.changeColsCost(len(before), before, np.zeros(len(before)))
        tighter.append((low, high))
    return tighter


def _optimum(relaxed: Any, sense: Any) -> float:
    """Return the least or the greatest value of the objective."""
    import highspy

    relaxed.changeObjectiveSense(sense)
    relaxed.run()
    status = relaxed.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise SolverError(f"HiGHS ended with the status {relaxed.modelStatusToString(status)} on the limits of a neuron.")
    return float(relaxed.getInfo().objective_function_value)
