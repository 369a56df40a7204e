"""Writing TSPLIB text: the counterpart of `redwood.problems.routing.tsplib`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from redwood.arrays import Array
from redwood.problems.routing.travel import Metric, Travel
from redwood.problems.routing.tsplib import EXACT_2D


def format_travel(travel: Travel, name: str, kind: str, entries: Mapping[str, str] | None = None) -> str:
    """Return the specification and the sections of the distances, which `scan` and `TSPLIBFile.travel` read back exactly.

    Parameters
    ----------
    travel
        The distances.
    name, kind
        The values of NAME and TYPE.
    entries
        Further specification entries. Further sections, and EOF, are the caller's to append.
    """
    head = {"NAME": " ".join(name.split()), "TYPE": kind, "DIMENSION": str(travel.size), **(entries or {})}
    head["EDGE_WEIGHT_TYPE"] = EXACT_2D if travel.metric is Metric.EXACT else str(travel.metric)
    if travel.matrix is None:
        return _head(head) + format_table("NODE_COORD_SECTION", np.asarray(travel.coords))
    symmetric = np.array_equal(travel.matrix, travel.matrix.T)
    head["EDGE_WEIGHT_FORMAT"] = "UPPER_ROW" if symmetric else "FULL_MATRIX"
    rows = [row[i + 1 :] if symmetric else row for i, row in enumerate(travel.matrix)]
    text = "EDGE_WEIGHT_SECTION\n" + "".join(f"{' '.join(number_words(row))}\n" for row in rows if len(row))
    if travel.coords is not None:
        head["DISPLAY_DATA_TYPE"] = "TWOD_DISPLAY"
        text += format_table("DISPLAY_DATA_SECTION", travel.coords)
    return _head(head) + text


def format_table(keyword: str, values: Array) -> str:
    """Return a section with one line ``node value ...`` for each row of ``values`` [N, C]; row 0 is node 1."""
    columns = [number_words(column) for column in np.asarray(values).T]
    return f"{keyword}\n" + "".join(f"{node} {' '.join(row)}\n" for node, row in enumerate(zip(*columns, strict=True), 1))


def format_nodes(keyword: str, nodes: Array) -> str:
    """Return a section that lists node numbers, given from 0, and ends with -1."""
    return f"{keyword}\n" + "".join(f"{node + 1}\n" for node in np.asarray(nodes).tolist()) + "-1\n"


def _head(entries: Mapping[str, str]) -> str:
    return "".join(f"{key} : {value}\n" for key, value in entries.items())


def number_words(values: Array) -> list[str]:
    """Return numbers as text that reads back to the same float, whole ones without a decimal point."""
    if np.all((values == np.rint(values)) & (np.abs(values) < 2**53)):
        return [str(number) for number in np.asarray(values, dtype=np.int64).tolist()]
    return [repr(number) for number in np.asarray(values, dtype=np.float64).tolist()]
