"""Where arms are today: their last known states, moved on step by step by what was done since then."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from redwood.arrays import Array
from redwood.planning.estimation.log import UNKNOWN, CallLog


def carried(start: Array, transitions: Array, done: Iterable[tuple[int, int]], steps: int) -> Array:
    """Return probabilities [S] of an arm's state so many steps later.

    Parameters
    ----------
    start
        Probabilities [S] at first.
    transitions
        The arm's transitions [A, S, S].
    done
        How many steps after the first something was done, and which action, in order; at all other steps nothing was.
    steps
        Steps from the first one to today.
    """
    now, at = start, 0
    for later, action in done:
        now = now @ np.linalg.matrix_power(transitions[0], later - at) @ transitions[action]
        at = later + 1
    now = np.asarray(now @ np.linalg.matrix_power(transitions[0], steps - at))
    return np.asarray(now / now.sum())  # powers add up rounding


def actions_of(log: CallLog) -> dict[str, list[tuple[int, int]]]:
    """Return what was done to each arm of a log: step and action, in order, of actions above 0."""
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in log.names}
    for row in np.flatnonzero(log.action > 0).tolist():
        found[log.names[log.arm[row]]].append((int(log.step[row]), int(log.action[row])))
    return found


def since(done: Iterable[tuple[int, int]], at: int, stride: int) -> list[tuple[int, int]]:
    """Return how many steps after ``at`` something was done, given when."""
    return [((step - at) // stride, action) for step, action in done if step >= at]


def states_after(log: CallLog, transitions: Array) -> Array:
    """Return probabilities [J, S] of the arms' states in the step after the log, for transitions [J, A, S, S].

    An arm that was never seen has the mean probabilities of the others.
    """
    state, at = log.last_known
    done, made = actions_of(log), np.zeros((len(log.names), len(log.states)))
    seen = np.flatnonzero(state != UNKNOWN)
    for arm in seen.tolist():
        first, begun = np.eye(len(log.states))[state[arm]], int(at[arm])
        made[arm] = carried(
            first,
            transitions[arm],
            since(done[log.names[arm]], begun, log.stride),
            (log.next_step - begun) // log.stride,
        )
    made[state == UNKNOWN] = made[seen].mean(axis=0)
    return made
