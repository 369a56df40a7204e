"""`plot()`: a picture of an instance and a solution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from redwood.picture import plot_solution
from redwood.plugins.host import host
from redwood.problem import Instance, instance_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot(
    instance: Instance, solution: Any = None, *, path: str | Path | None = None, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Draw an instance, and a solution of it where one is given, and return the axes.

    Parameters
    ----------
    instance
        Of a problem that can be drawn.
    solution
        A solution, or what the problem makes one of.
    path
        Where to save the picture; the suffix decides the format.
    axes
        Where to draw; by default on a figure of its own.
    title
        Title of the picture, by default the instance's name.
    """
    return plot_solution(
        host().problem(instance_of(instance).problem), instance, solution, path=path, axes=axes, title=title
    )
