"""Policies by picks: solutions that come about by picking one thing after another, described row by row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from redwood.arrays import Array
from redwood.errors import PluginError
from redwood.problem import Solution
from redwood.views.stepwise import Batch, Stepwise, Target, Window


@dataclass
class Picked(Batch):
    """What was picked from the first to the last, [B, N] int64; -1 from there on."""

    order: Array


def scaled(values: Array) -> Array:
    """Return numbers divided by the largest of them in size, so that a policy sees the same whatever the unit."""
    return np.asarray(values / max(float(np.abs(values).max(initial=0.0)), 1e-9))


class Picks(Stepwise[Picked]):
    """Pick one of N things after another, each at most once, as long as any is allowed.

    What is left to write: ``layout`` (with no marks), `describe` and, where not everything is allowed always, `allowed`; to
    be learnt, ``curriculum``. The picks are the first field of a solution. Each row costs a call in Python, so that a policy
    which is to train for hours on large instances deserves a `window` of its own, made for all rows at once.
    """

    symmetric = False

    @abstractmethod
    def describe(self, instance: Any, picked: Array, left: Array) -> tuple[Array, Array | None]:
        """Return what tells the things that are left apart, as numbers of about 1 whatever the scale of the instance.

        It should depend on what matters for the rest alone, so that states with the same rest look the same.

        Parameters
        ----------
        picked
            What was picked so far, in this order.
        left
            The T things that are shown.

        Returns
        -------
        tuple
            Features [T, F], and edges [T, T, E] or ``None``, with F and E as ``layout`` says.
        """

    def allowed(self, instance: Any, picked: Array, left: Array) -> Array:
        """Return which of the things left [T] may be picked next; unless overridden, all of them."""
        return np.ones(len(left), np.bool_)

    def things(self, instance: Any) -> int:
        """Return how many things there are; unless overridden, the instance's size."""
        return int(instance.size)

    def picks(self, solution: Solution) -> Sequence[int]:
        """Return the picks that lead to a solution; unless overridden, its first field."""
        found: Sequence[int] = getattr(solution, fields(solution)[0].name)
        return found

    def solution(self, picks: list[int]) -> Solution:
        """Return the solution that picks lead to; unless overridden, they are its only field."""
        made: Solution = self._problem().solution_type(picks)  # type: ignore[call-arg]
        return made

    def begin(self, rows: Array, rng: np.random.Generator | None = None) -> Picked:
        """Return instances of which nothing was picked."""
        rows = np.asarray(rows)
        most = max(self.things(instance) for instance in self.instances)
        batch = Picked(rows, np.zeros(len(rows), np.int64), np.full((len(rows), most), -1, np.int64))
        for row in range(len(rows)):
            self._count(batch, row)
        return batch

    def window(self, batch: Picked, size: int) -> Window:
        """Return at most ``size`` of the things left, allowed ones first, described."""
        shown = [self._shown(batch, row, size) for row in range(len(batch.rows))]
        rows, tokens, layout = len(shown), max([1, *(len(left) for _, left, _ in shown)]), self.layout
        features = np.zeros((rows, tokens, layout.features), np.float32)
        edges = np.zeros((rows, tokens, tokens, layout.edges), np.float32) if layout.edges else None
        mask, nodes = np.zeros((rows, tokens, 1), np.bool_), np.full((rows, tokens), -1, np.int32)
        for row, (picked, left, allowed) in enumerate(shown):
            if len(left):
                T = len(left)
                told, pairs = self.describe(self.instances[batch.rows[row]], picked, left)
                features[row, :T] = self._checked("features", told, (T, layout.features))
                if edges is not None:
                    edges[row, :T, :T] = self._checked("edges", pairs, (T, T, layout.edges))
                mask[row, :T, 0], nodes[row, :T] = allowed, left
        return Window(features, nodes >= 0, mask, nodes, edges)

    def act(self, batch: Picked, window: Window, choice: Array) -> None:
        """Pick."""
        for row in np.flatnonzero(batch.left):
            batch.order[row, int((batch.order[row] >= 0).sum())] = window.nodes[row, choice[row]]
            self._count(batch, int(row))

    def solutions(self, batch: Picked) -> list[Solution]:
        """Return what the picks lead to."""
        return [self.solution(order[order >= 0].tolist()) for order in batch.order]

    def target(self, batch: Picked, window: Window) -> Target:
        """Say the label's next pick, or with ``layout.sets`` all of its picks that are left."""
        labels = [list(self.picks(self.labels[row])) for row in batch.rows]
        if self.layout.sets:
            right = np.array([np.isin(nodes, label) for nodes, label in zip(window.nodes, labels, strict=True)])
            return Target(right[:, :, None] & window.mask)
        rows = [(set(order.tolist()), label) for order, label in zip(batch.order, labels, strict=True)]
        nexts = [next((pick for pick in label if pick not in picked), -2) for picked, label in rows]
        right = window.nodes == np.array(nexts)[:, None]
        return Target(np.where(right.any(axis=1), right.argmax(axis=1), -1))

    def _count(self, batch: Picked, row: int) -> None:
        """Write how many picks may be left in a row: none where none is allowed."""
        instance, (picked, left) = self.instances[batch.rows[row]], self._split(batch, row)
        batch.left[row] = len(left) if len(left) and self.allowed(instance, picked, left).any() else 0

    def _split(self, batch: Picked, row: int) -> tuple[Array, Array]:
        """Return what was picked in a row and what was not."""
        order = batch.order[row]
        picked = order[order >= 0]
        is_left = np.ones(self.things(self.instances[batch.rows[row]]), np.bool_)
        is_left[picked] = False
        return picked, np.flatnonzero(is_left)

    def _shown(self, batch: Picked, row: int, size: int) -> tuple[Array, Array, Array]:
        """Return what was picked, what is shown and which of that is allowed; nothing is shown of finished rows."""
        picked, left = self._split(batch, row)
        if not batch.left[row]:
            return picked, left[:0], np.zeros(0, np.bool_)
        allowed = np.asarray(self.allowed(self.instances[batch.rows[row]], picked, left), np.bool_)
        first = np.argsort(~allowed, kind="stable")[:size]
        return picked, left[first], allowed[first]

    def _checked(self, what: str, given: Array | None, shape: tuple[int, ...]) -> Array:
        if given is None or np.shape(given) != shape:
            have = "nothing" if given is None else list(np.shape(given))
            raise PluginError(f"{type(self).__name__}.describe gave {what} of shape {have}; expected {list(shape)}.")
        return given
