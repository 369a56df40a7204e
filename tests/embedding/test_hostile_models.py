"""Models of others: what is damaged, goes round or is beyond what solvers take is one error, and comes at once."""

import embedding as study
import numpy as np
import pyomo.environ as pyo
import pytest
import torch
from torch import nn

from redwood import embed
from redwood.errors import ModelError


def box(count=2):
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(count), bounds=(0.0, 1.0))
    return model


def network(scale=1.0):
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        made[0].weight.mul_(scale)
    return made


@pytest.mark.parametrize(
    ("predictor", "words"),
    [
        (nn.Linear(2, 1, dtype=torch.complex64), "is complex"),
        (nn.Linear(2, 1, device="meta"), "on the device 'meta'"),
        (network(1e30), "solvers take them below 1e\\+12"),
    ],
)
def test_numbers_that_no_program_takes_are_refused(predictor, words):
    """Complex weights, weights that are not there, and rows with coefficients beyond what solvers hold to."""
    model = box()
    with pytest.raises(ModelError, match=words):
        embed(model, predictor, model.x)


@pytest.mark.parametrize(("inputs", "name", "words"), [(None, "e", "inputs are a NoneType"), ("x", 7, "name 7 is no name")])
def test_inputs_and_names_of_other_types_are_refused(inputs, name, words):
    """What is no list of variables, or no name of a component, is named with its type."""
    model = box()
    with pytest.raises(ModelError, match=words):
        embed(model, network(), inputs and model.x, name=name)


def test_more_partitions_than_inputs_are_those_of_single_inputs():
    """A billion groups of two inputs are two, and cost no time."""
    rows = {}
    for partitions in (2, 10**9):
        model = box()
        rows[partitions] = embed(model, network(), model.x, partitions=partitions).report().rows
    assert rows[2] == rows[10**9]


def test_damaged_onnx_files_are_named(tmp_path):
    """Every cut and every flipped byte of a file of a network gives a network or one error."""
    pytest.importorskip("onnx")
    whole = study.onnx_case(2, 1, 0, double=False).SerializeToString()
    file, refused = tmp_path / "net.onnx", 0
    for at in range(0, len(whole), 7):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]):
            file.write_bytes(data)
            model = box()
            try:
                embed(model, file, model.x, limits="interval")
            except ModelError:
                refused += 1
    assert refused > len(whole) // 7


def changed_forest(**changes):
    """Return a forest as ONNX whose lists of those names are changed in place."""
    made = study.onnx_forest(study.sklearn_case("forest", 3, 0), 3)
    for attribute in made.graph.node[0].attribute:
        if attribute.name in changes:
            listed = attribute.ints if attribute.ints else attribute.floats
            values = changes[attribute.name](list(listed))
            del listed[:]
            listed.extend(values)
    return made


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes_truenodeids": lambda ends: [ends[0], 1, *ends[2:]], "nodes_falsenodeids": lambda ends: ends},
        {"nodes_truenodeids": lambda ends: [0] * len(ends)},
        {"nodes_truenodeids": lambda ends: [999] * len(ends)},
        {"nodes_values": lambda values: values[:-1]},
        {"nodes_values": lambda values: [np.nan] * len(values)},
        {"target_ids": lambda targets: [9] * len(targets)},
    ],
)
def test_trees_that_are_none_are_refused(changes):
    """A walk through a tree that goes round would never end; nodes, values and outputs that are not there are no tree."""
    pytest.importorskip("onnx")
    pytest.importorskip("sklearn")
    model = box(3)
    with pytest.raises(ModelError):
        embed(model, changed_forest(**changes), model.x)
