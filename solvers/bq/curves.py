"""The record of a training: rows of CSV files, and their picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from redwood.files import replacing, write_text


def append_row(path: Path, row: Mapping[str, object]) -> None:
    """Append a row to a CSV file, with a header where the file is new."""
    kept = path.read_text() if path.exists() else ""
    added = io.StringIO()
    writer = csv.DictWriter(added, list(row), lineterminator="\n")
    if not kept:
        writer.writeheader()
    writer.writerow(row)
    write_text(path, kept + added.getvalue())


def read_columns(path: Path) -> dict[str, list[float]]:
    """Return the columns of a CSV file of numbers."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {})}


def draw_curves(folder: Path) -> None:
    """Draw ``loss.csv`` and ``gaps.csv`` of a training folder, against the hours spent, to ``curves.png``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, unit, kept) in enumerate((("loss", "nats", "loss"), ("gaps", "greedy gap in %", ""))):
        columns = read_columns(folder / f"{name}.csv")
        axes = figure.add_subplot(1, 2, place + 1, xlabel="hours", ylabel=unit)
        for label, values in columns.items():
            if label not in ("step", "decisions", "hours") and kept in label and any(values):
                axes.plot(columns["hours"], values, label=label, marker="." if not kept else "")
        if axes.lines:
            axes.set_yscale("log")
            axes.legend()
    with replacing(folder / "curves.png") as unfinished:
        figure.savefig(unfinished)
