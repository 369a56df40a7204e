"""Which state is the worst and which the best, what a contact is taken to do, and whether the log speaks against either."""

from __future__ import annotations

import math

import numpy as np

from redwood.arrays import Array
from redwood.planning.estimation.log import CallLog
from redwood.planning.estimation.posterior import Order
from redwood.planning.estimation.words import label

DOUBT = -2.33
"""Standard errors below which the log speaks against an order: one in a hundred logs in which there is no effect."""


def direction_notes(log: CallLog, order: tuple[Order, ...]) -> tuple[str, ...]:
    """Return what is taken to be worst and best and what a contact does, with a warning where the log says the opposite."""
    helps, ordered = Order.ACTION_HELPS in order, Order.STATES_ORDERED in order
    taken = f"Worst state: {label(log.states[0])}, best: {label(log.states[-1])}"
    taken += f"; a contact ({label(log.actions[-1])}) is taken to raise the next state." if helps else "."
    notes = [taken]
    by_contact = deviations(log, (log.action > 0).astype(float), log.state)
    if by_contact < DOUBT:
        against = "the log speaks against action-helps: " if helps else ""
        notes.append(
            f"Warning: {against}next states are worse after a contact ({-by_contact:.1f} standard errors). Are states in "
            f"order, from {label(log.states[0])}, the worst, to {label(log.states[-1])}, the best?"
        )
    by_state = deviations(log, log.state.astype(float), log.action)
    if ordered and by_state < DOUBT:
        notes.append(
            "Warning: the log speaks against states-ordered: next states are worse after better ones "
            f"({-by_state:.1f} standard errors)."
        )
    return tuple(notes)


def deviations(log: CallLog, cause: Array, stratum: Array) -> float:
    """Return the covariance of the next state with a cause [N], within arm and stratum, in its standard errors.

    These are those under permutations within arm and stratum, so that whoever is contacted for being in a bad state, or for
    being somebody who often is, does not count as harmed.
    """
    used = log.usable
    label = log.arm[used] * (int(stratum.max()) + 1) + stratum[used]
    x, y = cause[used], log.after[used].astype(float)
    size = int(label.max()) + 1
    number, of_x, of_y, of_both, of_xx, of_yy = (np.bincount(label, w, size) for w in (None, x, y, x * y, x * x, y * y))
    rows = np.maximum(number, 1)
    both, within_x, within_y = of_both - of_x * of_y / rows, of_xx - of_x**2 / rows, of_yy - of_y**2 / rows
    variance = float((within_x * within_y / np.maximum(number - 1, 1)).sum())
    return float(both.sum()) / math.sqrt(variance) if variance > 0 else 0.0
