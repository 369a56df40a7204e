"""The action set of compatible workers: each pulled arm is served by a worker who may, each worker serves so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, SolutionError
from redwood.planning.action_set import ActionSet
from redwood.planning.relaxation import Relaxation
from redwood.problem import frozen, whole_numbers
from redwood.problems.cormab.batched import BatchedSet
from redwood.problems.cormab.capacity import CapacitySet

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel


@dataclass(frozen=True, eq=False)
class WorkersSet(BatchedSet):
    """Worker i serves at most ``capacities[i]`` arms, of those that are compatible, such as by language.

    The sets of arms that can be served together are the independent ones of a matroid, so that taking arms by gain is
    exact; whether one more can be served is a search for an augmenting path between classes of alike arms and workers.

    Attributes
    ----------
    compatible
        Whether [W, J] a worker may serve an arm.
    capacities
        The most arms [W] that each serves in a step, from 0 on.
    worker_names
        Name [W] of each worker, or none.
    """

    kind: ClassVar[str] = "workers"
    compatible: Array
    capacities: Array
    worker_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        compatible, capacities = (whole_numbers(name, getattr(self, name)) for name in ("compatible", "capacities"))
        if compatible.ndim != 2 or not compatible.size or capacities.shape != (len(compatible),):
            raise InstanceError(
                f"compatible {list(compatible.shape)} and capacities {list(capacities.shape)} must have the "
                "shapes [W, J] and [W]."
            )
        if (compatible > 1).any():
            raise InstanceError(f"compatible holds {compatible.max()}; expected whether a worker may serve an arm, 0 or 1.")
        names = tuple(str(name) for name in self.worker_names)
        if names and (len(names) != len(capacities) or len(set(names)) < len(names)):
            raise InstanceError(
                f"{len(names)} worker names, {len(set(names))} of them distinct, for {len(capacities)} workers."
            )
        object.__setattr__(self, "compatible", frozen(compatible, np.bool_))
        object.__setattr__(self, "capacities", capacities)
        object.__setattr__(self, "worker_names", names)

    @property
    def arms(self) -> int:
        """Number of arms J."""
        return int(self.compatible.shape[1])

    def model(self) -> ConcreteModel:
        """Return binaries for pulled arms and for who serves whom, one row a worker and one an arm."""
        from pyomo.environ import Binary, ConcreteModel, Constraint, Var, quicksum

        model = ConcreteModel("workers")
        arms, workers = range(self.arms), range(len(self.capacities))
        may, capacities = self.compatible.tolist(), self.capacities.tolist()
        model.pulled = Var(arms, domain=Binary)
        model.serves = Var([(worker, arm) for worker in workers for arm in arms if may[worker][arm]], domain=Binary)

        def fits(model: ConcreteModel, worker: int) -> Any:
            served = [model.serves[worker, arm] for arm in arms if may[worker][arm]]
            return quicksum(served) <= capacities[worker] if served else Constraint.Skip

        def served(model: ConcreteModel, arm: int) -> Any:
            return quicksum(model.serves[worker, arm] for worker in workers if may[worker][arm]) == model.pulled[arm]

        model.fits = Constraint(workers, rule=fits)
        model.served = Constraint(arms, rule=served)
        return model

    @cached_property
    def classes(self) -> Array:
        """Which of the distinct sets of workers may serve each arm [J]."""
        return np.unique(self.compatible.T, axis=0, return_inverse=True)[1].ravel()

    def choose(self, coefficient_tables: Array) -> Array:
        """Return the best action for each of many values: the arms that gain most together, of those that can be served."""
        from redwood.problems.cormab.workers_kernels import assign_best

        gains = np.ascontiguousarray(coefficient_tables[:, :, 1] - coefficient_tables[:, :, 0], dtype=np.float64)
        return np.asarray(assign_best(gains, *self._network))

    def contains(self, arm_actions: Array) -> bool:
        """Return whether the workers can serve the pulled arms."""
        return self.in_range(arm_actions) and not len(self.refused(np.asarray(arm_actions)[None]))

    def refused(self, arm_actions: Array) -> Array:
        """Return which rows of joint actions [E, J] the workers cannot serve."""
        from redwood.problems.cormab.workers_kernels import unserved

        return np.flatnonzero(unserved(np.ascontiguousarray(arm_actions, np.int64), *self._network))

    def samples(self, count: int, rng: np.random.Generator) -> Array:
        """Return random actions: arms in random order, each pulled where it can still be served."""
        coefficient_tables = np.stack((np.zeros((count, self.arms)), rng.random((count, self.arms)) + 1e-9), axis=2)
        return self.choose(coefficient_tables)

    def greedy(self, coefficients: Array) -> Array:
        """Return what `argmax` does: arm by arm is exact here."""
        return self.argmax(coefficients).arm_actions

    def warm_up(self) -> None:
        """Compile the kernels on this set."""
        self.refused(self.choose(np.zeros((1, self.arms, 2))))

    def witness(self, arm_actions: Array) -> Array:
        """Return the worker [J] who serves each arm, -1 for arms that are not pulled."""
        from redwood.problems.cormab.workers_kernels import assign_workers

        if not self.contains(arm_actions):
            raise SolutionError(f"the action {np.asarray(arm_actions).tolist()} is not in the set {type(self).__name__}.")
        served = assign_workers(np.asarray(arm_actions, np.int64), *self._network)
        worker_of = np.full(self.arms, -1)
        for kind, members in enumerate(self.members):
            pulled = members[np.asarray(arm_actions)[members] > 0]
            worker_of[pulled] = np.repeat(np.arange(served.shape[1]), served[kind])
        return worker_of

    @cached_property
    def relaxation(self) -> Relaxation:
        """How many arms of each class each kind of worker serves: a transport problem, whose corners are whole."""
        from scipy.sparse import csc_array

        may, kinds = np.unique(self._network[1].T, axis=0, return_inverse=True)
        room = np.bincount(kinds.ravel(), self.capacities).astype(float)
        sizes = np.bincount(self.classes).astype(float)
        worker, arm = np.nonzero(may)
        links = (arm == np.arange(len(sizes))[:, None]).astype(float)
        rows = np.vstack((links, worker == np.arange(len(room))[:, None])).astype(float)
        upper = np.concatenate((sizes, room))
        most = np.minimum(sizes[arm], room[worker])
        return Relaxation(
            self.classes,
            csc_array(links),
            csc_array(rows),
            np.full(len(upper), -np.inf),
            upper,
            0 * most,
            most,
            tight=True,
        )

    @cached_property
    def _network(self) -> tuple[Array, Array, Array]:
        """Class [J] of each arm, which workers [K, W] may serve a class, and capacities [W]."""
        first = [members[0] for members in self.members]
        return self.classes, np.ascontiguousarray(self.compatible[:, first].T), np.array(self.capacities)


def compatible_workers(arm_labels: Sequence[Any], worker_labels: Sequence[Sequence[Any]]) -> Array:
    """Return whether [W, J] each worker has the label of each arm, such as its language.

    Raises
    ------
    InstanceError
        Where no worker has the label of some arm; the message names it and how many arms have it.
    """
    owned = [{str(label) for label in labels} for labels in worker_labels]
    wanted = [str(label) for label in arm_labels]
    for label in sorted(set(wanted)):
        if not any(label in labels for labels in owned):
            raise InstanceError(
                f"no worker has {label!r}, and {wanted.count(label)} arms need it; they could never be served."
            )
    return np.array([[label in labels for label in wanted] for labels in owned], np.int64)


def who_serves(actions: ActionSet, arm_actions: Array) -> list[str]:
    """Return the name of the worker [J] who serves each arm under an action, empty where none does or sets have none."""
    if not isinstance(actions, (WorkersSet, CapacitySet)):
        return [""] * actions.arms
    found = actions.witness(arm_actions).tolist()
    names = getattr(actions, "worker_names", ())
    return ["" if worker < 0 else names[worker] if names else str(worker) for worker in found]
