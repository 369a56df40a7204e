"""`QuadraticPolicy`: values of arms, less what it costs that many of them will want to be served at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from redwood.arrays import Array
from redwood.errors import SolutionError
from redwood.planning.contract import Planning, Policy
from redwood.planning.joint_maximum import JointMaximum
from redwood.planning.policies import q_values_of
from redwood.problem import frozen
from redwood.solvers.planning.improving import q_values_from

TURNS = 4
"""Oracle calls a decision; after the first two little is gained."""
ROUNDING = 1e-9
"""Share of the largest curvature up to which one of the wrong sign is taken for rounding."""


@dataclass(frozen=True, eq=False)
class QuadraticPolicy(Policy):
    """Look one step ahead of joint values: those of the arms' states, and a concave function of what they will ask for.

    Lagrangian values let the arms fall apart, as if more than the budget could be bought at fixed prices. They overrate
    joint states in which many arms will want the same steps. So the value of a joint state is the sum of the arms' values
    plus ``(f - m)' C (f - m)``, where the demand f is a sum over arms of some coupling features of each, such as what it is
    expected to spend now or two steps later, m is its mean, and C has no positive eigenvalue. Arms move
    independently, so the expectation over the outcomes of an action is known exactly: a sum over arms, plus the same
    function of the expected demand. It is concave in the action, and is maximised by its tangents, each of which is one
    call of the set's oracle and bounds the value of all actions.

    Attributes
    ----------
    values
        Q-values [H + 1, J, S] of each arm's state before each step, discounted to the first step.
    coupling_features
        What each arm's state adds [H + 1, J, S, K] to the demand.
    mean_demand
        The demand [H + 1, K] at which nothing is added.
    curvature
        C [H + 1, K, K] before each step.

    References
    ----------
    Frank, Wolfe (1956), An algorithm for quadratic programming, doi:10.1002/nav.3800030109.
    """

    kind: ClassVar[str] = "quadratic"
    values: Array
    coupling_features: Array
    mean_demand: Array
    curvature: Array

    def __post_init__(self) -> None:
        for name, dimensions in (("values", 3), ("coupling_features", 4), ("mean_demand", 2), ("curvature", 3)):
            object.__setattr__(self, name, frozen(getattr(self, name), np.float64))
            array = getattr(self, name)
            if array.ndim != dimensions or not np.isfinite(array).all():
                raise SolutionError(
                    f"{name} of shape {list(array.shape)} must be finite numbers in {dimensions} dimensions."
                )
        steps, demands = len(self.values), self.coupling_features.shape[-1]
        expected = {"coupling_features": (*self.values.shape, demands), "mean_demand": (steps, demands)}
        for name, shape in {**expected, "curvature": (steps, demands, demands)}.items():
            if getattr(self, name).shape != shape:
                raise SolutionError(f"{name} of shape {list(getattr(self, name).shape)} must have the shape {list(shape)}.")
        if not np.allclose(self.curvature, self.curvature.transpose(0, 2, 1)):
            raise SolutionError("the curvature is not symmetric.")
        sizes = np.linalg.eigvalsh(self.curvature)
        if (sizes > ROUNDING * np.abs(sizes).max(initial=0.0)).any():
            raise SolutionError(f"the curvature has the eigenvalue {sizes.max():.3g}; none may be positive.")

    def describe(self) -> dict[str, Any]:
        """Return that Lagrangian values with a quadratic coupling term decide; maxima are found by tangents, not proven."""
        return {"decides_by": "quadratic", "proven": False}

    def choose(self, planning: Planning, states: Array, step: int, rng: np.random.Generator) -> Array:
        """Return the best action met in each episode's states."""
        return self._search(planning, states, step)[0]

    def decide(self, planning: Planning, states: Array, step: int) -> JointMaximum:
        """Return the action in states [J], its value, and a proven bound on that of every other action."""
        arm_actions, value, bound = self._search(planning, states[None], step, certain=True)
        return JointMaximum(arm_actions[0], float(value[0]), float(bound[0]))

    def check_fit(self, planning: Planning) -> None:
        """Raise `SolutionError` where the values are for another number of steps, arms or states."""
        needed = [planning.horizon + 1, *planning.arms.start.shape]
        if list(self.values.shape) != needed:
            raise SolutionError(
                f"the values are for {list(self.values.shape)} steps, arms and states; the instance has {needed}."
            )

    def q_values(self, planning: Planning, states: Array, arm_actions: Array, step: int) -> Array:
        """Return the expected reward to come [E], discounted to the first step, of actions [E, J] in states [E, J].

        Parameters
        ----------
        planning
            The instance.
        states
            State [E, J] of each arm in each episode.
        arm_actions
            Action [E, J] of each arm in each episode.
        step
            How many steps have been done.
        """
        alone, expected = self._arm_actions(planning, states, step)
        found: Array = _taken(alone, arm_actions) + self._joint(_taken(expected, arm_actions), step + 1)
        return found

    def value(self, states: Array, step: int) -> Array:
        """Return the Q-values [E] of joint states [E, J] before a step."""
        own = np.arange(states.shape[1])
        demand = self.coupling_features[step][own, states].sum(axis=1)
        found: Array = self.values[step][own, states].sum(axis=1) + self._joint(demand, step)
        return found

    def _search(self, planning: Planning, states: Array, step: int, *, certain: bool = False) -> tuple[Array, Array, Array]:
        """Return actions [E, J], their Q-values [E], and bounds [E] on all others': infinite unless ``certain``.

        The first tangent is that at the mean demand; each later one is taken at an average of the actions met.
        """
        alone, expected = self._arm_actions(planning, states, step)
        best, value, bound = np.zeros_like(states), np.full(len(states), -np.inf), np.full(len(states), np.inf)
        demand = np.tile(self.mean_demand[step + 1], (len(states), 1))
        for turn in range(TURNS if self.curvature[step + 1].any() else 1):
            slope = 2.0 * (demand - self.mean_demand[step + 1]) @ self.curvature[step + 1]
            asked = alone + np.einsum("ejak,ek->eja", expected, slope)
            if certain:
                choices = [planning.actions.argmax(one) for one in asked]
                arm_actions = np.array([choice.arm_actions for choice in choices])
                most = np.array([choice.bound for choice in choices])
                bound = np.minimum(bound, most + self._joint(demand, step + 1) - (demand * slope).sum(axis=1))
            else:
                arm_actions = planning.actions.choose(asked)
            met = _taken(expected, arm_actions)
            q_values = _taken(alone, arm_actions) + self._joint(met, step + 1)
            better = q_values > value
            best[better], value[better] = arm_actions[better], q_values[better]
            demand = demand + 2.0 / (turn + 2.0) * (met - demand)
        return best, value, bound

    def _joint(self, demand: Array, step: int) -> Array:
        """Return what demands [E, K] before a step add to the values of the arms [E]."""
        beyond = demand - self.mean_demand[step]
        found: Array = np.einsum("ek,kl,el->e", beyond, self.curvature[step], beyond)
        return found

    def _arm_actions(self, planning: Planning, states: Array, step: int) -> tuple[Array, Array]:
        """Return the Q-values [E, J, A] of each arm alone, and the demand [E, J, A, K] expected after its actions."""
        kept = _TABLES.setdefault(self, WeakKeyDictionary())
        if planning not in kept:
            self.check_fit(planning)
            kept[planning] = self._tables(planning)
        alone, expected = kept[planning]
        arms = np.arange(states.shape[1])
        return q_values_of(alone, states, step), expected[step].transpose(0, 2, 1, 3)[arms, states]

    def _tables(self, planning: Planning) -> tuple[Array, Array]:
        """Return for all steps and states what `_arm_actions` looks up, [H, J, A, S] and [H, J, A, S, K].

        The expectation of a square is that of the mean and the variance, which is the sum of the arms' own.
        """
        moves, later, curvature = planning.arms.transitions, self.coupling_features[1:], self.curvature[1:]
        expected = np.einsum("jasz,tjzk->tjask", moves, later, optimize=True)
        squares = np.einsum("tjzk,tkl,tjzl->tjz", later, curvature, later, optimize=True)
        variance = np.einsum("jasz,tjz->tjas", moves, squares, optimize=True)
        variance -= np.einsum("tjask,tkl,tjasl->tjas", expected, curvature, expected, optimize=True)
        return q_values_from(planning, self.values) + variance, expected


def _taken(table: Array, arm_actions: Array) -> Array:
    """Return the sum over arms [E, ...] of what a table [E, J, A, ...] says of actions [E, J]."""
    rows = np.arange(len(arm_actions))[:, None]
    found: Array = table[rows, np.arange(arm_actions.shape[1]), arm_actions].sum(axis=1)
    return found


_TABLES: WeakKeyDictionary[QuadraticPolicy, WeakKeyDictionary[Planning, tuple[Array, Array]]] = WeakKeyDictionary()
