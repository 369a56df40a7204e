"""Whom of the cohort somebody new is taken to be like: whom she is said to resemble, or who is near by features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, suggestion
from redwood.planning.estimation.groups import standardised
from redwood.planning.estimation.provenance import Provenance
from redwood.planning.estimation.table import is_missing

ALL = "all"
"""Says that somebody is like the mean of the cohort."""
NEAREST = 10
"""How many of those with the same words somebody is taken to be like by numbers; more where more are as near."""


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
    kept: Provenance,
    name: str,
    like: str | None,
    own: Mapping[str, Any],
    hint: str = "",
) -> Likeness:
    """Return whom of the cohort a new arm is taken to be like.

    Parameters
    ----------
    names
        Name [J] of each arm of the cohort.
    kept
        What the cohort's plan keeps of its log, such as features of each arm.
    name
        The new arm.
    like
        Whom it is said to be like, `ALL` for the mean of the cohort; ``None`` where nobody says.
    own
        The new arm's features by name.
    hint
        Ends the message where nothing says whom it is like.

    Raises
    ------
    InstanceError
        Where nothing says whom it is like, it is said to be like nobody in the cohort, or a feature is not finite.
    """
    known, word = kept.features, kept.words.quoted("arm")
    everybody = np.ones(len(names), bool)
    if like is not None and like not in names:
        if like == ALL:
            return Likeness(everybody, "like the mean of all")
        raise InstanceError(
            f"{word} {name!r} is said to be like {like!r}, who is not in the cohort.{suggestion(like, names)}"
        )
    if like is not None:
        return Likeness(np.array([other == like for other in names]), f"like {like}")
    missing = [column for column in known if is_missing(own.get(column))]
    if missing or not known:
        placed = f"fill in {' and '.join(missing)}" if missing else "estimate with --feature"
        raise InstanceError(
            f"{word} {name!r} is not in the policy's cohort.{hint} To place somebody new, {placed}, or say in the column "
            f"like whom it is like: a name, or {ALL} for the mean of the cohort."
        )
    columns = {column: standardised([*values, own[column]]) for column, values in known.items()}
    alike, numbers = everybody, [column for column in known if columns[column].shape[1] == 1]
    for column in set(known) - set(numbers):
        alike = alike & np.array([str(value).strip() == str(own[column]).strip() for value in known[column]])
    if not alike.any():
        words = " and ".join(f"{column} {own[column]}" for column in known if column not in numbers)
        return Likeness(everybody, f"like the mean of all, since nobody else has {words}")
    if numbers:
        places = np.hstack([columns[column] for column in numbers])
        if not np.isfinite(places).all():
            raise InstanceError(f"{' or '.join(numbers)} of {word} {name!r} is a number that is not finite.")
        away = np.where(alike, np.linalg.norm(places[:-1] - places[-1], axis=1), np.inf)
        alike = alike & (away <= np.sort(away)[min(NEAREST, int(alike.sum())) - 1] + 1e-9)
    return Likeness(alike, f"like the {int(alike.sum())} nearest by {' and '.join(known)}")
