"""How much effort an expert can make for each label within the time that labels may take, as measured on examples."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from redwood.errors import OptionError
from redwood.files import write_text
from redwood.problem import Instance, Solution
from redwood.saved import reading
from redwood.trainable import Expert
from redwood.views.stepwise import Stage

LEVELS = tuple(2.0**-power for power in range(8, -1, -1))
"""Shares of the effort that stages name, tried from below."""

FILE = "effort.json"


@dataclass(frozen=True)
class LoweredEffort:
    """An expert that makes a share of the iterations that it is asked for; can be sent to other processes."""

    expert: Expert
    share: float

    def __call__(self, instance: Instance, iterations: int, seed: int) -> Solution:
        """Return the expert's solution."""
        return self.expert(instance, max(1, round(self.share * iterations)) if iterations else 0, seed)


def affordable_effort(
    expert: Expert,
    curriculum: Sequence[Stage],
    example: Callable[[int, np.random.Generator], Any],
    *,
    labels: Callable[[Stage], float],
    seconds: float,
    hint: str,
    levels: Sequence[float] = LEVELS,
) -> float:
    """Return the largest of some levels of effort at which the first labels take no longer than they may.

    Parameters
    ----------
    expert
        Makes the labels.
    curriculum
        Sizes, and the iterations of a label at full effort.
    example
        Returns a random instance of a size.
    labels
        How many labels of a stage are made one after another.
    seconds
        What they may take together.
    hint
        What is said where even the least effort takes longer, with ``{minutes}`` for how long that is, and ``{factor}`` for
        how many times too long.
    levels
        Shares of the iterations that stages name, from below.

    Raises
    ------
    OptionError
        Where even the least effort takes longer.
    """
    examples = [example(stage.size, np.random.default_rng([stage.size, 7])) for stage in curriculum]
    for instance, stage in zip(examples, curriculum, strict=True):  # compiles and loads, which is not paid for again
        expert(instance, min(1, stage.iterations), 0)
    best: float | None = None
    for level in levels:
        lowered, total = LoweredEffort(expert, level), 0.0
        for instance, stage in zip(examples, curriculum, strict=True):
            began = time.perf_counter()
            lowered(instance, stage.iterations, 0)
            total += labels(stage) * (time.perf_counter() - began)
        if total > seconds:
            if best is None:
                raise OptionError(hint.format(minutes=f"{total / 60:.2g}", factor=total / seconds))
            return best
        best = level
    return levels[-1]


def write_effort(folder: Path, share: float) -> None:
    """Remember with which effort the labels of a folder are made."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / FILE, json.dumps({"effort": share}) + "\n")


def read_effort(folder: Path) -> float:
    """Return with which effort the labels of a folder are made: 1 where nothing is said."""
    path = folder / FILE
    if not path.exists():
        return 1.0
    with reading(path):
        return float(json.loads(path.read_text())["effort"])
