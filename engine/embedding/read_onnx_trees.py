"""ONNX's tree ensembles as `TreeEnsemble`: one ``TreeEnsembleRegressor``."""

from __future__ import annotations

from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.predictor import Evaluate
from redwood.embedding.trees import Tree, TreeEnsemble
from redwood.errors import ModelError

TREES = "TreeEnsembleRegressor"
SIDES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE")
OFF = 1e-4
"""Share by which what the model itself says in single precision may differ from the sum in double precision."""


def has_trees(graph: Any) -> bool:
    """Return whether a graph holds a tree ensemble, of regression or another kind."""
    return any(node.op_type.startswith("TreeEnsemble") for node in graph.node)


def read_trees(graph: Any, given: str, inputs: int, single: bool) -> TreeEnsemble:
    """Return the ensemble of a graph that holds nothing else.

    Parameters
    ----------
    graph
        The ONNX graph.
    given
        Name of its input.
    inputs
        Number of inputs.
    single
        Whether its input is in single precision.

    Raises
    ------
    ModelError
        Where an operator, or an option of one, cannot be embedded.
    """
    from onnx import TensorProto, helper

    value = given
    found: TreeEnsemble | None = None
    for node in graph.node:
        options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        if found is not None or node.input[0] != value:
            raise ModelError(f"{node.op_type} stands beside or behind the trees, where nothing can be embedded.")
        if node.op_type == TREES:
            found = _ensemble(options, inputs, single)
        elif node.op_type == "Cast":
            single = single or options["to"] == TensorProto.FLOAT
        elif node.op_type != "Identity":
            raise ModelError(f"{node.op_type} cannot be embedded with trees. Supported: {TREES}, Cast, Identity.")
        value = node.output[0]
    if found is None or value != graph.output[0].name:
        raise ModelError("the output of the ONNX model is not that of its trees, which is all that can be embedded.")
    return found


def held_against(ensemble: TreeEnsemble, told: Evaluate) -> Evaluate:
    """Return the ensemble's values in double precision, each held against what the model itself says.

    Raises
    ------
    ModelError
        When asked for a point at which the two differ by more than rounding can.
    """

    def evaluate(points: Array) -> Array:
        values, own = ensemble.values(points), told(points)
        off = np.abs(values - own).max(initial=0.0)
        if off > OFF * max(1.0, float(np.abs(own).max(initial=0.0))):
            raise ModelError(f"the trees read from the ONNX model give values that are off by {off:.2g}.")
        return values

    return evaluate


def _ensemble(options: dict[str, Any], inputs: int, single: bool) -> TreeEnsemble:
    """Return the ensemble that the attributes of a node describe."""
    for name, usual in (("post_transform", b"NONE"), ("aggregate_function", b"SUM")):
        given = options.get(name, usual)
        if given != usual and (name, given) != ("aggregate_function", b"AVERAGE"):
            raise ModelError(f"{TREES} has the {name} {given.decode()!r}, which cannot be embedded.")
    targets = int(options["n_targets"])
    numbers = _numbers(options, "nodes_values")
    weights = _numbers(options, "target_weights")
    base = _numbers(options, "base_values") if any(key.startswith("base_values") for key in options) else np.zeros(targets)
    owner, leaf_owner = np.asarray(options["nodes_treeids"]), np.asarray(options["target_treeids"])
    owners = list(dict.fromkeys(owner.tolist()))
    share = 1.0 / len(owners) if options.get("aggregate_function") == b"AVERAGE" else 1.0
    trees = []
    for tree in owners:
        own, leaves = np.flatnonzero(owner == tree), np.flatnonzero(leaf_owner == tree)
        trees.append(_tree(options, own, numbers[own], leaves, share * weights[leaves], (inputs, targets, single)))
    return TreeEnsemble(inputs, tuple(trees), np.array(base, float), np.zeros(inputs), np.ones(inputs), single=single)


def _is_tree(inner: Array, left: Array, right: Array) -> bool:
    """Return whether the first node leads to each other one in exactly one way, so that no walk goes round."""
    ahead, seen = [0] if len(inner) else [], 0
    while ahead and seen <= len(inner):
        node, seen = ahead.pop(), seen + 1
        if inner[node]:
            ahead += [int(left[node]), int(right[node])]
    children = [*left[inner].tolist(), *right[inner].tolist()]
    return seen == len(inner) and sorted(children) == list(range(1, len(inner)))


def _numbers(options: dict[str, Any], name: str) -> Array:
    """Return numbers that stand as a list or, in double precision, as a tensor."""
    from onnx import numpy_helper

    tensor = options.get(f"{name}_as_tensor")
    return np.asarray(options[name] if tensor is None else numpy_helper.to_array(tensor), float)


def _tree(
    options: dict[str, Any], own: Array, thresholds: Array, leaves: Array, weights: Array, sizes: tuple[int, int, bool]
) -> Tree:
    """Return one tree.

    Parameters
    ----------
    options
        The attributes of the ensemble.
    own, thresholds
        Places of its nodes in the lists, [N], and what they compare with.
    leaves, weights
        Places of its leaves' values in the lists, [L], and the values.
    sizes
        Numbers of inputs and of outputs, and whether the trees compare in single precision.
    """
    inputs, targets, single = sizes
    names = ("nodeids", "featureids", "truenodeids", "falsenodeids")
    listed = {name: np.asarray(options[f"nodes_{name}"])[own] for name in names}
    modes = [options["nodes_modes"][place].decode() for place in own.tolist()]
    number = {int(node): place for place, node in enumerate(listed["nodeids"])}
    feature, left, right = np.full(len(own), -1), np.zeros(len(own), np.int64), np.zeros(len(own), np.int64)
    threshold, value = np.zeros(len(own)), np.zeros((len(own), targets))
    for place, mode in enumerate(modes):
        if mode == "LEAF":
            continue
        if mode not in SIDES:
            raise ModelError(f"{TREES} has nodes of mode {mode!r}. Supported: LEAF, {', '.join(SIDES)}.")
        feature[place] = listed["featureids"][place]
        if not 0 <= feature[place] < inputs:
            raise ModelError(f"{TREES} splits input {feature[place]}, and there are {inputs}.")
        ends = [number[int(listed[side][place])] for side in ("truenodeids", "falsenodeids")]
        left[place], right[place] = ends if mode in ("BRANCH_LEQ", "BRANCH_LT") else ends[::-1]
        kind = np.float32 if single else np.float64
        at = kind(thresholds[place])
        threshold[place] = at if mode in ("BRANCH_LEQ", "BRANCH_GT") else np.nextafter(at, kind(-np.inf))
    nodes, outputs = np.asarray(options["target_nodeids"])[leaves], np.asarray(options["target_ids"])[leaves]
    for node, output, weight in zip(nodes.tolist(), outputs.tolist(), weights.tolist(), strict=True):
        value[number[node], output] += weight
    inner = feature >= 0
    if not _is_tree(inner, left, right):
        raise ModelError(f"{TREES} holds a tree whose first node does not lead to all others.")
    return Tree(feature, threshold, left, right, value)
