"""The report of a benchmark as one HTML page that needs nothing beside itself."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import math
import statistics
import textwrap
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from redwood.benchmarks import charts, templates
from redwood.benchmarks.charts import Axes, Chart, Series, lay_out
from redwood.benchmarks.profiles import distribution, performance_profile, time_to_gap
from redwood.benchmarks.records import Record, Run
from redwood.benchmarks.report import Report, Section, final_gap, grouped
from redwood.errors import FormatError
from redwood.files import parse_json, read_text
from redwood.plugins.host import host
from redwood.problem import Instance, Solution
from redwood.solving.plot import plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

TARGET = 0.01
"""Gap to the reference, a share, whose time the profiles show."""

MOMENTS = 40
"""Points of time at which convergence is drawn."""
SMALLEST = 1e-3
"""Gap in per cent below which convergence is drawn as 0."""

PICTURES = 24
"""Solutions drawn at most, the first instances of the run."""

LARGEST_LEGEND = 12
"""Entries up to which a picture keeps its legend: ten routes, the depot, and what is left out."""

TITLE = 42
"""Letters of a line of a picture's title; names of files are long."""

LARGEST_PICTURE = 100_000
"""Size of an instance up to which its solution is drawn."""


def render_page(records: Sequence[Record], folder: Path | None = None, data: Path | None = None) -> str:
    """Return the page of the records of one folder.

    Parameters
    ----------
    records
        From `read_records`.
    folder
        Where the solutions are; without it there are no pictures.
    data
        The folder that instance files are relative to.
    """
    report = Report(records)
    drawn = [_drawn(section, folder, data) for section in report.sections]
    script = (resources.files("redwood.benchmarks") / "assets" / "page.js").read_text(encoding="utf-8")
    digest = "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates.render("page.html", report=report, drawn=drawn, box=charts, script=Markup(script), script_digest=digest)


def _drawn(section: Section, folder: Path | None, data: Path | None) -> tuple[list[Chart], list[tuple[str, str]]]:
    """Return what a section has beside its tables: charts, and pictures as (caption, PNG in base 64)."""
    makers = (_convergence, _performance, _data, _by_size)
    return [make(section) for make in makers], [] if folder is None else list(_pictures(section, folder, data))


def _convergence(section: Section) -> Chart:
    """Draw the mean gap over time, with the band between the means of the best and of the worst seed."""
    moments = [section.limit * 10 ** (-2 + 2 * step / MOMENTS) for step in range(MOMENTS + 1)]
    series = []
    for label, name in section.names.items():
        by_case = grouped([run for run in section.runs if run.label == label], lambda run: run.case.fingerprint)
        points, band = [], []
        for moment in moments:
            rows = [[_gap_at(run, moment, section) for run in members] for members in by_case.values()]
            if any(gap is None for row in rows for gap in row):
                continue  # a mean over fewer instances would be another curve
            full = [[100 * gap for gap in row if gap is not None] for row in rows]
            points.append((moment, _visible(statistics.mean(map(statistics.mean, full)))))
            band.append((moment, _visible(statistics.mean(map(min, full))), _visible(statistics.mean(map(max, full)))))
        several = any(len(members) > 1 for members in by_case.values())
        series.append(Series(name, points, band if several else ()))
    axes = Axes("seconds", "gap in %", log_x=True, log_y=True)
    return lay_out("Convergence: mean gap, band from best to worst seed", series, axes)


def _visible(gap: float) -> float:
    """Return a gap in per cent, 0 where it is so small that it would lengthen the axis for nothing."""
    return gap if gap >= SMALLEST else 0.0


def _gap_at(run: Run, moment: float, section: Section) -> float | None:
    found = [objective for seconds, objective in run.result.trajectory if seconds <= moment]
    solved = found and run.result.objective is not None
    return section.cases[run.case.fingerprint].gap_of(found[-1]) if solved else None


def _performance(section: Section) -> Chart:
    title = f"Performance profile: time to a gap of {100 * TARGET:g} %"
    costs = _times(section)
    steps = performance_profile(costs) if any(costs.values()) else {}
    axes = Axes("times the quickest solver", "share of runs", log_x=True, steps=True)
    return lay_out(title, [Series(section.names[label], points or [(1.0, 0.0)]) for label, points in steps.items()], axes)


def _data(section: Section) -> Chart:
    steps = {label: distribution([cost for cost in row if not math.isnan(cost)]) for label, row in _times(section).items()}
    latest = max((moment for points in steps.values() for moment, _ in points), default=0.0)
    series = [
        Series(section.names[label], [(0.0, 0.0), *points, (max(section.limit, latest), points[-1][1] if points else 0.0)])
        for label, points in steps.items()
    ]
    axes = Axes("seconds", "share of runs", steps=True)
    return lay_out(f"Data profile: runs within {100 * TARGET:g} % by a time", series, axes)


def _times(section: Section) -> dict[str, list[float]]:
    """Return for each solver the seconds to the target, one entry an instance and seed; NaN where it was not run.

    A solver that was run with one seed only has that run's time at every seed.
    """
    keys = dict.fromkeys((run.case.fingerprint, run.seed) for run in section.runs)
    times: dict[str, dict[tuple[str, int], float]] = {label: {} for label in section.names}
    for run in section.runs:
        case, trajectory = section.cases[run.case.fingerprint], run.result.trajectory
        gaps = [gap if (gap := case.gap_of(objective)) is not None else math.inf for _, objective in trajectory]
        seconds = time_to_gap(trajectory, gaps, TARGET) if run.result.objective is not None else math.inf
        times[run.label][run.case.fingerprint, run.seed] = seconds
    lone = {label: {case: value for (case, _), value in row.items()} for label, row in times.items()}
    return {label: [row.get(key, lone[label].get(key[0], math.nan)) for key in keys] for label, row in times.items()}


def _by_size(section: Section) -> Chart:
    series = []
    for label, name in section.names.items():
        mine = [run for run in section.runs if run.label == label and run.result.objective is not None]
        by_size = grouped(mine, lambda run: run.case.size)
        gaps = {size: statistics.mean(final_gap(run, section.cases) for run in by_size[size]) for size in sorted(by_size)}
        series.append(Series(name, [(size, 100 * gap) for size, gap in gaps.items()]))
    across = f"size: {section.measure}" if section.measure else "size"
    return lay_out("Gap against size", series, Axes(across, "gap in %", log_x=True, log_y=True, marks=True))


def _pictures(section: Section, folder: Path, data: Path | None) -> Iterator[tuple[str, str]]:
    """Yield pictures of the best solutions; what is wrong with one is logged, and costs that one only."""
    for members in list(grouped(section.runs, lambda run: run.case.fingerprint).values())[:PICTURES]:
        solved = [run for run in members if run.result.solution is not None and run.result.objective is not None]
        if solved:
            best = min(solved, key=lambda run: final_gap(run, section.cases))
            try:
                yield _picture(best, folder, data)
            except Exception as error:  # whatever a problem stumbles over in files that may come from anybody
                logger.warning("no picture of %r: %s", best.case.name, error)


def _picture(run: Run, folder: Path, data: Path | None) -> tuple[str, str]:
    """Return caption and picture of the solution of a run.

    Raises
    ------
    FormatError
        Where instance or solution are not those of the record.
    """
    from PIL import Image

    source, file = run.case.source, folder / (run.result.solution or "")
    if max(run.case.size, source.size) > LARGEST_PICTURE:
        raise FormatError(f"size {max(run.case.size, source.size)} exceeds the {LARGEST_PICTURE} that are drawn.")
    if not all(path.is_file() for path in (file, *([(data or Path()) / source.file] if source.file else []))):
        raise FormatError("the file of its instance or of its solution is missing.")
    instance = source.load(data)
    problem = host().problem(instance.problem)
    kept = parse_json(read_text(file), file)
    solution = problem.solution_type.from_dict(kept["solution"])
    if instance.fingerprint() != run.case.fingerprint or problem.violations(instance, solution):
        raise FormatError("its instance is another than that of the record, or its solution breaks a rule.")
    drawn, stream = io.BytesIO(), io.BytesIO()
    drawn_small(instance, solution, run.case.name).savefig(drawn, format="png", dpi=80)
    Image.open(drawn).convert("RGB").quantize(64).save(stream, "png", optimize=True)  # a third of the bytes
    words = f"{run.case.name}, {run.label}, seed {run.seed}: {run.result.objective:.9g}"
    return words, base64.b64encode(stream.getvalue()).decode()


def drawn_small(instance: Instance, solution: Solution, title: str) -> Figure:
    """Return a small picture of a solution, without a legend where that would leave no room for the picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    plot(instance, solution, axes=axes, title=title)
    lines = axes.get_title().split("\n")
    axes.set_title("\n".join(textwrap.fill(line, TITLE) for line in lines), fontsize=9, parse_math=False)
    legend = axes.get_legend()
    if legend is not None and len(legend.get_texts()) > LARGEST_LEGEND:
        legend.remove()
    return figure
