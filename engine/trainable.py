"""The contract of solvers that can be trained: `redwood.train` calls it, and any plugin may implement it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redwood.execution.executor import Executor
from redwood.execution.executors.local import IN_TURN
from redwood.problem import Instance, Problem, Solution

Expert = Callable[[Instance, int, int], Solution]
"""Returns a good solution of an instance, given a number of iterations (0 lets the expert finish) and a seed."""


@dataclass(frozen=True)
class TrainingConfig:
    """What the engine gives to a training.

    Attributes
    ----------
    folder
        Where checkpoints, labels, curves and the finished weights stand. A training that finds its own checkpoint there
        goes on from it.
    expert
        Makes labels, for solvers that learn from solutions.
    hours
        Hours of computing in all, those before an interruption included.
    seed
        Origin of all randomness.
    threads
        How many threads compute.
    device
        Where the network is trained, such as ``cpu`` or ``cuda``.
    executor
        Where labels are made; the folder has to be seen from there.
    on_progress
        Called with the hours spent and one line about the state.
    set_up
        To be called first in every process that a training starts: loads the plugins that came from files.
    """

    folder: Path
    expert: Expert
    hours: float
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    executor: Executor = IN_TURN
    on_progress: Callable[[float, str], None] | None = None
    set_up: Callable[[], None] | None = None


class Trainable(ABC):
    """A solver class whose objects need something learnt for each problem."""

    @classmethod
    @abstractmethod
    def train(cls, problem: Problem[Any, Any], config: TrainingConfig, **options: Any) -> Path:
        """Train for a problem until the hours are over, and return the file that the solver takes as an option.

        Raises
        ------
        OptionError
            Where an option is unknown or the folder belongs to another training.
        FitError
            Where the problem offers nothing to learn from.
        """
