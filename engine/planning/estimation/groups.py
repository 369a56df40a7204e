"""Which arms learn from each other: groups that are given or alike, and features by which arms differ within a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import InstanceError, OptionError, suggestion
from redwood.planning.estimation.log import CallLog, label_of
from redwood.planning.estimation.table import is_missing


def constant_of_arm(log: CallLog, name: str) -> list[Any]:
    """Return the value [J] that a column has for each arm, which must be the same in all of its rows.

    Raises
    ------
    InstanceError
        Where the log has no such column, an arm has no value, or has two.
    """
    if name not in log.extra:
        raise InstanceError(f"the log has no column {name!r}.{suggestion(name, log.extra)}")
    values: list[Any] = [None] * len(log.names)
    for row, value in enumerate(log.extra[name].tolist()):
        arm = int(log.arm[row])
        at = log.words.at(log.names[arm], int(log.step[row]))
        if is_missing(value):
            raise InstanceError(f"{name!r} of {at} is missing (NaN or empty).")
        if values[arm] is not None and values[arm] != value:
            raise InstanceError(
                f"{name!r} of {at} is {value!r}, and was {values[arm]!r} before; each "
                f"{log.words.quoted('arm')} has one value."
            )
        values[arm] = value
    return values


def grouped(
    log: CallLog,
    groups: str | int | Mapping[Any, Any] | None,
    features: Sequence[str] | None,
    rng: np.random.Generator,
) -> tuple[Array, tuple[str, ...]]:
    """Return the group [J] of each arm, from 0 on, and the groups' names.

    Parameters
    ----------
    log
        The log.
    groups
        A column, a mapping of arms to groups, or a number of groups of arms that are alike in their features or, without
        features, when left alone; ``None`` for one group.
    features
        Columns of the arms' features, of numbers or of words, by which a number of groups is found.
    rng
        Decides where k-means begins.
    """
    if isinstance(groups, str):
        return _named([str(value) for value in constant_of_arm(log, groups)])
    if isinstance(groups, Mapping):
        given = {label_of(arm, "arm", 0): str(group) for arm, group in groups.items()}
        without = [name for name in log.names if name not in given]
        if without:
            raise InstanceError(
                f"groups= has no group for {log.words.quoted('arm')} {without[0]!r} ({len(without)} are without)."
            )
        return _named([given[name] for name in log.names])
    if groups is not None and not (isinstance(groups, (int, np.integer)) and 1 <= groups <= len(log.names)):
        raise OptionError(f"groups {groups!r} is neither a column, a mapping nor a number from 1 to {len(log.names)}.")
    if groups is None:
        return np.zeros(len(log.names), np.int64), ("all",)
    points = _passive(log) if features is None else feature_matrix(log, features)
    found = _clustered(points, int(groups), rng)
    return found, tuple(f"group {number + 1}" for number in range(int(found.max()) + 1))


def feature_matrix(log: CallLog, features: Sequence[str]) -> Array:
    """Return the arms' features [J, F], each of mean 0 and deviation 1; words have a column each."""
    parts = []
    for name in features:
        parts.append(standardised(constant_of_arm(log, name)))
        if not np.isfinite(parts[-1]).all():
            raise InstanceError(f"feature {name!r} holds a number that is not finite.")
    return np.hstack(parts)


def standardised(values: Sequence[Any]) -> Array:
    """Return a feature [J, F] of mean 0 and deviation 1: numbers as one column, words as a column each."""
    try:
        column = np.array([float(value) for value in values])[:, None]
    except (TypeError, ValueError):
        texts = [str(value).strip() for value in values]
        column = np.array([[float(text == word) for word in sorted(set(texts))] for text in texts])
    with np.errstate(invalid="ignore"):
        spread = column.std(axis=0)
        return np.asarray((column - column.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _named(labels: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    names = tuple(sorted(set(labels)))
    return np.array([names.index(label) for label in labels], np.int64), names


def _passive(log: CallLog) -> Array:
    """Return what each arm does when left alone [J, S * S], drawn to the mean of all where little is known."""
    counts = log.counts[:, 0]
    pooled = (counts.sum(axis=0) + 1.0) / (counts.sum(axis=(0, 2)) + counts.shape[2])[:, None]
    rows = (counts + 2.0 * pooled) / (counts.sum(axis=2, keepdims=True) + 2.0)
    return np.asarray(rows.reshape(len(rows), -1))


def _clustered(points: Array, count: int, rng: np.random.Generator) -> Array:
    """Return the cluster [J] of each arm by k-means, numbered by size of the first coordinate; empty ones are left out."""
    from scipy.cluster.vq import kmeans2

    if count == 1:
        return np.zeros(len(points), np.int64)
    _, labels = kmeans2(points, count, minit="++", rng=rng, iter=50, missing="warn")
    kept = np.unique(labels)
    means = [points[labels == label, 0].mean() for label in kept]
    rank = {label: place for place, label in enumerate(kept[np.argsort(means)].tolist())}
    return np.array([rank[label] for label in labels.tolist()], np.int64)
