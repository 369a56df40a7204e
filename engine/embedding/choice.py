"""The class that a predictor chooses, as binaries: one a class, with the greatest score by a margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.embedding.formulation import Formulation, RowList
from redwood.embedding.limits import Limits, linear_limits_of
from redwood.embedding.network import Affine, ReluNetwork
from redwood.embedding.tree_rows import TreeFormulation
from redwood.errors import ModelError
from redwood.views.compiled import stack_rows


@dataclass(frozen=True, eq=False)
class ChoiceFormulation(Formulation):
    """A formulation with a binary for each class behind its columns.

    Attributes
    ----------
    scored
        The formulation of the scores.
    scores, lift
        The classes' scores are ``scores [K, n]`` times the outputs plus the lift [K].
    """

    scored: Formulation
    scores: Array
    lift: Array

    @property
    def first(self) -> int:
        """Column of the first class's binary."""
        return self.inputs + len(self.scored.lower)

    def complete(self, point: Array) -> Array:
        """Return the values of all columns [inputs + C] at a point [inputs]."""
        values = self.scored.complete(point)
        scores = self.scores @ (self.scored.outputs @ values + self.scored.offset) + self.lift
        return np.concatenate([values, np.arange(len(scores)) == scores.argmax()])

    def snap(self, values: Array) -> Array:
        """Return the inputs [inputs] that the values of all columns stand for."""
        return self.scored.snap(values[: self.first])


def class_scores(outputs: int, kind: str) -> tuple[Array, Array]:
    """Return how the outputs give the scores of the classes: themselves, or 0 and the only one."""
    if outputs > 1:
        return np.eye(outputs), np.zeros(outputs)
    if not kind:
        raise ModelError("a network of one output chooses between no classes; classes=True needs an output for each.")
    return np.array([[0.0], [1.0]]), np.zeros(2)


def score_lead(
    model: ReluNetwork, formulation: Formulation, scores: Array, lift: Array, limits: Limits, low: Array, high: Array
) -> Array:
    """Return by how much the score of class j can lead that of class k at most [K, K], as entry (j, k).

    Parameters
    ----------
    model
        The network, of which tree ensembles make no use.
    formulation
        The formulation of the outputs.
    scores, lift
        The classes' scores are ``scores [K, n]`` times the outputs plus the lift [K].
    limits
        Proven limits of what each layer's ReLUs are applied to.
    low, high
        Limits [inputs] of the inputs.
    """
    count = len(scores)
    pairs = [(j, k) for j in range(count) for k in range(count)]
    difference = np.array([scores[j] - scores[k] for j, k in pairs])
    shift = np.array([lift[j] - lift[k] for j, k in pairs])
    if isinstance(formulation, TreeFormulation):
        found = shift + difference @ formulation.offset
        for leaves in formulation.leaves:
            found = found + (difference @ leaves.value.T).max(axis=1)
    else:
        output = Affine(difference @ model.output.matrix, difference @ model.output.bias + shift)
        found = linear_limits_of(model, output, limits, low, high)[1]
    return np.asarray(found).reshape(count, count)


def with_choice(scored: Formulation, scores: Array, lift: Array, lead: Array, margin: float) -> ChoiceFormulation:
    """Return the formulation with the classes' binaries.

    Parameters
    ----------
    scored
        The formulation of the scores.
    scores, lift
        Of the outputs to the classes' scores.
    lead
        The most by which the score of one class can lead another's [K, K].
    margin
        By how much the chosen score leads all others; points with a smaller lead are left out.
    """
    count, first, rows = len(scores), scored.inputs + len(scored.lower), RowList()
    binaries = first + np.arange(count)
    matrix, shift = scores @ scored.outputs, scores @ scored.offset + lift
    rows.add(binaries, np.ones(count), 1.0, 1.0)
    for chosen in range(count):
        for other in range(count):
            if other == chosen:
                continue
            ahead, constant = matrix[chosen] - matrix[other], float(shift[chosen] - shift[other])
            most = max(float(lead[other, chosen]), 0.0) + margin  # ahead + constant >= margin - most (1 - c)
            used = np.flatnonzero(ahead)
            rows.add([*used, binaries[chosen]], [*ahead[used], -most], margin - most - constant, np.inf)
    return ChoiceFormulation(
        scored.inputs,
        np.concatenate([scored.lower, np.zeros(count)]),
        np.concatenate([scored.upper, np.ones(count)]),
        np.concatenate([scored.integer, np.ones(count, bool)]),
        stack_rows([scored.rows, rows.rows()]),
        np.hstack([scored.outputs, np.zeros((len(scored.outputs), count))]),
        scored.offset,
        scored,
        scores,
        lift,
    )
