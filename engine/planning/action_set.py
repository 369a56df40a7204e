"""`ActionSet`: the joint actions allowed in every step, declared in Pyomo, and the program that maximises over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, ModelError, SolutionError
from redwood.tolerance import HIGHS_LOSS, unit_scale

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from redwood.planning.relaxation import Relaxation
    from redwood.views.compiled import CompiledModel


@dataclass(frozen=True, eq=False)
class Choice:
    """What `ActionSet.argmax` found.

    Attributes
    ----------
    arm_actions
        Action [J] of each arm.
    value
        Value of the action.
    bound
        Proven upper bound on the value of every action of the set.
    """

    arm_actions: Array
    value: float
    bound: float
    actions: ActionSet = field(repr=False)

    @property
    def witness(self) -> Any:
        """Why the actions are allowed: who serves whom, the walk, the interventions; computed when asked for."""
        return self.actions.witness(self.arm_actions)


class ActionSet(ABC):
    """The joint actions that are allowed in every step, as actions 0 to A - 1 of each arm.

    Subclasses are frozen dataclasses of arrays and numbers, and declare the set in Pyomo. Everything else follows from
    the declaration; sets with structure override `argmax`, `contains`, `sample` and `greedy` by faster exact ways.
    """

    @property
    @abstractmethod
    def arms(self) -> int:
        """Number of arms J."""

    @property
    def arm_actions(self) -> int:
        """Number of actions A."""
        return 2

    @abstractmethod
    def model(self) -> ConcreteModel:
        """Return the set as a Pyomo model of linear constraints, without an objective."""

    @abstractmethod
    def indicators(self, model: ConcreteModel) -> list[Any]:
        """Return the model's binary variables that say "arm j is under action a", for a from 1 on: j by j, and a by a.

        An arm whose indicators are all zero is under action 0.
        """

    @cached_property
    def classes(self) -> Array:
        """Class [J] of each arm, from 0 on: swapping two arms of a class in an allowed action gives an allowed action.

        Unless overridden each arm is a class of its own. Bounds and policies for many arms are fast where classes are few.
        """
        return np.arange(self.arms)

    @cached_property
    def members(self) -> list[Array]:
        """The arms of each class."""
        return [np.flatnonzero(self.classes == kind) for kind in range(int(self.classes.max()) + 1)]

    def argmax(self, coefficients: Array) -> Choice:
        """Return an action of the greatest total value; ``coefficients`` [J, A] says that of each arm and action."""
        return self.solve(coefficients)

    def solve(self, coefficients: Array) -> Choice:
        """Return what `argmax` does, always by mixed-integer programming on the declared model."""
        arm_actions, bound = self.program.maximise(coefficients)
        return Choice(arm_actions, value_of(coefficients, arm_actions), bound, self)

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the actions [E, J] of an action of the greatest value for each of ``coefficient_tables`` [E, J, A]."""
        return np.array([self.argmax(coefficients).arm_actions for coefficients in coefficient_tables], np.int64).reshape(
            len(coefficient_tables), self.arms
        )

    def contains(self, arm_actions: Array) -> bool:
        """Return whether a joint action [J] is allowed."""
        return self.in_range(arm_actions) and self.program.values(arm_actions) is not None

    def climb(self, value: Callable[[Array], Array]) -> Array:
        """Return actions [J] reached by pulling one arm after another, each time to the greatest value, as long as it grows.

        Parameters
        ----------
        value
            Gives the values [N] of joint actions [N, J].

        Raises
        ------
        ModelError
            Where the set does not allow action 0 for every arm, where climbing starts unless the set overrides it.
        """
        from redwood.planning.climbing import climb_from_zero

        return climb_from_zero(self, value)

    def enumerate(self, limit: int) -> Array | None:
        """Return all allowed joint actions [N, J] as bytes; ``None`` where they are more than a limit, or too many to find.

        Unless overridden they are found in the declared model.
        """
        from redwood.planning.enumeration import enumerate_declared

        return enumerate_declared(self, limit)

    def refused(self, arm_actions: Array) -> Array:
        """Return which rows of joint actions [E, J] are not allowed."""
        distinct, rows = np.unique(arm_actions, axis=0, return_inverse=True)
        allowed = np.array([self.contains(action) for action in distinct], bool)
        return np.flatnonzero(~allowed[rows.ravel()])

    def warm_up(self) -> None:  # noqa: B027 (most have nothing to add)
        """Compile those kernels of the other methods that small sets do not come to, before a clock starts."""

    def sample(self, rng: np.random.Generator) -> Array:
        """Return random actions [J]: an action that is the best one for random values, and so one that wastes nothing."""
        return self.argmax(np.cumsum(rng.random((self.arms, self.arm_actions)), axis=1)).arm_actions

    def samples(self, count: int, rng: np.random.Generator) -> Array:
        """Return independent random actions [count, J]."""
        return np.array([self.sample(rng) for _ in range(count)], np.int64).reshape(count, self.arms)

    def greedy(self, coefficients: Array) -> Array:
        """Return actions [J] reached by pulling one arm at a time, each time for the greatest gain that is allowed.

        An action that is refused to an arm once is not tried again: more pulls elsewhere seldom make room.
        Sets without the action that leaves every arm under action 0 have nothing to start from and override this.
        """
        arm_actions = np.zeros(self.arms, np.int64)
        if not self.contains(arm_actions):
            raise ModelError(f"{type(self).__name__} does not allow action 0 for every arm, where greedy would start.")
        rows, refused = np.arange(self.arms), np.zeros(coefficients.shape, bool)
        while True:
            gains = np.where(refused, -np.inf, coefficients - coefficients[rows, arm_actions][:, None])
            arm, arm_action = divmod(int(np.argmax(gains)), self.arm_actions)
            if gains[arm, arm_action] <= 0:
                return arm_actions
            before, arm_actions[arm] = int(arm_actions[arm]), arm_action
            if not self.contains(arm_actions):
                arm_actions[arm], refused[arm, arm_action] = before, True

    def witness(self, arm_actions: Array) -> Any:
        """Return why an action is allowed; unless overridden, the model's other variables that are not zero, by name.

        Raises
        ------
        SolutionError
            Where the action is not allowed.
        """
        values = self.program.values(arm_actions) if self.in_range(arm_actions) else None
        if values is None:
            raise SolutionError(f"the action {np.asarray(arm_actions).tolist()} is not in the set {type(self).__name__}.")
        rest = zip(self.program.names, values.tolist(), strict=True)
        return {name: value for name, value in list(rest)[self.arms * (self.arm_actions - 1) :] if value != 0}

    def in_range(self, arm_actions: Array) -> bool:
        """Return whether actions have the shape [J] and are whole numbers within 0 to A - 1."""
        array = np.asarray(arm_actions)
        if array.shape != (self.arms,) or array.dtype.kind not in "biuf":
            return False
        whole = array.dtype.kind != "f" or bool((array == np.rint(array)).all())
        return whole and bool(((array >= 0) & (array < self.arm_actions)).all())

    @cached_property
    def program(self) -> Program:
        """The declared model, compiled once and kept in HiGHS."""
        model = self.model()
        return Program(model, self.indicators(model), self.arms, self.arm_actions)

    @cached_property
    def relaxation(self) -> Relaxation:
        """A linear relaxation of the set, which bounds begin with; unless overridden, the declared model's own."""
        from redwood.planning.relaxation import relaxation_of

        return relaxation_of(self.program.compiled, self.arms, self.arm_actions)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: what was computed from them is computed again after unpickling."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}  # type: ignore[arg-type]


class Program:
    """The mixed-integer program of an action set: compiled once, then maximised for one worth after another.

    With ``implied`` the indicators need not be binary in the model, where its other variables make them whole.
    """

    def __init__(
        self, model: ConcreteModel, indicators: Sequence[Any], arms: int, arm_actions: int, *, implied: bool = False
    ) -> None:
        from pyomo.environ import Constraint, Objective, Var, maximize

        from redwood.views.compiled import compile_model

        if len(indicators) != arms * (arm_actions - 1):
            needed = arms * (arm_actions - 1)
            raise ModelError(
                f"{model.name} gives {len(indicators)} indicators; {arms} arms of {arm_actions} actions need {needed}."
            )
        listed = {id(variable) for variable in indicators}
        others = [entry for entry in model.component_data_objects(Var) if id(entry) not in listed]
        model.total_value = Objective(expr=0 * indicators[0], sense=maximize)
        self.name = str(model.name)
        self.names = [variable.name for variable in (*indicators, *others)]
        self.rows = [row.name for row in model.component_data_objects(Constraint, active=True)]
        self.compiled: CompiledModel = compile_model(model, indicators)
        self._shape = (arms, arm_actions)
        self._count = len(indicators)
        if not implied:
            self._check_indicators()

    def others(self) -> Array:
        """Return the values of the variables that are no indicators, in the last solution that was found."""
        return self.compiled.integral(np.array(self._highs.getSolution().col_value))[self._count :]

    def maximise(self, coefficients: Array) -> tuple[Array, float]:
        """Return the best actions [J] and a proven bound on their value.

        Raises
        ------
        InstanceError
            Where the set is empty.
        """
        import highspy

        gains = (coefficients[:, 1:] - coefficients[:, :1]).ravel()
        scale = unit_scale(float(np.abs(gains).max(initial=0.0)))  # the tolerances of HiGHS are absolute
        self._highs.changeColsCost(self._count, np.arange(self._count, dtype=np.int32), gains.astype(np.float64) * scale)
        self._highs.clearSolver()  # hot starts after changes of the model have given wrong objectives (HiGHS #3294)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            rows = ", ".join(self._conflict())
            raise InstanceError(f"the action set {self.name} is empty: no joint action satisfies its rows {rows} together.")
        if status != highspy.HighsModelStatus.kOptimal:
            raise ModelError(f"HiGHS ended with status {status} on the action set {self.name}; is it bounded?")
        whole = self.compiled.integer.any()
        bound = (float(self._highs.getInfo().mip_dual_bound) + HIGHS_LOSS if whole else self._objective()) / scale
        return self._arm_actions(), float(coefficients[:, 0].sum()) + bound

    def values(self, arm_actions: Array) -> Array | None:
        """Return column values [C] of the model for a joint action, or ``None`` where it is not allowed."""
        import highspy

        columns = np.arange(self._count, dtype=np.int32)
        chosen = np.asarray(arm_actions)[:, None] == np.arange(1, self._shape[1])
        fixed = chosen.ravel().astype(np.float64)
        if ((fixed < self.compiled.lower[: self._count]) | (fixed > self.compiled.upper[: self._count])).any():
            return None
        self._highs.changeColsCost(self._count, columns, np.zeros(self._count))
        self._highs.changeColsBounds(self._count, columns, fixed, fixed)
        self._highs.clearSolver()
        self._highs.run()
        found = self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        values = np.array(self._highs.getSolution().col_value) if found else None
        self._highs.changeColsBounds(
            self._count, columns, self.compiled.lower[: self._count], self.compiled.upper[: self._count]
        )
        return None if values is None else self.compiled.integral(values)

    @cached_property
    def _highs(self) -> Any:
        return self.compiled.highs(
            mip_rel_gap=0.0,
            mip_abs_gap=1e-9,
            mip_heuristic_effort=0.0,
            mip_heuristic_run_feasibility_jump=False,
            presolve="choose" if self.compiled.integer.any() else "off",  # it takes longer than small linear programs
        )

    def _arm_actions(self) -> Array:
        """Return the actions [J] that HiGHS's solution stands for."""
        arms, arm_actions = self._shape
        chosen = np.rint(self._highs.getSolution().col_value[: self._count]).reshape(arms, arm_actions - 1)
        picked: Array = (chosen * np.arange(1, arm_actions)).sum(axis=1).astype(np.int64)
        return picked

    def _conflict(self) -> list[str]:
        """Return the names of rows of an empty set that cannot hold together, none of which could be left out.

        Rows are taken away one after the other, and stay away where the rest is still infeasible.
        """
        import highspy

        kept = []
        for row, name in enumerate(self.rows):
            self._highs.changeRowBounds(row, -np.inf, np.inf)
            self._highs.clearSolver()
            self._highs.run()
            if self._highs.getModelStatus() != highspy.HighsModelStatus.kInfeasible:
                self._highs.changeRowBounds(row, float(self.compiled.rows.lower[row]), float(self.compiled.rows.upper[row]))
                kept.append(name)
        for row in range(len(self.rows)):
            self._highs.changeRowBounds(row, float(self.compiled.rows.lower[row]), float(self.compiled.rows.upper[row]))
        return kept

    def _objective(self) -> float:
        return float(self._highs.getInfo().objective_function_value)

    def _check_indicators(self) -> None:
        """Refuse indicators that are not binary, since actions could not be read from them."""
        lower, upper = self.compiled.lower[: self._count], self.compiled.upper[: self._count]
        wrong = np.flatnonzero(~self.compiled.integer[: self._count] | (lower < 0) | (upper > 1))
        if len(wrong):
            raise ModelError(f"indicator {self.names[wrong[0]]!r} of {self.name} is not binary.")


def value_of(coefficients: Array, arm_actions: Array) -> float:
    """Return the total value of a joint action [J], given that of each arm for each action [J, A]."""
    return float(coefficients[np.arange(len(arm_actions)), arm_actions].sum())
