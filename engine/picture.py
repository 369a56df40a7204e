"""Drawing on axes that are given, or on a figure of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redwood.errors import OptionError
from redwood.files import path_of, replacing
from redwood.problem import Instance, Problem

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_solution(
    problem: Problem[Any, Any],
    instance: Instance,
    solution: Any = None,
    *,
    path: str | Path | None = None,
    axes: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw an instance of a problem, and a solution of it where one is given, and return the axes.

    Parameters
    ----------
    problem
        That of the instance.
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
    made = None if solution is None else problem.solution(solution)

    def draw(shown: Axes) -> None:
        problem.plot(instance, made, shown)
        own = shown.get_title()
        lines = [title or instance.name, "" if own == instance.name else own]
        shown.set_title("\n".join(filter(None, lines)), parse_math=False)

    return drawn(draw, path, axes)


def drawn(draw: Callable[[Axes], None], path: str | Path | None, axes: Axes | None) -> Axes:
    """Let ``draw`` draw on axes, on a figure of its own where there are none, save it where there is a path."""
    from matplotlib.figure import Figure

    if path is not None:
        check_picture(path)
    if axes is None:
        axes = _shown_axes() if path is None else Figure(figsize=(7, 6), layout="constrained").add_subplot()
    draw(axes)
    if path is not None:
        figure = axes.get_figure()
        if figure is not None:
            with replacing(path) as unfinished:
                figure.savefig(unfinished, dpi=150, bbox_inches="tight")  # type: ignore[union-attr]
    return axes


def check_picture(path: str | Path) -> None:
    """Raise `OptionError` where the suffix of a path is no format of pictures."""
    from matplotlib.backend_bases import FigureCanvasBase

    known = sorted(FigureCanvasBase.filetypes)
    if path_of(path).suffix.lower().lstrip(".") not in known:
        raise OptionError(f"{path}: the suffix names no format of pictures; known are {', '.join(known)}.")


def _shown_axes() -> Axes:
    """Return axes of pyplot, which notebooks show."""
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7, 6), layout="constrained")[1]
