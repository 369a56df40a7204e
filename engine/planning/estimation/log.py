"""A call log that has been checked: who was in which state when, and what was done then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError
from redwood.planning.estimation.table import is_missing, read_columns
from redwood.planning.estimation.words import Words
from redwood.settings import counted

MOST_LABELS = 1000
"""States or actions at most: arms have arrays that are quadratic in the states."""
LARGEST_STEP = 10**15
"""Steps are counted from 0, or are days or seconds of a calendar."""
UNKNOWN = -1
"""Stands for a state that was not recorded."""


class StateIs(StrEnum):
    """When a row's state was.

    Attributes
    ----------
    BEFORE
        Before the action of its step.
    AFTER
        After it: the state before is then that of the step before.
    """

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, eq=False)
class CallLog:
    """Rows of a log, by arm and then by step.

    Attributes
    ----------
    names
        Name [J] of each arm, in the order in which the log first has them.
    states, actions
        Labels [S] of the states, from worst to best where they have an order, and [A] of the actions.
    arm, step, state, action, after
        Of each row [N]: the arm's index, the step, the state before its action, the action, and the state after it;
        `UNKNOWN` for states that were not recorded.
    stride
        What the log counts from one step to the next.
    extra
        The other columns [N], as the log has them, by name.
    columns
        What the log calls its columns, by Redwood's names, where it calls them otherwise.
    """

    names: tuple[str, ...]
    states: tuple[str, ...]
    actions: tuple[str, ...]
    arm: Array
    step: Array
    state: Array
    action: Array
    after: Array
    stride: int
    extra: Mapping[str, Array]
    columns: Mapping[str, str]

    @property
    def words(self) -> Words:
        """What the log calls arms and steps."""
        return Words(self.columns)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of arms J, actions A and states S."""
        return len(self.names), len(self.actions), len(self.states)

    @property
    def usable(self) -> Array:
        """Which rows [N] are transitions: both states are known."""
        return np.asarray((self.state != UNKNOWN) & (self.after != UNKNOWN))

    @property
    def counts(self) -> Array:
        """How often [J, A, S, S] each arm went from one state to another under each action."""
        found = np.zeros((*self.shape, len(self.states)))
        rows = self.usable
        np.add.at(found, (self.arm[rows], self.action[rows], self.state[rows], self.after[rows]), 1.0)
        return found

    @property
    def next_step(self) -> int:
        """The step after the last one in the log: today, where nobody says otherwise."""
        return int(self.step.max()) + self.stride

    @property
    def last_known(self) -> tuple[Array, Array]:
        """The state [J] that each arm was last seen in, and the step [J] before whose action it was.

        Both are `UNKNOWN` for arms that never were seen.
        """
        state, at = np.full(len(self.names), UNKNOWN), np.full(len(self.names), UNKNOWN)
        seen_after = self.after != UNKNOWN
        latest = np.where(seen_after, self.after, self.state)
        known = np.flatnonzero(latest != UNKNOWN)
        state[self.arm[known]] = latest[known]  # rows are by step, and the last assignment of an arm stays
        at[self.arm[known]] = (self.step + self.stride * seen_after)[known]
        return state, at


class _Rows(NamedTuple):
    """Of each row [N] the arm and the step, by arm and then by step, with what messages call them."""

    arm: Array
    step: Array
    names: tuple[str, ...]
    words: Words

    def at(self, row: int) -> str:
        return self.words.at(self.names[self.arm[row]], int(self.step[row]))


def read_log(
    log: Any,
    columns: Mapping[str, str] | None = None,
    states: int | Sequence[Any] | None = None,
    actions: int | Sequence[Any] | None = None,
    state_is: str = StateIs.BEFORE,
) -> CallLog:
    """Return a log whose every row was checked.

    Parameters
    ----------
    log, columns
        As for `read_columns`.
    states, actions
        How many there are, numbered from 0, or their labels in order; by default the log's own, numbered from 0.
    state_is
        Whether a row's state was ``before`` the action of its step, or ``after`` it.

    Raises
    ------
    InstanceError
        Where a row breaks a rule; the message names the arm, the step and the value.
    """
    if state_is not in list(StateIs):
        raise OptionError(f"state_is {state_is!r} is neither of {', '.join(StateIs)}.")
    found, words = read_columns(log, columns), Words(columns or {})
    if state_is == StateIs.AFTER and "next_state" in found:
        raise OptionError("state_is 'after' with a column next_state: that column says already how arms were afterwards.")
    rows = len(found["arm"])
    labels = np.array([label_of(value, words.quoted("arm"), row) for row, value in enumerate(found["arm"])], dtype=object)
    names = tuple(dict.fromkeys(labels.tolist()))
    index = {name: number for number, name in enumerate(names)}
    arm = np.array([index[label] for label in labels.tolist()], np.int64)
    steps = [step_of(value, labels[row], f"row {row + 1} of the log", words) for row, value in enumerate(found["step"])]
    step = np.array(steps, np.int64)
    order = np.lexsort((step, arm))
    arm, step = arm[order], step[order]
    at = _Rows(arm, step, names, words)
    _check_once(at)
    after_labels = found.get("next_state", np.full(rows, None, dtype=object))[order]
    state_labels, action_labels = found["state"][order], found["action"][order]
    for row in range(rows):
        if is_missing(action_labels[row]):
            advice = _filled(action_labels, actions, words)
            raise InstanceError(f"{words.quoted('action')} of {at.at(row)} is missing (NaN or empty); {advice}.")
    known_states = _labels("state", "states", states, [*state_labels, *after_labels])
    known_actions = _labels("action", "actions", actions, action_labels)
    state = _indices("state", state_labels, known_states, at)
    after = _indices("next_state", after_labels, known_states, at)
    action = _indices("action", action_labels, known_actions, at)
    _check_acted(action, known_actions)
    stride = _stride(arm, step)
    if state_is == StateIs.AFTER:
        state, after = _preceding(arm, step, state, stride), state
    else:
        after = _followed(at, state, after, stride)
    extra = {name: values[order] for name, values in found.items() if name not in ("arm", "step", "state", "action")}
    made = CallLog(names, known_states, known_actions, arm, step, state, action, after, stride, extra, dict(columns or {}))
    if not made.usable.any():
        raise InstanceError("the log has no transition: nobody has known states at two consecutive steps.")
    return made


def label_of(value: Any, what: str, row: int) -> str:
    """Return a name as text, whole numbers without a decimal point; raise `InstanceError` where it is missing."""
    if is_missing(value):
        raise InstanceError(f"row {row + 1} of the log names no {what} (NaN or empty).")
    whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return str(int(value)) if whole else str(value).strip()


def step_of(value: Any, name: str, where: str, words: Words) -> int:
    """Return a step of an arm as a whole number.

    Parameters
    ----------
    value
        What the log has.
    name
        The arm.
    where
        Which row it is in, for messages.
    words
        What the log calls arms and steps.
    """
    if is_missing(value):
        raise InstanceError(f"{where}, of {words.quoted('arm')} {name!r}, has no {words.quoted('step')} (NaN or empty).")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not float(number).is_integer() or abs(number) > LARGEST_STEP:
        raise InstanceError(
            f"{words.quoted('step')} {value!r:.40} of {words.quoted('arm')} {name!r} is not a whole number of up to "
            "15 digits; number the weeks, such as 0, 1, 2."
        )
    return int(number)


def _check_once(at: _Rows) -> None:
    twice = np.flatnonzero((np.diff(at.arm) == 0) & (np.diff(at.step) == 0))
    if len(twice):
        row = int(twice[0])
        raise InstanceError(
            f"{at.at(row)} is there twice ({len(twice)} such rows in all); there is one row for each "
            f"{at.words.quoted('arm')} and {at.words.quoted('step')}."
        )


def _filled(values: Array, given: int | Sequence[Any] | None, words: Words) -> str:
    """Return what to write in the place of a missing action."""
    labels = {label_of(value, "action", 0) for value in values if not is_missing(value)}
    known = {label_of(label, "action", 0) for label in given} if isinstance(given, Sequence) else set[str]()
    if any(counted(label) is None and label not in known for label in labels):
        made = f"log['done'] = log[{words.of('action')!r}].notna()"
        return f"give a column that says whether anything was done, in pandas such as {made}"
    nothing = "0" if given is None or isinstance(given, int) else "the label of doing nothing, the first of actions,"
    return f"write {nothing} where nothing was done, and leave out weeks of which nothing is known"


def _labels(one: str, option: str, given: int | Sequence[Any] | None, values: Any) -> tuple[str, ...]:
    """Return the labels of states or actions: the given ones, or those of the log where these are numbers from 0."""
    if given is not None and not isinstance(given, (int, np.integer)):
        labels = tuple(label_of(value, one, 0) for value in given)
        if len(set(labels)) < len(labels) or not labels:
            raise OptionError(f"{option} {list(given)} are not distinct labels.")
        return labels
    if given is not None:
        if given < 1:
            raise OptionError(f"{option} {given} is below 1.")
        return tuple(str(number) for number in range(_check_count(int(given), option)))
    seen = {label_of(value, one, 0) for value in values if not is_missing(value)}
    if seen and seen <= {"False", "True"}:
        return "False", "True"
    numbers = [counted(label) for label in seen]
    strange = sorted(label for label in seen if counted(label) is None)
    if strange:
        raise InstanceError(
            f"{one} {strange[0]!r:.40} is not a number from 0 on; give the labels in order, such as "
            f"{option}={sorted(seen)!s:.200}, in the shell --{option} {','.join(sorted(seen))[:200]}."
        )
    count = max((number for number in numbers if number is not None), default=0) + 1
    return tuple(str(number) for number in range(_check_count(count, option)))


def _check_count(count: int, option: str) -> int:
    if count > MOST_LABELS:
        raise InstanceError(
            f"{count} {option} are more than {MOST_LABELS}; where the log's numbers are codes, give them in order as "
            f"labels, such as {option}=[7, 12, 40]."
        )
    return count


def _indices(what: str, values: Array, labels: Sequence[str], at: _Rows) -> Array:
    """Return the position [N] of each value among the labels."""
    index = {label: number for number, label in enumerate(labels)}
    found = np.full(len(values), UNKNOWN, np.int64)
    for row, value in enumerate(values.tolist()):
        if is_missing(value):
            continue
        label = label_of(value, what, row)
        if label not in index:
            raise InstanceError(
                f"{at.words.quoted(what)} {label!r} of {at.at(row)} is outside the range; known are {', '.join(labels)}."
            )
        found[row] = index[label]
    return found


def _check_acted(action: Array, labels: Sequence[str]) -> None:
    """Refuse logs in which an action never occurs: nothing could be said of its effect."""
    seen = np.bincount(action, minlength=len(labels))
    if len(labels) < 2:
        raise InstanceError("the log has one action only, 0; nothing can be learnt of what a contact does.")
    if not seen.all():
        raise InstanceError(
            f"action {labels[int(np.argmin(seen))]!r} never occurs in the log, so nothing can be learnt of what it does; "
            "leave it out, or number the actions without gaps."
        )


def _stride(arm: Array, step: Array) -> int:
    """Return the greatest common divisor of the differences between an arm's steps: 7 for weeks counted in days."""
    gaps = np.diff(step)[np.diff(arm) == 0]
    return max(1, int(np.gcd.reduce(gaps))) if len(gaps) else 1


def _preceding(arm: Array, step: Array, after: Array, stride: int) -> Array:
    """Return the state before each row: that after the arm's row of the step before, where there is one."""
    follows = np.append(False, (np.diff(arm) == 0) & (np.diff(step) == stride))
    return np.where(follows, np.append(UNKNOWN, after[:-1]), UNKNOWN)


def _followed(at: _Rows, state: Array, after: Array, stride: int) -> Array:
    """Return the state after each row: the recorded one, or that of the arm's next row where it is the next step."""
    following = np.append((np.diff(at.arm) == 0) & (np.diff(at.step) == stride), False)
    shifted = np.append(state[1:], UNKNOWN)
    apart = following & (after != UNKNOWN) & (shifted != UNKNOWN) & (after != shifted)
    if apart.any():
        row = int(np.argmax(apart))
        raise InstanceError(
            f"{at.words.quoted('next_state')} of {at.at(row)} is not the state at "
            f"{at.words.quoted('step')} {at.step[row + 1]}."
        )
    return np.where((after == UNKNOWN) & following, shifted, after)
