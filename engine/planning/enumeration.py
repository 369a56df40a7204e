"""Writing down the joint actions of a declared set one by one, where they are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from redwood.arrays import Array

if TYPE_CHECKING:
    from redwood.planning.action_set import ActionSet, Program

CELLS = 20_000_000
"""The most sums of rows that are held at once; sets whose partial actions need more are not enumerated."""
PROGRAMS = 2_000
"""The most programs that are solved to tell which sums leave room for a model's other variables."""
TOLERANCE = 1e-7
"""By how much a row may be exceeded, relative to the largest sum where that is above 1: what HiGHS allows."""


def enumerate_declared(actions: ActionSet, limit: int) -> Array | None:
    """Return all joint actions [N, J] that a set's model allows, as bytes.

    Arm by arm partial actions are extended by each action of the next arm, and left out once a row cannot hold any more,
    whatever the other arms and the model's other variables do. Where there are other variables, actions with the same sums
    in their rows are allowed together, which one small program decides.

    ``None`` where there are more than ``limit`` actions, or finding them takes more than `CELLS` or `PROGRAMS`.
    """
    program = actions.program
    arms, count = actions.arms, actions.arm_actions
    if len(program.rows) * arms * count > CELLS:
        return None
    sums = _sums_of_actions(program, arms, count)
    low, high = _sums_of_others(program, arms * (count - 1))
    rows = program.compiled.rows
    room = TOLERANCE * np.maximum(1.0, np.abs(sums).sum(axis=(1, 2)))
    allowed = _allowed(program, arms, count)
    below = [np.where(allowed[arm], sums[:, arm], np.inf).min(axis=1) for arm in range(arms)]
    above = [np.where(allowed[arm], sums[:, arm], -np.inf).max(axis=1) for arm in range(arms)]
    found, total = np.zeros((1, 0), np.uint8), np.zeros((1, len(low)))
    for arm in range(arms):
        choices = np.flatnonzero(allowed[arm])
        if len(found) * len(choices) * (len(low) + arms) > CELLS:
            return None
        grown = np.repeat(total, len(choices), axis=0) + np.tile(sums[:, arm, choices].T, (len(total), 1))
        least = grown + low + np.sum(below[arm + 1 :], axis=0)
        most = grown + high + np.sum(above[arm + 1 :], axis=0)
        fits = ((least <= rows.upper + room) & (most >= rows.lower - room)).all(axis=1)
        taken = np.tile(choices.astype(np.uint8), len(found))
        found = np.column_stack([np.repeat(found, len(choices), axis=0), taken])[fits]
        total = grown[fits]
    if program.compiled.size > arms * (count - 1):
        kept = _with_others(program, arms * (count - 1), total)
        if kept is None:
            return None
        found = found[kept]
    return None if len(found) > limit else found


def _sums_of_actions(program: Program, arms: int, count: int) -> Array:
    """Return what each action of each arm adds to each row, [R, J, A]."""
    rows = program.compiled.rows
    sums = np.zeros((len(rows.lower), arms, count))
    row = np.repeat(np.arange(len(rows.lower)), np.diff(rows.starts))
    own = rows.columns < arms * (count - 1)
    arm, action = np.divmod(rows.columns[own], count - 1)
    np.add.at(sums, (row[own], arm, action + 1), rows.values[own])
    return sums


def _sums_of_others(program: Program, first: int) -> tuple[Array, Array]:
    """Return the least and the greatest sum [R] that the variables from ``first`` on can add to each row."""
    model, rows = program.compiled, program.compiled.rows
    row = np.repeat(np.arange(len(rows.lower)), np.diff(rows.starts))
    other = rows.columns >= first
    columns, values = rows.columns[other], rows.values[other]
    ends = values * model.lower[columns], values * model.upper[columns]
    low, high = np.zeros(len(rows.lower)), np.zeros(len(rows.lower))
    np.add.at(low, row[other], np.minimum(*ends))
    np.add.at(high, row[other], np.maximum(*ends))
    return low, high


def _allowed(program: Program, arms: int, count: int) -> Array:
    """Return which actions the bounds of the indicators leave each arm, [J, A]."""
    size = arms * (count - 1)
    lower = program.compiled.lower[:size].reshape(arms, count - 1)
    upper = program.compiled.upper[:size].reshape(arms, count - 1)
    forced = lower > 0
    allowed = np.column_stack([~forced.any(axis=1), upper > 0])
    others = forced.sum(axis=1)[:, None] - forced
    allowed[:, 1:] &= others == 0
    return np.asarray(allowed)


def _with_others(program: Program, first: int, total: Array) -> Array | None:
    """Return which sums [N, R] leave values to the variables from ``first`` on; ``None`` where programs are too many."""
    import highspy

    from redwood.views.compiled import CompiledModel, scaled_rows
    from redwood.views.linear import Rows

    model, rows = program.compiled, program.compiled.rows
    row = np.repeat(np.arange(len(rows.lower)), np.diff(rows.starts))
    other = rows.columns >= first
    kept = np.unique(row[other])
    distinct, which = np.unique(np.round(total[:, kept], 9), axis=0, return_inverse=True)
    if len(distinct) > PROGRAMS:
        return None
    starts = np.append(0, np.cumsum(np.bincount(row[other], minlength=len(rows.lower))[kept]))
    rest = Rows(
        starts.astype(rows.starts.dtype),
        rows.columns[other] - first,
        rows.values[other],
        rows.lower[kept],
        rows.upper[kept],
    )
    size = model.size - first
    part = CompiledModel(
        model.sense, 0.0, np.zeros(size), model.lower[first:], model.upper[first:], model.integer[first:], rest
    )
    highs, scale = part.highs(), scaled_rows(rest)[1]
    numbers, possible = np.arange(len(kept), dtype=np.int32), np.zeros(len(distinct), bool)
    for place, sums in enumerate(distinct):
        highs.changeRowsBounds(len(kept), numbers, (rest.lower - sums) * scale, (rest.upper - sums) * scale)
        highs.clearSolver()
        highs.run()
        possible[place] = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    answer: Array = possible[which.ravel()]
    return answer
