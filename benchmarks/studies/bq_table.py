"""Measure many cells of gaps of `bq` in one go: ``python benchmarks/studies/bq_table.py --limit 8 --out runs/gaps``.

For each test set of `redwood.benchmarks.bq_gaps` the greedy gap, that of 8 augmentations and that of a search without local
search, in per cent; then the files of TSPLIB up to 2,500 nodes and of CVRPLIB X with 8 augmentations, below the folder that
``REDWOOD_DATA`` names. Writes ``gaps.json`` and ``gaps.md`` after every cell; a problem without weights or data has a cell
that says so.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from bq_gaps import data_folder, measure, reference, test_set

import redwood
from redwood.benchmarks.known import BestKnown
from redwood.budget import Budget, Iterations, Seconds
from redwood.errors import RedwoodError
from redwood.problem import Instance
from redwood.solvers.bq.policy import BQ

log = logging.getLogger(__name__)

SETS = (
    ("tsp", 100), ("tsp", 1000), ("cvrp", 100), ("cvrp", 200), ("cvrp", 500), ("cvrp", 1000), ("atsp", 100),
    ("atsp", 1000), ("orienteering", 100), ("knapsack", 100), ("knapsack", 1000),
)  # fmt: skip
LIBRARIES = (("tsp", "tsplib/*.tsp", 2500), ("cvrp", "cvrp/X/*.vrp", 1001))
FEW = 4
"""So many times fewer instances are taken for the search, which costs all of its seconds for each."""


@dataclass(frozen=True)
class Cell:
    """One measured gap.

    Attributes
    ----------
    problem, subset
        What was solved.
    mode
        ``greedy``, ``8 augmentations`` or ``search``.
    count
        Instances measured.
    mean, worst
        Gap in per cent of the mean objective (of single files: the mean of the gaps), and of the worst instance.
    seconds
        Core-seconds an instance.
    note
        Why there is no figure, where there is none.
    """

    problem: str
    subset: str
    mode: str
    count: int = 0
    mean: float | None = None
    worst: float | None = None
    seconds: float | None = None
    note: str = ""


@click.command(help=__doc__)
@click.option("--limit", default=128, show_default=True, help="Instances of a set or files of a library at most.")
@click.option("--problem", "problems", multiple=True, help="Only these problems.")
@click.option("--sets/--no-sets", default=True, show_default=True, help="Whether test sets are measured as well.")
@click.option("--search-seconds", default=45.0, show_default=True, help="Of the search, for each instance; 0 for none.")
@click.option("--reference-seconds", default=5.0, show_default=True, help="Of the solver that sets unknown references.")
@click.option("--libraries/--no-libraries", default=True, show_default=True, help="Whether files are measured as well.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/gaps"), show_default=True)
def main(
    limit: int,
    problems: Sequence[str],
    sets: bool,
    search_seconds: float,
    reference_seconds: float,
    libraries: bool,
    out: Path,
) -> None:
    """Measure all cells on one thread."""
    import torch

    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    out.mkdir(parents=True, exist_ok=True)
    cells: list[Cell] = []
    wanted = set(problems) or {problem for problem, _ in SETS}
    for cell in _cells(
        wanted, SETS if sets else (), limit, search_seconds, reference_seconds, LIBRARIES if libraries else ()
    ):
        log.info("%s", cell)
        cells.append(cell)
        (out / "gaps.json").write_text(json.dumps([asdict(row) for row in cells], indent=1) + "\n", encoding="utf-8")
        (out / "gaps.md").write_text(markdown(cells), encoding="utf-8")


def markdown(cells: Sequence[Cell]) -> str:
    """Return cells as a Markdown table."""
    lines = ["| problem | instances | mode | gap % | worst % | core-s each |", "|---|---|---|---|---|---|"]
    for cell in cells:
        figures = (
            [cell.note, "", ""]
            if cell.note
            else [f"{v:.2f}" for v in (cell.mean, cell.worst, cell.seconds) if v is not None]
        )
        lines.append(" | ".join([f"| {cell.problem}", f"{cell.subset} ({cell.count})", cell.mode, *figures]) + " |")
    return "\n".join(lines) + "\n"


def _cells(
    wanted: set[str],
    sets: Sequence[tuple[str, int]],
    limit: int,
    search: float,
    effort: float,
    libraries: Sequence[tuple[str, str, int]],
) -> Iterator[Cell]:
    for problem, size in sets:
        if problem not in wanted:
            continue
        try:
            instances = test_set(problem, size, limit, "")
            references = reference(problem, size, instances, "auto", effort)
        except RedwoodError as error:
            yield Cell(problem, str(size), "all", note=str(error))
            continue
        for mode, solver, budget, share in _modes(search):
            chosen = instances[: max(1, len(instances) // share)]
            known = references if len(chosen) == len(instances) or len(references) > 1 else []
            known = known[: len(chosen)] or reference(problem, size, chosen, "auto", effort)
            yield _measured(Cell(problem, str(size), mode), solver, budget, chosen, known)
    for problem, pattern, largest in libraries:
        if problem in wanted:
            yield from _library(problem, pattern, largest, limit, search)


def _modes(search: float) -> Iterator[tuple[str, BQ, Budget, int]]:
    yield "greedy", BQ(search="none"), Iterations(1), 1
    yield "8 augmentations", BQ(search="none", augmentations=8), Iterations(8), 1
    if search:
        yield "search", BQ(search="rebuild"), Seconds(search), FEW


def _measured(cell: Cell, solver: BQ, budget: Budget, instances: Sequence[Instance], known: Sequence[float]) -> Cell:
    """Return a cell with its figures; a search solves one instance after the other, all else is one batch."""
    batches = [[instance] for instance in instances] if cell.mode == "search" else [list(instances)]
    objectives: list[float] = []
    seconds = 0.0
    try:
        for batch in batches:
            found, spent = measure(solver, batch, budget)
            objectives, seconds = objectives + found, seconds + spent
    except RedwoodError as error:
        return Cell(cell.problem, cell.subset, cell.mode, note=str(error))
    mean = 100.0 * abs(np.mean(objectives) / np.mean(known) - 1.0)
    worst = np.abs(np.array(objectives) / np.array(known) - 1.0).max() * 100.0 if len(known) == len(objectives) else mean
    each = seconds / len(instances)
    return Cell(
        cell.problem, cell.subset, cell.mode, len(instances), round(float(mean), 3), round(float(worst), 3), round(each, 3)
    )


def _library(problem: str, pattern: str, largest: int, limit: int, search: float) -> Iterator[Cell]:
    """Yield the cells of a library: of each file with a known value and coordinates, in the order of their sizes."""
    files = sorted(data_folder().glob(pattern))
    if not files:
        yield Cell(problem, pattern, "all", note=f"no files {pattern} below {data_folder()}; set REDWOOD_DATA.")
        return
    known = BestKnown.read(data_folder() / "best_known.csv")
    instances: list[Any] = [known.attach(redwood.read(file), file) for file in files]
    fitting = [i for i in instances if i.best_known and i.size <= largest and i.travel.coords is not None]
    ordered = sorted(fitting, key=lambda instance: instance.size)
    for mode, solver, budget, share in _modes(search):
        chosen = ordered[:: max(1, -(-len(ordered) * share // limit))]
        yield _filed(Cell(problem, pattern, mode), solver, budget, chosen)


def _filed(cell: Cell, solver: BQ, budget: Budget, instances: Sequence[Any]) -> Cell:
    """Return the cell of single files with its figures."""
    gaps, seconds = [], 0.0
    try:
        for instance in instances:
            (objective,), spent = measure(solver, [instance], budget)
            gaps.append(100.0 * (objective / float(instance.best_known or 1.0) - 1.0))
            seconds += spent
    except RedwoodError as error:
        return replace(cell, note=str(error))
    mean, worst, each = float(np.mean(gaps)), max(gaps), seconds / len(instances)
    return replace(cell, count=len(instances), mean=round(mean, 3), worst=round(worst, 3), seconds=round(each, 3))


if __name__ == "__main__":
    main()
