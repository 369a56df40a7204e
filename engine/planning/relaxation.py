"""Linear relaxations of action sets: what joint actions come to on average, without saying which ones are mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.views.compiled import CompiledModel


@dataclass(frozen=True, eq=False)
class Relaxation:
    """A polytope that holds every joint action, told by how many arms of each class it puts for each action.

    An action puts ``links @ z`` arms of class k under action a, row k (A - 1) + a - 1, for some z with
    ``lower <= rows @ z <= upper`` and ``least <= z <= most``. The matrices are sparse ones of scipy, by columns.

    Attributes
    ----------
    classes
        Class [J] of each arm, from 0 to K - 1.
    links
        Matrix [K (A - 1), Z].
    rows, lower, upper
        Matrix [R, Z], and the least and the most [R] of its products; infinite where there is none.
    least, most
        Bounds [Z] of the variables.
    tight
        Whether nothing but mixtures of actions is in it, so that no bound over these can be better.
    """

    classes: Array
    links: Any
    rows: Any
    lower: Array
    upper: Array
    least: Array
    most: Array
    tight: bool = False

    @property
    def size(self) -> int:
        """Number of variables Z."""
        return len(self.most)


def relaxation_of(model: CompiledModel, arms: int, arm_actions: int) -> Relaxation:
    """Return a mixed-integer program of an action set without integrality; its first columns are the indicators."""
    from scipy.sparse import csc_array, csr_array, eye_array

    shape = (len(model.rows.lower), model.size)
    rows = csc_array(csr_array((model.rows.values, model.rows.columns, model.rows.starts), shape=shape))
    links = csc_array(eye_array(arms * (arm_actions - 1), model.size))
    return Relaxation(np.arange(arms), links, rows, model.rows.lower, model.rows.upper, model.lower, model.upper)


def relaxation_by_counts(
    classes: Array, rows: Sequence[Sequence[float]] | Array, upper: Sequence[float] | Array, *, tight: bool = False
) -> Relaxation:
    """Return the relaxation of a set of two actions by the counts z [K] of pulled arms of each class.

    ``rows @ z <= upper`` must hold for the counts of every action, ``rows`` being [R, K].

    Parameters
    ----------
    classes
        Class [J] of each arm, 0 to K - 1.
    rows, upper
        Coefficients [R, K] of the counts, and the most [R] that each row may come to.
    tight
        Whether nothing lies between the relaxation and the hull of the actions.
    """
    from scipy.sparse import csc_array, eye_array

    sizes = np.bincount(classes).astype(float)
    links, none = csc_array(eye_array(len(sizes))), np.full(len(upper), -np.inf)
    return Relaxation(
        classes, links, csc_array(np.asarray(rows, float)), none, np.asarray(upper, float), 0 * sizes, sizes, tight
    )
