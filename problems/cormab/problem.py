"""Coupled restless bandits: rules, objective, files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError
from redwood.files import parse_json
from redwood.planning.action_set import ActionSet
from redwood.planning.contract import Criterion, Planning, Policy
from redwood.planning.estimation.provenance import checked_provenance, provenance_of
from redwood.planning.problem import PlanningProblem
from redwood.problem import whole_number, whole_numbers
from redwood.problems.cormab import files
from redwood.problems.cormab.arms import check_arms, check_exposure, make_arms
from redwood.problems.cormab.generators import DRAWS, KINDS, VARIANTS, usual_budget
from redwood.problems.cormab.generators_coupled import COUPLED
from redwood.problems.cormab.generators_hard import HARD, HORIZONS
from redwood.problems.cormab.instance import BanditInstance
from redwood.problems.cormab.path import PathSet
from redwood.views.bound import Bound
from redwood.views.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_VALUES = 1 << 28
"""Values of states over time that an instance may ask for: 2 GiB of numbers."""


class CoRMAB(PlanningProblem[BanditInstance]):
    """Coupled restless bandits.

    Given J arms, each a Markov chain with states 0 to S - 1 that starts at random and moves, in each of H steps, under
    the action that it is given; and a set of joint actions, one action for each arm: find a policy, which chooses a joint
    action of the set in every step from the states of all arms, for the greatest expected reward a step,
    ``E[sum_t discount^t sum_j r_j(s_jt, u_jt)] / H``; or, by the criterion ``average``, the average reward.

    The objective is estimated by 100 simulated episodes with a fixed seed and a control variate, so that it repeats and
    policies of an instance face the same noise; `margin` is five standard errors of it.

    Variants are the domains of Xu et al. (2025), ``capacity``, ``schedule``, ``path`` and ``interventions``;
    ``path-published``, whose action set is what the published model of paths amounts to; ``budget``; ``overlapping``
    interventions; ``state-dependent`` success under a budget; and those whose arms are coupled beyond the action set, see
    `redwood.problems.cormab.generators_coupled`: ``coverage``, ``network`` and ``network-mild``; and independent arms on
    which indices and prices fail, see `redwood.problems.cormab.generators_hard`: ``nonsync``, ``conveyor``, ``sparse``,
    ``bundles``, ``deadlines``, ``shifting`` and ``collapsing``.

    A joint reward of an instance, a function of all states and actions, is added to the sum over arms. With exposure, the
    transitions of an arm depend on what its neighbours emit in the same step.

    References
    ----------
    Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled restless bandits,
    ICLR, arXiv:2503.01919.
    Whittle (1988), Restless bandits: activity allocation in a changing world, doi:10.2307/3214163.
    """

    name = "cormab"
    measure = "arms"
    views: ClassVar[Mapping[type[View], str]] = {
        Planning: "redwood.problems.cormab.planning:BanditPlanning",
        Bound: "redwood.problems.cormab.bound:BanditBound",
    }
    variants = VARIANTS
    suffix = ".json"
    solution_suffix = ".policy"

    def make(
        self,
        *,
        transitions: Any,
        rewards: Any,
        actions: ActionSet | Mapping[str, Any],
        start: Any = None,
        horizon: int = 20,
        discount: float = 1.0,
        criterion: str = "finite",
        exposure: Any = None,
        joint: Any = None,
        arm_names: Sequence[str] = (),
        provenance: Any = None,
        name: str = "",
        best_known: float | None = None,
    ) -> BanditInstance:
        """Return the instance of arms given as arrays.

        Parameters
        ----------
        transitions
            Probabilities [J, A, S, S] of going from one state to another under an action; with exposure by its class,
            [C, J, A, S, S].
        rewards
            Expected rewards [J, A, S] of a step.
        actions
            The joint actions allowed: an `ActionSet`, or a mapping of a built-in one's fields and its ``kind``, such as
            ``{"kind": "budget", "count": 10, "budget": 2}``.
        start
            Probabilities [J, S] of the states at the first step; by default all arms start in state 0.
        horizon, discount
            Number of steps, and the weight of a step's reward to the power of the step.
        criterion
            ``finite``, or ``average`` for the average reward a step: simulations then count ``horizon`` steps
            after as many that are not counted.
        exposure
            Where transitions depend on other arms: a mapping of ``edges``, pairs of arms [M, 2] of which the first one acts
            on the second one, and ``emits``, the whole number [J, A, S] that an arm adds to its neighbours' exposure class.
        joint
            A reward of all arms together: a `JointReward`, or a mapping of a built-in one's fields and its ``kind``, such as
            ``{"kind": "coverage", "weights": [1.0], "success": p}`` with p [1, J, A, S].
        arm_names
            Name of each arm, by which `redwood act` knows them; by default none.
        provenance
            What is kept of a log, as `redwood.planning.estimate` does.

        Raises
        ------
        InstanceError
            Where shapes disagree, a row is no distribution, or the action set is empty.
        """
        exposed = None if exposure is None else files.exposure_of(exposure, transitions)
        made = BanditInstance(
            arms=make_arms(transitions if exposed is None else exposed.transitions[0], rewards, start),
            actions=files.action_set(actions),
            horizon=whole_number("horizon", horizon, 1),
            discount=discount,
            criterion=criterion,
            exposure=exposed,
            joint=files.joint_reward(joint),
            arm_names=tuple(str(label) for label in arm_names),
            provenance=provenance_of(provenance),
            name=name,
            best_known=best_known,
        )
        self.validate(made)
        if made.provenance is None:
            return made
        return replace(made, provenance=checked_provenance(made.provenance, made.arms.shape))

    def generate(
        self,
        size: int,
        rng: np.random.Generator,
        *,
        variant: str = "capacity",
        budget: int | None = None,
        horizon: int | None = None,
        criterion: str = "finite",
        network: Any = None,
    ) -> BanditInstance:
        """Return a random instance.

        Parameters
        ----------
        variant
            The domain.
        budget
            Number of workers B; by default the published one, a quarter of the arms (a fifth from 100 arms on). A schedule
            has two at least.
        horizon, criterion
            Number of steps, by default 20 but 40 of ``nonsync``, 60 of ``conveyor`` and 8 of ``sparse``; and over which time
            rewards count, as for `make`.
        network
            For paths and infections, in place of a random network: pairs of nodes [M, 2], a networkx graph with nodes 0 to
            J - 1, or the path of a JSON file of graphs by size such as that of the London tube. The source is node 0, or the
            file's.

        Raises
        ------
        OptionError
            Where an option is out of range or does not concern the variant.
        """
        try:
            workers = usual_budget(size, variant) if budget is None else whole_number("budget", budget, 1)
            steps = whole_number("horizon", HORIZONS.get(variant, 20) if horizon is None else horizon, 1)
        except InstanceError as error:
            raise OptionError(str(error)) from error
        exposure = joint = None
        if variant in COUPLED:
            edges = None if network is None else _network(network, size)[0]
            arms, actions, exposure, joint = COUPLED[variant](size, workers, edges, rng)
        elif variant in HARD:
            arms, actions = HARD[variant](size, workers, steps, rng)
        else:
            arms, actions = DRAWS[variant](size, workers, rng)
        if network is not None and variant not in COUPLED:
            if not isinstance(actions, PathSet):
                raise OptionError(f"variant {variant!r} takes no network=; the variants of paths do.")
            edges, source = _network(network, size)
            actions = PathSet(edges, size, source, workers, actions.strict)
        made = BanditInstance(arms=arms, actions=actions, horizon=steps, criterion=criterion, exposure=exposure, joint=joint)
        self.validate(made)
        return made

    def validate(self, instance: BanditInstance) -> None:
        """Raise `InstanceError` where the arms, the horizon or the discount break a rule, or the actions do not fit."""
        check_arms(instance.arms)
        count, arm_actions, _ = instance.arms.shape
        if instance.exposure is not None:
            check_exposure(instance.arms, instance.exposure)
        if instance.joint is not None:
            instance.joint.check(instance.arms)
        whole_number("horizon", instance.horizon, 1)
        if instance.horizon * instance.arms.rewards.size > MOST_VALUES:
            raise InstanceError(
                f"horizon {instance.horizon} and rewards of shape {list(instance.arms.rewards.shape)} have "
                f"{instance.horizon * instance.arms.rewards.size} values of states over time; at most {MOST_VALUES} fit."
            )
        if not isinstance(instance.discount, (int, float, np.number)) or not 0 < instance.discount <= 1:
            raise InstanceError(f"discount {instance.discount!r} is not in (0, 1].")
        if instance.criterion not in list(Criterion):
            raise InstanceError(f"criterion {instance.criterion!r} is not one of {', '.join(Criterion)}.")
        if instance.criterion == Criterion.AVERAGE and instance.discount != 1:
            raise InstanceError(f"discount {instance.discount} with the criterion average: the average reward has none.")
        if instance.criterion == Criterion.AVERAGE and (instance.exposure is not None or instance.joint is not None):
            raise InstanceError("criterion average with exposure or a joint reward: coupled arms are for a finite horizon.")
        names = instance.arm_names
        if names and (len(names) != count or len(set(names)) < count):
            raise InstanceError(f"{len(names)} arm names, {len(set(names))} of them distinct, for {count} arms.")
        actions = instance.actions
        if actions.arms != count:
            raise InstanceError(f"the action set has {actions.arms} arms, and the instance {count}.")
        if actions.arm_actions != arm_actions:
            raise InstanceError(f"the action set has {actions.arm_actions} actions, and the instance {arm_actions}.")
        if not actions.contains(np.zeros(count, np.int64)):
            actions.argmax(np.zeros((count, arm_actions)))  # raises where the set is empty

    def magnitude(self, instance: BanditInstance) -> float:
        """Return the most that rewards of a step can sum to, of either sign."""
        return instance.magnitude

    def comment(self, instance: BanditInstance, solution: Policy, objective: float | None, bound: float | None) -> str:
        """Return what the plan of an instance that comes from a log earns, in the log's words."""
        if instance.provenance is None or objective is None:
            return ""
        earned = f"Plan for {instance.size} people: {objective:.1f} a {instance.provenance.words.noun('step')} expected"
        if bound is None:
            return f"{earned}."
        if objective >= bound:
            return f"{earned}; no plan can do better, within the noise of the simulation."
        return f"{earned}; no plan can pass {bound:.1f}."

    def parse(self, text: str, name: str) -> BanditInstance:
        """Return the instance of a JSON file."""
        return self.make(**files.parse_instance(text, name), name=name)

    def format(self, instance: BanditInstance) -> str:
        """Return the instance as JSON: arms as nested lists, the action set by its kind and fields."""
        return files.format_instance(instance)

    def parse_solution(self, text: str, instance: BanditInstance) -> Policy:
        """Return the policy of a JSON file."""
        data = parse_json(text, "the policy")
        carried = data.pop("instance", None) if isinstance(data, dict) else None
        if carried is not None:
            files.check_cohort(carried, instance)
        return self.solution(data)

    def format_solution(self, instance: BanditInstance, solution: Policy) -> str:
        """Return the policy as JSON, its arrays as nested lists, with the instance where it can be written."""
        data = solution.to_dict()
        if type(instance.actions) in KINDS.values():
            data["instance"] = json.loads(files.format_instance(instance, draws=False))
        return json.dumps(data)

    def plot(self, instance: BanditInstance, solution: Policy | None, axes: Axes) -> None:
        """Draw the network, the free slots or the gains of the arms, and a policy's first action."""
        from redwood.problems.cormab.picture import draw

        draw(instance, solution, axes)


def _network(network: Any, size: int) -> tuple[Array, int]:
    """Return edges [M, 2] and source of a user's network."""
    if isinstance(network, (str, Path)):
        return files.read_network(Path(network), size)
    pairs = list(network.edges()) if hasattr(network, "edges") else network
    try:
        edges = whole_numbers("the network's nodes", pairs)
    except InstanceError as error:
        advice = "Number the nodes 0 to J - 1, such as by networkx.convert_node_labels_to_integers."
        raise OptionError(f"{error} {advice}") from error
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise OptionError(f"the network's edges have shape {list(edges.shape)}; expected pairs of nodes [M, 2].")
    return edges, 0
