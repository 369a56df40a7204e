"""The file TODAY of `redwood act`: who is there, in which state, and what else its columns say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redwood.settings import counted

if TYPE_CHECKING:
    from redwood.planning.estimation.provenance import Provenance

READ = ("arm", "state", "action", "step", "like", "callable")
"""Columns that have a meaning."""


@dataclass(frozen=True, eq=False)
class Today:
    """What the file says.

    Attributes
    ----------
    states
        State of each arm by name, ``None`` where it is blank.
    seen_at
        The step of the log in which the state of an arm was, where the file has it.
    likes
        Whom new arms are like.
    not_now
        Who is not to be called.
    done
        Who has been called this week already.
    features
        Of each arm, the columns that the plan was made with.
    """

    states: dict[str, int | None] = field(default_factory=dict)
    seen_at: dict[str, int] = field(default_factory=dict)
    likes: dict[str, str] = field(default_factory=dict)
    not_now: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    features: dict[str, dict[str, Any]] = field(default_factory=dict)


def read_today(path: Path, provenance: Provenance | None, columns: Mapping[str, str], labels: Sequence[str] | None) -> Today:
    """Return what a file of today's states says.

    Parameters
    ----------
    path
        A CSV file.
    provenance
        Names and labels of the log, which the file has as well unless it is said otherwise.
    columns
        What the file calls its columns, by Redwood's names.
    labels
        The labels of the states.

    Raises
    ------
    InstanceError
        Where a column is missing, an arm is there twice, or a value is none of those allowed.
    """
    from redwood.errors import InstanceError
    from redwood.planning.estimation.log import step_of
    from redwood.planning.estimation.provenance import Provenance
    from redwood.planning.estimation.table import is_missing, read_csv
    from redwood.planning.estimation.words import Words

    raw = read_csv(path, ())
    kept = provenance or Provenance()
    of_log, word = kept.columns, kept.words.quoted("arm")
    named = {own: theirs for own, theirs in of_log.items() if own in READ and theirs in raw and own not in columns}
    found = read_csv(path, ("arm", "state"), {**named, **columns}, Words(of_log))
    if labels is None and kept.states and not kept.numbered:
        labels = kept.states
    features = tuple(name for name in kept.features if name in found)
    today = Today()
    for row, name in enumerate(str(arm).strip() for arm in found["arm"].tolist()):
        if is_missing(name):
            raise InstanceError(f"{path}: row {row + 1} names no {word}.")
        if name in today.states:
            raise InstanceError(f"{path}: names {word} {name!r} twice.")
        today.states[name] = _state(path, f"{word} {name!r}", found["state"][row], labels)
        if "step" in found and not is_missing(found["step"][row]):
            today.seen_at[name] = step_of(found["step"][row], name, f"{path}: row {row + 1}", Words(of_log))
        today.features[name] = {column: found[column][row] for column in features}
        if "like" in found and not is_missing(found["like"][row]):
            today.likes[name] = found["like"][row].strip()
        if "action" in found and _acted(path, f"{word} {name!r}", found["action"][row], kept):
            today.done.add(name)
        if "callable" in found and not _callable(path, f"{word} {name!r}", found["callable"][row]):
            today.not_now.add(name)
    return today


def _state(path: Path, name: str, text: str, labels: Sequence[str] | None) -> int | None:
    """Return the number of a state, ``None`` where it is blank."""
    from redwood.errors import InstanceError
    from redwood.planning.estimation.table import is_missing

    label = text.strip()
    if labels is not None and label in labels:
        return labels.index(label)
    if is_missing(label):
        return None
    number = counted(label)
    if labels is None and number is not None:
        return number
    expected = f"none of {', '.join(labels)}" if labels else "not a number from 0 on; give the labels in order by --states"
    raise InstanceError(f"{path}: state {text!r:.40} of {name} is {expected}.")


def _acted(path: Path, name: str, text: str, kept: Provenance) -> bool:
    """Return whether a value of the column of actions says that somebody has been called already."""
    from redwood.errors import InstanceError
    from redwood.planning.estimation.table import is_missing

    if is_missing(text):
        return False
    actions = kept.actions or tuple(str(number) for number in range(2))
    if text.strip() not in actions:
        raise InstanceError(f"{path}: {kept.words.quoted('action')} {text!r:.40} of {name} is none of {', '.join(actions)}.")
    return actions.index(text.strip()) > 0


def _callable(path: Path, name: str, text: str) -> bool:
    from redwood.errors import InstanceError

    if text.strip() not in ("0", "1"):
        raise InstanceError(f"{path}: callable {text.strip()!r} of {name} is neither 0 nor 1.")
    return text.strip() == "1"
