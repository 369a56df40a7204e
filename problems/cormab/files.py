"""Instances of coupled restless bandits as JSON, and the graphs of the London tube."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import FormatError, InstanceError, SolutionError, suggestion
from redwood.files import parse_json, read_text
from redwood.planning.action_set import ActionSet
from redwood.planning.coupling import CoverageReward, Exposure, JointReward
from redwood.problems.cormab.generators import KINDS
from redwood.problems.cormab.instance import BanditInstance


def format_instance(instance: BanditInstance, draws: bool = True) -> str:
    """Return the text that `parse` reads back, numbers to the last digit, with or without the draws of its provenance."""
    actions: Any = instance.actions
    if type(actions) not in KINDS.values():
        raise FormatError(f"action sets of the class {type(actions).__name__} cannot be written; {sorted(KINDS)} can.")
    data = {
        "problem": instance.problem,
        "horizon": instance.horizon,
        "discount": instance.discount,
        **({} if instance.criterion == "finite" else {"criterion": instance.criterion}),
        **({"arm_names": list(instance.arm_names)} if instance.arm_names else {}),
        "actions": {"kind": actions.kind, **{entry.name: _plain(getattr(actions, entry.name)) for entry in fields(actions)}},
        "start": instance.arms.start.tolist(),
        "rewards": instance.arms.rewards.tolist(),
        "transitions": (instance.arms if instance.exposure is None else instance.exposure).transitions.tolist(),
    }
    if instance.exposure is not None:
        data["exposure"] = {"edges": instance.exposure.edges.tolist(), "emits": instance.exposure.emits.tolist()}
    if instance.joint is not None:
        joint: Any = instance.joint
        if type(joint) not in JOINT_KINDS.values():
            raise FormatError(f"joint rewards of the class {type(joint).__name__} cannot be written.")
        data["joint"] = {"kind": joint.kind, **{entry.name: _plain(getattr(joint, entry.name)) for entry in fields(joint)}}
    if instance.provenance is not None:
        data["provenance"] = instance.provenance.to_data(draws)
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in data.items()) + "\n}\n"


def parse_instance(text: str, name: str) -> dict[str, Any]:
    """Return the data of an instance file, as `CoRMAB.make` takes them.

    Raises
    ------
    FormatError
        Where the text is not JSON, or has keys too many or too few.
    """
    data = parse_json(text, name)
    keys = {"problem", "horizon", "discount", "actions", "start", "rewards", "transitions"}
    if not isinstance(data, dict) or set(data) - {"criterion", "exposure", "joint", "arm_names", "provenance"} != keys:
        found = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise FormatError(f"{name}: holds {found}; expected an object with the keys {sorted(keys)}.")
    if data.pop("problem") != BanditInstance.problem:
        raise FormatError(f"{name}: is not an instance of {BanditInstance.problem!r}.")
    return data


JOINT_KINDS = {CoverageReward.kind: CoverageReward}
"""The built-in joint rewards, by the name that files use."""


def joint_reward(data: Any) -> JointReward | None:
    """Return a joint reward from what a user has: one, none, or a mapping of its kind and fields.

    Raises
    ------
    InstanceError
        Where the kind is not known, or its fields are not those.
    """
    if data is None or isinstance(data, JointReward):
        return data
    kind = str(data.get("kind")) if isinstance(data, Mapping) else type(data).__name__
    if kind not in JOINT_KINDS:
        raise InstanceError(f"the joint reward has the kind {kind!r}.{suggestion(kind, JOINT_KINDS)}")
    try:
        return JOINT_KINDS[kind](**{key: value for key, value in data.items() if key != "kind"})
    except (TypeError, ValueError) as error:
        raise InstanceError(f"a joint reward of the kind {kind!r}: {error}.") from error


def exposure_of(data: Any, transitions: Any) -> Exposure:
    """Return the exposure of a mapping with ``edges`` and ``emits``, and of transitions by exposure class.

    Raises
    ------
    InstanceError
        Where the keys are others, or the values no arrays of numbers.
    """
    if not isinstance(data, Mapping) or set(data) != {"edges", "emits"}:
        found = sorted(data) if isinstance(data, Mapping) else type(data).__name__
        raise InstanceError(f"exposure holds {found}; expected a mapping with 'edges' [M, 2] and 'emits' [J, A, S].")
    try:
        return Exposure(data["edges"], data["emits"], transitions)
    except (TypeError, ValueError) as error:
        raise InstanceError(f"exposure or its transitions are not arrays of numbers: {error}.") from error


def check_cohort(carried: Mapping[str, Any], instance: BanditInstance) -> None:
    """Raise `SolutionError` where the instance that a policy carries has other arms than the one it is to be used on."""
    names = tuple(carried.get("arm_names", ()))
    count = len(carried["start"])
    if names and instance.arm_names and names != instance.arm_names:
        other = sorted(set(names) ^ set(instance.arm_names))
        example = f", such as {other[0]!r} in one of them alone" if other else ", in another order"
        raise SolutionError(f"the policy is one of another cohort: its arms have other names than the instance's{example}.")
    if count != instance.size:
        raise SolutionError(
            f"the policy is one of another cohort: it is for {count} arms, and the instance has {instance.size}."
        )


def action_set(data: Any) -> ActionSet:
    """Return an action set from what a user has: one, or a mapping of its kind and fields.

    Raises
    ------
    InstanceError
        Where the kind is not known, or its fields are not those.
    """
    if isinstance(data, ActionSet):
        return data
    if not isinstance(data, Mapping):
        raise InstanceError(f"actions are a {type(data).__name__}; expected an ActionSet or a mapping with its 'kind'.")
    kind = str(data.get("kind"))
    if kind not in KINDS:
        raise InstanceError(f"actions have the kind {kind!r}.{suggestion(kind, KINDS)}")
    try:
        made: ActionSet = KINDS[kind](**{key: value for key, value in data.items() if key != "kind"})
    except TypeError as error:
        raise InstanceError(f"actions of the kind {kind!r}: {error}.") from error
    return made


def read_network(path: Path, size: int) -> tuple[Array, int]:
    """Return edges [M, 2] and source of the network with ``size`` nodes in a file of graphs by size.

    Raises
    ------
    FormatError
        Where the file holds no such network; the message names the sizes that it has.
    """
    text = read_text(path)
    try:
        graphs = dict(parse_json(text, path)["graphs"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: is not a file of graphs: {type(error).__name__}: {error}.") from error
    if str(size) not in graphs:
        raise FormatError(f"{path}: holds no graph with {size} nodes; it has {', '.join(graphs)}.")
    graph = graphs[str(size)]
    try:
        return np.array([edge[:2] for edge in graph["edges"]], np.int64), int(graph["source"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        words = f"{type(error).__name__}: {error}"
        raise FormatError(f"{path}: the graph with {size} nodes cannot be read: {words}.") from error


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
