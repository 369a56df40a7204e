"""`Tangents`: a tight upper bound on a network that is concave in the action, by averages of its tangents."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.planning.contract import ActionSet
from redwood.solvers.sequoia.networks.conditioned import ConditionedNetwork, coefficients_of, indicators, linear_bound
from redwood.solvers.sequoia.search.bounded_action import BoundedAction
from redwood.views.compiled import quiet_highs

TURNS = 40
"""The most oracle calls."""
WHOLE = 0.1
"""Share of the gap below which what is left to averages of actions is not looked for: the rest is due to whole actions."""


class Tangents:
    """Bounds concave networks over one action set, and meets good actions on the way.

    Any average of tangents is above the network, and the set's oracle says what it comes to at most. Which average is the
    best one is asked of a small linear program over the actions that are known, whose dual solution is an average of
    these; there, and at the oracle's answer, the next tangents are taken. It ends where the bound is close to the best
    action, or to the network's value at the average of actions: no average of tangents is below that.

    References
    ----------
    Kelley (1960), The cutting-plane method for solving convex programs, doi:10.1137/0108053; the oracle's answers are the
    columns of Dantzig, Wolfe (1960), doi:10.1287/opre.8.1.101.
    """

    def __init__(self, actions: ActionSet) -> None:
        self._actions = actions
        self._highs: Any = None

    def tighten(
        self,
        conditioned: ConditionedNetwork,
        wide: list[tuple[Array, Array]],
        best: BoundedAction,
        tolerance: float,
        least: float = 1.0,
    ) -> BoundedAction:
        """Return the best action met and the best bound; ``wide`` are proven limits of the neurons.

        Parameters
        ----------
        conditioned
            The network with the states put in.
        wide
            Proven limits [n] of the neurons of each layer.
        best
            The best action and the best bound known.
        tolerance, least
            Distance of bound and value at which to end; see `BoundedAction.proven`.
        """
        unit, level = max(best.bound - best.value, 1e-9), best.value
        known = indicators(best.arm_actions[None], self._actions.arm_actions)
        slopes, constants = np.empty((0, known.shape[1])), np.empty(0)
        points, reached = [known[0]], level
        for _ in range(TURNS):
            for point in points:
                slope, constant = linear_bound(conditioned, wide, point)
                slopes, constants = np.vstack([slopes, slope]), np.append(constants, constant)
            shares, mixture = self._equilibrium((known @ slopes.T + constants - level) / unit)
            choice = self._actions.argmax(coefficients_of(self._actions, shares @ slopes))
            taken = indicators(choice.arm_actions[None], self._actions.arm_actions)
            value = float(conditioned.values(taken)[0])
            arm_actions = choice.arm_actions if value > best.value else best.arm_actions
            best = BoundedAction(
                arm_actions, max(value, best.value), min(best.bound, choice.bound + float(shares @ constants))
            )
            average = mixture @ known
            reached = max(reached, float(conditioned.values(average[None])[0]))
            if best.proven(tolerance, least) or best.bound - reached <= WHOLE * (best.bound - best.value):
                break
            points, known = [average, taken[0]], np.vstack([known, taken])
        return best

    def _equilibrium(self, q_values: Array) -> tuple[Array, Array]:
        """Return shares [K] of tangents that make the most over actions least, and the opposite shares [V] of actions.

        ``q_values`` [V, K] is what each tangent says of each action.
        """
        import highspy

        if self._highs is None:
            self._highs = quiet_highs()
        actions, tangents = q_values.shape
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = actions + 1, tangents + 1
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = np.append(np.zeros(actions), 1.0)
        model.col_lower_ = np.append(np.zeros(actions), -np.inf)
        model.col_upper_ = np.full(actions + 1, np.inf)
        model.row_lower_ = np.append(np.full(tangents, -np.inf), 1.0)
        model.row_upper_ = np.append(np.zeros(tangents), 1.0)
        matrix = np.vstack([np.hstack([-q_values.T, np.ones((tangents, 1))]), np.append(np.ones(actions), 0.0)])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.arange(tangents + 2, dtype=np.int32) * (actions + 1)
        model.a_matrix_.index_ = np.tile(np.arange(actions + 1, dtype=np.int32), tangents + 1)
        model.a_matrix_.value_ = matrix.ravel()
        self._highs.passModel(model)
        self._highs.run()
        solution = self._highs.getSolution()
        return _shares(np.array(solution.row_dual)[:tangents]), _shares(np.array(solution.col_value)[:actions])


def _shares(values: Array) -> Array:
    """Return shares that add up to 1, whatever the solver's tolerance: every such average is a bound."""
    found = np.maximum(values, 0.0)
    total = float(found.sum())
    return found / total if total > 0 else np.full(len(found), 1.0 / len(found))
