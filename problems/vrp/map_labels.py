"""Where the labels of a map go: beside their marks, and not over another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from redwood.arrays import Array

LETTER, LINE, APART, MARK = 6.5, 12.0, 6.0, 5.0
"""Width of a letter and height of a line, how far a label is from its mark, and half the width of a mark, in pixels."""


class Label(NamedTuple):
    """Where a text stands: its base line, and whether it ends there instead of beginning."""

    x: float
    y: float
    ends: bool


def placed_labels(points: Array, texts: Sequence[str], width: float, height: float) -> list[Label | None]:
    """Return where the label of each point [M, 2] goes; ``None`` where every place would cover a mark or another label.

    Parameters
    ----------
    points
        The marks, in pixels.
    texts
        Their labels; the first are placed first.
    width, height
        Size of the map, which labels do not leave.
    """
    taken = np.concatenate((points - MARK, points + MARK), axis=1)  # left, top, right and bottom of each mark
    found: list[Label | None] = []
    for number, ((x, y), text) in enumerate(zip(points.tolist(), texts, strict=True)):
        others = np.delete(taken, number, axis=0)
        for label in _places(x, y, x > 0.75 * width):
            left = label.x - LETTER * len(text) * label.ends
            box = np.array([left, label.y - LINE + 2.0, left + LETTER * len(text), label.y + 2.0])
            covers = (others[:, :2] < box[2:]).all(axis=1) & (others[:, 2:] > box[:2]).all(axis=1)
            if box[0] >= 0 and box[2] <= width and box[1] >= 0 and box[3] <= height and not covers.any():
                taken = np.vstack((taken, box))
                found.append(label)
                break
        else:
            found.append(None)
    return found


def _places(x: float, y: float, left_first: bool) -> list[Label]:
    """Return the four corners beside a mark, above before below."""
    return [
        Label(x - APART if ends else x + APART, row, ends)
        for ends in (left_first, not left_first)
        for row in (y - APART, y + APART + LINE - 2.0)
    ]
