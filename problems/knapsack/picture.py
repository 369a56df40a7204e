"""The picture of a knapsack instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from redwood.problem import Problem
from redwood.problems.knapsack.instance import KnapsackInstance, Packing

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(
    problem: Problem[KnapsackInstance, Packing], instance: KnapsackInstance, solution: Packing | None, axes: Axes
) -> None:
    """Draw the items as points of weight and value, the packed ones filled, below a line of what is used.

    Parameters
    ----------
    problem
        Gives the objective for the caption.
    instance
        The items.
    solution
        The packed items, or ``None`` for the items alone.
    axes
        Where to draw.
    """
    packed = np.zeros(instance.size, dtype=bool)
    if solution is not None:
        packed[solution.items] = True
    area = float(np.clip(4000 / instance.size, 4, 40))
    left = ~packed
    label = None if solution is None else f"left out ({left.sum()})"
    axes.scatter(
        instance.weights[left],
        instance.values[left],
        s=area,
        facecolors="none",
        edgecolors="0.6",
        linewidths=0.8,
        label=label,
    )
    title = f"{instance.size} items, capacity {instance.capacity:,.10g}"
    if solution is not None:
        axes.scatter(
            instance.weights[packed],
            instance.values[packed],
            s=area,
            color="tab:green",
            linewidths=0.8,
            label=f"packed ({packed.sum()})",
        )
        axes.legend(loc="lower right", framealpha=0.9)
        used = float(instance.weights[packed].sum())
        title = f"value {problem.objective(instance, solution):,.10g}, weight {used:,.10g} of {instance.capacity:,.10g}"
    axes.set_title(title)
    axes.set_xlabel("weight")
    axes.set_ylabel("value")
    axes.margins(0.03)
