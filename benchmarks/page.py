"""The report of a benchmark as one HTML page that needs nothing beside itself."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import math
import statistics
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from redwood.benchmarks.charts import Axes, Series, chart
from redwood.benchmarks.planning import Source
from redwood.benchmarks.profiles import data_profile, performance_profile, time_to_gap
from redwood.benchmarks.records import expanded
from redwood.benchmarks.report import (
    CaseSummary,
    Record,
    case_table,
    grouped,
    latency_table,
    legend,
    origin,
    pairwise_table,
    solver_table,
    summarise,
    warnings,
)
from redwood.errors import RedwoodError
from redwood.plugins.host import host
from redwood.solving.plot import plot

logger = logging.getLogger(__name__)

TARGET = 0.01
"""Gap to the reference, a share, whose time the profiles show."""

MOMENTS = 40
"""Points of time at which convergence is drawn."""

PICTURES = 24
"""Solutions drawn at most, the first instances of the run."""


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
    records = expanded(records)
    cases = summarise(records)
    runs = [record for record in records if record["kind"] == "run"]
    suite = runs[0]["suite"] if runs else "nothing yet"
    groups = grouped(runs, lambda run: (run["case"]["problem"], run["time_limit"]))
    links = "".join(f'<a href="#{problem}-{limit:g}">{_words(problem)}</a>' for problem, limit in groups)
    body = [f"<h1>Benchmark: {_words(suite)}</h1>", f"<nav>{links}</nav>"]
    body += [_list(origin(records), "soft")]
    body += [
        '<p><input id="filter" type="search" placeholder="Filter rows: solver or instance" aria-label="Filter rows"></p>'
    ]
    for (problem, limit), members in groups.items():
        body += _section(problem, limit, members, cases, folder, data)
    found = warnings(records, cases)
    if found:
        body += ["<h2>Warnings</h2>", _list(found, "warnings")]
    return _document(f"Redwood benchmark: {suite}", "\n".join(body))


def _section(
    problem: str,
    limit: float,
    runs: Sequence[Record],
    cases: dict[str, CaseSummary],
    folder: Path | None,
    data: Path | None,
) -> list[str]:
    labels = sorted({run["label"] for run in runs})
    body = [f'<h2 id="{problem}-{limit:g}">{_words(problem)}, {limit:g} s a run</h2>']
    body += [f'<p class="soft">{_words(legend(runs, cases))}</p>', _table(*solver_table(runs, cases))]
    charts = [
        _convergence(labels, runs, cases, limit),
        _performance(labels, runs, cases),
        _data(labels, runs, cases, limit),
        _by_size(labels, runs, cases),
    ]
    body += [f'<div class="charts">{"".join(charts)}</div>']
    body += ["<h3>Mean gap on each instance</h3>", _table(*case_table(runs, cases))]
    latencies = latency_table(runs)
    if latencies[1]:
        body += ["<h3>One at a time and in batches</h3>", _table(*latencies)]
    pairwise_tests = pairwise_table(runs, cases)
    if pairwise_tests[1]:
        body += ["<h3>Pairs of solvers on the same instances</h3>", _table(*pairwise_tests)]
    pictures = [] if folder is None else _pictures(runs, cases, folder, data)
    if pictures:
        body += ["<h3>Best solutions</h3>", f'<div class="pictures">{"".join(pictures)}</div>']
    return body


def _convergence(labels: Sequence[str], runs: Sequence[Record], cases: dict[str, CaseSummary], limit: float) -> str:
    """Draw the mean gap over time, with the band between the means of the best and of the worst seed."""
    moments = [limit * 10 ** (-2 + 2 * step / MOMENTS) for step in range(MOMENTS + 1)]
    series = []
    for label in labels:
        by_case = grouped([run for run in runs if run["label"] == label], lambda run: run["case"]["fingerprint"])
        points, band = [], []
        for moment in moments:
            rows = [[_gap_at(run, moment, cases) for run in members] for members in by_case.values()]
            if any(gap is None for row in rows for gap in row):
                continue  # a mean over fewer instances would be another curve
            full = [[100 * gap for gap in row if gap is not None] for row in rows]
            points.append((moment, statistics.mean(map(statistics.mean, full))))
            band.append((moment, statistics.mean(map(min, full)), statistics.mean(map(max, full))))
        several = any(len(members) > 1 for members in by_case.values())
        series.append(Series(label, points, band if several else ()))
    return chart(
        "Convergence: mean gap, band from best to worst seed", series, Axes("seconds", "gap in %", log_x=True, log_y=True)
    )


def _gap_at(run: Record, moment: float, cases: dict[str, CaseSummary]) -> float | None:
    case = cases[run["case"]["fingerprint"]]
    found = [objective for seconds, objective in run["result"]["trajectory"] if seconds <= moment]
    return case.gap_of(found[-1]) if found and run["result"]["objective"] is not None else None


def _performance(labels: Sequence[str], runs: Sequence[Record], cases: dict[str, CaseSummary]) -> str:
    title = f"Performance profile: time to a gap of {100 * TARGET:g} %"
    costs = _times(labels, runs, cases)
    steps = performance_profile(costs) if any(costs.values()) else {}
    axes = Axes("times the quickest solver", "share of runs", log_x=True, steps=True)
    return chart(title, [Series(label, points) for label, points in steps.items()], axes)


def _data(labels: Sequence[str], runs: Sequence[Record], cases: dict[str, CaseSummary], limit: float) -> str:
    steps = data_profile(_times(labels, runs, cases))
    series = [
        Series(label, [(0.0, 0.0), *points, (limit, points[-1][1])] if points else []) for label, points in steps.items()
    ]
    axes = Axes("seconds", "share of runs", steps=True)
    return chart(f"Data profile: runs within {100 * TARGET:g} % by a time", series, axes)


def _times(labels: Sequence[str], runs: Sequence[Record], cases: dict[str, CaseSummary]) -> dict[str, list[float]]:
    """Return for each solver the seconds to the target, one entry an instance and seed.

    A solver that was run with one seed only has that run's time at every seed.
    """
    keys = dict.fromkeys((run["case"]["fingerprint"], run["seed"]) for run in runs)
    times: dict[str, dict[tuple[str, int], float]] = {label: {} for label in labels}
    for run in runs:
        case, trajectory = cases[run["case"]["fingerprint"]], run["result"]["trajectory"]
        gaps = [gap if (gap := case.gap_of(objective)) is not None else math.inf for _, objective in trajectory]
        seconds = time_to_gap(trajectory, gaps, TARGET) if run["result"]["objective"] is not None else math.inf
        times[run["label"]][run["case"]["fingerprint"], run["seed"]] = seconds
    lone = {label: {case: value for (case, _), value in row.items()} for label, row in times.items()}
    return {label: [row.get(key, lone[label].get(key[0], math.inf)) for key in keys] for label, row in times.items()}


def _by_size(labels: Sequence[str], runs: Sequence[Record], cases: dict[str, CaseSummary]) -> str:
    series = []
    for label in labels:
        mine = [run for run in runs if run["label"] == label and run["result"]["objective"] is not None]
        by_size = grouped(mine, lambda run: run["case"]["size"])
        points = [(size, 100 * statistics.mean(_final_gap(run, cases) for run in by_size[size])) for size in sorted(by_size)]
        series.append(Series(label, points))
    return chart("Gap against size", series, Axes("size", "gap in %", log_x=True, log_y=True, marks=True))


def _final_gap(run: Record, cases: dict[str, CaseSummary]) -> float:
    return cases[run["case"]["fingerprint"]].gap_of(run["result"]["objective"]) or 0.0


def _pictures(runs: Sequence[Record], cases: dict[str, CaseSummary], folder: Path, data: Path | None) -> list[str]:
    pictures = []
    for members in list(grouped(runs, lambda run: run["case"]["fingerprint"]).values())[:PICTURES]:
        solved = [run for run in members if run["solution"] is not None and run["result"]["objective"] is not None]
        if solved:
            best = min(solved, key=lambda run: _final_gap(run, cases))
            try:
                pictures.append(_picture(best, folder, data))
            except (OSError, RedwoodError, NotImplementedError) as error:
                logger.warning("no picture of %s: %s", best["case"]["name"], error)
    return pictures


def _picture(run: Record, folder: Path, data: Path | None) -> str:
    from matplotlib.figure import Figure
    from PIL import Image

    source = Source(**{key: value for key, value in run["case"]["source"].items() if value is not None})
    instance = source.load(data)
    kept = json.loads((folder / run["solution"]).read_text(encoding="utf-8"))["solution"]
    solution = host().problem(instance.problem).solution_type.from_dict(kept)
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    plot(instance, solution, axes=axes, title=run["case"]["name"])
    axes.title.set_fontsize(9)  # names of files are long
    drawn, stream = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    Image.open(drawn).convert("RGB").quantize(64).save(stream, "png", optimize=True)  # a third of the bytes
    text = base64.b64encode(stream.getvalue()).decode()
    name = _words(f"{run['case']['name']}, {run['label']}, seed {run['seed']}: {run['result']['objective']:.9g}")
    return f'<figure><img alt="{name}" src="data:image/png;base64,{text}"><figcaption>{name}</figcaption></figure>'


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col><button>{_words(heading)}</button></th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{_words(entry)}</td>' for entry in row)}</tr>" for row in rows)
    return f'<div class="wide"><table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _list(lines: Sequence[str], style: str) -> str:
    items = "".join(f"<li>{_words(line.removeprefix('- '))}</li>" for line in lines)
    return f'<ul class="{style}">{items}</ul>'


def _words(text: Any) -> str:
    return html.escape(str(text))


def _document(title: str, body: str) -> str:
    assets = resources.files("redwood.benchmarks") / "assets"
    style, script = ((assets / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_words(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="data:,"><style>{style}</style></head>\n'
        f"<body>\n{body}\n<script>{script}</script></body></html>\n"
    )
