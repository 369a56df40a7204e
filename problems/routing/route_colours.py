"""Colours of routes, in pictures and maps alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from redwood.arrays import Array

COLOURS = (
    *("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#393b79"),
    *("#aec7e8", "#ff9896", "#98df8a", "#c5b0d5", "#ffbb78", "#c49c94", "#f7b6d2", "#9edae5", "#dbdb8d", "#6b6ecf"),
)
"""Ten strong colours, and the same ten pale; no grey, which customers and axes have."""


def colours_of(directions: Sequence[Array]) -> list[str]:
    """Return a colour for each route such that neighbours by direction [2] differ; strong ones alone for up to ten."""
    ranks = np.argsort(np.argsort([np.arctan2(y, x) for x, y in directions], kind="stable"))
    count = 10 if len(directions) <= 10 else 20
    return [COLOURS[(int(rank) * 7) % count] for rank in ranks]
