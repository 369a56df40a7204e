"""`Formulation`: a predictor as columns and rows, written once as arrays, for HiGHS, Pyomo and compiled models alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.views.linear import Rows


@dataclass(frozen=True, eq=False)
class Piece:
    """Columns and rows of a part of a predictor.

    Attributes
    ----------
    lower, upper, integer
        Of its columns [C].
    rows
        Its rows, whose columns count as in the program that the piece is for.
    """

    lower: Array
    upper: Array
    integer: Array
    rows: Rows


@dataclass(frozen=True, eq=False)
class Formulation(ABC):
    """A predictor as columns and rows, the inputs standing first.

    Attributes
    ----------
    inputs
        Number of inputs; the rows' columns below it are these, those from it on are the formulation's own.
    lower, upper, integer
        Of its own columns [C].
    rows
        Its rows.
    outputs, offset
        The outputs are ``outputs [n, inputs + C]`` times all columns, plus the offset [n].
    """

    inputs: int
    lower: Array
    upper: Array
    integer: Array
    rows: Rows
    outputs: Array
    offset: Array

    @abstractmethod
    def complete(self, point: Array) -> Array:
        """Return the values of all columns [inputs + C] at a point [inputs]."""

    def snap(self, values: Array) -> Array:
        """Return the inputs [inputs] that the values of all columns stand for."""
        return values[: self.inputs].copy()

    @property
    def binaries(self) -> int:
        """Number of integer columns that are not fixed by their bounds."""
        return int((self.integer & (self.lower < self.upper)).sum())


class RowList:
    """Rows that are written one after another."""

    def __init__(self) -> None:
        self._columns: list[Array] = []
        self._values: list[Array] = []
        self._lower: list[float] = []
        self._upper: list[float] = []

    def add(self, columns: Array | Sequence[int], values: Array | Sequence[float], lower: float, upper: float) -> None:
        """Add ``lower <= values x <= upper``.

        Parameters
        ----------
        columns, values
            The columns with a coefficient, and the coefficients.
        lower, upper
            Limits of the row; infinite where it has none.
        """
        self._columns.append(np.asarray(columns, np.int32))
        self._values.append(np.asarray(values, np.float64))
        self._lower.append(lower)
        self._upper.append(upper)

    def rows(self) -> Rows:
        """Return them in compressed form."""
        sizes = [len(columns) for columns in self._columns]
        return Rows(
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
            np.concatenate(self._columns) if sizes else np.zeros(0, np.int32),
            np.concatenate(self._values) if sizes else np.zeros(0),
            np.array(self._lower, float),
            np.array(self._upper, float),
        )


def append_piece(highs: Any, piece: Piece | Formulation, places: Array | None = None, *, relaxed: bool = False) -> None:
    """Put columns and rows at the end of a HiGHS program.

    Parameters
    ----------
    highs
        The HiGHS program, which grows.
    piece
        What is put there.
    places
        The program's columns of the piece's columns; by default they are the same.
    relaxed
        Whether to leave integrality out.
    """
    import highspy

    count, first = len(piece.lower), highs.getNumCol()
    highs.addVars(count, piece.lower.astype(np.float64), piece.upper.astype(np.float64))
    whole = (first + np.flatnonzero(piece.integer & (not relaxed))).astype(np.int32)
    highs.changeColsIntegrality(len(whole), whole, np.full(len(whole), int(highspy.HighsVarType.kInteger), np.uint8))
    rows = piece.rows
    columns = rows.columns if places is None else places[rows.columns]
    highs.addRows(
        len(rows.lower), rows.lower, rows.upper, len(rows.values), rows.starts[:-1], columns.astype(np.int32), rows.values
    )


def patch(highs: Any, before: Formulation, after: Formulation, places: Array, first_row: int) -> None:
    """Change a program that holds one formulation to hold another one with the same columns in each row.

    Parameters
    ----------
    highs
        The HiGHS program, which changes.
    before, after
        The formulation that it holds, and the one that it is to hold.
    places
        The program's columns of the formulation's columns.
    first_row
        Where the formulation's rows begin.
    """
    own = places[before.inputs :]
    moved = np.flatnonzero((before.lower != after.lower) | (before.upper != after.upper))
    highs.changeColsBounds(len(moved), own[moved].astype(np.int32), after.lower[moved], after.upper[moved])
    old, new = before.rows, after.rows
    for row in np.flatnonzero((old.lower != new.lower) | (old.upper != new.upper)).tolist():
        highs.changeRowBounds(first_row + row, new.lower[row], new.upper[row])
    entries = np.flatnonzero(old.values != new.values)
    rows = np.searchsorted(new.starts, entries, side="right") - 1
    for entry, row in zip(entries.tolist(), rows.tolist(), strict=True):
        highs.changeCoeff(first_row + row, int(places[new.columns[entry]]), float(new.values[entry]))
