"""Pictures of instances and solutions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from redwood.plugins.host import host
from redwood.problem import Instance

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
    from matplotlib.figure import Figure

    problem = host().problem(instance.problem)
    made = None if solution is None else problem.solution(solution)
    if axes is None:
        axes = _shown_axes() if path is None else Figure(figsize=(7, 6), layout="constrained").add_subplot()
    problem.plot(instance, made, axes)
    axes.set_title(title or instance.name)
    if path is not None:
        figure = axes.get_figure()
        if figure is not None:
            figure.savefig(path, dpi=150)  # type: ignore[union-attr]
    return axes


def _shown_axes() -> Axes:
    """Return axes of pyplot, which notebooks show."""
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7, 6), layout="constrained")[1]
