"""Line charts, laid out for the template that draws them in the colours of the page around them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 62, WIDTH - 26, 12, HEIGHT - 46
COLOURS = 8
"""Colours that the page defines; further series repeat them dashed."""
FARTHEST = 1e100
"""Magnitude of the values that are drawn."""
ROOM = 1.15
"""Factor by which a fitted axis goes beyond its values."""
APART = 40
"""Pixels between two names of a fitted axis."""
ZERO_STRIP = 44
"""Pixels before the beginning of a logarithmic axis, in whose middle 0 has its place."""


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
        Whether the axis is logarithmic; values of 0 or below have a place of their own before its beginning.
    steps
        Whether a value holds until the next point.
    marks
        Whether points are marked, for lines that have few; the axis across then begins and ends at such, and names them.
    """

    x: str
    y: str
    log_x: bool = False
    log_y: bool = False
    steps: bool = False
    marks: bool = False


@dataclass(frozen=True)
class Line:
    """A series as it is drawn: its class in the style sheet, and points in pixels as SVG lists them."""

    label: str
    style: str
    points: str
    band: str
    marks: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """A chart as it is drawn: ticks as (pixel, text), and lines, of which there may be none."""

    title: str
    axes: Axes
    across: Sequence[tuple[float, str]] = ()
    upward: Sequence[tuple[float, str]] = ()
    lines: Sequence[Line] = ()


def lay_out(title: str, series: Sequence[Series], axes: Axes) -> Chart:
    """Return a chart of the series that have points."""
    shown = [(index, line) for index, line in enumerate(map(_drawable, series)) if line.points]
    if not shown:
        return Chart(title, axes)
    xs = [x for _, line in shown for x, _ in line.points]
    ys = [y for _, line in shown for _, y in line.points]
    ys += [value for _, line in shown for _, low, high in line.band for value in (low, high)]
    across = _Scale(xs, LEFT, RIGHT, axes.log_x, fitted=axes.marks)
    upward = _Scale(ys, BOTTOM, TOP, axes.log_y)
    lines = [_line(line, _style(index), across, upward, axes) for index, line in shown]
    return Chart(title, axes, across.ticks(), upward.ticks(), lines)


def _drawable(line: Series) -> Series:
    """Return a series without the points that no axis can hold."""
    points = [point for point in line.points if max(map(abs, point)) < FARTHEST]
    return Series(line.label, points, [point for point in line.band if max(map(abs, point)) < FARTHEST])


class _Scale:
    """From values to pixels; a fitted scale begins and ends close to the values, and names these."""

    def __init__(
        self, values: Sequence[float], start: float, end: float, logarithmic: bool, *, fitted: bool = False
    ) -> None:
        self.logarithmic = logarithmic
        self._fitted = sorted(set(values)) if fitted else []
        self.has_zero = logarithmic and min(values) <= 0
        strip = math.copysign(ZERO_STRIP, end - start) if self.has_zero else 0.0
        self._zero, self._start, self._end = start + strip / 2, start + strip, end
        if logarithmic:
            positive = [value for value in values if value > 0] or [1.0]
        if logarithmic and fitted:
            self.low, self.high = min(positive) / ROOM, max(positive) * ROOM
        elif logarithmic:
            self.low = 10 ** math.floor(math.log10(min(positive)))
            self.high = max(10 ** math.ceil(math.log10(max(positive))), 10 * self.low)
        else:
            self.low, self.high = min(0.0, *values), max(values)
            self.high = self.high if self.high > self.low else self.low + 1.0

    def __call__(self, value: float) -> float:
        if self.has_zero and value <= 0:
            return self._zero
        value = min(max(value, self.low), self.high)
        change: Callable[[float], float] = math.log10 if self.logarithmic else float
        share = (change(value) - change(self.low)) / (change(self.high) - change(self.low))
        return round(self._start + share * (self._end - self._start), 1)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the places that are named: values that are apart, 0 and powers of ten, or four to eight round numbers."""
        return [(self(value), f"{value:.6g}") for value in self._named()]

    def _apart(self) -> list[float]:
        named: list[float] = []
        for value in self._fitted:
            if not named or self(value) - self(named[-1]) >= APART:
                named.append(value)
        return named

    def _named(self) -> list[float]:
        if self._fitted:
            return self._apart()
        if self.logarithmic:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            powers = [10.0**power for power in range(first, last + 1, max(1, (last - first) // 6))]
            return [0.0] * self.has_zero + powers
        rough = (self.high - self.low) / 5
        unit = 10 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first = math.ceil(self.low / step)
        return [step * count for count in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _line(line: Series, style: str, across: _Scale, upward: _Scale, axes: Axes) -> Line:
    rim = [(across(x), upward(high)) for x, _, high in line.band]
    rim += [(across(x), upward(low)) for x, low, _ in reversed(line.band)]
    points = [(across(x), upward(y)) for x, y in line.points]
    marks = points if axes.marks else []
    if axes.steps:
        points = [points[0]] + [corner for a, b in itertools.pairwise(points) for corner in ((b[0], a[1]), b)]
        points.append((RIGHT, points[-1][1]))
    return Line(line.label, style, _listed(points), _listed(rim), marks)


def _listed(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _style(index: int) -> str:
    return f"c{index % COLOURS}" + " dashed" * (index >= COLOURS)
