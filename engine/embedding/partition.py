"""ReLUs whose inputs stand in groups: between the formulation by limits and the convex hull of the ReLU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.embedding.formulation import RowList

Divide = Callable[[int, Array], tuple[list[Array], tuple[Array, Array]]]
"""Number of a layer and weights of a ReLU to groups of the values before, and the limits [G] of ``w_g x`` of each group."""
SMALLEST = 1e-6
"""The smallest limit besides 0: HiGHS 1.16's presolve has cut optima off where coefficients of binaries were about 1e-9."""
MARGIN = 1e-9
"""Share by which the limits of groups are widened, to cover rounding."""


class Group(NamedTuple):
    """What a group of inputs brings where its ReLU is on, and 0 where it is off."""

    column: int
    sources: Array
    """Columns of the inputs."""
    weights: Array
    switch: int
    low: float
    high: float


def grouped(row: Array, groups: int) -> list[Array]:
    """Return the inputs with a weight in groups of alike weights and about the same size."""
    used = np.flatnonzero(row)
    ordered = used[np.argsort(row[used], kind="stable")]
    return [group for group in np.array_split(ordered, min(groups, max(1, len(ordered)))) if len(group)]


def add_groups(
    rows: RowList,
    weights: Array,
    bias: float,
    places: Array,
    ends: tuple[int, int],
    first: int,
    divided: tuple[list[Array], tuple[Array, Array]],
) -> list[Group]:
    """Add the rows of one divided ReLU, and return its groups; none where it has too few inputs to be divided.

    With z for "on", b the bias, v_g the value of group g, and l_g, u_g the limits of ``w_g x``, the rows are
    ``h - sum_g v_g - b z = 0`` and for each group ``l_g z <= v_g <= u_g z`` and
    ``l_g (1 - z) <= w_g x - v_g <= u_g (1 - z)``. They stand beside those of the whole ReLU, whose limits may be tighter
    than the sum of its groups'.

    Parameters
    ----------
    rows
        Where the rows are added.
    weights, bias
        Of the ReLU.
    places
        Columns of the values before.
    ends
        Columns of its value and its switch.
    first
        Number of the first new column.
    divided
        The groups of the weights, and the limits of each.

    References
    ----------
    Tsay, Kronqvist, Thebelt, Misener (2021), Partition-based formulations for mixed-integer optimization of trained ReLU
    neural networks, arXiv:2102.04373, equations 10 to 15.
    """
    sources, (low, high) = divided
    if len(sources) < 2:
        return []
    value, switch = ends
    made: list[Group] = []
    columns = first + np.arange(len(sources))
    rows.add([value, *columns, switch], [1.0, *[-1.0] * len(sources), -bias], 0.0, 0.0)
    for column, group, least, most in zip(columns.tolist(), sources, low.tolist(), high.tolist(), strict=True):
        own, strength = places[group], weights[group]
        own, strength = own[own >= 0], strength[own >= 0]
        names = np.concatenate([own, [column, switch]])
        rows.add(names, [*strength, -1.0, most], -np.inf, most)
        rows.add(names, [*strength, -1.0, least], least, np.inf)
        rows.add([column, switch], [1.0, -most], -np.inf, 0.0)
        rows.add([column, switch], [1.0, -least], 0.0, np.inf)
        made.append(Group(column, own, strength, switch, min(least, 0.0), max(most, 0.0)))
    return made


def interval_groups(limits: Sequence[tuple[Array, Array]], low: Array, high: Array, partitions: int) -> Divide:
    """Return what divides ReLUs, with limits of groups by intervals.

    Parameters
    ----------
    limits
        Proven limits of what each layer's ReLUs are applied to.
    low, high
        Limits of the network's inputs.
    partitions
        How many groups a ReLU's inputs are divided into.
    """
    sides = [np.concatenate([box, *(np.maximum(of[side], 0.0) for of in limits)]) for side, box in enumerate((low, high))]

    def divide(layer: int, row: Array) -> tuple[list[Array], tuple[Array, Array]]:
        groups = grouped(row, partitions)
        least, most = (
            [float(np.where(row[of] > 0, row[of] * sides[side][of], row[of] * sides[1 - side][of]).sum()) for of in groups]
            for side in (0, 1)
        )
        low, high = np.array(least), np.array(most)
        low, high = low - MARGIN * np.abs(low), high + MARGIN * np.abs(high)
        wide = (np.abs(low) > 0) & (np.abs(low) < SMALLEST), (np.abs(high) > 0) & (np.abs(high) < SMALLEST)
        return groups, (np.where(wide[0], -SMALLEST, low), np.where(wide[1], SMALLEST, high))

    return divide
