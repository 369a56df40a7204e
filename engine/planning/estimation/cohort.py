"""What a log says of its people as a whole, and whether the model fits: the Markov property, drift, one cohort or two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError
from redwood.planning.estimation.direction import direction_notes
from redwood.planning.estimation.log import UNKNOWN, CallLog
from redwood.planning.estimation.posterior import Posterior
from redwood.planning.estimation.words import Words

REPLICAS = 99
"""Logs drawn from the posterior, with the actions and gaps of the real one, that a test is calibrated by."""
LEVEL = 0.01
"""Probability of a false alarm of each test."""
TESTS = (
    (
        "markov",
        "The next state depends on the present one alone, as far as the log can tell",
        "The next state depends on the state before the present one as well ({}): more is remembered than the state. "
        "Add to the states what they remember, such as the weeks in a state",
        "better after better",
        "worse after better",
    ),
    (
        "drift",
        "Transitions are the same in both halves of the log, as far as it can tell",
        "Transitions are not the same in both halves of the log ({}): estimate from the later part alone",
        "better next states later",
        "worse next states later",
    ),
)
"""Name of each test, what is said where it passes and where it fails, and in which direction it may fail."""


@dataclass(frozen=True)
class ModelTest:
    """One test of the model.

    Attributes
    ----------
    name
        What is tested.
    deviations
        By how many standard deviations the log differs from logs that the fitted model draws; its sign is a direction.
    p_value
        Probability of a difference as large where the model holds.
    words
        What that means.
    """

    name: str
    deviations: float
    p_value: float
    words: str


@dataclass(frozen=True, eq=False)
class Cohort:
    """What a log holds, and what is doubtful about it.

    Attributes
    ----------
    arms, rows, transitions
        Numbers of arms, rows, and transitions with both states known.
    contacts
        Number [J] of each arm's transitions under an action above 0.
    groups
        Number of arms in each group, by name.
    tests
        Of the Markov property and of drift.
    notes
        What a planner should know, in words.
    words
        What the log calls arms and steps.
    """

    arms: int
    rows: int
    transitions: int
    contacts: Array
    groups: dict[str, int]
    tests: tuple[ModelTest, ...]
    notes: tuple[str, ...]
    words: Words

    def __str__(self) -> str:
        lines = [
            f"{self.arms} {self.words.arms}, {self.rows} rows, {self.transitions} transitions, "
            f"{self.contacts.mean():.1f} contacts each."
        ]
        if len(self.groups) > 1:
            lines.append("Groups: " + ", ".join(f"{name} ({count})" for name, count in self.groups.items()) + ".")
        return "\n".join([*lines, *(test.words for test in self.tests), *self.notes])


def examined(
    log: CallLog, posterior: Posterior, names: tuple[str, ...], features: Sequence[str], rng: np.random.Generator
) -> Cohort:
    """Return what a log holds, with tests that are calibrated by ``rng``.

    Parameters
    ----------
    log
        The checked log.
    posterior
        The posterior of the arms' transitions, given this log.
    names
        Name of each group [G], as `Posterior.group` numbers them.
    features
        Columns that what arms do was regressed on.
    rng
        Draws the logs that the tests are calibrated by; it moves on.
    """
    counts = posterior.counts
    contacts = counts[:, 1:].sum(axis=(1, 2, 3)).astype(np.int64)
    sizes = np.bincount(posterior.group, minlength=len(names))
    groups = {name: int(size) for name, size in zip(names, sizes, strict=True)}
    tests = model_tests(log, posterior, rng)
    made = int(log.usable.sum())
    notes = (*direction_notes(log, posterior.order), *_notes(log, contacts, names, features))
    return Cohort(len(log.names), len(log.arm), made, contacts, groups, tests, notes, log.words)


def check_one_cohort(log: CallLog) -> None:
    """Raise `InstanceError` where the log holds people of two programmes: by its column, or with no step in common."""
    if "cohort" in log.extra:
        found = sorted({str(value) for value in log.extra["cohort"].tolist()})
        if len(found) > 1:
            raise InstanceError(
                f"the log holds the cohorts {', '.join(found)}; estimate each from a log of its own, or say groups='cohort' "
                "to have them pooled apart."
            )
    first, last = _spans(log)
    order = np.argsort(first, kind="stable")
    reached = np.maximum.accumulate(last[order])
    breaks = np.flatnonzero(first[order][1:] > reached[:-1] + log.stride)
    if len(breaks):
        place, step = int(breaks[0]) + 1, log.words.quoted("step")
        raise InstanceError(
            f"the log holds two cohorts: {place} {log.words.arms} of {step} {first.min()} to {reached[place - 1]}, and "
            f"{len(first) - place} of {step} {first[order][place]} to {last.max()}, with nobody in between. Estimate each "
            "from a log of its own, or say by groups= who belongs together."
        )


def model_tests(log: CallLog, posterior: Posterior, rng: np.random.Generator) -> tuple[ModelTest, ...]:
    """Return a test of the Markov property and one of drift.

    Both sum, over arms, actions and states, the covariance of the next state with something that should not matter: the
    state before, or whether the step is in the later half. Within an arm few visits are serially dependent, which moves
    the first sum; therefore both are compared with logs drawn from the posterior.
    """
    chained = (np.diff(log.arm, prepend=-1) == 0) & (np.diff(log.step, prepend=log.step[0]) == log.stride)
    chained &= np.append(False, log.state[:-1] != UNKNOWN)
    late = (log.step > np.median(log.step)).astype(float)
    real = _statistics(log, log.state[None], log.after[None], chained, late)[:, 0]
    states, after = _replicas(log, posterior.sample(REPLICAS, rng), chained, rng)
    drawn = _statistics(log, states, after, chained, late)
    spread = drawn.std(axis=1, ddof=1)
    away = np.where(spread > 0, (real - drawn.mean(axis=1)) / np.where(spread > 0, spread, 1.0), 0.0)
    made = []
    for deviations, (name, fine, doubtful, better, worse) in zip(away.tolist(), TESTS, strict=True):
        p_value = math.erfc(abs(deviations) / math.sqrt(2.0))
        text = doubtful.format(better if deviations > 0 else worse) if p_value < LEVEL else fine
        made.append(ModelTest(name, deviations, p_value, f"{text} (p = {p_value:.2g})."))
    return tuple(made)


def _statistics(log: CallLog, states: Array, after: Array, chained: Array, late: Array) -> Array:
    """Return both sums [2, R] for logs with states and next states [R, N]."""
    before = np.concatenate((states[:, :1], states[:, :-1]), axis=1)
    usable = np.broadcast_to((log.state >= 0) & (log.after >= 0), states.shape)
    remembered = usable & chained
    return np.array(
        [
            _within(log, states, after, before.astype(float), remembered),
            _within(log, states, after, np.broadcast_to(late, states.shape), usable),
        ]
    )


def _within(log: CallLog, states: Array, after: Array, other: Array, rows: Array) -> Array:
    """Return the covariance of next states with something else, within arm, action and state, summed [R]."""
    arms, actions, outcomes = log.shape
    found = np.empty(len(states))
    for replica in range(len(states)):
        used = rows[replica]
        stratum = ((log.arm[used] * actions) + log.action[used]) * outcomes + states[replica, used]
        x, y = other[replica, used], after[replica, used].astype(float)
        number, of_x, of_y, both = (np.bincount(stratum, w, arms * actions * outcomes) for w in (None, x, y, x * y))
        found[replica] = (both - of_x * of_y / np.maximum(number, 1)).sum()
    return found


def _replicas(log: CallLog, drawn: Array, chained: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return states and next states [R, N] of logs in which transitions follow draws [R, J, A, S, S] of the arms.

    Where the step before or its state is not in the log, the replica takes the real state; missing states stay unused.
    """
    replicas, rows = len(drawn), len(log.arm)
    states = np.broadcast_to(np.maximum(log.state, 0), (replicas, rows)).copy()
    after = np.zeros((replicas, rows), np.int64)
    ends, probabilities = np.cumsum(drawn, axis=-1), rng.random((replicas, rows))
    rank = np.arange(rows) - np.maximum.accumulate(np.where(np.diff(log.arm, prepend=-1) != 0, np.arange(rows), 0))
    every = np.arange(replicas)[:, None]
    for turn in range(int(rank.max()) + 1):
        now = np.flatnonzero(rank == turn)
        follows = chained[now]
        states[:, now[follows]] = after[:, now[follows] - 1]
        own = ends[every, log.arm[now], log.action[now], states[:, now]]
        after[:, now] = np.minimum((probabilities[:, now, None] >= own).sum(axis=-1), drawn.shape[-1] - 1)
    return states, after


def _spans(log: CallLog) -> tuple[Array, Array]:
    """Return each arm's first and last step [J]; rows are by arm and step."""
    starts = np.flatnonzero(np.diff(log.arm, prepend=-1))
    ends = np.append(starts[1:], len(log.arm)) - 1
    return log.step[starts], log.step[ends]


def _notes(log: CallLog, contacts: Array, names: tuple[str, ...], features: Sequence[str]) -> tuple[str, ...]:
    notes = []
    known_from = "their group" if len(names) > 1 else f"all {log.words.arms}"
    known_from += f" and their {' and '.join(features)}" if features else ""
    without = [log.names[arm] for arm in np.flatnonzero(contacts == 0)]
    if without:
        more = ", ..." if len(without) > 5 else ""
        notes.append(
            f"{len(without)} of {len(log.names)} {log.words.arms} have no contact with a known outcome "
            f"({', '.join(without[:5])}{more}): what a contact does to them is known from {known_from} alone."
        )
    lost = len(log.arm) - int(log.usable.sum())
    ends = len(log.names)
    if lost > ends:
        notes.append(f"{lost - ends} rows are left out, since the state of the week or of the next one is not known.")
    if log.stride > 1:
        notes.append(f"One step is {log.stride} of {log.words.quoted('step')}.")
    return tuple(notes)
