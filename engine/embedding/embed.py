"""`embed`: a trained predictor in an optimisation model, exactly, with a check after the solve."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.embedding.choice import class_scores, score_lead, with_choice
from redwood.embedding.compiled_target import CompiledTarget
from redwood.embedding.embedded import Embedded, EmbeddingReport
from redwood.embedding.formulation import Formulation
from redwood.embedding.limits import Limits, interval_limits, linear_limits, lp_limits
from redwood.embedding.network import ReluNetwork
from redwood.embedding.partition import interval_groups
from redwood.embedding.predictor import Predictor, Scaling
from redwood.embedding.pyomo_target import PyomoTarget
from redwood.embedding.read import read
from redwood.embedding.relu import relu_formulation
from redwood.embedding.target import Bounds, Target
from redwood.embedding.tree_rows import TreeFormulation, tree_formulation
from redwood.errors import ModelError, OptionError, suggestion
from redwood.views.compiled import CompiledModel

LIMITS = ("interval", "linear", "lp")
"""How limits of ReLUs are found, from quick and wide to slow and tight."""
SENSES = ("max", "min")
POINTS = 64
"""Random points at which what was read is held against the predictor itself."""
READING_TOLERANCE = 1e-7
LARGEST_COEFFICIENT = 1e12
"""Above it a binary that is off by a tolerance of 1e-6 moves a ReLU by a million; above 1e15 HiGHS refuses the row."""


def embed(
    model: Any,
    predictor: Any,
    inputs: Sequence[Any],
    *,
    bounds: Bounds | None = None,
    scaling: Scaling | None = None,
    classes: bool = False,
    margin: float = 1e-4,
    limits: str = "lp",
    partitions: int = 1,
    sense: str | None = None,
    within: Sequence[Any] = (),
    name: str = "embedding",
    tolerance: float = 1e-5,
) -> Embedded:
    """Put a trained predictor into a model, as exact rows and columns of it.

    Use the outputs in constraints and in the objective, solve, and call `Embedded.check`, which asks the predictor itself.

    Parameters
    ----------
    model
        A Pyomo model or block, which is extended, or a compiled model, which is left as it is: take the result's ``.model``.
    predictor
        A torch module, a fitted scikit-learn model, or an ONNX model or file; see the page "Embed a network in my MIP".
    inputs
        One variable (or, in Pyomo, a number) for each input of the predictor; of compiled models the columns' numbers.
    bounds
        A pair for each input, where the variables have no finite bounds or wider ones.
    scaling
        Units of inputs and outputs; by default the predictor's own.
    classes
        Whether to add a binary for each class, which is 1 for the class with the greatest output.
    margin
        By how much that output leads all others; points at which the lead is smaller are left out.
    limits
        How limits of ReLUs are found: ``interval``, ``linear`` or ``lp``, each tighter and slower than the one before.
    partitions
        Groups of inputs into which each undecided ReLU is divided: tighter, with more columns and rows; 1 for none.
    sense
        ``max`` or ``min`` where the outputs are only ever pushed that way: ReLUs that can only harm need no binary then.
        The check after the solve finds a broken promise.
    within
        Constraints of the Pyomo model, linear in the inputs alone, that the limits of ReLUs may rely on. They are copied.
    name
        Of the Pyomo block.
    tolerance
        The greatest deviation that a check lets through, relative to the predicted value from 1 on.

    Raises
    ------
    ModelError
        Where the predictor, a part of it or an input cannot be embedded; the message names it.
    """
    began = time.perf_counter()
    _check_options(limits, partitions, sense, margin, classes, scaling)
    target = _target(model, inputs, bounds, within, name)
    found = read(predictor, len(target.low))
    if scaling is not None:
        found = found.scaled(scaling)
    single = _compare(found, target)
    formulation, known = _formulation(found.model, target, limits, partitions, sense)
    _check_coefficients(formulation)
    first_class = None
    if classes:
        first_class = len(target.low) + len(formulation.lower)
        formulation = _choice(found, formulation, known, target, margin)
    report = _report(found, formulation, known, limits, time.perf_counter() - began, single)
    return Embedded(found, target, formulation, report, first_class, tolerance)


def _check_options(
    limits: str, partitions: int, sense: str | None, margin: float, classes: bool, scaling: Scaling | None
) -> None:
    if limits not in LIMITS:
        raise OptionError(f"limits {limits!r} are not known.{suggestion(limits, LIMITS)}")
    if partitions < 1:
        raise OptionError(f"partitions {partitions} is below 1, which stands for none.")
    if sense is not None and sense not in SENSES:
        raise OptionError(f"sense {sense!r} is not known.{suggestion(sense, SENSES)}")
    if classes and sense is not None:
        raise OptionError("sense= is a promise about the outputs, which the class chosen does not keep; leave it out.")
    if classes and not margin > 0:
        raise OptionError(f"margin {margin} must be above 0: at a tie the program could choose either class.")
    if classes and scaling is not None and (np.any(scaling.output_shift) or np.any(np.asarray(scaling.output_scale) != 1.0)):
        raise OptionError(
            "the class chosen is that of the predictor's own outputs; leave output_shift and output_scale out."
        )


def _target(model: Any, inputs: Sequence[Any], bounds: Bounds | None, within: Sequence[Any], name: str) -> Target:
    members: Any = inputs
    if not hasattr(members, "__iter__"):
        raise ModelError(f"inputs are a {type(members).__name__}; give one variable for each input of the predictor.")
    given = list(members.values()) if hasattr(members, "is_indexed") and members.is_indexed() else members
    if isinstance(model, CompiledModel):
        if within:
            raise OptionError("within= is for Pyomo models; of a compiled model all rows are used.")
        return CompiledTarget(model, given, bounds)
    if hasattr(model, "component_data_objects") and hasattr(model, "add_component"):
        return PyomoTarget(model, given, bounds, within, name)
    raise ModelError(f"a {type(model).__name__} is neither a Pyomo model or block nor a compiled model.")


def _compare(found: Predictor, target: Target) -> float:
    """Hold what was read against the predictor at random points, and return the error of its own precision."""
    points = np.random.default_rng(0).uniform(target.low, target.high, (POINTS, len(target.low)))
    points = np.where(target.integer, np.rint(points), points)
    ours, own = found.model.values(points), found.evaluate(points)
    if ours.shape != own.shape:
        raise ModelError(f"the {found.kind} gives outputs of shape {list(own.shape[1:])}; {list(ours.shape[1:])} were read.")
    error = np.abs(ours - own) / np.maximum(1.0, np.abs(own))
    if not (error <= READING_TOLERANCE).all():
        worst = np.unravel_index(int(np.argmax(np.where(np.isnan(error), np.inf, error))), error.shape)
        raise ModelError(
            f"the {found.kind} says {own[worst]:.9g} for output {worst[1]} at a random point, and its layers as read give "
            f"{ours[worst]:.9g}: it does something that they do not show."
        )
    return 0.0 if found.as_is is None else float(np.abs(found.as_is(points) - own).max())


def _formulation(model: Any, target: Target, limits: str, partitions: int, sense: str | None) -> tuple[Formulation, Limits]:
    """Return the columns and rows, and the limits of ReLUs that they were made with."""
    low, high = target.low, target.high
    if not isinstance(model, ReluNetwork):
        return tree_formulation(model, low, high, target.integer), []
    known = interval_limits(model, low, high) if limits == "interval" else linear_limits(model, low, high)
    if limits == "lp" and model.layers:
        base, columns = target.base()
        known = lp_limits(base, model, known, columns)
    harmful = None if sense is None else model.only_lowers(1.0 if sense == "max" else -1.0)
    divide = interval_groups(known, low, high, partitions) if partitions > 1 else None
    return relu_formulation(model, known, harmful=harmful, divide=divide), known


def _check_coefficients(formulation: Formulation) -> None:
    """Refuse rows that solvers drop or do not take."""
    greatest = float(np.abs(formulation.rows.values).max(initial=0.0))
    if not greatest < LARGEST_COEFFICIENT:
        raise ModelError(
            f"the program of the predictor would have the coefficient {greatest:.3g}, and solvers take them below "
            f"{LARGEST_COEFFICIENT:g}; give the inputs narrower bounds, or scale inputs and weights."
        )


def _choice(found: Predictor, formulation: Formulation, known: Limits, target: Target, margin: float) -> Formulation:
    """Return the formulation with binaries for the classes."""
    scores, lift = class_scores(found.outputs, "" if found.labels is None else found.kind)
    model: Any = found.model
    lead = score_lead(model, formulation, scores, lift, known, target.low, target.high)
    return with_choice(formulation, scores, lift, lead, margin)


def _report(
    found: Predictor, formulation: Formulation, known: Limits, limits: str, seconds: float, single: float
) -> EmbeddingReport:
    inner = getattr(formulation, "scored", formulation)
    sides: list[Array] = [side for pair in known for side in pair]
    return EmbeddingReport(
        kind=found.kind,
        columns=len(formulation.lower),
        rows=len(formulation.rows.lower),
        binaries=formulation.binaries,
        relus=sum(len(low) for low, _ in known),
        undecided=sum(int(((low < 0) & (high > 0)).sum()) for low, high in known),
        leaves=sum(len(leaves.value) for leaves in inner.leaves) if isinstance(inner, TreeFormulation) else 0,
        limits=limits,
        greatest_limit=max((float(np.abs(side).max(initial=0.0)) for side in sides), default=0.0),
        seconds=seconds,
        single_precision_error=single,
    )
