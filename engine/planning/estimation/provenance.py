"""What an instance keeps of the log that its arms were estimated from: names, labels, features, and draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.planning.estimation.log import LARGEST_STEP, StateIs
from redwood.planning.estimation.words import Words
from redwood.problem import frozen
from redwood.settings import whole

DRAWS, FEWEST_DRAWS = 100, 20
"""Draws that are kept, and the fewest where arms have many states."""
MOST_NUMBERS = 2_000_000
"""Probabilities that are kept, about 16 MB in a file."""
DIGITS = 6
"""Digits after the point of a probability that is kept."""
UNEVEN = 1e-4
"""How far the probabilities of a row of a draw, which were rounded, may be from summing to 1."""


@dataclass(frozen=True)
class LogTime:
    """How a log counts time.

    Attributes
    ----------
    state_is
        Whether its states were before or after the action of their step.
    stride
        What it counts from one step to the next.
    next_step
        The step after its last one, where the plan begins.
    """

    state_is: StateIs = StateIs.BEFORE
    stride: int = 1
    next_step: int = 0

    def known_at(self, step: int) -> int:
        """Return before which step's action a state was that the log, or a list of today, has at a step."""
        return step + self.stride * (self.state_is == StateIs.AFTER)


@dataclass(frozen=True, eq=False)
class Provenance:
    """What an instance keeps of its log.

    Attributes
    ----------
    columns
        What the log calls its columns, by Redwood's names, where it calls them otherwise.
    states, actions
        Labels [S] from worst to best, and [A].
    features
        Value [J] that each column which says who is alike has for each arm.
    draws
        Draws [D, J, A, S, S] of the arms' transitions, or none.
    time
        How the log counts time.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    features: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    draws: Array | None = None
    time: LogTime = LogTime()

    def to_data(self, draws: bool = True) -> dict[str, Any]:
        """Return plain data, without the draws where they are not asked for."""
        data: dict[str, Any] = {
            "columns": dict(self.columns),
            "states": list(self.states),
            "actions": list(self.actions),
            "features": {name: list(values) for name, values in self.features.items()},
            "time": asdict(self.time),
        }
        if draws and self.draws is not None:
            data["draws"] = self.draws.round(DIGITS).tolist()
        return data

    @property
    def words(self) -> Words:
        """What the log calls arms and steps."""
        return Words(self.columns)

    @property
    def numbered(self) -> bool:
        """Whether states are labelled by their numbers."""
        return self.states == tuple(map(str, range(len(self.states))))


def provenance_of(data: Any) -> Provenance | None:
    """Return the provenance in plain data.

    Raises
    ------
    InstanceError
        Where its keys are others, or its values.
    """
    if data is None or isinstance(data, Provenance):
        return data
    known = ["columns", "states", "actions", "features", "draws", "time"]
    if not isinstance(data, Mapping) or set(data) - set(known):
        found = sorted(data) if isinstance(data, Mapping) else type(data).__name__
        raise InstanceError(f"the provenance holds {found}; expected a mapping with keys of {known}.")
    try:
        return Provenance(
            {str(own): str(theirs) for own, theirs in dict(data.get("columns", {})).items()},
            tuple(map(str, data.get("states", ()))),
            tuple(map(str, data.get("actions", ()))),
            {str(name): tuple(values) for name, values in dict(data.get("features", {})).items()},
            None if data.get("draws") is None else np.array(data["draws"], float),
            _time_of(**data.get("time", {})),
        )
    except (TypeError, ValueError) as error:
        raise InstanceError(f"the provenance is not what `estimate` wrote: {error}.") from error


def _time_of(state_is: str = StateIs.BEFORE, stride: int = 1, next_step: int = 0) -> LogTime:
    return LogTime(StateIs(state_is), whole("stride", stride, 1), whole("next_step", next_step, -LARGEST_STEP))


def checked_provenance(provenance: Provenance, shape: tuple[int, int, int]) -> Provenance:
    """Return the provenance of J arms, A actions and S states, with draws whose rounded rows sum to 1 again.

    Raises
    ------
    InstanceError
        Where its sizes are not those of the arms, or rows of draws are no distributions.
    """
    arms, actions, states = shape
    sizes = (len(provenance.states), len(provenance.actions), {*map(len, provenance.features.values())} - {arms})
    if sizes != (states, actions, set()):
        raise InstanceError(
            f"the provenance has {sizes[0]} states, {sizes[1]} actions and features of {sorted(sizes[2]) or arms} arms; the "
            f"instance has {states}, {actions} and {arms}."
        )
    rows = provenance.draws
    if rows is None:
        return provenance
    if rows.ndim != 5 or rows.shape[1:] != (*shape, states) or len(rows) < 2:
        raise InstanceError(
            f"the provenance has draws of shape {list(rows.shape)}; expected [D, {arms}, {actions}, {states}, {states}]."
        )
    total = rows.sum(axis=-1, keepdims=True)
    if not ((rows >= 0).all() and (np.abs(total - 1.0) <= UNEVEN).all()):
        raise InstanceError("the provenance has draws whose rows are no distributions.")
    return replace(provenance, draws=frozen(rows / total, np.float64))


def kept_draws(probabilities: int) -> int:
    """Return how many draws are kept of arms that have so many probabilities."""
    return max(FEWEST_DRAWS, min(DRAWS, MOST_NUMBERS // probabilities))


def plain_value(value: Any) -> Any:
    """Return a value of a column as a number or a text that JSON can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, (int, float, str)) else str(value)
