"""Whom of the cohort somebody new is taken to be like: whom she is said to resemble, or who is near by features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, suggestion
from redwood.planning.estimation.groups import standardised
from redwood.planning.estimation.table import is_missing

NEAREST = 10
"""How many of the cohort somebody is taken to be like by features; more where more are as near."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """Whom a new arm is taken to be like.

    Attributes
    ----------
    arms
        Which arms [J] of the cohort; the new one has the mean of their values.
    words
        Who they are, in words.
    """

    arms: Array
    words: str


def likeness(
    names: tuple[str, ...],
    known: Mapping[str, tuple[Any, ...]],
    name: str,
    like: str | None,
    own: Mapping[str, Any],
) -> Likeness:
    """Return whom of the cohort a new arm is taken to be like.

    Parameters
    ----------
    names
        Name [J] of each arm of the cohort.
    known
        Features of the cohort by name, each with a value [J] an arm.
    name
        The new arm.
    like
        Whom it is said to be like; ``None`` where nobody says.
    own
        The new arm's features by name.

    Raises
    ------
    InstanceError
        Where it is said to be like nobody in the cohort.
    """
    if like is not None:
        if like not in names:
            raise InstanceError(
                f"arm {name!r} is said to be like {like!r}, who is not in the cohort.{suggestion(like, names)}"
            )
        return Likeness(np.array([other == like for other in names]), f"like {like}")
    everybody = np.ones(len(names), bool)
    if not known:
        return Likeness(everybody, "like the mean of all")
    missing = [column for column in known if is_missing(own.get(column))]
    if missing:
        return Likeness(everybody, f"like the mean of all, since its {missing[0]} is not known")
    columns = {column: standardised([*values, own[column]]) for column, values in known.items()}
    for column, values in known.items():
        if columns[column].shape[1] > 1 and str(own[column]).strip() not in {str(value).strip() for value in values}:
            return Likeness(everybody, f"like the mean of all, since nobody else has the {column} {own[column]!s}")
    places = np.hstack(list(columns.values()))
    away = np.linalg.norm(places[:-1] - places[-1], axis=1)
    near = away <= np.partition(away, min(NEAREST, len(away)) - 1)[min(NEAREST, len(away)) - 1] + 1e-9
    return Likeness(near, f"like the {int(near.sum())} nearest by {' and '.join(known)}")
