"""Line charts as inline SVG that take their colours from the page around them, so that light and dark need one picture."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 26, 12, 46
COLOURS = 8
"""Colours that the page defines; further series repeat them dashed."""


@dataclass(frozen=True)
class Series:
    """One line: points (x, y) in order, and where there is one its band [(x, low, high)]."""

    label: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Axes:
    """What the axes say and how they are scaled.

    Attributes
    ----------
    log_x, log_y
        Whether the axis is logarithmic; values at or below its smallest positive one are drawn at its end.
    steps
        Whether a value holds until the next point.
    marks
        Whether points are marked, for lines that have few.
    """

    x: str
    y: str
    log_x: bool = False
    log_y: bool = False
    steps: bool = False
    marks: bool = False


def chart(title: str, series: Sequence[Series], axes: Axes) -> str:
    """Return a figure element with a chart and its legend, or words where there is nothing to draw."""
    shown = [(index, line) for index, line in enumerate(series) if line.points]
    if not shown:
        return f"<figure><figcaption>{html.escape(title)}: nothing to draw.</figcaption></figure>"
    xs = [x for _, line in shown for x, _ in line.points]
    ys = [y for _, line in shown for _, y in line.points]
    ys += [value for _, line in shown for _, low, high in line.band for value in (low, high)]
    across = _Scale(xs, LEFT, WIDTH - RIGHT, axes.log_x)
    upward = _Scale(ys, HEIGHT - BOTTOM, TOP, axes.log_y)
    parts = [*_grid(across, upward, axes)]
    for index, line in shown:
        parts += _line(index, line, across, upward, axes)
    keys = "".join(f'<li><i class="{_style(index)}"></i>{html.escape(line.label)}</li>' for index, line in shown)
    picture = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">{"".join(parts)}</svg>'
    return f'<figure><figcaption>{html.escape(title)}</figcaption>{picture}<ul class="legend">{keys}</ul></figure>'


class _Scale:
    """From values to pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float, logarithmic: bool) -> None:
        self.logarithmic = logarithmic
        self._start, self._end = start, end
        if logarithmic:
            positive = [value for value in values if value > 0] or [1.0]
            self.low = 10 ** math.floor(math.log10(min(positive)))
            self.high = max(10 ** math.ceil(math.log10(max(positive))), 10 * self.low)
        else:
            self.low, self.high = min(0.0, *values), max(values)
            self.high = self.high if self.high > self.low else self.low + 1.0

    def __call__(self, value: float) -> float:
        value = min(max(value, self.low), self.high)
        change: Callable[[float], float] = math.log10 if self.logarithmic else float
        share = (change(value) - change(self.low)) / (change(self.high) - change(self.low))
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> list[float]:
        """Return the values to name: powers of ten, or four to eight round numbers."""
        if self.logarithmic:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1, max(1, (last - first) // 6))]
        rough = (self.high - self.low) / 5
        unit = 10 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first = math.ceil(self.low / step)
        return [step * count for count in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _grid(across: _Scale, upward: _Scale, axes: Axes) -> list[str]:
    parts = []
    for value in across.ticks():
        x = across(value)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:.4g}</text>')
    for value in upward.ticks():
        y = upward(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.4g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{html.escape(axes.x)}</text>')
    turned = f'transform="rotate(-90)" x="{-(TOP + HEIGHT - BOTTOM) / 2}" y="14"'
    parts.append(f'<text {turned} text-anchor="middle">{html.escape(axes.y)}</text>')
    return parts


def _line(index: int, line: Series, across: _Scale, upward: _Scale, axes: Axes) -> list[str]:
    parts = []
    if line.band:
        rim = [(across(x), upward(high)) for x, _, high in line.band]
        rim += [(across(x), upward(low)) for x, low, _ in reversed(line.band)]
        parts.append(f'<polygon class="band {_style(index)}" points="{_listed(rim)}"/>')
    points = [(across(x), upward(y)) for x, y in line.points]
    if axes.steps:
        points = [points[0]] + [corner for a, b in itertools.pairwise(points) for corner in ((b[0], a[1]), b)]
        points.append((WIDTH - RIGHT, points[-1][1]))
    title = f"<title>{html.escape(line.label)}</title>"
    parts.append(f'<polyline class="{_style(index)}" points="{_listed(points)}">{title}</polyline>')
    if axes.marks:
        parts += [f'<circle class="{_style(index)}" cx="{x}" cy="{y}" r="3.5">{title}</circle>' for x, y in points]
    return parts


def _listed(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _style(index: int) -> str:
    return f"c{index % COLOURS}" + " dashed" * (index >= COLOURS)
